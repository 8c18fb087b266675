"""Recordings as ISHNE, MFER, Mortara, Kardia and EDAN write them, from their descriptions."""

import base64
import binascii
import json
import struct

from xml_files import EIGHT, beats

_ISHNE_CODES = {"I": 5, "II": 6, "V1": 11, "V5": 15}


def ishne(counts, leads=("I", "II", "V1"), *, fs=200, resolution=2500, promised=None, checksum=None, note=b"note"):
    """Badilini 1998: magic, checksum, fixed header of 512 bytes, variable header, interleaved int16."""

    def texts(*fields):
        return b"".join(text.encode().ljust(size, b"\0") for text, size in fields)

    def twelve(values):
        return struct.pack("<12h", *(list(values) + [-9] * 12)[:12])

    count = counts.shape[1] if promised is None else promised
    fixed = struct.pack("<iiiih", len(note), count, 522, 522 + len(note), 1)
    fixed += texts(("Anna", 40), ("Zimtstern", 40), ("P-11", 20))
    fixed += struct.pack("<2h", 2, 1) + struct.pack("<3h", 2, 1, 1960) + struct.pack("<3h", 31, 1, 2020)
    fixed += struct.pack("<3h", 1, 2, 2020) + struct.pack("<3h", 10, 11, 12) + struct.pack("<h", len(leads))
    fixed += twelve(_ISHNE_CODES[name] for name in leads) + twelve([1] * len(leads)) + twelve([resolution] * len(leads))
    fixed += struct.pack("<h", 0) + texts(("digital", 40)) + struct.pack("<h", fs) + texts(("", 80), ("", 80), ("", 88))
    header = fixed.ljust(512, b"\0") + note
    crc = binascii.crc_hqx(header, 0xFFFF) if checksum is None else checksum
    return b"ISHNE1.0" + struct.pack("<H", crc) + header + counts.astype("<i2").T.tobytes()


def ishne_samples(folder):
    return _written(folder, {"holter.ecg": ishne(beats(3)), "holter_one.ecg": ishne(beats(1), ("V5",), note=b"")})


def definition(tag, value):
    """One definition of MFER: tag, length, value."""
    length = struct.pack("B", len(value)) if len(value) < 128 else b"\x84" + struct.pack(">I", len(value))
    return bytes((tag,)) + length + value


def mfer(counts, codes=(1, 2, 3), *, channels=None, blocks=5):
    """ISO 22077-1: little endian, 4 ms, 5 µV, blocks of each channel in turn."""
    count = counts.shape[1]
    parts = [
        definition(0x40, b"MFR ECG 12 leads".ljust(32)),
        definition(0x01, b"\x01"),
        definition(0x82, b"P-12"),
        definition(0x81, b"Zimtstern^^Anna"),
        definition(0x84, b"\x02"),
        definition(0x0B, struct.pack("<BbH", 1, -3, 4)),
        definition(0x0C, struct.pack("<BbH", 0, -6, 5)),
        definition(0x0A, b"\x00"),
        definition(0x05, struct.pack("<H", channels or len(codes))),
        definition(0x04, struct.pack("<I", count // blocks)),
        definition(0x06, struct.pack("<H", blocks)),
    ]
    parts += [b"\x3f" + bytes((at,)) + b"\x03" + definition(0x09, bytes((code,))) for at, code in enumerate(codes)]
    frames = counts.reshape(len(counts), blocks, -1).transpose(1, 0, 2)
    return b"".join([*parts, definition(0x1E, frames.astype("<i2").tobytes()), b"\x80\x00"])


def mfer_samples(folder):
    return _written(folder, {"sample.mwf": mfer(beats(3))})


def mortara(counts, leads=EIGHT, *, per_mv=400, fs=500):
    coded = [base64.b64encode(row.astype("<i2").tobytes()).decode() for row in counts]
    channels = "".join(
        f'<CHANNEL NAME="{name}" BITS="16" FORMAT="SIGNED" UNITS_PER_MV="{per_mv}" DURATION="{len(row)}" '
        f'SAMPLE_FREQ="{fs}" ENCODING="BASE64" OFFSET="0" DATA="{data}"/>'
        for name, row, data in zip(leads, counts, coded, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ECG ACQUISITION_TIME="20200131101112" AGE="63" AGE_UNITS="YEARS">'
        '<SUBJECT LAST_NAME="Zimtstern" FIRST_NAME="Anna" ID="P-13" GENDER="Female" DOB="19600102"/>'
        '<SOURCE TYPE="STANDARD" MANUFACTURER="Mortara Instrument, Inc." MODEL="ELI 280" LOW_PASS_FILTER="150"/>'
        f"{channels}</ECG>\n"
    ).encode()


def mortara_samples(folder):
    return _written(folder, {"eli.xml": mortara(beats())})


def kardia(counts, leads=("leadI", "leadII", "leadIII", "AVR", "AVL", "AVF"), fs=300):
    return json.dumps(
        {
            "id": "abc",
            "patientID": "P-14",
            "recordedAt": "2020-01-31T10:11:12Z",
            "duration": 1000 * counts.shape[1] // fs,
            "deviceInfo": {"hardwareType": "KardiaMobile6L"},
            "data": {
                "raw": {
                    "frequency": fs,
                    "mainsFrequency": 50,
                    "amplitudeResolution": 500,
                    "samples": {name: row.tolist() for name, row in zip(leads, counts, strict=True)},
                }
            },
        }
    ).encode()


def kardia_samples(folder):
    return _written(folder, {"kardia.json": kardia(beats(6)), "kardia_one.json": kardia(beats(1), ("leadI",))})


def edan(counts):
    """An archive of three channels: a page of header, interleaved int16, then the index."""
    samples = counts.astype("<i2").T.tobytes()
    header = struct.pack("<I", 3) + b"##NEUTRAL HOLTER RECORDING##"
    header = header.ljust(0x56, b"\0") + struct.pack("<I", 0x1000 + len(samples)) + b"patientdata.dat"
    return header.ljust(0x1000, b"\0") + samples + b"index".ljust(64, b"\0")


def edan_samples(folder):
    return _written(folder, {"holter.arc": edan(beats(3) // 4)})


def _written(folder, files):
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in files]
