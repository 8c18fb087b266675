"""R peaks of MIT-BIH: accuracy and speed beside sleepecg's C detector and NeuroKit2.

    python -m venv peers && peers/bin/pip install sleepecg neurokit2
    ECG_TEST_DATA=DIR python benchmarks/r_peaks.py --peer-python peers/bin/python [--repeat 3]

The recordings are those of DIR/mitdb, by lead MLII (the first lead where there is none); a beat is found that has a
peak of its own within 150 ms. Then all leads together, and ten clean recordings with the muscle artefact of DIR/nstdb
mixed in at signal-to-noise ratios as the noise stress test has them, beside the same peers. Peers live in an
environment of their own and run in a process of their own; one that is not there is left out. One thread; the fastest
of the repetitions counts, filtering included for all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import numpy.typing as npt
import wfdb

from ecgtool import console
from ecgtool.formats import read_record
from ecgtool.signals.peaks import r_peaks

Signal = npt.NDArray[np.float32]
Samples = npt.NDArray[np.int64]

FS, WINDOW_S, LEAD = 360.0, 0.150, "MLII"
BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")
CLEAN = ("100", "103", "113", "115", "117", "118", "122", "123", "220", "230")
RATIOS_DB = (12, 6, 0)

PEER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
name, folder, repeat = sys.argv[1], sys.argv[2], int(sys.argv[3])
if name == "sleepecg":
    import sleepecg
    def find(signal):
        return sleepecg.detect_heartbeats(signal, 360)
else:
    import neurokit2
    def find(signal):
        return neurokit2.ecg_peaks(neurokit2.ecg_clean(signal, 360), 360)[1]["ECG_R_Peaks"]
signals = {key: value.astype(float) for key, value in np.load(folder + "/signals.npz").items()}
find(next(iter(signals.values())))
seconds, peaks = [], {}
for _ in range(repeat):
    begin = time.perf_counter()
    peaks = {key: find(signal) for key, signal in signals.items()}
    seconds.append(time.perf_counter() - begin)
json.dump([min(seconds), {key: [int(v) for v in value] for key, value in peaks.items()}], open(folder + "/answer", "w"))
"""


class Recording(NamedTuple):
    """One recording: its leads [leads, samples], the number of the one that is read alone, and its beats."""

    signal: Signal
    lead: int
    beats: Samples


class Score(NamedTuple):
    """Beats, peaks and how many of them are of one another."""

    beats: int
    peaks: int
    hits: int

    def __str__(self) -> str:
        f1 = 2 * self.hits / (self.beats + self.peaks)
        return f"F1 {f1:.5f}  Se {self.hits / self.beats:.5f}  +P {self.hits / self.peaks:.5f}"


def recordings(folder: Path) -> dict[str, Recording]:
    found = {}
    for path in sorted(folder.glob("*.hea")):
        if not path.with_suffix(".atr").exists():
            continue
        record, marks = read_record(path), wfdb.rdann(str(path.with_suffix("")), "atr")
        beats = [at for at, symbol in zip(marks.sample, marks.symbol, strict=True) if symbol in BEATS]
        lead = record.leads.index(LEAD) if LEAD in record.leads else 0
        found[path.stem] = Recording(np.ascontiguousarray(record.signal), lead, np.array(beats))
    return found


def hits(beats: Sequence[int], peaks: Sequence[int]) -> int:
    """Pairs of a beat and a peak of its own, in order of time."""
    window, beat, peak, count = WINDOW_S * FS, 0, 0, 0
    while beat < len(beats) and peak < len(peaks):
        if abs(beats[beat] - peaks[peak]) <= window:
            count, beat, peak = count + 1, beat + 1, peak + 1
        elif beats[beat] < peaks[peak]:
            beat += 1
        else:
            peak += 1
    return count


def scored(known: dict[str, Recording], found: dict[str, Sequence[int]]) -> Score:
    pairs = [(known[name].beats.tolist(), list(map(int, peaks))) for name, peaks in found.items()]
    return Score(sum(len(b) for b, _ in pairs), sum(len(p) for _, p in pairs), sum(hits(*pair) for pair in pairs))


def fastest(work: Callable[[], dict[str, Samples]], repeat: int) -> tuple[float, dict[str, Samples]]:
    """Seconds of the fastest of the repetitions, and what it gave."""
    seconds, made = [], work()
    for _ in range(repeat):
        begin = time.perf_counter()
        made = work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds), made


def peer(
    python: Path | None, name: str, signals: dict[str, Signal], repeat: int
) -> tuple[float, dict[str, Samples]] | None:
    """The same of a peer; None where it is not there."""
    if python is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder, "signals.npz"), **signals)
        command = [str(python), "-c", PEER, name, folder, str(repeat)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name} left out: {done.stderr.strip().splitlines()[-1]}")
            return None
        seconds, peaks = json.loads(Path(folder, "answer").read_text())
    return seconds, {key: np.array(value) for key, value in peaks.items()}


def noisy(signal: Signal, beats: Samples, noise: Signal, decibel: float) -> Signal:
    """The signal with noise, as the noise stress test mixes it: an eighth of the squared size of QRS is its power."""
    mixed = signal.copy()
    for lead, line in enumerate(noise[: len(signal)]):
        sizes = [np.ptp(signal[lead, max(0, at - 20) : at + 20]) for at in beats[:300]]
        power = float(np.median(sizes)) ** 2 / 8
        mixed[lead] += line * np.sqrt(power / line.var() / 10 ** (decibel / 10))
    return mixed


def compared(known: dict[str, Recording], python: Path | None, repeat: int) -> None:
    """Ours and the peers on one lead of each; ours on all leads."""
    single = {name: each.signal[each.lead] for name, each in known.items()}
    seconds, found = fastest(lambda: {name: r_peaks(line[None], FS) for name, line in single.items()}, repeat)
    print(f"  ours, one lead  {scored(known, found)}  {1000 * seconds / len(known):7.1f} ms a recording")
    for name in ("sleepecg", "neurokit2"):
        theirs = peer(python, name, single, repeat)
        if theirs is not None:
            speed = f"{1000 * theirs[0] / len(known):7.1f} ms a recording, ratio {theirs[0] / seconds:.2f}"
            print(f"  {name:14s}  {scored(known, theirs[1])}  {speed}")
    seconds, found = fastest(lambda: {name: r_peaks(each.signal, FS) for name, each in known.items()}, repeat)
    print(f"  ours, all leads {scored(known, found)}  {1000 * seconds / len(known):7.1f} ms a recording")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--peer-python", type=Path, help="Python of an environment with sleepecg and neurokit2.")
    arguments.add_argument("--repeat", type=int, default=3)
    options = arguments.parse_args()
    console.log.setLevel("ERROR")
    root = Path(os.environ["ECG_TEST_DATA"])
    known = recordings(root / "mitdb")
    print(f"MIT-BIH, {len(known)} recordings, {sum(len(each.beats) for each in known.values())} beats")
    if options.peer_python is None:
        print("needs sleepecg and neurokit2 installed in an environment, given as --peer-python, to compare")
    compared(known, options.peer_python, options.repeat)
    noise = np.ascontiguousarray(read_record(root / "nstdb" / "ma.hea").signal)
    for decibel in RATIOS_DB:
        print(f"with muscle artefact at {decibel} dB, {len(CLEAN)} recordings")
        mixed = {
            name: known[name]._replace(signal=noisy(known[name].signal, known[name].beats, noise, decibel))
            for name in CLEAN
        }
        compared(mixed, options.peer_python, 1)
    stress = recordings(root / "nstdb")["118e00"] if (root / "nstdb" / "118e00.atr").exists() else None
    if stress is not None:
        print("noise stress test 118e00 (electrode motion at 0 dB)")
        compared({"118e00": stress}, options.peer_python, 1)


if __name__ == "__main__":
    main()
