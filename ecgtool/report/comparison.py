"""The report of a comparison: two models on the same items, side by side and as paired differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

from ecgtool.console import counted
from ecgtool.errors import DataError
from ecgtool.evaluation import Evaluation
from ecgtool.files import refuse_existing, staged_folder, write_json, write_text
from ecgtool.metrics import Value
from ecgtool.metrics.compare import Comparison, Difference, compare
from ecgtool.metrics.curves import Counts
from ecgtool.metrics.delong import DeLong
from ecgtool.report import words
from ecgtool.report.drawing import BLUE, ORANGE, QUIET, STYLE, image, panels, worded
from ecgtool.report.forest import Row, forest
from ecgtool.report.page import DASH, Cell, Image, Section, as_html, as_markdown, number, save_images
from ecgtool.report.shown import shown

HOLDS = frozenset(("comparison.json", "report.html", "report.md", "figures"))
"""What the folder of a comparison holds: one with anything else in it is never replaced."""

_CAPTIONS = {
    "differences": "A dot is the first model's figure less the second's, the line the 95 % interval of the difference. "
    "Where the line leaves out 0 (dashed), the models differ by more than other patients would explain. Of Brier and "
    "ECE lower is better.",
    "roc": "Both models' ROC curves for each label, on the same items.",
}


class Pair(NamedTuple):
    """Two evaluations of the same items, and their comparison."""

    a: Evaluation
    b: Evaluation
    found: Comparison

    @property
    def names(self) -> tuple[str, str]:
        """What the models are called; numbered where they share a name."""
        first, second = (each.metrics.source.model if each.metrics.source else "model" for each in (self.a, self.b))
        return (first, second) if first != second else (f"{first} (1)", f"{second} (2)")

    @property
    def document(self) -> dict[str, Any]:
        """The comparison and what was compared, as JSON holds it."""
        sources = [each.metrics.source and each.metrics.source.model_dump(mode="json") for each in (self.a, self.b)]
        cuts = [each.metrics.thresholds for each in (self.a, self.b)]
        return {
            **self.found.model_dump(mode="json"),
            **{
                name: {"source": source, "thresholds": cut}
                for name, source, cut in zip("ab", sources, cuts, strict=True)
            },
        }


def pair(a: Evaluation, b: Evaluation, bootstrap: int = 1000) -> Pair:
    """Compare two evaluations of the same items.

    Raises:
        DataError: Data set, task, level or items of the two differ.
    """
    first, second = (each.metrics.source.dataset if each.metrics.source else "" for each in (a, b))
    if first != second:
        raise DataError(
            f"The models were measured on different data: {first} and {second}.", "Name one store with --dataset."
        )
    thresholds = (a.metrics.thresholds, b.metrics.thresholds)
    return Pair(a, b, compare(a.predictions, b.predictions, bootstrap, thresholds=thresholds))


def write_comparison(pair: Pair, out: Path, *, force: bool = False) -> Path:
    """Write the whole folder, or nothing.

    Raises:
        ConfigError: The folder is there and ``force`` is not given, or it holds something else.
    """
    refuse_existing(out, force=force, holds=HOLDS)
    with mpl.rc_context(STYLE):
        figures = {"differences": _differences(pair), "roc": _roc(pair)}
    drawn = {name: figure for name, figure in figures.items() if figure is not None}
    images = {name: Image(_CAPTIONS[name], image(each, "png"), image(each, "svg")) for name, each in drawn.items()}
    parts, title = sections(pair), title_of(pair)
    with staged_folder(out, force=force, holds=HOLDS) as folder:
        save_images(folder / "figures", images)
        write_json(folder / "comparison.json", pair.document)
        write_text(folder / "report.md", as_markdown(title, parts, images))
        write_text(folder / "report.html", as_html(title, parts, images))
    return out


def title_of(pair: Pair) -> str:
    """What is compared, in one line."""
    source = pair.a.metrics.source
    where = f" on {source.dataset}, {source.split} split" if source else ""
    return f"{pair.names[0]} against {pair.names[1]}{where}{', by patient' if pair.found.level == 'patient' else ''}"


def sections(pair: Pair) -> list[Section]:
    """The parts of the report, in order."""
    return [_what(pair), _figures(pair), *_areas(pair), _reading(pair)]


def in_short(pair: Pair) -> str:
    """The main figure's difference in a sentence."""
    area = pair.found.values["macro_auroc"]
    low, high = area.difference.low, area.difference.high
    if area.difference.value is None:
        return "No label has both classes here: there is no area to compare."
    first, second = pair.names
    said = f"AUROC: {first} {number(area.a)}, {second} {number(area.b)}; difference {signed(area.difference)}"
    if low is None or high is None:
        return f"{said}."
    verdict = "which leaves out 0" if low > 0 or high < 0 else "which holds 0: these items do not tell them apart"
    return f"{said}, {verdict}."


def signed(value: Value) -> str:
    """A difference with its sign and interval."""
    if value.value is None:
        return DASH
    around = "" if value.low is None or value.high is None else f" ({value.low:+.3f} to {value.high:+.3f})"
    return f"{value.value:+.3f}{around}"


def rows(pair: Pair) -> list[tuple[str, str, str, str, str]]:
    """Every figure: its name, of the first, of the second, the difference with its interval, p."""
    return [
        (name, number(held.a), number(held.b), signed(held.difference), chance(held.p))
        for name, held in _named(pair).items()
    ]


def _named(pair: Pair) -> dict[str, Difference]:
    """The differences by what figures are called; of a task with one asked label no mean is named."""
    values, one = pair.found.values, len(pair.found.task.asked) == 1
    keys = {name: f"macro_{name}" if f"macro_{name}" in values else name for name in words.NAMES}
    kept = {name: key for name, key in keys.items() if key in values and not (one and name == "exact_match")}
    return {words.NAMES[name]: values[key] for name, key in kept.items()}


def delong_rows(pair: Pair) -> list[tuple[str, str, str, str, str, str]]:
    """DeLong's test of every label: positives, both areas, the difference with its interval, p."""
    return [
        (label, str(test.positives), number(test.a), number(test.b), signed(_as_value(test)), chance(test.p))
        for label, test in pair.found.delong.items()
    ]


def class_rows(pair: Pair) -> list[tuple[str, str, str, str, str, str]]:
    """Of heartbeats, the figures of every class that occurs: what, both values, the difference with its interval, p."""
    return [
        (label, words.NAMES[name], number(held.a), number(held.b), signed(held.difference), chance(held.p))
        for label, figures in pair.found.classes.items()
        for name, held in figures.items()
        if held.a is not None and figures["f1"].a is not None
    ]


def chance(p: float | None) -> str:
    """A p-value as journals print it."""
    if p is None:
        return DASH
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _as_value(test: DeLong) -> Value:
    return Value(value=test.difference, low=test.low, high=test.high)


def _what(pair: Pair) -> Section:
    found = pair.found
    noun = "heartbeat" if found.task.of == "beat" else words.LEVELS[found.level]
    counts = f"{counted(found.items, noun)} of {counted(found.patients, 'patient')}"
    table = [("First", _model(pair, 0)), ("Second", _model(pair, 1)), ("Items", counts)]
    table.append(("Intervals", f"{found.bootstrap.resamples} bootstrap resamples of patients, the same for both"))
    cautions = {note: None for each in (pair.a, pair.b) for note in words.cautions(each.metrics)}
    return Section("What was compared", [in_short(pair), *cautions], ("", ""), table, notes=found.notes)


def _model(pair: Pair, which: int) -> str:
    metrics = (pair.a, pair.b)[which].metrics
    arch = f" ({metrics.source.arch})" if metrics.source else ""
    return f"{pair.names[which]}{arch}, {words.decided(metrics)}"


def _figures(pair: Pair) -> Section:
    means = (
        "" if len(pair.found.task.asked) == 1 else " Of several labels the mean is compared, each counting the same."
    )
    text = [f"Difference: the first less the second, with its paired 95 % interval.{means}"]
    heads = ("figure", *pair.names, "difference", "p")
    cells: list[list[Cell]] = [list(row) for row in rows(pair)]
    return Section("Figures", text, heads, cells, ("differences", "roc"))


def _areas(pair: Pair) -> list[Section]:
    if pair.found.classes:
        heads = ("class", "figure", *pair.names, "difference", "p")
        return [Section("Heartbeats by class", (), heads, [list(row) for row in class_rows(pair)])]
    text = [
        "DeLong's test of the areas under the ROC curve, one score per patient: the mean of the logits of all "
        "recordings. Of twenty labels that do not differ, one has p < 0.05 by chance."
    ]
    heads = ("label", "positive patients", *pair.names, "difference", "p")
    cells: list[list[Cell]] = [list(row) for row in delong_rows(pair)]
    notes = [f"{label}: {reason}." for label, reason in pair.found.left_out.items()]
    return [Section("AUROC of each label", text, heads, cells, notes=notes)]


def _reading(_pair: Pair) -> Section:
    text = [
        "p is the chance of a difference this large, either way, if both models were equally good for the patients "
        "that these were drawn from. A large p does not show that they are equal: look at how wide the interval is.",
        "The same patients are drawn for both models, so that what makes a patient hard for either cancels. Neither "
        "interval nor p speaks of training again with another seed, or of other hospitals.",
    ]
    return Section("How to read this", text)


def _differences(pair: Pair) -> Figure | None:
    named = _named(pair)
    lines = [Row(name, held.difference) for name, held in named.items() if held.difference.value is not None]
    first, second = (worded(name, 24) for name in pair.names)
    return forest(lines, f"{first} less {second}", middle=0.0) if lines else None


def _roc(pair: Pair) -> Figure | None:
    labels = [label for label, _colour in shown(pair.a.metrics)]
    if not labels:
        return None
    figure, axes_of = panels(len(labels), *((4.6, 4.4) if len(labels) == 1 else (2.3, 2.2)))
    for axes, label in zip(axes_of, labels, strict=False):
        axes.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1)
        for each, name, colour in zip((pair.a, pair.b), pair.names, (BLUE, ORANGE), strict=True):
            outcomes, column = each.predictions.outcomes({}), each.metrics.task.asked.index(label)
            counts = Counts.of(outcomes.truth[:, column], outcomes.probabilities[:, column])
            across, up = ([0.0, *part] for part in (1 - counts.specificity, counts.sensitivity))
            axes.plot(across, up, color=colour, linewidth=1.3, label=worded(name, 24))
        axes.set(xlim=(0, 1), ylim=(0, 1.01))
        axes.set_title(worded(label, 24), fontsize=9)
        axes.set_box_aspect(1)
    figure.supxlabel("1 - specificity", fontsize=9)
    figure.supylabel("Sensitivity", fontsize=9)
    figure.legend(*axes_of[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
