"""Time per record of an exported model in onnxruntime beside the same model in torch.

    python benchmarks/export_latency.py [--arch xlstm] [--shape 12x1000] [--threads 2] [--repeats 60]

Random weights; age and sex beside the signal; batch 1 and batch 32. Both runtimes get the same threads, and they
take turns by blocks of calls, so that whatever else the machine does slows both.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import onnxruntime
import torch

from ecgtool.export.onnx import to_onnx
from ecgtool.export.served import Served
from ecgtool.models.contract import Inputs, Normalised, build
from ecgtool.run import NormStats
from ecgtool.task import Task

BATCHES = (1, 32)
BLOCKS = 4
LABELS = ("CD", "HYP", "MI", "NORM", "STTC")


def main() -> None:
    """Print both runtimes, their ratio, and what a single record takes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--arch", default="xlstm")
    options.add_argument("--shape", default="12x1000", help="leads x samples")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--repeats", type=int, default=60)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    leads, samples = (int(size) for size in chosen.shape.split("x"))
    model = served(chosen.arch, leads, samples)
    content = to_onnx(model, {})
    exported = session(content, chosen.threads)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{chosen.arch}, {parameters / 1e6:.2f} M parameters, {chosen.shape}, {chosen.threads} threads, ", end="")
    print(f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}, file {len(content) / 1e6:.2f} MB")
    for batch in BATCHES:
        signal, metadata = example(model, batch)
        runners = {
            "torch": lambda s=signal, m=metadata: in_torch(model, s, m),
            "onnxruntime": lambda s=signal, m=metadata: exported.run(None, {"signal": s, "metadata": m})[0],
        }
        difference = np.abs(runners["torch"]() - runners["onnxruntime"]()).max()
        times = timed(runners, chosen.repeats)
        for name, seconds in times.items():
            median, slow = 1000 * np.median(seconds) / batch, 1000 * np.percentile(seconds, 95) / batch
            print(f"  batch {batch:2d}  {name:11s}  {median:7.3f} ms per record (median), {slow:7.3f} ms (95 %)")
        ratio = np.median(times["torch"]) / np.median(times["onnxruntime"])
        print(f"  batch {batch:2d}  torch / onnxruntime = {ratio:.2f}, largest difference {difference:.1e}")


def served(arch: str, leads: int, samples: int) -> Served:
    """An untrained model of that name behind normalisation and sigmoid."""
    torch.manual_seed(0)
    stats = NormStats(
        leads=tuple(f"lead {number}" for number in range(leads)),
        mean_mv=(0.0,) * leads,
        std_mv=(0.25,) * leads,
        tabular=("age", "sex"),
        tabular_mean=(60.0, 0.5),
        tabular_std=(17.0, 0.5),
    )
    network = build(arch, {}, Inputs(leads, samples, 100.0, 2), len(LABELS))
    return Served(Normalised(network, stats), Task(name="t", kind="multilabel", labels=LABELS), samples, 2)


def session(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    """The file in onnxruntime on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def example(model: Served, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise of a quarter millivolt; metadata, one value unknown."""
    random = np.random.default_rng(0)
    signal = random.normal(0, 0.25, (batch, model.leads, model.samples)).astype(np.float32)
    metadata = np.tile(np.float32([[63, 1]]), (batch, 1))
    metadata[0, 0] = np.nan
    return signal, metadata


def in_torch(model: Served, signal: np.ndarray, metadata: np.ndarray) -> np.ndarray:
    """The same model in torch."""
    with torch.inference_mode():
        return model(torch.from_numpy(signal), torch.from_numpy(metadata)).numpy()


def timed(runners: dict[str, Callable[[], np.ndarray]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each call, the runners taking turns by blocks.

    Before each block there is a pause, in which the waiting threads of the other runtime go to sleep, and three calls
    that do not count.
    """
    times: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(BLOCKS):
        for name, run in runners.items():
            time.sleep(0.3)
            for call in range(3 + max(1, repeats // BLOCKS)):
                start = time.perf_counter()
                run()
                if call >= 3:
                    times[name].append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    main()
