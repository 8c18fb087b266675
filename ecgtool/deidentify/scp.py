"""SCP-ECG recordings, built anew: sections 2 to 6 as long as their own counts say, and a section 1 of our own.

Sections 7 and up (measurements, diagnoses, the manufacturer's own) hold text, or may, and are left out. Checksums and
lengths are computed anew. The format: see :mod:`ecgtool.formats.scp_sections`.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from ecgtool.deidentify.contract import Disguise, Ledger, Rebuilder, Refused
from ecgtool.deidentify.words import moved_start
from ecgtool.deidentify.writing import write_bytes
from ecgtool.formats.scp_huffman import Table, bytes_used
from ecgtool.formats.scp_rhythm import Coded, load_coded, load_leads, load_tables
from ecgtool.formats.scp_sections import (
    BEATS,
    LEADS,
    PERSON,
    REFERENCE,
    RHYTHM,
    TABLES,
    Sections,
    load_sections,
    person,
)
from ecgtool.formats.source import opened

_BROKEN = "Its lengths or checksums are wrong: text may lie among the samples."
_SECTIONS = 12
_STANDARD_TABLES = 19999
_CODE, _BEAT, _LEAD = 9, 14, 9  # bytes of a code, a beat, a lead
_ID, _AGE, _SEX, _DEVICE, _DAY, _TIME, _END = 2, 4, 8, 14, 25, 26, 255
_FILTERS = {27: 2, 28: 2, 29: 1}  # tag to bytes
_NAMES = {
    0: "last name", 1: "first name", 2: "patient id", 3: "second last name", 4: "age", 5: "birth date", 6: "height",
    7: "weight", 8: "sex", 9: "race", 10: "drugs", 11: "systolic pressure", 12: "diastolic pressure",
    13: "diagnosis or reason", 14: "acquiring device", 15: "analysing device", 16: "acquiring institution",
    17: "analysing institution", 18: "acquiring department", 19: "analysing department", 20: "referring physician",
    21: "confirming physician", 22: "technician", 23: "room", 30: "free text", 31: "sequence number",
    32: "medical history", 34: "time zone", 35: "medical history as text",
}  # fmt: skip


def rebuild(source: Path, folder: Path, disguise: Disguise, ledger: Ledger) -> Path:
    """Write the sections anew, and the table that says where they lie.

    Raises:
        Refused: The file does not hold what it promises of itself.
    """
    with opened(source) as original:
        sections = load_sections(original)
        everything = original.read(0, original.size)
    if sections.warnings:
        raise Refused(_BROKEN, "Get it again from where it was exported.")
    leads, tables = load_leads(sections)[0], load_tables(sections)
    bodies = {
        PERSON: _person(sections, disguise, ledger),
        TABLES: _tables(sections.bodies.get(TABLES, b"")),
        LEADS: sections.bodies[LEADS][: 2 + _LEAD * len(leads)],
        BEATS: _beats(sections.bodies.get(BEATS, b"")),
        RHYTHM: _coded(
            load_coded(sections, RHYTHM, len(leads)), tables, [lead.end - lead.begin for lead in leads], ledger
        ),
    }
    if REFERENCE in sections.bodies and bodies[BEATS]:  # section 4 says how long the reference beat is
        reference = load_coded(sections, REFERENCE, len(leads))
        length = int.from_bytes(bodies[BEATS][:2], "little") * 1000 // reference.interval
        bodies[REFERENCE] = _coded(reference, tables, [length] * len(leads), ledger)
    ledger.remove("section that may hold text", _further(everything))
    made = _file({number: body for number, body in bodies.items() if body}, sections.version)
    return write_bytes(folder / f"{disguise.record}.scp", made)


def _person(sections: Sections, disguise: Disguise, ledger: Ledger) -> bytes:
    """Section 1: pseudonym, what is kept of the person, date and time, filters, and a device without a name."""
    tags = dict(_tags(sections.bodies.get(PERSON, b"")))
    _account(tags, disguise, ledger)
    made = {_ID: disguise.patient.encode("ascii") + b"\0", _DEVICE: _device(sections.version)}
    made |= {} if disguise.age is None else {_AGE: struct.pack("<HB", disguise.age, 1)}
    made |= {} if disguise.sex is None else {_SEX: bytes([1 if disguise.sex == "M" else 2])}
    ledger.person(disguise)
    start = moved_start(str(person(sections)[1].get("start") or ""), disguise.moved)
    if start:
        day = date.fromisoformat(start[:10])
        made[_DAY] = struct.pack("<HBB", day.year, day.month, day.day)
        made[_TIME] = bytes(int(part) for part in start[11:19].split(":"))
        ledger.dates += 1
    made |= {tag: tags[tag][:size] for tag, size in _FILTERS.items() if len(tags.get(tag, b"")) >= size}
    fields = (bytes([tag]) + struct.pack("<H", len(made[tag])) + made[tag] for tag in sorted(made))
    return b"".join(fields) + bytes([_END, 0, 0])


def _tags(body: bytes) -> list[tuple[int, bytes]]:
    """The fields of section 1, the last first, so that the first of a number counts."""
    found, at = [], 0
    while at + 3 <= len(body) and body[at] != _END:
        length = int.from_bytes(body[at + 1 : at + 3], "little")
        found.append((body[at], body[at + 3 : at + 3 + length]))
        at += 3 + length
    return found[::-1]


def _account(tags: dict[int, bytes], disguise: Disguise, ledger: Ledger) -> None:
    kept = {_DAY, _TIME, *_FILTERS}
    kept |= set() if disguise.age is None else {_AGE}
    kept |= set() if disguise.sex is None else {_SEX}
    for tag in tags:
        if tag not in kept and tags[tag].strip(b"\0"):
            ledger.remove(_NAMES.get(tag, "other field of section 1"))


def _device(version: int) -> bytes:
    """Tag 14 of an unknown device: numbers, no model, the protocol's version, no further text."""
    return bytes(7) + b"\xff" + bytes(6) + bytes([version]) + bytes(4 + 16) + b"\1\0" + bytes(4)


def _tables(body: bytes) -> bytes:
    """Section 2 as long as its counts say."""
    count = int.from_bytes(body[:2], "little")
    if count == _STANDARD_TABLES:
        return body[:2]
    at = 2
    for _ in range(count):
        at += 2 + _CODE * int.from_bytes(body[at : at + 2], "little")
    return body[:at] if body else b""


def _beats(body: bytes) -> bytes:
    """Section 4 without its second list, which only lossy compression needs."""
    return body[: 6 + _BEAT * int.from_bytes(body[4:6], "little")]


def _coded(coded: Coded, tables: Sequence[Table], counts: Sequence[int], ledger: Ledger) -> bytes:
    """Section 5 or 6: its numbers, the length of each lead's run, the runs; zeros after its samples."""
    runs = []
    for run, count in zip(coded.runs, counts, strict=True):
        used = bytes_used(run, tables, count) if tables else 2 * count
        runs.append(run[:used].ljust(len(run), b"\0"))
    ledger.remove("bytes after the samples of a lead", sum(map(bytes.__ne__, runs, coded.runs)))
    lengths = struct.pack(f"<{len(runs)}H", *map(len, runs))
    return struct.pack("<HHBB", coded.nanovolts, coded.interval, coded.order, 0) + lengths + b"".join(runs)


def _further(data: bytes) -> int:
    """How many sections beyond 6 the file has."""
    length = int.from_bytes(data[10:14], "little")
    pointers = (data[at : at + 6] for at in range(22, 6 + length - 9, 10))
    return sum(pointer[0] > RHYTHM and int.from_bytes(pointer[2:], "little") > 16 for pointer in pointers)


def _file(bodies: dict[int, bytes], version: int) -> bytes:
    """The whole file: checksum, length, section 0 with its pointers, the sections."""
    sections = {number: _section(number, body, version) for number, body in sorted(bodies.items())}
    size = 16 + 10 * _SECTIONS
    pointers, at = struct.pack("<HII", 0, size, 7), 6 + size
    for number in range(1, _SECTIONS):
        length = len(sections.get(number, b""))
        pointers += struct.pack("<HII", number, length, at + 1 if length else 0)
        at += length
    whole = _section(0, pointers, version, b"SCPECG") + b"".join(sections.values())
    counted = struct.pack("<I", len(whole) + 6) + whole
    return struct.pack("<H", binascii.crc_hqx(counted, 0xFFFF)) + counted


def _section(number: int, body: bytes, version: int, mark: bytes = bytes(6)) -> bytes:
    even = body + b"\0" * (len(body) % 2)
    section = struct.pack("<HIBB", number, len(even) + 16, version, version) + mark + even
    return struct.pack("<H", binascii.crc_hqx(section, 0xFFFF)) + section


REBUILDER = Rebuilder(rebuild)
