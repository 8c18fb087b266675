"""Whatever says who a person is, in names of files, lists, recordings and what is told of them: no store has it."""

import csv
import json

import numpy as np
import pytest
from corpora import contents
from own_recordings import LEADS, millivolts, write_csv, write_npy_recording, write_wfdb_recording
from recorded import ecg_like, write_record

from ecgtool.datasets.anonymous import anonymous
from ecgtool.formats.edf_write import write_edf
from ecgtool.record import LEADS_8, LEADS_12, Record
from ecgtool.store import Store

SECRETS = ("Rosenfeld", "Wilhelmine", "Zimtstern", "4711", "Lungenheim", "geheim", "19530207", "Kommentar")
QUICK = ("--highpass", "0", "--fs", "100")


def write_clinic(folder, leads=LEADS):
    """Recordings whose folder, names, comments, patients, and damage all say who they are of; their paths below it."""
    below = "Lungenheim/Rosenfeld_Wilhelmine"
    comments = ("Wilhelmine Rosenfeld, Zimtstern", "geheim <age>: 51 <sex>: F", "Kommentar")
    files = [write_wfdb_recording(folder, f"{below}_{number}", number, leads=leads) for number in range(6)]
    for file in files:
        with (folder / file).open("a") as header:
            header.writelines(f"# {comment}\n" for comment in comments)
    document = {"fs": 100, "leads": leads, "unit": "mV", "layout": "leads,samples", "patient": "4711 Zimtstern"}
    for number in (6, 7):
        files.append(write_npy_recording(folder, f"{below}_{number}", number, leads=leads, said=False))
        (folder / files[-1]).with_suffix(".meta.json").write_text(json.dumps(document))
    person = Record(millivolts(8, leads=leads), 100.0, leads, patient="4711-Rosenfeld")
    files.append(f"{below}_8.edf")
    write_edf(person, folder / files[-1])
    return [*files, *damaged(folder, below)]


def damaged(folder, below):
    """Recordings that are damaged in ways that make a reader say what stands in them."""
    (folder / f"{below}_9.hea").write_text("Wilhelmine 1 100 400\nRosenfeld.dat Zimtstern 1000/mV\n# Kommentar\n")
    (folder / f"{below}_10.csv").write_text("time,Zimtstern\n0,0.1\n0.01,Wilhelmine geheim\n0.02,0.2\n")
    (folder / f"{below}_11.npy").write_bytes(b"\x93NUMPY Rosenfeld")
    (folder / f"{below}_12.xml").write_text("<RestingECG><Name>Wilhelmine Rosenfeld</Name><Waveform>geheim")
    (folder / f"{below}_13.hea").write_text("Wilhelmine 1 100 400\nZimtstern.dat 16 1000/mV\n")
    return [f"{below}_{number}{suffix}" for number, suffix in enumerate((".hea", ".csv", ".npy", ".xml", ".hea"), 9)]


def holding(folder):
    """The files that hold a secret, and which; digests and samples are numbers that may be anything."""
    return [
        (name, secret)
        for name, data in contents(folder).items()
        for secret in SECRETS
        if secret.encode() in data and not (secret.isdigit() and len(secret) < 6)
    ] + [name for name, data in contents(folder).items() if name.endswith(".csv") and b"4711" in data]


def test_no_byte_of_a_store_of_a_folder_says_who_anybody_is(ecg, home, tmp_path):
    place = tmp_path / "Rosenfeld ward"
    files = write_clinic(place)
    further = ("patient_id", "age", "name", "comments", "ward")
    told = ("Wilhelmine", "Kommentar geheim")
    rows = [["file", "label", *further]]
    rows += [
        [file, "AB"[number % 2], f"4711-Rosenfeld-{number}", 50 + number, *told, f"Lungenheim {number}"]
        for number, file in enumerate([*files, "Lungenheim/Zimtstern_gone.edf"])
    ]
    write_npy_recording(place, "Lungenheim/Zimtstern_unlisted", 3)
    write_csv(place, rows)
    made = ecg("prepare", "folder", place, "--out", "ward", *QUICK, "--json")
    assert made.code == 0, made.err
    store = Store.open("ward")
    assert store.manifest.items >= 9
    assert store.column("id")[:2] == ["line2", "line3"]
    notes = " ".join(store.manifest.notes)
    for said in ("are missing: line 16.", "recordings have no row", "cannot be", "'name' is no input"):
        assert said in notes
    assert "Zimtstern_gone.edf" in made.err
    assert "Zimtstern_unlisted.npy" in made.err
    assert not holding(home / "stores")


def test_no_byte_of_a_store_without_any_patients_says_what_its_files_are_called(ecg, home, tmp_path):
    place = tmp_path / "Rosenfeld"
    files = write_clinic(place)[:9]
    write_csv(place, [["file", "label"], *[[file, "AB"[number % 2]] for number, file in enumerate(files)]])
    assert ecg("prepare", "folder", place, "--out", "ward", "--window-s", "1", *QUICK).code == 0
    assert not holding(home / "stores")
    assert ecg("prepare", "folder", place, "--out", "named", "--keep-names", *QUICK).code == 0
    assert "Lungenheim/Rosenfeld_Wilhelmine_0" in Store.open("named").column("id")
    comments = {b"Zimtstern", b"geheim", b"Kommentar"}
    assert not [word for data in contents(home / "stores" / "named").values() for word in comments if word in data]


def test_no_byte_of_a_store_of_a_manifest_says_who_anybody_is(ecg, home, tmp_path):
    place = tmp_path / "clinic"
    files = write_clinic(place, LEADS_8)
    rows = [["patient_id", "path", "label", "name", "ward"]]
    rows += [
        [f"4711-Rosenfeld-{number}", file, "AB"[number % 2], "Wilhelmine", f"Lungenheim {number}"]
        for number, file in enumerate(files)
    ]
    write_csv(place, rows, name="cohort.csv")
    made = ecg("prepare", "manifest", place / "cohort.csv", "--length", "400", *QUICK, "--json")
    assert made.code == 0, made.err
    assert "cannot be used" in " ".join(Store.open("cohort").manifest.notes)
    assert not holding(home / "stores")


def test_no_byte_of_a_store_of_the_challenge_has_a_comment(ecg, home, tmp_path):
    for number in range(4):
        comments = ("Age: 61", "Dx: 426783006" if number % 2 else "Dx: 164889003", "Hx: geheim Zimtstern 19530207")
        write_record(ecg_like(leads=LEADS_12, seed=number), tmp_path / "c", name=f"A000{number}", comments=comments)
    (tmp_path / "c" / "A0009.hea").write_text("A0009 12 500 5000\nA0009.mat 16 Rosenfeld Wilhelmine\n# Dx: geheim\n")
    (tmp_path / "c" / "A0002.dat").write_bytes(b"Zimtstern")
    made = ecg("prepare", "cinc2021", tmp_path / "c", *QUICK, "--json")
    assert made.code == 0, made.err
    assert Store.open("cinc2021").column("id") == ["A0000", "A0001", "A0003"]
    assert not holding(home / "stores")


@pytest.mark.parametrize("command", ["folder", "manifest"])
def test_one_person_under_two_ids_of_the_list_is_told(ecg, tmp_path, command):
    place = tmp_path / "ward"
    inside = ("P7", "p 7", "P8", "P9", "Anonymous", "anonymous")
    rows = [["file" if command == "folder" else "path", "label", "patient_id", "split"]]
    splits = ("train", "test", "val", "train", "train", "test")
    for number, (who, split) in enumerate(zip(inside, splits, strict=True)):
        document = {"fs": 100, "leads": LEADS_8, "unit": "mV", "layout": "leads,samples", "patient": who}
        file = write_npy_recording(place, f"r{number}", number, leads=LEADS_8)
        (place / f"r{number}.meta.json").write_text(json.dumps(document))
        rows.append([file, "AB"[number % 2], f"a{number}", split])
    write_csv(place, rows, name="labels.csv" if command == "folder" else "ward.csv")
    source = (place, "--fold-column", "split") if command == "folder" else (place / "ward.csv", "--length", "400")
    made = ecg("prepare", command, *source, "--out", "s", *QUICK, "--json")
    assert made.code == 0, made.err
    told = [note for note in made.json["notes"] if "patient ids inside the files" in note]
    assert len(told) == 1
    assert "line2 = line3; 1 of them in more than one split" in told[0]
    assert "P7" not in told[0]
    assert told[0] in made.err


def test_predictions_can_be_joined_with_the_list(ecg, tmp_path):
    place = tmp_path / "ward"
    rows = [["file", "label"]]
    rows += [[write_npy_recording(place, f"r{number}", number), "AB"[number % 2]] for number in range(8)]
    write_csv(place, rows)
    assert ecg("prepare", "folder", place, *QUICK).code == 0
    with (place / "labels.csv").open(newline="") as file:
        lines = {f"line{number}": row for number, row in enumerate(csv.reader(file), 1)}
    store = Store.open("ward")
    for number, item in enumerate(store.column("id")):
        expected = millivolts(int(lines[item][0][1:-4]))
        expected = expected - np.median(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(store.millivolts(number), expected, atol=2e-3)


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ("{path}: field 'name' holds 'Anna M'.", "line3: field '...' holds '...'."),
        ("{path} has no sample; see Muster.dat.", "line3 has no sample; see line3.dat."),
        ("{path} names {path.parent}/Eva.dat and Muster_Eva.dat.", "line3 names ... and ...."),
        ("Record 'Muster' lacks lead V6.", "Record 'line3' lacks lead V6."),
        ("Record 'line3' lacks lead V6.", "Record 'line3' lacks lead V6."),
        (
            "The file's header names Bert.dat and w/x, not \"Eva's\".",
            'The file\'s header names ... and ... not "...".',
        ),
        ("It holds 'an open quote", "It holds '...'"),
    ],
)
def test_messages_lose_names_quotations_and_paths(tmp_path, message, left):
    path = tmp_path / "Muster.edf"
    assert anonymous(message.format(path=path), path, "line3") == left
