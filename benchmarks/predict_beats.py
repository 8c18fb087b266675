"""Judging every heartbeat of a recording, beside NeuroKit2 finding the beats of one lead alone.

    python -m venv peers && peers/bin/pip install neurokit2
    ECG_TEST_DATA=DIR python benchmarks/predict_beats.py BUNDLE --peer-python peers/bin/python [--repeat 3]

The recordings are DS2's of DIR/mitdb, half an hour each. Ours reads the file, finds the beats in the leads that the
model reads, filters, and asks the model for every beat; the peer gets lead MLII as an array, cleans it and finds its R
peaks. Then one of the recordings is written 48 times after itself, and the memory at its most is compared with that of
the single one. One thread; processor time, the fastest of the repetitions.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from ecgtool.catalog import find_bundle
from ecgtool.datasets.mitdb_beats import DS2
from ecgtool.formats import read_record
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import Record
from ecgtool.serving.beats import BeatPredictor

DAY = 48

PEER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import neurokit2
import numpy as np
signals = np.load(sys.argv[1])
def find(signal):
    return neurokit2.ecg_peaks(neurokit2.ecg_clean(signal, 360), 360)
find(signals[0])
took = []
for _ in range(int(sys.argv[2])):
    begin = time.process_time()
    for signal in signals:
        find(signal)
    took.append(time.process_time() - begin)
print(json.dumps(min(took)))
"""

MEMORY = """
import sys
from pathlib import Path
from ecgtool.catalog import find_bundle
from ecgtool.serving.beats import BeatPredictor
BeatPredictor(find_bundle(sys.argv[1]), threads=1).predict_file(sys.argv[2])
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


def fastest(work: Callable[[], object], repeat: int) -> float:
    """Processor seconds of the fastest of so many repetitions, after one to warm up."""
    work()
    took = []
    for _ in range(repeat):
        begin = time.process_time()
        work()
        took.append(time.process_time() - begin)
    return min(took)


def peer(python: str, files: list[Path], repeat: int) -> float | None:
    """Processor seconds of NeuroKit2 on lead MLII of the same recordings; None where it is not there."""
    signals = np.stack([read_record(file).select(("MLII",)).signal[0].astype(float) for file in files])
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "signals.npy", signals)
        command = [python, "-c", PEER, f"{folder}/signals.npy", str(repeat)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(json.loads(done.stdout)) if done.returncode == 0 else None


def most_memory(bundle: str, file: Path) -> float:
    """Megabytes that a process judging a recording holds at its most."""
    done = subprocess.run([sys.executable, "-c", MEMORY, bundle, str(file)], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--peer-python", default="")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    folder = Path(os.environ["ECG_TEST_DATA"]) / "mitdb"
    files = [folder / f"{name}.hea" for name in DS2 if (folder / f"{name}.hea").is_file()]
    predictor = BeatPredictor(find_bundle(options.bundle), threads=1)
    hours = sum(read_record(file).seconds for file in files) / 3600
    ours = fastest(lambda: [predictor.predict_file(file) for file in files], options.repeat)
    print(f"{len(files)} recordings, {hours:.1f} h: {ours / hours:.2f} s per hour of recording")
    theirs = peer(options.peer_python, files, options.repeat) if options.peer_python else None
    if theirs is not None:
        print(f"NeuroKit2, R peaks of one lead alone: {theirs / hours:.2f} s per hour, ratio {theirs / ours:.1f}")
    one = read_record(files[0])
    with tempfile.TemporaryDirectory() as scratch:
        day = Record(np.tile(one.signal, (1, DAY)), one.fs, one.leads, "day")
        path = write_wfdb(day, Path(scratch), "day")
        single, whole = most_memory(options.bundle, files[0]), most_memory(options.bundle, path)
        taken = fastest(lambda: predictor.predict_file(path), 1)
    print(
        f"{day.seconds / 3600:.1f} h in one file: {taken:.1f} s, {whole:.0f} MB at its most;"
        f" half an hour: {single:.0f} MB"
    )


if __name__ == "__main__":
    main()
