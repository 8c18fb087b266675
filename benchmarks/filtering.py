"""Cleaning 1,000 recordings: band-pass, resample and window by our functions, against NeuroKit2's ``ecg_clean``.

    python -m venv peer && peer/bin/pip install neurokit2
    ECG_TEST_DATA=DIR python benchmarks/filtering.py --peer-python peer/bin/python [--records 1000] [--repeat 3]

The peer lives in an environment of its own and runs in a process of its own; without ``--peer-python`` only our side is
timed. The recordings are those of DIR/ptbxl at 500 Hz (12 leads, 10 s), over and over up to 1,000, else drawn ones.
Ours is a zero-phase Butterworth band-pass of 0.5 to 40 Hz, resampling to 100 Hz and cutting into windows of 2.5 s, all
leads at once; the peer's is ``ecg_clean`` alone, lead by lead, as it takes one: a Butterworth high-pass of 0.5 Hz and a
smoothing over the mains' period, and neither resampling nor windows. A tenth of the recordings is enough for the peer.

Then the default high-pass, the linear-phase one of 0.05 Hz, alone; and ``prepare`` of drawn recordings with the
band-pass, two workers against one. One thread for each process; the fastest of the repetitions counts.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import numpy.typing as npt

from ecgtool import console
from ecgtool.datasets.prepare import prepare
from ecgtool.datasets.synthetic import Synthetic
from ecgtool.formats import read_record
from ecgtool.settings import Preprocessing
from ecgtool.signals.filters import butterworth
from ecgtool.signals.highpass import linear_phase_highpass
from ecgtool.signals.resample import resample
from ecgtool.signals.windows import cut

FS, TO, WINDOW_S = 500.0, 100.0, 2.5

PEER = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
import neurokit2
signals, repeat = np.load(sys.argv[1], allow_pickle=False), int(sys.argv[2])
neurokit2.ecg_clean(signals[0, 0], sampling_rate=500)
taken = []
for _ in range(repeat):
    begin = time.perf_counter()
    for signal in signals:
        for lead in signal:
            neurokit2.ecg_clean(lead, sampling_rate=500)
    taken.append(time.perf_counter() - begin)
print(neurokit2.__version__, min(taken) / len(signals))
"""


def recordings(number: int) -> tuple[npt.NDArray[np.float32], str]:
    """float32 [number, 12, 5000] in mV, and what they are."""
    folder = Path(os.environ.get("ECG_TEST_DATA", "none"), "ptbxl", "records500")
    found = sorted(folder.rglob("*.hea"))[:number]
    if found:
        signals, what = [read_record(path).signal for path in found], f"{len(found)} of PTB-XL"
    else:
        corpus = Synthetic(50, 10, 0, FS)
        signals, what = [corpus.read(entry).signal for entry in corpus.entries], "50 drawn"
    return np.stack(list(itertools.islice(itertools.cycle(signals), number))), what


def clean(signal: npt.NDArray[np.float32]) -> None:
    filtered = butterworth(signal, FS, 0.5, 40.0)
    samples = round(WINDOW_S * TO)
    cut(resample(filtered, FS, TO), samples, samples)


def fastest(work: Callable[[], object], repeat: int) -> float:
    """Seconds of the fastest of the repetitions, after one that does not count."""
    taken = []
    for _ in range(repeat + 1):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return min(taken[1:])


def peer(python: Path | None, signals: npt.NDArray[np.float32], repeat: int) -> tuple[str, float] | None:
    """Version of the peer and its seconds per recording; None where it is not there."""
    if python is None:
        return None
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file, signals[: max(1, len(signals) // 10)])
        file.flush()
        command = [str(python), "-c", PEER, file.name, str(repeat)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"The peer failed: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    version, seconds = done.stdout.split()[-2:]
    return version, float(seconds)


def preparing(records: int, workers: int, repeat: int) -> float:
    """Seconds of ``prepare`` with so many workers."""
    corpus = Synthetic(records, 10, 0, FS)
    steps = Preprocessing(fs=TO, highpass=0.5, lowpass=40)
    with tempfile.TemporaryDirectory() as name:
        stores = (Path(name, f"store{turn}") for turn in itertools.count())
        return fastest(lambda: prepare(corpus, next(stores), steps=steps, workers=workers), repeat)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--peer-python", type=Path, help="Python of an environment that has neurokit2.")
    arguments.add_argument("--records", type=int, default=1000)
    arguments.add_argument("--repeat", type=int, default=3)
    options = arguments.parse_args()
    console.log.setLevel("ERROR")
    signals, what = recordings(options.records)
    number = len(signals)
    print(f"{number} recordings ({what}), 12 leads, 10 s at 500 Hz; one thread; fastest of {options.repeat}")
    own = fastest(lambda: [clean(signal) for signal in signals], options.repeat) / number
    print(f"band-pass, resample, window   {1000 * own:7.2f} ms per recording")
    theirs = peer(options.peer_python, signals, options.repeat)
    if theirs is None:
        print("neurokit2.ecg_clean           not timed: pip install neurokit2 in an environment, give --peer-python")
    else:
        print(
            f"neurokit2 {theirs[0]} ecg_clean    {1000 * theirs[1]:7.2f} ms per recording, ratio {theirs[1] / own:.1f}"
        )
    slow = fastest(lambda: [linear_phase_highpass(signal, FS, 0.05) for signal in signals], options.repeat) / number
    print(f"linear-phase high-pass alone  {1000 * slow:7.2f} ms per recording")
    one, two = (preparing(number, workers, options.repeat) for workers in (1, 2))
    print(f"prepare, 1 worker {one:.2f} s, 2 workers {two:.2f} s, ratio {one / two:.2f}")


if __name__ == "__main__":
    main()
