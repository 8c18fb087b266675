"""Leads by number, as SCP-ECG (EN 1064, table of leads), MDC (ISO/IEEE 11073-10102) and DICOM (CID 3001) share them."""

from __future__ import annotations

from ecgtool.record import LEADS_12

_CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
_RUNS: dict[int, tuple[str, ...]] = {
    1: ("I", "II", *_CHEST, "V7", "V2R", "V3R", "V4R", "V5R", "V6R", "V7R", "X", "Y", "Z", "CC5", "CM5"),
    21: ("LA", "RA", "LL", "Frank I", "Frank E", "Frank C", "Frank A", "Frank M", "Frank F", "Frank H"),
    61: ("III", "aVR", "aVL", "aVF", "-aVR", "V8", "V9", "V8R", "V9R", "Nehb D", "Nehb A", "Nehb J"),
    73: ("Defib", "Extern", "A1", "A2", "A3", "A4"),
    86: ("C", "V", "VR", "VL", "VF", "MCL", "MCL1", "MCL2", "MCL3", "MCL4", "MCL5", "MCL6"),
    98: ("CC", "CC1", "CC2", "CC3", "CC4", "CC6", "CC7", "CM", "CM1", "CM2", "CM3", "CM4", "CM6"),
    121: ("CM7", "CH5", "CS5", "CB5", "CR5", "ML", "AB1", "AB2", "AB3", "AB4", "ES", "AS", "AI", "S"),
    147: ("RL",),
}
_RECORDED = {first + step: name for first, names in _RUNS.items() for step, name in enumerate(names)}
# Leads that were computed from others, such as twelve from the electrodes of EASI or Frank.
_COMPUTED = dict(
    zip((31, 32, *range(33, 39), 111, 112, 113, 114), (*LEADS_12[:2], *_CHEST, *LEADS_12[2:6]), strict=True)
)


def lead_of_code(code: int) -> str:
    """The lead of a number; empty where the number means none.

    >>> lead_of_code(1), lead_of_code(62), lead_of_code(32)
    ('I', 'aVR', 'II')
    """
    return _RECORDED.get(code) or _COMPUTED.get(code, "")


def is_computed(code: int) -> bool:
    """Whether the number says that the lead was computed from others rather than recorded.

    >>> is_computed(32), is_computed(2)
    (True, False)
    """
    return code in _COMPUTED
