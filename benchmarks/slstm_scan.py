"""The sLSTM scan against ``torch.nn.LSTM`` of the same width: forward, backward, both.

    python benchmarks/slstm_scan.py [--batch 32] [--steps 1000] [--width 256] [--heads 4] [--threads 2] [--device cpu]

Both sides start from [steps, batch, width]: the projection of the input is part of ours as it is part of the LSTM's.
The LSTM's recurrence is dense, ours is one block per head, as its paper has it; the bar is 3 times the LSTM's time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ecgtool.models.slstm import slstm_scan


class Scan(nn.Module):
    """An sLSTM layer with nothing around it: projection of the input, scan."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 4 * width)
        self.recurrent = nn.Parameter(torch.randn(heads, width // heads, 4 * width // heads) / width**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """[steps, batch, width] -> [steps, heads, batch, width / heads]."""
        gates = self.project(x).reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)
        return slstm_scan(gates.contiguous(), self.recurrent)[0]


def seconds(step: Callable[[], Tensor], repeats: int, device: str) -> tuple[float, float]:
    """Least forward and backward time of some repeats, after one to warm up."""
    times = []
    for _ in range(repeats + 1):
        marks = [mark(device)]
        result = step()
        marks.append(mark(device))
        result.sum().backward()
        marks.append(mark(device))
        times.append((marks[1] - marks[0], marks[2] - marks[1]))
    return min(t[0] for t in times[1:]), min(t[1] for t in times[1:])


def mark(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("batch", 32), ("steps", 1000), ("width", 256), ("heads", 4), ("threads", 2), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    x = torch.randn(given.steps, given.batch, given.width, device=given.device, requires_grad=True)
    ours, lstm = Scan(given.width, given.heads).to(given.device), nn.LSTM(given.width, given.width).to(given.device)
    mine = seconds(lambda: ours(x), given.repeats, given.device)
    theirs = seconds(lambda: lstm(x)[0], given.repeats, given.device)
    print(
        f"{given.steps} steps, batch {given.batch}, width {given.width}, {given.heads} heads, torch {torch.__version__}"
    )
    for name, (forward, backward) in (("sLSTM scan", mine), ("torch.nn.LSTM", theirs)):
        print(f"{name:14} forward {forward:7.3f} s   backward {backward:7.3f} s   both {forward + backward:7.3f} s")
    print(f"ratio {sum(mine) / sum(theirs):.2f} (bar: at most 3)")


if __name__ == "__main__":
    main()
