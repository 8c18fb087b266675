"""What augmentation costs: its time per batch beside the training step of the smallest network.

python benchmarks/augment.py [--device cpu]
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from ecgtool.models.contract import Inputs, build
from ecgtool.record import LEADS_12
from ecgtool.settings import AugmentConfig
from ecgtool.training.augment import AUGMENTATIONS, Augmentation

BATCH, SAMPLES, FS, ROUNDS = 32, 1000, 100.0, 30


def seconds(call: Callable[[], object], device: str) -> float:
    times = []
    for _ in range(ROUNDS + 3):
        start = time.perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[3:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    device = parser.parse_args().device
    signal = torch.randn(BATCH, len(LEADS_12), SAMPLES, device=device) / 5
    network = build("cnn1d", {}, Inputs(len(LEADS_12), SAMPLES, FS, 0), 5).to(device)

    def step() -> None:
        network.zero_grad()
        network(signal).square().mean().backward()

    whole = seconds(step, device)
    print(f"cnn1d, forward and backward, batch {BATCH}, 12 leads x {SAMPLES}: {whole * 1e3:.1f} ms")
    usual = ("noise", "scale", "shift")
    names = [name for name in AUGMENTATIONS if name != "powerline"]  # items of 100 Hz cannot hold 50 Hz
    for chosen in [(name,) for name in names] + [usual, tuple(names)]:
        made = Augmentation(AugmentConfig(use=chosen), LEADS_12, FS, [0.2] * 12)
        taken = seconds(lambda made=made: made(signal), device)
        print(f"{','.join(chosen):60s} {taken * 1e3:7.2f} ms, {taken / whole:.3f} of the step")


if __name__ == "__main__":
    main()
