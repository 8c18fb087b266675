"""A heartbeat that was called wrongly, drawn with the ten seconds around it and the true class of every beat there."""

from __future__ import annotations

import numpy as np

from ecgtool.console import printable
from ecgtool.evaluation import Recordings
from ecgtool.paper import draw, image
from ecgtool.paper.beats import name_beats
from ecgtool.record import Record
from ecgtool.report.page import Image
from ecgtool.store import Store
from ecgtool.views.judged import judged

SPAN_S = 10.0
DPI = 80


def drawn_beat(recordings: Recordings, case: int, said: str) -> Image:
    """The beat of a decision, in the middle of what is drawn.

    Args:
        recordings: Of a task of heartbeats.
        case: Which of the decisions.
        said: The mistake in words.
    """
    where = slice(case, case + 1)
    positions = None if recordings.positions is None else recordings.positions[where]
    seen = judged(recordings.store, recordings.items[where], positions)
    base, number = seen.base, int(seen.numbers[0])
    item, sample, fs = int(base.beats.item[number]), int(base.beats.sample[number]), base.manifest.fs
    first = min(max(sample - round(SPAN_S / 2 * fs), 0), max(base.manifest.samples - round(SPAN_S * fs), 0))
    last = min(first + round(SPAN_S * fs), base.manifest.samples)
    strip = _strip(base, item, (first, last))
    figure = draw(strip, title=f"Record {seen.records[0]}", note=said, filters="as the store holds it")
    around = np.flatnonzero((base.beats.item == item) & (base.beats.sample >= first) & (base.beats.sample < last))
    labels = recordings.predictions.task.labels
    targets = base.targets(recordings.predictions.task)[around].tolist()
    words = [labels[target] if target >= 0 else "" for target in targets]
    words = [f"[{word}]" if beat == number else word for beat, word in zip(around.tolist(), words, strict=True)]
    name_beats(figure, strip, base.beats.sample[around].astype(np.int64) - first, words)
    caption = printable(
        f"{said}. Record {seen.records[0]} at {seen.times_s[0]:.1f} s, in brackets; below each beat its true class."
    )
    return Image(caption, image(figure, "png", DPI), image(figure, "svg"), inside="png")


def _strip(base: Store, item: int, span: tuple[int, int]) -> Record:
    """A part of an item, without its patient: a report may be sent."""
    held = base.manifest
    signal = base.signals[item, :, span[0] : span[1]].astype(np.float32) * np.float32(held.scale_uv / 1000)
    meta = {"calibrated": held.calibrated, "start_s": span[0] / held.fs, "duration_s": held.samples / held.fs}
    return Record(signal, held.fs, held.leads, base.column("id")[item], "", meta)
