"""A recording written by way of a Record: nothing but samples, rate, names of leads and what is listed can pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ecgtool.deidentify.contract import Disguise, Ledger
from ecgtool.deidentify.words import known_signal, moved_start
from ecgtool.errors import ConfigError
from ecgtool.formats import FORMATS, read_record, write_record
from ecgtool.record import Record

TARGETS = {"wfdb": ".hea", "npy": ".npy", "edf": ".edf"}
"""Formats to convert to, and the ending of their files."""


def convert(source: Path, folder: Path, disguise: Disguise, ledger: Ledger, to: str) -> Path:
    """Write a recording in another format.

    Args:
        source: The recording.
        folder: Where to.
        disguise: Who it is of.
        ledger: Told what was done.
        to: One of :data:`TARGETS`.

    Raises:
        ConfigError: No such format is written.
        EcgError: It cannot be read or written.
    """
    refuse_target(to)
    clean = clean_record(read_record(source), disguise, ledger)
    return write_record(clean, folder / f"{disguise.record}{TARGETS[to]}", to)


def clean_record(record: Record, disguise: Disguise, ledger: Ledger) -> Record:
    """The record with what may stay: samples, rate, known names of leads, the moved start, and what was asked for."""
    meta: dict[str, Any] = {"calibrated": record.calibrated}
    meta |= {"age": float(disguise.age)} if disguise.age is not None else {}
    meta |= {"sex": disguise.sex} if disguise.sex is not None else {}
    ledger.person(disguise)
    start = moved_start(str(record.meta.get("start", "")), disguise.moved)
    if start:
        meta["start"] = start
        ledger.dates += 1
    leads = tuple(name if known_signal(name) else f"signal {row}" for row, name in enumerate(record.leads, start=1))
    changed = sum(old != new for old, new in zip(record.leads, leads, strict=True))
    ledger.remove("signal name that is no known lead", changed)
    ledger.remove("comment", len(record.meta.get("comments", ())))
    ledger.remove("device", "device" in record.meta)
    ledger.remove("patient", bool(record.patient))
    ledger.remove("all else that the file says")
    return replace(record, leads=leads, id=disguise.record, patient=disguise.patient, meta=meta)


def refuse_target(to: str) -> None:
    """Raise where a format is not one to convert to.

    Raises:
        ConfigError: It is none of :data:`TARGETS`.
    """
    if to not in TARGETS or to not in FORMATS:
        raise ConfigError(f"--to {to[:40]} is no format to convert to.", f"Choose one of {', '.join(TARGETS)}.")
