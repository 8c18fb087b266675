"""An electrocardiogram on paper: 25 mm/s, 10 mm/mV, on the grid every reader knows.

Lengths are millimetres of paper: the PDF printed at 100 % measures right. Text that comes from a recording is drawn
as it is, never as mathematics or markup.
"""

from __future__ import annotations

from html import escape
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, BinaryIO, Literal

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from ecgtool.console import DISCLAIMER, counted, printable
from ecgtool.errors import ConfigError
from ecgtool.files import write_file
from ecgtool.paper.page import MM_PER_S, Layout, layout_of
from ecgtool.record import Record

MM_PER_MV = 10.0
SUFFIXES = (".png", ".pdf", ".svg", ".html")

_INCH = 25.4
_LEFT, _RIGHT, _TOP, _BOTTOM = 16.0, 6.0, 24.0, 13.0  # margins in mm; the left one holds the calibration pulse
_HEADER_MM = (7.5, 14.0, 19.0)  # its lines, from the top
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


def draw(record: Record, *, title: str = "", note: str = "", filters: str = "") -> Figure:
    """The first page of a recording on paper; see :func:`layout_of`.

    Args:
        record: What to draw. ``meta["start_s"]`` says when its first sample was, ``meta["duration_s"]`` how long the
            whole recording is.
        title: What to call it; the record's id by default.
        note: A line of the header: labels, say.
        filters: What was filtered, in words.

    Raises:
        DataError: The recording has no sample.
    """
    layout = layout_of(record)
    width, height = _size(layout)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width / _INCH, height / _INCH), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0), facecolor="white")
        axes.set_axis_off()
        _grid(axes, layout)
        gain = _gain(record, layout)
        _traces(axes, record, layout, gain)
        _header(axes, record, layout, (title or record.id, note))
        _footer(axes, record, layout, (gain, filters))
    return figure


def write(figure: Figure, path: Path, title: str = "Electrocardiogram") -> Path:
    """Write a figure, whole or not at all; the suffix says how: png, pdf, svg or html (one file, no script).

    Raises:
        ConfigError: The suffix is none of these.
        EcgError: The file cannot be written.
    """
    suffix = check_name(path)
    return write_file(path, lambda file: _save(figure, suffix, title, file))


def image(figure: Figure, kind: Literal["png", "svg"], dpi: int = 100) -> bytes:
    """A figure as the content of a file, for pages that hold pictures; the same figure gives the same bytes.

    Args:
        figure: As :func:`draw` makes it.
        kind: PNG or SVG.
        dpi: Dots per inch of paper of a PNG.
    """
    if kind == "svg":
        with mpl.rc_context(_STYLE):
            return _svg(figure).encode()
    made = BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(made, format="png", dpi=dpi, metadata={"Software": None})
    return made.getvalue()


def check_name(path: Path) -> str:
    """The suffix of a picture's name.

    Raises:
        ConfigError: It is none of :data:`SUFFIXES`.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(f"{path.name} is not a name for a picture.", f"Give one that ends in {', '.join(SUFFIXES)}.")
    return suffix


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


def _grid(axes: Axes, layout: Layout) -> None:
    """One-millimetre and five-millimetre lines, from the left margin's calibration pulse to the last sample."""
    left, right = _LEFT - 10.0, _LEFT + layout.width_mm
    top, bottom = _TOP, _TOP + layout.rows * layout.row_mm
    axes.fill_between([left, right], top, bottom, color=_PAPER, linewidth=0)
    for step, colour, width in ((1.0, _FINE, 0.35), (5.0, _BOLD, 0.6)):
        xs, ys = np.arange(left, right + 0.01, step), np.arange(top, bottom + 0.01, step)
        lines = [[(x, top), (x, bottom)] for x in xs] + [[(left, y), (right, y)] for y in ys]
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=width))


def _traces(axes: Axes, record: Record, layout: Layout, gain: float) -> None:
    signal = _signal(record, layout)
    scale = gain if record.calibrated else MM_PER_MV / _robust_height(signal)
    width, height = _size(layout)
    edge = Rectangle((0, _TOP - 12), width, height - _TOP - _BOTTOM + 16, transform=axes.transData)
    for row in range(layout.rows):
        _start_of_row(axes, record, _baseline(layout, row), gain)
    for strip in layout.strips:
        values = signal[layout.leads.index(strip.lead)]
        level, left = _baseline(layout, strip.row), _LEFT + strip.x_mm
        piece = level - (values[strip.begin : strip.end] - _middle(values)) * scale
        x = left + np.arange(len(piece)) / record.fs * MM_PER_S
        (line,) = axes.plot(x, piece, color=_INK, linewidth=0.75, solid_joinstyle="round")
        line.set_clip_path(edge)
        name = axes.text(left + 1.5, level - 0.42 * layout.row_mm, _words(strip.lead, 16), va="center")
        name.set(fontsize=9, weight="bold", color=_WORDS, path_effects=[withStroke(linewidth=2.5, foreground=_PAPER)])
        if strip.x_mm > 0:
            axes.plot([left] * 2, [level - 3, level + 3], color=_INK, linewidth=0.8)


def _start_of_row(axes: Axes, record: Record, level: float, gain: float) -> None:
    """The calibration pulse, 1 mV for 0.2 s; none where a millivolt is not known."""
    if not record.calibrated:
        return
    x = _LEFT - 9.0 + np.array([0, 1.5, 1.5, 6.5, 6.5, 8.0])
    y = level - gain * np.array([0, 0, 1, 1, 0, 0])
    axes.plot(x, y, color=_INK, linewidth=0.75, solid_joinstyle="miter")


def _baseline(layout: Layout, row: int) -> float:
    """A little below the middle of its row: most deflections go up."""
    return _TOP + round((row + 0.56) * layout.row_mm)


def _middle(values: npt.NDArray[np.float32]) -> float:
    """The level drawn as the baseline: the median, as in a store."""
    return float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0


def _signal(record: Record, layout: Layout) -> npt.NDArray[np.float32]:
    """The samples on the page, leads in the order of ``layout.leads``; NaN where there is no value."""
    signal = record.select(layout.leads).signal[:, : layout.samples]
    return np.where(np.isfinite(signal), signal, np.float32(np.nan))


def _gain(record: Record, layout: Layout) -> float:
    """10 mm/mV; halved, as electrocardiographs do, until no lead runs far into the rows of others."""
    signal = _signal(record, layout)
    finite = [np.abs(row - _middle(row))[np.isfinite(row)] for row in signal]
    largest = max((float(np.percentile(row, 99.9)) for row in finite if row.size), default=0.0)
    gain = MM_PER_MV
    while record.calibrated and gain > 1 and largest * gain > max(layout.row_mm, 40.0):
        gain /= 2
    return gain


def _robust_height(signal: npt.NDArray[np.float32]) -> float:
    """What to draw as one centimetre where no millivolt is known: most of the largest lead's range."""
    finite = [row[np.isfinite(row)] for row in signal]
    spans = [float(np.subtract(*np.percentile(row, [99.5, 0.5]))) for row in finite if row.size]
    return max(spans, default=0.0) / 1.5 or 1.0


def _size(layout: Layout) -> tuple[float, float]:
    """Width and height of the page in mm."""
    return _LEFT + layout.width_mm + _RIGHT, _TOP + layout.rows * layout.row_mm + _BOTTOM


def _header(axes: Axes, record: Record, layout: Layout, words: tuple[str, str]) -> None:
    """Title and note to the left and right, who and what below."""
    width, _height = _size(layout)
    title, note = words
    whole = record.whole_s
    facts = [f"{whole:.4g} s", f"{record.fs:.6g} Hz", counted(len(record.leads), "lead")]
    facts += [f"{len(layout.leads)} drawn"] if len(layout.leads) < len(record.leads) else []
    facts += [str(record.meta["device"])] if record.meta.get("device") else []
    lines = [(title or "Electrocardiogram", 12.0, "bold"), (", ".join(_person(record)), 8.5, "normal")]
    lines += [(", ".join(facts), 8.5, "normal")]
    for (text, size, weight), y, share in zip(lines, _HEADER_MM, (0.25, 0.32, 0.25), strict=True):
        axes.text(6, y, _words(text, round(share * width)), fontsize=size, weight=weight, color=_WORDS, va="center")
    warnings = ["AMPLITUDE NOT CALIBRATED: arbitrary units"] if not record.calibrated else []
    warnings += ["recording truncated"] if record.meta.get("truncated") else []
    right = [(warning, "#B00020", "bold") for warning in warnings] + [("", _WORDS, "normal")] * (2 - len(warnings))
    for (text, colour, weight), y in zip([*right, (note, _WORDS, "normal")], _HEADER_MM, strict=True):
        shown = _words(text, round(0.3 * width))
        axes.text(width - 6, y, shown, fontsize=8.5, weight=weight, color=colour, va="center", ha="right")


def _person(record: Record) -> list[str]:
    age, sex = record.meta.get("age"), record.meta.get("sex")
    known = [f"patient {record.patient}"] if record.patient else []
    known += [f"{age:g} years" if isinstance(age, int | float) else f"age {age}"] if age not in (None, "") else []
    known += [{"M": "male", "F": "female"}.get(str(sex), f"sex {sex}")] if sex not in (None, "") else []
    return known or ["age and sex not stated"]


def _footer(axes: Axes, record: Record, layout: Layout, how: tuple[float, str]) -> None:
    width, height = _size(layout)
    gain, filters = how
    usual = "" if gain == MM_PER_MV else f" ({gain / MM_PER_MV:g} of the usual gain)"
    scale = f"{gain:g} mm/mV{usual}" if record.calibrated else "gain not known"
    start = float(record.meta.get("start_s", 0.0))
    span = f"{start:.6g} to {start + layout.samples / record.fs:.6g} s"
    said = f"{MM_PER_S:g} mm/s, {scale}, {span}, {filters or 'as recorded'}, offset removed"
    axes.text(6, height - 8.5, _words(said, round(width / 1.8)), fontsize=8, color=_WORDS, va="center")
    axes.text(6, height - 4, DISCLAIMER, fontsize=7.5, color=_WORDS, va="center", style="italic")
    axes.text(width - 6, height - 4, "ecgtool", fontsize=7.5, color=_WORDS, va="center", ha="right")


def _words(text: str, longest: int) -> str:
    """One line of a file's own words: no control characters, not longer than its place."""
    line = printable(" ".join(str(text).split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"
