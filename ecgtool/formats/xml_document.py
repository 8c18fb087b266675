"""XML as recorders write it, read without trusting it.

The tree is built while the file streams in: a file that nests too deep, has too many nodes or declares an entity is
refused at that point, before it can grow. A DOCTYPE is read over and never fetched. Names come without their namespace,
since the same recorder writes its files with and without one.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ecgtool.errors import FormatError
from ecgtool.files import explained

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MOST_BYTES = 64 * 2**20
MOST_DEPTH = 64
MOST_NODES = 100_000  # elements and attributes; a recording of twelve leads has about a thousand
_MOST_TOKEN = 2**20  # characters of one tag, comment or declaration; text is none of these
_CHUNK = 2**16
_SNIFFED = 1024  # bytes at a time, while only the root element is looked for
_PROLOGUE = 2**20  # how far from the start a root element is looked for

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_WIDE = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DOCTYPE = re.compile(r"<!DOCTYPE\s+([^\s\[>]{1,200})")
_LINE = re.compile(r":?\s*line (\d+), column \d+")
_ENCODINGS = {"iso8859-1", "iso8859-2", "iso8859-15", "cp1250", "cp1251", "cp1252", "ascii", "utf-8"}
_SCHEMA_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
_AGAIN = "Get the file again from where it was exported."
_CUT = ("no element found", "unclosed token", "unclosed CDATA section", "partial character")


@dataclass(frozen=True)
class XmlDocument:
    """A parsed document.

    Args:
        root: The tree. Tags and attributes are local names, ``xsi:type`` and its like keep the prefix ``xsi:``; text
            between elements, comments and processing instructions are gone.
        namespace: Of the root element; empty where it has none.
        encoding: Of the file, as Python spells it.
    """

    root: Element
    namespace: str
    encoding: str


def root_name(path: Path, head: bytes) -> str:
    """The local name of a document's root element, in lower case; empty where the file is no XML. Never raises.

    Args:
        path: The file.
        head: Its first bytes. Where comments push the root beyond them, more of the file is read.
    """
    return _root_name(path, head) if _starts_like_xml(head) else ""


def load_xml(path: Path) -> XmlDocument:
    """Parse an XML file.

    UTF-8, UTF-16 and the usual 8-bit encodings are read, with or without a declaration or byte order mark. Bytes that
    are no character of the encoding become U+FFFD: names may be damaged, samples are plain ASCII.

    Raises:
        NotFound: There is no such file.
        FormatError: It is not well-formed, cut off, larger than 64 MiB, nested deeper than 64 levels, has over
            100,000 nodes, or declares entities.
    """
    with explained(path), path.open("rb") as file:
        size = file.seek(0, 2)
        if size > MOST_BYTES:
            raise FormatError(
                f"{path} is {size / 2**20:.0f} MiB of XML; at most {MOST_BYTES // 2**20} are read.",
                "Export it as DICOM, EDF or WFDB instead.",
            )
        file.seek(0)
        encoding, skip = _encoding(file.read(4096))
        file.seek(skip)
        tree = _Tree(path)
        for _ in _parsed(_texts(file, encoding), tree, path):
            pass
    if tree.root is None:
        raise FormatError(f"{path} is not XML: it has no element.", _AGAIN)
    return XmlDocument(tree.root, tree.namespace, encoding)


def text_at(element: Element, path: str) -> str:
    """The text of the first element at a path such as ``"patient/sex"``; empty where there is none."""
    return (element.findtext(path) or "").strip()


def number_at(element: Element, path: str) -> float | None:
    """The number that the first element at a path holds; None where there is none, or it is no finite number."""
    return number(text_at(element, path))


def number(text: str | None) -> float | None:
    """A finite number; None where the text is none.

    >>> number(" 4.88 "), number("nan"), number(None)
    (4.88, None, None)
    """
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


class _Tree:
    """What the parser feeds: builds the tree, and refuses one that no recording has."""

    def __init__(self, path: Path) -> None:
        from xml.etree.ElementTree import Element

        self.root: Element | None = None
        self.namespace = ""
        self._path = path
        self._element = Element
        self.events = 0
        self._open: list[Element] = []
        self._text: list[str] = []
        self._nodes = 0
        self._names: dict[str, str] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.events += 1
        self._nodes += 1 + len(attributes)
        if self._nodes > MOST_NODES:
            raise FormatError(f"{self._path} has more than {MOST_NODES:,} XML nodes, more than any recording.", _AGAIN)
        if len(self._open) >= MOST_DEPTH:
            raise FormatError(
                f"{self._path} nests XML elements more than {MOST_DEPTH} deep, unlike any recording.", _AGAIN
            )
        names = self._names
        local = names.get(tag) or names.setdefault(tag, _local(tag))
        named = {names.get(key) or names.setdefault(key, _local(key)): value for key, value in attributes.items()}
        element = self._element(local, named)
        if self._open:
            self._open[-1].append(element)
        else:
            self.root, self.namespace = element, tag[1:].partition("}")[0] if tag[0] == "{" else ""
        self._open.append(element)
        self._text.clear()

    def data(self, text: str) -> None:
        self.events += 1
        self._text.append(text)

    def end(self, _tag: str) -> None:
        self.events += 1
        element = self._open.pop()
        if self._text:
            element.text = "".join(self._text)
            self._text.clear()

    def close(self) -> None:
        """The parser asks for a result here; ``root`` is it."""


class _RootFound(Exception):
    """The root element has begun; what follows it is not parsed for its name."""


class _Root:
    """What the parser feeds while only the root's name is wanted."""

    name = ""
    events = 0

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        self.name = _local(tag).lower()
        raise _RootFound

    def close(self) -> None:
        """The parser asks for a result here; ``name`` is it."""


def _local(name: str) -> str:
    if name.startswith(_SCHEMA_INSTANCE):
        return f"xsi:{name.removeprefix(_SCHEMA_INSTANCE)}"
    return name.rpartition("}")[2]


def _starts_like_xml(head: bytes) -> bool:
    if head.startswith(tuple(mark for mark, _ in (*_BOMS[1:], *_WIDE))):
        return True
    return head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")


@lru_cache(maxsize=1)  # each format asks for the same file
def _root_name(path: Path, head: bytes) -> str:
    encoding, skip = _encoding(head)
    found = _Root()
    try:
        with path.open("rb") as file:
            file.seek(skip)
            for read in _parsed(_texts(file, encoding, _SNIFFED), found, path):
                if read > _PROLOGUE:
                    break
    except _RootFound:
        return found.name
    except (FormatError, OSError):
        declared = _DOCTYPE.search(head[skip:].decode(encoding, "replace"))
        return _local(declared[1].replace(":", "}")).lower() if declared else ""
    return ""


def _encoding(head: bytes) -> tuple[str, int]:
    """The encoding of a document, and how many bytes come before its text."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name, len(mark)
    for begin, name in _WIDE:
        if head.startswith(begin):
            return name, 0
    declared = _DECLARED.match(head)
    try:
        name = codecs.lookup(declared[1].decode()).name if declared else "utf-8"
    except LookupError:
        name = "utf-8"
    # a file that says UTF-16 in plain bytes was converted since, and says nothing of what it is now
    return (name if name in _ENCODINGS else "utf-8"), 0


def _texts(file: BinaryIO, encoding: str, chunk_bytes: int = _CHUNK) -> Iterator[str]:
    """The text of a file, piece by piece, without what blank space precedes it."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    begun = False
    while chunk := file.read(chunk_bytes):
        text = decoder.decode(chunk)
        if not begun:
            text = text.lstrip()
            begun = bool(text)
        yield text


def _parsed(texts: Iterator[str], target: Any, path: Path) -> Iterator[int]:
    """Feed a document to a target; gives how many characters were fed so far, after each piece and at the end."""
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    parser = DefusedXMLParser(target=target, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    fed = heard = events = 0  # characters, of these up to the last event; a tag of endless attributes causes none
    try:
        for text in texts:
            parser.feed(text)
            fed += len(text)
            if target.events > events:
                events, heard = target.events, fed
            if fed - heard > _MOST_TOKEN:
                raise FormatError(f"{path} holds an XML tag or comment of over {_MOST_TOKEN:,} characters.", _AGAIN)
            yield fed
        parser.close()
    except DefusedXmlException:
        raise FormatError(f"{path} declares XML entities, which no recording needs; it is not read.", _AGAIN) from None
    except (ParseError, ValueError) as error:
        raise FormatError(_not_well_formed(path, error), _AGAIN) from None
    yield fed


def _not_well_formed(path: Path, error: Exception) -> str:
    text = str(error)
    line = _LINE.search(text)
    where = f" in line {line[1]}" if line else ""
    if text.startswith(_CUT):
        return f"{path} is cut off{where}: its XML does not end."
    return f"{path} is not well-formed XML{where}: {_LINE.sub('', text)[:80]}."
