"""Tables of text and MATLAB files, built anew from the Record that is read of them.

Their values keep every bit: a table is written with as many digits as a ``float32`` needs, a MATLAB file as an array.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ecgtool.deidentify.arrays import parts
from ecgtool.deidentify.contract import Disguise, Ledger, Rebuilder, Refused
from ecgtool.deidentify.convert import clean_record
from ecgtool.deidentify.words import known_signal
from ecgtool.files import write_unpublished
from ecgtool.formats import read_record, write_record
from ecgtool.record import Record

_LINES = 4096  # turned into text at a time


def rebuild_table(source: Path, folder: Path, disguise: Disguise, ledger: Ledger) -> Path:
    """Write the samples with a header of names, and a comment line each for rate, start and person.

    Raises:
        Refused: A column has a name that no lead has: its numbers may be identifiers.
    """
    record = read_record(source)
    if not all(map(known_signal, record.leads)):
        raise Refused("A column has a name that is no known lead's; its numbers may be identifiers.", "Rename it.")
    ledger.remove("column that is no voltage", len(record.meta.get("left_out", ())))
    clean = clean_record(record, disguise, ledger)
    return write_unpublished(folder / f"{disguise.record}.csv", partial(_fill, clean))


def rebuild_array(source: Path, folder: Path, disguise: Disguise, ledger: Ledger) -> Path:
    """Write the samples as an array of NumPy's, with the document beside it."""
    clean = clean_record(read_record(source), disguise, ledger)
    ledger.notes.append("The array is written as .npy.")
    return write_record(clean, folder / f"{disguise.record}.npy", "npy")


def _fill(record: Record, made: BinaryIO) -> None:
    made.write("".join(_header(record)).encode("ascii"))
    for begin in range(0, record.signal.shape[1], _LINES):
        part = record.signal[:, begin : begin + _LINES].T
        made.write("".join(f"{','.join(f'{value:.9g}' for value in row)}\n" for row in part.tolist()).encode("ascii"))


def _header(record: Record) -> Iterator[str]:
    facts = {"fs": f"{record.fs:.12g}", "samples": record.signal.shape[1], "patient": record.patient}
    facts |= {} if record.calibrated else {"calibrated": "false"}
    facts |= {key: record.meta[key] for key in ("age", "sex", "start") if key in record.meta}
    yield from (
        f"# {key}={value:g}\n" if isinstance(value, float) else f"# {key}={value}\n" for key, value in facts.items()
    )
    unit = " (mV)" if record.calibrated else ""
    yield ",".join(f"{lead}{unit}" for lead in record.leads) + "\n"


TABLE = Rebuilder(rebuild_table, parts)
ARRAY = Rebuilder(rebuild_array, parts)
