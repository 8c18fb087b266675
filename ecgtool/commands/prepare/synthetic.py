"""``ecg prepare synthetic``: a corpus that is drawn, with no data at all."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecgtool.commands.prepare.options import Shared, Tasks, shared_options, task_names
from ecgtool.console import Result

if TYPE_CHECKING:
    from ecgtool.datasets.fixtures import Proof

Records = Annotated[
    int | None, typer.Option("--records", help="Recordings to draw; 200, 52 fixtures or 600 XML files if not given.")
]
Seconds = Annotated[float, typer.Option("--seconds", help="Length of each recording.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same recordings.")]
Rate = Annotated[
    float | None,
    typer.Option("--fs", help="Sampling rate in Hz, drawn at it; 100, or 500 for fixtures, if not given."),
]
PresetName = Annotated[
    str,
    typer.Option(
        "--preset",
        help="standard: patients as they come to a clinic; fixtures: one finding each, measured in what was drawn; "
        "ctrcd-xml: no store, but a folder of MUSE XML and a manifest as a clinic hands them over.",
    ),
]


_USUAL_S = 10.0
_OF_A_FOLDER = ("out", "force")


@shared_options(out="", without=("fs",))
def synthetic(
    records: Records = None,
    seconds: Seconds = _USUAL_S,
    seed: Seed = 42,
    task: Tasks = None,
    fs: Rate = None,
    preset: PresetName = "standard",
    *,
    shared: Shared,
) -> Result:
    """Draw synthetic twelve-lead electrocardiograms, labelled, and make a store of them.

    Tasks: diagnosis (several findings at once; the default) and rhythm (one of five). The preset ctrcd-xml writes a
    folder in place of a store (./ctrcd if --out does not say): patients under cancer therapy, whose hearts may fail.
    """
    from ecgtool.datasets.presets import CTRCD_XML

    if preset == CTRCD_XML:
        _refuse_for_folder(shared, {"seconds": seconds != _USUAL_S, "task": bool(task), "fs": fs is not None})
        return _clinic(Path(shared.out or "ctrcd"), records, seed, force=shared.force)
    from ecgtool.datasets.splits import Division
    from ecgtool.datasets.synthetic import DIAGNOSIS, Synthetic

    tasks = task_names(task, DIAGNOSIS.name)
    division = shared.division() or Division(seed=shared.split_seed)
    proven = preset == "fixtures"
    drawn = tuple(dict.fromkeys((*tasks, DIAGNOSIS.name))) if proven else tasks
    corpus = Synthetic(records, seconds, seed, fs, drawn, division, preset)
    name = shared.out or ("fixtures" if proven else "synthetic")
    made = replace(shared, out=name).prepare(corpus, tasks, learn="--arch cnn1d")
    return _proven(made) if proven else made


def _refuse_for_folder(shared: Shared, given: dict[str, bool]) -> None:
    """Refuse options of a store where none is made."""
    from ecgtool.errors import ConfigError

    given |= {
        field.name: getattr(shared, field.name) != field.default
        for field in fields(shared)
        if field.name not in (*_OF_A_FOLDER, "fs")
    }
    wrong = next((name for name, differs in given.items() if differs), None)
    if wrong is not None:
        raise ConfigError(
            f"The preset ctrcd-xml writes recordings, no store: --{wrong.replace('_', '-')} is not for it.",
            "Give it to: ecg prepare manifest",
        )


def _clinic(folder: Path, records: int | None, seed: int, *, force: bool) -> Result:
    """Write the folder, and say how to make a store of it."""
    from ecgtool.datasets.ctrcd_xml import MANIFEST, RECORDS, write_clinic

    counts = write_clinic(folder, RECORDS if records is None else records, seed, force=force)
    manifest, name = folder / MANIFEST, shlex.quote(folder.name or "ctrcd")
    prepare = f"ecg prepare manifest {shlex.quote(str(manifest))} --leads 8 --fs 500 --length 5000"
    return Result(
        {"path": str(folder), "manifest": str(manifest), **counts},
        f"{manifest}: {counts['recordings']} recordings of {counts['patients']} fictional patients, "
        f"{counts['ctrcd_patients']} of them with CTRCD; {counts['lacking_leads']} recordings lack a lead.",
        [f"{prepare} --out {name}", f"{prepare} --missing mask --out {name}"],
    )


def _proven(made: Result) -> Result:
    """What the signals of the store were measured to show, below what it holds; code 1 where a label is not shown."""
    from rich.console import Group

    from ecgtool.console import log
    from ecgtool.datasets.fixtures import prove
    from ecgtool.store import Store

    proofs = prove(Store.open(made.data["path"]))
    failed = [proof for proof in proofs if not proof.passed]
    for proof in failed:
        items = ", ".join(proof.wrong[:10]) or "no item to measure"
        log.error("%s is not shown: %s.", proof.criterion.label, items)
    data = {**made.data, "waveforms": [_document(proof) for proof in proofs], "passed": not failed}
    return Result(data, Group(made.text, _table(proofs)), made.next, 1 if failed else 0)


def _document(proof: Proof) -> dict[str, Any]:
    criterion = proof.criterion
    return {
        "label": criterion.label,
        "measure": criterion.what,
        "limit": criterion.limit,
        "source": criterion.source,
        "present": proof.present,
        "absent": proof.absent,
        "wrong": proof.wrong,
        "passed": proof.passed,
    }


def _table(proofs: Sequence[Proof]) -> Any:
    from ecgtool.console import table

    rows = [
        (
            proof.criterion.label,
            proof.criterion.what,
            f"{'over' if proof.criterion.above else 'under'} {proof.criterion.limit:g}",
            _range(proof.present),
            _range(proof.absent),
            "passed" if proof.passed else "FAILED",
        )
        for proof in proofs
    ]
    heads = ("label", "measured in the signals", "limit", "with the label", "without", "")
    return table(heads, rows)


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.3g} to {max(values):.3g} ({len(values)})" if values else "none"
