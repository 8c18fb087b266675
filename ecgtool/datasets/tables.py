"""CSV tables that come with corpora, read with errors that name the row and the column."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

from ecgtool.errors import FormatError, NotFound, did_you_mean
from ecgtool.files import explained

if TYPE_CHECKING:
    from _csv import Reader

Value = TypeVar("Value")

_LONGEST_HEAD = 10_000
_TABLE = "It must be text in UTF-8 with commas between the cells, and whole."


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: cells by column, and where it stands."""

    cells: dict[str, str]
    where: str
    line: int = 0

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def number(self, column: str) -> float | None:
        """The cell as a number; None where it is empty.

        Raises:
            FormatError: It is neither.
        """
        text = self.cells[column].strip()
        return self.parsed(column, float) if text and text.lower() != "nan" else None

    def whole(self, column: str) -> int:
        """The cell as a whole number; ``15709.0`` is one.

        Raises:
            FormatError: It is not, or empty.
        """
        value = self.parsed(column, float)
        if not value.is_integer():
            raise self._unfit(column)
        return int(value)

    def parsed(self, column: str, parse: Callable[[str], Value]) -> Value:
        """The cell as ``parse`` understands it.

        Raises:
            FormatError: It does not: ``parse`` raised a ValueError.
        """
        try:
            return parse(self.cells[column])
        except ValueError:
            raise self._unfit(column) from None

    def _unfit(self, column: str) -> FormatError:
        return FormatError(f"{self.where}: column '{column}' holds {self.cells[column][:60]!r}.", "Correct the cell.")


def delimiter_of(head: str) -> str:
    """What parts the cells of a table with this first line: a comma, or what spreadsheets put in its place.

    Where numbers have decimal commas, they write semicolons; their "text" has tabs.
    """
    return next((mark for mark in ",;\t" if mark in head), ",")


def decimal_commas(path: Path) -> bool:
    """Whether the numbers of a table may have decimal commas: where it does not part its cells with commas.

    Raises:
        NotFound: The file is missing.
    """
    with explained(path), path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return delimiter_of(file.readline(_LONGEST_HEAD)) != ","


def columns_of(path: Path) -> list[str]:
    """The columns of a CSV file with a head, each once.

    Raises:
        NotFound: The file is missing.
        FormatError: It is not such a table, or a column is there twice.
    """
    try:
        with explained(path), path.open(encoding="utf-8-sig", newline="") as file:
            head = [name.strip() for name in next(_lines(file), [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path} is not a CSV table: {error}.", _TABLE) from None
    twice = next((name for place, name in enumerate(head) if name in head[:place]), None)
    if twice is not None:
        raise FormatError(f"{path} has two columns '{twice[:60]}'.", "Give each a name of its own.")
    return head


def read_table(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Row]:
    """The rows of a CSV file with a head, one after the other; of each, the named columns as text.

    Args:
        path: The file; UTF-8, with or without a byte-order mark; cells parted as :func:`delimiter_of` its first line.
        columns: Columns that must be there.
        optional: Columns whose cells are empty where the table does not have them.

    Raises:
        NotFound: The file or a column is missing.
        FormatError: It is not such a table, or a row has fewer cells than the head.
    """
    try:
        with explained(path), path.open(encoding="utf-8-sig", newline="") as file:
            lines = _lines(file)
            head = [name.strip() for name in next(lines, [])]
            missing = [column for column in columns if column not in head]
            if missing:
                raise NotFound(f"{path} has no column '{missing[0]}'.", did_you_mean(missing[0], filter(None, head)))
            places = {name: head.index(name) for name in (*columns, *optional) if name in head}
            empty = dict.fromkeys(optional, "")
            for cells in filter(None, lines):
                where = f"{path} line {lines.line_num}"
                if len(cells) <= max(places.values()):
                    raise FormatError(f"{where} has {len(cells)} cells, fewer than the head.", "Is the table whole?")
                made = {**empty, **{name: cells[place] for name, place in places.items()}}
                yield Row(made, where, lines.line_num)
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path} is not a CSV table: {error}.", _TABLE) from None


def _lines(file: TextIO) -> Reader:
    """The lines of a table, as cells."""
    head = file.readline(_LONGEST_HEAD)
    file.seek(0)
    return csv.reader(file, strict=True, delimiter=delimiter_of(head))
