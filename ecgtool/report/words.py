"""What a report says in words and in cells, on the page and on the screen alike."""

from __future__ import annotations

from collections.abc import Sequence

from ecgtool.console import counted
from ecgtool.evaluation import Evaluation
from ecgtool.metrics import FEW, METRICS, Metrics, Value
from ecgtool.metrics.outcomes import QUANTITIES
from ecgtool.metrics.subgroups import Subgroups
from ecgtool.report.page import Cell, interval, number, spoken

NAMES = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "accuracy": "accuracy",
    "f1": "F1",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "balanced_accuracy": "balanced accuracy",
    "mcc": "MCC",
    "brier": "Brier",
    "ece": "ECE",
    "exact_match": "exact match",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
}
"""What figures are called, in the order in which statisticians give them."""

SHORT = {"balanced_accuracy": "bal. acc.", "sensitivity": "sens.", "specificity": "spec.", "accuracy": "acc."}
"""What they are called at the head of a narrow column."""

BY_LABEL = (
    "auroc",
    "auprc",
    "accuracy",
    "f1",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "balanced_accuracy",
    "brier",
    "ece",
)
"""The figures of a label's row."""

RULES = {
    "f1": "threshold with the highest F1",
    "youden": "threshold with the highest sensitivity + specificity (Youden)",
    "sensitivity": "highest threshold with a sensitivity of at least {share}",
    "specificity": "lowest threshold with a specificity of at least {share}",
}
"""What the rules for thresholds are called."""

LEVELS = {"item": "recording", "patient": "patient"}
AGGREGATES = {"mean": "mean of the logits", "max": "highest probability", "noisy-or": "noisy-or of the probabilities"}


def title(metrics: Metrics) -> str:
    """What the report is of, in one line."""
    source, by = metrics.source, ", by patient" if metrics.level == "patient" else ""
    if source is None:
        return f"Evaluation of task {metrics.task.name}{by}"
    return f"{source.model} on {source.dataset}, {source.split} split{by}"


def numbers(found: Evaluation) -> str:
    """How many recordings, or heartbeats, of how many patients."""
    metrics = found.metrics
    if metrics.level == "item":
        noun = "heartbeat" if metrics.task.of == "beat" else "recording"
        return f"{counted(metrics.items, noun)} of {counted(metrics.patients, 'patient')}"
    recordings = "" if found.recordings is None else f" with {counted(len(found.recordings.items), 'recording')}"
    return f"{counted(metrics.items, 'patient')}{recordings}"


def decided(metrics: Metrics) -> str:
    """What turns probabilities into calls."""
    source = metrics.source
    if not metrics.task.thresholded:
        return "most probable label"
    if source is None or source.threshold_rule is None:
        return "thresholds: the bundle's own"
    return f"{ruled(source.threshold_rule)}, chosen on the {LEVELS[metrics.level]}s of the validation split"


def ruled(rule: str) -> str:
    """A rule for thresholds in words."""
    name, _, share = rule.partition("=")
    return RULES.get(name, rule).format(share=share)


def overall_rows(metrics: Metrics) -> list[tuple[str, Value, Value | None, str]]:
    """The figures of the whole task in the order of :data:`NAMES`: name, mean of the labels, weighted mean, meaning.

    Of a binary task there is no mean: every figure is that of the positive label.
    """
    one, rows = len(metrics.per_label) == 1, []
    for quantity, name in NAMES.items():
        plain = metrics.values.get(f"macro_{quantity}", metrics.values.get(quantity))
        if plain is None and one:
            plain = next(iter(metrics.per_label.values())).values.get(quantity)
        if plain is None or (one and quantity == "exact_match"):
            continue
        weighted = None if one else metrics.values.get(f"weighted_{quantity}")
        summary = METRICS[quantity].summary if quantity in METRICS else QUANTITIES[quantity].summary
        rows.append((name, plain, weighted, summary))
    return rows


def label_rows(metrics: Metrics, names: Sequence[str]) -> list[list[Cell]]:
    """A row per label: name, positives, their patients, the figures of these names, the threshold."""
    rows: list[list[Cell]] = []
    for label, found in metrics.per_label.items():
        values = [found.values.get(name, Value()) for name in names]
        marked = f"{label} *" if found.few else label
        rows.append([marked, str(found.positives), str(found.positive_patients), *values, threshold(metrics, label)])
    return rows


def label_notes(metrics: Metrics) -> list[str]:
    """What a reader must know of single labels: those left out of the means, and those with few patients."""
    where = "it has no areas" if len(metrics.per_label) == 1 else "left out of every mean"
    grouped: dict[str, list[str]] = {}
    for label, reason in metrics.left_out.items():
        grouped.setdefault(reason, []).append(label)
    notes = [f"{', '.join(labels)}: {reason}; {where}." for reason, labels in grouped.items()]
    few = [label for label, found in metrics.per_label.items() if found.few and label not in metrics.left_out]
    if few:
        named = f"{', '.join(few[:20])} and {len(few) - 20} more" if len(few) > 20 else ", ".join(few)
        notes.append(
            f"* Fewer than {FEW} patients with or without the label: its interval is a rough guide at best ({named})."
        )
    return notes


def interval_notes(metrics: Metrics) -> list[str]:
    """Labels whose figures are undefined in more than one resample of a hundred, and how often."""
    drawn = metrics.bootstrap.resamples
    often = {
        label: lost / drawn
        for label, found in metrics.per_label.items()
        if drawn and label not in metrics.left_out
        if (lost := found.values.get("auroc", Value()).undefined) > drawn / 100
    }
    if not often:
        return []
    named = ", ".join(f"{label} {100 * share:.1f} %" for label, share in often.items())
    return [f"Resamples without one of the classes have no areas and are left out of their intervals: {named} of them."]


def threshold_notes(metrics: Metrics) -> list[str]:
    """Thresholds to distrust, and why, as the validation split tells."""
    return [f"Threshold of {note}" for note in (metrics.source.threshold_notes if metrics.source else ())]


def gap_notes(groups: Subgroups, most: int = 5) -> list[str]:
    """The largest differences between groups of which enough patients are known."""
    every = [
        (gap.difference, f"{label}, {NAMES[figure]} by {grouping.column}: {gap.best} above {gap.worst}")
        for grouping in groups.groupings
        for label, figures in grouping.gaps.items()
        for figure, gap in figures.items()
    ]
    largest = sorted(every, key=lambda pair: -pair[0])[:most]
    said = "; ".join(f"{words} by {difference:.3f}" for difference, words in largest)
    caution = "The largest of several gaps is large by chance too: look at both intervals."
    return [f"Largest gaps: {said}. {caution}"] if said else []


def threshold(metrics: Metrics, label: str) -> str:
    """The threshold of a label, or a dash."""
    return number(metrics.thresholds.get(label))


def spoken_time(metrics: Metrics) -> str:
    """The time per record in words; empty where it was not measured."""
    timing = metrics.source.timing if metrics.source else None
    if timing is None:
        return ""
    where = f"{timing.device}, {timing.threads} thread{'s' if timing.threads > 1 else ''}"
    return f"{timing.single_ms:g} ms alone, {timing.batched_ms:g} ms in batches of {timing.batch} (median; {where})"


def cautions(metrics: Metrics) -> list[str]:
    """What makes the figures worth less than they look."""
    source, notes = metrics.source, []
    if source is not None and source.split == "val":
        notes.append("Thresholds and temperature were chosen on these very items: the figures are a little too good.")
    if source is None or source.seen_patients == 0:
        return notes
    if source.split == "train":
        return ["These are the items the model was trained on: the figures say how well it remembers."]
    if source.seen_patients is None:
        return [*notes, "Whether the model was trained on some of these patients cannot be told from here."]
    return [*notes, f"The model was trained on {source.seen_patients} of these patients: the figures are too good."]


def in_short(metrics: Metrics) -> list[str]:
    """The findings in a few sentences."""
    if len(metrics.per_label) == 1:
        return _one_label(metrics)
    area = metrics.values["macro_auroc"]
    if area.value is None:
        return ["No label has both classes here: there is no area to report."]
    defined = {label: found.values["auroc"].value for label, found in metrics.per_label.items()}
    known = {label: value for label, value in defined.items() if value is not None}
    best, least = max(known, key=lambda label: known[label]), min(known, key=lambda label: known[label])
    said = [f"Mean AUROC of {counted(len(known), 'label')}: {spoken(area)}."]
    said += [f"Highest: {best}, {known[best]:.3f}; lowest: {least}, {known[least]:.3f}."] if len(known) > 1 else []
    if not metrics.task.thresholded:
        said.append(f"The most probable label is the true one in {spoken(metrics.values['accuracy'])} of all cases.")
    return said


def _one_label(metrics: Metrics) -> list[str]:
    ((label, found),) = metrics.per_label.items()
    values, what = found.values, LEVELS[metrics.level]
    area, called = values["auroc"], found.tp + found.fp
    if area.value is None:
        return [f"{label}: {metrics.left_out.get(label, 'one class only')}; there is no area to report."]
    return [
        f"AUROC {spoken(area)}: of a {what} with {label} and one without, drawn at random, the one with it has the "
        f"higher probability {100 * area.value:.0f} times in 100.",
        f"At the threshold {threshold(metrics, label)}, {found.tp} of {found.positives} {what}s with {label} are found "
        f"(sensitivity {_beside(values['sensitivity'])}), and {found.tn} of {found.tn + found.fp} without it are "
        f"called negative (specificity {_beside(values['specificity'])}). Of {called} called positive, {found.tp} are "
        f"(PPV {_beside(values['ppv'])}).",
    ]


def _beside(value: Value) -> str:
    """A figure and its interval within brackets."""
    return "; ".join(part for part in (number(value.value), interval(value)) if part)
