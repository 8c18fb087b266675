"""Waves in a store: whole or absent, gone on with, replaced only when forced."""

import errno
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
from failing_disk import FailingDisk
from support import make_store

from ecgtool.delineation.stored import add_waves, copied
from ecgtool.errors import ConfigError, DataError, EcgError, FormatError
from ecgtool.store import Store
from ecgtool.waves import Waves


def waves_of(item, leads=("I", "II"), shift=0):
    """``item`` beats with a P wave and a QRS complex in each lead."""
    beats = np.arange(item % 4, dtype=np.int64) * 20 + shift
    rows = [
        (lead, beat, kind, at + kind, at + kind + 1, at + kind + 2)
        for lead in range(len(leads))
        for beat, at in enumerate(beats)
        for kind in range(2)
    ]
    return Waves(100.0, leads, beats, np.array(rows, np.int64).reshape(-1, 6))


def finder(asked=None, **options):
    def find(items):
        for item in items:
            if asked is not None:
                asked.append(item)
            yield waves_of(item, **options)

    return find


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "toy", items=10)


def test_a_set_of_waves_reads_back_item_by_item(store):
    made = add_waves(store, "toy", finder(), method="wavelet", beats_from="reference")
    held = made.wave_set()
    assert (held.name, held.method, held.beats_from) == ("toy", "wavelet", "reference")
    assert (held.beats, held.waves) == (sum(n % 4 for n in range(10)), 4 * sum(n % 4 for n in range(10)))
    for item in range(10):
        found, wanted = made.waves(item), waves_of(item)
        np.testing.assert_array_equal(found.beats, wanted.beats)
        np.testing.assert_array_equal(found.table, wanted.table)
    assert {path.name for path in (made.path / "waves").iterdir()} == {"toy.npy", "toy-beats.npy"}


def test_waves_of_some_leads_are_numbered_as_the_store_numbers_them(store):
    made = add_waves(store, "second", finder(leads=("II",)), leads=("II",))
    assert set(made.waves(3).column("lead").tolist()) == {1}
    turned = add_waves(store, "turned", finder(leads=("II", "I")))
    assert np.all(np.diff(turned.waves(3, "turned").column("lead")) >= 0)
    with pytest.raises(DataError, match="lead V9"):
        add_waves(store, "other", finder(leads=("V9",)))


def test_the_same_set_again_is_nothing_to_do_and_another_of_its_name_is_refused(store):
    made = add_waves(store, "toy", finder(), method="a")
    asked = []
    assert add_waves(made, "toy", finder(asked), method="a") is made
    assert not asked
    with pytest.raises(ConfigError) as error:
        add_waves(made, "toy", finder(asked), method="a", beats_from="reference")
    assert "--force" in error.value.hint


def test_force_replaces_a_set_and_leaves_nothing_of_the_old_one(store):
    made = add_waves(add_waves(store, "toy", finder()), "other", finder(shift=2))
    for shift in (1, 5, 7):
        made = add_waves(
            made, "toy", finder(shift=shift), beats_from=("detected", "reference")[shift % 4 // 2], force=True
        )
        assert made.waves(2, "toy").beats.tolist() == [shift, 20 + shift]
        assert made.waves(2, "other").beats.tolist() == [2, 22]
        assert len(list((made.path / "waves").iterdir())) == 4
    assert made.wave_set().name == "toy"


def test_sets_whose_files_would_have_one_name_do_not_meet(store):
    made = add_waves(add_waves(store, "toy-beats", finder()), "toy", finder(shift=3))
    assert made.waves(2, "toy-beats").beats.tolist() == [0, 20]
    assert made.waves(2, "toy").beats.tolist() == [3, 23]


def test_a_name_that_leads_elsewhere_is_refused(store):
    with pytest.raises(ConfigError):
        add_waves(store, "../toy", finder())


def test_what_was_interrupted_goes_on_with_the_next_item(store):
    def broken(items):
        yield from itertools.islice(finder()(items), 4)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_waves(store, "toy", broken)
    assert not Store.open(store.path).manifest.waves
    asked = []
    made = add_waves(store, "toy", finder(asked))
    assert asked == list(range(4, 10))
    np.testing.assert_array_equal(made.waves(3).table, waves_of(3).table)
    np.testing.assert_array_equal(made.waves(9).table, waves_of(9).table)


def test_what_was_begun_with_other_options_is_begun_anew(store):
    def broken(items):
        yield from itertools.islice(finder(shift=9)(items), 4)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_waves(store, "toy", broken, method="a")
    made = add_waves(store, "toy", finder(), method="b")
    assert made.waves(3).beats.tolist() == waves_of(3).beats.tolist()


def test_two_processes_do_not_write_the_same_set(store):
    def find(items):
        with pytest.raises(ConfigError, match="Another process"):
            add_waves(store, "toy", finder())
        yield from finder()(items)

    assert add_waves(store, "toy", find).manifest.waves


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_leaves_the_store_as_it_was_or_whole(store, code, monkeypatch):
    store = add_waves(store, "toy", finder())
    for number in itertools.count(1):
        with monkeypatch.context() as patch:
            disk = FailingDisk(patch, number, code)
            with suppress(EcgError):
                add_waves(store, "toy", finder(shift=1), force=True)
        opened = Store.open(store.path)
        first = opened.waves(2).beats[0]
        assert first in (0, 1)
        np.testing.assert_array_equal(opened.waves(3).beats, waves_of(3, shift=first).beats)
        if disk.left > 0:
            break
    assert first == 1
    assert number > 8


SLOW = """
import sys, time
sys.path[:0] = [{tests!r}]
from delineation.test_stored_waves import finder
from ecgtool.delineation.stored import add_waves, copied
from ecgtool.store import Store

def slow(items):
    for waves in finder(shift=1)(items):
        time.sleep(0.002)
        yield waves

print("ready", flush=True)
add_waves(Store.open({path!r}), "toy", slow, force=True)
print("done", flush=True)
"""


def test_a_process_killed_at_any_instant_leaves_the_store_as_it_was_or_whole(store, request):
    store = add_waves(store, "toy", finder())
    tests = str(request.path.parents[1])
    source = SLOW.format(tests=tests, path=str(store.path))
    for delay in (0.0, 0.012, 0.02, 0.03, 0.05):
        running = subprocess.Popen(
            [sys.executable, "-c", source], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": tests}
        )
        assert running.stdout.readline() == b"ready\n"
        time.sleep(delay)
        running.send_signal(signal.SIGKILL)
        running.wait()
        opened = Store.open(store.path)
        first = int(opened.waves(2).beats[0])
        assert first in (0, 1)
        np.testing.assert_array_equal(opened.waves(3).table, waves_of(3, shift=first).table)
    made = add_waves(Store.open(store.path), "toy", finder(shift=1), force=True)
    assert made.waves(3).beats.tolist() == waves_of(3, shift=1).beats.tolist()


@pytest.mark.parametrize(
    ("how", "command"),
    [
        ({"method": "wavelet"}, "--method wavelet --name toy --force"),
        ({"method": "toy", "leads": ("I", "II")}, "--method toy --leads I,II --force"),
    ],
)
def test_waves_that_are_missing_or_damaged_say_how_to_find_them_again(store, how, command):
    made = add_waves(store, "toy", finder(), **how)
    for number, left in itertools.product((0, 1), (200, 0, None)):
        path = made.path / made.wave_set().files[number]
        part = path.read_bytes()[:left]
        path.unlink()
        if left is not None:
            path.write_bytes(part)
        with pytest.raises(FormatError) as caught:
            Store.open(made.path).waves(3)
        assert caught.value.hint.startswith("Find them again: ecg segment ")
        assert caught.value.hint.endswith(f"toy {command}")
        made = add_waves(made, "toy", finder(), force=True, **how)
        np.testing.assert_array_equal(made.waves(3).table, waves_of(3).table)


def test_waves_of_an_expert_that_are_missing_come_with_the_store(store):
    made = add_waves(store, "toy", finder())
    (made.path / "waves" / "toy.npy").unlink()
    with pytest.raises(FormatError) as caught:
        Store.open(made.path).waves(3)
    assert caught.value.hint == "They are an expert's. Prepare the store again."


def test_waves_do_not_change_what_a_run_learns_from(store):
    before = store.digest(store.task())
    made = add_waves(store, "toy", finder())
    assert made.digest(made.task()) == before
    assert json.loads((made.path / "manifest.json").read_text())["waves"][0]["digest"].startswith("sha256:")


@pytest.mark.parametrize(
    ("column", "number"), [(0, 9), (0, -1), (1, 7), (1, -1), (2, 99), (3, 3), (4, 64), (5, -2), (6, 10**9)]
)
def test_waves_that_cannot_be_are_told_and_not_read(store, column, number):
    made = add_waves(store, "toy", finder())
    path = made.path / "waves" / "toy.npy"
    table = np.load(path)
    table[np.flatnonzero(table[:, 0] == 3)[0], column] = number
    np.save(path, table)
    with pytest.raises(FormatError, match="damaged"):
        [Store.open(made.path).waves(item) for item in range(10)]


def test_beats_of_waves_beyond_the_end_are_told(store):
    made = add_waves(store, "toy", finder())
    path = made.path / "waves" / "toy-beats.npy"
    table = np.load(path)
    table[-1, 1] = 64
    np.save(path, table)
    with pytest.raises(FormatError, match="item 9"):
        Store.open(made.path).waves(9)


def test_a_copy_that_was_given_waves_is_replaced_when_forced(store, tmp_path):
    add_waves(copied(store, tmp_path / "copy"), "toy", finder())
    assert copied(store, tmp_path / "copy", force=True).manifest.waves == ()
