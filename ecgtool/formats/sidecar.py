"""What arrays and tables of numbers cannot say of themselves, in a JSON document beside them.

``NAME.meta.json`` speaks of the one recording of that stem; ``dataset.json`` of every recording in its folder and the
folders below. Where both say something, and the file itself too, the order is: ``NAME.meta.json``, the file,
``dataset.json``. Who reads many recordings by a list that says such things of each may put it over all three
(:func:`stated`).
"""

from __future__ import annotations

import difflib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ecgtool.errors import EcgError, FormatError
from ecgtool.files import explained, write_json
from ecgtool.formats.reading import age_of, sex_of, units_per_mv
from ecgtool.record import MAX_FS, MIN_FS, Record

SUFFIX = ".meta.json"
FOLDER_DOCUMENT = "dataset.json"
FOLDERS_UP = 3  # how far above a recording its dataset.json may lie
_LIMIT = 2**20
_CORRECT = "Correct it, or take it away."
_SCALES = ("adc", "unknown", "zscore")
_DECISIVE = ("fs", "leads", "unit", "layout", "gain", "baseline", "calibrated")

Layout = Literal["leads,samples", "samples,leads"]


_stated: ContextVar[Sidecar | None] = ContextVar("stated", default=None)


def _as_unit(value: Any) -> Any:
    """A unit as this module writes it: a voltage, or how else the values are to be taken."""
    if not isinstance(value, str):
        raise ValueError("a unit is text, such as 'mV'")
    plain = value.strip().lower()
    if plain in _SCALES:
        return plain
    if units_per_mv(value) is None:
        raise ValueError(f"{value[:40]!r} is no unit: give mV, uV, nV, V, {', '.join(_SCALES)}")
    return value.strip()


def _as_layout(value: Any) -> Any:
    return value.replace(" ", "").lower() if isinstance(value, str) else value


def _as_sex(value: Any) -> Any:
    sex = sex_of(value) if isinstance(value, str) else None
    if value is not None and sex is None:
        raise ValueError("a sex is M or F")
    return sex


def _as_age(value: Any) -> Any:
    age = age_of(str(value)) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    if value is not None and age is None:
        raise ValueError("an age is a number of years")
    return age


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str | int | float) and not isinstance(value, bool) else value


def _as_number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is not true or false")
    return value


Number = Annotated[float, BeforeValidator(_as_number), Field(allow_inf_nan=False)]
Rate = Annotated[Number, Field(ge=MIN_FS, le=MAX_FS)]
Gain = Annotated[Number, Field(gt=1e-12, lt=1e15)]
Unit = Annotated[str, BeforeValidator(_as_unit)]
Lead = Annotated[str, Field(min_length=1, max_length=64)]
PerLead = BeforeValidator(_one_or_more)


class Sidecar(BaseModel):
    """What a document beside a recording may say; all of it may be absent.

    Further keys are left alone, but for those in a file that look like a slip of the pen.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    file: str | None = Field(
        None, description="The file that NAME.meta.json speaks of; not of one of another suffix.", max_length=255
    )
    fs: Rate | None = Field(None, description="Sampling rate in Hz.")
    leads: Annotated[tuple[Lead, ...], Field(min_length=1, max_length=1024), PerLead] | None = Field(
        None, description="Names of the leads, in the order of the file."
    )
    unit: Annotated[tuple[Unit, ...], PerLead] | None = Field(
        None, description="Of all values, or a list with one per lead: mV, uV, nV, V, adc, unknown, zscore."
    )
    layout: Annotated[Layout, BeforeValidator(_as_layout)] | None = Field(
        None, description='Which axis comes first: "leads,samples" or "samples,leads".'
    )
    gain: Annotated[tuple[Gain, ...], PerLead] | None = Field(
        None, description="Counts per millivolt where the unit is adc; one, or a list with one per lead."
    )
    baseline: Annotated[tuple[Number, ...], PerLead] | None = Field(
        None, description="The count that means 0 mV where the unit is adc; one, or a list with one per lead."
    )
    calibrated: bool | None = Field(None, description="False where the values are not on a known scale of voltage.")
    start: str | None = Field(None, description="Date and time of the first sample.", max_length=64)
    device: str | None = Field(None, description="What recorded it.", max_length=200)
    age: Annotated[float | None, BeforeValidator(_as_age)] = Field(None, description="Of the person, in years.")
    sex: Annotated[str | None, BeforeValidator(_as_sex)] = Field(None, description="M or F.")
    patient: str | None = Field(None, description="Names the person; the same for all their recordings.", max_length=64)

    @property
    def meta(self) -> dict[str, Any]:
        """What ``Record.meta`` says of it."""
        said = {"start": self.start, "device": self.device, "age": self.age, "sex": self.sex}
        return {key: value for key, value in said.items() if value is not None}


def sidecar_path(recording: Path) -> Path:
    """Where the document of one recording lies: ``rec.meta.json`` beside ``rec.npy``."""
    return recording.with_name(f"{recording.stem}{SUFFIX}")


def described(recording: Path, inside: Mapping[str, Any] | None = None) -> Sidecar:
    """What is said of a recording, by the documents beside it and by itself.

    Args:
        recording: Its file.
        inside: What the file itself says, in the words of :class:`Sidecar`.

    Raises:
        FormatError: A document is not JSON, or a value in it cannot be; file and field are named.
    """
    return _merged(_folder_document(recording), checked(inside or {}, recording), overriding(recording))


def overriding(recording: Path) -> Sidecar:
    """What counts before all that a recording says of itself: its own document, and what :func:`stated` puts over it.

    Raises:
        FormatError: The document is not JSON, or a value in it cannot be.
    """
    return _merged(own_document(recording), _stated.get())


def _merged(*layers: Sidecar | None) -> Sidecar:
    """What several say together, the later before the earlier."""
    said: dict[str, Any] = {}
    for layer in layers:
        if layer is not None:
            said |= {key: value for key in layer.model_fields_set if (value := getattr(layer, key)) is not None}
    return Sidecar.model_construct(**said)


@contextmanager
def stated(said: Sidecar) -> Iterator[None]:
    """Put something over all that documents and files say, for the recordings that are read in this block."""
    token = _stated.set(said)
    try:
        yield
    finally:
        _stated.reset(token)


def own_document(recording: Path) -> Sidecar | None:
    """What ``NAME.meta.json`` says of a recording; None where there is none, or it speaks of another file.

    Raises:
        FormatError: It is not JSON, or a value in it cannot be.
    """
    own = _load(sidecar_path(recording))
    of_another = own is not None and own.file is not None and PurePath(own.file).suffix != recording.suffix
    return None if of_another else own


def folder_document(folder: Path) -> Sidecar:
    """What ``dataset.json`` of a folder says; nothing where there is none.

    Raises:
        FormatError: It is not JSON, or a value in it cannot be.
    """
    return _load(folder / FOLDER_DOCUMENT) or Sidecar()


def write_sidecar(recording: Path, said: Sidecar, more: Mapping[str, Any] | None = None) -> Path:
    """Write the document of a recording beside it, whole or not at all.

    Args:
        recording: The file it speaks of.
        said: What it says; what is None is left out.
        more: Further keys, which readers leave alone (where the recording came from, say).

    Returns:
        The document's path.

    Raises:
        EcgError: It cannot be written.
    """
    document = {"file": recording.name, **said.model_dump(mode="json", exclude_none=True), **(more or {})}
    for key in ("unit", "gain", "baseline"):
        if len(document.get(key, ())) == 1:
            document[key] = document[key][0]
    return write_json(sidecar_path(recording), document)


def spoken(record: Record, path: Path, layout: Layout | None = None) -> Sidecar:
    """What has to be said of a record whose values are written as they are.

    Raises:
        FormatError: A lead name or a detail of the person that a document cannot hold.
    """
    units: Mapping[str, str] = record.meta.get("units", {})
    known = [units[lead] if units.get(lead) in _SCALES else "unknown" for lead in record.leads]
    said = {
        "fs": record.fs,
        "leads": record.leads,
        "unit": ["mV"] if record.calibrated else known if len(set(known)) > 1 else known[:1],
        "layout": layout,
        "calibrated": record.calibrated,
        "patient": record.patient or None,
        **{key: record.meta.get(key) for key in ("start", "device", "age", "sex")},
    }
    return checked(said, path)


def checked(document: Any, path: Path) -> Sidecar:
    """A document of these keys.

    Raises:
        FormatError: It is not an object, or a value cannot be; ``path`` and the field are named.
    """
    if not isinstance(document, Mapping):
        raise FormatError(f'{path} must be a JSON object, such as {{"fs": 250}}.', _CORRECT)
    try:
        return Sidecar.model_validate(dict(document))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"][:1])
        what = first["msg"].removeprefix("Value error, ")
        raise FormatError(f"{path}: {field} cannot be {str(first['input'])[:40]!r}: {what}.", _CORRECT) from None


def _folder_document(recording: Path) -> Sidecar | None:
    """The nearest ``dataset.json`` at or above a recording."""
    folder = recording.absolute().parent
    for candidate in (folder, *folder.parents[:FOLDERS_UP]):
        found = _load(candidate / FOLDER_DOCUMENT)
        if found is not None:
            return found
    return None


def _load(path: Path) -> Sidecar | None:
    """A document; None where there is none. The same one is parsed once for all the recordings it speaks of."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise EcgError(f"{path}: {error.strerror or error}.", "Check the path and permissions.") from error
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LIMIT:
        raise FormatError(f"{path} is not a file, or larger than a document of this kind can be.", _CORRECT)
    return _parsed(path, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=64)
def _parsed(path: Path, size: int, *_version: int) -> Sidecar:
    with explained(path):
        data = _bytes(path, size)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is not valid JSON: {error}.", _CORRECT) from None
    said = checked(document, path)
    _refuse_misspelt(document, path)
    return said


def _refuse_misspelt(document: Mapping[str, Any], path: Path) -> None:
    """Refuse a key that is nearly one of those the values depend on: left alone, it would change what they mean."""
    for key in document:
        near = [] if key in Sidecar.model_fields else difflib.get_close_matches(key, _DECISIVE, n=1, cutoff=0.75)
        if near and near[0] not in document:
            raise FormatError(f"{path} has no meaning for '{key[:40]}'.", f"Did you mean '{near[0]}'?")


def _bytes(path: Path, size: int) -> bytes:
    """The file's bytes."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        return os.read(handle, size)
    finally:
        os.close(handle)
