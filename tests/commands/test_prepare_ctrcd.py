"""The clinic that is no clinic, from its XML to a prediction; and manifests of anybody's that are not so tidy."""

import csv
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from corpora import contents
from formats.test_every_format import HOSTILE

from ecgtool.datasets.ctrcd_xml import write_clinic
from ecgtool.store import Store

EXAMPLE = Path(__file__).parents[2] / "examples" / "ctrcd" / "run.sh"
SMALL = ("--leads", 8, "--fs", 100, "--length", 500)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    """A folder of 40 recordings."""
    folder = tmp_path_factory.mktemp("clinic") / "ctrcd"
    write_clinic(folder, 40)
    return folder


@pytest.fixture
def listed(clinic, tmp_path):
    """``listed(change)``: a manifest of the clinic's rows, changed in place; recordings stay where they are."""

    def write(change=lambda rows: None):
        with (clinic / "manifest.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        change(rows)
        path = clinic / f"cohort{len(list(clinic.glob('*.csv')))}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
        return path

    return write


def test_a_folder_comes_of_it_and_the_command_that_makes_a_store_of_it(ecg, tmp_path):
    made = ecg("prepare", "synthetic", "--preset", "ctrcd-xml", "--seed", 7, "--records", 14)
    assert made.code == 0, made.err
    assert (tmp_path / "ctrcd" / "manifest.csv").is_file()
    assert not (tmp_path / "home" / "stores").exists()
    proposed = "ecg prepare manifest ctrcd/manifest.csv --leads 8 --fs 500 --length 5000 --out ctrcd"
    assert proposed in made.err
    again = ecg("prepare", "synthetic", "--preset", "ctrcd-xml", "--seed", 7, "--records", 14, "--json")
    assert "nothing to do" in again.err
    assert again.json["recordings"] == 14
    prepared = ecg(*shlex.split(proposed)[1:], "--missing", "mask", "--json")
    assert prepared.code == 0, prepared.err
    assert prepared.json["labels"] == {"label": ["control", "CTRCD"]}
    assert prepared.json["positive"] == {"label": "CTRCD"}
    assert Store.open("ctrcd").signals.shape == (14, 9, 5000)  # beside the folder of the same name


@pytest.mark.parametrize(
    "option", [("--fs", 250), ("--seconds", 20), ("--task", "rhythm"), ("--splits", "1,1,1"), ("--missing", "mask")]
)
def test_options_of_a_store_are_refused(ecg, option):
    refused = ecg("prepare", "synthetic", "--preset", "ctrcd-xml", *option)
    assert refused.code == 1
    assert f"no store: {option[0]} is not for it" in refused.err
    assert "ecg prepare manifest" in refused.err


def test_a_misspelt_preset_is_told_what_it_may_mean(ecg):
    assert "ctrcd-xml" in ecg("prepare", "synthetic", "--preset", "ctrcd").err


def test_recordings_that_lack_leads_are_told_with_what_keeps_them(ecg, clinic):
    made = ecg("prepare", "manifest", clinic / "manifest.csv", *SMALL, "--out", "dropped", "--json")
    assert made.code == 0, made.err
    left_out = 40 - made.json["items"]
    assert left_out > 0
    assert f"{left_out} recordings lack leads and were left out; --missing mask keeps such" in made.err
    kept = ecg("prepare", "manifest", clinic / "manifest.csv", *SMALL, "--missing", "mask", "--out", "kept", "--json")
    assert kept.json["items"] == 40
    assert "left out" not in kept.err


def test_names_dates_and_gaps_of_the_manifest_are_dealt_with(ecg, clinic):
    made = ecg("prepare", "manifest", clinic / "manifest.csv", *SMALL, "--missing", "mask", "--json")
    columns = made.json["tabular"] if "tabular" in made.json else list(Store.open("manifest").manifest.tabular)
    told = ("age", "anthracycline_mg_m2", "baseline_lvef", "hypertension=yes", "therapy=anthracycline", "device=MAC16")
    assert set(told) <= set(columns)
    assert not any(word in column for column in columns for word in ("name", "birth", "recorded"))
    assert np.isnan(Store.open("manifest").tabular).any()


def test_the_positive_label_can_be_chosen_and_stays_chosen(ecg, clinic):
    options = ("prepare", "manifest", clinic / "manifest.csv", *SMALL, "--out", "turned")
    made = ecg(*options, "--positive", "Control")
    assert made.code == 0, made.err
    assert "control is the positive label; --class-weights are for CTRCD, control" in made.out
    assert "made with positive Control rather than None" in ecg(*options).err
    wrong = ecg(*options, "--positive", "CTRD", "--force")
    assert wrong.code == 1
    assert "Did you mean 'CTRCD'?" in wrong.err


@pytest.mark.parametrize(
    ("negative", "positive"), [("0", "1"), ("no", "yes"), ("FALSE", "TRUE"), ("kein", "CTRCD")], ids=str
)
def test_labels_are_whatever_a_lab_writes(ecg, listed, negative, positive):
    def relabel(rows):
        for row in rows:
            row["label"] = positive if row["label"] == "CTRCD" else negative

    made = ecg("prepare", "manifest", listed(relabel), *SMALL, "--out", "theirs", "--positive", positive, "--json")
    assert made.code == 0, made.err
    assert made.json["labels"]["label"] == [negative, positive]


def test_a_column_that_nobody_filled_in_the_training_split_does_no_harm(ecg, listed, home):
    def empty(rows):
        people = list(dict.fromkeys(row["patient_id"] for row in rows))
        for place, row in enumerate(rows):
            row["split"] = ("train", "train", "val", "test")[people.index(row["patient_id"]) % 4]
            row["troponin"] = "" if row["split"] == "train" else str(place / 7)
            row["biopsy"] = ""

    file = listed(empty)
    made = ecg("prepare", "manifest", file, *SMALL, "--missing", "mask", "--out", "gaps")
    assert made.code == 0, made.err
    assert "Column 'biopsy' is no input: it is empty" in made.err
    trained = ecg("train", "--dataset", "gaps", "--recipe", "ctrcd-baseline", "--epochs", 1, "--out", "gaps")
    assert trained.code == 0, trained.err
    stats = json.loads((home / "runs" / "gaps" / "norm_stats.json").read_text())
    place = stats["tabular"].index("troponin")
    assert (stats["tabular_mean"][place], stats["tabular_std"][place]) == (0, 1)


def test_one_patient_alone_makes_a_store_from_which_nothing_is_learnt(ecg, listed):
    def merge(rows):
        for row in rows:
            row["patient_id"] = "MRN1"

    made = ecg("prepare", "manifest", listed(merge), *SMALL, "--out", "one", "--json")
    assert made.code == 0, made.err
    assert made.json["patients"] == 1
    refused = ecg("train", "--dataset", "one", "--recipe", "ctrcd-baseline")
    assert refused.code == 1
    assert "no item in the split 'val'" in refused.err


def test_a_patient_without_a_readable_file_is_left_out_and_told(ecg, listed, clinic):
    people = set()

    def tear(rows):
        who = rows[0]["patient_id"]
        people.update(row["patient_id"] for row in rows)
        for place, row in enumerate(rows):
            if row["patient_id"] == who:
                row["path_xml"] = f"xml/torn{place}.xml"
                (clinic / row["path_xml"]).write_text("<RestingECG><Waveform>")
        rows[1]["path_xml"] = "xml/gone.xml"

    made = ecg("prepare", "manifest", listed(tear), *SMALL, "--missing", "mask", "--out", "fewer", "--json")
    assert made.code == 0, made.err
    assert "line2 is cut off" in made.err
    assert "are missing: line3" in made.err
    assert "torn" not in json.dumps(made.json)
    assert made.json["patients"] == len(people) - 1


def test_hostile_words_in_any_cell_do_nothing(ecg, listed, home):
    words = [word for word in HOSTILE if word.isprintable()]

    def spoil(rows):
        for place, row in enumerate(rows):
            row["patient_id"] = f"{words[place % len(words)]}{row['patient_id']}"
            row["therapy"] = words[place % 5]
            row["label"] = words[3 + (row["label"] == "CTRCD")]
            row[words[5]] = str(place / 7)

    made = ecg("prepare", "manifest", listed(spoil), *SMALL, "--missing", "mask", "--out", "hostile")
    assert made.code == 0, made.err
    assert "\x1b" not in made.out + made.err
    for row in csv.reader((home / "stores" / "hostile" / "items.csv").read_text(encoding="utf-8").splitlines()):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
    assert ecg("info", "hostile").code == 0


def test_the_example_goes_from_xml_to_a_prediction_and_nothing_it_makes_says_who_anybody_is(tmp_path):
    environment = {
        **os.environ,
        "ECG_HOME": str(tmp_path / "home"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RECORDS": "48",
        "EPOCHS": "1",
    }
    done = subprocess.run(["bash", EXAMPLE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert "Class weights: control 1, CTRCD 2.2." in " ".join(done.stdout.split())
    work = tmp_path / "home" / "ctrcd"
    rows = list(csv.DictReader((work / "clinic" / "manifest.csv").open(encoding="utf-8", newline="")))
    secrets = {row[column] for row in rows for column in ("patient_id", "date_of_birth")}
    secrets |= {name for row in rows for name in row["patient_name"].split(", ")}
    secrets |= {name.upper() for name in secrets} | {"ZUNDERSCHWAMM"} | {Path(row["path_xml"]).stem for row in rows}
    made = {name: data for name, data in contents(tmp_path / "home").items() if not name.startswith("ctrcd/clinic/")}
    assert any(name.startswith("ctrcd/report/") for name in made)
    assert any(name.startswith("ctrcd/bundle/") for name in made)
    found = [(name, secret) for name, data in made.items() for secret in secrets if secret.encode() in data]
    assert found == []
