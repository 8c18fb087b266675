"""Reading a store: by item, by id, as a record; what is opened, what is refused, and whatever bytes are wrong."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from support import MULTICLASS, MULTILABEL, make_store
from worded import worded_store

from ecgtool.errors import EcgError, FormatError, NotFound
from ecgtool.record import LEADS_12
from ecgtool.store import Store, stored_item


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "toy", items=20)


def spoil(store, **changes):
    path = store.path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def read_all(path):
    """Open a store and read everything in it."""
    store = Store.open(path)
    for task in store.manifest.tasks:
        store.label_counts(task)
        store.digest(task)
        store.labels_of(0, task)
    return store.signals.sum(), store.tabular.sum(), len(store.items), store.record(0), store.indices("train")


_opened: list[str] | None = None


def _hook(event, arguments):
    if event == "open" and _opened is not None:
        _opened.append(str(arguments[0]))


sys.addaudithook(_hook)


@pytest.fixture
def opened(store, monkeypatch):
    """The files of the store that were opened."""
    monkeypatch.setattr(sys.modules[__name__], "_opened", [])
    return lambda: {Path(name).name for name in _opened if str(store.path) in name}


def test_opening_touches_the_manifest_alone(store, opened):
    found = Store.open(store.path)
    assert found.manifest.items == 20
    assert found.task() == MULTILABEL
    assert opened() == {"manifest.json"}


def test_one_item_touches_no_table(store, opened):
    found = Store.open(store.path)
    found.millivolts(3)
    assert opened() == {"manifest.json", "signals.npy"}
    found.labelled(MULTILABEL)
    assert opened() == {"manifest.json", "signals.npy", "toy.npy"}


def test_arrays_are_memory_mapped_and_cannot_be_written(store):
    for array in (store.signals, store.tabular, store.targets(MULTILABEL)):
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable


def test_an_item_is_found_by_its_id_or_its_number(store):
    assert store.find_item("00007") == 7
    assert store.find_item("7") == 7
    assert store.find_item("19") == 19


def test_an_id_wins_over_a_number(store):
    path = store.path / "items.csv"
    path.write_text(path.read_text().replace("\n00007,", "\n3,"))
    assert store.find_item("3") == 7
    assert store.find_item("7") == 7


@pytest.mark.parametrize(
    "item", ["20", "-1", "0x1", "7.0", "", "p0001", "²", "٣", "9" * 5000], ids=lambda item: item[:9]
)
def test_an_item_that_is_not_there_is_named_with_those_that_are(store, item):
    with pytest.raises(NotFound) as missing:
        store.find_item(item)
    assert "0 to 19" in missing.value.hint
    assert "00000" in missing.value.hint
    assert len(missing.value.message) < 200


def test_an_item_as_a_record_has_what_is_known_of_it(store):
    record = store.record(3)
    assert (record.id, record.patient, record.fs, record.leads) == ("00003", "p0001", 100.0, LEADS_12[:2])
    assert record.signal.dtype == np.float32
    np.testing.assert_allclose(record.signal, store.signals[3] / 1000, rtol=1e-6)
    assert record.meta["age"] == store.tabular[3, 0]
    assert record.meta["sex"] == "MF"[int(store.tabular[3, 1])]
    assert record.calibrated


def test_an_unknown_age_is_not_in_the_record(store):
    assert np.isnan(store.tabular[0, 0])
    assert "age" not in store.record(0).meta
    assert "sex" in store.record(0).meta


def test_categories_and_numbers_are_told_as_a_file_would_state_them(tmp_path):
    columns = ("age", "sex", "device=GE", "device=Philips", "lvef")
    store = make_store(tmp_path / "told", items=4)
    spoil(store, tabular=list(columns))
    values = np.array([[50, 1, 0, 1, 40], [np.nan] * 5, [50, 0, 1, 0, np.nan], [50, 0, 0, 0, 1]], np.float32)
    np.save(store.path / "tabular.npy", values)
    told = [Store.open(store.path).record(item).meta for item in range(4)]
    assert (told[0]["sex"], told[0]["device"], told[0]["lvef"]) == ("F", "Philips", 40)
    assert set(told[1]) == {"calibrated", "device"}
    assert told[2]["device"] == "GE"
    assert "lvef" not in told[2]
    assert told[3]["device"] == "toy"


def test_a_store_that_is_not_in_millivolts_gives_records_that_are_not(store):
    spoil(store, calibrated=False)
    assert not Store.open(store.path).record(0).calibrated


def test_a_store_without_tabular_values_has_records_without_age(tmp_path):
    store = make_store(tmp_path / "plain", items=4, tabular=())
    assert store.tabular.shape == (4, 0)
    assert set(store.record(1).meta) & {"age", "sex"} == set()


def test_the_labels_of_an_item_are_those_of_its_targets(store, tmp_path):
    marks = store.targets(MULTILABEL)
    for item in range(18):
        assert store.labels_of(item, MULTILABEL) == tuple(np.array(MULTILABEL.labels)[marks[item] == 1].tolist())
    assert store.labels_of(19, MULTILABEL) == ()
    beats = make_store(tmp_path / "beats", items=20, task=MULTICLASS)
    assert beats.labels_of(4, MULTICLASS) == (MULTICLASS.labels[beats.targets(MULTICLASS)[4]],)


def test_store_colon_item_names_an_item_unless_a_file_is_called_so(store, tmp_path):
    named, item = stored_item(f"{store.path}:00005")
    assert (named.path, item) == (store.path, 5)
    for other in ("toy", "nothing:5", ":5", ""):
        assert stored_item(other) is None
    Path("a:5").write_text("")
    assert stored_item("a:5") is None
    with pytest.raises(NotFound):
        stored_item(f"{store.path}:99")


@pytest.mark.parametrize("name", ["signals.npy", "tabular.npy", "targets/toy.npy"])
def test_an_array_that_links_out_of_the_store_is_not_followed(store, tmp_path, name):
    (store.path / name).rename(tmp_path / "elsewhere.npy")
    (store.path / name).symlink_to(tmp_path / "elsewhere.npy")
    with pytest.raises(FormatError, match="leads out of"):
        read_all(store.path)


def test_an_archive_or_objects_in_place_of_an_array_are_not_unpacked(store):
    path = store.path / "signals.npy"
    with path.open("wb") as file:
        np.savez(file, store.targets(MULTILABEL))
    with pytest.raises(FormatError, match=r"signals\.npy is damaged"):
        read_all(store.path)
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(FormatError, match=r"signals\.npy is damaged"):
        read_all(store.path)


@pytest.mark.parametrize(
    "changes",
    [
        {"items": -1},
        {"items": 10**15},
        {"samples": 0},
        {"samples": -64},
        {"leads": []},
        {"leads": ["I", "I"]},
        {"fs": 0},
        {"fs": "NaN"},
        {"scale_uv": 0},
        {"tabular": ["age"]},
        {"tasks": [{"name": "toy", "kind": "multilabel", "labels": []}]},
        {"kind": "recordings"},
        {"preprocessing": {"fs": 100.0, "hipass": 1}},
        {"unheard_of": 1},
    ],
    ids=str,
)
def test_a_manifest_that_does_not_fit_is_one_error(store, changes):
    spoil(store, **changes)
    with pytest.raises(EcgError) as error:
        read_all(store.path)
    assert error.value.message.count("\n") == 0


@pytest.mark.parametrize("name", ["manifest.json", "items.csv", "signals.npy", "tabular.npy", "targets/toy.npy"])
def test_whatever_bytes_are_wrong_there_is_one_error_or_an_answer(store, name):
    path = store.path / name
    whole = path.read_bytes()
    chance = np.random.default_rng(len(name))
    answers = 0
    for _attempt in range(200):
        spoiled = bytearray(whole)
        for _byte in range(chance.choice((1, 1, 3, 20))):
            spoiled[chance.integers(min(len(spoiled), 400))] = chance.integers(256)
        path.write_bytes(spoiled[: chance.choice((len(whole), len(whole), chance.integers(len(whole))))])
        try:
            read_all(store.path)
            answers += 1
        except EcgError:
            continue
    path.write_bytes(whole)
    read_all(store.path)
    assert answers < 200


@pytest.mark.parametrize(("column", "number"), [(0, -1), (0, 20), (1, -1), (1, 1200), (2, -1), (2, 2)])
def test_beats_that_cannot_be_are_told_and_not_read(tmp_path, column, number):
    path = worded_store(tmp_path / "toy").path / "beats.npy"
    beats = np.load(path)
    beats[-1 if number > 0 else 0, column] = number
    np.save(path, beats)
    with pytest.raises(FormatError, match=r"beats\.npy is damaged"):
        _ = Store.open(path.parent).beats
