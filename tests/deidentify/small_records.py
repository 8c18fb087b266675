"""A folder of small recordings, and what lies in a folder."""

import numpy as np

from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import Record


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def some_records(folder, number=5):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for index in range(number):
        signal_mv = rng.integers(-500, 500, (2, 300)).astype(np.float32) / 1000
        write_wfdb(Record(signal_mv, 100.0, ("II", "V5"), meta={"age": 60.0 + index}), folder, f"patient{index}")
    return folder
