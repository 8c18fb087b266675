"""``ecg deidentify``: who becomes whom, what is told, what is refused, and what an interruption leaves."""

import csv as csv_module
import io
import json
import shutil
import stat
from datetime import date

import numpy as np
import planted_binary
import planted_dicom
import planted_xml
import pytest
from plants import PLANTS, found_in
from small_records import contents, some_records

from ecgtool import deidentify as package
from ecgtool.deidentify import recording
from ecgtool.deidentify.contract import Rebuilder
from ecgtool.errors import NotFound
from ecgtool.formats import FORMATS, read_record
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import Record


def audit_of(folder):
    return json.loads((folder / "deidentify.json").read_text())


@pytest.fixture
def source(tmp_path):
    return some_records(tmp_path / "in")


def test_pseudonyms_stay_under_one_key_and_change_under_another(source, tmp_path, ecg):
    assert ecg("deidentify", source, "--out", tmp_path / "a" / "out").code == 0
    key = tmp_path / "a" / "deidentify.key"
    assert ecg("deidentify", source, "--out", tmp_path / "b" / "out", "--key", key).code == 0
    assert not (tmp_path / "b" / "deidentify.key").exists()
    assert contents(tmp_path / "a" / "out") == contents(tmp_path / "b" / "out")
    assert ecg("deidentify", source, "--out", tmp_path / "c" / "out").code == 0
    first, other = (contents(tmp_path / name / "out") for name in "ac")
    assert set(first) & set(other) == {"deidentify.json"}


def test_one_patient_is_one_pseudonym_whatever_the_format_and_the_run(tmp_path, ecg):
    patients = set()
    for make in (planted_binary.edf, planted_binary.npy, planted_binary.scp, planted_dicom.dicom, planted_xml.muse):
        folder = tmp_path / make.__name__
        folder.mkdir()
        make(folder)
        done = ecg("deidentify", folder, "--out", tmp_path / f"out-{make.__name__}", "--json")
        assert done.code == 0, done.err
        patients.add(done.json["files"][0]["patient"])
    assert len(patients) == 1


def test_an_id_with_blank_space_is_the_same_where_edf_has_to_write_it_without(tmp_path, ecg):
    (tmp_path / "in").mkdir()
    for make, written in ((planted_binary.edf, b"MRN_773421"), (planted_xml.muse, b"MRN 773421")):
        path = make(tmp_path / "in")
        path.write_bytes(path.read_bytes().replace(b"MRN-773421", written))
    done = ecg("deidentify", tmp_path / "in", "--out", tmp_path / "out", "--json")
    assert (done.json["recordings"], done.json["patients"]) == (2, 1)


@pytest.mark.parametrize("make", [planted_xml.muse, planted_binary.edf, planted_dicom.dicom, planted_binary.npy])
def test_the_days_between_two_recordings_of_a_patient_stay(make, tmp_path, ecg):
    spelled = {
        planted_xml.muse: ("05-15-2014", "01-02-2016"),
        planted_dicom.dicom: ("20140515", "20160102"),
        planted_binary.npy: ("2014-05-15T10:11:12", "2016-01-02T10:11:12"),
    }.get(make)
    for number in range(2):
        (tmp_path / "in" / str(number)).mkdir(parents=True)
        if spelled:
            make(
                tmp_path / "in" / str(number),
                **{make.__code__.co_varnames[make.__code__.co_argcount - 2]: spelled[number]},
                seed=number,
            )
        else:
            path = make(tmp_path / "in" / str(number), seed=number)
            path.write_bytes(path.read_bytes().replace(b"15-MAY-2014", (b"15-MAY-2014", b"02-JAN-2016")[number]))
    done = ecg("deidentify", tmp_path / "in", "--out", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    starts = [read_record(tmp_path / "out" / entry["file"]).meta["start"] for entry in done.json["files"]]
    days = sorted(date.fromisoformat(start[:10]) for start in starts)
    assert (days[1] - days[0]).days == (date(2016, 1, 2) - date(2014, 5, 15)).days
    assert 366 <= (date(2014, 5, 15) - days[0]).days <= 3652
    assert all(start[11:19] == "10:11:12" for start in starts)


def test_a_table_says_whose_recordings_are_that_do_not_say_it_themselves(source, tmp_path, ecg):
    table = tmp_path / "patients.csv"
    table.write_text("file,patient,note\npatient0.hea,Quixworthy,x\npatient1, Quixworthy ,\npatient2.hea,Other,y\n,,\n")
    done = ecg(
        "deidentify", source, "--out", tmp_path / "out", "--patients", table, "--map", tmp_path / "map.csv", "--json"
    )
    assert done.code == 0, done.err
    assert (done.json["recordings"], done.json["patients"]) == (5, 4)
    rows = csv_module.DictReader(io.StringIO((tmp_path / "map.csv").read_text()))
    assert [row["patient"] for row in rows] == ["Quixworthy", "Quixworthy", "Other", "", ""]
    assert found_in(b"".join(contents(tmp_path / "out").values()) + done.out.encode()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [("name,patient\na,b\n", "no column file"), ("file,patient\nx.hea,b\n", "no file"), ("file,patient\n\xff", "read")],
)
def test_a_table_of_patients_that_cannot_serve_is_refused(source, tmp_path, ecg, text, said):
    (tmp_path / "patients.csv").write_bytes(text.encode("latin-1"))
    done = ecg("deidentify", source, "--out", tmp_path / "out", "--patients", tmp_path / "patients.csv")
    assert done.code == 1
    assert said in done.err
    assert not (tmp_path / "out").exists()


def test_the_map_is_written_only_when_asked_for_and_only_for_its_owner(source, tmp_path, ecg):
    done = ecg("deidentify", source, "--out", tmp_path / "out", "--map", tmp_path / "map.csv")
    assert done.code == 0
    assert stat.S_IMODE((tmp_path / "map.csv").stat().st_mode) == 0o600
    rows = list(csv_module.DictReader(io.StringIO((tmp_path / "map.csv").read_text())))
    assert [row["file"] for row in rows] == [f"patient{number}.hea" for number in range(5)]
    for row in rows:
        np.testing.assert_array_equal(
            read_record(source / row["file"]).signal, read_record(tmp_path / "out" / row["new_file"]).signal
        )
    again = ecg("deidentify", source, "--out", tmp_path / "out2", "--map", tmp_path / "map.csv")
    assert again.code == 1
    assert "exists already" in again.err


@pytest.mark.parametrize("option", ["--map", "--key"])
def test_neither_map_nor_key_goes_into_the_output(source, tmp_path, ecg, option):
    done = ecg("deidentify", source, "--out", tmp_path / "out", option, tmp_path / "out" / "inner" / "x")
    assert done.code == 1
    assert "would lie in the output" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("out", ["in", "in/clean", "in/deep/clean", ".", "in/../in/x", "link/clean"])
def test_output_and_originals_never_lie_within_each_other(source, tmp_path, ecg, out):
    (tmp_path / "link").symlink_to(source)
    before = contents(source)
    done = ecg("deidentify", source, "--out", tmp_path / out, "--force")
    assert done.code == 1
    assert "originals" in done.err
    assert contents(source) == before


def test_an_output_that_is_there_is_replaced_only_when_forced_and_only_if_it_is_one(source, tmp_path, ecg):
    out = tmp_path / "out"
    assert ecg("deidentify", source, "--out", out).code == 0
    first = contents(out)
    assert "exists already" in ecg("deidentify", source, "--out", out).err
    assert ecg("deidentify", source, "--out", out, "--force").code == 0
    assert contents(out) == first
    (out / "thesis.txt").write_text("mine")
    done = ecg("deidentify", source, "--out", out, "--force")
    assert done.code == 1
    assert (out / "thesis.txt").read_text() == "mine"


def test_originals_are_not_touched(source, tmp_path, ecg):
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in source.iterdir()}
    assert ecg("deidentify", source, "--out", tmp_path / "out").code == 0
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in source.iterdir()} == before


def test_other_files_are_counted_and_not_copied(source, tmp_path, ecg):
    for name in ("report.pdf", "letter.DOCX", "notes.txt", "labels.csv", "dataset.json", "x.of_mrs_miller"):
        (source / name).write_text("Mrs Miller, born 1 May 1950\nid,label\nfoo,bar\n")
    done = ecg("deidentify", source, "--out", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    expected = {".pdf": 1, ".docx": 1, ".txt": 1, ".csv": 1, ".json": 1, "other": 1}
    assert done.json["not_copied"]["others"] == expected
    assert found_in(b"".join(contents(tmp_path / "out").values()) + done.out.encode(), {"name": "Miller"}) == []
    assert len(done.json["files"]) == 5


def test_a_recording_that_cannot_be_read_is_told_in_a_line_without_its_content(source, tmp_path, ecg):
    (source / "patient1.hea").write_text("patient1 2 Zebulonia 300\npatient1.dat 16 Zebulonia 0 0 0 0 0 II\n")
    (source / "patient2.dat").write_bytes(b"short")
    (source / "cut.edf").write_bytes(b"Zebulonia")
    done = ecg("deidentify", source, "--out", tmp_path / "out", "--json")
    assert done.code == 1
    lines = done.err.strip().splitlines()
    assert len(lines) == 3
    assert all(any(name in line for line in lines) for name in ("patient1", "patient2", "cut.edf"))
    assert "Zebulonia" not in done.err + done.out
    assert done.json["not_copied"]["unreadable"] == 3
    assert done.json["recordings"] == 3


def test_where_nothing_can_be_read_nothing_is_left(tmp_path, ecg):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.edf").write_bytes(b"no")
    done = ecg("deidentify", tmp_path / "in", "--out", tmp_path / "out")
    assert done.code == 1
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["deidentify.key", "in"]


@pytest.mark.parametrize("missing", ["nothing", "in"])
def test_a_source_without_recordings_is_an_error(tmp_path, ecg, missing):
    (tmp_path / "in").mkdir()
    done = ecg("deidentify", tmp_path / missing, "--out", tmp_path / "out")
    assert done.code == 1
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["in"]


def test_a_single_file_that_is_no_recording_is_an_error(tmp_path, ecg):
    (tmp_path / "a.txt").write_text("a letter")
    done = ecg("deidentify", tmp_path / "a.txt", "--out", tmp_path / "out")
    assert done.code == 1
    assert "not a recording" in done.err


def test_links_are_not_followed(source, tmp_path, ecg):
    elsewhere = some_records(tmp_path / "elsewhere", 1)
    (source / "linked.hea").symlink_to(elsewhere / "patient0.hea")
    (source / "linked").symlink_to(elsewhere)
    (source / "patient3.dat").unlink()
    (source / "patient3.dat").symlink_to(source / "patient4.dat")
    done = ecg("deidentify", source, "--out", tmp_path / "out", "--json")
    assert done.code == 1
    assert "link" in done.err
    assert done.json["not_copied"]["links"] == 3
    assert done.json["recordings"] == 4


def test_a_recording_that_is_there_twice_is_written_once(source, tmp_path, ecg):
    shutil.copytree(source, source / "copy")
    done = ecg("deidentify", source, "--out", tmp_path / "out", "--json")
    assert done.code == 0
    assert (done.json["recordings"], done.json["not_copied"]["duplicates"]) == (5, 5)


def test_names_that_are_meant_to_hurt_do_not(tmp_path, ecg):
    names = ["=1+1", "[red]x[red]", "\x1b[31mred", "a\nb", "'; rm -rf ~", "-rf", "%s%n", "ü" * 60, "..x", "$(id)"]
    for number, name in enumerate(names):
        folder = some_records(tmp_path / "made" / str(number), 1)
        signal_mv = read_record(folder / "patient0").signal + np.float32(number)
        (tmp_path / "in").mkdir(exist_ok=True)
        np.save(tmp_path / "in" / f"{name}.npy", signal_mv)
    (tmp_path / "in" / "dataset.json").write_text(json.dumps({"fs": 100, "leads": ["II", "V5"], "unit": "mV"}))
    (tmp_path / "in" / "\x1b[2Jbad.edf").write_bytes(b"bad")
    done = ecg("deidentify", tmp_path / "in", "--out", tmp_path / "out", "--map", tmp_path / "map.csv")
    assert done.code == 1
    assert "\x1b" not in done.out + done.err
    assert len(audit_of(tmp_path / "out")["files"]) == len(names)
    rows = list(csv_module.reader(io.StringIO((tmp_path / "map.csv").read_text())))
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    for name in contents(tmp_path / "out"):
        assert name.replace(".", "").replace("_", "").isalnum()


def test_what_does_not_read_back_the_same_is_removed_and_told(source, tmp_path, ecg, monkeypatch):
    def wrong(path, folder, disguise, ledger):
        record = read_record(path)
        changed = Record(record.signal + np.float32(path.stem == "patient2") / 100, record.fs, record.leads)
        return write_wfdb(changed, folder, disguise.record)

    whole = recording.Source.rebuilder
    monkeypatch.setattr(recording.Source, "rebuilder", property(lambda self: Rebuilder(wrong, whole.fget(self).parts)))
    done = ecg("deidentify", source, "--out", tmp_path / "out", "--json")
    assert done.code == 1
    assert "does not have the recording's samples" in done.err
    assert done.json["recordings"] == 4
    assert len(contents(tmp_path / "out")) == 4 * 2 + 1


def test_a_format_without_a_rebuilder_says_what_to_do(source, tmp_path, ecg, monkeypatch):
    monkeypatch.setattr(recording.Source, "rebuilder", None)
    done = ecg("deidentify", source / "patient1.hea", "--out", tmp_path / "out")
    assert done.code == 1
    assert "--to wfdb" in done.err
    done = ecg("deidentify", source / "patient1.hea", "--out", tmp_path / "out", "--to", "wfdb", "--json")
    assert done.code == 0
    assert done.json["policy"]["converted_to"] == "wfdb"


def test_how_far_a_conversion_may_be_off_is_said(tmp_path, ecg):
    samples = np.linspace(-1.00003, 1.00007, 500, dtype=np.float32).reshape(1, -1)
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "a.npy", samples)
    (tmp_path / "in" / "a.meta.json").write_text('{"fs": 250, "leads": ["II"], "unit": "mV"}')
    done = ecg("deidentify", tmp_path / "in", "--out", tmp_path / "out", "--to", "wfdb", "--json")
    assert 0 < done.json["files"][0]["largest_difference_uv"] <= 0.5
    assert "within" in ecg("deidentify", tmp_path / "in", "--out", tmp_path / "out2", "--to", "wfdb").out


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--keep", "name"), "cannot be kept"), (("--keep", "ages"), "age"), (("--to", "pdf"), "wfdb, npy, edf")],
)
def test_options_that_cannot_be_are_refused(source, tmp_path, ecg, options, said):
    done = ecg("deidentify", source, "--out", tmp_path / "out", *options)
    assert done.code == 1
    assert said in done.err
    assert not (tmp_path / "out").exists()


def test_help_and_result_say_what_this_cannot_do(source, tmp_path, ecg):
    assert "identify" in ecg("deidentify", "--help").out
    done = ecg("deidentify", source, "--out", tmp_path / "out")
    for told in (done.out, (tmp_path / "out" / "deidentify.json").read_text()):
        assert "An ECG itself can identify a person" in told
        assert "Not a medical device" in told


def test_the_audit_trail_says_what_was_done(tmp_path, ecg):
    (tmp_path / "in").mkdir()
    planted_binary.wfdb(tmp_path / "in")
    ecg("deidentify", tmp_path / "in", "--out", tmp_path / "out", "--keep", "age")
    audit = audit_of(tmp_path / "out")
    (entry,) = audit["files"]
    assert audit["policy"]["kept"] == ["age"]
    assert entry["removed"] == {
        "annotation file that is damaged": 1,
        "bytes after the annotations": 1,
        "bytes that are no samples": 1,
        "comment": 43,
        "file name": 1,
        "signal name that is no known lead": 1,
        "text of an annotation": 40,
        "unit that is no known unit": 1,
    }
    assert (entry["dates"], entry["kept"], entry["age_capped"]) == (1, ["age"], True)
    assert (entry["leads"], entry["samples"], entry["largest_difference_uv"]) == (2, 500, 0.0)
    assert set(entry["files"]) == set(contents(tmp_path / "out")) - {"deidentify.json"}


def test_a_known_rhythm_stays_and_a_beat_keeps_its_place(tmp_path, ecg):
    import wfdb

    (tmp_path / "in").mkdir()
    path = planted_binary.wfdb(tmp_path / "in")
    marks = path.with_suffix(".atr")
    marks.write_bytes(marks.read_bytes()[: -len(PLANTS["annotation"])])  # wfdb does not read on behind them
    done = ecg("deidentify", path, "--out", tmp_path / "out", "--json")
    before = wfdb.rdann(str(path.with_suffix("")), "atr")
    after = wfdb.rdann(str(tmp_path / "out" / done.json["files"][0]["record"]), "atr")
    np.testing.assert_array_equal(after.sample, before.sample)
    assert after.symbol == before.symbol
    assert [text.strip("\0") for text in after.aux_note if text.strip("\0")] == ["(AFIB"]


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS.load(name).rebuild])
def test_every_rebuilder_that_a_format_names_is_there(name):
    from ecgtool.deidentify.find import rebuilder

    assert isinstance(rebuilder(FORMATS.load(name)), Rebuilder)


def test_every_real_recording_that_reads_is_rebuilt_the_same(recordings, tmp_path, ecg):
    for folder in ("wfdb-samples", "edf", "dicom", "scp", "xml"):
        done = ecg("deidentify", recordings(folder), "--out", tmp_path / folder, "--json")
        assert done.json["recordings"] > 0
        assert all(entry["largest_difference_uv"] == 0 for entry in done.json["files"])
        named = "SURGEON SBJ-123 Galliera 13002689 Mortara ELI250 HeartstartMRx 1112010721168bdc"
        plants = {word: word for word in named.split()}
        assert found_in(b"".join(contents(tmp_path / folder).values()), plants) == []
        assert done.code == (1 if folder in ("edf", "xml") else 0)  # annotations alone; an empty and an invalid file


def test_the_library_says_what_is_wrong_too(tmp_path):
    with pytest.raises(NotFound):
        package.deidentify(tmp_path / "none", tmp_path / "out", package.Policy())


def test_a_table_with_a_column_of_who_knows_what_is_refused(tmp_path, ecg):
    rows = "".join(f"{number % 7},{number % 5}\n" for number in range(50))
    (tmp_path / "a.csv").write_text(f"# fs=250\nII,{PLANTS['last name']}\n{rows}")
    done = ecg("deidentify", tmp_path / "a.csv", "--out", tmp_path / "out")
    assert done.code == 1
    assert "may be identifiers" in done.err
    assert PLANTS["last name"] not in done.err
