"""SCP-ECG files made by hand, section by section, and what takes them apart at their seams."""

import binascii
import struct

import numpy as np
from recorded import ecg_like

CODES = {"I": 1, "II": 2, "III": 61, "aVR": 62, "aVL": 63, "aVF": 64} | {f"V{n}": n + 2 for n in range(1, 7)}

# The default table of the standard (EN 1064, annex C), as it is printed: value and code; then 8 and 16 bits of value.
DEFAULT = {
    0: "0", 1: "100", -1: "101", 2: "1100", -2: "1101", 3: "11100", -3: "11101", 4: "111100", -4: "111101",
    5: "1111100", -5: "1111101", 6: "11111100", -6: "11111101", 7: "111111100", -7: "111111101",
    8: "1111111100", -8: "1111111101",
}  # fmt: skip
ESCAPES = {8: "1111111110", 16: "1111111111"}

# A manufacturer's own: two tables; the code 1110 of each goes on with the other.
OWN = (
    {0: "0", 1: "10", -1: "110"},
    {0: "10", 2: "0", -2: "110"},
)
OWN_ESCAPE, OWN_SWITCH = "1111", "1110"


def crc(data):
    return binascii.crc_hqx(data, 0xFFFF)


def section(number, body, version=20):
    body += b"\0" * (len(body) % 2)
    rest = struct.pack("<HIBB6x", number, len(body) + 16, version, version) + body
    return struct.pack("<H", crc(rest)) + rest


def make_file(path, sections, version=20):
    """Write sections: number -> body; the pointers and the checksums are made."""
    numbers = sorted({*range(12), *sections})
    at, pointers, parts = 6 + 16 + 10 * len(numbers) + 1, b"", []
    for number in numbers:
        part = section(number, sections[number], version) if number in sections else b""
        length = len(part)
        if number == 0:
            pointers += struct.pack("<HII", 0, 16 + 10 * len(numbers), 7)
            continue
        pointers += struct.pack("<HII", number, length, at if length else 0)
        at += length
        parts.append(part)
    first = struct.pack("<HIBB", 0, 16 + len(pointers), version, version) + b"SCPECG" + pointers
    body = struct.pack("<H", crc(first)) + first + b"".join(parts)
    rest = struct.pack("<I", len(body) + 6) + body
    path.write_bytes(struct.pack("<H", crc(rest)) + rest)
    return path


def packed(bits):
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""


def by_default(values):
    """Numbers in the code of the standard."""
    return packed("".join(DEFAULT.get(value) or _escaped(value) for value in values))


def _escaped(value):
    bits = 8 if -128 <= value < 128 else 16
    return ESCAPES[bits] + f"{value % 2**bits:0{bits}b}"


def by_own(values):
    """Numbers in the codes of :data:`OWN`, the table changed before every third."""
    bits, table = "", 0
    for number, value in enumerate(values):
        if number % 3 == 2:
            bits, table = bits + OWN_SWITCH, 1 - table
        bits += OWN[table].get(value) or OWN_ESCAPE + f"{value % 2**16:016b}"
    return packed(bits)


def own_tables():
    """Section 2 that describes :data:`OWN`."""
    body = struct.pack("<H", len(OWN))
    for number, table in enumerate(OWN):
        lines = [(len(code), len(code), 1, value, code) for value, code in table.items()]
        lines += [(4, 20, 1, 0, OWN_ESCAPE), (4, 4, 0, 2 - number, OWN_SWITCH)]
        body += struct.pack("<H", len(lines))
        for prefix, bits, mode, base, code in lines:
            body += struct.pack("<BBBhI", prefix, bits, mode, base, int(code[::-1], 2))
    return body


def plain(values):
    return np.asarray(values, "<i2").tobytes()


def differences(values, order):
    """A lead's counts as section 5 and 6 hold them: the first value or two, then differences."""
    values = np.asarray(values)
    if order == 0:
        return values.tolist()
    steps = np.diff(values)
    return [values[0], *steps] if order == 1 else [*values[:2], *np.diff(steps)]


def leads_body(codes, spans, *, subtracted=False):
    flags = int(subtracted) | 4 | len(codes) << 3
    lines = [struct.pack("<IIB", first, last, code) for code, (first, last) in zip(codes, spans, strict=True)]
    return struct.pack("<BB", len(codes), flags & 0xFF) + b"".join(lines)


def coded(counts, order, encode, *, nanovolts=2500, interval=2000, bimodal=0):
    """Section 5 or 6 of counts [leads, samples]."""
    runs = [encode(differences(lead, order)) for lead in counts]
    runs = [run + b"\0" * (len(run) % 2) for run in runs]
    body = struct.pack("<HHBB", nanovolts, interval, order, bimodal)
    return body + struct.pack(f"<{len(runs)}H", *map(len, runs)) + b"".join(runs)


def beats_body(length_ms, fiducial, beats):
    """Section 4; beats are (type, first, fiducial, last) with samples counted from 1."""
    body = struct.pack("<HHH", length_ms, fiducial, len(beats))
    body += b"".join(struct.pack("<HIII", *beat) for beat in beats)
    return body + b"".join(struct.pack("<II", first, last) for _, first, _, last in beats)


def person_body(**tags):
    """Section 1; ``tags`` replace or add fields: ``t4=b"..."``."""
    fields = {
        0: b"Doe\0", 1: b"Jane\0", 2: b"P17\0", 4: struct.pack("<HB", 63, 1), 8: b"\x02",
        14: struct.pack("<HHHBB", 0, 1, 2, 0, 255) + b"FIVE\0\0" + bytes(20),
        25: struct.pack("<HBB", 2013, 4, 5), 26: bytes((6, 7, 8)), 27: struct.pack("<H", 5),
        28: struct.pack("<H", 150), 29: b"\x02",
    }  # fmt: skip
    fields |= {int(name[1:]): value for name, value in tags.items()}
    body = b"".join(struct.pack("<BH", tag, len(value)) + value for tag, value in fields.items() if value is not None)
    return body + struct.pack("<BH", 255, 0)


ENCODERS = {"plain": (plain, None), "default": (by_default, struct.pack("<H", 19999)), "own": (by_own, own_tables())}


def make_scp(path, counts, names, *, encoder="default", order=2, version=20, person=None, **options):
    """Write counts [leads, samples] as an SCP-ECG file."""
    encode, tables = ENCODERS[encoder]
    sections = {1: person or person_body(), 6: coded(counts, order, encode, **options)}
    sections[3] = leads_body([CODES[name] for name in names], [(1, counts.shape[1])] * len(names))
    if tables:
        sections[2] = tables
    return make_file(path, sections, version)


def make_residual(path, counts, names, beat, beats, fiducial):
    """Write counts less a reference beat [leads, samples] at ``beats``: (type, first, fiducial, last) from 1."""
    residual = counts.copy()
    for kind, first, at, last in beats:
        begin = at - fiducial  # the sample, from 0, that the reference beat begins at
        if kind == 0:
            span = slice(max(first - 1, begin), min(last, begin + beat.shape[1]))
            residual[:, span] -= beat[:, span.start - begin : span.stop - begin]
    spans = [(1, counts.shape[1])] * len(names)
    sections = {
        1: person_body(),
        2: ENCODERS["default"][1],
        3: leads_body([CODES[name] for name in names], spans, subtracted=True),
        4: beats_body(2 * beat.shape[1], fiducial, beats),
        5: coded(beat, 2, by_default),
        6: coded(residual, 1, by_default),
    }
    return make_file(path, sections)


def counts_of(record, step_mv=0.0025):
    """Counts [leads, samples] of a record, so many millivolts each."""
    return np.rint(record.signal / step_mv).astype(int)


def write_samples(folder):
    """Every way of storing samples, and a residual."""
    record = ecg_like(1.0, 500.0, ("I", "II", "V1"))
    counts = counts_of(record)
    ways = (("plain", 0), ("default", 0), ("default", 1), ("default", 2), ("own", 1), ("own", 2))
    paths = [
        make_scp(folder / f"{way}{order}.scp", counts, record.leads, encoder=way, order=order) for way, order in ways
    ]
    beats = [(0, 20, 60, 130), (1, 150, 200, 240), (0, 300, 340, 400)]
    return [*paths, make_residual(folder / "residual.scp", counts, record.leads, counts[:, 50:170], beats, 45)]


VALUES = (0, 1, 2, 5, 7, 16, 255, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)


def mutate(data, rng):
    """The file with a number in a section's header, its pointer or the beginning of its body replaced."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        pointer = 22 + 10 * int(rng.integers(0, 12))
        begin = max(int.from_bytes(data[pointer + 6 : pointer + 10], "little") - 1, 0)
        seams = (pointer, pointer + 2, pointer + 6, begin, begin + 2, begin + 4, *range(begin + 16, begin + 40))
        at, width = seams[rng.integers(len(seams))], int(rng.choice((1, 2, 4)))
        value = int(VALUES[rng.integers(len(VALUES))]) % 256**width
        data[at : at + width] = value.to_bytes(width, "little")
    return bytes(data)
