"""CSV tables that come with corpora, read with errors that name the row and the column."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from ecgtool.errors import FormatError, NotFound, did_you_mean
from ecgtool.files import explained

Value = TypeVar("Value")


@dataclass(frozen=True)
class Row:
    """A row of a table: cells by column, and where it stands."""

    cells: dict[str, str]
    where: str

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


@dataclass(frozen=True)
class Table:
    """A CSV file with a head, as text."""

    path: Path
    rows: tuple[Row, ...]

    @classmethod
    def read(cls, path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> Self:
        """Read the named columns of a table; others are not kept.

        Args:
            path: The file; UTF-8, with or without a byte-order mark.
            columns: Columns that must be there.
            optional: Columns whose cells are empty where the table does not have them.

        Raises:
            NotFound: The file or a column is missing.
            FormatError: It is not such a table, or a row has fewer cells than the head.
        """
        with explained(path):
            text = path.read_bytes()
        try:
            lines = csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), strict=True)
            head = next(lines, [])
            missing = [column for column in columns if column not in head]
            if missing:
                raise NotFound(f"{path} has no column '{missing[0]}'.", did_you_mean(missing[0], filter(None, head)))
            places = {name: head.index(name) for name in (*columns, *optional) if name in head}
            return cls(path, tuple(_row(path, lines.line_num, cells, places, optional) for cells in lines if cells))
        except (UnicodeDecodeError, csv.Error) as error:
            raise FormatError(f"{path} is not a CSV table: {error}.", "Download it again.") from None


def _row(path: Path, line: int, cells: list[str], places: dict[str, int], optional: Sequence[str]) -> Row:
    where = f"{path} line {line}"
    if len(cells) <= max(places.values()):
        raise FormatError(f"{where} has {len(cells)} cells, fewer than the head.", "Download the table again.")
    return Row({**dict.fromkeys(optional, ""), **{name: cells[place] for name, place in places.items()}}, where)
