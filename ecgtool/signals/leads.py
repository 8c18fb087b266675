"""The leads that a model takes, from the leads that a recording has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError
from ecgtool.record import Record, lead_name

Signal = npt.NDArray[np.float32]

MASK = "mask"
"""The channel that says how far the others were recorded: 1 where all of them were, 0 where none was."""

_CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")


class Chosen(NamedTuple):
    """Leads in the order asked for.

    ``signal`` is float32 [leads, samples], NaN where invalid; ``recorded`` bool [leads], False where the lead is
    imputed: its signal is then a guess. ``stand_ins`` says which modified lead served for which.
    """

    signal: Signal
    recorded: npt.NDArray[np.bool_]
    stand_ins: Mapping[str, str] = MappingProxyType({})


def choose(record: Record, leads: Sequence[str], *, impute: bool, stand_in: bool = False) -> Chosen:
    """The leads of a record; limb leads are derived where two others allow it.

    With ``stand_in``, a modified lead serves for a standard one that is neither there nor derivable.

    With ``impute``, a chest lead that is not there, or has no valid sample, is the mean of its neighbours, or the one
    neighbour that was recorded; any other lead is 0. A limb lead is not guessed: it is either fixed by two others or
    unknown.

    Raises:
        DataError: A lead is neither there nor derivable; with ``impute``, none of the leads is.
    """
    if not impute:
        chosen = record.select(leads, stand_in=stand_in)
        return Chosen(chosen.signal, np.ones(len(leads), bool), chosen.meta.get("stand_ins", {}))
    names = tuple(lead_name(name) for name in leads)
    found = {name: one for name in names if (one := _one(record, name, stand_in)) is not None}
    if not found:
        raise DataError(
            f"Record '{record.id}' has none of the leads {', '.join(names)}; it has {', '.join(record.leads)}."
        )
    rows = {name: one.signal[0] for name, one in found.items()}
    served = {name: other for one in found.values() for name, other in one.meta.get("stand_ins", {}).items()}
    nothing = np.zeros(record.signal.shape[1], np.float32)
    signal = np.stack([rows[name] if name in rows else _imputed(name, rows, nothing) for name in names])
    return Chosen(signal, np.array([name in rows for name in names]), served)


def _one(record: Record, name: str, stand_in: bool) -> Record | None:
    """The record with one lead, recorded or derived; None where it is neither, or has no valid sample."""
    try:
        one = record.select((name,), stand_in=stand_in)
    except DataError:
        return None
    return None if np.isnan(one.signal).all() else one


def _imputed(name: str, rows: dict[str, Signal], nothing: Signal) -> Signal:
    place = _CHEST.index(name) if name in _CHEST else len(_CHEST) + 1
    beside = [rows[near] for near in (*_CHEST[place - 1 : place], *_CHEST[place + 1 : place + 2]) if near in rows]
    if not beside:
        return nothing
    return np.asarray(np.mean(beside, axis=0), np.float32)
