"""EDF, EDF+, BDF and BDF+: the European Data Format, and BioSemi's of 24 bits.

Read by code of our own, range by range; gaps of a discontinuous recording (EDF+D) are NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from ecgtool.errors import FormatError
from ecgtool.formats.contract import Format
from ecgtool.formats.edf_data import read_run, room, runs
from ecgtool.formats.edf_header import Header, Signal, load_header, looks_like_header
from ecgtool.formats.edf_signals import ecg_signals, filters_of, lead_of, person_and_device
from ecgtool.formats.edf_write import write_edf
from ecgtool.formats.reading import distinct_names, make_record, sample_range, units_per_mv
from ecgtool.formats.source import opened
from ecgtool.record import Record


def sniff(_path: Path, head: bytes) -> bool:
    """Whether the bytes are the header of EDF or BDF."""
    return looks_like_header(head)


def read(path: Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A range of the ECG signals of an EDF or BDF file.

    Args:
        path: The file.
        start_s: Where the range begins.
        seconds: Its length; None for all.

    Raises:
        NotFound: There is no such file.
        FormatError: The header is damaged or does not fit the file, or the range holds gaps alone.
        ConfigError: The range begins after the end of the recording.
    """
    with opened(path) as source:
        header = load_header(source)
        kept = ecg_signals(header.signals)
        spr = max(signal.spr for signal in kept)
        fs = Fraction(spr) / header.duration
        pieces = runs(source, header, fs)
        total = pieces[-1].at + (pieces[-1].last - pieces[-1].first) * spr
        begin, end = sample_range(path, total, float(fs), start_s, seconds)
        within = [run for run in pieces if run.at < end and begin < run.at + (run.last - run.first) * spr]
        if not within:
            raise FormatError(f"{path} has only a gap in this range.", "Read another range.")
        values = room(header, kept, end - begin, sum(run.last - run.first for run in within))
        for run in within:
            read_run(source, header, kept, run, values, begin)
    patient, meta = person_and_device(header)
    meta |= _describe(header, kept)
    meta |= {"duration_s": total / float(fs), "start_s": begin / float(fs)}
    names = distinct_names([lead_of(signal.label) for signal in kept], path)
    return make_record(path, values, float(fs), names, meta, patient=patient)


def _describe(header: Header, kept: Sequence[Signal]) -> dict[str, Any]:
    """What the header says of the signals; see docs/formats.md for the keys."""
    calibrated = all(units_per_mv(signal.unit) is not None for signal in kept)
    others = [signal for signal in header.signals if signal not in kept and not signal.annotations]
    meta: dict[str, Any] = {"calibrated": calibrated, "filters": filters_of(kept)}
    if others:
        meta["left_out"] = {signal.label: signal.unit for signal in others}
    if not calibrated:
        meta["units"] = {signal.label: signal.unit for signal in kept}
    if header.truncated:
        meta["truncated"] = True
    elif header.rest:
        meta["warnings"] = (f"{header.rest:,} bytes follow the last record that the header promises.",)
    return meta


EDF = Format(
    "edf",
    "EDF, EDF+, BDF and BDF+",
    (".edf", ".bdf", ".rec"),
    sniff,
    read,
    write_edf,
    rebuild="ecgtool.deidentify.edf:REBUILDER",
)
