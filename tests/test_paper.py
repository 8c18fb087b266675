"""A recording on paper measures right, and what a file says cannot do anything."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from ecgtool import paper
from ecgtool.console import DISCLAIMER
from ecgtool.errors import ConfigError, DataError, EcgError
from ecgtool.paper.page import layout_of
from ecgtool.record import LEADS_12, Record

PAYLOADS = (
    "--><script>alert(1)</script>",
    "]]><img src=x onerror=alert(1)>",
    "</svg><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "\"><iframe src='javascript:alert(1)'>",
    "&#60;script&#62;alert(1)",
    "$\\frac{1}{",
    "$\\input{/etc/passwd}$",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "a\nb\r\nc\td",
    "\u202egnp.exe",
    "_hidden",
    "%s%n{0}",
    "x" * 5000,
    "",
)


def twelve(seconds=10.0, fs=500.0, amplitude=1.0, **options):
    """A comb of 1 mV teeth, one a second, in every lead."""
    signal = np.zeros((12, round(seconds * fs)), np.float32)
    signal[:, :: round(fs)] = amplitude
    return Record(signal, fs, LEADS_12, **{"id": "comb", **options})


def lines(figure):
    return [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) > 10]


def words(figure):
    return " | ".join(text.get_text() for text in figure.axes[0].texts)


def test_the_page_is_as_large_as_its_millimetres():
    figure = paper.draw(twelve())
    width, height = figure.get_size_inches() * 25.4
    left, right = figure.axes[0].get_xlim()
    bottom, top = figure.axes[0].get_ylim()
    assert (right - left, bottom - top) == (pytest.approx(width), pytest.approx(height))
    assert width < 297
    assert height < 210  # fits A4 landscape


def test_a_second_is_25_mm_and_a_millivolt_10_mm():
    figure = paper.draw(twelve())
    rhythm = lines(figure)[-1]
    assert np.ptp(rhythm.get_xdata()) == pytest.approx(10 * 25, abs=0.1)
    assert np.ptp(rhythm.get_ydata()) == pytest.approx(10)
    teeth = rhythm.get_xdata()[rhythm.get_ydata() == rhythm.get_ydata().min()]
    np.testing.assert_allclose(np.diff(teeth), 25, atol=0.1)


def test_the_grid_has_lines_every_millimetre_and_bolder_ones_every_five():
    grids = [each for each in paper.draw(twelve()).axes[0].collections if isinstance(each, LineCollection)]
    steps = []
    for grid in grids:
        xs = np.unique([segment[0, 0] for segment in grid.get_segments() if segment[0, 0] == segment[1, 0]])
        steps.append(np.median(np.diff(xs)))
    assert steps == [1, 5]
    assert grids[0].get_linewidths()[0] < grids[1].get_linewidths()[0]


def test_twelve_leads_stand_three_by_four_with_a_rhythm_strip():
    layout = layout_of(twelve())
    assert [strip.lead for strip in layout.strips] == [*LEADS_12, "II"]
    assert layout.rows == 4
    columns = {strip.lead: strip.x_mm for strip in layout.strips[:12]}
    assert columns["I"] == columns["II"] == columns["III"] == 0
    assert columns["aVR"] == 62.5
    assert columns["V1"] == 125
    assert columns["V6"] == 187.5
    assert [strip.begin for strip in layout.strips[:12:3]] == [0, 1250, 2500, 3750]


def test_the_calibration_pulse_is_a_millivolt_for_a_fifth_of_a_second():
    pulses = [line for line in paper.draw(twelve()).axes[0].get_lines() if len(line.get_xdata()) == 6]
    assert len(pulses) == 4
    for pulse in pulses:
        assert np.ptp(pulse.get_ydata()) == pytest.approx(10)
        high = pulse.get_xdata()[pulse.get_ydata() == pulse.get_ydata().min()]
        assert np.ptp(high) == pytest.approx(5)


@pytest.mark.parametrize(("seconds", "rows"), [(5, 7), (3, 12), (30, 4)])
def test_short_and_long_recordings_find_their_layout(seconds, rows):
    record = twelve(seconds)
    layout = layout_of(record)
    assert layout.rows == rows
    assert layout.samples == min(seconds, 10) * 500
    paper.draw(record)


def test_a_single_lead_goes_on_in_the_next_row():
    record = twelve(200)
    strip = Record(record.signal[:1], 500, ("ECG",))
    layout = layout_of(strip)
    assert layout.rows == 8
    assert layout.samples == 80 * 500
    assert [each.begin for each in layout.strips] == [row * 5000 for row in range(8)]


def test_missing_limb_leads_are_derived_and_other_leads_are_counted():
    whole = twelve()
    eight = Record(whole.signal[:8], 500, ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"))
    assert len(layout_of(eight).leads) == 12
    more = Record(np.vstack([whole.signal, whole.signal[:3]]), 500, (*LEADS_12, "X", "Y", "Z"))
    assert "15 leads, 12 drawn" in words(paper.draw(more))


def test_invalid_samples_stay_gaps():
    record = twelve()
    record.signal[:, 1000:1500] = np.nan
    record.signal[0, 0] = np.inf
    drawn = lines(paper.draw(record))[-1].get_ydata()
    assert np.isnan(drawn[1000:1500]).all()
    assert np.isfinite(drawn[1500:]).all()
    paper.draw(Record(np.full((2, 100), np.nan, np.float32), 100, ("a", "b")))


def test_an_offset_is_removed():
    high = replace(twelve(), signal=twelve().signal + np.float32(40))
    for line, other in zip(lines(paper.draw(high)), lines(paper.draw(twelve())), strict=True):
        np.testing.assert_allclose(line.get_ydata(), other.get_ydata(), atol=1e-3)


def test_large_voltages_halve_the_gain_and_say_so():
    record = twelve()
    record.signal[:, 100:200] = 6
    figure = paper.draw(record)
    assert "5 mm/mV (0.5 of the usual gain)" in words(figure)
    assert np.ptp(lines(figure)[-1].get_ydata()) == pytest.approx(30)


def test_an_uncalibrated_recording_has_no_pulse_and_says_so():
    figure = paper.draw(twelve(amplitude=3000.0, meta={"calibrated": False}))
    said = words(figure)
    assert "NOT CALIBRATED" in said
    assert "mm/mV" not in said
    assert not [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) == 6]
    assert np.ptp(lines(figure)[-1].get_ydata()) < 4e4


def test_the_page_says_who_what_and_what_it_is_not():
    record = twelve(patient="p7", meta={"age": 63, "sex": "F", "start_s": 20.0, "duration_s": 120.0, "device": "cart"})
    said = words(paper.draw(record, filters="high-pass 0.5 Hz", note="diagnosis: normal"))
    for expected in ("comb", "p7", "63 years", "female", "120 s", "500 Hz", "12 leads", "cart", "20 to 30 s"):
        assert expected in said
    for expected in ("high-pass 0.5 Hz", "diagnosis: normal", "25 mm/s", "10 mm/mV", DISCLAIMER):
        assert expected in said
    assert "age and sex not stated" in words(paper.draw(twelve()))


@pytest.mark.parametrize("suffix", paper.SUFFIXES)
def test_every_format_is_written_whole_and_the_same_every_time(tmp_path, suffix):
    magic = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml", ".html": b"<!doctype html>"}[suffix]
    one, two = (paper.write(paper.draw(twelve(fs=100)), tmp_path / f"{name}{suffix}") for name in "ab")
    assert one.read_bytes().startswith(magic)
    assert one.read_bytes() == two.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [one.name, two.name]


def test_other_names_and_empty_records_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="not a name for a picture"):
        paper.write(paper.draw(twelve(fs=100)), tmp_path / "a.gif")
    with pytest.raises(DataError, match="no sample"):
        paper.draw(Record(np.empty((1, 0), np.float32), 100, ("ECG",)))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EcgError):
        paper.write(paper.draw(twelve(fs=100)), tmp_path / "file" / "b.png")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = set()

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        self.seen.update(name for name, _value in attributes if name.startswith("on"))
        self.seen.update(value.split(":")[0] for name, value in attributes if name == "src" and value)


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_what_a_file_says_is_inert_on_paper(tmp_path, payload):
    signal = twelve(1, fs=50).signal[:2]
    meta = dict.fromkeys(("age", "sex", "device"), payload)
    record = Record(signal, 50, (payload or "a", "b"), payload, payload, meta)
    figure = paper.draw(record, title=payload, note=payload, filters=payload)
    page = paper.write(figure, tmp_path / "page.html", payload).read_text(encoding="utf-8")
    assert page.count("<title>") == 1
    picture = paper.write(figure, tmp_path / "page.svg", payload).read_text(encoding="utf-8")
    for text in (page, picture):
        tags = Tags()
        tags.feed(text)
        assert "svg" in tags.seen
        assert not tags.seen & {"script", "iframe", "img", "onerror", "onload", "javascript"}
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
    paper.write(figure, tmp_path / "page.png", payload)
    paper.write(figure, tmp_path / "page.pdf", payload)
