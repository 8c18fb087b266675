"""Several devices: one process each. This one is the first; the others are started here and end with it.

Each process is told its place through the variables that torch's own launchers use (``LOCAL_RANK``, ``NODE_RANK``,
``MASTER_ADDR``, ``MASTER_PORT``), so that ``torchrun`` may start them instead. On several machines the same command is
typed on each, with ``NODE_RANK``, ``MASTER_ADDR`` and ``MASTER_PORT`` set and the run in a folder that all of them see.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING

from ecgtool import console
from ecgtool.errors import ConfigError, EcgError
from ecgtool.home import portable

if TYPE_CHECKING:
    from torch import nn

GRACE_S = 30
"""Seconds the others have to end by themselves after the first."""
DYING_S = 10
"""Seconds in which one that another was missing has surely ended."""


def node_rank() -> int:
    """Which machine this is, 0 being the one that writes."""
    return int(os.environ.get("NODE_RANK", os.environ.get("GROUP_RANK", "0")))


def first_process() -> bool:
    """Whether this process makes the run and writes into it."""
    return node_rank() == 0 and os.environ.get("LOCAL_RANK", "0") == "0"


def rank_of(devices: int) -> int:
    """The number of this process among all, each machine having ``devices``."""
    return node_rank() * devices + int(os.environ.get("LOCAL_RANK", "0"))


def agree(model: nn.Module) -> None:
    """Give all processes the mean of their running statistics, so that they validate, and keep, one model."""
    from torch import distributed

    for value in model.buffers():
        if value.is_floating_point():
            distributed.all_reduce(value)
            value /= distributed.get_world_size()


@contextmanager
def processes(work: Callable[[Path], None], run: Path, devices: int, nodes: int = 1) -> Iterator[None]:
    """Start the other processes of this machine, each doing ``work(run)``; end them when the block ends.

    Raises:
        ConfigError: Several machines, and no address to meet at.
        EcgError: Another process failed.
    """
    if devices * nodes == 1 or "LOCAL_RANK" in os.environ:
        yield
        return
    if nodes > 1 and not {"MASTER_ADDR", "MASTER_PORT", "NODE_RANK"} <= set(os.environ):
        raise ConfigError(
            f"Training on {nodes} machines needs MASTER_ADDR, MASTER_PORT and NODE_RANK in the environment of each.",
            "NODE_RANK counts from 0; the address is that of machine 0.",
        )
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())} if nodes == 1 else {}
    spawn = get_context("spawn")
    others = [spawn.Process(target=_other, args=(work, run, rank), daemon=True) for rank in range(1, devices)]
    with _environment({**meeting, "LOCAL_RANK": "0"}):
        try:
            for other in others:
                other.start()
            yield
            _wait(others, run, GRACE_S)
        except RuntimeError:  # what torch says when a partner is gone
            _wait(others, run, DYING_S)
            raise
        finally:
            for other in others:
                other.kill()
                other.join()
            from torch import distributed

            if distributed.is_initialized():  # the next training of this process has other partners
                distributed.destroy_process_group()


def _other(work: Callable[[Path], None], run: Path, rank: int) -> None:
    """What another process does: its share, in silence but for errors."""
    os.environ["LOCAL_RANK"] = str(rank)
    console.setup_logging(-1)
    try:
        work(run)
    except EcgError as error:
        console.log.error("process %d: %s", rank, error.message)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except RuntimeError:  # what torch says when the first process is gone, which nobody is left to read
        first = parent_process()
        if first is None or first.is_alive():
            raise
        raise SystemExit(1) from None


def _wait(others: Sequence[BaseProcess], run: Path, seconds: float) -> None:
    """Give the others time to end.

    Raises:
        EcgError: One of them failed, or was ended from outside.
    """
    for rank, other in enumerate(others, 1):
        other.join(seconds)
        if other.exitcode:
            resume = f"Go on with: ecg train --resume {portable(run)}"
            if other.exitcode > 0:
                raise EcgError(f"Process {rank} of this training ended with an error, told above.", resume)
            ended = signal.Signals(-other.exitcode).name
            full = " The system does so where the memory is full." if ended == "SIGKILL" else ""
            raise EcgError(f"Process {rank} of this training was ended from outside, by {ended}.{full}", resume)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
