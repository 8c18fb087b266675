"""The parts of an evaluation's report, in order.

To add one, write a function from an :class:`~ecgtool.evaluation.Evaluation` to a section and name it in
:data:`SECTIONS`; one that has nothing to say returns None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ecgtool.evaluation import Evaluation
from ecgtool.metrics import Metrics, Value
from ecgtool.metrics.outcomes import QUANTITIES
from ecgtool.report import beats, ec57, waves, words
from ecgtool.report.page import DASH, Cell, Section, number
from ecgtool.report.shown import SHOWN

ATTRIBUTIONS = {
    "ptbxl": "PTB-XL (Wagner et al. 2020, doi:10.1038/s41597-020-0495-6; PhysioNet), licence CC BY 4.0.",
    "mitdb": "MIT-BIH Arrhythmia Database (Moody and Mark 2001, doi:10.1109/51.932724; PhysioNet), licence ODC-By 1.0.",
    "ludb": "LUDB (Kalyakulina et al. 2020, doi:10.1109/ACCESS.2020.3029211; PhysioNet), licence ODC-By 1.0.",
    "qtdb": "QT Database (Laguna et al. 1997, doi:10.1109/CIC.1997.648140; PhysioNet), licence ODC-By 1.0.",
    "synthetic": "Drawn by the synthetic generator: a figure on it says nothing about patients.",
}
"""Whom to name beside a figure on a dataset."""


def in_short(found: Evaluation) -> Section:
    """The findings in a few sentences, and what makes them worth less than they look."""
    heartbeats = beats.in_words(found.metrics.beats) if found.metrics.beats else []
    return Section("In short", [*heartbeats, *words.in_short(found.metrics), *words.cautions(found.metrics)])


def what(found: Evaluation) -> Section:
    """What was evaluated, on what, and how."""
    metrics, source = found.metrics, found.metrics.source
    positive = f", positive: {metrics.task.asked[0]}" if metrics.task.binary else ""
    resampling = metrics.bootstrap
    drawn = f"{100 * resampling.level:g} %, {resampling.resamples} bootstrap resamples of patients"
    rows = [
        ("Task", f"{metrics.task.name} ({metrics.task.kind}), {len(metrics.task.labels)} labels{positive}"),
        ("Counted", words.numbers(found)),
        ("Decision", words.decided(metrics)),
        ("Intervals", drawn if resampling.resamples else "none"),
    ]
    if len(metrics.per_label) == 1:
        ((label, each),) = metrics.per_label.items()
        rows.insert(2, ("Positives", f"{each.positives} with {label}, {metrics.items - each.positives} without"))
        rows.insert(4, ("Threshold", words.threshold(metrics, label)))
    if source is not None:
        rows = [("Model", f"{source.model} ({source.arch})"), *_of_source(metrics), *rows, *_signal(metrics)]
    return Section("What was evaluated", columns=("", ""), rows=rows, notes=found.predictions.notes)


def overall(found: Evaluation) -> Section:
    """The figures of the whole task."""
    rows = words.overall_rows(found.metrics)
    if len(found.metrics.per_label) == 1:
        text = [f"Every figure is of the positive label, {found.metrics.task.asked[0]}."]
        plain: list[list[Cell]] = [[name, value, meaning] for name, value, _weighted, meaning in rows]
        return Section("Overall", text, ("figure", "value", "meaning"), plain, notes=_notes(found.metrics))
    text = ["Mean: every label counts the same (macro). Weighted: each label by its positives."]
    cells: list[list[Cell]] = [[name, value, weighted or "", meaning] for name, value, weighted, meaning in rows]
    return Section("Overall", text, ("figure", "mean", "weighted", "meaning"), cells)


def labels(found: Evaluation) -> Section | None:
    """The figures of each label, and which of them to distrust."""
    metrics = found.metrics
    if len(metrics.per_label) == 1:
        return None
    names = [words.SHORT.get(name, words.NAMES[name]) for name in words.BY_LABEL]
    columns = ("label", "pos.", "patients", *names, "threshold")
    rows = words.label_rows(metrics, words.BY_LABEL)
    text = ["pos.: positives; patients: how many persons they are of. Small figures: 95 % intervals."]
    return Section("By label", text, columns, rows, ("intervals",), _notes(metrics))


def groups(found: Evaluation) -> Section | None:
    """The figures of groups of people, and the largest gaps between them."""
    if found.subgroups is None or not found.subgroups.groupings:
        return None
    names = ("macro_auroc", "macro_auprc", "macro_f1", "macro_sensitivity", "macro_specificity", "brier", "ece")
    by_patient = found.metrics.level == "patient"
    rows: list[list[Cell]] = []
    for grouping in found.subgroups.groupings:
        for place, (name, group) in enumerate(grouping.groups.items()):
            cases = [
                str(group.items),
                *([] if by_patient else [str(group.patients)]),
                str(sum(group.positives.values())),
            ]
            values = [group.values.get(figure, Value()) for figure in names]
            column = "" if place else grouping.column
            rows.append([column, f"{name} *" if group.few else name, *cases, *values])
    heads = [words.NAMES[name.removeprefix("macro_")] for name in names]
    counts = ("patients",) if by_patient else ("recordings", "patients")
    columns = ("column", "group", *counts, "positives", *heads)
    asked = found.metrics.task.asked
    label = asked[0] if len(asked) == 1 else "one of the labels"
    text = [
        f"Does it work alike for everybody? All groups are judged by the thresholds of all. * Too few patients with or "
        f"without {label} for an interval to bear weight. Figures without an interval are the same in every resample, "
        "or of too few patients to resample."
    ]
    return Section("By group", text, columns, rows, ("subgroups",), words.gap_notes(found.subgroups))


def discrimination(found: Evaluation) -> Section:
    """ROC and precision-recall curves."""
    return Section("Discrimination", _chosen(found.metrics), figures=("roc", "precision_recall"))


def reliability(found: Evaluation) -> Section:
    """Whether probabilities mean what they say."""
    text = ["Do probabilities mean what they say?"]
    if found.temperature != 1:
        words_for = ((1.05, "too sure"), (0.95, "about as sure as it should be"), (0.0, "not sure enough"))
        way = next(said for least, said in words_for if found.temperature > least)
        same = "That changes no area under a curve. " if found.metrics.task.thresholded else ""
        text.append(
            f"The model was {way} on the validation split; its logits are divided by {found.temperature:.3f} "
            f"(temperature scaling). {f'{same}Dashed: before it.' if found.comparable else ''}".rstrip()
        )
    return Section("Calibration", text, figures=("calibration",))


def decisions(found: Evaluation) -> Section:
    """What the thresholds decide, how they were chosen, and which of them to distrust."""
    said = words.decided(found.metrics)
    return Section(
        "Decisions",
        [f"{said[0].upper()}{said[1:]}."],
        figures=("thresholds", "confusion"),
        notes=words.threshold_notes(found.metrics),
    )


def by_patient(found: Evaluation) -> Section | None:
    """The figures by patient beside those by recording."""
    if found.patients is None:
        return None
    patients = found.patients.metrics
    beside = {name: value for name, value, _weighted, _meaning in words.overall_rows(patients)}
    pairs = ((name, value) for name, value, _weighted, _meaning in words.overall_rows(found.metrics))
    rows: list[list[Cell]] = [[name, value, beside.get(name, Value())] for name, value in pairs]
    text = [
        f"One probability for each of {patients.items} patients: the {words.AGGREGATES['mean']} of the recordings. "
        "Thresholds were chosen on the patients of the validation split. In full: ecg evaluate --by-patient."
    ]
    notes = found.patients.predictions.notes
    return Section("By patient", text, ("figure", "by recording", "by patient"), rows, notes=notes)


def members(found: Evaluation) -> Section | None:
    """The members of an ensemble, their mean and spread, beside the ensemble itself."""
    if not found.members:
        return None
    names = ("auroc", "auprc", "f1", "sensitivity", "specificity", "brier", "ece")
    rows: list[list[Cell]] = [[name, *map(number, _line(metrics, names))] for name, metrics in found.members.items()]
    every = np.array([_line(metrics, names) for metrics in found.members.values()], dtype=float)
    mean, spread = every.mean(axis=0), every.std(axis=0, ddof=1) if len(every) > 1 else np.full(len(names), np.nan)
    rows.append(["mean of members", *map(_cell, mean)])
    rows.append(["standard deviation", *map(_cell, spread)])
    rows.append(["the ensemble", *map(number, _line(found.metrics, names))])
    text = ["The ensemble says the mean of its members' logits. Members are called by the ensemble's thresholds."]
    if any(metrics.items < found.metrics.items for metrics in found.members.values()):
        text = ["Each member is measured on its own fold, which it was not trained on; the ensemble on all folds."]
    return Section("Members", text, ("member", *(words.NAMES[name] for name in names)), rows)


def mistakes(found: Evaluation) -> Section | None:
    """The worst mistakes, drawn."""
    if found.recordings is None:
        return None
    calibrated = found.recordings.store.manifest.calibrated
    text = [
        "The cases that cost the model most: it was surest of what is not so. Look at them for wrong labels, "
        "artefacts, or a pattern the model does not know. They are no sample of all cases.",
        *([] if calibrated else ["The recordings' scale is not known: heights mean nothing between them."]),
    ]
    return Section("Worst mistakes", text, figures=tuple(f"mistake-{place}" for place in range(1, SHOWN)))


def definitions(_found: Evaluation) -> Section:
    """What every figure means, and how to read intervals."""
    rows = [(words.NAMES[name], QUANTITIES[name].summary) for name in words.NAMES if name in QUANTITIES]
    text = [
        "An interval says how far a figure would move with other patients of the same kind. It does not speak of other "
        "hospitals, other devices or another training. An interval marked * rests on few patients."
    ]
    return Section("Definitions", text, columns=("figure", "meaning"), rows=rows)


SECTIONS: tuple[Callable[[Evaluation], Section | None], ...] = (
    in_short,
    what,
    beats.classes,
    beats.aami,
    beats.records,
    beats.found_beats,
    ec57.matrix,
    ec57.figures,
    waves.boundaries,
    overall,
    labels,
    groups,
    discrimination,
    reliability,
    decisions,
    by_patient,
    members,
    mistakes,
    definitions,
)
"""The parts of a report, in order."""


def sections(found: Evaluation) -> list[Section]:
    """Those that have something to say."""
    return [section for make in SECTIONS if (section := make(found)) is not None]


def _of_source(metrics: Metrics) -> list[tuple[str, str]]:
    source = metrics.source
    if source is None:
        return []
    rows = [("Dataset", f"{source.dataset}, {source.split} split")]
    rows += [("Attribution", ATTRIBUTIONS[source.dataset])] if source.dataset in ATTRIBUTIONS else []
    rows += [("Ensemble", f"mean of the logits of {source.members} models")] if source.members else []
    if source.aggregate:
        rows.append(("By patient", f"{words.AGGREGATES.get(source.aggregate, source.aggregate)} of their recordings"))
    return rows


def _signal(metrics: Metrics) -> list[tuple[str, str]]:
    source = metrics.source
    if source is None:
        return []
    scaled = f"{source.temperature:.3f}, fitted on the validation split" if source.temperature != 1 else "1 (none)"
    rows = [
        ("Temperature", scaled),
        ("Signal", f"{', '.join(source.leads)}; {source.samples} samples at {source.fs:g} Hz"),
        ("Store", f"{source.store} ({source.store_digest[:19]})"),
    ]
    return rows + ([("Time per record", words.spoken_time(metrics))] if source.timing is not None else [])


def _chosen(metrics: Metrics) -> list[str]:
    able = len(metrics.per_label) - len(metrics.left_out)
    return [f"The {SHOWN} of {able} labels with the most positive items are drawn."] if able > SHOWN else []


def _line(metrics: Metrics, names: Sequence[str]) -> list[float | None]:
    """Overall figures by the names of quantities."""
    held = {name: metrics.values.get(f"macro_{name}", metrics.values.get(name)) for name in names}
    return [value.value if value is not None else None for value in held.values()]


def _notes(metrics: Metrics) -> list[str]:
    """What a reader must know of single labels and of their intervals."""
    return [*words.label_notes(metrics), *words.interval_notes(metrics)]


def _cell(value: float) -> str:
    return DASH if np.isnan(value) else f"{value:.3f}"
