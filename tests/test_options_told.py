"""Every option of every command is told of in its page."""

import re
from pathlib import Path

import pytest
from test_cli import COMMAND_LEAVES

DOCS = Path(__file__).parents[1] / "docs"
PAGES_OF = {
    "prepare cinc2021": ("cinc2021", "prepare"),
    "prepare folder": ("folder", "prepare"),
    "prepare ludb": ("ludb", "prepare"),
    "prepare manifest": ("manifest", "prepare"),
    "prepare mitdb": ("mitdb", "prepare"),
    "prepare ptbxl": ("prepare",),
    "prepare qtdb": ("ludb", "prepare"),
    "prepare synthetic": ("synthetic", "prepare"),
}
"""Command -> its pages, where these are not the page of its first word; ``ecg models`` is told of in the catalog's."""
SHARED = {"--help", "--json", "--verbose", "--quiet", "--force"}


@pytest.mark.parametrize(("path", "function"), COMMAND_LEAVES, ids=[" ".join(path) for path, _ in COMMAND_LEAVES])
def test_every_option_is_told_of_in_the_page_of_its_command(ecg, path, function):
    pages = PAGES_OF.get(" ".join(path), ("catalog" if path[0] == "models" else path[0],))
    text = "".join((DOCS / f"{page}.md").read_text() for page in pages)
    options = set(re.findall(r"^\s+(?:-\w, )?(--[a-z][\w-]*)", ecg(*path, "--help").out, re.MULTILINE))
    assert not {option for option in options - SHARED if not re.search(rf"{option}(?![\w-])", text)}
