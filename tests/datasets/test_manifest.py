"""Manifests: what they list becomes a store, what in them cannot be right is told, and who the people are stays out."""

import csv
import pickle
from contextlib import suppress

import numpy as np
import pytest
from corpora import contents
from manifests import DEVICES, SECRETS, rows_of, write_manifest

from ecgtool.datasets.inputs import chosen_columns
from ecgtool.datasets.manifest import Manifest
from ecgtool.datasets.splits import Division
from ecgtool.deidentify.key import Key
from ecgtool.errors import ConfigError, DataError, EcgError, FormatError, NotFound
from ecgtool.store import SPLITS, Store

KEY = Key(b"k" * 32)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder of recordings and the rows of a manifest of them; numbers 3 and 10 lack V6."""
    folder = tmp_path_factory.mktemp("clinic")
    return folder, rows_of(folder, lacking=(3, 10))


@pytest.fixture
def listed(written):
    """A corpus of the rows as they are or as changed: ``listed(change)``, where ``change(rows)`` works in place."""
    folder, rows = written

    def make(change=lambda rows: None, **options):
        changed = [dict(row) for row in rows]
        change(changed)
        return Manifest(write_manifest(folder, changed), KEY, **options)

    return make


def note(corpus, word):
    """The one note that has the word."""
    (found,) = [said for said in corpus.notes if word in said]
    return found


def test_a_manifest_keeps_the_promises_of_a_corpus(listed):
    corpus = listed()
    assert (corpus.leads, corpus.fs, corpus.samples) == (("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"), 500, 5000)
    assert [entry.id for entry in corpus.entries] == [f"line{row + 2}" for row in range(24)]
    assert len({entry.patient for entry in corpus.entries}) < 24
    (task,) = corpus.tasks
    assert (task.kind, task.labels) == ("multiclass", ("0", "1"))
    record = corpus.read(corpus.entries[5])
    assert (record.id, record.patient, record.fs) == ("line7", corpus.entries[5].patient, 250)
    again = pickle.loads(pickle.dumps(corpus))
    np.testing.assert_array_equal(again.read(again.entries[5]).signal, record.signal)


def test_further_columns_become_inputs_and_what_may_identify_does_not(listed):
    corpus = listed()
    assert corpus.tabular == ("age", "sex", "device=Cardiograph 7", "device=MAC5000", "lvef")
    assert corpus.tabular_values.dtype == np.float32
    np.testing.assert_array_equal(corpus.tabular_values[:3, 2:4], [[0, 1], [1, 0], [0, 1]])
    assert corpus.entries[1].metadata["device"] == "Cardiograph 7"
    assert "dates" in note(corpus, "'seen'")
    assert "24 different texts" in note(corpus, "'ward'")
    assert "who a person is" in note(corpus, "'full name'")


def test_a_value_written_in_two_ways_is_one_category(listed):
    assert DEVICES[0] != DEVICES[2]
    assert note(listed(), "Column 'device' writes").endswith("lines 4, 7, 10, 13, 16, 19, 22, 25.")


def test_unknown_values_are_nan_and_a_row_without_a_category_has_none(listed):
    def empty(rows):
        rows[0] |= {"age": "", "sex": "unknown", "device": "n/a", "lvef": "?"}

    corpus = listed(empty)
    assert np.isnan(corpus.tabular_values[0]).all()
    assert corpus.entries[0].metadata == {"age": None, "sex": None, "lvef": None, "device": None}


@pytest.mark.parametrize(
    ("column", "cells", "why"),
    [
        ("mrn_number", [f"x{row}" for row in range(24)], "who a person is"),
        ("birthYear", ["1950", "1960"] * 12, "who a person is"),
        ("number", [str(471_100 + row) for row in range(24)], "ids"),
        ("code", [f"00{row % 7}" for row in range(24)], "ids"),
        ("seen_on", ["19530207", "19530208"] * 12, "dates"),
        ("remarked", ["a" * 41, "b"] * 12, "free text"),
        ("site", ["Bern"] * 24, "one value alone"),
        ("bsa", ["1.8"] * 24, "one value alone"),
        ("blank", [""] * 24, "empty"),
        ("a=b", ["x", "y"] * 12, "name"),
        ("@SUM(1)", ["x", "y"] * 12, "name"),
        ("record", ["x", "y"] * 12, "name"),
        ("fold", ["1", "2"] * 12, "divides the recordings"),
        ("words", [f"w{row % 21}" for row in range(24)], "no categories"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_column_that_cannot_be_an_input_is_left_out_and_told(listed, column, cells, why):
    def add(rows):
        for row, cell in zip(rows, cells, strict=True):
            row[column] = cell

    corpus = listed(add)
    assert not [name for name in corpus.tabular if name.startswith(column)]
    assert why in note(corpus, f"Column '{column}'")
    assert not any(cell in said for said in corpus.notes for cell in cells if len(cell) > 4)


def test_what_a_spreadsheet_or_terminal_would_run_is_inert_in_the_store(written, ecg, home):
    folder, rows = written
    payloads = ("=cmd|' /C calc'!A0", "@SUM(1+1)", "[red]bold[/red]", "<script>alert(1)</script>")
    odd = [{**row, "label": payloads[number % 2], "device": payloads[number % 4]} for number, row in enumerate(rows)]
    made = ecg("prepare", "manifest", write_manifest(folder, odd, "odd.csv"), "--fs", 100, "--length", 300)
    assert made.code == 0, made.err
    for row in csv.reader((home / "stores" / "odd" / "items.csv").read_text().splitlines()):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
    assert "[red]bold[/red]" in ecg("info", "odd").out


def test_cells_that_are_no_numbers_are_unknown_and_told(listed):
    def spoil(rows):
        rows[4]["lvef"] = "<35"

    corpus = listed(spoil)
    assert np.isnan(corpus.tabular_values[4, corpus.tabular.index("lvef")])
    assert note(corpus, "lvef") == "Column 'lvef' holds no number in line 6: unknown there."


def test_ages_over_89_become_90(listed):
    def old(rows):
        rows[0]["age"], rows[1]["age"] = "97", "89"

    corpus = listed(old)
    assert corpus.tabular_values[:2, 0].tolist() == [90, 89]
    assert note(corpus, "ages").startswith("1 ages over 89 are kept as 90")


@pytest.mark.parametrize(("column", "cell"), [("age", "250"), ("age", "-1"), ("age", "old"), ("sex", "x")])
def test_an_age_or_sex_that_cannot_be_is_refused_with_its_line(listed, column, cell):
    with pytest.raises(FormatError, match="line 9"):
        listed(lambda rows: rows[7].update({column: cell}))


def test_inputs_can_be_chosen_and_a_chosen_one_that_cannot_be_is_refused(listed):
    assert listed(inputs=("lvef",)).tabular == ("lvef",)
    assert listed(inputs=()).tabular == ()
    with pytest.raises(ConfigError, match="dates"):
        listed(inputs=("seen",))
    with pytest.raises(ConfigError, match="no further column") as refused:
        listed(inputs=("lvef", "devise"))
    assert "device" in refused.value.hint
    assert chosen_columns(" age, sex,age") == ("age", "sex")


def test_labels_may_be_names_and_several(listed):
    def names(rows):
        for number, row in enumerate(rows):
            row["label"] = ("AF; LVH", "af", "none of these", ";", "", "LVH")[number % 6]

    corpus = listed(names)
    (task,) = corpus.tasks
    assert (task.kind, task.labels) == ("multilabel", ("AF", "LVH", "none of these"))
    np.testing.assert_array_equal(
        corpus.targets["label"][:6], [[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0], [255] * 3, [0, 1, 0]]
    )
    assert note(corpus, "no label").endswith("lines 6, 12, 18, 24.")
    assert "lines 3, 9, 15, 21" in note(corpus, "Labels written")


def test_numbers_as_labels_come_by_size(listed):
    def numbers(rows):
        for number, row in enumerate(rows):
            row["label"] = ("10", "2", "2.0")[number % 3]

    assert listed(numbers).tasks[0].labels == ("2", "10")


@pytest.mark.parametrize("label", [lambda number: "1", lambda number: ""])
def test_labels_that_teach_nothing_are_refused(listed, label):
    with pytest.raises(DataError, match="nothing to learn"):
        listed(lambda rows: [row.update(label=label(number)) for number, row in enumerate(rows)])


def test_more_labels_than_make_sense_are_refused(written):
    folder, rows = written
    many = [{**rows[0], "path_xml": f"ecg/{number}.xml", "label": f"{number}.5"} for number in range(300)]
    with pytest.raises(DataError, match="300 different labels"):
        Manifest(write_manifest(folder, many), KEY)


def test_one_patient_in_two_spellings_is_one_patient_and_told(listed):
    def spell(rows):
        rows[1]["patient_id"] = f" {rows[0]['patient_id'].upper()}  "
        rows[2]["patient_id"] = rows[0]["patient_id"].replace(" ", "")

    corpus = listed(spell)
    assert len({entry.patient for entry in corpus.entries[:3]}) == 1
    assert "lines 3, 4" in note(corpus, "patients are written")


def test_repeated_rows_are_left_out_and_contradicting_ones_too(listed):
    def repeat(rows):
        rows.append(dict(rows[0]))
        rows.append({**rows[1], "label": "0" if rows[1]["label"] == "1" else "1"})
        rows.append({**rows[2], "patient_id": "somebody else", "path_xml": f"./{rows[2]['path_xml']}"})

    corpus = listed(repeat)
    ids = [entry.id for entry in corpus.entries]
    assert ids[0] == "line2"
    assert not {"line3", "line4", "line26", "line27", "line28"} & set(ids)
    assert note(corpus, "repeat a recording").endswith("line 26.")
    assert note(corpus, "another label").endswith("lines 3, 27.")
    assert note(corpus, "another patient").endswith("lines 4, 28.")


def test_nobody_is_in_two_splits_and_every_label_in_all(listed):
    corpus = listed()
    splits = np.array([entry.split for entry in corpus.entries])
    patients = np.array([entry.patient for entry in corpus.entries])
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not set(patients[splits == SPLITS[one]]) & set(patients[splits == SPLITS[other]])
    assert (splits == "train").mean() == pytest.approx(0.7, abs=0.1)
    for split in SPLITS:
        assert set(corpus.targets["label"][splits == split]) == {0, 1}
    folds = listed(division=Division.of(folds=5))
    assert {entry.fold for entry in folds.entries} == {1, 2, 3, 4, 5}


def test_splits_do_not_depend_on_the_key(written):
    file = write_manifest(*written)
    one, other = (Manifest(file, Key(secret * 32)) for secret in (b"a", b"b"))
    assert [entry.split for entry in one.entries] == [entry.split for entry in other.entries]
    assert not {entry.patient for entry in one.entries} & {entry.patient for entry in other.entries}


def test_a_column_of_splits_is_taken_at_its_word(listed):
    def split(rows):
        for number, row in enumerate(rows):
            row["split"] = ("train", "Validation", "test", "train")[number % 4]

    corpus = listed(split)
    assert [entry.split for entry in corpus.entries[:4]] == ["train", "val", "test", "train"]
    assert "split" not in "".join(corpus.tabular)
    assert "more than one split" in " ".join(corpus.notes)
    assert listed(split, division=Division()).entries != corpus.entries
    with pytest.raises(FormatError, match="line 5: split holds ''"):
        listed(lambda rows: (split(rows), rows[3].update(split="")))
    with pytest.raises(FormatError, match="line 5: split holds 'trian'"):
        listed(lambda rows: (split(rows), rows[3].update(split="trian")))


@pytest.mark.parametrize(
    "path", ["../secret.xml", "/etc/passwd", "a/../../b.xml", "C:\\b.xml", "http://x/y.xml", "nul\0.xml", "x" * 2000]
)
def test_a_path_that_leads_out_of_the_folder_is_refused_with_its_line(listed, path):
    with pytest.raises(EcgError, match="line 4") as refused:
        listed(lambda rows: rows[2].update(path_xml=path))
    assert "--root" in refused.value.hint or "NUL" in refused.value.message or "CSV" in refused.value.message


def test_a_link_that_leads_out_of_the_folder_is_refused(listed, written, tmp_path):
    (tmp_path / "outside.xml").write_text("secret")
    (written[0] / "ecg" / "link.xml").symlink_to(tmp_path / "outside.xml")
    with pytest.raises(FormatError, match="line 2: the path does not stay inside"):
        listed(lambda rows: rows[0].update(path_xml="ecg/link.xml"))


def test_recordings_may_lie_in_another_folder_that_is_named(written, tmp_path):
    folder, rows = written
    absolute = [{**row, "path_xml": str(folder.resolve() / row["path_xml"])} for row in rows]
    file = write_manifest(tmp_path, absolute)
    with pytest.raises(FormatError, match="does not stay inside"):
        Manifest(file, KEY)
    corpus = Manifest(file, KEY, root=folder)
    assert corpus.read(corpus.entries[0]).fs == 250
    assert Manifest(write_manifest(tmp_path, rows), KEY, root=folder).read(corpus.entries[0]).fs == 250


@pytest.mark.parametrize(
    ("columns", "error", "said"),
    [
        (("path", "label"), NotFound, "no column 'patient_id'"),
        (("patient_id", "path"), NotFound, "no column 'label'"),
        (("patient_id", "label"), NotFound, "no column 'path_xml' or 'path'"),
        (("patient_id", "path", "path_xml", "label"), ConfigError, "both a column"),
        (("patient_id", "path", "label", "label"), FormatError, "two columns 'label'"),
    ],
)
def test_columns_that_must_be_are_named(tmp_path, columns, error, said):
    (tmp_path / "m.csv").write_text(",".join(columns) + "\n" + ",".join("x" for _ in columns) + "\n")
    with pytest.raises(error, match=said):
        Manifest(tmp_path / "m.csv", KEY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column"),
        ("patient_id,path,label\n", "lists no recording"),
        ("patient_id,path,label\n,a.xml,1\n", "line 2 has no patient_id"),
        ("patient_id,path,label\np1,,1\n", "line 2 names no recording"),
        ("patient_id,path,label\np1\n", "line 2 has 1 cells"),
        ("patient_id,path,label\np1,a.xml,\x1b[31m\np1,b.xml,0\n", "line 2: label holds"),
        ("patient_id|path|label\np1|a.xml|1\n", "no column 'patient_id'"),
        ("patient_id,path,label\np1,a.xml,1\np2,a.xml,0\n", "another label"),
    ],
)
def test_a_manifest_that_is_none_is_refused_in_one_line(tmp_path, text, said):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(EcgError, match=said):
        Manifest(tmp_path / "m.csv", KEY)


def test_spaces_around_heads_and_empty_lines_do_no_harm(written):
    folder, rows = written
    text = "\ufeffpatient_id , path , label\n" + "".join(
        f"{row['patient_id']}, {row['path_xml']} ,{row['label']}\n,,\n" for row in rows
    )
    (folder / "spaced.csv").write_text(text, encoding="utf-8")
    assert len(Manifest(folder / "spaced.csv", KEY).entries) == 24


def test_missing_and_damaged_recordings_are_told_by_line_alone(listed, written, tmp_path, ecg):
    folder, rows = written
    changed = [dict(row) for row in rows]
    changed[0]["path_xml"] = "ecg/Rosenfeld  Wilhelmine gone.xml"
    (folder / "ecg" / "Rosenfeld Wilhelmine.xml").write_text("<RestingECG><Waveform>")
    changed[1]["path_xml"] = "ecg/Rosenfeld Wilhelmine.xml"
    write_manifest(folder, changed, "torn.csv")
    made = ecg("prepare", "manifest", folder / "torn.csv", "--fs", 100, "--length", 400)
    assert made.code == 0, made.err
    said = " ".join(Store.open("torn").manifest.notes)
    assert "1 recordings are missing: line2." in said
    assert "line3" in said
    assert "Record 'line5' lacks lead V6" in said
    for text in ("Rosenfeld", "Wilhelmine", str(folder)):
        assert text not in said
        assert text not in made.err


def test_no_byte_of_the_store_says_who_anybody_is(written, ecg, home):
    folder, rows = written
    made = ecg("prepare", "manifest", write_manifest(folder, rows), "--fs", 100, "--length", 400, "--missing", "mask")
    assert made.code == 0, made.err
    planted = (folder / rows[0]["path_xml"]).read_text(encoding="latin-1") + str(rows)
    assert all(secret in planted for secret in SECRETS)
    for name, data in contents(home / "stores").items():
        for secret in SECRETS:  # among counts, any three bytes may come together by chance
            assert secret.encode() not in data or (name.endswith(".npy") and len(secret) < 6), (name, secret)
    assert not any(secret in made.out + made.err for secret in SECRETS)


def test_workers_and_a_second_time_make_the_same_bytes(written, ecg, home):
    folder, rows = written
    file = write_manifest(folder, rows)
    for workers in (1, 2):
        options = ("--fs", 100, "--length", 300, "--workers", workers, "--out", f"w{workers}")
        assert ecg("prepare", "manifest", file, *options).code == 0
    assert contents(home / "stores" / "w1") == contents(home / "stores" / "w2")
    again = ecg("prepare", "manifest", file, "--fs", 100, "--length", 300, "--out", "w1")
    assert "nothing to do" in again.err
    write_manifest(folder, rows[:-1])
    changed = ecg("prepare", "manifest", file, "--fs", 100, "--length", 300, "--out", "w1")
    assert changed.code == 1
    assert "another manifest" in changed.err


def test_whatever_bytes_are_wrong_there_is_one_error_or_a_corpus(written, tmp_path):
    whole = write_manifest(*written).read_bytes()
    chance = np.random.default_rng(5)
    for number in range(200):
        data = bytearray(whole)
        for _ in range(chance.integers(1, 8)):
            data[chance.integers(len(data))] = chance.integers(256)
        (tmp_path / "m.csv").write_bytes(data[: chance.integers(1, len(data))] if number % 4 == 0 else data)
        with suppress(EcgError):
            corpus = Manifest(tmp_path / "m.csv", KEY)
            assert len(corpus.entries) == len(corpus.targets["label"]) == len(corpus.tabular_values)


def test_the_key_is_made_once_and_kept_to_oneself(written, ecg, home, tmp_path):
    file = write_manifest(*written)
    options = ("--fs", 100, "--length", 300)
    assert ecg("prepare", "manifest", file, *options, "--out", "one").code == 0
    (key,) = home.glob("*.key")
    assert key.stat().st_mode & 0o077 == 0
    kept = tmp_path / "kept.key"
    kept.write_text(key.read_text())
    kept.chmod(0o600)
    key.unlink()
    assert ecg("prepare", "manifest", file, *options, "--out", "two", "--key", kept).code == 0
    assert ecg("prepare", "manifest", file, *options, "--out", "three").code == 0
    one, two, three = (Store.open(name).column("patient") for name in ("one", "two", "three"))
    assert one == two
    assert not set(one) & set(three)
