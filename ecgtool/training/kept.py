"""Weights of single epochs that are kept beside the best ones: the newest few, and every so many."""

from __future__ import annotations

from pathlib import Path

from ecgtool.run import Run
from ecgtool.settings import TrainingConfig


def epoch_file(run: Run, epoch: int) -> Path:
    """Where the weights that were validated after an epoch, counted from 1, are kept."""
    return run.path / "checkpoints" / f"epoch-{epoch:03d}.pt"


def is_kept(epoch: int, newest: int, training: TrainingConfig) -> bool:
    """Whether the weights of an epoch are kept once there is a newest one, both counted from 1."""
    every = training.keep_every
    return epoch > newest - training.keep_last or (every is not None and epoch % every == 0)


def remove_older(run: Run, newest: int, training: TrainingConfig) -> None:
    """Remove what is no longer kept, now that the newest epoch is on the disk."""
    for epoch in range(1, newest):
        if not is_kept(epoch, newest, training):
            epoch_file(run, epoch).unlink(missing_ok=True)
