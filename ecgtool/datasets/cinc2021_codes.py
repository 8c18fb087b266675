"""The diagnoses that the PhysioNet/CinC Challenge 2021 scores, by their SNOMED CT codes (Reyna et al. 2021).

Of its 30 codes, four pairs are scored as the same diagnosis, which leaves 26 classes.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class Scored(NamedTuple):
    """One class: the Challenge's abbreviation, what it means, and the SNOMED CT codes that mean it."""

    label: str
    name: str
    codes: tuple[str, ...]


SCORED = (
    Scored("AF", "atrial fibrillation", ("164889003",)),
    Scored("AFL", "atrial flutter", ("164890007",)),
    Scored("BBB", "bundle branch block", ("6374002",)),
    Scored("Brady", "bradycardia", ("426627000",)),
    Scored("CLBBB", "complete left bundle branch block, left bundle branch block", ("733534002", "164909002")),
    Scored("CRBBB", "complete right bundle branch block, right bundle branch block", ("713427006", "59118001")),
    Scored("IAVB", "first-degree atrioventricular block", ("270492004",)),
    Scored("IRBBB", "incomplete right bundle branch block", ("713426002",)),
    Scored("LAD", "left axis deviation", ("39732003",)),
    Scored("LAnFB", "left anterior fascicular block", ("445118002",)),
    Scored("LPR", "prolonged PR interval", ("164947007",)),
    Scored("LQRSV", "low QRS voltages", ("251146004",)),
    Scored("LQT", "prolonged QT interval", ("111975006",)),
    Scored("NSIVCB", "nonspecific intraventricular conduction disorder", ("698252002",)),
    Scored("NSR", "sinus rhythm", ("426783006",)),
    Scored("PAC", "premature atrial contraction, supraventricular premature beats", ("284470004", "63593006")),
    Scored("PR", "pacing rhythm", ("10370003",)),
    Scored("PRWP", "poor R wave progression", ("365413008",)),
    Scored("PVC", "premature ventricular contractions, ventricular premature beats", ("427172004", "17338001")),
    Scored("QAb", "abnormal Q wave", ("164917005",)),
    Scored("RAD", "right axis deviation", ("47665007",)),
    Scored("SA", "sinus arrhythmia", ("427393009",)),
    Scored("SB", "sinus bradycardia", ("426177001",)),
    Scored("STach", "sinus tachycardia", ("427084000",)),
    Scored("TAb", "abnormal T wave", ("164934002",)),
    Scored("TInv", "T wave inversion", ("59931005",)),
)

LABEL_OF = MappingProxyType({code: scored.label for scored in SCORED for code in scored.codes})
"""SNOMED CT code -> label."""

TIMED = ("Brady", "IAVB", "LPR", "LQT", "SB", "STach")
"""Labels that a rate or an interval defines."""
VOLTAGE = ("LQRSV", "PRWP", "QAb", "TAb", "TInv")
"""Labels that are read from T and Q waves or from voltages."""
