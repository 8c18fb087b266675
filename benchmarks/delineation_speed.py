"""Delineating twelve leads of ten seconds: by our methods, against NeuroKit2's ``dwt``, ``prominence`` and ``peak``.

    python -m venv peer && peer/bin/pip install neurokit2
    ECG_TEST_DATA=DIR python benchmarks/delineation_speed.py --peer-python peer/bin/python [--records 20] [--repeat 3]

The recordings are the first of DIR/ludb (500 Hz), else drawn ones. Ours take all leads at once and find the R peaks
too; the peer takes one lead at a time and is given the R peaks, found by itself before the clock starts. It lives in an
environment of its own and runs in a process of its own. One thread; the fastest of the repetitions counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import numpy.typing as npt

from ecgtool import console
from ecgtool.datasets.synthetic import Synthetic
from ecgtool.delineation import METHODS, delineate
from ecgtool.formats import read_record
from ecgtool.record import LEADS_12

FS, SAMPLES = 500.0, 5000
PEERS = ("dwt", "prominence", "peak")

PEER = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
import neurokit2
signals, method, repeat = np.load(sys.argv[1], allow_pickle=False), sys.argv[2], int(sys.argv[3])
leads = [[neurokit2.ecg_clean(lead.astype(float), 500) for lead in signal] for signal in signals]
peaks = [[neurokit2.ecg_peaks(lead, 500)[1]["ECG_R_Peaks"] for lead in signal] for signal in leads]
taken = []
for _ in range(repeat):
    begin = time.perf_counter()
    for signal, found in zip(leads, peaks):
        for lead, at in zip(signal, found):
            try:
                neurokit2.ecg_delineate(lead, at, sampling_rate=500, method=method)
            except Exception:
                pass
    taken.append(time.perf_counter() - begin)
print(neurokit2.__version__, min(taken) / len(signals))
"""


def recordings(number: int) -> tuple[npt.NDArray[np.float32], str]:
    """float32 [number, 12, 5000] in mV, and what they are."""
    folder = Path(os.environ.get("ECG_TEST_DATA", "none"), "ludb", "data")
    found = sorted(folder.glob("*.hea"), key=lambda path: int(path.stem))[:number]
    if found:
        return np.stack([read_record(path).signal for path in found]), f"{len(found)} of LUDB"
    corpus = Synthetic(number, SAMPLES / FS, 0, FS)
    return np.stack([corpus.read(entry).signal for entry in corpus.entries]), f"{number} drawn"


def own(signals: npt.NDArray[np.float32], method: str, repeat: int) -> float:
    """Seconds per recording of one of our methods."""
    taken = []
    for _ in range(repeat + 1):
        begin = time.perf_counter()
        for signal in signals:
            delineate(signal, FS, LEADS_12, method)
        taken.append(time.perf_counter() - begin)
    return min(taken[1:]) / len(signals)


def peer(python: Path, signals: npt.NDArray[np.float32], method: str, repeat: int) -> tuple[str, float] | None:
    """Version of the peer and its seconds per recording; None where it is not there."""
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file, signals)
        file.flush()
        command = [str(python), "-c", PEER, file.name, method, str(repeat)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"neurokit2 {method} left out: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    version, seconds = done.stdout.split()[-2:]
    return version, float(seconds)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--peer-python", type=Path, help="Python of an environment that has neurokit2.")
    arguments.add_argument("--records", type=int, default=20)
    arguments.add_argument("--repeat", type=int, default=3)
    options = arguments.parse_args()
    console.log.setLevel("ERROR")
    signals, what = recordings(options.records)
    print(f"{len(signals)} recordings ({what}), 12 leads, 10 s at 500 Hz; one thread; fastest of {options.repeat}")
    ours = {method: own(signals, method, options.repeat) for method in METHODS}
    for method, seconds in ours.items():
        print(f"ours, {method:22s} {1000 * seconds:8.1f} ms a recording")
    if options.peer_python is None:
        print("needs neurokit2 installed in an environment, given as --peer-python, to compare")
        return
    for name in PEERS:
        theirs = peer(options.peer_python, signals, name, 1 if name == "dwt" else options.repeat)
        if theirs is not None:
            ratios = ", ".join(f"{theirs[1] / seconds:.1f} times as long as {m}" for m, seconds in ours.items())
            print(f"neurokit2 {theirs[0]} {name:11s} {1000 * theirs[1]:8.1f} ms a recording, {ratios}")


if __name__ == "__main__":
    main()
