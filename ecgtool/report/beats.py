"""The parts of a report on heartbeats: classes, the AAMI table, records one by one, how well beats are found."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ecgtool.console import counted, inert
from ecgtool.evaluation import Evaluation
from ecgtool.files import write_text
from ecgtool.metrics.beat_counts import AAMI_QUANTITIES, CLASS_QUANTITIES, of_classes
from ecgtool.metrics.beat_documents import AamiRow, BeatMetrics, Detected, RecordBeats
from ecgtool.metrics.values import Value
from ecgtool.report.page import DASH, Cell, Section, number, spoken

SHORT = {"sensitivity": "Se", "ppv": "+P", "specificity": "Sp", "f1": "F1", "accuracy": "acc.", "fpr": "FPR"}
"""What EC57 calls the figures."""
MOST_RECORDS = 60
"""Records in a table of the page; ``by_record.csv`` has all."""
AVERAGED = ("sensitivity", "ppv", "f1")


def classes(found: Evaluation) -> Section | None:
    """The figures of each class, gross and on average."""
    beats = found.metrics.beats
    if beats is None:
        return None
    heads = [SHORT[name] for name in CLASS_QUANTITIES]
    columns = ("class", "beats", "called", "records", *heads, *(f"mean {SHORT[name]}" for name in AVERAGED))
    rows: list[list[Cell]] = [
        [
            label,
            *map(str, (each.beats, each.called, each.records)),
            *(each.gross[name] for name in CLASS_QUANTITIES),
            *(number(each.average[name].value) for name in AVERAGED),
        ]
        for label, each in beats.per_class.items()
    ]
    notes = [
        "Se: sensitivity. +P: positive predictivity, of the beats called the class those that are. Sp: specificity. "
        "Gross: of all beats together. Mean: of the records in which the figure is defined, each counting the same "
        "(EC57's average). Intervals are resampled by patient."
    ]
    return Section("Heartbeats by class", (), columns, rows, notes=notes)


def aami(found: Evaluation) -> Section | None:
    """Ventricular and supraventricular ectopic beats against all others."""
    beats = found.metrics.beats
    if beats is None or not beats.aami:
        return None
    rows = [*_aami_rows(beats.aami, ""), *_aami_rows(beats.aami_learned, ", after 5 min")]
    text = [
        "Ectopic beats against all others, as AAMI EC57 has it. By its convention a fusion beat or an unknown one that "
        "is called ventricular, and an unknown one that is called supraventricular, is no error and counted nowhere; "
        "strictly, it is a false positive. EC57 leaves out the first five minutes of a record; papers on DS1 and DS2 "
        "do not."
    ]
    columns = ("", "beats", *(SHORT[name] for name in AAMI_QUANTITIES))
    return Section("AAMI table", text, columns, rows, notes=["FPR: share of the other beats that were called ectopic."])


def records(found: Evaluation) -> Section | None:
    """Record by record."""
    beats = found.metrics.beats
    if beats is None or not beats.by_record:
        return None
    columns, rows = record_table(beats)
    left = len(rows) - MOST_RECORDS
    notes = [f"{counted(left, 'record')} more in by_record.csv."] if left > 0 else []
    text = ["Which records the figures come from: a class that one record holds is a figure on one person."]
    return Section("By record", text, columns, rows[:MOST_RECORDS], notes=notes)


def found_beats(found: Evaluation) -> Section | None:
    """How well the detector finds the annotated beats, which classification is given and prediction is not."""
    detection = found.metrics.beats.detection if found.metrics.beats else None
    if detection is None:
        return None
    total = detection.total
    rows: list[list[Cell]] = [
        [name, *(values[quantity] for quantity in AVERAGED)]
        for name, values in (("gross", detection.gross), ("average", detection.average))
    ]
    text = [
        "Classes were told of annotated beats. On a recording of its own the model has those that the detector finds: "
        f"here it missed {total.missed} of {total.reference} beats, and found {total.extra} that are none "
        f"(within {1000 * detection.window_s:g} ms)."
    ]
    return Section("Finding beats", text, ("", *(SHORT[name] for name in AVERAGED)), rows)


def in_words(beats: BeatMetrics) -> list[str]:
    """What was found, in sentences, beside what calling every beat the same would reach."""
    base = beats.baseline
    of = ", ".join(beats.macro_labels)
    return [
        f"{beats.beats} beats of {counted(beats.records, 'record')}: accuracy {spoken(beats.accuracy)}, mean F1 of "
        f"{of} {spoken(beats.macro_f1)}. Calling every beat {base.label} would reach {number(base.accuracy.value)} and "
        f"{number(base.macro_f1.value)}."
    ]


def record_table(beats: BeatMetrics) -> tuple[tuple[str, ...], list[list[str]]]:
    """Heads and rows of the table by record: beats, those missed and extra, accuracy, then each class."""
    at = {each.name: each for each in beats.detection.by_record} if beats.detection else {}
    labels = [label for label, each in beats.per_class.items() if each.beats]
    heads = ["record", "beats", *(("missed", "extra") if at else ()), "acc."]
    heads += [f"{label} {part}" for label in labels for part in ("beats", "Se", "+P")]
    return tuple(heads), [_record_row(each, at, labels, beats.labels) for each in beats.by_record]


def write_records(path: Path, beats: BeatMetrics) -> Path:
    """Write the table by record as CSV; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    heads, rows = record_table(beats)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([inert(head) for head in heads])
    writer.writerows([inert(row[0]), *("" if cell == DASH else cell for cell in row[1:])] for row in rows)
    return write_text(path, text.getvalue())


def _record_row(
    each: RecordBeats, at: Mapping[str, Detected], labels: Sequence[str], every: Sequence[str]
) -> list[str]:
    matrix = np.array(each.confusion, dtype=np.float64)
    figures = of_classes(matrix[None])[:, :, 0]
    row = [each.record, str(each.beats)]
    if at:
        there = at.get(each.record)
        row += [str(there.missed), str(there.extra)] if there else [DASH, DASH]
    row.append(number(each.accuracy))
    for label in labels:
        place = every.index(label)
        row.append(str(int(matrix[place].sum())))
        row += [_cell(figures[CLASS_QUANTITIES.index(name), place]) for name in ("sensitivity", "ppv")]
    return row


def _cell(value: float) -> str:
    return DASH if np.isnan(value) else number(float(value))


def _aami_rows(table: Mapping[str, AamiRow], when: str) -> Iterator[list[Cell]]:
    for name, row in table.items():
        for how, values in (("", row.aami), (", strictly", row.strict)):
            cells: list[Value] = [values[quantity] for quantity in AAMI_QUANTITIES]
            yield [f"{name}{how}{when}", str(row.beats), *cells]
