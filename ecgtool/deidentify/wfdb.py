"""WFDB recordings, built anew: numbers of the header, known names, the bytes of the samples, known annotations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ecgtool.deidentify.contract import Disguise, Ledger, Rebuilder
from ecgtool.deidentify.wfdb_annotations import ANNOTATORS, rebuild_annotations
from ecgtool.deidentify.words import date_of, known_signal, known_unit, time_of
from ecgtool.deidentify.writing import copy_part, write_lines
from ecgtool.errors import FormatError
from ecgtool.files import inside, write_unpublished
from ecgtool.formats.wfdb import header_of
from ecgtool.formats.wfdb_codec import DIFFERENCES, STORAGE, encode
from ecgtool.formats.wfdb_files import Frames, SignalFile, count_frames, read_counts, signal_files
from ecgtool.formats.wfdb_flac import FLAC_BITS
from ecgtool.formats.wfdb_header import Header, Signal, load_header

_GAP = "~"
_UNPACKED = {508: 80, 516: 16, 524: 24}  # FLAC files have room for any text, and are written unpacked


def parts(path: Path) -> tuple[Path, ...]:
    """Header, segments, signal files and the annotations beside the header."""
    master = header_of(path)
    found = [master]
    for header_path, header in _headers(master):
        found += [header_path] if header_path != master else []
        found += [inside(header_path.parent, name) for name in _file_names(header)]
    found += [file for file in (master.with_suffix(f".{name}") for name in ANNOTATORS) if file.is_file()]
    return tuple(dict.fromkeys(found))


def rebuild(source: Path, folder: Path, disguise: Disguise, ledger: Ledger) -> Path:
    """Write the header with its fields alone, the samples' bytes, and the annotations with known texts alone."""
    header = load_header(source)
    target = folder / f"{disguise.record}.hea"
    lines = (
        _master(header, source, target, disguise, ledger)
        if header.segments
        else _single(header, source, target, ledger, _start(header, disguise, ledger))
    )
    _account_for_comments(header, ledger)
    lines += [f"# Age: {disguise.age}"] if disguise.age is not None else []
    lines += [f"# Sex: {disguise.sex}"] if disguise.sex is not None else []
    ledger.person(disguise)
    write_lines(target, lines)
    for name in ANNOTATORS:
        annotations = source.with_suffix(f".{name}")
        if annotations.is_file():
            _annotations(annotations, target.with_suffix(f".{name}"), ledger)
    return target


def _annotations(source: Path, target: Path, ledger: Ledger) -> None:
    told = Ledger()
    try:
        rebuild_annotations(source, target, told)
    except FormatError:
        ledger.remove("annotation file that is damaged")
    else:
        ledger.removed.update(told.removed)


def _account_for_comments(header: Header, ledger: Ledger) -> None:
    ledger.remove("comment", len(header.comments))


def _headers(master: Path) -> Iterator[tuple[Path, Header]]:
    """A header and those of its segments, each once."""
    header = load_header(master)
    yield master, header
    for name in dict.fromkeys(name for name, _ in header.segments if name != _GAP):
        path = inside(master.parent, f"{name}.hea")
        yield path, load_header(path)


def _file_names(header: Header) -> list[str]:
    return [name for name in dict.fromkeys(signal.file for signal in header.signals) if name != _GAP]


def _master(header: Header, source: Path, target: Path, disguise: Disguise, ledger: Ledger) -> list[str]:
    """The lines of a header of segments; the segments are written."""
    new_names = {_GAP: _GAP}
    signals = 0
    for name, _ in header.segments:
        if name in new_names:
            continue
        new_names[name] = f"{target.stem}s{len(new_names)}"
        path = inside(source.parent, f"{name}.hea")
        segment = load_header(path)
        signals = signals or len(segment.signals)
        inner = target.with_name(f"{new_names[name]}.hea")
        write_lines(inner, _single(segment, path, inner, ledger, ""))
        _account_for_comments(segment, ledger)
        ledger.remove("start of a segment", bool(segment.start))
    total = sum(length for _, length in header.segments)
    start = _start(header, disguise, ledger)
    first = f"{target.stem}/{len(header.segments)} {signals} {_number(header.fs)} {total}{start}"
    return [first, *(f"{new_names[name]} {length}" for name, length in header.segments)]


def _single(header: Header, source: Path, target: Path, ledger: Ledger, start: str) -> list[str]:
    """The lines of a header of signals; the signal files are written."""
    layout = all(signal.file == _GAP for signal in header.signals)
    frames = header.frames or (0 if layout else count_frames(header, source)[0])
    lines = [f"{target.stem} {len(header.signals)} {_number(header.fs)} {frames}{start}"]
    new_files = {_GAP: _GAP}
    if not layout:
        files = signal_files(header, header.signals, source)
        for number, file in enumerate(files, start=1):
            name = target.with_suffix(".dat").name if len(files) == 1 else f"{target.stem}f{number}.dat"
            new_files[file.name] = name
            _samples(file, frames, target.with_name(name), ledger)
    for number, signal in enumerate(header.signals, start=1):
        lines.append(_signal_line(signal, new_files[signal.file], number, ledger))
    return lines


def _signal_line(signal: Signal, file: str, number: int, ledger: Ledger) -> str:
    fmt = _UNPACKED.get(signal.fmt, signal.fmt)
    storage = f"{fmt}{f'x{signal.spf}' if signal.spf > 1 else ''}{f':{signal.skew}' if signal.skew else ''}"
    unit = known_unit(signal.unit)
    ledger.remove("unit that is no known unit", unit != signal.unit.strip())
    gain = f"{_number(signal.gain) if signal.calibrated else 0}({signal.baseline})/{unit}"
    initial = signal.initial if signal.fmt == DIFFERENCES else 0
    checksum = (signal.checksum or 0) & 0xFFFF
    name = signal.name
    if name and not known_signal(name):
        ledger.remove("signal name that is no known lead")
        name = f"signal {number}"
    bits = STORAGE[fmt].bits if fmt in STORAGE else 0
    signed = checksum - 0x10000 if checksum >= 0x8000 else checksum
    return f"{file} {storage} {gain} {bits} 0 {initial} {signed} 0 {name.strip()}".rstrip()


def _samples(file: SignalFile, frames: int, target: Path, ledger: Ledger) -> None:
    """Write the bytes that hold samples: nothing before them, nothing after."""
    source = inside(file.header.parent, file.name)
    if file.signals[0].fmt in FLAC_BITS:
        write_unpublished(target, partial(_unpack, file, frames))
        ledger.remove("frame of a compressed file")
        return
    storage = file.storage
    if storage is None:
        return
    rest = copy_part(source, file.offset, storage.size(frames * file.width), target)
    ledger.remove("bytes that are no samples", bool(rest))


def _unpack(file: SignalFile, frames: int, made: BinaryIO) -> None:
    storage = STORAGE[_UNPACKED[file.signals[0].fmt]]
    for _, counts in read_counts(file, Frames(0, frames, frames)):
        made.write(encode(np.ascontiguousarray(counts).reshape(-1), storage))


def _start(header: Header, disguise: Disguise, ledger: Ledger) -> str:
    """Time and date of the first sample, the date moved; empty where the header has none that is understood."""
    if not header.start:
        return ""
    day_text, between, time_text = header.start.partition("T")
    if not between and ":" in day_text:
        day_text, time_text = "", day_text
    time, day = time_of(time_text), date_of(day_text, "%Y-%m-%d")
    ledger.remove("time of day that is none", bool(time_text) and not time)
    if day is None or not time:
        ledger.remove("date without a time", bool(day_text))
        return f" {time}" if time else ""
    ledger.dates += 1
    return f" {time} {disguise.moved(day):%d/%m/%Y}"


def _number(value: float) -> str:
    return f"{value:.17g}" if float(f"{value:.12g}") != value else f"{value:.12g}"


REBUILDER = Rebuilder(rebuild, parts)
