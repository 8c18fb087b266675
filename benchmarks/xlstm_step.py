"""One training step of xLSTM blocks on the CPU: ours against the ``xlstm`` package, the authors' own.

    python -m venv peer && peer/bin/pip install torch xlstm
    python benchmarks/xlstm_step.py --peer-python peer/bin/python

The peer lives in an environment of its own and runs in a process of its own; without ``--peer-python`` only our side is
timed. Forward and backward at batch 8, 1,000 tokens, width 256, 4 heads, two sLSTM and two mLSTM blocks, every cell
256 wide (the ``proj_factor`` of the package's mLSTM set to 1). Its CPU path goes through the tokens in Python:
expect half a minute or more. The bar is 30.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path

import torch
from torch import nn

from ecgtool.models.xlstm_blocks import MLSTMBlock, SLSTMBlock

PEER = """
import json, sys, time
import torch
from xlstm import (FeedForwardConfig, mLSTMBlockConfig, mLSTMLayerConfig, sLSTMBlockConfig, sLSTMLayerConfig,
                   xLSTMBlockStack, xLSTMBlockStackConfig)
batch, tokens, width, heads, threads = map(int, sys.argv[1:])
torch.set_num_threads(threads)
stack = xLSTMBlockStack(xLSTMBlockStackConfig(
    mlstm_block=mLSTMBlockConfig(mlstm=mLSTMLayerConfig(num_heads=heads, proj_factor=1.0)),
    slstm_block=sLSTMBlockConfig(
        slstm=sLSTMLayerConfig(backend="vanilla", num_heads=heads), feedforward=FeedForwardConfig(proj_factor=1.3)),
    context_length=tokens, num_blocks=4, embedding_dim=width, slstm_at=[0, 1], dropout=0.0,
))
x = torch.randn(batch, tokens, width, requires_grad=True)
start = time.perf_counter()
out = stack(x)
middle = time.perf_counter()
out.sum().backward()
size = sum(p.numel() for p in stack.parameters())
print(json.dumps([middle - start, time.perf_counter() - middle, size]))
"""


def ours(batch: int, tokens: int, width: int, heads: int, repeats: int = 3) -> tuple[float, float, int]:
    """Seconds forward and backward, and the number of parameters."""
    slstm = [SLSTMBlock(width, width, heads, dropout=0.0) for _ in range(2)]
    mlstm = [MLSTMBlock(width, width, heads, dropout=0.0) for _ in range(2)]
    stack = nn.Sequential(*slstm, *mlstm)
    x = torch.randn(batch, tokens, width, requires_grad=True)
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        out = stack(x)
        middle = time.perf_counter()
        out.sum().backward()
        times.append((middle - start, time.perf_counter() - middle))
    forward, backward = min(times[1:], key=sum)
    return forward, backward, sum(p.numel() for p in stack.parameters())


def peer(python: Path, *sizes: int) -> tuple[float, float, int]:
    """As :func:`ours`, by the package, once."""
    command = [str(python), "-c", PEER, *map(str, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The peer failed:\n{done.stderr[-2000:]}")
    forward, backward, size = json.loads(done.stdout.splitlines()[-1])
    return forward, backward, size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", type=Path, help="Python of an environment that has the xlstm package.")
    for name, default in (("batch", 8), ("tokens", 1000), ("width", 256), ("heads", 4), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    sizes = (given.batch, given.tokens, given.width, given.heads)
    sides = {"ours": ours(*sizes)}
    if given.peer_python:
        sides["xlstm"] = peer(given.peer_python.absolute(), *sizes, given.threads)
    for name, (forward, backward, size) in sides.items():
        both = forward + backward
        print(
            f"{name:6} forward {forward:8.3f} s   backward {backward:8.3f} s   both {both:8.3f} s   {size:,} parameters"
        )
    if given.peer_python:
        print(f"{sum(sides['xlstm'][:2]) / sum(sides['ours'][:2]):.0f} times as fast (bar: at least 30)")
    else:
        print("To compare: python -m venv peer && peer/bin/pip install torch xlstm, then --peer-python peer/bin/python")


if __name__ == "__main__":
    main()
