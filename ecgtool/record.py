"""Record: one recording in memory; lead names; limb-lead algebra.

The one promise about signals: ``float32``, millivolt, ``[leads, samples]``, rate ``fs`` in Hz, leads by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgtool.errors import DataError

LEADS_12 = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
LEADS_8 = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
MIN_FS, MAX_FS = 1.0, 100_000.0

_CANONICAL = {name.lower(): name for name in LEADS_12}

LIMB_WEIGHTS = {
    "I": (1.0, 0.0),
    "II": (0.0, 1.0),
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}
"""Each limb lead as a * I + b * II (Einthoven 1908, Goldberger 1942)."""


@dataclass(frozen=True)
class Record:
    """One recording.

    Args:
        signal: float32 [leads, samples] in millivolt; NaN where the device marked a sample as invalid.
        fs: Sampling rate in Hz.
        leads: Lead names, one per row, each once. Standard names are written as in :data:`LEADS_12`.
        id: Names the record within its source, e.g. ``"00001_lr"``.
        patient: Names the person; recordings of one person share it. Empty when unknown.
        meta: ``age``, ``sex``, ``device``, ``start``, ``calibrated`` (False where the scale to millivolt is not
            known), ``truncated`` (True where the file held less than it promised), ``comments`` ...

    Raises:
        DataError: A wrong shape or type, a rate outside 1-100,000 Hz, or a lead named twice.
    """

    signal: npt.NDArray[np.float32]
    fs: float
    leads: tuple[str, ...]
    id: str = ""
    patient: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = tuple(lead_name(name) for name in self.leads)
        object.__setattr__(self, "leads", names)
        if self.signal.ndim != 2 or self.signal.dtype != np.float32:
            raise DataError(f"Record '{self.id}' needs a float32 signal [leads, samples], not {self.signal.shape}.")
        if self.signal.shape[0] != len(names):
            raise DataError(f"Record '{self.id}' has {self.signal.shape[0]} signals but {len(names)} lead names.")
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise DataError(f"Record '{self.id}' names lead {', '.join(twice)} more than once.")
        if not MIN_FS <= self.fs <= MAX_FS:
            raise DataError(f"Record '{self.id}' has a sampling rate of {self.fs:g} Hz, outside 1-100,000 Hz.")

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.signal.shape[1] / self.fs

    @property
    def calibrated(self) -> bool:
        """Whether the values are millivolts, rather than on an unknown scale."""
        return bool(self.meta.get("calibrated", True))

    def select(self, leads: Sequence[str]) -> Record:
        """The record with these leads, in this order; missing limb leads are derived where two others allow it.

        Raises:
            DataError: A lead is neither there nor derivable.
        """
        names = tuple(lead_name(name) for name in leads)
        if names == self.leads:
            return self
        basis = self._limb_basis()
        missing = [name for name in names if name not in self.leads and (basis is None or name not in LIMB_WEIGHTS)]
        if missing:
            raise DataError(
                f"Record '{self.id}' lacks lead {', '.join(missing)}; it has {', '.join(self.leads)}.",
                "Limb leads are derived only where two of I, II and III are there.",
            )
        return replace(self, signal=np.stack([self._lead(name, basis) for name in names]), leads=names)

    def _limb_basis(self) -> tuple[str, str] | None:
        """Two recorded limb leads from which the other four follow, or None."""
        pairs = (("I", "II"), ("I", "III"), ("II", "III"))
        return next((pair for pair in pairs if set(pair) <= set(self.leads)), None)

    def _lead(self, name: str, basis: tuple[str, str] | None) -> npt.NDArray[np.float32]:
        if name in self.leads:
            return self.signal[self.leads.index(name)]
        if basis is None:
            raise DataError(f"Lead {name} cannot be derived from {', '.join(self.leads)}.")
        rows = np.array([LIMB_WEIGHTS[lead] for lead in basis])
        weights = np.linalg.solve(rows.T, np.array(LIMB_WEIGHTS[name]))
        recorded = self.signal[[self.leads.index(lead) for lead in basis]]
        return (weights @ recorded).astype(np.float32)


@lru_cache(maxsize=1024)  # a store of 20,000 records asks for the same twelve a million times
def lead_name(text: str) -> str:
    """The standard spelling of a lead's name; a name that is not standard (MLII, ECG ...) is kept as it is.

    >>> lead_name("avr"), lead_name("LEAD_II"), lead_name("MLII")
    ('aVR', 'II', 'MLII')
    """
    stripped = text.strip()
    key = stripped.lower().removeprefix("lead").lstrip(" _-")
    return _CANONICAL.get(key, stripped)
