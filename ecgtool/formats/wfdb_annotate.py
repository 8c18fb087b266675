"""Write WFDB annotation files, which PhysioNet's viewers and tools open beside the record.

The format (MIT): https://physionet.org/physiotools/wag/annot-5.htm. Written by code of our own, because ``wfdb.wrann``
refuses a file without annotations and records with a dot in their names, does not write whole or not at all, and works
annotation by annotation in Python, of which a day of twelve leads has millions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError, DataError
from ecgtool.files import explained, write_file, write_text
from ecgtool.formats.wfdb_annotations import SYMBOLS

CODES = {symbol: code for code, symbol in SYMBOLS.items()}
"""Symbol -> code of an annotation, as the format numbers them."""

_NOTE, _SKIP, _NUMBER, _CHANNEL, _TEXT = (code << 10 for code in (CODES['"'], 59, 60, 62, 63))
_SPAN = 1023  # what ten bits hold
_SUFFIX = frozenset("abcdefghijklmnopqrstuvwxyz")

Integers = npt.NDArray[np.integer]


class Marks(NamedTuple):
    """Annotations, in the order of time.

    Attributes:
        samples: [annotations], when each is, in samples.
        symbols: [annotations], of :data:`CODES`.
        channels: [annotations], the number of the signal that each is of.
        numbers: [annotations], what the format calls ``num``.
    """

    samples: Integers
    symbols: npt.NDArray[np.str_]
    channels: Integers
    numbers: Integers


def write_annotations(
    path: Path,
    samples: Integers,
    symbols: Sequence[str] | npt.NDArray[np.str_],
    *,
    fs: float,
    channels: Integers | None = None,
    numbers: Integers | None = None,
) -> Path:
    """Write an annotation file, whole or not at all.

    Args:
        path: ``RECORD.ANNOTATOR``; the annotator's name has lower-case letters only, and is not ``atr``, the name of
            references.
        samples: [annotations], when each is, in samples, ascending; several may be at one sample.
        symbols: [annotations], of :data:`CODES`.
        fs: Rate of the sample numbers, in Hz; the file states it.
        channels: [annotations], the number of the signal that each is of, from 0 to 255; 0 where not given.
        numbers: [annotations], from -128 to 127, what the format calls ``num``; 0 where not given.

    Raises:
        ConfigError: A name that an annotator cannot have.
        DataError: A symbol that the format does not have, annotations that are not in the order of time, or a number
            that it cannot hold.
        EcgError: The file cannot be written.
    """
    none = np.zeros(len(samples), np.int64)
    fields = (none if channels is None else channels, none if numbers is None else numbers)
    return stream_annotations(path, [Marks(np.asarray(samples), np.asarray(symbols, np.str_), *fields)], fs=fs)


def stream_annotations(path: Path, marks: Iterable[Marks], *, fs: float) -> Path:
    """Write an annotation file from parts that are made as they are written; else as :func:`write_annotations`."""
    annotator = path.suffix.removeprefix(".")
    if not annotator or set(annotator) - _SUFFIX or annotator == "atr":
        raise ConfigError(
            f"{path.name} is no name for annotations.", "Lower-case letters after the dot, but not 'atr'."
        )

    def fill(file: BinaryIO) -> None:
        file.write(_resolution(fs))
        before = (0, 0, 0)
        for part in marks:
            file.write(_words(part, before).astype("<u2").tobytes())
            if len(part.samples):
                before = int(part.samples[-1]), int(part.numbers[-1]), int(part.channels[-1])
        file.write(b"\0\0")

    return write_file(path, fill)


def list_annotations(folder: Path, records: Sequence[str], annotator: str, what: str) -> None:
    """Add records to ``RECORDS`` and an annotator to ``ANNOTATORS``, by which tools find what a folder holds.

    Lines that are there are kept.

    Raises:
        EcgError: They cannot be written.
    """
    _with_lines(folder / "RECORDS", records)
    _with_lines(folder / "ANNOTATORS", [f"{annotator}\t{what}"])


def _with_lines(path: Path, lines: Sequence[str]) -> None:
    with explained(path):
        held = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    new = [line for line in dict.fromkeys(lines) if line not in held]
    if new:
        write_text(path, "\n".join([*held, *new]) + "\n")


def _codes(symbols: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    named, which = np.unique(symbols, return_inverse=True)
    unknown = [symbol for symbol in named.tolist() if symbol not in CODES]
    if unknown:
        raise DataError(f"{unknown[0][:20]!r} is not the symbol of an annotation.", f"Symbols: {' '.join(CODES)}")
    return np.array([CODES[symbol] for symbol in named.tolist()], np.int64)[which.reshape(-1)]


def _words(marks: Marks, before: tuple[int, int, int]) -> npt.NDArray[np.int64]:
    """Marks as words of 16 bits: a skip where time goes on too far, the mark, then what changes with it.

    Args:
        marks: What to write.
        before: Sample, number and channel of the mark before them.
    """
    samples, numbers, channels = (np.asarray(each, np.int64) for each in (marks.samples, marks.numbers, marks.channels))
    steps = np.diff(samples, prepend=before[0])
    _refuse_misfits(samples, steps, numbers, channels)
    far = steps > _SPAN
    turned = [np.diff(values, prepend=held) != 0 for values, held in ((numbers, before[1]), (channels, before[2]))]
    ends = np.cumsum(3 * far + 1 + turned[0] + turned[1])
    made = np.zeros(ends[-1] if len(ends) else 0, np.int64)
    at = ends - turned[0] - turned[1] - 1
    made[at] = _codes(marks.symbols) << 10 | np.where(far, 0, steps)
    made[at[far] - 3] = _SKIP
    made[at[far] - 2], made[at[far] - 1] = steps[far] >> 16, steps[far] & 0xFFFF
    made[at[turned[0]] + 1] = _NUMBER | numbers[turned[0]] & 0xFF
    made[ends[turned[1]] - 1] = _CHANNEL | channels[turned[1]]
    return made


def _refuse_misfits(samples: Integers, steps: Integers, numbers: Integers, channels: Integers) -> None:
    if not len(samples):
        return
    if steps.min() < 0 or samples[-1] >= 2**31:
        raise DataError("Annotations must be in the order of time, and within 2,147,483,647 samples.")
    if channels.min() < 0 or channels.max() > 255 or numbers.min() < -128 or numbers.max() > 127:
        raise DataError("Annotations are of signals 0 to 255, and have numbers of -128 to 127.")


def _resolution(fs: float) -> bytes:
    """A note at the beginning that states the rate."""
    text = f"## time resolution: {fs:.12g}".encode()
    head = np.array([_NOTE, _TEXT | len(text)], "<u2").tobytes()
    return head + text + b"\0" * (len(text) % 2)
