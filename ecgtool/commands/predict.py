"""``ecg predict``: what a model says of recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecgtool.console import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ecgtool.catalog.bundle import Bundle
    from ecgtool.serving.answers import Answering
    from ecgtool.serving.results import Failure


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
    annotations: Annotated[
        Path | None,
        typer.Option(
            "--annotations",
            help="Folder for WFDB annotations of heartbeats, REC.aami; that of --out if not given.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what --out, --plot and --annotations write where it is there.")
    ] = False,
    threads: Annotated[int, typer.Option("--threads", min=0, help="Threads; 0 lets onnxruntime choose.")] = 0,
) -> Result:
    """Predict from recordings: any lead order, rate and unit; long ones window by window, or beat by beat."""
    from ecgtool.catalog import find_bundle
    from ecgtool.console import DISCLAIMER
    from ecgtool.files import refuse_existing
    from ecgtool.serving.answers import answering
    from ecgtool.serving.results import predict_files

    if out:
        refuse_existing(out, force=force)
    given = _given(age, sex, meta or ())
    bundle = find_bundle(model)
    answers = answering(bundle)
    folder = _marked(annotations, out, answers, bundle)
    predictor = answers.open(bundle, threshold=threshold, threads=threads)
    made, failed = predict_files(predictor, files, given, _drawer(answers, plot, force=force) if plot else None)
    _tell(failed, alone=len(files) == 1)
    written = answers.annotate(folder, made, force=force) if answers.annotate and folder else []
    if out and made:
        answers.write_csv(out, made)
    data = {
        "model": bundle.path.name,
        "digest": bundle.digest,
        "task": bundle.manifest.task.name,
        "thresholds": predictor.thresholds,
        "predictions": [answers.document(answer) for answer in made],
        "failed": [{"file": it.file, "error": it.error.message, "hint": it.error.hint} for it in failed],
        "out": out and str(out),
        "annotations": [str(path) for path in written],
        "disclaimer": DISCLAIMER,
    }
    text = _said(answers.said(predictor, made), out if made else None, written)
    return Result(data, text, _next(files, made), code=1 if failed else 0)


def _marked(annotations: Path | None, out: Path | None, answers: Answering, bundle: Bundle) -> Path | None:
    """Where annotations go: the folder that was named, else that of the table; None where neither was asked for.

    Raises:
        ConfigError: They were asked for, and the model judges no heartbeats.
    """
    from ecgtool.errors import ConfigError

    if annotations and not answers.annotate:
        raise ConfigError(
            f"{bundle.path.name} judges no heartbeats: it has nothing to annotate.", "Leave out --annotations."
        )
    return annotations or (out.parent if out else None)


def _tell(failed: Sequence[Failure], *, alone: bool) -> None:
    """Log what could not be predicted.

    Raises:
        EcgError: It was all that was asked.
    """
    from ecgtool.console import log

    if failed and alone:
        raise failed[0].error
    for failure in failed:
        named = "" if failure.file in failure.error.message else f"{failure.file}: "
        log.error("%s%s %s", named, failure.error.message, failure.error.hint)


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


def _drawer(answers: Answering, folder: Path, *, force: bool) -> Callable[[Any], object]:
    """Draws what was predicted of a recording into a folder."""
    names: dict[str, int] = {}

    def draw(answer: Any) -> None:
        from ecgtool.files import inside, refuse_existing

        names[answer.record] = names.get(answer.record, 0) + 1  # two folders may hold a record of one name
        number = f"-{names[answer.record]}" if names[answer.record] > 1 else ""
        path = inside(folder, f"{answer.record or 'recording'}{number}.png")
        refuse_existing(path, force=force)
        answers.draw(answer, path)

    return draw


def _said(
    found: tuple[Sequence[RenderableType], Sequence[str]], out: Path | None, written: Sequence[Path]
) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from ecgtool.console import DISCLAIMER, printable

    tables, lines = found
    where = [f"Predictions: {out}"] if out else []
    where += [f"Annotations: {', '.join(map(str, written[:5]))}{' ...' if len(written) > 5 else ''}"] if written else []
    return Group(*tables, *(Text(printable(line)) for line in (*lines, *where, DISCLAIMER)))


def _next(files: Sequence[str], made: Sequence[Any]) -> tuple[str, ...]:
    import shlex

    return (f"ecg plot {shlex.quote(made[0].file)}",) if made and len(files) == 1 else ()
