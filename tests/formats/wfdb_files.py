"""Small WFDB records, written for the tests, and headers taken apart at their seams."""

import numpy as np
import wfdb

from ecgtool.formats.wfdb_codec import STORAGE
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import LEADS_12, Record

NASTY = (
    "(", "200(", "200(0)/", "0/mV", "nan/mV", "200(9e99)/mV", "/3", "1/2/3", "16x0", "16x99999", "16:99999",
    "16+99999999", "8", "212", "310", "311", "24", "32", "61", "80", "160", "508", "516", "524", "~",
)  # fmt: skip


def write_samples(folder):
    """One small record per storage format, one of several files, one of several segments; their headers."""
    rng = np.random.default_rng(0)
    headers = []
    for fmt in STORAGE:
        signal = (rng.normal(0, 0.03, (12, 101)).cumsum(axis=1).clip(-0.1, 0.1)).astype(np.float32)
        record = Record(signal, 100.0, LEADS_12, meta={"age": 63.0, "sex": "F"})
        headers.append(write_wfdb(record, folder, f"fmt{fmt}", fmt))
    lines = [(folder / f"fmt{fmt}.hea").read_text().splitlines()[row] for fmt, row in ((16, 1), (212, 2), (310, 3))]
    (folder / "files.hea").write_text("\n".join(["files 3 100 101 10:11:12 01/02/2003", *lines]) + "\n")
    (folder / "segments.hea").write_text("segments/3 12 100 252\nfmt16 101\n~ 50\nfmt24 101\n")
    wfdb.wrsamp("flac", 100, ["mV"] * 2, ["I", "II"], np.zeros((300, 2)), fmt=["516"] * 2, write_dir=str(folder))
    headers.append(folder / "flac.hea")
    return [*headers, folder / "files.hea", folder / "segments.hea"]
