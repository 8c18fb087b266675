"""Names, labels, leads and metadata that would drive a page, a figure or a table are text there."""

import re

import pytest
from reports import PAYLOADS, Page, concluded_from, drawn_from, markdown_of, predicted

from ecgtool.report import write_report


def pages(folder, predictions, **source):
    """The page of a report with every section and picture, and the report's folder."""
    out = write_report(drawn_from(folder / "store", predictions, **source), folder / "report")
    return Page((out / "report.html").read_text()), out


def hostile(payloads, ids):
    metadata = {"device": tuple(payloads[item % 3] for item in range(60)), "age": (float("nan"),) * 60}
    return predicted(labels=payloads, ids=ids, patients=ids, metadata=metadata)


@pytest.fixture(scope="module")
def tame(tmp_path_factory):
    ids = tuple(f"i{item}" for item in range(60))
    return pages(tmp_path_factory.mktemp("tame"), hostile(("A", "B", "C"), ids), dataset="other")[0]


@pytest.mark.parametrize("start", range(0, len(PAYLOADS), 3))
def test_hostile_names_are_inert_on_the_page(tmp_path, tame, start):
    payloads = PAYLOADS[start : start + 3]
    ids = tuple(f"{payloads[item % 3]}{item}" for item in range(60))
    named = {"model": payloads[0], "dataset": payloads[1], "store": payloads[2], "leads": payloads}
    page, out = pages(tmp_path, hostile(payloads, ids), **named)
    assert page.elements == tame.elements
    assert {name for name, _value in page.attributes} == {name for name, _value in tame.attributes}
    assert "\x1b" not in "".join(page.words)
    for picture in (out / "figures").glob("*.svg"):
        content = picture.read_bytes()
        assert b"<script" not in content
        assert b"onload" not in re.sub(rb"<!--.*?-->", b"", content, flags=re.DOTALL)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_names_are_inert_in_markdown(payload):
    ids = tuple(f"{payload}{item}" for item in range(60))
    text = markdown_of(concluded_from(predicted(labels=(payload, "B", "C"), ids=ids, patients=ids), model=payload))
    assert "<" not in text
    assert not re.search(r"(?<!\\)\[", text)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in rows if line.count("(") > 8}
    assert widths == {16}
