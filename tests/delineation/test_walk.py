"""Long recordings in pieces: no seam shows, no beat is there twice or lost, and memory does not grow."""

import tracemalloc

import numpy as np
import pytest

from ecgtool import delineation
from ecgtool.delineation import walk as walking
from ecgtool.delineation.walk import joined, of_file, of_item, of_record, pieces_of, walk, waves_of
from ecgtool.errors import DataError
from ecgtool.formats import write_record
from ecgtool.record import Record
from ecgtool.signals.synth import Plan, draw
from ecgtool.signals.synth_person import Person
from ecgtool.store import Store
from ecgtool.waves import UNKNOWN, Wave, Waves

FS = 250.0


@pytest.fixture(scope="module")
def drawing():
    """Two minutes of an irregular rhythm, two leads."""
    plan = Plan(Person.random(np.random.default_rng(5)), rate=80, ectopy="ventricular", ectopic_every=4)
    return draw(plan, FS, 120.0, seed=5, name="long")


@pytest.fixture(scope="module")
def record(drawing):
    return drawing.record.select(("II", "V2"))


@pytest.fixture
def short_pieces(monkeypatch):
    monkeypatch.setattr(walking, "PIECE_S", 20.0)
    monkeypatch.setattr(walking, "_SHORTEST_S", 20.0)
    monkeypatch.setattr(walking, "MARGIN_S", 5.0)


def test_pieces_together_are_what_the_whole_gives(record, drawing, short_pieces, monkeypatch):
    pieces = list(walk(of_record(record)))
    assert len(pieces) == 6
    found = joined(pieces, record.fs, record.leads)
    monkeypatch.setattr(walking, "PIECE_S", 600.0)
    whole = waves_of(of_record(record))
    assert len(found.beats) == len(whole.beats) == len(drawing.truth.beat_s)
    assert np.abs(found.beats - whole.beats).max() <= 0.02 * FS
    assert np.all(np.diff(found.beats) > 0.2 * FS)
    for kind in Wave:
        assert abs(len(found.of(kind=kind)) - len(whole.of(kind=kind))) <= 0.01 * len(whole.of(kind=kind))


def test_waves_of_pieces_name_their_beats_in_the_whole(record, short_pieces):
    found = waves_of(of_record(record))
    qrs = found.of(kind=Wave.QRS)
    assert len(qrs) > 200
    assert np.abs(found.beats[qrs[:, 1]] - qrs[:, 4]).max() < 0.12 * FS
    assert np.all(np.diff(found.column("lead")) >= 0)
    assert np.all(np.diff(found.of(lead=1)[:, 4]) >= 0)


def test_beats_that_are_given_are_kept_each_once(record, short_pieces):
    given = np.arange(50, record.signal.shape[1] - 50, 171, dtype=np.int64)
    assert waves_of(of_record(record), beats=given).beats.tolist() == given.tolist()


def test_a_recording_without_a_beat_is_walked_to_its_end(short_pieces):
    silent = Record(np.zeros((2, round(90 * FS)), np.float32), FS, ("I", "II"))
    pieces = list(walk(of_record(silent)))
    assert len(pieces) > 2
    assert not any(len(piece) or len(piece.beats) for piece in pieces)
    assert len(joined(pieces, FS, silent.leads)) == 0


def test_what_belongs_to_no_beat_comes_from_one_piece_alone(monkeypatch, short_pieces):
    def find(signal, fs, leads, beats):
        """A wave without a beat every two seconds of the recording, wherever the piece begins."""
        starts = np.flatnonzero(signal[0] > 0.5)
        table = np.stack(
            [
                np.zeros_like(starts),
                np.full_like(starts, UNKNOWN),
                np.zeros_like(starts),
                starts - 3,
                starts,
                starts + 3,
            ]
        )
        return Waves(fs, leads, beats, table.T)

    monkeypatch.setattr(delineation, "find_for_test", find, raising=False)
    monkeypatch.setitem(delineation.METHODS._members, "fake", "ecgtool.delineation:find_for_test")
    signal = np.zeros((1, round(100 * FS)), np.float32)
    at = np.arange(100, signal.shape[1] - 100, 500)
    signal[0, at] = 1
    beats = np.arange(20, signal.shape[1], 200, dtype=np.int64)
    found = waves_of(of_record(Record(signal, FS, ("I",))), "fake", beats)
    assert found.column("peak").tolist() == at.tolist()


def test_a_file_is_read_piece_by_piece(record, tmp_path, short_pieces):
    path = write_record(record, tmp_path / "long.hea", "wfdb")
    source = of_file(path)
    assert (source.samples, source.name) == (record.signal.shape[1], "long")
    np.testing.assert_allclose(source.read(20_000, 20_100), record.signal[:, 20_000:20_100], atol=6e-4)
    found, wanted = waves_of(source), waves_of(of_record(record))
    assert np.abs(found.beats - wanted.beats).max() <= 2


def test_the_leads_that_are_asked_for_are_the_ones_that_are_read(record, tmp_path):
    path = write_record(record, tmp_path / "long.hea", "wfdb")
    assert waves_of(of_file(path, ("V2",))).leads == ("V2",)
    with pytest.raises(DataError, match="lacks lead V9"):
        of_file(path, ("V9",))


def test_an_item_of_a_store_is_walked_without_its_mask(tmp_path, record):
    from support import make_store

    store = make_store(tmp_path / "toy", items=3)
    source = of_item(store, 1)
    np.testing.assert_array_equal(source.read(3, 9), store.millivolts(1)[:, 3:9])
    np.testing.assert_array_equal(of_item(store, 1, ("II",)).read(0, 64), store.millivolts(1)[1:])
    masked = store.manifest.model_copy(
        update={"preprocessing": store.manifest.preprocessing.model_copy(update={"missing": "mask"})}
    )
    assert of_item(Store(store.path, masked), 1).leads == ("I",)
    with pytest.raises(DataError, match="lacks lead II"):
        of_item(Store(store.path, masked), 1, ("II",))


def test_pieces_of_many_leads_are_shorter(record):
    twelve = of_record(Record(np.zeros((12, 10), np.float32), 1000.0, tuple(f"L{n}" for n in range(12))))
    assert pieces_of(twelve)[1] * 12 < 2**23
    assert pieces_of(of_record(record))[1] == 150_000


def test_memory_does_not_grow_with_the_length(tmp_path):
    """Two hours take no more than half an hour."""

    def most(seconds):
        beat = np.zeros(round(0.8 * 128), np.float32)
        beat[40:46] = 1.0
        signal = np.tile(beat, round(seconds / 0.8))[None].repeat(2, axis=0)
        path = write_record(Record(signal, 128.0, ("I", "II")), tmp_path / f"r{seconds}.hea", "wfdb")
        tracemalloc.start()
        beats = sum(len(piece.beats) for piece in walk(of_file(path), "wavelet"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert beats > 0.95 * seconds / 0.8
        return peak

    short, long = most(1800), most(7200)
    assert long < 1.2 * short
