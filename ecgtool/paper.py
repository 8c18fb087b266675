"""An electrocardiogram on paper: 25 mm/s, 10 mm/mV, on the grid every reader knows.

Lengths are millimetres of paper: the PDF printed at 100 % measures right. Text that comes from a recording is drawn
as it is, never as mathematics or markup.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, BinaryIO

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from ecgtool.console import DISCLAIMER, printable
from ecgtool.errors import ConfigError, DataError
from ecgtool.files import write_file
from ecgtool.record import LEADS_12, Record

MM_PER_S, MM_PER_MV = 25.0, 10.0
SUFFIXES = (".png", ".pdf", ".svg", ".html")

_INCH = 25.4
_LEFT, _RIGHT, _TOP, _BOTTOM = 16.0, 6.0, 24.0, 13.0  # margins in mm; the left one holds the calibration pulse
_LONGEST_ROW_S, _MOST_ROWS = 10.0, 8
_COLUMN_S = 2.5
_PAPER, _FINE, _BOLD, _INK, _WORDS = "#FFFAF8", "#F8D9D6", "#ECA9A3", "#101018", "#202028"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "ecgtool",
    "svg.fonttype": "path",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "path.simplify": True,
    "path.simplify_threshold": 0.02,
}


@dataclass(frozen=True)
class Strip:
    """A piece of one lead in its place on the page.

    Args:
        lead: The lead's name, written beside it.
        begin: First sample.
        end: Sample after the last.
        row: Row from the top.
        x_mm: Where it begins, from the left edge of the grid.
    """

    lead: str
    begin: int
    end: int
    row: int
    x_mm: float


@dataclass(frozen=True)
class Layout:
    """Where everything goes on a page.

    Args:
        strips: Every piece of every lead.
        rows: Number of rows.
        row_mm: Height of a row.
        width_mm: Width of the longest row.
    """

    strips: tuple[Strip, ...]
    rows: int
    row_mm: float
    width_mm: float


def draw(record: Record, *, start_s: float = 0.0, title: str = "", filters: str = "") -> Figure:
    """The first page of a recording on paper.

    Twelve leads of ten seconds are drawn as three rows of four columns with lead II below; shorter ones in fewer
    columns; a single lead as rows of ten seconds; anything else one lead to a row.

    Args:
        record: What to draw; long recordings are drawn as far as one page goes.
        start_s: When the recording's first sample was, for the time axis.
        title: What to call it; the record's id by default.
        filters: What was filtered, in words.

    Raises:
        DataError: The recording has no sample.
    """
    if not record.signal.size:
        raise DataError(f"Record '{printable(record.id)}' has no sample to draw.")
    twelve = set(LEADS_12) <= set(record.leads) or _derivable(record)
    if twelve:
        record = record.select(LEADS_12)
    layout = _columns(record) if twelve else _rows(record)
    width, height = _LEFT + layout.width_mm + _RIGHT, _TOP + layout.rows * layout.row_mm + _BOTTOM
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width / _INCH, height / _INCH), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0), facecolor="white")
        axes.set_axis_off()
        _grid(axes, layout)
        _traces(axes, record, layout)
        _header(axes, record, title or record.id, width)
        _footer(axes, record, layout, start_s, filters, height, width)
    return figure


def write(figure: Figure, path: Path, title: str = "Electrocardiogram") -> Path:
    """Write a figure, whole or not at all; the suffix says how: png, pdf, svg or html (one file, no script).

    Raises:
        ConfigError: The suffix is none of these.
        EcgError: The file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(f"{path.name} is not a name for a picture.", f"Give one that ends in {', '.join(SUFFIXES)}.")
    return write_file(path, lambda file: _save(figure, suffix, title, file))


def _save(figure: Figure, suffix: str, title: str, file: BinaryIO) -> None:
    with mpl.rc_context(_STYLE):
        if suffix == ".html":
            file.write(_page(_svg(figure), title).encode())
        elif suffix == ".svg":
            file.write(_svg(figure).encode())
        elif suffix == ".pdf":
            figure.savefig(file, format="pdf", metadata={"CreationDate": None, "Title": printable(title)})
        else:
            figure.savefig(file, format="png", dpi=200)


def _svg(figure: Figure) -> str:
    text = BytesIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue().decode()


def _page(svg: str, title: str) -> str:
    """A page of its own around the picture: nothing is loaded, nothing runs."""
    drawing = svg[svg.index("<svg") :]
    page = StringIO()
    page.write('<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n')
    page.write(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    )
    page.write(f"<title>{escape(printable(title))}</title>\n")
    page.write("<style>body{margin:1rem;background:#eee}svg{max-width:100%;height:auto;background:#fff}</style>\n")
    page.write(f"</head>\n<body>\n{drawing}\n<p>{escape(DISCLAIMER)}</p>\n</body>\n</html>\n")
    return page.getvalue()


def _derivable(record: Record) -> bool:
    chest = set(LEADS_12[6:]) <= set(record.leads)
    return chest and len({"I", "II", "III"} & set(record.leads)) >= 2


def _columns(record: Record) -> Layout:
    """Twelve leads in the classic order, in as many columns of 2.5 s as the recording fills, lead II below."""
    shown = min(record.seconds, _LONGEST_ROW_S)
    columns = 4 if shown >= 4 * _COLUMN_S else 2 if shown >= 2 * _COLUMN_S else 1
    rows = len(LEADS_12) // columns
    edges = [round(column * shown / columns * record.fs) for column in range(columns + 1)]
    strips = [
        Strip(lead, edges[index // rows], edges[index // rows + 1], index % rows, _mm(edges[index // rows], record))
        for index, lead in enumerate(LEADS_12)
    ]
    if columns > 1:
        strips.append(Strip("II", 0, edges[-1], rows, 0.0))
        rows += 1
    row_mm = {4: 38.0, 2: 26.0, 1: 20.0}[columns]
    return Layout(tuple(strips), rows, row_mm, _whole_squares(shown * MM_PER_S))


def _rows(record: Record) -> Layout:
    """One lead to a row; a single lead goes on in the next."""
    per_row = round(_LONGEST_ROW_S * record.fs)
    samples = record.signal.shape[1]
    if len(record.leads) == 1:
        begins = range(0, min(samples, _MOST_ROWS * per_row), per_row)
        strips = [Strip(record.leads[0], at, min(at + per_row, samples), row, 0.0) for row, at in enumerate(begins)]
    else:
        strips = [Strip(lead, 0, min(per_row, samples), row, 0.0) for row, lead in enumerate(record.leads)]
    longest = max(strip.end - strip.begin for strip in strips)
    width = _whole_squares(max(longest / record.fs * MM_PER_S, 100.0))
    return Layout(tuple(strips), len(strips), 30.0 if len(strips) < 8 else 20.0, width)


def _mm(sample: int, record: Record) -> float:
    return sample / record.fs * MM_PER_S


def _whole_squares(mm: float) -> float:
    return float(np.ceil(mm / 5 - 1e-6) * 5)


def _grid(axes: Axes, layout: Layout) -> None:
    """One-millimetre and five-millimetre lines, from the left margin's calibration pulse to the last sample."""
    left, right = _LEFT - 10.0, _LEFT + layout.width_mm
    top, bottom = _TOP, _TOP + layout.rows * layout.row_mm
    axes.fill_between([left, right], top, bottom, color=_PAPER, linewidth=0)
    for step, colour, width in ((1.0, _FINE, 0.35), (5.0, _BOLD, 0.6)):
        xs, ys = np.arange(left, right + 0.01, step), np.arange(top, bottom + 0.01, step)
        lines = [[(x, top), (x, bottom)] for x in xs] + [[(left, y), (right, y)] for y in ys]
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=width))


def _traces(axes: Axes, record: Record, layout: Layout) -> None:
    scale = MM_PER_MV if record.calibrated else MM_PER_MV / _robust_height(record)
    for row in range(layout.rows):
        _start_of_row(axes, record, _baseline(layout, row))
    for strip in layout.strips:
        values = record.signal[record.leads.index(strip.lead)]
        piece = values[strip.begin : strip.end]
        middle = _middle(values)
        level = _baseline(layout, strip.row)
        x = _LEFT + strip.x_mm + np.arange(len(piece)) / record.fs * MM_PER_S
        axes.plot(x, level - (piece - middle) * scale, color=_INK, linewidth=0.75, solid_joinstyle="round")
        name = axes.text(_LEFT + strip.x_mm + 1.5, level - 0.42 * layout.row_mm, _words(strip.lead, 16), va="center")
        name.set(fontsize=9, weight="bold", color=_WORDS, path_effects=[withStroke(linewidth=2.5, foreground=_PAPER)])
        if strip.x_mm > 0:
            axes.plot([x[0]] * 2, [level - 3, level + 3], color=_INK, linewidth=0.8)


def _start_of_row(axes: Axes, record: Record, level: float) -> None:
    """The calibration pulse, 1 mV for 0.2 s; none where a millivolt is not known."""
    if not record.calibrated:
        return
    x = _LEFT - 9.0 + np.array([0, 1.5, 1.5, 6.5, 6.5, 8.0])
    y = level - MM_PER_MV * np.array([0, 0, 1, 1, 0, 0])
    axes.plot(x, y, color=_INK, linewidth=0.75, solid_joinstyle="miter")


def _baseline(layout: Layout, row: int) -> float:
    """A little below the middle of its row: most deflections go up."""
    return _TOP + round((row + 0.56) * layout.row_mm)


def _middle(values: npt.NDArray[np.float32]) -> float:
    """The level drawn as the baseline: the median, as in a store."""
    return float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0


def _robust_height(record: Record) -> float:
    """What to draw as one centimetre where no millivolt is known: most of the largest lead's range."""
    finite = [row[np.isfinite(row)] for row in record.signal]
    spans = [float(np.subtract(*np.percentile(row, [99.5, 0.5]))) for row in finite if row.size]
    return max(spans, default=0.0) / 1.5 or 1.0


def _header(axes: Axes, record: Record, title: str, width: float) -> None:
    axes.text(6, 8, _words(title or "Electrocardiogram", 70), fontsize=12, weight="bold", color=_WORDS, va="center")
    axes.text(6, 14, _words(", ".join(_person(record)), 110), fontsize=8.5, color=_WORDS, va="center")
    facts = [f"{record.seconds:g} s", f"{record.fs:g} Hz", f"{len(record.leads)} leads"]
    device = record.meta.get("device")
    facts += [str(device)] if device else []
    axes.text(6, 19, _words(", ".join(facts), 110), fontsize=8.5, color=_WORDS, va="center")
    if not record.calibrated:
        warning = "AMPLITUDE NOT CALIBRATED: arbitrary units"
        axes.text(width - 6, 8, warning, fontsize=9, weight="bold", color="#B00020", va="center", ha="right")
    if record.meta.get("truncated"):
        axes.text(width - 6, 14, "recording truncated", fontsize=8.5, color="#B00020", va="center", ha="right")


def _person(record: Record) -> list[str]:
    age, sex = record.meta.get("age"), record.meta.get("sex")
    known = [f"patient {record.patient}"] if record.patient else []
    known += [f"{age:g} years" if isinstance(age, int | float) else f"age {age}"] if age not in (None, "") else []
    known += [{"M": "male", "F": "female"}.get(str(sex), f"sex {sex}")] if sex not in (None, "") else []
    return known or ["age and sex not stated"]


def _footer(
    axes: Axes, record: Record, layout: Layout, start_s: float, filters: str, height: float, width: float
) -> None:
    gain = f"{MM_PER_MV:g} mm/mV" if record.calibrated else "gain not known"
    shown = max(strip.end for strip in layout.strips) / record.fs
    span = f"{start_s:g} to {start_s + shown:g} s"
    said = f"{MM_PER_S:g} mm/s, {gain}, {span}, {filters or 'as recorded'}, offset removed"
    axes.text(6, height - 8.5, _words(said, 150), fontsize=8, color=_WORDS, va="center")
    axes.text(6, height - 4, DISCLAIMER, fontsize=7.5, color=_WORDS, va="center", style="italic")
    axes.text(width - 6, height - 4, "ecgtool", fontsize=7.5, color=_WORDS, va="center", ha="right")


def _words(text: str, longest: int) -> str:
    """One line of a file's own words: no control characters, not longer than its place."""
    line = printable(" ".join(str(text).split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"
