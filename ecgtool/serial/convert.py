"""A log -> a Record, and what had to be done to make one of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.errors import ConfigError, DataError, FormatError
from ecgtool.formats.reading import make_record
from ecgtool.record import MAX_FS, MIN_FS, Record
from ecgtool.serial.clock import Times, advances, named_unit, names_time, read_times
from ecgtool.serial.dialect import Dialect, Preamble, detect, read_preamble
from ecgtool.serial.grid import Grid, to_grid
from ecgtool.serial.lines import head_lines
from ecgtool.serial.options import Options
from ecgtool.serial.scale import Scale, Scaled, to_millivolts
from ecgtool.serial.table import Counts, read_table

Floats = npt.NDArray[np.float64]

_TOLD_GAPS = 100
_NOT_CALIBRATED = MappingProxyType(
    {
        "adc": "not calibrated: counts of the converter; give --vref, --bits and --gain for mV",
        "unknown": "not calibrated: decimals of a unit that it does not say; give --unit mV, uV or V for mV",
    }
)


@dataclass(frozen=True)
class Columns:
    """Which column is what.

    Args:
        time: The times' column; None where there is none.
        values: The value columns, one per lead.
        names: What the header calls these; empty where it does not.
        unit: Unit of the times, where the user or the header says it.
        found: Which of them says it.
    """

    time: int | None
    values: tuple[int, ...]
    names: tuple[str, ...] = ()
    unit: str | None = None
    found: str = ""


@dataclass(frozen=True)
class Converted:
    """A converted log.

    Args:
        record: float32 [leads, samples]; millivolt where calibrated, counts where not.
        facts: What was read and done, for machines.
        notes: What a person should know of it, a line each.
    """

    record: Record
    facts: dict[str, Any]
    notes: tuple[str, ...] = field(default=())


def convert_log(path: Path, options: Options | None = None, scale: Scale | None = None) -> Converted:
    """Make a recording of a log.

    Args:
        path: The text that a device printed, or a logger wrote.
        options: What the user says of its lines and times.
        scale: What the user says of its values.

    Raises:
        NotFound: There is no such file.
        FormatError: It is no log, or its lines can be read in two ways.
        DataError: It has neither times nor a rate, or too little in it.
        ConfigError: An option contradicts the log.
    """
    options, scale = options or Options(), scale or Scale()
    lines = head_lines(path)
    said = read_preamble(lines)
    dialect = detect(path, lines, options)
    if said.names and len(said.names) == dialect.columns:
        dialect = replace(dialect, names=said.names)
    columns = _columns(path, lines, dialect, (options, said))
    wanted = [*columns.values, *([] if columns.time is None else [columns.time])]
    table, counts = read_table(path, dialect, wanted, columns.time)
    values = table[:, : len(columns.values)]
    if not np.isfinite(values).any():
        raise DataError(f"{path} holds no values.", "Every sample is marked as missing.")
    scaled = to_millivolts(path, values, scale, columns.names, said.bits)
    rate, rate_from = _rate(options, said)
    if columns.time is None:
        if rate is None:
            raise DataError(f"{path} has neither times nor a sampling rate.", "Give --fs, the device's rate in Hz.")
        grid, times = Grid(scaled.values, _checked_rate(path, rate), rate, 0.0, True, 0, ()), None
    else:
        times = read_times(path, table[:, -1], values, rate, (columns.unit, columns.found))
        wish = rate if options.fs is not None or times.unit == "samples" else None
        how = (wish, options.interpolate, options.max_gap_s)
        grid = to_grid(path, times.seconds, scaled.values[times.kept], times.tick_s, how)
        rate_from = rate_from if wish is not None else "times"
    return _converted(path, (columns, options, said), (counts, scaled, times, grid), rate_from)


def _rate(options: Options, said: Preamble) -> tuple[float | None, str]:
    return (options.fs, "--fs") if options.fs is not None else (said.fs, "header")


def _checked_rate(path: Path, rate: float) -> float:
    if not MIN_FS <= rate <= MAX_FS:
        raise FormatError(f"{path}: its header says {rate:g} Hz, outside 1-100,000 Hz.", "Give --fs.")
    return rate


def _columns(path: Path, lines: list[str], dialect: Dialect, told: tuple[Options, Preamble]) -> Columns:
    """Which column is what, by what the user says, else the header, else how the first column runs.

    Raises:
        ConfigError: A column that the log does not have, or lead names for another number of them.
    """
    options, said = told
    beyond = [each for each in (options.time_col, *options.value_cols) if each is not None and each >= dialect.columns]
    if beyond:
        raise ConfigError(f"{path} has {dialect.columns} column(s), counted from 0, and so no column {beyond[0]}.")
    time = _time_column(lines, dialect, options)
    signals = tuple(index for index, name in enumerate(dialect.names) if name in said.signals and index != time)
    values = options.value_cols or signals or tuple(index for index in range(dialect.columns) if index != time)
    if not values:
        raise ConfigError(f"{path} has one column, which cannot be both time and values.", "Give --time-col -1.")
    if options.leads and len(options.leads) != len(values):
        raise ConfigError(f"{path} has {len(values)} value column(s), but --lead names {len(options.leads)}.")
    names = tuple(dialect.names[index] for index in values) if dialect.names else ()
    if options.time_unit != "auto":
        return Columns(time, values, names, options.time_unit, "--time-unit")
    named = named_unit(dialect.names[time]) if dialect.names and time is not None else None
    if dialect.stamped and time == 0:
        named = "s"
    return Columns(time, values, names, named, "header" if named else "")


def _time_column(lines: list[str], dialect: Dialect, options: Options) -> int | None:
    """The column of times: the user's, the one so named, or the first where it advances."""
    if options.time_col is not None:
        return options.time_col if options.time_col >= 0 else None
    if dialect.columns == 1 or 0 in options.value_cols:
        return None
    named = [index for index, name in enumerate(dialect.names) if names_time(name)]
    timed = [index for index in named if named_unit(dialect.names[index]) != "samples"]
    if timed or named:
        return (timed or named)[0]
    rows = [dialect.fields(line) for line in lines]
    firsts = [dialect.number(row[0]) for row in rows if len(row) == dialect.columns]
    column = np.array([value for value in firsts if value is not None])
    return 0 if len(column) and advances(column) else None


def _leads(columns: Columns, options: Options) -> tuple[str, ...]:
    """Names of the leads: the user's, the header's without their unit, else ECG or ECG 1, ECG 2 ..."""
    if options.leads:
        return options.leads
    cleaned = tuple(_without_unit(name) for name in columns.names)
    if cleaned and all(cleaned) and len(set(cleaned)) == len(cleaned):
        return cleaned
    return ("ECG",) if len(columns.values) == 1 else tuple(f"ECG {n + 1}" for n in range(len(columns.values)))


def _without_unit(name: str) -> str:
    head = name.replace("(", " ").replace("[", " ").replace("_", " ").split()
    words = [word.strip(")]") for word in head]
    kept = [word for word in words if word.lower() not in ("mv", "uv", "µv", "μv", "v", "adc", "raw")]
    return "".join(char for char in " ".join(kept) if char.isprintable())[:40]


def _converted(
    path: Path,
    told: tuple[Columns, Options, Preamble],
    found: tuple[Counts, Scaled, Times | None, Grid],
    rate_from: str,
) -> Converted:
    """The record of a grid, and what to say of it."""
    columns, options, said = told
    counts, scaled, times, grid = found
    signal = np.ascontiguousarray(grid.values.T, np.float32)
    leads = _leads(columns, options)
    facts = _facts(counts, scaled, times, grid) | {"fs_from": rate_from, "time_column": columns.time}
    meta: dict[str, Any] = {
        "calibrated": scaled.unit == "mV",
        "duration_s": signal.shape[1] / grid.fs,
        "start_s": 0.0,
        "device": said.device or None,
        "start": said.start or None,
        "units": None if scaled.unit == "mV" else dict.fromkeys(leads, scaled.unit),
    }
    record = make_record(path, signal, grid.fs, leads, meta)
    invalid = int(np.isnan(signal).sum())
    notes = _notes(found, (rate_from, invalid / signal.size))
    if said.fs is not None and rate_from == "--fs" and said.fs != grid.fs:
        notes.insert(0, f"{grid.fs:g} Hz, as --fs says; its header says {said.fs:g} Hz")
    return Converted(record, {**facts, "invalid": invalid}, tuple(notes))


def _facts(counts: Counts, scaled: Scaled, times: Times | None, grid: Grid) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "lines": counts.lines,
        "comments": counts.comments,
        "blank": counts.blank,
        "headers": counts.headers,
        "stray": counts.stray,
        "stray_lines": counts.stray_lines,
        "unfinished": counts.unfinished,
        "unit": scaled.unit,
        "formula": scaled.formula,
        "impossible": scaled.impossible,
        "clipped": scaled.clipped,
        "regular": grid.regular,
        "filled": grid.filled,
        "gaps": [{"start_s": round(at, 6), "seconds": round(length, 6)} for at, length in grid.gaps[:_TOLD_GAPS]],
        "gaps_found": len(grid.gaps),
    }
    if times is not None:
        facts |= {"time_unit": times.unit, "time_unit_from": times.found, "wraps": times.wraps}
        facts |= {"repeated": times.repeated, "slips": times.slips, "restarts_s": list(times.restarts_s)}
        facts |= {"measured_hz": grid.measured, "jitter_s": grid.jitter_s}
    return facts


def _notes(found: tuple[Counts, Scaled, Times | None, Grid], more: tuple[str, float]) -> list[str]:
    """What a person should know, in the order in which things happened."""
    counts, scaled, times, grid = found
    rate_from, invalid = more
    notes = _notes_of_lines(counts)
    if times is not None:
        notes += _notes_of_times(times, grid)
    elif rate_from == "header":
        notes.append(f"{grid.fs:g} Hz, as its header says")
    notes.append(scaled.formula or _NOT_CALIBRATED[scaled.unit])
    if scaled.impossible:
        notes.append(f"{scaled.impossible:,} values that the converter cannot have given are marked invalid")
    if scaled.clipped:
        notes.append(f"{scaled.clipped:,} samples are at the end of the converter's range: clipped, or leads off")
    if invalid:
        notes.append(f"{100 * invalid:.2g} % of the samples are invalid or in gaps")
    return notes


def _notes_of_lines(counts: Counts) -> list[str]:
    notes = []
    if counts.headers:
        more = f", {counts.headers:,} times" if counts.headers > 1 else ""
        notes.append(f"a header names its columns{more}")
    if counts.stray:
        shown = ", ".join(str(number) for number in counts.stray_lines)
        more = " ..." if counts.stray > len(counts.stray_lines) else ""
        notes.append(f"{counts.stray:,} stray line(s) left out: line {shown}{more}")
    if counts.unfinished:
        notes.append("its last line has no end and was left out: it may be half-written")
    return notes


def _notes_of_times(times: Times, grid: Grid) -> list[str]:
    notes = [f"time in {times.unit} ({times.found})"]
    done = "values as logged" if grid.regular else "interpolated, because the times are irregular"
    notes.append(
        f"{grid.measured:.6g} Hz measured, jitter {round(1e3 * grid.jitter_s, 3):g} ms; {grid.fs:g} Hz, {done}"
    )
    counted = (
        (times.wraps, "wrap(s) of its clock counted on"),
        (times.repeated, "repeated line(s) left out"),
        (times.slips, "line(s) left out whose time jumps away and back"),
        (grid.filled, "missing sample(s) interpolated"),
    )
    notes += [f"{number:,} {what}" for number, what in counted if number]
    for at in times.restarts_s[:3]:
        notes.append(f"the clock begins anew at {at:.3f} s; how long the pause was is not known, 1 s was left")
    for at, length in grid.gaps[:3]:
        notes.append(f"gap of {length:.3g} s after {at:.3f} s")
    if len(grid.gaps) > 3:
        notes.append(f"{len(grid.gaps) - 3:,} more gaps, {sum(length for _, length in grid.gaps):.3g} s in all")
    return notes
