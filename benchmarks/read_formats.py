"""Reading vendor formats: ``ecgtool.formats.read_record`` against ``ecgdatakit`` on the same files.

    ECG_TEST_DATA=data python benchmarks/read_formats.py [--repeats 5] [--only xml]

Both sides read every file, already in the system's cache, in turns; the best of a few counts. A line per file says who
reads it, how long each takes, and by how many of the file's smallest steps the leads that both name differ at most.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ecgdatakit import FileParser

from ecgtool.errors import EcgError
from ecgtool.formats import read_record
from ecgtool.record import Record, lead_name

FILES = (
    "xml/ge-muse/*.xml",
    "xml/philips-sierra/*",
    "xml/hl7-aecg/*.xml",
    "xml/schiller/*.xml",
    "dicom/*.dcm",
    "scp/*.scp",
    "edf/*.edf",
    "wfdb-samples/*.hea",
    "mitdb/10[0-3].hea",
    "cinc2017/A0000[1-3].hea",
    "cinc2021/E0750[0-2].hea",
    "ptbxl/records500/00000/0000[1-3]_hr.hea",
)


class Side(NamedTuple):
    """What one reader made of a file: its result or None, and milliseconds."""

    result: Any
    ms: float


def best(read: Callable[[], Any], refusals: tuple[type[Exception], ...], repeats: int) -> Side:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        try:
            result = read()
        except refusals:
            return Side(None, float("nan"))
        times.append(1e3 * (time.perf_counter() - start))
    return Side(result, min(times))


def with_leads(parsed: Any) -> Any:
    """The peer's record; one without a single lead is no reading of a file."""
    if not parsed.leads:
        raise ValueError("no leads")
    return parsed


def steps(record: Record, theirs: Any, path: Path) -> tuple[float, str]:
    """The largest difference in steps of the file over what both read, and where leads or lengths differ."""
    raw = {lead.label: lead for lead in FileParser.parse(path, auto_scale=False).leads}
    worst, shared, lengths = 0.0, 0, set()
    for lead in theirs.leads:
        name = lead_name(lead.label)
        if name not in record.leads:
            continue
        mine, other = record.signal[record.leads.index(name)], np.asarray(lead.samples)
        size = min(len(mine), len(other))
        lengths.add((len(mine), len(other)))
        step = raw[lead.label].resolution * (1.0 if lead.units != "mV" else _in_millivolt(raw[lead.label]))
        worst = max(worst, float(np.nanmax(np.abs(mine[:size] - other[:size]))) / step)
        shared += 1
    notes = [f"{size} and {other} samples" for size, other in lengths if size != other]
    if not shared == len(record.leads) == len(theirs.leads):
        notes.append(f"{len(record.leads)} and {len(theirs.leads)} leads, {shared} shared")
    return worst, "; ".join(notes)


def _in_millivolt(lead: Any) -> float:
    return {"uV": 1e-3, "nV": 1e-6, "V": 1e3}.get(lead.resolution_unit or lead.units, 1.0)


def compare(path: Path, repeats: int) -> tuple[bool, bool, float, float]:
    """Print a file's line; whether each reads it, and how long each takes."""
    ours = best(lambda: read_record(path), (EcgError,), repeats)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = best(lambda: with_leads(FileParser.parse(path)), (Exception,), repeats)
        both = ours.result is not None and theirs.result is not None
        worst, note = steps(ours.result, theirs.result, path) if both else (float("nan"), "")
    name = f"{path.parent.name}/{path.name}"[-44:]
    shown = [f"{side.ms:9.2f} ms" if side.result is not None else f"{'refused':>12}" for side in (ours, theirs)]
    ratio = f"{theirs.ms / ours.ms:6.1f} x {worst:8.3f}" if both else f"{'':17}"
    print(f"{name:44} {shown[0]} {shown[1]} {ratio}  {note}")
    return ours.result is not None, theirs.result is not None, ours.ms, theirs.ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="part of a path, e.g. xml")
    given = parser.parse_args()
    root = Path(os.environ["ECG_TEST_DATA"])
    paths = [path for pattern in FILES for path in sorted(root.glob(pattern)) if given.only in str(path)]
    print(f"{'file':44} {'ecgtool':>12} {'ecgdatakit':>12} {'ratio':>8} {'steps':>8}  what differs")
    rows = [compare(path, given.repeats) for path in paths]
    both = np.array([(ours, theirs) for reads, other, ours, theirs in rows if reads and other])
    print(f"\n{len(rows)} files: {sum(row[0] for row in rows)} read here, {sum(row[1] for row in rows)} by ecgdatakit;")
    print(f"on the {len(both)} that both read: {both.sum(axis=0)[1] / both.sum(axis=0)[0]:.1f} times as fast in all,")
    print(f"{(both[:, 1] / both[:, 0]).min():.1f} times at the least.")


if __name__ == "__main__":
    main()
