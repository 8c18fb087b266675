"""Recordings in which every field that can hold text holds somebody's name: WFDB, EDF, BDF, NumPy, CSV, SCP-ECG."""

import binascii
import json
import struct

import numpy as np
from plants import PLANTS

TEXTS = list(PLANTS.values())


def ecg(leads, samples=500, seed=0):
    """int16 counts [leads, samples]."""
    rng = np.random.default_rng(seed)
    return (300 * np.sin(np.arange(samples) / 9) + rng.normal(0, 40, (leads, samples))).astype(np.int16)


def wfdb(folder, date="15/05/2014", seed=0):
    name = PLANTS["record name"]
    counts = ecg(3, seed=seed).T
    before = PLANTS["photo"].encode().ljust(32, b"\0")
    data = before + counts.astype("<i2").tobytes() + "".join(TEXTS).encode("utf-16-le")
    (folder / f"{name}.dat").write_bytes(data)
    lines = [f"{name} 3 250/77(5) 500 10:11:12 {date}"]
    for lead, unit in (("II", "mV"), (PLANTS["last name"], "uV"), ("V5", PLANTS["initials"])):
        lines.append(f"{name}.dat 16+32 200(3)/{unit} 12 0 0 0 0 {lead}")
    lines += [f"# {text}" for text in TEXTS]
    lines += ["# Age: 93", "# Sex: F", "#no space " + PLANTS["comment"]]
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _annotations(folder / f"{name}.atr")
    (folder / f"{name}.man").write_bytes("".join(TEXTS).encode("utf-16-be") + b"\0\0")
    return folder / f"{name}.hea"


def _annotations(path):
    """Beats, a rhythm, and a note for each text."""
    made = b""
    for text in ("(AFIB\0", *(f"{text}\0" for text in TEXTS)):
        data = text.encode()
        made += (
            struct.pack("<H", 28 << 10 | 5) + struct.pack("<H", 63 << 10 | len(data)) + data + b"\0" * (len(data) % 2)
        )
        made += struct.pack("<H", 1 << 10 | 100)
    path.write_bytes(made + b"\0\0" + PLANTS["annotation"].encode())


def wfdb_segments(folder):
    """Two segments and a gap, each segment a record of its own with text."""
    name = PLANTS["record name"]
    for number in (1, 2):
        part = f"{name}{number}"
        (folder / f"{part}.dat").write_bytes(ecg(2, 200, number).T.astype("<i2").tobytes())
        lines = [f"{part} 2 250 200 10:11:12 15/05/2014"]
        lines += [f"{part}.dat 16 200/mV 12 0 0 0 0 {lead}" for lead in ("II", "V1")]
        (folder / f"{part}.hea").write_text("\n".join([*lines, *(f"#{text}" for text in TEXTS)]) + "\n")
    lines = [f"{name}/3 2 250 450 10:11:12 15/05/2014", f"{name}1 200", "~ 50", f"{name}2 200"]
    (folder / f"{name}.hea").write_text("\n".join([*lines, *(f"# {text}" for text in TEXTS)]) + "\n")
    return folder / f"{name}.hea"


def edf(folder, bits=16, date="15.05.14", seed=0):
    """EDF+ (BDF+ for 24 bits) with text in the header, in the labels, and in its annotations."""
    width, records = bits // 8, 4
    counts = ecg(2, 100 * records, seed).reshape(2, records, 100)
    texts = [*TEXTS, "Recording starts"]
    slots = [b"".join(f"+{n}.5\x14{text}\x14\0".encode() for text in texts[n::records]) for n in range(records)]
    room = 900
    kind = "EDF Annotations" if bits == 16 else "BDF Annotations"
    labels = ("ECG II", PLANTS["initials"], kind)
    number = 2 ** (bits - 1)
    columns = (
        (labels, 16),
        ((PLANTS["device serial"], PLANTS["device name"], PLANTS["software"]), 80),
        (("uV", PLANTS["room"][:8], ""), 8),
        (("-3200", "-3200", "-1"), 8),
        (("3200", "3200", "1"), 8),
        ((str(-number),) * 3, 8),
        ((str(number - 1),) * 3, 8),
        (("HP:0.05Hz LP:150Hz", PLANTS["free text"], ""), 80),
        (("100", "100", str(room // width)), 8),
        ((PLANTS["insurance"], PLANTS["phone"], PLANTS["accession"]), 32),
    )
    sex_day = "F 23-APR-1931" if bits == 16 else "F X"
    patient = f"{PLANTS['patient id']} {sex_day} {PLANTS['last name']}_{PLANTS['first name']} {PLANTS['second id']}"
    recording = f"Startdate 15-MAY-2014 {PLANTS['account']} {PLANTS['operator id']} {PLANTS['mail']} age:93"
    if bits == 24:
        patient += " age:93"
    fixed = (patient, 80), (recording, 80), (date, 8), ("10.11.12", 8), ("1024", 8)
    fixed += (kind[:3] + "+C" + PLANTS["private"], 44), (str(records), 8), ("1", 8), ("3", 4)
    data = b"0       " if bits == 16 else b"\xffBIOSEMI"
    data += b"".join(text.encode("latin-1", "replace")[:size].ljust(size) for text, size in fixed)
    data += b"".join(t.encode("latin-1", "replace")[:size].ljust(size) for column, size in columns for t in column)
    for record in range(records):
        for lead in counts:
            data += b"".join(int(value).to_bytes(width, "little", signed=True) for value in lead[record])
        assert len(slots[record]) <= room - 20
        data += (f"+{record}\x14\x14\0".encode() + slots[record]).ljust(room, b"\0")
    path = folder / f"{PLANTS['record name']}.{'edf' if bits == 16 else 'bdf'}"
    path.write_bytes(data + "".join(TEXTS).encode())
    return path


def bdf(folder):
    return edf(folder, 24)


def _said(**more):
    return {
        "fs": 250, "leads": ["II", PLANTS["last name"]], "unit": "uV", "layout": "leads,samples", "age": 93, "sex": "F",
        "start": "2014-05-15T10:11:12", "device": PLANTS["device serial"], "patient": PLANTS["patient id"],
        "extra": TEXTS, **PLANTS, **more,
    }  # fmt: skip


def npy(folder, start="2014-05-15T10:11:12", seed=0):
    path = folder / f"{PLANTS['record name']}.npy"
    np.save(path, ecg(2, seed=seed))
    with path.open("ab") as file:
        file.write("".join(TEXTS).encode())
    path.with_name(f"{path.stem}.meta.json").write_text(json.dumps(_said(start=start)), encoding="utf-8")
    return path


def npz(folder):
    path = folder / f"{PLANTS['record name']}.npz"
    said = {"fs": 250, "leads": ["II", PLANTS["last name"]], "unit": "uV", "layout": "leads,samples"}
    said |= {"patient": PLANTS["patient id"], "device": PLANTS["device name"], "age": 93}
    np.savez_compressed(
        path, signal=ecg(2), notes=np.array(TEXTS), **{key: np.array(value) for key, value in said.items()}
    )
    return path


def csv(folder):
    path = folder / f"{PLANTS['record name']}.csv"
    lines = [f"# {text}" for text in TEXTS]
    lines += [f"# patient={PLANTS['patient id']}", f"# device={PLANTS['device serial']}", "# age=93", "# sex=F"]
    lines += ["# start=2014-05-15T10:11:12", "time (s),II (uV),V5 (uV)"]
    rows = ecg(2).T / 3
    lines += [f"{number / 250:.3f},{one:.5f},{two:.5f}" for number, (one, two) in enumerate(rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.with_name(f"{path.stem}.meta.json").write_text(json.dumps({"note": TEXTS}))
    return path


def scp_packed(folder):
    """SCP-ECG in the Huffman code of the standard: values of eight bits after ten bits that announce them."""

    def packed(row):
        bits = "".join(f"1111111110{value // 8 % 256:08b}" for value in row.tolist())
        return int(bits + "0" * (-len(bits) % 8), 2).to_bytes(-(-len(bits) // 8), "big")

    return scp(folder, tables=struct.pack("<H", 19999), pack=packed)


def scp(folder, day=(2014, 5, 15), seed=0, tables=b"", pack=lambda row: row.astype("<i2").tobytes()):
    """SCP-ECG: names in every text of section 1, in sections 8 and 11, behind the samples, and between sections."""
    counts = ecg(2, seed=seed)
    tags = [(number, text.encode() + b"\0") for number, text in zip(_SCP_TEXTS, TEXTS[1:], strict=False)]
    tags += [(2, PLANTS["patient id"].encode() + b"\0"), (4, struct.pack("<HB", 93, 1)), (8, b"\2")]
    tags += [(5, struct.pack("<HBB", 1931, 4, 23)), (25, struct.pack("<HBB", *day)), (26, bytes([10, 11, 12]))]
    tags += [(14, bytes(8) + b"KARDX\0" + bytes(27) + PLANTS["device serial"].encode() + b"\0"), (27, b"\5\0")]
    person = b"".join(struct.pack("<BH", tag, len(value)) + value for tag, value in tags) + b"\xff\0\0"
    leads = struct.pack("<BB", 2, 4) + b"".join(struct.pack("<IIB", 1, 500, code) for code in (1, 2))
    told = "".join(TEXTS).encode()
    runs = [pack(row) + told for row in counts]
    rhythm = struct.pack("<HHBBHH", 5000, 2000, 0, 0, *map(len, runs)) + b"".join(runs)
    bodies = {
        1: person,
        **({2: tables + told} if tables else {}),
        3: leads + told,
        6: rhythm + told,
        8: told,
        11: "".join(TEXTS).encode("utf-16-le"),
    }
    pointers, blocks, at = b"", b"", 6 + 16 + 120
    for number in range(1, 12):
        body = bodies.get(number, b"")
        section = _scp_section(number, body) if body else b""
        pointers += struct.pack("<HII", number, len(section), at + 1 if section else 0)
        blocks, at = blocks + section, at + len(section)
    pointers = struct.pack("<HII", 0, 136, 7) + pointers
    data = _scp_section(0, pointers, b"SCPECG") + blocks
    path = folder / f"{PLANTS['record name']}.scp"
    data = struct.pack("<I", len(data) + 6) + data
    path.write_bytes(struct.pack("<H", binascii.crc_hqx(data, 0xFFFF)) + data)
    return path


_SCP_TEXTS = (0, 1, 3, 10, 13, 16, 17, 18, 19, 20, 21, 22, 23, 30, 31, 35)


def _scp_section(number, body, mark=bytes(6)):
    body += b"\0" * (len(body) % 2)
    section = struct.pack("<HIBB", number, len(body) + 16, 20, 20) + mark + body
    return struct.pack("<H", binascii.crc_hqx(section, 0xFFFF)) + section


def mat(folder):
    """MATLAB 5 with text in its header and in variables of its own; packed."""
    from scipy.io import savemat

    path = folder / f"{PLANTS['record name']}.mat"
    said = {
        "fs": 250.0,
        "unit": "uV",
        "layout": "leads,samples",
        "patient": PLANTS["patient id"],
        "age": 93.0,
        "sex": "F",
    }
    said |= {"start": "2014-05-15T10:11:12", "device": PLANTS["device name"], "notes": np.array(TEXTS, dtype=object)}
    savemat(path, {"signal": ecg(2), **said}, do_compression=False)
    data = bytearray(path.read_bytes())
    data[:116] = PLANTS["institution"].encode().ljust(116)
    path.write_bytes(bytes(data))
    return path
