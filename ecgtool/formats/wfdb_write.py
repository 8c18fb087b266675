"""Write a Record as WFDB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError, DataError
from ecgtool.files import valid_name, write_file, write_text
from ecgtool.formats.wfdb_codec import STORAGE, Storage, checksums, encode
from ecgtool.record import Record

# Counts per millivolt, the finest first: one count is one microvolt wherever the signal fits.
_GAINS = (1000, 500, 200, 100, 50, 20, 10, 5, 2, 1)


def write_wfdb(record: Record, folder: Path, name: str, fmt: int = 16) -> Path:
    """Write a record as ``NAME.hea`` and ``NAME.dat``.

    One count is one microvolt; a lead that does not fit the format so gets the next coarser gain that it fits.

    Args:
        record: What to write; NaN is written as the format's mark of an invalid sample.
        folder: Where to.
        name: Of the record.
        fmt: Storage format: 16, 24, 32, 61, 80, 160, 212, 310 or 311.

    Returns:
        The header's path.

    Raises:
        ConfigError: A format that cannot be written, or a name that cannot be.
        DataError: A lead that does not fit the format at any gain, or a lead name that a header cannot hold.
        EcgError: The files cannot be written.
    """
    valid_name(name, "record name")
    if fmt not in STORAGE:
        raise ConfigError(f"WFDB format {fmt} cannot be written.", f"Choose one of {', '.join(map(str, STORAGE))}.")
    storage = STORAGE[fmt]
    gains = [_gain(record, row, storage) for row in range(len(record.leads))]
    counts = _counts(record.signal, np.array(gains, np.float64), storage)
    frames = np.ascontiguousarray(counts.T)
    header = Path(folder, f"{name}.hea")
    write_file(header.with_suffix(".dat"), lambda file: file.write(encode(frames.reshape(-1), storage)))
    write_text(header, "\n".join(_lines(record, name, fmt, gains, frames)) + "\n")
    return header


def _gain(record: Record, row: int, storage: Storage) -> int:
    """Counts per millivolt of a lead."""
    largest = np.nanmax(np.abs(record.signal[row]), initial=0.0)
    gain = next((gain for gain in _GAINS if round(float(largest) * gain) < -storage.invalid), None)
    if gain is None:
        raise DataError(f"Lead {record.leads[row]} reaches {largest:g} mV, which {storage.bits} bits cannot hold.")
    return gain


def _counts(signal: npt.NDArray[np.float32], gains: npt.NDArray[np.float64], storage: Storage) -> npt.NDArray[np.int32]:
    scaled = np.rint(signal * gains[:, None])
    return np.where(np.isnan(scaled), storage.invalid, scaled).astype(np.int32)


def _lines(record: Record, name: str, fmt: int, gains: list[int], frames: npt.NDArray[np.int32]) -> list[str]:
    """The header's lines."""
    bits = STORAGE[fmt].bits
    unit = "mV" if record.calibrated else "NU"
    first = frames[0] if len(frames) else np.zeros(len(gains), np.int32)
    lines = [f"{name} {len(gains)} {record.fs:.12g} {len(frames)}"]
    for lead, gain, initial, checksum in zip(record.leads, gains, first, checksums(frames), strict=True):
        if not lead.isprintable():
            raise DataError(f"The lead name {lead[:40]!r} cannot stand in a WFDB header.")
        lines.append(f"{name}.dat {fmt} {gain}(0)/{unit} {bits} 0 {initial} {checksum} 0 {lead}")
    if "age" in record.meta:
        lines.append(f"# Age: {record.meta['age']:g}")
    if "sex" in record.meta:
        lines.append(f"# Sex: {record.meta['sex']}")
    return lines
