"""Formats of other vendors, read by the package ``ecgdatakit`` (Apache-2.0) and held to the same promise as ours.

It comes with the extra ``vendor``. What it gives is converted to millivolts; whatever it raises becomes one line. Sizes
that only the file's own word bounds are checked before it sees the file.
"""

from __future__ import annotations

import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ecgtool.errors import ConfigError, EcgError, FormatError
from ecgtool.files import explained
from ecgtool.formats.contract import Format
from ecgtool.formats.reading import age_of, distinct_names, make_record, sample_range, sex_of, units_per_mv
from ecgtool.formats.vendor_bounds import check_edan, check_mfer, looks_like_edan
from ecgtool.formats.xml_document import load_xml, root_name
from ecgtool.record import MAX_FS, Record

_LONGEST = 240


@dataclass(frozen=True)
class Vendor:
    """One format as ``ecgdatakit`` reads it.

    Args:
        words: What the format is called.
        module: Of the package, below ``ecgdatakit.parsing.parsers``.
        parser: The class in it.
        most_bytes: A larger file is refused: the package holds every sample in eight bytes.
        check: Refuses a file whose own word about its sizes cannot hold, before the package believes it.
        invalid: The count that marks an invalid sample.
    """

    words: str
    module: str
    parser: str
    most_bytes: int
    check: Callable[[Path], object] | None = None
    invalid: int | None = None


def read(vendor: Vendor, path: Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A range of a recording that ``ecgdatakit`` reads. The whole file is read for it.

    Raises:
        NotFound: There is no such file.
        ConfigError: The extra is not installed, or the range begins after the end.
        FormatError: The file is damaged, too large, or holds no leads.
    """
    with explained(path):
        size = path.stat().st_size
        with path.open("rb"):
            pass
    if size > vendor.most_bytes:
        raise FormatError(
            f"{path} has {size:,} bytes; {vendor.words} is read up to {vendor.most_bytes:,}.",
            "Export a shorter part, or another format.",
        )
    if vendor.check is not None:
        vendor.check(path)
    parsed, told = _parsed(vendor, path)
    try:
        return _record(vendor, path, parsed, told, (start_s, seconds))
    except EcgError:
        raise
    except Exception as error:  # what the package gives may be of any shape
        raise _refusal(vendor, path, error) from None


def _parsed(vendor: Vendor, path: Path) -> tuple[Any, list[str]]:
    """What the package reads, and the warnings it gives."""
    try:
        parser = getattr(import_module(f"ecgdatakit.parsing.parsers.{vendor.module}"), vendor.parser)
    except ImportError:
        raise ConfigError(
            f"{path} is {vendor.words}, which needs the package ecgdatakit.", "Run: pip install 'ecgtool[vendor]'"
        ) from None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            parsed = parser().parse(path)
        except Exception as error:  # the package promises no type, and MemoryError and RecursionError are among them
            raise _refusal(vendor, path, error) from None
    return parsed, list(dict.fromkeys(_one_line(str(warning.message)) for warning in caught))


def _refusal(vendor: Vendor, path: Path, error: Exception) -> FormatError:
    said = _one_line(str(error).replace(str(path), path.name)) or type(error).__name__
    return FormatError(f"{path} cannot be read as {vendor.words}: {said}", "Copy or export it again.")


def _one_line(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return textwrap.shorten(shown, _LONGEST, placeholder=" ...")


def _record(vendor: Vendor, path: Path, parsed: Any, told: Sequence[str], span: tuple[float, float | None]) -> Record:
    leads, fs = _densest(path, parsed)
    if len({len(lead.samples) for lead in leads}) > 1:
        raise FormatError(f"{path}: its leads differ in length.", "The file is damaged.")
    voltages = [lead for lead in leads if units_per_mv(_unit(lead))]
    kept = voltages or leads
    total, cut = _recorded(kept)
    begin, end = sample_range(path, total, fs, *span)
    signal = np.stack([_millivolts(lead, begin, end, vendor.invalid) for lead in kept])
    if np.isinf(signal).any() or np.isnan(signal).all():
        raise FormatError(f"{path} holds no voltages that a recording can have.", "The file is damaged.")
    lines = [*told, *_ishne_length(parsed, total)]
    meta = {
        "duration_s": total / fs,
        "start_s": begin / fs,
        "calibrated": bool(voltages),
        "truncated": True if cut or len(lines) > len(told) else None,
        "warnings": tuple(lines) or None,
        "left_out": {lead.label: _unit(lead) for lead in parsed.leads if id(lead) not in set(map(id, kept))} or None,
        **_described(parsed),
    }
    names = distinct_names([str(lead.label)[:64] for lead in kept], path)
    return make_record(path, signal, fs, names, meta, patient=_one_line(str(parsed.patient.patient_id or "")))


def _densest(path: Path, parsed: Any) -> tuple[list[Any], float]:
    """The leads of the highest rate, and that rate in Hz."""
    leads = list(parsed.leads)
    stated = parsed.raw_metadata.get("sampling_rates") or []
    rates = list(stated) if len(stated) == len(leads) else [lead.sampling_rate for lead in leads]
    fs = max((float(rate) for rate in rates if float(rate) <= MAX_FS), default=0.0)
    chosen = [lead for lead, rate in zip(leads, rates, strict=True) if float(rate) == fs and len(lead.samples)]
    if not chosen:
        raise FormatError(f"{path} holds no leads.", "It may be a report without its recording; export it again.")
    return chosen, fs


def _unit(lead: Any) -> str:
    return str(lead.resolution_unit if lead.is_raw else lead.units)


def _recorded(leads: Sequence[Any]) -> tuple[int, bool]:
    """Samples up to the last that any lead has, and whether the package filled up more."""
    total = len(leads[0].samples)
    while total and all(np.isnan(lead.samples[total - 1]) for lead in leads):
        total -= 1
    return total, total < len(leads[0].samples)


def _millivolts(lead: Any, begin: int, end: int, invalid: int | None) -> np.ndarray[Any, np.dtype[np.float32]]:
    """float32 [samples] in millivolt; as stored where the unit is no voltage."""
    counts = np.asarray(lead.samples[begin:end], np.float64)
    per_mv = units_per_mv(_unit(lead)) or 1.0
    scaled = lead.is_raw and _unit(lead)
    values = (counts * lead.resolution + lead.offset) / per_mv if scaled else counts / per_mv
    if invalid is not None:
        values = np.where(counts == invalid, np.nan, values)
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _ishne_length(parsed: Any, total: int) -> Iterator[str]:
    """What an ISHNE header promises and the file does not hold; some devices count the samples of all leads."""
    promised = parsed.raw_metadata.get("ecg_size", 0)
    if promised > total and promised != total * len(parsed.leads):
        yield f"The header promises {promised:,} samples, the file holds {total:,}."


def _described(parsed: Any) -> dict[str, Any]:
    """Age, sex, device, start and filters, where the package found them."""
    patient, recording = parsed.patient, parsed.recording
    device, filters = recording.device, recording.acquisition.filters
    named = " ".join(filter(None, (_one_line(str(device.manufacturer or "")), _one_line(str(device.model or "")))))
    told = (("high-pass", filters.highpass), ("low-pass", filters.lowpass), ("notch", filters.notch))
    return {
        "age": None if patient.age is None else age_of(str(patient.age)),
        "sex": sex_of(str(patient.sex or "")),
        "device": named or None,
        "start": recording.date.isoformat() if isinstance(recording.date, datetime) else None,
        "filters": tuple(f"{name} {float(value):g} Hz" for name, value in told if value) or None,
    }


_MORTARA = re.compile(rb"ACQUISITION_TIME|<TYPICAL_CYCLE|<CHANNEL|<SUBJECT|MORTARA|WELCH ALLYN|ELI LINK", re.IGNORECASE)
_KARDIA = re.compile(rb"\"(?:recordedAt|amplitudeResolution|algorithmDetermination)\"")


def _sniff_ishne(_path: Path, head: bytes) -> bool:
    return head.startswith(b"ISHNE1.0")


def _sniff_mfer(_path: Path, head: bytes) -> bool:
    return head[:1] == b"\x40" and head[2:6] == b"MFR "


def _sniff_mortara(path: Path, head: bytes) -> bool:
    return root_name(path, head) == "ecg" and _MORTARA.search(head.replace(b"\0", b"")) is not None


def _sniff_kardia(_path: Path, head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and _KARDIA.search(head) is not None


def _format(name: str, suffixes: tuple[str, ...], sniff: Callable[[Path, bytes], bool], vendor: Vendor) -> Format:
    return Format(name, f"{vendor.words} (extra 'vendor')", suffixes, sniff, partial(read, vendor))


_MIB = 2**20
ISHNE = _format(
    "ishne",
    (".ecg", ".hol"),
    _sniff_ishne,
    Vendor("ISHNE Holter", "ishne_holter", "ISHNEHolterParser", 256 * _MIB, invalid=-32768),
)
MFER = _format(
    "mfer", (".mwf", ".mfer", ".mfr"), _sniff_mfer, Vendor("MFER", "mfer", "MFERParser", 64 * _MIB, check_mfer)
)
MORTARA = _format(
    "mortara",
    (".xml",),
    _sniff_mortara,
    Vendor("Mortara ELI XML", "mortara_el250", "MortaraEL250Parser", 64 * _MIB, load_xml),
)
KARDIA = _format(
    "kardia",
    (".json",),
    _sniff_kardia,
    Vendor("AliveCor Kardia", "alivecor_kardia", "AliveCorKardiaParser", 8 * _MIB),
)
EDAN = _format(
    "edan",
    (".arc", ".hea"),
    looks_like_edan,
    Vendor("EDAN Holter", "edan_arc", "EDANARCHolterParser", 256 * _MIB, check_edan),
)
