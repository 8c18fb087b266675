"""A folder of own recordings as a corpus: which file a name means, and what is told of those that are not used."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from own_recordings import (
    LEADS,
    corpus,
    millivolts,
    note,
    refusal,
    write_csv,
    write_json,
    write_lab,
    write_npy_recording,
    write_recordings,
    write_wfdb_recording,
)

from ecgtool.datasets import folder
from ecgtool.datasets.folder import Folder
from ecgtool.errors import ConfigError, DataError, EcgError, FormatError, NotFound


@pytest.fixture
def lab(tmp_path):
    place = tmp_path / "lab"
    place.mkdir()
    return place


def test_files_of_any_format_are_read_in_millivolts(lab):
    write_lab(lab)
    made = corpus(lab)
    assert [entry.id for entry in made.entries[:3]] == ["entry1", "entry2", "entry3"]
    assert [entry.record for entry in made.entries[:3]] == ["entry1", "entry2", "entry3"]
    assert (made.fs, made.leads, made.samples) == (100.0, LEADS, 400)
    for number, entry in enumerate(made.entries):
        record = made.read(entry)
        assert (record.id, record.patient) == (entry.id, entry.patient)
        np.testing.assert_allclose(record.signal, millivolts(number), atol=5e-4)


def test_items_are_called_after_their_files_where_asked(lab):
    write_lab(lab, 4)
    made = corpus(lab, keep_names=True)
    assert made.name == "lab"
    assert [entry.id for entry in made.entries] == ["r000", "r001", "r002", "r003"]
    assert [entry.record for entry in made.entries[:3]] == ["r000.hea", "r001.npy", "r002.csv"]
    np.testing.assert_allclose(made.read(made.entries[1]).signal, millivolts(1), atol=1e-6)
    assert corpus(lab).name == "folder"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("a.hea", "ward/a.hea"),
        ("a.dat", "ward/a.hea"),
        ("a", "ward/a.hea"),
        ("ward/a", "ward/a.hea"),
        ("ward\\a.dat", "ward/a.hea"),
        ("./ward/a.hea", "ward/a.hea"),
        ("b", "ward/b.npy"),
        ("{folder}/ward/b.npy", "ward/b.npy"),
    ],
)
def test_a_recording_is_found_by_its_path_or_its_name_with_or_without_suffix(lab, name, meant):
    write_wfdb_recording(lab, "ward/a", 0)
    write_npy_recording(lab, "ward/b", 1)
    write_npy_recording(lab, "c", 2)
    (lab / "ward" / "b.txt").write_text("a note")
    write_json(lab, [{"file": name.format(folder=lab), "label": "x"}, {"file": "c", "label": "y"}])
    assert [entry.record for entry in corpus(lab, keep_names=True).entries] == [meant, "c.npy"]


def test_a_name_that_may_be_several_recordings_is_refused_with_its_row(lab):
    for place in ("one/a", "two/a", "b"):
        write_npy_recording(lab, place, 0)
    write_json(lab, [{"file": "b", "label": "x"}, {"file": "a", "label": "y"}])
    error = refusal(lab)
    assert error.message == "labels.json entry 2: 'a' may be one/a.npy or two/a.npy."


@pytest.mark.parametrize("name", ["../secret.npy", "/etc/passwd", "a/../../secret.npy", "C:/x.npy", "a\0b", "link.npy"])
def test_no_name_leads_out_of_the_folder(lab, name):
    write_npy_recording(lab.parent, "secret", 0)
    (lab / "link.npy").symlink_to(lab.parent / "secret.npy")
    write_npy_recording(lab, "b", 1)
    write_csv(lab, [["file", "label"], ["b", "x"], [name, "y"]])
    error = refusal(lab)
    assert isinstance(error, FormatError)
    assert "labels.csv" in error.message


def test_missing_unreadable_and_unlisted_recordings_are_counted_and_named(lab):
    rows = write_lab(lab)
    (lab / "r001.npy").unlink()
    (lab / "r003.hea").write_text("r003 1 100 400\n")
    (lab / "README.txt").write_text("hello")
    write_json(lab, [*rows[:8], {"file": "gone.edf", "label": "AF"}, {"file": "r009", "label": ""}])
    made = corpus(lab, keep_names=True)
    assert note(made, "are missing") == "2 recordings of labels.json are missing: r001.npy, gone.edf."
    assert note(made, "cannot be read").startswith("1 recordings cannot be read: r003.hea: ")
    assert note(made, "have no row") == (
        "3 recordings have no row in labels.json and were left out: r008.csv, r010.npy, r011.csv."
    )
    assert note(made, "have no label") == "1 rows have no label; they are kept without one: entry 10."
    assert [entry.id for entry in made.entries] == ["r000", "r002", "r004", "r005", "r006", "r007", "r009"]
    assert made.targets["label"].tolist() == [1, 0, 1, 1, 0, 0, -1]  # normal, AF


def test_what_is_stored_names_rows_and_what_is_told_names_files(lab, caplog, monkeypatch):
    monkeypatch.setattr(folder.console.log, "propagate", True)
    caplog.set_level("INFO", folder.console.log.name)
    rows = write_lab(lab)
    (lab / "r001.npy").unlink()
    (lab / "r003.hea").write_text("r003 1 100 400\n")
    write_json(lab, [*rows[:8], {"file": "gone.edf", "label": "AF"}])
    made = corpus(lab)
    assert note(made, "are missing") == "2 recordings of labels.json are missing: entries 2, 9."
    assert note(made, "cannot be read").startswith("1 recordings cannot be read: entry4: ")
    assert note(made, "have no row") == "4 recordings have no row in labels.json and were left out."
    assert not any("r0" in each for each in made.notes)
    told = " ".join(record.getMessage() for record in caplog.records)
    for name in ("r001.npy", "gone.edf", "r003.hea", "r010.npy"):
        assert name in told


def test_a_folder_without_any_listed_recording_is_refused(lab):
    write_json(lab, [{"file": "a.edf", "label": "x"}])
    assert refusal(lab).message.startswith("None of the 1 recordings of labels.json is in ")


def test_labels_lost_with_missing_recordings_are_told_with_them(lab):
    write_recordings(lab, 1)
    write_json(lab, [{"file": "r000", "label": "x"}, {"file": "r001", "label": "y"}])
    error = refusal(lab)
    assert error.message == "All labelled rows carry the one label 'x': there is nothing to learn."
    assert error.hint == "1 recordings of labels.json are missing: entry 2."


def test_a_folder_of_damaged_recordings_alone_is_refused_with_the_first_reason(lab):
    (lab / "a.npy").write_bytes(b"\x93NUMPY nothing")
    write_json(lab, [{"file": "a.npy", "label": "x"}])
    error = refusal(lab)
    assert isinstance(error, DataError)
    assert error.message.startswith("None of the 1 recordings of labels.json can be read. The first: a.npy")


def test_the_first_reason_comes_with_its_advice(lab):
    (lab / "a.csv").write_text("I,II\n" + "0.1,0.2\n" * 400)
    write_json(lab, [{"file": "a.csv", "label": "x"}])
    error = refusal(lab)
    assert error.message.startswith("None of the 1 recordings of labels.json can be read. The first: a.csv")
    assert '{"fs": 250}' in error.hint
    assert str(lab) not in error.hint


def test_a_folder_that_is_not_there_and_one_without_labels_are_refused(lab):
    assert isinstance(refusal(lab / "no"), NotFound)
    write_recordings(lab, 1)
    assert isinstance(refusal(lab / "r000.hea"), NotFound)
    error = refusal(lab)
    assert "has no labels.json, labels.csv or REFERENCE.csv" in error.message
    assert "file,label,patient_id" in error.hint


def test_an_unlisted_wfdb_record_is_one_recording_not_two_files(lab):
    write_lab(lab, 3)
    write_wfdb_recording(lab, "sub/x", 5)
    made = corpus(lab, keep_names=True)
    assert note(made, "have no row") == "1 recordings have no row in labels.json and were left out: sub/x.hea."


def test_names_that_are_no_text_are_left_out_and_counted(lab):
    write_lab(lab, 3)
    for name in (b"\xff\xfe.npy", b"a\x1b[31m.npy", b"line\nbreak.npy"):
        os.link(lab / "r001.npy", os.fsencode(lab) + b"/" + name)
    assert note(corpus(lab), "names are no text") == "3 files were left out: their names are no text."


def test_formulas_in_names_are_inert_and_still_read(lab):
    for number, name in enumerate(("=1+1", "-x", "b")):
        write_npy_recording(lab, name, number)
    write_json(lab, [{"file": name, "label": "xy"[place % 2]} for place, name in enumerate(("=1+1", "-x", "b"))])
    made = corpus(lab, keep_names=True)
    assert [entry.id for entry in made.entries] == ["'=1+1", "'-x", "b"]
    assert [entry.record for entry in made.entries] == ["./=1+1.npy", "./-x.npy", "b.npy"]
    np.testing.assert_allclose(made.read(made.entries[1]).signal, millivolts(1), atol=1e-6)


def test_no_message_of_reading_says_where_the_folder_lies(lab):
    write_lab(lab, 3)
    unnamed, named = corpus(lab), corpus(lab, keep_names=True)
    (lab / "r001.npy").write_bytes(b"\x93NUMPY broken")
    for made, shown, hidden in ((unnamed, "entry2", "r001"), (named, "r001.npy", str(lab))):
        with pytest.raises(FormatError) as caught:
            made.read(made.entries[1])
        assert str(lab) not in caught.value.message
        assert hidden not in caught.value.message
        assert shown in caught.value.message


def test_the_record_of_an_entry_leads_nowhere_else(lab):
    write_lab(lab, 3)
    write_npy_recording(lab.parent, "secret", 4)
    made = corpus(lab)
    read = made.read(replace(made.entries[0], record="../secret.npy"))
    np.testing.assert_array_equal(read.signal, made.read(made.entries[0]).signal)


def test_dataset_json_that_is_none_is_refused(lab):
    write_lab(lab, 3)
    for text in ("[]", '{"fold_column": 7}', "{"):
        (lab / "dataset.json").write_text(text)
        assert "dataset.json" in refusal(lab).message


def test_codes_that_may_be_grouped_are_told(lab):
    rows = write_lab(lab, 4, labels=("NORM", "LVH"))
    (lab / "dataset.json").write_text('{"label_system": "SCP"}')
    made = corpus(lab)
    assert note(made, "SCP codes")
    assert made.tasks[0].voltage_labels == ("LVH",)
    assert len(rows) == len(made.entries)


HOSTILE = (
    *(None, "", " ", "x", "=1+1", "../x", "\x1b[2J", "a\0b", "\ud800", "NaN", "1e999", "-1", "100", "I,II", "9" * 5000),
    *(True, -1, 0, 1.5, 1e308, float("nan"), float("inf"), 10**400, [], [[]], ["x", None], {}, {"a": [1]}, "r001.npy"),
)


def test_whatever_a_list_holds_it_is_a_corpus_or_one_line(lab):
    rows = write_lab(lab, 4, seconds=1.0)
    fields = ("file", "filename", "label", "patient_id", "start_s", "end_s", "fs", "leads", "unit", "layout", "gain",
              "baseline", "calibrated", "age", "sex", "weight", "fold", "\x07", "id")  # fmt: skip
    rng = np.random.default_rng(7)
    outcomes = set()
    for _turn in range(300):
        changed = [dict(row) for row in rows]
        for _change in range(rng.integers(1, 4)):
            row = changed[rng.integers(len(changed))]
            row[fields[rng.integers(len(fields))]] = HOSTILE[rng.integers(len(HOSTILE))]
        (lab / "labels.json").write_text(json.dumps(changed))
        try:
            made = corpus(lab)
        except EcgError as error:
            outcomes.add(type(error))
            continue
        outcomes.add(Folder)
        for entry in made.entries:
            assert f"{entry.id}{entry.patient}{entry.record}{''.join(entry.metadata)}".isprintable()
            assert np.isfinite(made.read(entry).signal).any()
        assert made.tabular_values.shape == (len(made.entries), len(made.tabular))
    assert {Folder, FormatError} <= outcomes


def test_a_folder_that_cannot_be_listed_is_told(lab, monkeypatch):
    write_lab(lab, 3)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(EcgError, match="Permission denied"):
        corpus(lab)


def test_a_disk_that_fails_under_the_survey_stops_it(lab, monkeypatch):
    write_lab(lab, 3)
    real = os.open

    def failing(path, *arguments, **more):
        if str(path).endswith("r002.csv"):
            raise OSError(5, "Input/output error", str(path))
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", failing)
    error = refusal(lab)
    assert not isinstance(error, FormatError | NotFound | DataError | ConfigError)
    assert "Input/output error" in error.message
