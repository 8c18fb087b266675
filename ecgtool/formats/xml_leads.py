"""From the leads that an XML file describes to a Record."""

from __future__ import annotations

import base64
import binascii
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.errors import FormatError
from ecgtool.formats.reading import distinct_names, make_record, sample_range
from ecgtool.record import LEADS_12, LIMB_WEIGHTS, MAX_FS, MIN_FS, Record, lead_name

Counts = npt.NDArray[np.number[Any]]
Rows = dict[str, npt.NDArray[np.float64]]

MOST_SAMPLES = 2**23  # of all leads together: twenty minutes of twelve leads at 500 Hz
_LONGEST_NAME = 64
AGAIN = "The file is damaged, or was written wrongly; export it again."


class Lead(NamedTuple):
    """One lead as a file stores it.

    Args:
        name: Its label.
        counts: [samples] as stored.
        scale: Value of a count, in the unit.
        per_mv: Steps of the unit in a millivolt; None where it is no voltage, or not stated.
        origin: Value of the count 0, in the unit.
        unit: As the file writes it.
    """

    name: str
    counts: Counts
    scale: float
    per_mv: float | None
    origin: float = 0.0
    unit: str = ""

    def millivolts(self, begin: int, end: int) -> npt.NDArray[np.float64]:
        """A range of samples; in the file's unit where that is no voltage."""
        per_mv = self.per_mv or 1.0
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is checked when all leads are there
            return np.asarray(self.counts[begin:end], np.float64) * (self.scale / per_mv) + self.origin / per_mv


class Span(NamedTuple):
    """The range of seconds that is asked for; to the end where ``seconds`` is None."""

    start_s: float
    seconds: float | None


def leads_record(
    path: Path, leads: Sequence[Lead], fs: float, span: Span, meta: Mapping[str, Any], patient: str = ""
) -> Record:
    """A record of a range of the leads, with the limb leads that follow from two others.

    Args:
        path: The file.
        leads: As stored, all of one length.
        fs: Rate in Hz.
        span: The range.
        meta: What else the file says; as docs/formats.md lists it.
        patient: The file's patient id.

    Returns:
        The leads in the file's order; where twelve leads come of it, in the standard order.

    Raises:
        FormatError: No lead, leads of different length, or values that no recording has.
        ConfigError: The range begins after the end.
    """
    voltages = [lead for lead in leads if lead.per_mv is not None]
    kept = voltages or list(leads)
    total = _length(path, kept)
    begin, end = sample_range(path, total, fs, *span)
    names = distinct_names([_checked_name(path, lead.name) for lead in kept], path)
    rows = {lead_name(name): lead.millivolts(begin, end) for name, lead in zip(names, kept, strict=True)}
    if len(rows) < len(kept):
        raise FormatError(f"{path} names a lead more than once.", AGAIN)
    derived = derive_limb_leads(rows)
    order = [name for name in LEADS_12 if name in rows] if set(LEADS_12) <= set(rows) else []
    order += [name for name in rows if name not in order]
    known = {
        "duration_s": total / fs,
        "start_s": begin / fs,
        "calibrated": bool(voltages),
        "derived": derived or None,
        "left_out": {lead.name: lead.unit for lead in leads if lead.per_mv is None} if len(kept) < len(leads) else None,
        "units": None if voltages else {lead.name: lead.unit for lead in leads},
    }
    return make_record(path, _signal(path, rows, order), fs, order, {**known, **meta}, patient=patient)


def checked_rate(path: Path, fs: float | None, field: str) -> float:
    """A rate that a recording can have, in Hz.

    Args:
        path: The file, for the message.
        fs: What it states; None where it states none.
        field: Where it states it.

    Raises:
        FormatError: There is none, or it is outside 1-100,000 Hz.
    """
    if fs is None:
        raise FormatError(f"{path} does not say how many samples a second has ({field}).", AGAIN)
    if not MIN_FS <= fs <= MAX_FS:
        raise FormatError(f"{path} has a sampling rate of {fs:g} Hz, outside 1-100,000 Hz.", AGAIN)
    return fs


def derive_limb_leads(rows: Rows) -> tuple[str, ...]:
    """Add III, aVR, aVL and aVF to leads that include I and II (Einthoven 1908, Goldberger 1942).

    Args:
        rows: Lead name to [samples]; gains those that it lacks.

    Returns:
        The names of those that were added.
    """
    if not {"I", "II"} <= set(rows):
        return ()
    missing = tuple(name for name in LIMB_WEIGHTS if name not in rows)
    for name in missing:
        of_one, of_two = LIMB_WEIGHTS[name]
        rows[name] = of_one * rows["I"] + of_two * rows["II"]
    return missing


def decoded_base64(path: Path, text: str, lead: str) -> bytes:
    """The bytes that base64 text stands for; blank space and missing padding are tolerated.

    Raises:
        FormatError: It is no base64.
    """
    packed = "".join(text.split())
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise FormatError(f"{path}: the samples of {lead} are not valid base64.", AGAIN) from None


def int16_samples(path: Path, data: bytes, lead: str) -> npt.NDArray[np.int16]:
    """Little-endian 16-bit samples.

    Raises:
        FormatError: Half a sample is left over.
    """
    if len(data) % 2:
        raise FormatError(f"{path}: the samples of {lead} end within a sample.", AGAIN)
    return np.frombuffer(data, "<i2").astype(np.int16, copy=False)


def numbers_in(path: Path, text: str, lead: str) -> Counts:
    """Numbers written as text, separated by blank space or commas.

    Raises:
        FormatError: Something in between is no number.
    """
    spaced = text.replace(",", " ")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # how numpy tells that it stopped before the end
        try:
            return np.fromstring(spaced, np.int64, sep=" ")  # ten times as fast as by way of a list
        except (ValueError, DeprecationWarning):
            pass
    try:
        values = np.array(spaced.split(), dtype=np.float64)
    except ValueError:
        values = np.array([np.nan])
    if not np.isfinite(values).all():
        raise FormatError(f"{path}: the samples of {lead} are not all numbers.", AGAIN)
    return values


def _length(path: Path, leads: Sequence[Lead]) -> int:
    if not leads:
        raise FormatError(f"{path} holds no leads.", "It may be a report without its recording; export it again.")
    lengths = {len(lead.counts) for lead in leads}
    if len(lengths) > 1:
        short, long = (pick(leads, key=lambda lead: len(lead.counts)) for pick in (min, max))
        raise FormatError(
            f"{path}: lead {short.name[:40]} has {len(short.counts):,} samples, "
            f"lead {long.name[:40]} {len(long.counts):,}.",
            "Leads of one recording must be equally long; the file is damaged.",
        )
    return lengths.pop()


def _checked_name(path: Path, name: str) -> str:
    if len(name) > _LONGEST_NAME:
        raise FormatError(f"{path}: '{name[:40]}...' is too long to be the name of a lead.", AGAIN)
    return name


def _signal(path: Path, rows: Rows, order: Sequence[str]) -> npt.NDArray[np.float32]:
    signal = np.empty((len(order), len(rows[order[0]])), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for row, name in enumerate(order):
            signal[row] = rows[name]
    if not np.isfinite(signal).all():
        raise FormatError(f"{path} holds voltages too large for a recording.", "Its scale is damaged.")
    return signal
