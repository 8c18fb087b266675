"""Names, labels, leads and metadata that would drive a page, a figure or a table are text there."""

import re

import pytest
from reports import PAYLOADS, Page, concluded_from, drawn_from, markdown_of, predicted

from ecgtool.report import write_report


def pages(folder, predictions, **source):
    """The page of a report with every section and picture, and the report's folder."""
    folder.mkdir()
    out = write_report(drawn_from(folder / "store", predictions, **source), folder / "report")
    return Page((out / "report.html").read_text()), out


def hostile(payloads, ids):
    metadata = {"device": tuple(payloads[item % 6] for item in range(60)), "age": (float("nan"),) * 60}
    return predicted(labels=payloads, ids=ids, patients=ids, metadata=metadata)


def test_hostile_names_are_inert_on_the_page(tmp_path, monkeypatch):
    harmless = tuple(f"L{number}" for number in range(len(PAYLOADS)))
    plain = tuple(f"i{item}" for item in range(60))
    with monkeypatch.context() as patch:
        for place in ("figures", "mistakes"):
            patch.setattr(f"ecgtool.report.{place}.image", lambda *_: b"")
        tame, _ = pages(tmp_path / "tame", hostile(harmless, plain), dataset="other")
    ids = tuple(f"{PAYLOADS[item % len(PAYLOADS)]}{item}" for item in range(60))
    named = {"model": PAYLOADS[0], "dataset": PAYLOADS[1], "store": PAYLOADS[2], "leads": PAYLOADS}
    page, out = pages(tmp_path / "hostile", hostile(PAYLOADS, ids), **named)
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
