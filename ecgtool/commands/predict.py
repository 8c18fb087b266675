"""``ecg predict``: what a model says of recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecgtool.console import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ecgtool.serving.predictor import Prediction, Predictor


def predict(
    model: Annotated[
        str, typer.Argument(help="NAME, NAME@7, NAME@champion, or a bundle's folder.", show_default=False)
    ],
    files: Annotated[list[str], typer.Argument(help="Recordings, or STORE:ITEM.", show_default=False)],
    age: Annotated[float | None, typer.Option("--age", help="Age in years; over what the file says.")] = None,
    sex: Annotated[str, typer.Option("--sex", help="M or F; over what the file says.")] = "",
    meta: Annotated[
        list[str] | None, typer.Option("--meta", help="Further input of the model as key=value; may be repeated.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="What every label must reach, instead of its own threshold.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the predictions as CSV.")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw each recording into this folder.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what --out and --plot write where it is there.")
    ] = False,
    threads: Annotated[int, typer.Option("--threads", min=0, help="Threads; 0 lets onnxruntime choose.")] = 0,
) -> Result:
    """Predict from recordings: any lead order, rate and unit the file declares; long ones window by window."""
    from ecgtool.catalog import find_bundle
    from ecgtool.console import log
    from ecgtool.files import refuse_existing
    from ecgtool.serving.predictor import Predictor
    from ecgtool.serving.results import document, predict_files, write_csv

    if out:
        refuse_existing(out, force=force)
    given = _given(age, sex, meta or ())
    bundle = find_bundle(model)
    predictor = Predictor(bundle, threshold=threshold, threads=threads)
    made, failed = predict_files(predictor, files, given, _drawer(plot, force=force) if plot else None)
    if failed and len(files) == 1:
        raise failed[0].error
    for failure in failed:
        named = "" if failure.file in failure.error.message else f"{failure.file}: "
        log.error("%s%s %s", named, failure.error.message, failure.error.hint)
    if out and made:
        write_csv(out, made)
    from ecgtool.console import DISCLAIMER

    data = {
        "model": bundle.path.name,
        "digest": bundle.digest,
        "task": bundle.manifest.task.name,
        "thresholds": predictor.thresholds,
        "predictions": [document(prediction) for prediction in made],
        "failed": [{"file": it.file, "error": it.error.message, "hint": it.error.hint} for it in failed],
        "out": out and str(out),
        "disclaimer": DISCLAIMER,
    }
    return Result(data, _said(predictor, made, out), _next(files, made), code=1 if failed else 0)


def _given(age: float | None, sex: str, meta: Sequence[str]) -> dict[str, str | float]:
    """Metadata by column, as the options give it."""
    from ecgtool.errors import ConfigError

    given: dict[str, str | float] = {}
    for assignment in meta:
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--meta {assignment[:80]!r} is not of the form key=value.", "For example --meta age=63")
        given[key.strip()] = value
    return given | ({} if age is None else {"age": age}) | ({"sex": sex} if sex else {})


def _drawer(folder: Path, *, force: bool) -> Callable[[Prediction], object]:
    """Draws a predicted recording on paper, with the answer as its title."""
    names: dict[str, int] = {}

    def draw_prediction(prediction: Prediction) -> None:
        from ecgtool.files import inside, refuse_existing
        from ecgtool.formats import read_record
        from ecgtool.paper import draw, write
        from ecgtool.serving.results import verdict
        from ecgtool.store import stored_item

        found = stored_item(prediction.file)
        record = found[0].record(found[1]) if found else read_record(prediction.file, 0.0, 10.0)
        figure = draw(record, title=f"{record.id}: {verdict(prediction)}")
        names[record.id] = names.get(record.id, 0) + 1  # two folders may hold a record of one name
        number = f"-{names[record.id]}" if names[record.id] > 1 else ""
        path = inside(folder, f"{record.id or 'recording'}{number}.png")
        refuse_existing(path, force=force)
        write(figure, path)

    return draw_prediction


def _said(predictor: Predictor, made: Sequence[Prediction], out: Path | None) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from ecgtool.console import DISCLAIMER, printable
    from ecgtool.serving.results import verdict

    tables = [_one(predictor, made[0])] if len(made) == 1 else [_several(made)] if made else []
    counted = Counter(note for prediction in made for note in prediction.notes)
    notes = [
        f"Note: {note}." if len(made) == 1 else f"Note: {note} ({of} of {len(made)})." for note, of in counted.items()
    ]
    notes[:0] = [f"Called {verdict(made[0])}."] if len(made) == 1 and made[0].task.binary else []
    notes += [f"Predictions: {out}"] if out and made else []
    return Group(*tables, *(Text(printable(note)) for note in (*notes, DISCLAIMER)))


def _one(predictor: Predictor, prediction: Prediction) -> RenderableType:
    """Every label of one recording, the most probable first."""
    from ecgtool.console import table

    passing = prediction.passing(prediction.probabilities)
    ranked = sorted(prediction.chances(prediction.probabilities).items(), key=lambda pair: -pair[1])
    cuts = {label: f"{threshold:.3f}" for label, threshold in predictor.thresholds.items()}
    several = len(prediction.windows) > 1
    ranges = dict(zip(prediction.task.labels, prediction.windows.T, strict=True))
    rows = [
        (
            label,
            f"{chance:.3f}",
            cuts.get(label, "–"),
            "yes" if label in passing else "",
            *((f"{ranges[label].min():.3f}–{ranges[label].max():.3f}",) if several else ()),
        )
        for label, chance in ranked
    ]
    heads = ("label", "probability", "threshold", "passes", *(("over the windows",) if several else ()))
    windows = f", mean logits of {len(prediction.windows)} windows" if several else ""
    title = f"{prediction.file}: {prediction.seconds:.4g} s at {prediction.fs:g} Hz{windows}"
    return table(heads, rows, title)


def _several(made: Sequence[Prediction]) -> RenderableType:
    """One recording to a row; of a binary task the probability is that of the positive label."""
    from ecgtool.console import table

    names = [Path(prediction.file).name for prediction in made]
    short = len(set(names)) == len(names)
    task = made[0].task
    rows = []
    for number, prediction in enumerate(made):
        called, chances = prediction.label(prediction.probabilities), prediction.chances(prediction.probabilities)
        passing = ", ".join(prediction.passing(prediction.probabilities)) or "–"
        chance = chances[task.asked[0] if task.binary else called]
        file = names[number] if short else prediction.file
        rows.append((file, called, f"{chance:.3f}", passing, len(prediction.windows)))
    heads = ("called", f"probability of {task.asked[0]}") if task.binary else ("most probable", "probability")
    return table(("file", *heads, "passes its threshold", "windows"), rows)


def _next(files: Sequence[str], made: Sequence[Prediction]) -> tuple[str, ...]:
    import shlex

    return (f"ecg plot {shlex.quote(made[0].file)}",) if made and len(files) == 1 else ()
