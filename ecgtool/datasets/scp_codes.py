"""SCP-ECG diagnostic statements and the superclass each belongs to, as PTB-XL groups them (Wagner et al. 2020).

For recordings whose labels are SCP codes but come without PTB-XL's own table of statements.
"""

from __future__ import annotations

from types import MappingProxyType

SCP = "scp"
"""The name of the system of codes, as ``dataset.json`` gives it."""

_BY_SUPERCLASS = {
    "CD": "1AVB 2AVB 3AVB CLBBB CRBBB ILBBB IRBBB IVCD LAFB LPFB WPW",
    "HYP": "LAO/LAE LVH RAO/RAE RVH SEHYP",
    "MI": "ALMI AMI ASMI ILMI IMI INJAL INJAS INJIL INJIN INJLA IPLMI IPMI LMI PMI",
    "NORM": "NORM",
    "STTC": "ANEUR DIG EL ISCAL ISCAN ISCAS ISCIL ISCIN ISCLA ISC_ LNGQT NDT NST_",
}

SUPERCLASS_OF = MappingProxyType({code: name for name, codes in _BY_SUPERCLASS.items() for code in codes.split()})
"""Diagnostic code -> its superclass."""

_FORM_AND_RHYTHM = (
    "ABQRS AFIB AFLT BIGU HVOLT INVT LOWT LPR LVOLT NT_ PAC PACE PRC(S) PSVT PVC QWAVE SARRH SBRAD SR STACH STD_ STE_ "
    "SVARR SVTAC TAB_ TRIGU VCLVH"
)

NOT_DIAGNOSTIC = frozenset(_FORM_AND_RHYTHM.split())
"""Statements on form or rhythm alone, which have no superclass."""
