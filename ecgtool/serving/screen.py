"""Predictions of recordings on the screen and on paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ecgtool.console import table
from ecgtool.formats import read_record
from ecgtool.serving.answers import Answering, Predicts
from ecgtool.serving.predictor import Prediction, Predictor
from ecgtool.serving.results import document, verdict, write_csv
from ecgtool.store import stored_item

if TYPE_CHECKING:
    from rich.console import RenderableType


def said(predictor: Predicts, made: Sequence[Prediction]) -> tuple[list[RenderableType], list[str]]:
    """A table of the labels of one recording, or of several recordings, and lines below it."""
    tables = [_one(predictor, made[0])] if len(made) == 1 else [_several(made)] if made else []
    called = [f"Called {verdict(made[0])}."] if len(made) == 1 and made[0].task.binary else []
    return tables, [*called, *noted([prediction.notes for prediction in made])]


def noted(notes: Sequence[Sequence[str]]) -> list[str]:
    """The notes of answers, each once, with how many answers have it where there are several."""
    counted = Counter(note for each in notes for note in each)
    said = {note: note if note.endswith(("?", ".")) else f"{note}." for note in counted}
    if len(notes) == 1:
        return [f"Note: {sentence}" for sentence in said.values()]
    return [f"Note: {said[note].removesuffix('.')} ({of} of {len(notes)})." for note, of in counted.items()]


def draw_prediction(prediction: Prediction, path: Path) -> None:
    """Draw a predicted recording on paper, with the answer as its title."""
    from ecgtool.paper import draw, write

    found = stored_item(prediction.file)
    record = found[0].record(found[1]) if found else read_record(prediction.file, 0.0, 10.0)
    write(draw(record, title=f"{record.id}: {verdict(prediction)}"), path)


def _one(predictor: Predicts, prediction: Prediction) -> RenderableType:
    """Every label of one recording, the most probable first."""
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


RECORDS = Answering(Predictor, document, write_csv, said, draw_prediction)
"""One answer per recording."""
