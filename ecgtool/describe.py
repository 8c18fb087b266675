"""What is in a recording, a store, a run or a bundle, in words and numbers; and what this machine has."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ecgtool import __version__
from ecgtool.catalog import Catalog
from ecgtool.catalog.bundle import Bundle, Parity
from ecgtool.console import counted
from ecgtool.delineation import delineate
from ecgtool.delineation.measure import measure
from ecgtool.errors import EcgError, NotFound, did_you_mean
from ecgtool.files import expanded
from ecgtool.formats import read_record, recognised
from ecgtool.home import FAMILIES, find, home, is_path, members, portable
from ecgtool.record import Record
from ecgtool.run import Run
from ecgtool.sentences.stored import Sentences
from ecgtool.settings import TrainConfig
from ecgtool.signals.checks import check
from ecgtool.signals.quality import LeadQuality, quality
from ecgtool.store import SPLITS, Store, stored_item
from ecgtool.task import Task

PACKAGES = ("torch", "lightning", "onnx", "onnxruntime", "numpy", "scipy", "pandas", "scikit-learn", "wfdb", "pyedflib")

_MEASURED_S = 60.0

# What describe_recording says in words of its own.
_SAID = ("calibrated", "duration_s", "start_s", "warnings")


@dataclass(frozen=True)
class Description:
    """What something is.

    Args:
        kind: ``recording``, ``store``, ``run``, ``bundle`` or ``installation``.
        name: Its name.
        facts: Ordered, name to value.
        columns: Heads of the table of parts (leads, splits, labels ...).
        rows: That table.
        next: Commands worth typing next.
        details: What machines are told beside.
    """

    kind: str
    name: str
    facts: Mapping[str, Any]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    next: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def describe(target: str) -> Description:
    """Say what ``target`` is: a path, or a name under ``ECG_HOME``; nothing means this installation.

    Raises:
        NotFound: There is nothing of that path or name.
        EcgError: It is there but damaged.
    """
    if not target:
        return describe_installation()
    found = stored_item(target)
    if found is not None:
        return _told(found[0].record(found[1]), target, {})
    path = locate(target)
    for marker, teller in _MARKERS.items():
        if (path / marker).is_file():
            return teller(path)
    if path.is_dir():
        raise EcgError(f"{path} is a folder, but not a store, a run or a bundle.", "Name a recording in it.")
    return describe_recording(path)


def describe_recording(path: Path) -> Description:
    """Format, duration, rate, calibration and, per lead, range and quality of a recording."""
    record = read_record(path)
    known = recognised(path)
    return _told(record, str(path), {"format": f"{known.name}: {known.summary}"} if known else {})


def _told(record: Record, target: str, facts: Mapping[str, Any]) -> Description:
    meta = {key: value for key, value in record.meta.items() if value not in (None, "", ()) and key not in _SAID}
    facts = {
        **facts,
        "duration": f"{record.seconds:g} s",
        "sampling rate": f"{record.fs:g} Hz",
        "samples": record.signal.shape[1],
        "leads": len(record.leads),
        "unit": "mV" if record.calibrated else "not calibrated",
        **{key: _words(value) for key, value in meta.items()},
        **_measured(record),
    }
    warnings = (*record.meta.get("warnings", ()), *check(record))
    facts.update({f"warning {number}": line for number, line in enumerate(warnings, 1)})
    judged = quality(record)
    details = {"warnings": list(warnings), "quality": {lead.lead: asdict(lead) for lead in judged}}
    rows = tuple(_lead_row(record, index, lead) for index, lead in enumerate(judged))
    columns = ("lead", "min", "max", "median", "SD", "invalid", "quality", "remark")
    following = (f"ecg plot {shlex.quote(target)} --waves", f"ecg segment {shlex.quote(target)}")
    return Description("recording", record.id or target, facts, columns, rows, following, details)


def _measured(record: Record) -> dict[str, str]:
    """Heart rate and intervals of the recording's beginning, in words."""
    beginning = record.signal[:, : round(_MEASURED_S * record.fs)]
    found = measure(None, delineate(beginning, record.fs, record.leads))
    where = f" (first {_MEASURED_S:g} s)" if record.seconds > _MEASURED_S else ""
    if found.heart_rate is None:
        return {"heart rate": f"{counted(found.beats, 'beat')} found{where}"}
    medians = {"PR": found.pr_ms, "QRS": found.qrs_ms, "QT": found.qt_ms}
    intervals = [f"{name} {value.median:.0f}" for name, value in medians.items() if value]
    intervals += [f"QTc {found.qtc_ms['fridericia']:.0f} (Fridericia)"] if found.qtc_ms else []
    said = {"heart rate": f"{found.heart_rate:.0f} per minute, {counted(found.beats, 'beat')}{where}"}
    return said | ({"intervals": f"{', '.join(intervals)} ms"} if intervals else {})


def _words(value: Any) -> Any:
    """What a recording says of itself, as a person reads it: lists with semicolons, what all leads share once."""
    if isinstance(value, Mapping):
        same = set(map(str, value.values()))
        if len(same) == 1 < len(value):
            return f"{same.pop()} ({', '.join(map(str, value))})"
        return "; ".join(f"{key}: {each}" for key, each in value.items())
    return "; ".join(map(str, value)) if isinstance(value, tuple | list) else value


def describe_store(path: Path) -> Description:
    """Shape, tasks, splits and how a store was made."""
    store = Store.open(path)
    held = store.manifest
    facts: dict[str, Any] = {
        "dataset": held.dataset,
        "items": f"{counted(held.items, held.kind.removesuffix('s'))} of {counted(held.patients, 'patient')}",
        "shape": f"{counted(len(held.leads), 'lead')} x {held.samples} samples at {held.fs:g} Hz",
        "leads": " ".join(held.leads),
        "unit": f"{held.scale_uv:g} µV per count" if held.calibrated else "not calibrated",
        "preprocessing": _steps(held.preprocessing.model_dump(exclude_defaults=True)),
        "splits": ", ".join(f"{name} {count}" for name, count in held.splits.items()),
        "tabular inputs": ", ".join(held.tabular) or "none",
        "saturated samples": held.saturated,
        "invalid samples": held.invalid,
        **_heart(store),
        "size on disk": f"{sum(file.stat().st_size for file in path.rglob('*') if file.is_file()) / 1e6:.1f} MB",
        "made by": held.made_by,
    }
    facts.update({f"note {number}": note for number, note in enumerate(held.notes, 1)})
    rows = tuple(row for task in held.tasks for row in _label_rows(store, task.name))
    name = shlex.quote(portable(path))
    train = f"ecg train --dataset {name} --arch {_architecture(held.tasks)}"
    plot = f"ecg plot {shlex.quote(f'{portable(path)}:0')}{' --waves' if held.waves or held.beats else ''}"
    segment = (f"ecg segment {name}",) if held.beats and not held.waves else ()
    following = (*segment, train, plot)
    return Description("store", path.name, facts, ("task", "label", "train", "val", "test"), rows, following)


def _architecture(tasks: Sequence[Task]) -> str:
    """One that suits what a store has been prepared for."""
    if any(task.of == "beat" for task in tasks):
        return "beat-cnn"
    return "unet1d" if any(task.kind == "waves" for task in tasks) else "cnn1d"


def describe_run(path: Path) -> Description:
    """Architecture, data, settings and results of a run."""
    run = Run.open(path)
    config, lineage = run.config, run.lineage
    facts: dict[str, Any] = {
        "architecture": config.arch,
        "store": lineage.store,
        "task": f"{lineage.task.name} ({', '.join(lineage.task.labels)})",
        "input": f"{counted(len(lineage.leads), 'lead')} x {lineage.samples} samples at {lineage.fs:g} Hz",
        "options": ", ".join(f"{key}={value}" for key, value in config.model.items()) or "defaults",
        "training": f"{config.training.optimizer}, lr {config.training.lr:g}, batch {config.training.batch}, "
        f"up to {config.training.epochs} epochs, {_seeds(config)}",
        **_progress(run),
    }
    rows = tuple(row for split in ("val", "test") for row in _metric_rows(run.metrics(split), split))
    known = run.metrics("val") is not None
    following = (f"ecg {'evaluate' if known else 'train --resume'} {shlex.quote(portable(run.path))}",)
    return Description("run", run.name, facts, ("split", "metric", "value", "95 % from", "to"), rows, following)


def _seeds(config: TrainConfig) -> str:
    training, data = config.training, config.data
    seeds = f"seeds {', '.join(map(str, training.seeds))}" if training.seeds else f"seed {training.seed}"
    fold = f", fold {data.fold} of {data.folds}" if data.fold else ""
    return f"{seeds}{fold or (f', {data.folds} folds' if data.folds else '')}"


def _progress(run: Run) -> dict[str, Any]:
    """How far a run or each member of an ensemble is, and its temperature once it has one."""
    fitted = run.calibration
    said = {"temperature": f"{fitted.temperature:.4g}"} if fitted.items else {}
    if not run.members:
        return {"epochs done": max(len(_lines(run.path / "metrics.csv")) - 1, 0), **said}
    epochs = {member.path.name: max(len(_lines(member.path / "metrics.csv")) - 1, 0) for member in run.members}
    told = ", ".join(f"{name} ({counted(done, 'epoch')})" for name, done in epochs.items())
    return {"members": f"mean of {len(epochs)}: {told}", **said}


def describe_bundle(path: Path) -> Description:
    """Inputs, labels, thresholds and origin of a bundle; every digest is checked first."""
    bundle = Bundle.open(path)
    held = bundle.manifest
    facts: dict[str, Any] = {
        "model": held.name,
        "architecture": held.arch,
        "input": f"{counted(len(held.leads), 'lead')} x {held.samples} samples at {held.fs:g} Hz in {held.unit}",
        "leads": " ".join(held.leads),
        "further inputs": ", ".join(held.tabular) or "none",
        "preprocessing": _steps(held.preprocessing.model_dump(exclude_defaults=True)),
        "trained on": held.run.lineage.get("store", "unknown"),
        **({"mean of": ", ".join(held.run.members)} if held.run.members else {}),
        "difference to torch": _parity(held.parity),
        "made by": ", ".join(f"{name} {number}" for name, number in held.versions.items()),
        "intended use": held.intended_use,
        "digests": "all match",
    }
    rows = tuple((label, held.thresholds.get(label)) for label in held.task.labels)
    registered = "@" in path.name
    name = path.name if registered else shlex.quote(portable(path))
    following = (f"ecg predict {name} FILE", *(() if registered else (f"ecg register {name} --name NAME",)))
    return Description("bundle", path.name, facts, ("label", "threshold"), rows, following)


def describe_installation() -> Description:
    """Versions, CUDA and where things are. Finds CUDA without importing torch."""
    facts: dict[str, Any] = {
        "ecgtool": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "CUDA": _cuda(),
        "ECG_HOME": str(home()),
        **{family: len(members(family)) for family in FAMILIES},
    }
    rows = tuple((name, _version(name)) for name in PACKAGES)
    return Description("installation", "ecgtool", facts, ("package", "version"), rows)


def locate(target: str) -> Path:
    """Where a recording, store, run, bundle or registered model is: a path, or a name.

    Raises:
        NotFound: There is nothing of that path or name; the hint names the nearest one.
    """
    known = [member for family in FAMILIES for member in members(family)]
    path = expanded(target)
    header = Path(f"{path}.hea")
    if not path.exists() and header.is_file():
        return header
    if is_path(target) or path.is_file() or (path.exists() and target not in known):
        return path
    for family in FAMILIES:
        if target in members(family):
            return find(family, target)
    try:
        return Catalog.open().resolve(target).path
    except NotFound:
        hint = did_you_mean(target, known) or "Nothing has been made yet; ecg alone says the first steps."
        raise NotFound(f"There is no recording, store, run, bundle or model '{target}'.", hint) from None


_MARKERS = {"manifest.json": describe_store, "config.yaml": describe_run, "bundle.json": describe_bundle}


def _lead_row(record: Record, index: int, judged: LeadQuality) -> tuple[Any, ...]:
    row = record.signal[index]
    valid = row[np.isfinite(row)]
    said = (judged.verdict, "; ".join(judged.reasons))
    if not valid.size:
        return record.leads[index], None, None, None, None, "100 %", *said
    low, high, middle, spread = (float(value) for value in (valid.min(), valid.max(), np.median(valid), valid.std()))
    return record.leads[index], low, high, middle, spread, f"{100 * (1 - valid.size / row.size):.1f} %", *said


def _label_rows(store: Store, name: str) -> list[tuple[Any, ...]]:
    """Items, or beats, of each split with each label; of labels that change within an item, the items labelled."""
    task = store.task(name)
    if task.kind == "tokens":
        return []
    if task.kind == "waves":
        counts = [len(store.indices(split, task)) for split in SPLITS]
        return [(name, f"{', '.join(task.labels)} by sample", *counts)]
    return [(name, label, *counts.values()) for label, counts in store.label_counts(task).items()]


def _heart(store: Store) -> dict[str, str]:
    """Annotated beats by symbol, and sets of waves by kind, where the store has any."""
    held = store.manifest
    said = {}
    if held.beats:
        beats = store.beats
        counts = np.bincount(beats.symbol, minlength=len(beats.symbols))
        named = sorted(zip(counts.tolist(), beats.symbols, strict=True), reverse=True)
        said["annotated beats"] = f"{held.beats} ({', '.join(f'{symbol} {count}' for count, symbol in named if count)})"
    for each in held.waves:
        kinds = ", ".join(f"{kind} {count}" for kind, count in store.wave_counts(each.name).items())
        found = f"found by {each.method}" if each.method else "an expert's"
        leads = f" on {' '.join(each.leads)}" if each.leads else ""
        said[f"waves '{each.name}'"] = f"{kinds} of {counted(each.beats, 'beat')}, {found}{leads}"
    if store.manifest.sentences:
        made = Sentences.open(store)
        words, text = made.vocabulary, f"{made.manifest.sentences:,} of {made.manifest.words:,} words"
        said["sentences"] = f"{text}, made of the waves '{made.manifest.waves}', vocabulary {words.digest[7:19]}"
    return said


def _metric_rows(document: Mapping[str, Any] | None, split: str) -> list[tuple[Any, ...]]:
    values = (document or {}).get("values", {})
    return [(split, name, item["value"], item["low"], item["high"]) for name, item in values.items()]


def _steps(steps: Mapping[str, Any]) -> str:
    said = [
        f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in steps.items()
        if value not in (None, "none")
    ]
    return ", ".join(said)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cuda() -> str:
    if "+cpu" in _version("torch"):
        return "no: torch is a CPU build"
    return "a driver is there" if Path("/proc/driver/nvidia/version").exists() else "no driver found"


def _parity(parity: Parity | None) -> str:
    if parity is None:
        return "not checked"
    return f"at most {max(parity.max_difference.values()):.1g} over {parity.records} recordings"
