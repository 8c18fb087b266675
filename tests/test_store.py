"""A store: opened at once, refused where it is not what its manifest says, read by item, split, task and label."""

import csv
import json

import numpy as np
import pytest
from support import MULTICLASS, MULTILABEL, make_store

from ecgtool.datasets.staging import array_header
from ecgtool.errors import ConfigError, EcgError, FormatError, NotFound
from ecgtool.store import Store


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "toy")


def spoil(store, **changes):
    path = store.path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_store_is_found_by_name_in_its_home_and_by_path(home):
    made = make_store(home / "stores" / "toy")
    assert Store.open("toy").path.resolve() == made.path.resolve()
    assert Store.open(made.path).manifest == made.manifest
    with pytest.raises(NotFound) as error:
        Store.open("toys")
    assert "'toy'" in error.value.hint


def test_opening_reads_the_manifest_alone_whatever_the_size(store):
    items, leads, samples = 800_000, 2, 6_400  # 20 GB, of which the file system holds a few blocks
    (store.path / "signals.npy").unlink()
    with (store.path / "signals.npy").open("wb") as file:
        file.write(array_header(np.dtype(np.int16), (items, leads, samples)))
        file.truncate(file.tell() + 2 * items * leads * samples)
    spoil(store, items=items, samples=samples)
    (store.path / "items.csv").unlink()
    (store.path / "tabular.npy").unlink()
    opened = Store.open(store.path)
    assert opened.manifest.items == items
    assert isinstance(opened.signals, np.memmap)
    assert not opened.signals[-1].any()
    assert "items" not in vars(opened)


def test_a_header_of_ours_is_one_that_numpy_reads(tmp_path):
    array = np.arange(12, dtype=np.int16).reshape(3, 2, 2)
    path = tmp_path / "array.npy"
    path.write_bytes(array_header(array.dtype, array.shape) + array.tobytes())
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), array)
    assert len(array_header(np.dtype(np.float32), (10**12, 12, 10**6))) == 128


def test_millivolts_are_counts_times_the_scale(store):
    spoil(store, scale_uv=2.5)
    opened = Store.open(store.path)
    assert opened.millivolts(7).dtype == np.float32
    np.testing.assert_allclose(opened.millivolts(7), store.signals[7] * 0.0025, rtol=1e-6)


def test_indices_are_those_of_a_split_that_carry_a_label(store):
    test = store.indices("test")
    assert set(np.array(store.column("split"))[test]) == {"test"}
    assert {58, 59} <= set(test.tolist())
    assert set(store.indices("test", MULTILABEL).tolist()) == set(test.tolist()) - {58, 59}
    with pytest.raises(ConfigError) as error:
        store.indices("tests")
    assert "'test'" in error.value.hint


def test_a_multiclass_item_without_a_label_has_minus_one(tmp_path):
    store = make_store(tmp_path / "beats", task=MULTICLASS)
    assert not store.labelled(MULTICLASS)[-2:].any()
    assert store.labelled(MULTICLASS)[:-2].all()
    assert store.labels_of(59, MULTICLASS) == ()
    counts = store.label_counts(MULTICLASS)
    assert sum(sum(splits.values()) for splits in counts.values()) == 58


def test_labels_are_counted_per_split(store):
    counts = store.label_counts(MULTILABEL)
    assert list(counts) == list(MULTILABEL.labels)
    train = store.indices("train", MULTILABEL)
    assert counts["FAST"]["train"] == int((store.targets(MULTILABEL)[train, 1] == 1).sum())


def test_a_column_is_text_and_the_frame_has_types(store):
    assert store.column("patient")[:3] == ["p0000", "p0000", "p0001"]
    assert store.items["patient"].tolist() == store.column("patient")
    assert np.isnan(store.items["age"][0])
    with pytest.raises(FormatError, match="does not have a 'weight'"):
        store.column("weight")


def test_an_empty_cell_of_a_text_column_is_empty_text_and_a_name_like_na_stays(store):
    path = store.path / "items.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0].update(record="", patient="NA")
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    assert store.items["record"][0] == ""
    assert store.items["patient"][0] == "NA"


def test_the_only_task_needs_no_name(store):
    assert store.task() == MULTILABEL
    with pytest.raises(ConfigError) as error:
        store.task("toi")
    assert "'toy'" in error.value.hint


@pytest.mark.parametrize("schema_version", [0, 2, "1", None])
def test_a_store_of_another_version_is_refused(store, schema_version):
    spoil(store, schema_version=schema_version)
    with pytest.raises(FormatError, match="schema_version"):
        Store.open(store.path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"schema_version": 1}', "\x00", '{"schema_version": 1, "scale_uv": -1}']
)
def test_a_damaged_manifest_is_refused_in_words(store, text):
    (store.path / "manifest.json").write_text(text)
    with pytest.raises(FormatError, match=r"manifest\.json"):
        Store.open(store.path)


def test_a_folder_without_a_manifest_is_no_store(tmp_path):
    with pytest.raises(FormatError, match="no manifest"):
        Store.open(tmp_path)


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[:60]),
        lambda path: np.save(path, np.load(path)[:-1]),
        lambda path: np.save(path, np.load(path).astype(np.float64)),
        lambda path: np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True),
    ],
    ids=["missing", "empty", "short", "header", "shape", "type", "pickle"],
)
@pytest.mark.parametrize("name", ["signals.npy", "tabular.npy", "targets/toy.npy"])
def test_an_array_that_is_not_what_the_manifest_says_is_refused_in_words(store, name, spoiled):
    spoiled(store.path / name)
    opened = Store.open(store.path)
    with pytest.raises(EcgError) as error:
        {"signals.npy": lambda: opened.signals, "tabular.npy": lambda: opened.tabular}.get(
            name, lambda: opened.targets(MULTILABEL)
        )()
    assert name in error.value.message


def test_a_list_of_items_that_is_too_short_is_refused(store):
    path = store.path / "items.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(FormatError, match=r"items\.csv"):
        store.indices("train")
    with pytest.raises(FormatError, match=r"items\.csv"):
        _ = store.items


def test_a_task_whose_name_is_a_path_is_not_followed(store):
    (store.path.parent / "secret.npy").write_bytes((store.path / "targets" / "toy.npy").read_bytes())
    with pytest.raises(EcgError, match="does not stay inside"):
        store.targets(MULTILABEL.model_copy(update={"name": "../../secret"}))


def test_the_digest_changes_with_what_a_run_learns_from_and_not_with_a_further_task(store):
    before = store.digest(MULTILABEL)
    spoil(store, tasks=[MULTILABEL.model_dump(mode="json"), MULTICLASS.model_dump(mode="json")], notes=["more"])
    assert Store.open(store.path).digest(MULTILABEL) == before
    spoil(store, preprocessing={"fs": 100.0, "highpass": 0.5})
    assert Store.open(store.path).digest(MULTILABEL) != before
