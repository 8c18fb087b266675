"""Predictions as documents for scripts and as tables for spreadsheets; several files at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecgtool.console import inert
from ecgtool.errors import EcgError
from ecgtool.files import write_text
from ecgtool.serving.answers import Predicts
from ecgtool.serving.metadata import read_metadata
from ecgtool.serving.predictor import Floats, Prediction
from ecgtool.store import stored_item

WHOLE = "all"
"""What the column ``window`` says in the row of a whole recording."""


@dataclass(frozen=True)
class Failure:
    """A file that could not be predicted, and why."""

    file: str
    error: EcgError


def predict_files(
    predictor: Predicts,
    files: Sequence[str],
    given: Mapping[str, str | float],
    each: Callable[[Any], object] | None = None,
) -> tuple[list[Any], list[Failure]]:
    """Predict from every file; one that cannot be read or does not fit does not stop the others.

    Args:
        predictor: The model, whatever it answers.
        files: Recordings, or items of a store as ``STORE:ITEM``.
        given: Metadata for all of them, over what each file says.
        each: Called with every prediction, e.g. to draw it; its errors count as the file's.

    Raises:
        ConfigError: The metadata cannot be, whatever the file.
    """
    read_metadata(predictor.columns, given, {})
    made: list[Any] = []
    failed: list[Failure] = []
    for file in files:
        try:
            prediction = _predict(predictor, file, given)
            if each is not None:
                each(prediction)
        except EcgError as error:
            failed.append(Failure(file, error))
        else:
            made.append(prediction)
    return made, failed


def _predict(predictor: Predicts, file: str, given: Mapping[str, str | float]) -> Any:
    found = stored_item(file)
    if found is None:
        return predictor.predict_file(file, given)
    store, item = found
    return predictor.predict_item(store, item, given, file=file)


def verdict(prediction: Prediction) -> str:
    """The answer in words: ``positive: CTRCD 0.410 >= 0.330`` of a binary task, else the labels that pass."""
    if not prediction.task.binary:
        return ", ".join(prediction.passing(prediction.probabilities)) or "nothing passes its threshold"
    (asked,) = prediction.task.asked
    chance, threshold = prediction.chances(prediction.probabilities)[asked], prediction.thresholds[asked]
    word, sign = ("positive", ">=") if chance >= threshold else ("negative", "<")
    return f"{word}: {asked} {chance:.3f} {sign} {threshold:.3f}"


def document(prediction: Prediction) -> dict[str, Any]:
    """A prediction as JSON holds it; the keys are stable."""
    return {
        "file": prediction.file,
        "record": prediction.record,
        "fs": prediction.fs,
        "seconds": prediction.seconds,
        **_answer(prediction, prediction.probabilities),
        "metadata": dict(prediction.metadata),
        "notes": list(prediction.notes),
        "windows": [
            {"start_s": begin, "end_s": begin + prediction.window_s, **_answer(prediction, row)}
            for begin, row in zip(prediction.onsets_s.tolist(), prediction.windows, strict=True)
        ],
    }


def write_csv(path: Path, predictions: Sequence[Prediction]) -> Path:
    """Write one row per recording (``window`` = ``all``) and, below it, one per window where there are several.

    Text that a spreadsheet would run as a formula gets an apostrophe in front.

    Raises:
        EcgError: The file cannot be written; an older one is intact.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    labels = predictions[0].task.labels if predictions else ()
    heads = ("file", "record", "window", "start_s", "end_s", "class", "confidence", "passing")
    writer.writerow([*heads, *(inert(f"p_{label}") for label in labels)])
    for prediction in predictions:
        writer.writerows(_rows(prediction))
    return write_text(path, text.getvalue())


def _rows(prediction: Prediction) -> Iterator[list[str]]:
    yield _row(prediction, WHOLE, (0.0, prediction.seconds), prediction.probabilities)
    if len(prediction.windows) > 1:
        for number, begin in enumerate(prediction.onsets_s.tolist()):
            span = (begin, begin + prediction.window_s)
            yield _row(prediction, str(number), span, prediction.windows[number])


def _row(prediction: Prediction, window: str, span: tuple[float, float], chances: Floats) -> list[str]:
    answer = _answer(prediction, chances)
    return [
        inert(prediction.file),
        inert(prediction.record),
        window,
        *(f"{time:.10g}" for time in span),
        inert(answer["class"]),
        f"{answer['confidence']:.6g}",
        inert(" ".join(answer["passing"])),
        *(f"{chance:.6g}" for chance in chances.tolist()),
    ]


def _answer(prediction: Prediction, chances: Floats) -> dict[str, Any]:
    """Class, its probability as the confidence, all probabilities, and what passes its threshold."""
    called, held = prediction.label(chances), prediction.chances(chances)
    return {
        "class": called,
        "confidence": held[called],
        "passing": list(prediction.passing(chances)),
        "probabilities": held,
    }
