"""A folder as a clinic would hand it over: a manifest of patients under cancer therapy, and their MUSE XML.

::

    manifest.csv   patient_id, path_xml, label (CTRCD or control), age, sex and further columns; names and dates, too
    xml/*.xml      one RestingECG document for each recording
    about.json     that nobody in it exists, and how it was made
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool import __version__
from ecgtool.console import log, progress
from ecgtool.datasets.ctrcd_patients import FURTHER, Visit, members, visit_of
from ecgtool.datasets.presets import chance_of
from ecgtool.errors import ConfigError
from ecgtool.files import (
    expanded,
    explained,
    read_json,
    recover_folder,
    refuse_existing,
    resumable_folder,
    write_json,
    write_text,
)
from ecgtool.formats.muse_write import DEVICE_STEP_UV, MuseDetails, write_muse
from ecgtool.formats.reading import age_at
from ecgtool.record import Record
from ecgtool.signals.synth import Drawing, draw

RECORDS = 600
MANIFEST, XML, ABOUT = "manifest.csv", "xml", "about.json"
COLUMNS = ("patient_id", "patient_name", "date_of_birth", "recorded_on", "path_xml", "label", "age", "sex", *FURTHER)

_DRAWING = 102  # a stream of chance, apart from those of the patients
_LIMITS = {"records": (1, 10**6), "seed": (0, 2**63)}
_MEDIAN_S = (0.4, 0.8)  # before and after the R peak
_MEDIAN_BEATS = 5  # beats, at most, that a median is made of


def write_clinic(folder: Path, records: int = RECORDS, seed: int = 42, *, force: bool = False) -> dict[str, int]:
    """Write the folder, whole or not at all; what was interrupted goes on when called again.

    The same numbers give the same bytes, and fewer records are the first of more.

    Args:
        folder: Where to.
        records: How many recordings.
        seed: All chance comes from it.
        force: Replace such a folder that is there.

    Returns:
        How many recordings and patients there are, how many of each carry the label CTRCD, and how many recordings
        lack a lead.

    Raises:
        ConfigError: A number out of range, or something else is there.
        EcgError: It cannot be written.
    """
    for name, value in (("records", records), ("seed", seed)):
        least, most = _LIMITS[name]
        if not least <= value <= most:
            raise ConfigError(f"A fictional clinic cannot have {name} {value}.", f"From {least:,} to {most:,}.")
    final = expanded(folder).resolve()
    visits = [(member, visit_of(seed, *member)) for member in members(seed, records)]
    paths = [f"{XML}/{_name(visit, number)}" for number, (_member, visit) in enumerate(visits, start=1)]
    about = _about(records, seed)
    recover_folder(final)
    if not force and _whole(final, about, paths):
        log.info("%s is already written: nothing to do.", final)
    else:
        refuse_existing(final, force=force, holds=(MANIFEST, XML, ABOUT))
        with resumable_folder(final) as staged:
            _fill(staged, visits, paths, about, seed)
    return _counts([visit for _member, visit in visits])


def drawing_of(seed: int, number: int, visit: int) -> Drawing:
    """The recording of a patient's visit in all twelve leads, its noise apart, and its truth."""
    made = visit_of(seed, number, visit)
    name = f"{made.patient.mrn}_{visit}"
    return draw(made.plan, made.fs, made.seconds, (seed, _DRAWING, number, visit), name, made.patient.mrn)


def _fill(
    folder: Path, visits: Sequence[tuple[tuple[int, int], Visit]], paths: Sequence[str], about: Any, seed: int
) -> None:
    """Write what is missing; everything anew where what is there was begun otherwise."""
    kept = (folder / ABOUT).is_file() and read_json(folder / ABOUT) == about
    if not kept:
        _empty(folder)
        write_json(folder / ABOUT, about)
    todo = [row for row, path in enumerate(paths) if not (folder / path).is_file()]
    if len(todo) < len(paths):
        log.info("Going on after %d of %d recordings.", len(paths) - len(todo), len(paths))
    with progress("Writing recordings", len(paths)) as advance:
        advance(len(paths) - len(todo))
        for row in todo:
            member, visit = visits[row]
            _write_xml(folder / paths[row], visit, drawing_of(seed, *member), chance_of(seed, _DRAWING, *member, 1))
            advance(1)
    write_text(folder / MANIFEST, _manifest([visit for _member, visit in visits], paths))


def _empty(folder: Path) -> None:
    """Remove what an earlier try with other options left; only this module writes there."""
    with explained(folder):
        for path in (*folder.glob(f"{XML}/*.xml"), folder / MANIFEST, folder / ABOUT):
            path.unlink(missing_ok=True)


def _about(records: int, seed: int) -> dict[str, Any]:
    return {
        "what": "Fictional patients and drawn electrocardiograms: nobody of these names exists.",
        "made_by": f"ecgtool {__version__}",
        "preset": "ctrcd-xml",
        "records": records,
        "seed": seed,
    }


def _whole(folder: Path, about: Any, paths: Sequence[str]) -> bool:
    """Whether the folder is there already, made of the same numbers."""
    return (
        all((folder / name).is_file() for name in (ABOUT, MANIFEST))
        and read_json(folder / ABOUT) == about
        and all((folder / path).is_file() for path in paths)
    )


def _counts(visits: Sequence[Visit]) -> dict[str, int]:
    patients = {visit.patient.mrn: visit.patient.ctrcd for visit in visits}
    return {
        "recordings": len(visits),
        "patients": len(patients),
        "ctrcd_recordings": sum(visit.patient.ctrcd for visit in visits),
        "ctrcd_patients": sum(patients.values()),
        "lacking_leads": sum(len(visit.leads) < 8 for visit in visits),
    }


def _name(visit: Visit, number: int) -> str:
    """As MUSE names what it exports: by date, time and a running number."""
    return f"MUSE_{visit.start:%Y%m%d_%H%M%S}_{number:05d}.xml"


def _manifest(visits: Sequence[Visit], paths: Sequence[str]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for visit, path in zip(visits, paths, strict=True):
        own = {
            "patient_id": visit.patient.mrn,
            "patient_name": ", ".join(visit.patient.name),
            "date_of_birth": visit.patient.birth.isoformat(),
            "recorded_on": visit.start.date().isoformat(),
            "path_xml": path,
            "label": visit.label,
        }
        table.writerow({**own, **visit.cells})
    return text.getvalue()


def _write_xml(path: Path, visit: Visit, drawing: Drawing, chance: np.random.Generator) -> None:
    recorded = drawing.record.select(visit.leads)
    meta = {
        "age": age_at(visit.patient.birth.isoformat(), visit.start.date().isoformat()),
        "sex": visit.plan.person.sex,
        "device": visit.device,
        "start": visit.start.isoformat(),
        "calibrated": True,
    }
    median = _median(recorded, drawing.truth.beat_s)
    write_muse(replace(recorded, meta=meta), path, MuseDetails(_blocks(visit, drawing, chance), median, DEVICE_STEP_UV))


def _median(record: Record, beat_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float32] | None:
    """The median of the first beats; float32 [leads, samples], None where no beat lies well inside the recording."""
    before, after = (round(seconds * record.fs) for seconds in _MEDIAN_S)
    peaks = np.round(beat_s * record.fs).astype(int)
    inside = peaks[(peaks >= before) & (peaks + after <= record.signal.shape[1])][:_MEDIAN_BEATS]
    if not len(inside):
        return None
    beats = np.stack([record.signal[:, peak - before : peak + after] for peak in inside])
    return np.asarray(np.median(beats, axis=0), np.float32)


def _blocks(visit: Visit, drawing: Drawing, chance: np.random.Generator) -> dict[str, Any]:
    """What a recorder writes beside the waveform: who, where, what it measured, what it says of it."""
    patient = visit.patient
    return {
        "PatientDemographics": {
            "DateofBirth": f"{patient.birth:%m-%d-%Y}",
            "PatientLastName": patient.name[0].upper(),
            "PatientFirstName": patient.name[1].upper(),
        },
        "TestDemographics": {
            "Site": 1,
            "SiteName": "FICTIONAL HOSPITAL",
            "Status": "CONFIRMED",
            "LocationName": "CARDIO-ONCOLOGY",
            "AcquisitionTechLastName": "ZUNDERSCHWAMM",
        },
        "RestingECGMeasurements": _measured(visit, drawing, chance),
        "Diagnosis": {
            "Modality": "RESTING",
            "DiagnosisStatement": [
                {"StmtFlag": "ENDSLINE", "StmtText": text}
                for text in ("SYNTHETIC RECORDING, NO SUCH PATIENT", *drawing.truth.labels)
            ],
        },
        "QRSTimesTypes": {
            "QRS": [
                {"Number": number, "Type": 0, "Time": round(1000 * at)}
                for number, at in enumerate(drawing.truth.beat_s.tolist(), start=1)
            ]
        },
    }


def _measured(visit: Visit, drawing: Drawing, chance: np.random.Generator) -> dict[str, int]:
    """What the recorder's own program would measure: the truth, a few milliseconds off."""
    person, rate = visit.plan.person, drawing.truth.rate
    rate = visit.plan.rate if math.isnan(rate) else rate
    off = chance.normal(0, 4, 3)
    qt = person.qtc_ms * np.cbrt(60 / rate) + off[0]
    measured = {
        "VentricularRate": rate,
        "PRInterval": person.pr_ms + off[1],
        "QRSDuration": person.qrs_ms + off[2],
        "QTInterval": qt,
        "QTCorrected": qt / np.sqrt(60 / rate),  # Bazett 1920
        "QTcFrederica": qt / np.cbrt(60 / rate),  # as MUSE spells Fridericia
    }
    return {name: round(float(value)) for name, value in measured.items()}
