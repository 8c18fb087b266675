"""A few recordings of every format, which the tests write themselves: the seeds of everything all formats are held to.

A format's line names the function that writes its samples into an empty folder and gives their paths, as a user would
give them. Files that belong to a sample (signal file, sidecar) share its stem. ``STRUCTURES`` may hold a function
``mutate(data, rng)`` that takes a sample's bytes apart at the seams of its format; others are mutated as the text or
the fields of numbers that they look like. ``NASTY`` may hold words that are awkward in the text of that format alone.
"""

import os
from pathlib import Path

import csv_files
import dicom_files
import edf_files
import mat_files
import npy_files
import scp_files
import vendor_files
import wfdb_files
import xml_files
import xml_mutation

SAMPLES = {
    "wfdb": wfdb_files.write_samples,
    "npy": npy_files.write_samples,
    "csv": csv_files.write_samples,
    "mat": mat_files.write_samples,
    "edf": edf_files.write_samples,
    "dicom": dicom_files.write_samples,
    "scp": scp_files.write_samples,
    "muse": xml_files.muse_samples,
    "philips": xml_files.philips_samples,
    "aecg": xml_files.aecg_samples,
    "schiller": xml_files.schiller_samples,
    "ishne": vendor_files.ishne_samples,
    "mfer": vendor_files.mfer_samples,
    "mortara": vendor_files.mortara_samples,
    "kardia": vendor_files.kardia_samples,
    "edan": vendor_files.edan_samples,
}

STRUCTURES = {
    "edf": edf_files.mutate,
    "dicom": dicom_files.mutate,
    "scp": scp_files.mutate,
    **dict.fromkeys(("muse", "philips", "aecg", "schiller", "mortara"), xml_mutation.mutate),
}

NASTY = {
    "wfdb": wfdb_files.NASTY,
}

# Real recordings, by their place in the folder that ECG_TEST_DATA names.
REAL = {
    "muse": ("xml/ge-muse/*.xml",),
    "philips": ("xml/philips-sierra/1*.XML", "xml/philips-sierra/*_orig.xml"),
    "aecg": ("xml/hl7-aecg/*subject1_0.xml", "xml/hl7-aecg/Example aECG.xml", "xml/hl7-aecg/minimum_aecg.xml"),
    "schiller": ("xml/schiller/sample.xml",),
    "edf": ("edf/sample.edf", "edf/test_generator_2.edf"),
    "dicom": ("dicom/*.dcm",),
    "scp": ("scp/example.scp",),
    "wfdb": ("mitdb/100.hea", "cinc2017/A00001.hea", "cinc2021/E07500.hea", "wfdb-samples/binformats.hea"),
    "csv": ("serial/bitalino_ecg.txt",),
    "npy": ("ptbxl-z/0051*.npy",),
}


def real_samples(name):
    """The real recordings of a format; none where ECG_TEST_DATA is not set."""
    root = os.environ.get("ECG_TEST_DATA")
    return [path for pattern in REAL.get(name, ()) for path in sorted(Path(root).glob(pattern))] if root else []


def belonging(path):
    """The files of a sample, itself first: those in its folder that share its stem."""
    others = [other for other in path.parent.iterdir() if other.name.startswith(f"{path.stem}.") and other != path]
    return [path, *sorted(other for other in others if other.is_file())]
