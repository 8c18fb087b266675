"""The elements of a DICOM file: where each value lies, found without reading the values.

The encoding: DICOM PS3.5, chapter 7. An element is a tag, in the explicit encoding a type (VR), a length, a value; the
value of a sequence is a list of items, which are data sets themselves. Every length is checked against what holds it;
depth and number of elements are limited.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple, Protocol

from ecgtool.errors import FormatError

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

_UNDEFINED = 0xFFFFFFFF
_DELIMITER = 8  # bytes of what ends a sequence of undefined length
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_WINDOW = 2**19  # bytes read at a time
_MOST_DEEP, _MOST_ELEMENTS, _MOST_KEPT = 16, 2**19, 2**16
_MOST_TEXT = 2**14


class Bytes(Protocol):
    """What elements are read from."""

    @property
    def path(self) -> Path:
        """Of the file, for errors."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read(self, offset: int, length: int) -> bytes:
        """Some of them; a FormatError where they are not there."""


class Coding(NamedTuple):
    """How elements are written."""

    explicit: bool  # with types
    big: bool  # big-endian


class Element(NamedTuple):
    """One element: where its value begins and ends, and how what lies within is written."""

    begin: int
    end: int
    coding: Coding


DataSet = dict[int, Element]


class Elements:
    """The elements of a file.

    Args:
        source: Its bytes.
    """

    def __init__(self, source: Bytes) -> None:
        self.source = source
        self._base, self._window = 0, b""
        self._left, self._room = _MOST_ELEMENTS, _MOST_KEPT
        self._items: dict[int, list[DataSet]] = {}  # of sequences whose end was found by way of their items

    def data_set(self, begin: int, end: int, coding: Coding, until: int) -> tuple[DataSet, int]:
        """The elements from ``begin`` on, before the tag ``until``, and where they end.

        Raises:
            FormatError: A length that leads beyond its holder, nesting without end, or more elements than any
                recording has.
        """
        found: DataSet = {}
        return found, self._walk(found, begin, end, coding, depth=0, until=until)

    def items(self, data_set: DataSet, tag: int) -> list[DataSet]:
        """The items of a sequence; none where it is absent.

        Raises:
            FormatError: As :meth:`data_set`.
        """
        element = data_set.get(tag)
        if element is None:
            return []
        if element.begin not in self._items:
            items: list[DataSet] = []
            self._sequence(items, element.begin, element.end, element.coding, depth=1, closed=True)
            self._items[element.begin] = items
        return self._items[element.begin]

    def text(self, data_set: DataSet, tag: int) -> str:
        """A value as text, without padding; empty where it is absent. Of several values it is the first."""
        element = data_set.get(tag)
        if element is None or element.end - element.begin > _MOST_TEXT:
            return ""
        data = self.read(element.begin, element.end - element.begin)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        return text.split("\\")[0].strip(" \0")

    def whole(self, data_set: DataSet, tag: int) -> int | None:
        """A binary value as a whole number; None where it is absent or no number of 1 to 4 bytes."""
        element = data_set.get(tag)
        if element is None or not 1 <= element.end - element.begin <= 4:
            return None
        data = self.read(element.begin, element.end - element.begin)
        return int.from_bytes(data, "big" if element.coding.big else "little")

    def read(self, begin: int, length: int) -> bytes:
        """Bytes of the file, most often of the part that was read last.

        Raises:
            FormatError: It ends before.
        """
        at = begin - self._base
        if 0 <= at <= len(self._window) - length:
            return self._window[at : at + length]
        return self.source.read(begin, length)

    def _walk(
        self,
        found: DataSet | None,
        begin: int,
        end: int,
        coding: Coding,
        *,
        depth: int,
        closed: bool = True,
        until: int = _UNDEFINED,
    ) -> int:
        """Go through a data set, noting its elements in ``found``: where it ends.

        That is at ``end`` where it is ``closed`` by its length, else at its delimiter.
        """
        at = begin
        while at < end:
            tag, kind, value, length = self._header(at, end, coding)
            if tag == ITEM_END:
                return value
            if tag >= until:
                return at
            within, stop = coding, value + length
            if length == _UNDEFINED:
                within = Coding(explicit=False, big=False) if kind == b"UN" else coding
                items: list[DataSet] | None = [] if found is not None and (depth or tag == until - 1) else None
                at = self._sequence(items, value, end, within, depth=depth + 1, closed=False)
                stop = at - _DELIMITER
                if items is not None:
                    self._items[value] = items
            elif stop > end:
                raise self._damaged(f"element {_name(tag)} of {length:,} bytes leads beyond what holds it")
            else:
                at = stop
            if found is not None:
                self._keep(found, tag, Element(value, stop, within))
        if not closed:
            raise self._damaged("an item has no end")
        return at

    def _keep(self, found: DataSet, tag: int, element: Element) -> None:
        self._room -= 1
        if self._room < 0:
            raise self._damaged(f"it describes its waveforms in more than {_MOST_KEPT:,} elements")
        found.setdefault(tag, element)

    def _sequence(
        self, items: list[DataSet] | None, begin: int, end: int, coding: Coding, *, depth: int, closed: bool
    ) -> int:
        """Go through a sequence, noting its items: where it ends."""
        if depth > _MOST_DEEP:
            raise self._damaged(f"sequences are nested more than {_MOST_DEEP} deep")
        at = begin
        while at < end:
            tag, _, value, length = self._header(at, end, coding)
            if tag == SEQUENCE_END:
                return value
            if tag != ITEM:
                raise self._damaged(f"{_name(tag)} stands where an item of a sequence should")
            open_ended = length == _UNDEFINED
            stop = end if open_ended else value + length
            if stop > end:
                raise self._damaged(f"an item of {length:,} bytes leads beyond its sequence")
            found: DataSet | None = None if items is None else {}
            if open_ended or found is not None:
                stop = self._walk(found, value, stop, coding, depth=depth, closed=not open_ended)
            if items is not None and found is not None:
                items.append(found)
            at = stop
        if not closed:
            raise self._damaged("a sequence has no end")
        return at

    def _header(self, at: int, end: int, coding: Coding) -> tuple[int, bytes, int, int]:
        """Tag, type (where written), where the value begins, and its length."""
        self._left -= 1
        if self._left < 0:
            raise self._damaged(f"it has more than {_MOST_ELEMENTS:,} elements")
        if end - at < 8:
            raise self._damaged("it ends within an element")
        where = at - self._base
        if not 0 <= where <= len(self._window) - 12:
            self._base, where = at, 0
            self._window = self.source.read(at, min(_WINDOW, self.source.size - at)).ljust(12)
        group, number, kind, short, long = _HEADERS[coding.big].unpack_from(self._window, where)
        tag = group << 16 | number
        if not coding.explicit or group == 0xFFFE:
            return tag, b"", at + 8, int.from_bytes(kind + short, "big" if coding.big else "little")
        if kind not in _LONG:
            return tag, kind, at + 8, int.from_bytes(short, "big" if coding.big else "little")
        if end - at < 12:
            raise self._damaged("it ends within an element")
        return tag, kind, at + 12, long

    def _damaged(self, what: str) -> FormatError:
        return FormatError(f"{self.source.path}: {what}.", "The DICOM file is damaged or cut short; copy it again.")


_HEADERS = (struct.Struct("<HH2s2sI"), struct.Struct(">HH2s2sI"))


def _name(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
