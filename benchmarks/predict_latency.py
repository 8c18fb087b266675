"""``ecg predict`` from start to answer, beside a plain script that reads with wfdb and predicts with torch.

    python benchmarks/predict_latency.py BUNDLE RUN [--turns 5]

BUNDLE is what ``ecg export RUN`` made. Whole processes are timed, turn by turn, on one recording at the model's own
rate and one at five times that rate, which has to be resampled. Both sides must say the same of the first. Then the
model alone, in this process: onnxruntime beside torch, batch 1 and batch 32.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ecgtool.catalog.bundle import Bundle, BundleManifest
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.models.contract import load_run
from ecgtool.record import Record
from ecgtool.run import Run

PLAIN = """
import sys
import numpy as np, torch, wfdb
from ecgtool.models.contract import load_run
from ecgtool.run import Run
model = load_run(Run.open(sys.argv[1]))
values, fields = wfdb.rdsamp(sys.argv[2])
signal = values.T[[fields["sig_name"].index(lead) for lead in sys.argv[3].split(",")]].astype(np.float32)
signal -= np.median(signal, axis=1, keepdims=True)
person = torch.tensor([[63.0, 1.0]]) if sys.argv[4] == "tabular" else None
with torch.inference_mode():
    logits = model(torch.from_numpy(signal)[None], person)[0]
print(torch.softmax(logits, 0).tolist() if sys.argv[5] == "softmax" else torch.sigmoid(logits).tolist())
"""


def record(manifest: BundleManifest, fs: float) -> Record:
    """Slow waves of half a millivolt, the length of a window."""
    rng = np.random.default_rng(0)
    times = np.arange(round(manifest.seconds * fs)) / fs
    rates = rng.uniform(1, 9, (len(manifest.leads), 1))
    return Record(0.5 * np.sin(2 * np.pi * rates * times).astype(np.float32), fs, manifest.leads, id="wave")


def medians(commands: dict[str, list[str]], turns: int) -> tuple[dict[str, float], dict[str, str]]:
    """Median seconds of each command, taking turns, and what it last said; the first turn warms the disk."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    said: dict[str, str] = {}
    for turn in range(turns + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            if turn:
                seconds[name].append(time.perf_counter() - start)
            said[name] = done.stdout
    return {name: float(np.median(values)) for name, values in seconds.items()}, said


def per_record(call: Callable[[], object], batch: int, turns: int = 30) -> float:
    """Median milliseconds per record."""
    seconds = []
    for turn in range(turns + 3):
        start = time.perf_counter()
        call()
        if turn >= 3:
            seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds)) / batch


def processes(bundle: Bundle, run: Run, turns: int) -> None:
    """Time whole processes and print both sides."""
    manifest = bundle.manifest
    with tempfile.TemporaryDirectory() as folder:
        own = write_wfdb(record(manifest, manifest.fs), Path(folder), "own")
        fast = write_wfdb(record(manifest, 5 * manifest.fs), Path(folder), "fast")
        person = ["--age", "63", "--sex", "F"] if manifest.tabular else []
        tool = [sys.executable, "-m", "ecgtool", "predict", str(bundle.path)]
        how = ["tabular" if manifest.tabular else "signal", manifest.task.activation]
        plain = [sys.executable, "-c", PLAIN, str(run.path), str(own.with_suffix("")), ",".join(manifest.leads), *how]
        seconds, said = medians(
            {
                "ecg predict": [*tool, str(own), *person, "--json"],
                "ecg predict, resampled": [*tool, str(fast), *person, "--json"],
                "wfdb and torch": plain,
            },
            turns,
        )
    ours = list(json.loads(said["ecg predict"])["predictions"][0]["probabilities"].values())
    difference = float(np.abs(np.array(ours) - json.loads(said["wfdb and torch"])).max())
    for name, value in seconds.items():
        print(f"  {name:24s} {value:6.2f} s from start to answer, median of {turns}")
    ratio = seconds["wfdb and torch"] / seconds["ecg predict"]
    print(f"  ratio {ratio:.1f}, largest difference of a probability {difference:.1e}")


def model_alone(bundle: Bundle, run: Run) -> None:
    """Time the model in this process, batch 1 and 32, and print both sides."""
    manifest = bundle.manifest
    session, network = bundle.session(torch.get_num_threads()), load_run(run)
    for batch in (1, 32):
        signal: npt.NDArray[np.float32] = np.repeat(record(manifest, manifest.fs).signal[None], batch, axis=0)
        columns = np.tile(np.array([[63, 1]], np.float32), (batch, 1)) if manifest.tabular else None
        feeds = {"signal": signal} | ({} if columns is None else {"metadata": columns})
        tensors = [torch.from_numpy(signal), None if columns is None else torch.from_numpy(columns)]
        with torch.inference_mode():
            theirs = per_record(lambda tensors=tensors: network(*tensors), batch)
        ours = per_record(lambda feeds=feeds: session.run(None, feeds), batch)
        print(
            f"  batch {batch:2d}: onnxruntime {ours:.2f} ms, torch {theirs:.2f} ms a record, ratio {theirs / ours:.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    bundle, run = Bundle.open(given.bundle), Run.open(given.run)
    held = bundle.manifest
    print(f"{held.arch}, {len(held.leads)} leads x {held.samples} samples, {torch.get_num_threads()} threads")
    processes(bundle, run, given.turns)
    model_alone(bundle, run)


if __name__ == "__main__":
    main()
