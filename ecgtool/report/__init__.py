"""Report: an evaluation as a folder that a person can read and send.

::

    metrics.json      every figure, for machines
    report.html       one self-contained page, figures inside, nothing loaded from anywhere
    report.md         the same for a repository or a notebook
    predictions.csv   one row per item
    figures/          each figure as PNG and SVG

Both pages are the same :class:`Section` list, rendered twice. To add a section, write a function and name it in
:data:`SECTIONS`.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from ecgtool import __version__
from ecgtool.console import DISCLAIMER, printable
from ecgtool.files import refuse_existing, staged_folder, write_file, write_json, write_text
from ecgtool.metrics import FEW, METRICS, Metrics, Value
from ecgtool.metrics.outcomes import QUANTITIES
from ecgtool.metrics.predictions import Predictions
from ecgtool.report.figures import FIGURES, SHOWN, draw, image

ATTRIBUTIONS = {
    "ptbxl": "PTB-XL (Wagner et al. 2020, doi:10.1038/s41597-020-0495-6; PhysioNet), licence CC BY 4.0.",
    "synthetic": "Drawn by the synthetic generator: a figure on it says nothing about patients.",
}
"""Whom to name beside a figure on a dataset."""

HOLDS = frozenset(("metrics.json", "report.html", "report.md", "predictions.csv", "figures"))
"""What a report's folder holds: one with anything else in it is never replaced."""

_LABEL_FIGURES = ("auroc", "auprc", "f1", "precision", "sensitivity", "specificity")


@dataclass(frozen=True)
class Section:
    """A part of the report: a heading, sentences, a table, figures.

    Args:
        title: The heading.
        text: Paragraphs.
        columns: Heads of the table.
        rows: Its cells, as text.
        figures: Names in :data:`ecgtool.report.figures.FIGURES`; those that do not apply to the task are left out.
    """

    title: str
    text: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = field(default=())
    figures: Sequence[str] = ()


def write_report(metrics: Metrics, predictions: Predictions, out: Path, *, force: bool = False) -> Path:
    """Write the whole folder, or nothing.

    Args:
        metrics: What was found.
        predictions: What it was found from.
        out: The folder to make.
        force: Replace a report that is there.

    Raises:
        ConfigError: The folder is there and ``force`` is not given, or it holds something else.
    """
    refuse_existing(out, force=force, holds=HOLDS)
    drawn = {name: figure for name in FIGURES if (figure := draw(name, metrics, predictions)) is not None}
    with staged_folder(out, force=force, holds=HOLDS) as folder:
        pictures = {name: image(figure, "svg") for name, figure in drawn.items()}
        for name, figure in drawn.items():
            _save(folder / "figures" / f"{name}.svg", pictures[name])
            _save(folder / "figures" / f"{name}.png", image(figure, "png"))
        write_json(folder / "metrics.json", metrics.model_dump(mode="json"))
        predictions.save_csv(folder / "predictions.csv", metrics.thresholds)
        write_text(folder / "report.md", as_markdown(metrics, set(drawn)))
        write_text(folder / "report.html", as_html(metrics, pictures))
    return out


def title(metrics: Metrics) -> str:
    """What the report is of, in one line."""
    source = metrics.source
    if source is None:
        return f"Evaluation of task {metrics.task.name}"
    return f"{source.model} on {source.dataset}, {source.split} split"


def what(metrics: Metrics) -> Section:
    """What was evaluated, on what, and how."""
    source, resampling = metrics.source, metrics.bootstrap
    rows = [
        ("Task", f"{metrics.task.name} ({metrics.task.kind}), {len(metrics.task.labels)} labels"),
        ("Items", f"{metrics.items} of {metrics.patients} patients"),
        ("Intervals", f"{100 * resampling.level:g} %, {resampling.resamples} bootstrap resamples of patients"),
    ]
    if source is not None:
        rows[:0] = [("Model", f"{source.model} ({source.arch})"), ("Dataset", source.dataset)]
        if source.dataset in ATTRIBUTIONS:
            rows.insert(2, ("Attribution", ATTRIBUTIONS[source.dataset]))
        chosen = f"{source.threshold_rule} on the validation split" if source.threshold_rule else "the bundle's own"
        decided = f"thresholds: {chosen}" if metrics.thresholds else "most probable label"
        rows += [
            ("Split", source.split),
            ("Signal", f"{', '.join(source.leads)}; {source.samples} samples at {source.fs:g} Hz"),
            ("Decision", decided),
            ("Store", f"{source.store} ({source.store_digest[:19]})"),
        ]
        if source.timing is not None:
            rows.append(("Time per record", spoken_time(metrics)))
    return Section("What was evaluated", _cautions(metrics), ("", ""), rows)


def overall(metrics: Metrics) -> Section:
    """The figures of the whole task."""
    rows = [(name, *_cells(metrics.values[name]), metric.summary) for name, metric in METRICS.items()]
    text = ["macro: every label counts the same; weighted: by its positive items."]
    return Section("Overall", text, ("metric", "value", "95 % interval", "meaning"), rows)


def labels(metrics: Metrics) -> Section:
    """The figures of each label, and which of them to distrust."""
    rows = []
    for label, found in metrics.per_label.items():
        values = [spoken(found.values[name]) for name in _LABEL_FIGURES]
        marked = f"{label} *" if found.few else label
        rows.append((marked, str(found.positives), str(found.positive_patients), *values, _threshold(metrics, label)))
    columns = ("label", "positives", "patients", *_LABEL_FIGURES, "threshold")
    return Section("By label", label_notes(metrics), columns, rows, ("intervals",))


def discrimination(metrics: Metrics) -> Section:
    """ROC and precision-recall curves."""
    return Section("Discrimination", _chosen(metrics), figures=("roc", "precision_recall"))


def reliability(_metrics: Metrics) -> Section:
    """Whether probabilities mean what they say."""
    text = ["Each point holds equally many items. On the diagonal, of the items given 0.3, three in ten are positive."]
    return Section("Calibration", text, figures=("calibration",))


def decisions(_metrics: Metrics) -> Section:
    """What the thresholds decide."""
    text = "Rows: the truth. Columns: what was called. Shade: the share of the row."
    return Section("Decisions", [text], figures=("thresholds", "confusion"))


def definitions(_metrics: Metrics) -> Section:
    """What every figure means."""
    rows = [(name, quantity.summary) for name, quantity in QUANTITIES.items()]
    return Section("Definitions", columns=("figure", "meaning"), rows=rows)


SECTIONS: tuple[Callable[[Metrics], Section], ...] = (
    what,
    overall,
    labels,
    discrimination,
    reliability,
    decisions,
    definitions,
)
"""The parts of a report, in order."""


def label_notes(metrics: Metrics) -> list[str]:
    """What a reader must know of single labels: those left out of the means, and those with few patients."""
    notes = [f"{label}: {reason}; left out of every mean." for label, reason in metrics.left_out.items()]
    few = [label for label, found in metrics.per_label.items() if found.few and label not in metrics.left_out]
    if few:
        notes.append(
            f"* Fewer than {FEW} patients with or without the label: its interval is a rough guide at best "
            f"({', '.join(few)})."
        )
    return notes


def overview(metrics: Metrics) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The figures worth a screen: rows of metric, value, interval; rows of label, positives, areas, F1, threshold."""
    per_label = []
    for label, found in metrics.per_label.items():
        areas = [_cells(found.values[name])[0] for name in ("auprc", "f1")]
        marked = f"{label} *" if found.few else label
        per_label.append(
            (marked, str(found.positives), *_cells(found.values["auroc"]), *areas, _threshold(metrics, label))
        )
    return [(name, *_cells(value)) for name, value in metrics.values.items()], per_label


def spoken(value: Value) -> str:
    """``0.912 (0.887–0.934)``, or a dash where undefined."""
    figure, interval = _cells(value)
    return f"{figure} ({interval})" if interval else figure


def spoken_time(metrics: Metrics) -> str:
    """The time per record in words; empty where it was not measured."""
    timing = metrics.source.timing if metrics.source else None
    if timing is None:
        return ""
    where = f"{timing.device}, {timing.threads} thread{'s' if timing.threads > 1 else ''}"
    return f"{timing.single_ms:g} ms alone, {timing.batched_ms:g} ms in batches of {timing.batch} (median; {where})"


def as_markdown(metrics: Metrics, drawn: set[str]) -> str:
    """The report as Markdown, with the figures beside it."""
    parts = [f"# {_markdown(title(metrics))}", f"**{DISCLAIMER}**"]
    for section in (make(metrics) for make in SECTIONS):
        parts.append(f"## {section.title}")
        parts += [_markdown(text) for text in section.text]
        if section.rows:
            lines = [section.columns, ["---"] * len(section.columns), *section.rows]
            parts.append("\n".join(f"| {' | '.join(map(_markdown, line))} |" for line in lines))
        parts += [f"![{name}](figures/{name}.png)" for name in section.figures if name in drawn]
    return "\n\n".join(parts) + f"\n\nMade with ecgtool {__version__}.\n"


def as_html(metrics: Metrics, pictures: dict[str, bytes]) -> str:
    """The report as one page that loads nothing: figures are inside, as images, which run no script."""
    body = "\n".join(_html_section(make(metrics), pictures) for make in SECTIONS)
    return _PAGE.substitute(title=_html(title(metrics)), disclaimer=_html(DISCLAIMER), body=body, version=__version__)


def _html_section(section: Section, pictures: dict[str, bytes]) -> str:
    parts = [f"<h2>{_html(section.title)}</h2>", *(f"<p>{_html(text)}</p>" for text in section.text)]
    if section.rows:
        head = "".join(f"<th>{_html(cell)}</th>" for cell in section.columns) if any(section.columns) else ""
        rows = "".join(f"<tr>{''.join(map(_html_cell, row))}</tr>\n" for row in section.rows)
        parts.append(f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>')
    shown = {name: base64.b64encode(pictures[name]).decode() for name in section.figures if name in pictures}
    images = [f'<img alt="{_html(name)}" src="data:image/svg+xml;base64,{data}">' for name, data in shown.items()]
    return "\n".join([*parts, '<div class="figures">', *images, "</div>"] if images else parts)


def _html_cell(text: str) -> str:
    """A cell in which no line breaks after a dash, so that an interval stays in one piece."""
    return f"<td>{_html(text).replace('–', '–&#8288;')}</td>"


def _save(path: Path, data: bytes) -> None:
    write_file(path, lambda file: file.write(data))


def _cautions(metrics: Metrics) -> list[str]:
    """What makes the figures worth less than they look."""
    source = metrics.source
    if source is None or source.seen_patients == 0:
        return []
    if source.split == "train":
        return ["These are the items the model was trained on: the figures say how well it remembers."]
    if source.seen_patients is None:
        return ["Whether the model was trained on some of these patients cannot be told from here."]
    return [f"The model was trained on {source.seen_patients} of these patients: the figures are too good."]


def _chosen(metrics: Metrics) -> list[str]:
    able = len(metrics.task.labels) - len(metrics.left_out)
    return [f"The {SHOWN} of {able} labels with the most positive items are drawn."] if able > SHOWN else []


def _threshold(metrics: Metrics, label: str) -> str:
    return f"{metrics.thresholds[label]:.3f}" if label in metrics.thresholds else "–"


def _cells(value: Value) -> tuple[str, str]:
    figure = "–" if value.value is None else f"{value.value:.3f}"
    return figure, "" if value.low is None or value.high is None else f"{value.low:.3f}–{value.high:.3f}"


def _html(text: str) -> str:
    return html.escape(printable(text))


def _markdown(text: str) -> str:
    """Text that Markdown shows as it is: no links, no HTML, no table cell of its own."""
    shown = printable(text).replace("\n", " ").replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|!~$])", r"\\\1", shown)


_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 68rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ddd; }
.notice { background: #fff6e0; border-left: 4px solid #e69f00; padding: .5rem .8rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem .25rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #eee; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; margin: .8rem 0; }
img { max-width: 100%; height: auto; }
footer { margin-top: 3rem; color: #666; font-size: .85rem; }
</style>
</head>
<body>
<h1>$title</h1>
<p class="notice">$disclaimer</p>
$body
<footer>Made with ecgtool $version.</footer>
</body>
</html>
""")
