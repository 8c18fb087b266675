"""A fictional clinic's folder: whole, the same again, two classes that overlap as they do in people."""

import csv
import json

import numpy as np
import pytest
from corpora import contents
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ecgtool.datasets import ctrcd_xml
from ecgtool.datasets.ctrcd_patients import CONTROL, CTRCD, members, patient_of, visit_of
from ecgtool.datasets.ctrcd_xml import COLUMNS, drawing_of, write_clinic
from ecgtool.errors import ConfigError, EcgError
from ecgtool.formats import read_record
from ecgtool.record import LEADS_8, LEADS_12

RECORDS = 9


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    """A folder of nine recordings."""
    folder = tmp_path_factory.mktemp("clinic") / "ctrcd"
    counts = write_clinic(folder, RECORDS)
    assert counts["recordings"] == RECORDS
    return folder


@pytest.fixture(scope="module")
def cohort():
    """Patient number and visit of 900 recordings; nothing is drawn."""
    return [(number, visit_of(5, number, visit)) for number, visit in members(5, 900)]


def rows_of(folder):
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_names_a_recording_of_a_patient(clinic):
    rows = rows_of(clinic)
    assert tuple(rows[0]) == COLUMNS
    assert sorted(row["path_xml"] for row in rows) == sorted(f"xml/{path.name}" for path in clinic.glob("xml/*"))
    assert {row["label"] for row in rows} <= {CTRCD, CONTROL}
    for row, member in zip(rows, members(42, RECORDS), strict=True):
        record, drawn = read_record(clinic / row["path_xml"]), drawing_of(42, *member)
        assert record.patient == row["patient_id"]
        assert "warnings" not in record.meta
        kept = [lead for lead in LEADS_8 if lead in record.leads]
        error = record.select(kept).signal - drawn.record.select(kept).signal
        assert np.abs(error).max() <= 0.00245
        assert row["age"] in ("", f"{record.meta['age']:g}")
        if not set(LEADS_12) - set(record.leads):
            assert record.meta["derived"]


def test_the_files_say_who_somebody_is_as_those_of_a_clinic_do_and_that_nobody_is_meant(clinic):
    row = rows_of(clinic)[0]
    last, first = row["patient_name"].upper().split(", ")
    text = (clinic / row["path_xml"]).read_text(encoding="iso-8859-1")
    for said in (last, first, row["patient_id"], "SYNTHETIC RECORDING, NO SUCH PATIENT", "<WaveformType>Median<"):
        assert said in text
    assert "nobody" in json.loads((clinic / "about.json").read_text())["what"]


def test_the_same_seed_writes_the_same_bytes_and_fewer_are_the_first_of_more(clinic, tmp_path):
    write_clinic(tmp_path / "fewer", 4)
    write_clinic(tmp_path / "other", 4, seed=43)
    fewer, whole, other = (contents(folder / "xml") for folder in (tmp_path / "fewer", clinic, tmp_path / "other"))
    assert fewer.items() <= whole.items()
    assert not set(fewer.values()) & set(other.values())


def test_what_was_interrupted_goes_on_and_leaves_nothing_half_written(clinic, tmp_path, monkeypatch):
    final, written = tmp_path / "ctrcd", []
    write = ctrcd_xml.write_muse

    def stopping(record, path, details):
        if len(written) == 5:
            raise KeyboardInterrupt
        written.append(path)
        return write(record, path, details)

    with monkeypatch.context() as patch:
        patch.setattr(ctrcd_xml, "write_muse", stopping)
        with pytest.raises(KeyboardInterrupt):
            write_clinic(final, RECORDS)
        assert not final.exists()
    with monkeypatch.context() as patch:
        patch.setattr(ctrcd_xml, "write_muse", lambda *given: written.append(given[1]) or write(*given))
        write_clinic(final, RECORDS)
    assert len(written) == RECORDS
    assert contents(final) == contents(clinic)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_try_with_other_numbers_is_begun_anew(tmp_path, monkeypatch):
    final, write = tmp_path / "ctrcd", ctrcd_xml.write_muse

    def failing(record, path, details):
        if len(list(path.parent.glob("*.xml"))) == 2:
            raise EcgError("The disk is full.", "Make room.")
        return write(record, path, details)

    with monkeypatch.context() as patch:
        patch.setattr(ctrcd_xml, "write_muse", failing)
        with pytest.raises(EcgError, match="full"):
            write_clinic(final, 4, seed=1)
    write_clinic(final, 3, seed=2)
    assert len(list(final.glob("xml/*.xml"))) == 3


def test_a_folder_that_is_there_is_left_alone_unless_forced(tmp_path):
    folder = tmp_path / "ctrcd"
    write_clinic(folder, 2)
    before = contents(folder)
    write_clinic(folder, 2)
    with pytest.raises(ConfigError, match="exists already"):
        write_clinic(folder, 2, seed=1)
    assert contents(folder) == before
    write_clinic(folder, 2, seed=1, force=True)
    assert contents(folder) != before
    (folder / "thesis.docx").touch()
    with pytest.raises(ConfigError, match=r"thesis\.docx"):
        write_clinic(folder, 2, force=True)


@pytest.mark.parametrize(("records", "seed"), [(0, 1), (-3, 1), (10**7, 1), (2, -1)])
def test_numbers_that_cannot_be_are_refused(records, seed, tmp_path):
    with pytest.raises(ConfigError, match="cannot have"):
        write_clinic(tmp_path / "ctrcd", records, seed)


def test_patients_are_recorded_before_therapy_and_under_it(cohort):
    seen = {}
    for number, visit in cohort:
        seen.setdefault(number, []).append(visit)
    for visits in seen.values():
        starts = [visit.start for visit in visits]
        assert starts == sorted(starts)
        assert starts[0].date() >= visits[0].patient.begin
        assert len({(visit.patient.mrn, visit.patient.name, visit.patient.ctrcd) for visit in visits}) == 1
    before = [visits[0].cells["weeks_on_therapy"] == "0" for visits in seen.values()]
    assert np.mean(before) == pytest.approx(0.5, abs=0.1)
    assert {len(visits) for visits in list(seen.values())[:-1]} == {2, 3, 4}


def test_about_a_third_are_positive_and_how_they_were_recorded_says_nothing(cohort):
    positive = np.array([visit.patient.ctrcd for _number, visit in cohort])
    assert 0.25 < positive.mean() < 0.42
    assert {visit.fs for _number, visit in cohort} == {250, 500, 1000}
    assert {visit.seconds for _number, visit in cohort} == {8, 10, 12, 30}
    lacking = np.array([len(visit.leads) for _number, visit in cohort]) < 8
    assert 0.02 < lacking.mean() < 0.07
    for told in (
        [visit.fs for _number, visit in cohort],
        [visit.seconds for _number, visit in cohort],
        lacking,
        [visit.plan.noise.wander_mv for _number, visit in cohort],
        [visit.plan.fibrillating for _number, visit in cohort],
    ):
        assert roc_auc_score(positive, told) == pytest.approx(0.5, abs=0.06)


def test_each_sign_tells_something_no_sign_tells_all_and_columns_tell_less(cohort):
    """Means over the visits of each patient; directions as the literature has them."""
    numbers = np.array([number for number, _visit in cohort])
    patients = [patient_of(5, number) for number in np.unique(numbers)]
    truth = [patient.ctrcd for patient in patients]
    shown = [visit.plan for _number, visit in cohort]
    rows = np.array([(p.person.qtc_ms, -p.person.voltage_mv, -p.person.t_mv, p.rate, p.person.qrs_ms) for p in shown])
    signs = np.array([rows[numbers == number].mean(axis=0) for number in np.unique(numbers)])
    alone = [roc_auc_score(truth, column) for column in signs.T]
    assert 0.62 < min(alone) < max(alone) < 0.89
    assert 0.86 < _together(signs, truth) < 0.96
    columns = np.array([(each.dose or 180, each.lvef, each.hypertension, each.person.age) for each in patients])
    assert 0.5 < _together(columns, truth) < 0.72


def _together(columns, truth):
    """Area under the curve of a logistic regression, held out."""
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return roc_auc_score(truth, cross_val_predict(model, columns, truth, cv=10, method="decision_function"))
