"""A report's pages: the same sections as one HTML page that loads nothing, and as Markdown.

Names, labels and other words of data are text on both, never markup.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from string import Template
from typing import BinaryIO

from ecgtool import __version__
from ecgtool.console import DISCLAIMER, printable
from ecgtool.files import write_file
from ecgtool.metrics import Value

Cell = str | Value
"""A cell of a table: words, or a figure with its interval."""

DASH, MARK = "–", "†"
EXACT = f"{MARK} Exact interval (Clopper and Pearson) over the patients: none of them differs, so resampling is blind."
MANY, MOST = 8, 12
"""Columns beyond which a table is set smaller, and smaller still."""
_NUMBER = re.compile(r"[-+<]? ?[\d.,]+ ?%?( \([^)]*\))?|–|")


@dataclass(frozen=True)
class Image:
    """A picture of a report.

    Args:
        caption: What it shows and how to read it, in a sentence or two.
        png: The picture as PNG, for Markdown and slides.
        svg: The same as SVG.
        inside: Which of the two the HTML page holds.
    """

    caption: str
    png: bytes
    svg: bytes
    inside: str = "svg"


@dataclass(frozen=True)
class Section:
    """A part of a report: a heading, sentences, a table, figures.

    Args:
        title: The heading.
        text: Paragraphs.
        columns: Heads of the table.
        rows: Its cells.
        figures: Names of images; those that were not drawn are left out.
        notes: Small print below the table.
    """

    title: str
    text: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = field(default=())
    figures: Sequence[str] = ()
    notes: Sequence[str] = ()


def number(value: float | None, digits: int = 3) -> str:
    """A figure with three decimals, or a dash where it is undefined."""
    return DASH if value is None else f"{value:.{digits}f}"


def interval(value: Value) -> str:
    """``0.887–0.934``, ``-1.822 to -0.197``; empty where there is none."""
    if value.low is None or value.high is None:
        return ""
    return f"{value.low:.3f}{' to ' if value.low < 0 else '–'}{value.high:.3f}"


def marked(value: Value) -> str:
    """The interval as tables show it: an exact one has a mark, which :data:`EXACT` explains."""
    around = interval(value)
    return f"{around}{MARK}" if around and value.method == "clopper-pearson" else around


def spoken(value: Value) -> str:
    """``0.912 (0.887–0.934)``, or a dash where undefined."""
    around = interval(value)
    return f"{number(value.value)} ({around})" if around else number(value.value)


def as_markdown(title: str, sections: Sequence[Section], images: Mapping[str, Image]) -> str:
    """The report as Markdown, with the figures beside it."""
    parts = [f"# {markdown(title)}", f"**{DISCLAIMER}**"]
    for section in sections:
        parts.append(f"## {markdown(section.title)}")
        parts += [markdown(text) for text in section.text]
        if section.rows:
            lines = [section.columns, ["---"] * len(section.columns), *section.rows]
            parts.append("\n".join(f"| {' | '.join(map(_markdown_cell, line))} |" for line in lines))
        parts += [markdown(text) for text in _notes(section)]
        for name in section.figures:
            if name in images:
                parts += [f"![{name}](figures/{name}.png)", markdown(images[name].caption)]
    return "\n\n".join(part for part in parts if part) + f"\n\nMade with ecgtool {__version__}.\n"


def as_html(title: str, sections: Sequence[Section], images: Mapping[str, Image]) -> str:
    """The report as one page that loads nothing: figures are inside, as images, which run no script."""
    body = "\n".join(_html_section(section, images) for section in sections)
    return _PAGE.substitute(title=_html(title), disclaimer=_html(DISCLAIMER), body=body, version=__version__)


def save_images(folder: Path, images: Mapping[str, Image]) -> None:
    """Write every image as PNG and as SVG."""
    for name, image in images.items():
        for suffix, content in (("svg", image.svg), ("png", image.png)):
            write_file(folder / f"{name}.{suffix}", partial(_put, content))


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def markdown(text: str) -> str:
    """Text that Markdown shows as it is: no links, no HTML, no table cell of its own."""
    shown = printable(text).replace("\n", " ").replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|!~$])", r"\\\1", shown)


def _notes(section: Section) -> list[str]:
    """The small print of a section, with what the marks of its table mean."""
    cells = (cell for row in section.rows for cell in row if isinstance(cell, Value))
    return [*section.notes, *([EXACT] if any(marked(cell).endswith(MARK) for cell in cells) else [])]


def _markdown_cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return markdown(cell)
    around = marked(cell)
    return markdown(f"{number(cell.value)} ({around})" if around else number(cell.value))


def _html_section(section: Section, images: Mapping[str, Image]) -> str:
    parts = [f"<h2>{_html(section.title)}</h2>", *(f"<p>{_html(text)}</p>" for text in section.text)]
    if section.rows:
        parts.append(_html_table(section))
    parts += [f'<p class="note">{_html(text)}</p>' for text in _notes(section)]
    shown = [_html_image(name, images[name]) for name in section.figures if name in images]
    return (
        "<section>\n"
        + "\n".join([*parts, '<div class="figures">', *shown, "</div>"] if shown else parts)
        + "\n</section>"
    )


def _html_table(section: Section) -> str:
    """Figures are set flush right, so that their points lie below each other."""
    numeric = [all(_is_number(row[place]) for row in section.rows) for place in range(len(section.columns))]
    kinds = [' class="number"' if holds else "" for holds in numeric]
    heads = _html_cells("th", kinds, section.columns)
    head = f"<thead><tr>{heads}</tr></thead>\n" if any(section.columns) else ""
    rows = "".join(f"<tr>{_html_cells('td', kinds, row)}</tr>\n" for row in section.rows)
    kind = "many most" if len(section.columns) > MOST else "many"
    wide = f' class="{kind}"' if len(section.columns) > MANY else ""
    return f'<div class="wide"><table{wide}>{head}<tbody>\n{rows}</tbody></table></div>'


def _html_cells(tag: str, kinds: Sequence[str], cells: Sequence[Cell]) -> str:
    parts = zip(kinds, cells, strict=True)
    return "".join(f"<{tag}{kind}>{_html_cell(cell)}</{tag}>" for kind, cell in parts)


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, Value) or _NUMBER.fullmatch(cell) is not None


def _html_cell(cell: Cell) -> str:
    """A cell in which no line breaks after a dash, so that an interval stays in one piece."""
    if isinstance(cell, Value):
        around = marked(cell)
        return _unbroken(number(cell.value)) + (f"<small>{_unbroken(around)}</small>" if around else "")
    return _unbroken(cell)


def _unbroken(text: str) -> str:
    return _html(text).replace(DASH, f"{DASH}&#8288;")


def _html_image(name: str, image: Image) -> str:
    kind, content = ("svg+xml", image.svg) if image.inside == "svg" else ("png", image.png)
    data = base64.b64encode(content).decode()
    picture = f'<img alt="{_html(name)}" src="data:image/{kind};base64,{data}">'
    return f"<figure>{picture}<figcaption>{_html(image.caption)}</figcaption></figure>"


def _html(text: str) -> str:
    return html.escape(printable(text))


_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 76rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ccc; }
p { max-width: 50rem; }
.notice { background: #fff6e0; border-left: 4px solid #e69f00; padding: .5rem .8rem; }
.note, figcaption { color: #444; font-size: .85rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th { border-bottom: 2px solid #999; vertical-align: bottom; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; }
.many { font-size: .82rem; } .many th, .many td { padding-right: .5rem; }
.many td small { font-size: .7rem; letter-spacing: -.02em; }
.most { font-size: .74rem; } .most th, .most td { padding-right: .3rem; }
.most td small { font-size: .62rem; letter-spacing: -.04em; }
td { vertical-align: top; border-bottom: 1px solid #e6e6e6; }
td small { display: block; color: #555; font-size: .75rem; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
.figures { display: flex; flex-wrap: wrap; gap: 1.2rem; margin: 1rem 0; align-items: flex-start; }
figure { margin: 0; max-width: 100%; display: table; }
figcaption { display: table-caption; caption-side: bottom; }
img { max-width: 100%; height: auto; }
footer { margin-top: 3rem; color: #555; font-size: .85rem; }
@media print { body { font-size: 10pt; max-width: none; margin: 0; } h2 { break-after: avoid; }
  tr, figure { break-inside: avoid; } thead { display: table-header-group; } .wide { overflow: visible; }
  table { font-size: 7.5pt; } td small { font-size: 6.5pt; } th, td { padding-right: .5rem; } }
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
