"""The rhythm of an SCP-ECG file: leads, differences to counts, and the reference beat put back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.errors import FormatError
from ecgtool.formats.lead_codes import lead_of_code
from ecgtool.formats.scp_huffman import BadTable, Table, decode, parse_tables
from ecgtool.formats.scp_sections import BEATS, LEADS, REFERENCE, RHYTHM, TABLES, Sections

_SUBTRACTED = 1  # the flag of section 3: the reference beat was subtracted
_BIMODAL_UNTIL = 30  # the version from which on that byte means nothing
_LEAD = struct.Struct("<IIB")
_BEAT = struct.Struct("<HIII")
# Leads recorded one after another lie in an array that is mostly gaps; a header alone could claim any amount of it.
_MOST_GAPS, _SMALL = 4, 2**19
_AGAIN = "The file is damaged or cut short; copy or export it again."


class Lead(NamedTuple):
    """One lead of section 3; samples count from 0, the last is not included."""

    code: int
    begin: int
    end: int

    @property
    def name(self) -> str:
        """As this package writes it; by its number where that is not known."""
        return lead_of_code(self.code) or f"lead {self.code}"


class Coded(NamedTuple):
    """Coded samples of every lead: section 5 or 6."""

    nanovolts: int  # per count; 0 where there is no scale
    interval: int  # µs between samples
    order: int  # 0: samples, 1: their differences, 2: the differences of these
    bimodal: bool
    runs: tuple[bytes, ...]  # of each lead


class Beat(NamedTuple):
    """Where the reference beat was subtracted: samples ``begin`` to ``end``, aligned at ``fiducial``."""

    begin: int
    fiducial: int
    end: int


def load_leads(sections: Sections) -> tuple[tuple[Lead, ...], bool]:
    """The leads, and whether a reference beat was subtracted from them.

    Raises:
        FormatError: There are none, or a lead's samples cannot be.
    """
    body = sections.body(LEADS, "lead definition", 2)
    count, subtracted = body[0], bool(body[1] & _SUBTRACTED)
    lines = body[2 : 2 + count * _LEAD.size]
    if not count or len(lines) < count * _LEAD.size:
        raise FormatError(f"{sections.path} defines no leads, or fewer than it says.", "It is damaged or cut short.")
    leads = tuple(Lead(code, max(first, 1) - 1, last) for first, last, code in _LEAD.iter_unpack(lines))
    wrong = next((lead for lead in leads if lead.end <= lead.begin), None)
    if wrong:
        raise FormatError(f"{sections.path}: lead {wrong.name} ends before it begins.", _AGAIN)
    return leads, subtracted


def load_coded(sections: Sections, number: int, leads: int) -> Coded:
    """Section 5 or 6.

    Raises:
        FormatError: It is missing, cut short, or says what cannot be.
    """
    what = "rhythm" if number == RHYTHM else "reference beat"
    body = sections.body(number, what, 6 + 2 * leads)
    nanovolts, interval, order, bimodal = struct.unpack_from("<HHBB", body)
    lengths = struct.unpack_from(f"<{leads}H", body, 6)
    if not interval or order > 2 or sum(lengths) > len(body) - 6 - 2 * leads:
        raise FormatError(f"{sections.path}: the {what} cannot be, or is cut short.", "Export it again.")
    ends = np.cumsum((6 + 2 * leads, *lengths)).tolist()
    runs = tuple(body[begin:end] for begin, end in pairwise(ends))
    used = number == RHYTHM and bool(bimodal) and sections.version < _BIMODAL_UNTIL
    return Coded(nanovolts, interval, order, used, runs)


def load_tables(sections: Sections) -> tuple[Table, ...]:
    """The Huffman tables; none where samples are stored as they are.

    Raises:
        FormatError: A table cannot be.
    """
    if TABLES not in sections.bodies:
        return ()
    try:
        return parse_tables(sections.bodies[TABLES])
    except BadTable as error:
        raise FormatError(f"{sections.path}: {error}.", "It is damaged.") from None


def samples(coded: Coded, run: bytes, tables: Sequence[Table], count: int) -> npt.NDArray[np.int64]:
    """The first ``count`` samples of a lead, in counts; fewer where the run ends before."""
    if tables:
        values = decode(run, tables, count) if run else np.zeros(0, np.int64)
    else:
        values = np.frombuffer(run[: len(run) // 2 * 2], "<i2")[:count].astype(np.int64)
    if coded.order == 2:  # the first two are samples; from then on steps change by what is stored
        values[1:2] -= values[:1]
        values[1:] = np.cumsum(values[1:])
    return np.cumsum(values) if coded.order else values


def read_rhythm(
    sections: Sections, leads: Sequence[Lead], rhythm: Coded, begin: int, end: int
) -> npt.NDArray[np.float32]:
    """Counts of the leads from sample ``begin`` to ``end``: float32 [leads, samples], NaN where one was not recorded.

    Raises:
        FormatError: A lead's samples end before section 3 says, or the range is almost only gaps.
    """
    tables, path = load_tables(sections), sections.path
    if len(leads) * (end - begin) > max(_SMALL, _MOST_GAPS * 8 * sum(map(len, rhythm.runs))):
        raise FormatError(f"{path} holds almost only gaps in this range.", "Read a shorter range.")
    values: npt.NDArray[np.float32] | None = None
    for row, (lead, run) in enumerate(zip(leads, rhythm.runs, strict=True)):
        needed = min(lead.end, end) - lead.begin
        if needed <= 0 or lead.end <= begin:
            continue
        counts = samples(rhythm, run, tables, needed)
        if len(counts) < needed:
            promised = lead.end - lead.begin
            raise FormatError(f"{path}: lead {lead.name} ends after {len(counts):,} of {promised:,} samples.", _AGAIN)
        if values is None:
            values = np.full((len(leads), end - begin), np.nan, np.float32)
        first = max(lead.begin, begin)
        values[row, first - begin : lead.begin + needed - begin] = counts[first - lead.begin :]
    if values is None:
        raise FormatError(f"{path} holds no samples in this range.", "Read another range.")
    return values


def add_reference(
    sections: Sections, leads: Sequence[Lead], rhythm: Coded, values: npt.NDArray[np.float32], begin: int
) -> None:
    """Put back the reference beat where it was subtracted.

    Args:
        sections: Of the file.
        leads: Rows of the values.
        rhythm: Whose counts the values are.
        values: Counts, changed in place.
        begin: The sample of the recording that they begin at.

    Raises:
        FormatError: The reference beat is missing, or sampled at another rate.
    """
    reference, tables = load_coded(sections, REFERENCE, len(leads)), load_tables(sections)
    if reference.interval != rhythm.interval or not reference.nanovolts or not rhythm.nanovolts:
        raise FormatError(f"{sections.path}: the reference beat does not fit the rhythm.", "Export it uncompressed.")
    length, fiducial, beats = _beats(sections)
    count = length * 1000 // reference.interval
    scale = reference.nanovolts / rhythm.nanovolts
    for row, run in enumerate(reference.runs):
        beat = (samples(reference, run, tables, count) * scale).astype(np.float32)
        for where in beats:
            shift = where.fiducial - fiducial  # the sample of the recording that the beat begins at
            first = max(where.begin, shift, begin)
            last = min(where.end, shift + len(beat), begin + values.shape[1])
            if first < last:
                values[row, first - begin : last - begin] += beat[first - shift : last - shift]


def _beats(sections: Sections) -> tuple[int, int, list[Beat]]:
    """Length of the reference beat in ms, its fiducial sample, and where it was subtracted."""
    body = sections.body(BEATS, "list of beats", 6)
    length, fiducial, count = struct.unpack_from("<HHH", body)
    lines = body[6 : 6 + count * _BEAT.size]
    if len(lines) < count * _BEAT.size:
        raise FormatError(f"{sections.path}: its list of beats is cut short.", _AGAIN)
    beats = [
        Beat(max(first, 1) - 1, max(at, 1) - 1, last) for kind, first, at, last in _BEAT.iter_unpack(lines) if not kind
    ]
    return length, max(fiducial, 1) - 1, beats
