"""How a log is written: what separates its columns, what its decimal mark is, what its comments and header say."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from ecgtool.errors import FormatError
from ecgtool.serial.options import Options

MOST_COLUMNS = 256
MISSING = frozenset({"", "!", "nan", "null", "none", "na", "n/a", "ovf"})
"""What stands where a value is missing, in lower case; ``!`` is how a sketch for the AD8232 says 'leads off'."""

COMMENTS = ("#", "%", "//")
_NUMBER = r"[+-]?(?:[0-9]+\{0}?[0-9]*|\{0}[0-9]+)(?:[eE][+-]?[0-9]{{1,4}})?"
_PATTERNS = {mark: re.compile(_NUMBER.format(mark)) for mark in ".,"}
_RATE = re.compile(
    r"(?:sampl\w*[ _-]*(?:rate|freq\w*)|\bfs\b|\bsps\b|\bsfreq\b)[^0-9\n]{0,20}([0-9]+(?:[.,][0-9]+)?)[ \"]*(khz|k\b)?",
    re.IGNORECASE,
)
_RESOLUTION = re.compile(r"resolution[^0-9\n]{0,12}([0-9]{1,2})\b", re.IGNORECASE)
_STAMP = re.compile(r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}\.[0-9]+ *->")
_NAME = re.compile(r"[^\W\d_][^:=]*[:=]?\Z")
_ALONE = re.compile(r"\(|\[|_|ecg|ekg|lead|^(?:adc|raw|signal|values?)$", re.IGNORECASE)
"""What makes one word, which may be any message of a device, the name of the one column."""
_LABELS = re.compile(r"^labels?\s*:?=\s*", re.IGNORECASE)
_LONGEST_LINE = 4096
_ENOUGH = 0.5


@dataclass(frozen=True)
class Dialect:
    """How the lines of a log are written.

    Args:
        delimiter: Between columns; a blank stands for any run of blanks.
        decimal: ``.`` or ``,``.
        columns: Columns of a line of data.
        trailing: Whether lines end with the delimiter.
        stamped: Whether each line begins with the clock time that the Arduino monitor puts there, which makes its
            first column, in seconds of the day.
        names: What the header calls the columns; empty where there is none.
    """

    delimiter: str = ","
    decimal: str = "."
    columns: int = 1
    trailing: bool = False
    stamped: bool = False
    names: tuple[str, ...] = ()

    def fields(self, line: str) -> list[str]:
        """The columns of a line, without the blanks around them."""
        line = line.strip()
        first: list[str] = []
        if self.stamped:
            stamp, arrow, line = line.partition("->")
            first = [stamp.strip() if arrow else "?"]
            line = line.strip()
        if self.delimiter == " ":
            return first + line.split()
        if self.trailing and line.endswith(self.delimiter):
            line = line[:-1]
        return first + [field.strip() for field in line.split(self.delimiter)]

    def number(self, field: str) -> float | None:
        """The value of a field, NaN where it stands for a missing one; None where it is no number.

        >>> Dialect(decimal=",").number("1,5")
        1.5
        """
        if _PATTERNS[self.decimal].fullmatch(field):
            return float(field.replace(",", "."))
        if self.stamped and _STAMP.fullmatch(f"{field}->"):
            hours, minutes, seconds = field.split(":")
            return 3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds)
        return float("nan") if field.lower() in MISSING else None

    def header(self, line: str) -> tuple[str, ...]:
        """The names of the columns that a line of text may give; none where it cannot.

        >>> Dialect(columns=2).header("# time, ecg"), Dialect(columns=2).header("0,512")
        (('time', 'ecg'), ())
        """
        plain = Dialect(self.delimiter, trailing=line.rstrip().endswith(self.delimiter))
        words = tuple(word.strip(" \"'") for word in plain.fields(_LABELS.sub("", line.lstrip("#%/ "))))
        words = (("s", *words) if self.stamped else words)[: self.columns + 1]
        fit = len(words) == self.columns and all(_NAME.match(word) and len(word) <= 40 for word in words)
        return words if fit else ()


@dataclass(frozen=True)
class Preamble:
    """What a log says of itself before its data.

    Args:
        fs: Rate in Hz; None where it does not say.
        bits: Resolution of the ADC; None where it does not say.
        device: What recorded it; empty where it does not say.
        start: Date and time of its beginning, as it gives them.
        names: Names of the columns in a machine-readable header.
        signals: Which of them are analogue signals.
    """

    fs: float | None = None
    bits: int | None = None
    device: str = ""
    start: str = ""
    names: tuple[str, ...] = ()
    signals: tuple[str, ...] = field(default=())


def detect(path: Path, lines: Sequence[str], options: Options) -> Dialect:
    """How a log is written.

    Args:
        path: Of the log, for messages.
        lines: Its first lines.
        options: What the user says of it, which counts.

    Raises:
        FormatError: Hardly any line holds numbers, or a comma may be a delimiter as well as a decimal mark.
    """
    kept = [line for line in lines if line.strip() and len(line) <= _LONGEST_LINE and not line.startswith(COMMENTS)]
    stamped = sum(bool(_STAMP.match(line)) for line in kept) > _ENOUGH * len(kept)
    candidates = _candidates(options, "".join(kept), stamped=stamped)
    found = [(_fitting(kept, dialect), dialect) for dialect in candidates]
    lines_fit, columns, best = max(
        ((count, columns, dialect) for (columns, count), dialect in found), key=lambda entry: entry[0]
    )
    if not lines_fit:
        raise FormatError(f"{path} has no lines of numbers.", "Give the text that the device printed.")
    if columns > MOST_COLUMNS:
        raise FormatError(f"{path} has {columns} columns; a log has {MOST_COLUMNS} at most.")
    rivals = {dialect.decimal for (number, count), dialect in found if count == lines_fit and number != columns}
    if best.delimiter == "," and "," in rivals and options.decimal is None and not _advances(kept, best):
        raise FormatError(
            f"{path}: the comma may separate two columns or be a decimal mark.",
            "Give --decimal , for one column of decimals, or --delimiter , --decimal . for two columns.",
        )
    return Dialect(
        best.delimiter, best.decimal, columns, _trailing(kept, best, columns), stamped, _names(lines, best, columns)
    )


def read_preamble(lines: Iterable[str]) -> Preamble:
    """What a log's comments and text lines say of its rate, resolution and device."""
    text = [line for line in lines if any(char.isalpha() for char in line) and len(line) <= _LONGEST_LINE]
    for line in text:
        said = _opensignals(line.lstrip("#% "))
        if said:
            return said
    joined = "\n".join(text)
    rate, bits = _RATE.search(joined), _RESOLUTION.search(joined)
    return Preamble(_hertz(rate) if rate else None, int(bits.group(1)) if bits else None)


def _candidates(options: Options, text: str, *, stamped: bool) -> list[Dialect]:
    """The dialects that are possible, the likeliest first; of delimiters that the text does not have, one will do."""
    marks = [options.decimal] if options.decimal else [".", ","] if "," in text else ["."]
    seen = [mark for mark in (",", ";", "\t", "|", " ") if mark in text]
    between = [options.delimiter] if options.delimiter else [*seen, ";"]
    return [Dialect(each, mark, stamped=stamped) for mark in marks for each in between if each != mark]


def _fitting(lines: Sequence[str], dialect: Dialect) -> tuple[int, int]:
    """The usual number of columns of the lines that are all numbers, and how many lines those are."""
    counts: Counter[int] = Counter()
    for line in lines:
        fields = dialect.fields(line)
        if len(fields) > 1 and not fields[-1]:
            fields.pop()
        values = [dialect.number(field) for field in fields]
        if None not in values and any(value == value for value in values):
            counts[len(fields)] += 1
    return counts.most_common(1)[0] if counts else (0, 0)


def _advances(lines: Sequence[str], dialect: Dialect) -> bool:
    """Whether the first column rises from line to line, as times do."""
    rows = [dialect.fields(line) for line in lines]
    firsts = [dialect.number(row[0]) for row in rows if len(row) == 2]
    known = [value for value in firsts if value is not None]
    steps = [later - earlier for earlier, later in pairwise(known)]
    rising, falling = sum(step > 0 for step in steps), sum(step < 0 for step in steps)
    return rising > 0.1 * len(steps) and falling < 0.1 * rising


def _trailing(lines: Sequence[str], dialect: Dialect, columns: int) -> bool:
    """Whether lines end with the delimiter."""
    if dialect.delimiter == " ":
        return False
    ends = [line.rstrip(" \r").endswith(dialect.delimiter) for line in lines if len(dialect.fields(line)) >= columns]
    return sum(ends) > _ENOUGH * len(ends)


def _names(lines: Sequence[str], dialect: Dialect, columns: int) -> tuple[str, ...]:
    """The names in the last line of text before the data that has as many columns as the data."""
    last: tuple[str, ...] = ()
    for line in lines:
        fields = dialect.fields(line)
        numbers = [dialect.number(field) for field in fields]
        if len(fields) == columns and None not in numbers and any(value == value for value in numbers):
            break
        last = replace(dialect, columns=columns).header(line) or last
    return last if columns > 1 or (last and _ALONE.search(last[0])) else ()


def _hertz(match: re.Match[str]) -> float:
    return float(match.group(1).replace(",", ".")) * (1000.0 if match.group(2) else 1.0)


def _opensignals(line: str) -> Preamble | None:
    """The header of an OpenSignals text file: one JSON object per device; None for any other line.

    Source: OpenSignals (r)evolution file format, text files.
    """
    if not line.startswith("{"):
        return None
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    devices = [document, *document.values()] if isinstance(document, dict) else []
    for said in devices:
        if isinstance(said, dict) and isinstance(said.get("sampling rate"), int | float):
            return _device(said)
    return None


def _device(said: dict[str, Any]) -> Preamble:
    bits = said.get("resolution")
    signals = _words(said.get("label"))
    widths = bits[-len(signals) :] if isinstance(bits, list) and signals else []
    start = " ".join(str(said[key]) for key in ("date", "time") if isinstance(said.get(key), str))[:40]
    return Preamble(
        float(said["sampling rate"]),
        int(widths[0]) if widths and all(width == widths[0] for width in widths) and _small(widths[0]) else None,
        str(said.get("device", ""))[:40],
        start,
        _words(said.get("column")),
        signals,
    )


def _words(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) and all(isinstance(word, str) for word in value) else ()


def _small(value: Any) -> bool:
    return isinstance(value, int) and 1 <= value <= 32
