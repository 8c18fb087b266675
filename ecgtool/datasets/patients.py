"""Whose recordings a list names, as far as a store needs it: who is one person, and pseudonyms."""

from __future__ import annotations

from collections.abc import Sequence

from ecgtool.columns import folded
from ecgtool.datasets.cells import Places, known
from ecgtool.datasets.spellings import one_spelling
from ecgtool.deidentify.key import Key

_NOBODY = frozenset(("x", "xx", "xxx", "anon", "anonymous", "anonymized", "anonymised", "patient", "test", "noname"))


def one_name_each(stated: Sequence[str], places: Places) -> tuple[list[str], list[str]]:
    """The ids of patients in one spelling each: who is written in two ways must not end up in two splits.

    Args:
        stated: Of each row; empty where it does not say.
        places: Where the rows stand.

    Returns:
        The ids, and what is to be said of them.
    """
    names, changed = one_spelling(stated)
    if not changed:
        return names, []
    who = len({names[place] for place in changed})
    return names, [
        f"{who} patients are written in more than one way (case or spaces) and were taken as one each: "
        f"{places.said(changed)}."
    ]


def pseudonym(key: Key, patient: str) -> str:
    """What a store calls a person of that id."""
    return key.patient(f"id {patient}")


def person_in_file(key: Key, patient: str) -> str:
    """A pseudonym of whom a recording's own file names, however it is spelled; empty where it names nobody."""
    name = folded(patient)
    return key.patient(f"in a file {name}") if names_somebody(name) else ""


def names_somebody(patient: str) -> bool:
    """Whether an id in a file tells its person from others.

    >>> names_somebody("4711"), names_somebody("0000"), names_somebody("Anonymous")
    (True, False, False)
    """
    return known(patient) and folded(patient) not in _NOBODY and bool(patient.strip("0 -_.X"))
