"""SCP-ECG (EN 1064, ISO 41064): the standard communications protocol for computer-assisted electrocardiography."""

from __future__ import annotations

from pathlib import Path

from ecgtool.errors import FormatError
from ecgtool.formats.contract import Format
from ecgtool.formats.lead_codes import is_computed
from ecgtool.formats.reading import distinct_names, make_record, sample_range
from ecgtool.formats.scp_rhythm import add_reference, load_coded, load_leads, read_rhythm
from ecgtool.formats.scp_sections import RHYTHM, load_sections, looks_like_scp, person
from ecgtool.formats.source import opened
from ecgtool.record import Record


def sniff(_path: Path, head: bytes) -> bool:
    """Whether the bytes begin an SCP-ECG file."""
    return looks_like_scp(head)


def read(path: Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A range of the rhythm of an SCP-ECG file.

    Args:
        path: The file.
        start_s: Where the range begins.
        seconds: Its length; None for all.

    Raises:
        NotFound: There is no such file.
        FormatError: It is damaged, or compressed in a way that cannot be undone.
        ConfigError: The range begins after the end of the recording.
    """
    with opened(path) as source:
        sections = load_sections(source)
    leads, subtracted = load_leads(sections)
    rhythm = load_coded(sections, RHYTHM, len(leads))
    if rhythm.bimodal:
        raise FormatError(
            f"{path} keeps only every few samples outside the QRS complexes (bimodal compression).",
            "Export it from the device without lossy compression.",
        )
    fs, total = 1e6 / rhythm.interval, max(lead.end for lead in leads)
    begin, end = sample_range(path, total, fs, start_s, seconds)
    values = read_rhythm(sections, leads, rhythm, begin, end)
    if subtracted:
        add_reference(sections, leads, rhythm, values, begin)
    if rhythm.nanovolts:
        values *= rhythm.nanovolts / 1e6
    patient, meta = person(sections)
    meta |= {"calibrated": rhythm.nanovolts != 0, "duration_s": total / fs, "start_s": begin / fs}
    meta["derived"] = tuple(lead.name for lead in leads if is_computed(lead.code)) or None
    meta["warnings"] = sections.warnings or None
    meta["truncated"] = sections.truncated or None
    return make_record(path, values, fs, distinct_names([lead.name for lead in leads], path), meta, patient=patient)


SCP = Format("scp", "SCP-ECG", (".scp",), sniff, read, rebuild="ecgtool.deidentify.scp:REBUILDER")
