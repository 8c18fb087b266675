"""Which leads of a recording a model of heartbeats reads: by the part they play, for no two recorders agree on names.

A model of MIT-BIH learned from MLII and from whatever chest lead was recorded beside it. A recording gives it the lead
of that name, else a modified lead of it or the lead it modifies, else another lead of the kind; and the first row of
the model, without which it sees nothing, any lead at all. A row that nothing serves for is zero, as the model saw it in
training where leads were dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.record import LEADS_12, STAND_INS, Record

CHEST = ("V1", "V5", "V2", "V4", "V3", "V6")
"""Chest leads in the order in which they serve: those that MIT-BIH's second channel mostly is come first."""
LIMB = ("II", "I", "III", "aVF")
"""Limb leads in the order in which they serve for MLII."""

_STANDARD = {other: lead for lead, others in STAND_INS.items() for other in others}


class Rows(NamedTuple):
    """The rows a model takes, and which lead of the recording each is.

    Attributes:
        signal: float32 [rows, samples], NaN where invalid, 0 where no lead serves.
        served: The lead of each row; empty where there is none.
    """

    signal: npt.NDArray[np.float32]
    served: tuple[str, ...]

    @property
    def recorded(self) -> list[int]:
        """The numbers of the rows that hold a lead."""
        return [row for row, name in enumerate(self.served) if name]


def serving(leads: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The lead of a recording that serves for each row of a model; empty where none does.

    >>> serving(("V5", "MLII"), ("MLII", "chest"))
    ('MLII', 'V5')
    >>> serving(("ECG",), ("MLII", "chest"))
    ('ECG', '')

    Args:
        leads: What was recorded, or can be derived.
        wanted: The names that the model's rows have.
    """
    served: list[str] = []
    for row, name in enumerate(wanted):
        free = [lead for lead in leads if lead not in served]
        spelled = {lead.upper(): lead for lead in free}
        found = next((spelled[other.upper()] for other in _candidates(name) if other.upper() in spelled), "")
        served.append(found or (free[0] if row == 0 and free else ""))
    return tuple(served)


def rows_of(record: Record, wanted: Sequence[str], served: Sequence[str] = ()) -> Rows:
    """The rows of a model from a recording.

    Args:
        record: The recording, or a stretch of it.
        wanted: The names that the model's rows have.
        served: The lead of each row, where it is known from another stretch.
    """
    chosen = tuple(served) or serving(there(record), wanted)
    signal = np.zeros((len(chosen), record.signal.shape[1]), np.float32)
    held = [row for row, name in enumerate(chosen) if name]
    if held:
        values = record.select([chosen[row] for row in held]).signal
        signal[held] = np.where(np.isfinite(values), values, np.float32(np.nan))
    return Rows(signal, chosen)


def notes_of(wanted: Sequence[str], served: Sequence[str]) -> tuple[str, ...]:
    """What a reader should know of the leads that were taken."""
    pairs = [(name, lead) for name, lead in zip(wanted, served, strict=True) if name not in (lead, "chest")]
    took = [f"{lead} was taken for lead {name}" for name, lead in pairs if lead]
    empty = [name for name, lead in zip(wanted, served, strict=True) if not lead]
    return (*took, *(f"no lead was recorded that serves for {name}: the model went without" for name in empty))


def there(record: Record) -> tuple[str, ...]:
    """The leads of a recording, then the limb leads that follow from them."""
    limb = {"I", "II", "III"} & set(record.leads)
    derived = [lead for lead in LEADS_12[:6] if lead not in record.leads] if len(limb) >= 2 else []
    return (*record.leads, *derived)


def _candidates(name: str) -> tuple[str, ...]:
    """The leads that may serve for one, the best first."""
    standard = _STANDARD.get(name, name)
    kind = CHEST if name == "chest" or standard in CHEST else LIMB if standard in LIMB else ()
    every = (name, standard, *STAND_INS.get(standard, ()))
    further = [(lead, *STAND_INS.get(lead, ())) for lead in kind if lead != standard]
    return tuple(dict.fromkeys((*every, *(lead for group in further for lead in group))))
