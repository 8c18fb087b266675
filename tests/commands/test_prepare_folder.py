"""``ecg prepare folder``, typed as a lab technician would: what comes out, what is said, what is never stored."""

import errno
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from own_recordings import (
    millivolts,
    write_csv,
    write_json,
    write_lab,
    write_npy_recording,
    write_recordings,
    write_wfdb_recording,
)

from ecgtool.store import Store

PLAIN = ("--highpass", "0")


def everything(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_mixed_folder_becomes_a_store_of_its_name(ecg, tmp_path):
    write_lab(tmp_path / "my lab", 20)
    made = ecg("prepare", "folder", "my lab", *PLAIN, "--json")
    assert made.code == 0, made.err
    assert made.json["store"] == "my-lab"
    assert (made.json["items"], made.json["patients"], made.json["leads"]) == (20, 10, ["I", "II", "V1"])
    assert made.json["tasks"]["label"]["(labelled)"] == {"train": 12, "val": 4, "test": 4}
    store = Store.open("my-lab")
    assert store.task().kind == "multiclass"
    expected = millivolts(7) - np.median(millivolts(7), axis=1, keepdims=True)
    np.testing.assert_allclose(store.millivolts(7), expected, atol=2e-3)


def test_windows_inherit_the_label_of_their_recording(ecg, tmp_path):
    write_lab(tmp_path / "lab", 6, seconds=11.0)
    write_npy_recording(tmp_path / "lab", "r001", 1, seconds=7.0)
    made = ecg("prepare", "folder", "lab", "--keep-names", "--window-s", "5", *PLAIN, "--json")
    assert made.code == 0, made.err
    store = Store.open("lab")
    items = store.items
    assert items["id"].tolist()[:4] == ["r000#0", "r000#1", "r001#0", "r002#0"]
    assert items["onset_s"].tolist()[:4] == [0, 5, 0, 0]
    assert store.targets(store.task()).tolist() == [1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]  # normal, AF
    assert items.groupby("patient")["split"].nunique().max() == 1


def test_windows_of_a_labelled_part_lie_inside_it(ecg, tmp_path):
    write_recordings(tmp_path / "lab", 3, seconds=30.0)
    rows = [["file", "label", "start_s", "end_s"], ["r000", "AF", 2, 13], ["r000", "N", 13, 29], ["r001", "AF", 0, 6]]
    write_csv(tmp_path / "lab", [*rows, ["r002", "N", "", ""]])
    assert ecg("prepare", "folder", "lab", "--keep-names", "--window-s", "5", *PLAIN).code == 0
    store = Store.open("lab")
    assert store.items["id"].tolist()[:6] == [
        "r000@2-13#0", "r000@2-13#1", "r000@13-29#0", "r000@13-29#1", "r000@13-29#2", "r001@0-6#0"
    ]  # fmt: skip
    assert store.items["onset_s"].tolist()[:6] == [2, 7, 13, 18, 23, 0]
    window = millivolts(0, 30.0)[:, 700:1200]
    got = store.millivolts(1)
    np.testing.assert_allclose(
        got - got.mean(axis=1, keepdims=True), window - window.mean(axis=1, keepdims=True), atol=2e-3
    )


def test_a_part_shorter_than_a_window_is_left_out_and_told(ecg, tmp_path):
    write_recordings(tmp_path / "lab", 3, seconds=12.0)
    rows = [["file", "label", "start_s", "end_s"], ["r000", "AF", 0, 3], ["r001", "N", "", ""], ["r002", "AF", 0, 6]]
    write_csv(tmp_path / "lab", rows)
    made = ecg("prepare", "folder", "lab", "--window-s", "5", "--json")
    assert made.code == 0, made.err
    assert any("lasts 3 s, less than the 5 s of an item" in note for note in made.json["notes"])


def test_lengths_that_differ_are_refused_in_one_line_and_centred_where_asked(ecg, tmp_path):
    write_lab(tmp_path / "lab", 6)
    write_npy_recording(tmp_path / "lab", "r001", 1, seconds=9.0)
    refused = ecg("prepare", "folder", "lab")
    assert refused.code == 1
    said = "error: Recordings last from 4 to 9 s, and an item has one length. Give --window-s 5"
    assert refused.err.splitlines()[-1].startswith(said)
    made = ecg("prepare", "folder", "lab", "--fit", "centre", *PLAIN, "--json")
    assert made.code == 0, made.err
    middle = millivolts(1, 9.0)[:, 250:650]
    middle = middle - np.median(middle, axis=1, keepdims=True)
    np.testing.assert_allclose(Store.open("lab").millivolts(1), middle, atol=2e-3)


def test_leads_rate_task_and_map_may_be_chosen(ecg, tmp_path):
    write_lab(tmp_path / "lab", 9, labels=("AFIB", "AFLT", "sinus"))
    (tmp_path / "map.csv").write_text("from,to\nAFIB,AF\nAFLT,AF\n")
    options = ("--leads", "V1,aVF", "--fs", "50", "--task", "rhythm", "--label-map", "map.csv", "--folds", "3")
    made = ecg("prepare", "folder", "lab", *options, "--out", "chosen", "--json")
    assert made.code == 0, made.err
    assert (made.json["leads"], made.json["fs"], made.json["samples"]) == (["V1", "aVF"], 50, 200)
    assert set(made.json["tasks"]["rhythm"]) == {"(labelled)", "AF", "sinus", "(without a label)"}
    assert Store.open("chosen").items["fold"].nunique() == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--fold-column", "part", "--folds", "3"), "--fold-column states the splits already."),
        (("--missing", "mask"), "--missing mask needs to know which leads are missing."),
        (("--leads", "I,I"), "--leads 'I,I' cannot be."),
        (("--leads", "V9"), "None of the 6 recordings can be used."),
        (("--label-map", "nowhere.json"), "There is no label map 'nowhere.json'."),
        (
            ("--label-map", "scp-superdiagnostic"),
            "None of the 6 rows has a label of the task: there is",
        ),
        (("--task", "../x"), "'../x' cannot be a task."),
        (("--folds", "99"), "3 patients cannot make 99 folds."),
    ],
)
def test_options_that_cannot_be_are_told_in_one_line(ecg, tmp_path, options, said):
    write_lab(tmp_path / "lab", 6)
    refused = ecg("prepare", "folder", "lab", *options)
    assert refused.code == 1
    assert f"error: {said}" in refused.err
    assert not (tmp_path / "home" / "stores" / "lab").exists()


def test_a_mask_marks_the_leads_that_were_not_recorded(ecg, tmp_path):
    write_lab(tmp_path / "lab", 6)
    write_npy_recording(tmp_path / "lab", "r001", 1, leads=("I", "II"))
    made = ecg("prepare", "folder", "lab", "--missing", "mask", "--leads", "I,II,V1", *PLAIN, "--json")
    assert made.code == 0, made.err
    store = Store.open("lab")
    assert store.manifest.leads == ("I", "II", "V1", "mask")
    masks = [store.millivolts(item)[3].mean() for item in range(3)]
    assert masks[0] == masks[2] == 1
    assert masks[1] < 1


def test_the_same_again_does_nothing_and_other_labels_are_told(ecg, tmp_path):
    rows = write_lab(tmp_path / "lab", 6)
    assert ecg("prepare", "folder", "lab").code == 0
    assert "already prepared" in ecg("prepare", "folder", "lab").err
    rows[0]["label"], rows[2]["label"] = rows[2]["label"], rows[0]["label"]
    write_json(tmp_path / "lab", rows)
    changed = ecg("prepare", "folder", "lab")
    assert changed.code == 1
    assert "made from another labels.json" in changed.err
    assert ecg("prepare", "folder", "lab", "--force").code == 0


def test_recordings_that_come_later_are_not_overlooked(ecg, tmp_path):
    write_lab(tmp_path / "lab", 6)
    (tmp_path / "lab" / "r004.npy").rename(tmp_path / "r004.npy")
    told = ecg("prepare", "folder", "lab").err
    assert "1 recordings of labels.json are missing: entry 5." in told
    assert "Missing: r004.npy." in told
    (tmp_path / "r004.npy").rename(tmp_path / "lab" / "r004.npy")
    assert "made from other recordings" in ecg("prepare", "folder", "lab").err


def test_calibrated_and_uncalibrated_recordings_are_not_mixed_silently(ecg, tmp_path):
    write_lab(tmp_path / "lab", 6)
    document = {"fs": 100, "leads": ["I", "II", "V1"], "unit": "unknown", "layout": "leads,samples"}
    (tmp_path / "lab" / "r001.meta.json").write_text(json.dumps(document))
    refused = ecg("prepare", "folder", "lab")
    assert refused.code == 1
    assert "not calibrated" in refused.err


def test_no_identity_of_a_patient_is_stored(ecg, tmp_path):
    rows = write_lab(tmp_path / "lab", 6)
    planted = {"patient_id": "MRN-4711-X", "name": "Anna Muster", "birth_date": 19500102, "comment": "knows Bert"}
    write_json(tmp_path / "lab", [{**rows[0], **planted}, {**rows[1], **planted}, *rows[2:]])
    made = ecg("prepare", "folder", "lab", "--json")
    assert made.code == 0, made.err
    held = everything(tmp_path / "home" / "stores") + made.out.encode() + made.err.encode()
    for secret in (b"4711", b"Muster", b"19500102", b"Bert"):
        assert secret not in held


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "[bold]x[/bold]", "{{7*7}}", 'a,b"c']
)
def test_hostile_text_is_inert_wherever_it_shows(ecg, tmp_path, text):
    write_lab(tmp_path / "lab", 6, labels=(text, "normal"))
    made = ecg("prepare", "folder", "lab")
    assert made.code == 0, made.err
    assert text in made.out
    table = (tmp_path / "home" / "stores" / "lab" / "items.csv").read_text()
    assert not any(cell.startswith(("=", "+", "@")) for line in table.splitlines() for cell in line.split(","))
    assert ecg("info", "lab").code == 0


def test_terminal_escapes_in_file_names_never_reach_the_terminal(ecg, tmp_path):
    write_lab(tmp_path / "lab", 6)
    write_json(tmp_path / "lab", [{"file": "\x1b]0;owned\x07", "label": "x"}])
    refused = ecg("prepare", "folder", "lab")
    assert refused.code == 1
    assert "\x1b" not in refused.err


@pytest.mark.parametrize("step", range(1, 40, 3))
def test_the_nth_failure_of_the_disk_leaves_no_store_and_one_line(ecg, tmp_path, monkeypatch, step):
    write_lab(tmp_path / "lab", 6)
    seen = []

    def failing(real):
        def call(*arguments, **more):
            seen.append(None)
            if len(seen) == step:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **more)

        return call

    with monkeypatch.context() as patch:
        for name in ("fsync", "replace", "rename", "open"):
            patch.setattr(os, name, failing(getattr(os, name)))
        outcome = ecg("prepare", "folder", "lab")
    store = tmp_path / "home" / "stores" / "lab"
    assert bool(outcome.code) == (len(seen) >= step)
    if outcome.code:
        assert outcome.code == 1
        assert outcome.err.count("error: ") == 1
        assert not store.exists()
    assert ecg("prepare", "folder", "lab").code == 0
    assert Store.open("lab").manifest.items == 6


def test_killed_it_goes_on_to_the_same_bytes(ecg, tmp_path):
    write_lab(tmp_path / "lab", 12)
    assert ecg("prepare", "folder", "lab", "--out", "whole").code == 0
    program = """
import os, signal, sys
from ecgtool import cli
from ecgtool.datasets import prepare, staging
prepare.CHUNK_BYTES = 7200
real = staging.Staging.append
def append(self, chunk):
    real(self, chunk)
    if len(self.accounts) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
staging.Staging.append = append
sys.exit(cli.run(["prepare", "folder", "lab"]))
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == -signal.SIGKILL
    stores = tmp_path / "home" / "stores"
    assert not (stores / "lab").exists()
    assert "Going on after" in ecg("prepare", "folder", "lab").err
    for path in (stores / "whole").rglob("*.*"):
        assert (stores / "lab" / path.relative_to(stores / "whole")).read_bytes() == path.read_bytes()


def test_several_workers_make_the_same_bytes(ecg, tmp_path, monkeypatch):
    from ecgtool.datasets import prepare

    monkeypatch.setattr(prepare, "CHUNK_BYTES", 7200)
    write_lab(tmp_path / "lab", 12)
    (tmp_path / "lab" / "dataset.json").write_text('{"fs": 100}')
    assert ecg("prepare", "folder", "lab", "--out", "one").code == 0
    assert ecg("prepare", "folder", "lab", "--out", "two", "--workers", "2").code == 0
    assert everything(tmp_path / "home" / "stores" / "one") == everything(tmp_path / "home" / "stores" / "two")


@pytest.mark.parametrize("labels", [("AF", "normal"), (["AF", "LVH"], ["normal"])])
def test_what_it_makes_can_be_trained_on(ecg, tmp_path, labels):
    write_lab(tmp_path / "lab", 30, labels=labels)
    assert ecg("prepare", "folder", "lab").code == 0
    trained = ecg("train", "--dataset", "lab", "--arch", "cnn1d", "--epochs", "1", "--set", "model.width=4", "--json")
    assert trained.code == 0, trained.err


def test_a_labelled_wfdb_record_may_be_named_by_its_signal_file(ecg, tmp_path):
    for number in range(6):
        write_wfdb_recording(tmp_path / "lab", f"A{number}", number)
    write_csv(tmp_path / "lab", [[f"A{number}.dat", "NA"[number % 2]] for number in range(6)], name="REFERENCE.csv")
    made = ecg("prepare", "folder", "lab", "--json")
    assert made.code == 0, made.err
    assert made.json["items"] == 6


def test_ptbxl_z_prepares_with_superclasses_and_its_own_folds(ecg, recordings):
    made = ecg("prepare", "folder", recordings("ptbxl-z"), "--label-map", "scp-superdiagnostic", "--json")
    assert made.code == 0, made.err
    document = made.json
    assert (document["items"], document["samples"], document["fs"], document["calibrated"]) == (1598, 1000, 100, False)
    assert document["splits"] == {"train": 1262, "val": 158, "test": 178}
    assert document["tasks"]["label"]["MI"] == {"train": 186, "val": 17, "test": 21}
    assert "Folds of the column 'fold': 9 is test, 8 val, the 7 others train." in document["notes"]
    store = Store.open("ptbxl-z")
    assert store.manifest.tabular == ("age", "sex")
    assert np.nanmax(store.tabular[:, 0]) == 90
    sizes = np.percentile(np.abs(store.signals[::100].astype(np.float32)), 99, axis=(1, 2))
    np.testing.assert_allclose(sizes, 1000, rtol=0.05)


def test_cinc2017_prepares_in_windows_by_patient(ecg, recordings):
    made = ecg("prepare", "folder", recordings("cinc2017"), "--window-s", "10", "--json")
    assert made.code == 0, made.err
    assert (made.json["items"], made.json["patients"], made.json["leads"]) == (638, 200, ["ECG"])
    assert "Labels are read from labels.json; REFERENCE.csv is not read." in made.json["notes"]
    assert list(made.json["tasks"]["label"])[1:5] == ["afib", "noise", "normal", "other"]
    items = Store.open("cinc2017").items
    assert items.groupby("patient")["split"].nunique().max() == 1
