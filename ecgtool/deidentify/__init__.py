"""Recordings without what may identify a person.

A clean recording is built anew from what may be kept, never made by deleting from what is there: what nobody thought of
is gone. Identifiers become pseudonyms that only the key can make, dates move by a constant per person, and every file
is read back and compared with the original before it counts.
"""

from __future__ import annotations

from ecgtool.deidentify.audit import AUDIT_NAME, CAUTION
from ecgtool.deidentify.run import KEEP, Policy, Report, deidentify

__all__ = ["AUDIT_NAME", "CAUTION", "KEEP", "Policy", "Report", "deidentify"]
