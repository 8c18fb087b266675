"""Forty identifiers to hide in recordings, and a search that finds them however they are spelled."""

import base64
import io
import zipfile
from functools import cache

PLANTS = {
    "last name": "Quixworthy",
    "first name": "Zebulonia",
    "middle name": "Ferdinandus",
    "maiden name": "Oberhuberin",
    "initials": "QZF.initials",
    "patient id": "MRN-7734215",
    "second id": "SSN219099999",
    "account": "ACCT-55-0192",
    "accession": "ACC99120077",
    "order number": "ORD.4471.XZ",
    "birth date": "23-APR-1931",
    "birth date iso": "1931-04-23",
    "birth date compact": "19310423",
    "phone": "+49-89-5550123",
    "fax": "0895550124",
    "mail": "zq@clinic.example",
    "street": "Wexlerstrasse 17b",
    "city": "Tübingen-Nordost",
    "postcode": "D-72074-x",
    "employer": "Holzbau Brinkmeier",
    "technician": "Technikus Vroni",
    "operator id": "OPID-00817",
    "physician": "Prof. Dr. Mabusius",
    "referring": "Hausarzt Knorrig",
    "institution": "Sanatorium Zauberberg",
    "department": "Station Rosenholz",
    "room": "Zimmer 4711b",
    "device serial": "SN-HX-90210-77",
    "device name": "KardioMax des Hauses",
    "software": "EKGsoft build Xaver",
    "free text": "Patient fell from the mill tower",
    "diagnosis": "suspected hypernephroid of Q.",
    "medication": "Xarelabdomin 20",
    "comment": "daughter called on Tuesday",
    "private": "private-tag-secret-81",
    "annotation": "ask Mr Q. about dizziness",
    "record name": "quixworthy_holter",
    "folder name": "Zebulonia_1931",
    "photo": "IMG_face_0001",
    "insurance": "AOK-H123456789",
}
assert len(PLANTS) == 40


@cache
def spellings(text):
    """The bytes that a text may hide as: plain, wide, in either case, in base64 at each of its three places."""
    found = set()
    for case in {text, text.upper(), text.lower()}:
        for coding in ("utf-8", "latin-1", "utf-16-le", "utf-16-be", "utf-32-le"):
            data = case.encode(coding)
            found.add(data)
            for shift in range(3):
                packed = base64.b64encode(b"\0" * shift + data)
                found.add(packed[4 if shift else 0 : len(packed) // 4 * 4 - 4].rstrip(b"="))
    return found


def contents(path):
    """The bytes of a file, and what its members unpack to where it is an archive."""
    data = path.read_bytes()
    yield data
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name) + name.encode() for name in archive.namelist())


def found_in(data, plants=PLANTS):
    """The kinds of identifiers that are in some bytes."""
    return sorted(kind for kind, text in plants.items() if any(spelled in data for spelled in spellings(text)))


def found_below(folder, plants=PLANTS):
    """Kinds of identifiers in any file below a folder, or in its name."""
    found = {}
    for path in sorted(folder.rglob("*")):
        data = b"\0".join(contents(path)) if path.is_file() else b""
        kinds = found_in(data + b"\0" + str(path.relative_to(folder)).encode(), plants)
        if kinds:
            found[path.name] = kinds
    return found
