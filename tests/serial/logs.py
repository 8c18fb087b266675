"""Logs made by hand: a smooth signal whose every sample is known, printed as devices print."""

import numpy as np


def counts_of(samples, fs=250.0, seed=0):
    """Ten-bit counts of something that beats once a second."""
    rng = np.random.default_rng(seed)
    phase = np.arange(samples) / fs % 1.0
    beat = 300 * np.exp(-(((phase - 0.3) / 0.02) ** 2)) + 60 * np.exp(-(((phase - 0.6) / 0.06) ** 2))
    return np.rint(480 + beat + rng.normal(0, 2, samples)).astype(int)


def write_log(path, *columns, header=(), delimiter=",", end="\n", decimal="."):
    """Write columns of numbers, a line per row."""
    rows = [delimiter.join(str(value).replace(".", decimal) for value in row) for row in zip(*columns, strict=True)]
    path.write_text(end.join([*header, *rows]) + end, newline="", encoding="utf-8")
    return path


def edit(path, changes):
    """Replace lines, by their number from 1; a list stands for several, an empty one for none."""
    lines = path.read_text(encoding="utf-8").split("\n")
    for number in sorted(changes, reverse=True):
        new = changes[number]
        lines[number - 1 : number] = [new] if isinstance(new, str) else new
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
