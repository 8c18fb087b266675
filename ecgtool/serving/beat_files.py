"""Judged heartbeats as documents for scripts, as a table for spreadsheets, and as annotations that viewers open."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ecgtool.console import inert
from ecgtool.delineation.files import record_name
from ecgtool.errors import DataError
from ecgtool.files import inside, refuse_existing, write_text
from ecgtool.formats.wfdb_annotate import list_annotations, write_annotations
from ecgtool.formats.wfdb_annotations import BEATS
from ecgtool.serving.beat_answer import BeatAnswer

ANNOTATOR = "aami"
"""What the files of annotations are called, after the record: ``100.aami``."""
SYMBOLS = {"normal": "N", "abnormal": "Q"}
"""Symbol of a class that is no symbol itself; ``?`` where it is none of these either."""


def document(answer: BeatAnswer) -> dict[str, Any]:
    """An answer as JSON holds it; the keys are stable."""
    labels = answer.task.labels
    intervals = [None if np.isnan(value) else value for value in answer.intervals_s.tolist()]
    rows = zip(
        answer.samples.tolist(),
        answer.times_s.tolist(),
        answer.classes(),
        intervals,
        answer.probabilities.tolist(),
        strict=True,
    )
    return {
        "file": answer.file,
        "record": answer.record,
        "fs": answer.fs,
        "seconds": answer.seconds,
        "leads": list(answer.leads),
        "summary": answer.summary.model_dump(mode="json"),
        "notes": list(answer.notes),
        "beats": [
            {
                "sample": sample,
                "time_s": time,
                "class": called,
                "rr_s": interval,
                "probabilities": dict(zip(labels, chances, strict=True)),
            }
            for sample, time, called, interval, chances in rows
        ],
    }


def write_csv(path: Path, answers: Sequence[BeatAnswer]) -> Path:
    """Write one row per beat: file, record, time, sample, class, its probability, interval, then all probabilities.

    Text that a spreadsheet would run as a formula gets an apostrophe in front.

    Raises:
        EcgError: The file cannot be written; an older one is intact.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    labels = answers[0].task.labels if answers else ()
    heads = ("file", "record", "time_s", "sample", "class", "confidence", "rr_s")
    writer.writerow([*heads, *(inert(f"p_{label}") for label in labels)])
    for answer in answers:
        writer.writerows(_rows(answer))
    return write_text(path, text.getvalue())


def _rows(answer: BeatAnswer) -> Iterator[list[object]]:
    names = [inert(answer.file), inert(answer.record)]
    sure = answer.probabilities[np.arange(len(answer.called)), answer.called].tolist()
    beats = zip(answer.times_s.tolist(), answer.samples.tolist(), answer.classes(), sure, strict=True)
    for number, (time, sample, called, chance) in enumerate(beats):
        interval = answer.intervals_s[number]
        yield [
            *names,
            f"{time:.4f}",
            sample,
            inert(called),
            f"{chance:.6g}",
            "" if np.isnan(interval) else f"{interval:.4f}",
            *(f"{value:.6g}" for value in answer.probabilities[number].tolist()),
        ]


def annotation_path(folder: Path, answer: BeatAnswer) -> Path:
    """Where the annotations of an answer go."""
    return inside(folder, f"{record_name(answer.record or Path(answer.file).stem)}.{ANNOTATOR}")


def write_beats(folder: Path, answers: Sequence[BeatAnswer], *, force: bool = False) -> list[Path]:
    """Write WFDB annotations, ``REC.aami`` for each recording, with ``RECORDS`` and ``ANNOTATORS`` beside them.

    Args:
        folder: Where they go; made where it is not there.
        answers: Of recordings.
        force: Replace annotations that are there.

    Raises:
        ConfigError: Annotations are there already.
        DataError: Two recordings have one name.
    """
    if not answers:
        return []
    paths = [annotation_path(folder, answer) for answer in answers]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise DataError(f"Two recordings are called {twice.stem}.", "Predict them one by one, each with a folder.")
    for path in paths:
        refuse_existing(path, force=force)
    folder.mkdir(parents=True, exist_ok=True)
    for path, answer in zip(paths, answers, strict=True):
        symbols = np.array([_symbol(label) for label in answer.task.labels])[answer.called]
        write_annotations(path, answer.samples, symbols, fs=answer.fs)
    list_annotations(folder, [path.stem for path in paths], ANNOTATOR, "heartbeats, classes by a model of ecgtool")
    return paths


def _symbol(label: str) -> str:
    return label if label in BEATS else SYMBOLS.get(label, "?")
