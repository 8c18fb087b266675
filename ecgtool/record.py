"""Record: one recording in memory; lead names; limb-lead algebra.

The one promise about signals: ``float32``, millivolt, ``[leads, samples]``, rate ``fs`` in Hz, leads by name.
"""

from __future__ import annotations

import re
import unicodedata
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

# What may serve where a lead is asked for and a modified one was recorded: modified limb leads of the monitor and
# Holter placements (Mason & Likar 1966), MCL leads (Marriott 1970), the bipolar chest leads CM5 and CC5. Their shape
# resembles the standard lead, their amplitude and axis need not.
STAND_INS = {
    "I": ("MLI",),
    "II": ("MLII",),
    "III": ("MLIII",),
    "V1": ("MV1", "MCL1"),
    "V2": ("MV2",),
    "V5": ("MV5", "CM5", "CC5"),
    "V6": ("MCL6",),
}

# Right-sided and posterior leads have one spelling too; DI is what I is called in Romance languages.
_BEYOND_12 = ("V7", "V8", "V9", "V1R", "V2R", "V3R", "V4R", "V5R", "V6R")
_CANONICAL = {name.lower(): name for name in (*LEADS_12, *_BEYOND_12)} | {"di": "I", "dii": "II", "diii": "III"}
_NOMENCLATURE = re.compile(r"^mdc_ecg_(?:lead|elec_potl)_", re.IGNORECASE)  # ISO/IEEE 11073-10102
_PREFIX = re.compile(r"^(?:lead(?:[\s_:]+|-)?|(?:ecg|ekg)(?:[\s_:]+|-))", re.IGNORECASE)  # "ECG II" is EDF+
_INNER = re.compile(r"[\s_]+")

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
    def whole_s(self) -> float:
        """Duration of the whole recording in seconds, of which this may be a range."""
        return float(self.meta.get("duration_s", self.seconds))

    @property
    def calibrated(self) -> bool:
        """Whether the values are millivolts, rather than on an unknown scale."""
        return bool(self.meta.get("calibrated", True))

    def select(self, leads: Sequence[str], *, stand_in: bool = False) -> Record:
        """The record with these leads, in this order; missing limb leads are derived where two others allow it.

        Args:
            leads: Their names, however they are spelled.
            stand_in: Whether a modified lead may serve for one that is missing (:data:`STAND_INS`);
                ``meta["stand_ins"]`` then says which did.

        Raises:
            DataError: A lead is neither there nor derivable.
        """
        names = tuple(lead_name(name) for name in leads)
        if names == self.leads:
            return self
        basis = self._limb_basis()
        missing = [name for name in names if name not in self.leads and (basis is None or name not in LIMB_WEIGHTS)]
        served = self._stand_ins(missing) if stand_in else {}
        lacking = [name for name in missing if name not in served]
        if lacking:
            might = {} if stand_in else self._stand_ins(lacking)
            served_by = ", ".join(f"{other} for {name}" for name, other in might.items())
            more = f" (--stand-in of ecg prepare would take {served_by})" if might else ""
            raise DataError(
                f"Record '{self.id}' lacks lead {', '.join(lacking)}; it has {', '.join(self.leads)}{more}.",
                "Limb leads are derived only where two of I, II and III are there.",
            )
        meta = {**self.meta, "stand_ins": served} if served else self.meta
        rows = [self._lead(served.get(name, name), basis) for name in names]
        return replace(self, signal=np.stack(rows), leads=names, meta=meta)

    def _stand_ins(self, missing: Sequence[str]) -> dict[str, str]:
        """The modified lead that serves for each missing one, where there is one."""
        spelled = {name.upper(): name for name in self.leads}
        found = {name: next(filter(spelled.__contains__, STAND_INS.get(name, ())), None) for name in missing}
        return {name: spelled[other] for name, other in found.items() if other is not None}

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
    """The standard spelling of a lead's name.

    A name that is not standard (MLII, ECG 1) is kept as it is, and so is an inverted lead (-aVR).

    >>> lead_name("avr"), lead_name("MDC_ECG_LEAD_II"), lead_name("Ⅱ"), lead_name("MLII"), lead_name("-aVR")
    ('aVR', 'II', 'II', 'MLII', '-aVR')
    """
    kept = _NOMENCLATURE.sub("", text.strip())
    folded = unicodedata.normalize("NFKC", kept)  # Roman numerals and full-width letters
    key = _INNER.sub("", _PREFIX.sub("", folded)).lower()
    return _CANONICAL.get(key, kept)
