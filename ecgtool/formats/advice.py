"""What to do with files that people take for recordings: what each is, and where the recording is to be had."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ecgtool.formats.regular import is_file
from ecgtool.formats.xml_document import root_name


class Advice(NamedTuple):
    """What a file is, and what to do.

    Args:
        what: Words that follow "is", e.g. ``"a PDF document"``.
        hint: What to do, in a sentence.
        container: Whether recordings are kept in such files too, so that a suffix may say more than the content.
    """

    what: str
    hint: str
    container: bool = False


_ASK = "ask for the recording's file (DICOM, SCP-ECG, XML, EDF, WFDB)."
_PICTURE = f"Values cannot be measured back from a picture or a printed page; {_ASK}"
_UNPACK = "Unpack it first, then give a file inside it."
_OFFICE = "Save the values as text (CSV) first."
_EXPORT = "Export the recording as DICOM, SCP-ECG, HL7 aECG or MUSE XML instead."
_DESCRIBES = "It describes recordings or their labels; give one of the recordings, or the folder to ecg prepare folder."
_DOCUMENTS = ("dataset.json", "labels.json", ".meta.json")
_ANNOTATIONS = "Annotations are not a recording; give the .hea of the same name."

_MAGIC = (
    (b"%PDF", Advice("a PDF document", _PICTURE)),
    (b"\x89PNG\r\n", Advice("a picture (PNG)", _PICTURE)),
    (b"\xff\xd8\xff", Advice("a picture (JPEG)", _PICTURE)),
    (b"GIF8", Advice("a picture (GIF)", _PICTURE)),
    (b"II*\0", Advice("a picture (TIFF)", _PICTURE)),
    (b"MM\0*", Advice("a picture (TIFF)", _PICTURE)),
    (b"\xd0\xcf\x11\xe0", Advice("an Office document", _OFFICE)),
    (b"{\\rtf", Advice("a text document (RTF)", _OFFICE)),
    (b"PK\x03\x04", Advice("a ZIP archive", _UNPACK, container=True)),
    (b"\x1f\x8b", Advice("a gzip archive", _UNPACK, container=True)),
    (b"7z\xbc\xaf\x27\x1c", Advice("a 7-Zip archive", _UNPACK)),
    (b"Rar!", Advice("a RAR archive", _UNPACK)),
    (b"\xfd7zXZ", Advice("an XZ archive", _UNPACK)),
    (b"BZh", Advice("a bzip2 archive", _UNPACK)),
    (b"RIFF", Advice("a sound or video file", "Save its samples as CSV or NumPy with their rate.")),
    (b"ID3", Advice("a sound file (MP3)", "Sound is compressed for the ear; the voltages are lost.")),
    (b"OggS", Advice("a sound file (Ogg)", "Sound is compressed for the ear; the voltages are lost.")),
    (b"\x89HDF", Advice("an HDF5 file", "Save each recording as NumPy (.npy) or EDF first.", container=True)),
    (b"PAR1", Advice("a Parquet table", _OFFICE)),
    (b"SQLite format 3\0", Advice("a database (SQLite)", "Export its recordings first.")),
    (b"\x7fELF", Advice("a program", "Give the file of a recording.")),
    (b"MZ", Advice("a program", "Give the file of a recording.", container=True)),
)
_ROOTS = {
    "cardiologyxml": Advice("GE CardioSoft XML", _EXPORT),
    "sapphire": Advice("GE Sapphire XML", _EXPORT),
    "clinicaldocument": Advice("an HL7 clinical document", f"It is a report; {_ASK}"),
    "html": Advice("a web page", f"The download may have failed, or it is a report; {_ASK}"),
    "svg": Advice("a picture (SVG)", _PICTURE),
}
_SUFFIXES = {
    **dict.fromkeys((".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".svg", ".heic"), _PICTURE),
    **dict.fromkeys((".zip", ".gz", ".tgz", ".tar", ".7z", ".rar"), _UNPACK),
    **dict.fromkeys((".atr", ".qrs", ".ann", ".pqrst", ".q1c", ".pu0"), _ANNOTATIONS),
    **dict.fromkeys((".doc", ".docx", ".xls", ".xlsx", ".ods", ".parquet"), _OFFICE),
    **dict.fromkeys((".xle", ".zqf", ".pwr", ".csf", ".nat"), _EXPORT),
}
_OFFICE_PARTS = (b"word/", b"xl/", b"ppt/", b"[Content_Types].xml", b"mimetypeapplication/vnd.oasis")


def content_advice(path: Path, head: bytes) -> Advice | None:
    """What a file is that is no recording; None where its content does not say.

    Args:
        path: The file.
        head: Its first bytes.
    """
    if not head:
        return Advice("empty", "", container=True)
    found = next((advice for magic, advice in _MAGIC if head.startswith(magic)), None)
    if found is not None and head.startswith(b"PK") and any(part in head for part in _OFFICE_PARTS):
        return Advice("an Office document", _OFFICE)
    if found is not None:
        return found
    if path.name.endswith(_DOCUMENTS) or (path.suffix.lower() == ".json" and head.lstrip().startswith(b"[")):
        return Advice("a document (JSON)", _DESCRIBES)
    root = root_name(path, head)
    if not root:
        return None
    unknown = Advice(
        f"XML with the root element '{root[:60]}', which no reader here knows",
        "Read are RestingECG (GE MUSE), restingecgdata (Philips), AnnotatedECG (HL7), SchillerEDI and ECG (Mortara).",
    )
    return _ROOTS.get(root, unknown)


def suffix_advice(path: Path) -> str:
    """What to do with a file, by its suffix or the WFDB header beside it; empty where nothing is known of it."""
    known, header = _SUFFIXES.get(path.suffix.lower(), ""), path.with_suffix(".hea")
    if known or not is_file(header):
        return known
    return f"Give {header.name}, the header of the recording it belongs to."
