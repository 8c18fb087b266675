"""``ecg plot --waves``: the waves on the page are those of the lead, in their place, of the range that is drawn."""

import json

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from support import make_store

from ecgtool import paper
from ecgtool.delineation import METHODS
from ecgtool.delineation.shown import part_of
from ecgtool.delineation.stored import add_waves
from ecgtool.delineation.walk import of_record, waves_of
from ecgtool.formats import write_record
from ecgtool.paper.waves import draw_waves
from ecgtool.picture import picture
from ecgtool.record import LEADS_12, Record
from ecgtool.signals.synth import Plan, draw
from ecgtool.signals.synth_person import Person
from ecgtool.store import Store
from ecgtool.waves import UNKNOWN, Waves

FS = 250.0


@pytest.fixture(scope="module")
def heart():
    return draw(Plan(Person.random(np.random.default_rng(2)), rate=70), FS, 20.0, seed=2, name="heart")


@pytest.fixture
def store(home, heart):
    made = make_store(home / "stores" / "toy", items=2, leads=12, samples=5000, fs=FS, unlabelled=0)
    np.save(made.path / "signals.npy", np.rint(heart.record.signal * 1000).astype(np.int16)[None].repeat(2, axis=0))
    return Store.open("toy")


def shades(figure):
    """Left and right end of every shade, in mm of the page."""
    (axes,) = figure.axes
    made = [each for each in axes.collections if isinstance(each, PolyCollection) and each.get_alpha() is not None]
    corners = [path.vertices[:, 0] for each in made for path in each.get_paths()]
    return sorted((float(x.min()), float(x.max())) for x in corners)


def test_a_wave_is_shaded_from_its_onset_to_its_offset_in_its_own_lead():
    record = Record(np.random.default_rng(0).normal(0, 0.1, (2, 1000)).astype(np.float32), 100.0, ("II", "V1"))
    table = np.array([(0, 0, 1, 100, 104, 110), (1, 0, 2, 990, 999, 1020), (1, 0, 0, UNKNOWN, 50, 60)], np.int64)
    waves = Waves(100.0, ("V1", "V9"), np.array([104]), table)
    figure = draw_waves(paper.draw(record), record, waves, "a method")
    assert shades(figure) == [(16 + 25.0, 16 + 27.5)]
    assert {"P wave", "QRS complex", "T wave", "R peak", "waves: a method"} <= {
        text.get_text() for text in figure.axes[0].texts
    }


def test_the_page_keeps_its_scale_and_gains_a_line_for_the_legend(heart):
    record = heart.record
    plain = paper.draw(record)
    drawn = draw_waves(paper.draw(record), record, waves_of(of_record(record)))
    assert drawn.get_size_inches()[0] == plain.get_size_inches()[0]
    for figure in (plain, drawn):
        low, high = figure.axes[0].get_ylim()
        assert abs(low - high) / 25.4 == pytest.approx(figure.get_size_inches()[1])


def test_the_waves_of_a_recording_are_drawn_and_counted(ecg, heart, tmp_path):
    path = write_record(heart.record, tmp_path / "heart.hea", "wfdb")
    drawn = ecg("plot", path, "--waves", "--json")
    assert drawn.code == 0
    inside = (heart.truth.beat_s < 10).sum()
    assert drawn.json["waves"]["beats"] == inside
    assert drawn.json["waves"]["QRS"] == pytest.approx(12 * inside, abs=12)
    assert drawn.json["waves"]["found_by"] in METHODS
    later = ecg("plot", path, "--waves", "--start", 10, "--seconds", 3, "--json")
    assert later.json["waves"]["beats"] == ((heart.truth.beat_s >= 10) & (heart.truth.beat_s < 13)).sum()
    assert "--waves" in ecg("plot", path, "--waves", "--force").err


def test_leads_that_are_derived_have_their_waves_too(ecg, heart, tmp_path):
    eight = heart.record.select(("I", "II", *LEADS_12[6:]))
    path = write_record(eight, tmp_path / "eight.hea", "wfdb")
    drawn = ecg("plot", path, "--waves", "--json").json["waves"]
    assert drawn["QRS"] >= 11 * drawn["beats"] > 80


def test_a_recording_without_waves_is_drawn_all_the_same(ecg, tmp_path):
    write_record(Record(np.zeros((12, 2500), np.float32), FS, LEADS_12), tmp_path / "flat.hea", "wfdb")
    signal = np.full((1, 2500), np.nan, np.float32)
    write_record(Record(signal, FS, ("II",)), tmp_path / "gap.hea", "wfdb")
    for name in ("flat.hea", "gap.hea"):
        drawn = ecg("plot", name, "--waves", "--json")
        assert drawn.code == 0
        assert drawn.json["waves"]["QRS"] == 0


def test_an_item_shows_the_newest_waves_of_its_store(ecg, store):
    found = ecg("plot", "toy:1", "--waves", "--json").json["waves"]
    assert found["beats"] > 8
    table = np.array([(0, 0, 1, 100, 104, 110), (2, 0, 2, 140, 150, 160)], np.int64)
    waves = Waves(FS, LEADS_12, np.array([104]), table)
    add_waves(store, "mine", lambda items: (waves for _ in items))
    shown = ecg("plot", "toy:1", "--waves", "--force", "--json").json["waves"]
    assert shown == {"found_by": "mine", "beats": 1, "P": 0, "QRS": 1, "T": 1}
    later = ecg("plot", "toy:1", "--waves", "--start", 0.5, "--json").json["waves"]
    assert later == {"found_by": "mine", "beats": 0, "P": 0, "QRS": 0, "T": 1}


def test_annotated_beats_are_named_below_the_trace(store):
    manifest = json.loads((store.path / "manifest.json").read_text())
    np.save(store.path / "beats.npy", np.array([(1, 300, 1), (1, 1600, 0)], np.int32))
    (store.path / "manifest.json").write_text(json.dumps({**manifest, "beats": 2, "symbols": ["N", "V"]}))
    made = picture("toy:1", waves=True, seconds=5)
    texts = [text.get_text() for text in made.figure.axes[0].texts]
    assert texts.count("V") >= 1
    assert "N" not in texts
    assert made.facts["waves"]["beats"] == 1


def test_waves_are_not_asked_of_a_run(ecg, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "config.yaml").write_text("arch: cnn1d\n")
    done = ecg("plot", "./runs", "--waves")
    assert done.code == 1
    assert "--waves" in done.err


def test_a_part_has_what_reaches_into_it_and_numbers_its_own_beats():
    table = np.array(
        [(0, 0, 1, 90, 95, 105), (0, 1, 0, 150, 160, 170), (0, 1, 2, 195, UNKNOWN, UNKNOWN), (0, 2, 1, 300, 310, 320)],
        np.int64,
    )
    found = part_of(Waves(FS, ("II",), np.array([95, 180, 310]), table), 100, 100)
    assert found.beats.tolist() == [80]
    assert found.table[:, 1:].tolist() == [
        [UNKNOWN, 1, 0, 0, 5],
        [0, 0, 50, 60, 70],
        [0, 2, 95, UNKNOWN, UNKNOWN],
    ]
