"""Judged heartbeats on paper: a page of the lead that was judged first, with the class of each beat below it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ecgtool.formats import read_record
from ecgtool.record import Record
from ecgtool.serving.beat_answer import BeatAnswer, Samples
from ecgtool.store import stored_item

USUAL = ("N", "normal")
"""Classes that are no reason to look at a stretch."""


def draw_beats(answer: BeatAnswer, path: Path) -> Path:
    """Draw the page of a recording that has the most unusual beats, or its beginning, with each beat's class.

    Raises:
        DataError: The recording has no sample.
        EcgError: It cannot be read again, or the picture not be written.
    """
    from ecgtool.paper import draw, write
    from ecgtool.paper.beats import name_beats
    from ecgtool.paper.page import LONGEST_S

    begin = busiest(answer, round(LONGEST_S * answer.fs))
    record = _read(answer, begin / answer.fs, LONGEST_S)
    lead = next((name for name in answer.leads if name), "")
    strip = record.select((lead,)) if lead else record
    figure = draw(strip, title=f"{answer.record}: beats by class")
    return write(name_beats(figure, strip, answer.samples - begin, answer.classes()), path)


def busiest(answer: BeatAnswer, samples: int) -> int:
    """The first sample of the stretch of that length with the most unusual beats; 0 where there are none."""
    usual = [place for place, label in enumerate(answer.task.labels) if label in USUAL]
    odd: Samples = answer.samples[~np.isin(answer.called, usual)]
    if not len(odd):
        return 0
    many = np.searchsorted(odd, odd + samples) - np.arange(len(odd))
    lead_in = round(answer.fs)  # a second before the first of them
    return max(int(odd[int(many.argmax())]) - lead_in, 0)


def _read(answer: BeatAnswer, begin_s: float, seconds: float) -> Record:
    found = stored_item(answer.file)
    if found is None:
        return read_record(answer.file, begin_s, seconds)
    whole = found[0].record(found[1])
    first = round(begin_s * whole.fs)
    meta = {**whole.meta, "start_s": begin_s, "duration_s": whole.seconds}
    signal = whole.signal[:, first : first + round(seconds * whole.fs)]
    return Record(signal, whole.fs, whole.leads, whole.id, whole.patient, meta)
