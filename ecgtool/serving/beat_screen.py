"""Judged heartbeats on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ecgtool.console import counted, table
from ecgtool.serving.answers import Answering, Predicts
from ecgtool.serving.beat_answer import BeatAnswer, Ectopy
from ecgtool.serving.beat_files import document, write_beats, write_csv
from ecgtool.serving.beat_picture import draw_beats
from ecgtool.serving.beats import BeatPredictor
from ecgtool.serving.screen import noted

if TYPE_CHECKING:
    from rich.console import RenderableType

NAMES = {"V": "ventricular", "S": "supraventricular"}
_DASH = "–"


def said(_predictor: Predicts, made: Sequence[BeatAnswer]) -> tuple[list[RenderableType], list[str]]:
    """What is to be said of the beats of one recording, or a row for each of several, and lines below."""
    tables = [_one(made[0])] if len(made) == 1 else [_several(made)] if made else []
    lines = _lines(made[0]) if len(made) == 1 else []
    return tables, [*lines, *noted([answer.notes for answer in made])]


def _one(answer: BeatAnswer) -> RenderableType:
    """The beats of each class."""
    found, hours = answer.summary, answer.seconds / 3600
    rows = []
    for label, beats in found.counts.items():
        share = f"{100 * beats / found.beats:.2f} %" if found.beats else _DASH
        rows.append((label, str(beats), share, f"{beats / hours:.1f}" if hours >= 1 else _DASH))
    title = f"{answer.file}: {counted(found.beats, 'beat')} in {length(answer.seconds)}"
    return table(("class", "beats", "share", "per hour"), rows, title)


def _several(made: Sequence[BeatAnswer]) -> RenderableType:
    """One recording to a row."""
    labels = made[0].task.labels
    rows = []
    for answer in made:
        found = answer.summary
        counts = [str(found.counts[label]) for label in labels]
        runs = [str(len(found.ectopy[label].runs)) for label in found.ectopy]
        rows.append(
            (Path(answer.file).name, length(answer.seconds), str(found.beats), *counts, rate(found.rate_mean), *runs)
        )
    heads = [f"runs of {label}" for label in made[0].summary.ectopy]
    return table(("file", "length", "beats", *labels, "mean rate", *heads), rows)


def _lines(answer: BeatAnswer) -> list[str]:
    """Rates, ectopy and pauses in sentences."""
    found = answer.summary
    if not found.beats:
        return []
    lines = [f"Rate: {rate(found.rate_mean)} per minute in the mean, {rate(found.rate_min)} to {rate(found.rate_max)}."]
    lines += [
        f"{NAMES[label].capitalize()} beats: {_ectopy(each)}." for label, each in found.ectopy.items() if each.beats
    ]
    if found.pauses:
        longest = max(found.pauses, key=lambda pause: pause.end_s - pause.start_s)
        lasts = longest.end_s - longest.start_s
        lines.append(
            f"{counted(len(found.pauses), 'pause')} of over 2 s, the longest {lasts:.2f} s at {clock(longest.start_s)}."
        )
    return lines


def _ectopy(found: Ectopy) -> str:
    """Ectopic beats of a class in words."""
    parts = [
        f"{found.beats} ({found.burden:.2f} %{'' if found.per_hour is None else f', {found.per_hour:.1f} per hour'})"
    ]
    parts += [counted(found.couplets, "couplet")] if found.couplets else []
    if found.runs:
        longest = max(found.runs, key=lambda run: run.beats)
        at = f"{longest.beats} beats at {rate(longest.rate)} per minute, {clock(longest.start_s)}"
        parts.append(f"{counted(len(found.runs), 'run')} of three or more, the longest of {at}")
    parts += [f"bigeminy {counted(len(found.bigeminy), 'time')}"] if found.bigeminy else []
    return "; ".join(parts)


def rate(value: float | None) -> str:
    """Beats per minute, or a dash."""
    return _DASH if value is None else f"{value:.0f}"


def clock(seconds: float) -> str:
    """``0:07:31.4`` from the recording's beginning."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}"


def length(seconds: float) -> str:
    """A duration in words."""
    return (
        f"{seconds:.4g} s"
        if seconds < 120
        else f"{seconds / 60:.3g} min"
        if seconds < 7200
        else f"{seconds / 3600:.3g} h"
    )


BEATS = Answering(BeatPredictor, document, write_csv, said, draw_beats, write_beats)
"""One answer per heartbeat."""
