"""Who recordings are of, as far as a store needs it: pseudonyms, age and sex, and further numbers of a list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ecgtool.console import inert
from ecgtool.datasets.folder_labels import number_of
from ecgtool.datasets.folder_rows import Found, told
from ecgtool.datasets.folder_survey import SAID
from ecgtool.datasets.spellings import one_spelling
from ecgtool.deidentify.key import Key
from ecgtool.formats.reading import sex_of
from ecgtool.store import ITEM_COLUMNS

AGE, SEX = "age", "sex"
OLDEST = 89
"""Ages over it become ``OLDEST + 1``: they may say who a person is."""

_OLDEST_AGE, _PTBXL_OVER_89 = 130.0, 300.0
_UNKNOWN = frozenset(("", "?", "-", "n/a", "na", "nan", "none", "null", "unknown"))
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_WHO = (
    *("name", "surname", "firstname", "lastname", "forename", "initials", "patient", "mrn", "ssn", "insurance"),
    *("birth", "birthday", "birthdate", "dob", "address", "street", "zip", "postcode", "phone", "telephone", "mobile"),
)


def people(found: Sequence[Found]) -> tuple[list[str], list[str]]:
    """What tells the person of each row from others, and what is to be said of it.

    The list's ``patient_id`` counts; without it what the file says; without that the recording itself, after a NUL.
    """
    stated = [each.row.patient or each.seen.patient for each in found]
    spelt, changed = one_spelling(stated)
    keys = [who or f"\0{each.record}" for who, each in zip(spelt, found, strict=True)]
    notes = [f"{len({spelt[place] for place in changed})} patients are written in more ways than one (case or spaces) "
             "and were taken as one each."] if changed else []  # fmt: skip
    unknown = len({who for who in keys if who.startswith("\0")})
    if unknown:
        said = f"{unknown} recordings do not say" if any(stated) else "No recording says"
        notes.append(f"{said} who it is of: each counts as a patient of its own. patient_id in the list would tell.")
    return keys, notes


def pseudonyms(found: Sequence[Found], people: Sequence[str], key: Key) -> list[str]:
    """What a store calls the person of each row: never the id itself; the recording's name where there is none."""
    known = {who: key.patient(f"id {who}") for who in people}
    return [
        each.id.partition("@")[0] if who.startswith("\0") else known[who]
        for each, who in zip(found, people, strict=True)
    ]


def details(found: Sequence[Found], used: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Age, sex and the further columns of numbers of each row, and what was left out in words.

    Args:
        found: The rows.
        used: Columns that say something else, such as the fold.

    Returns:
        The same keys for each row; age in years, sex 0 male and 1 female; None where unknown.

    Raises:
        FormatError: An age or a sex that cannot be; the message names the row.
    """
    names = dict.fromkeys(name for each in found for name in each.row.cells)
    further = [name for name in names if name not in (AGE, SEX, *SAID, *used)]
    numeric = {name: values for name in further if (values := _numbers(name, found)) is not None}
    made: list[dict[str, Any]] = []
    over = 0
    for place, each in enumerate(found):
        age, sex = _age(each), _sex(each)
        over += age is not None and age > OLDEST
        known = {AGE: OLDEST + 1 if age is not None and age > OLDEST else _tidy(age), SEX: sex}
        made.append(known | {inert(name): values[place] for name, values in numeric.items()})
    notes = [f"{over} ages over {OLDEST} are kept as {OLDEST + 1}."] if over else []
    return made, notes + told([name for name in further if name not in numeric], "columns were not kept")


def _numbers(name: str, found: Sequence[Found]) -> list[float | int | None] | None:
    """A column as numbers; None where it is not one, or may say who a person is."""
    if name in ITEM_COLUMNS or any(word.lower() in _WHO for word in _WORDS.findall(name)):
        return None
    cells = [_known(each.row.cells, name) for each in found]
    values = [number_of(cell) for cell in cells]
    if not any(value is not None for value in values):
        return None
    fit = all(value is not None or cell is None for value, cell in zip(values, cells, strict=True))
    return [_tidy(value) for value in values] if fit else None


def _age(found: Found) -> float | None:
    stated = _known(found.row.cells, AGE)
    if stated is None:
        return found.seen.age
    age = number_of(stated)
    if age is None or not (0 <= age <= _OLDEST_AGE or age == _PTBXL_OVER_89):
        raise found.row.unfit(AGE, stated, "Give years, or leave it empty where unknown.")
    return age


def _sex(found: Found) -> int | None:
    stated = _known(found.row.cells, SEX)
    if stated is None:
        return _code(found.seen.sex)
    said = _code(sex_of(str(stated)))
    number = number_of(stated)
    if said is None and number not in (0, 1):
        raise found.row.unfit(SEX, stated, "Give M or F (or 0 male, 1 female), or leave it empty where unknown.")
    return int(number or 0) if said is None else said


def _code(sex: str | None) -> int | None:
    return None if sex is None else int(sex == "F")


def _known(cells: Mapping[str, Any], name: str) -> Any:
    """A cell; None where it says that nothing is known."""
    value = cells.get(name)
    return None if value is None or str(value).strip().lower() in _UNKNOWN else value


def _tidy(value: float | None) -> float | int | None:
    return int(value) if value is not None and value.is_integer() else value
