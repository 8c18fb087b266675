"""What a training has achieved, epoch by epoch: which epoch was the best and whether to stop follow from it alone.

The history travels inside ``last.ckpt``. ``metrics.csv`` and the TensorBoard events are written from it, so that a run
that goes on after a stop shows one curve, whatever instant the stop came at.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecgtool.errors import IntegrityError
from ecgtool.files import write_file, write_text
from ecgtool.metrics import Metric, find_metric
from ecgtool.models.checkpoint import read_checkpoint
from ecgtool.run import Run
from ecgtool.settings import TrainingConfig

Row = dict[str, float]
"""``epoch`` (from 1), ``train_loss``, ``val_loss``, ``val_METRIC``, ``lr``, ``seconds``, and ``time`` (Unix, s).

Of hidden words also ``val_perplexity``, behind ``val_METRIC``.
"""

COLUMNS = ("epoch", "train_loss", "val_loss", "lr", "seconds")
EVENTS = "events.out.tfevents.0"
"""TensorBoard's usual name ends in the host's; this one gives nobody away."""


def scores(history: Sequence[Row], column: str, metric: Metric) -> list[float]:
    """The column that picks the best epoch, as numbers of which more is better; an undefined one is the worst."""
    sign = 1.0 if metric.higher_is_better else -1.0
    return [-math.inf if math.isnan(row[column]) else sign * row[column] for row in history]


def best_epoch(values: Sequence[float]) -> int:
    """Index of the first of the best epochs."""
    return max(range(len(values)), key=values.__getitem__)


def finished(values: Sequence[float], training: TrainingConfig) -> bool:
    """Whether all epochs are done, or ``early_stop`` of them have passed without a better one."""
    if len(values) >= training.epochs:
        return True
    stale = len(values) - 1 - best_epoch(values) if values else 0
    return training.early_stop is not None and stale >= training.early_stop


def write_csv(path: Path, history: Sequence[Row], column: str) -> None:
    """``metrics.csv``: one row per epoch, the metric's column and further ones after the losses."""
    names = (*COLUMNS[:3], column, *further(history[0] if history else {}, column), *COLUMNS[3:])
    lines = [",".join(names)] + [",".join(str(row[name]) for name in names) for row in history]
    write_text(path, "\n".join(lines) + "\n")


def further(row: Row, column: str) -> list[str]:
    """Columns of what validation measured besides the loss and the metric's ``column``."""
    return [name for name in row if name.startswith("val_") and name not in ("val_loss", column)]


def write_events(path: Path, history: Sequence[Row]) -> None:
    """TensorBoard's event file with every column as a scalar per epoch."""
    from tensorboardX.proto.event_pb2 import Event

    first = history[0]["time"] if history else 0.0
    records = [Event(wall_time=first, file_version="brain.Event:2")]
    records += [Event(wall_time=row["time"], step=int(row["epoch"]), summary=_summary(row)) for row in history]
    write_file(path, lambda file: file.write(b"".join(_framed(record.SerializeToString()) for record in records)))


def read_history(run: Run) -> list[Row]:
    """The finished epochs of a run, from its ``last.ckpt``; none where it has no such file yet.

    Raises:
        IntegrityError: The checkpoint is damaged.
    """
    path = run.path / "checkpoints" / "last.ckpt"
    if not path.is_file():
        return []
    for state in read_checkpoint(path).get("callbacks", {}).values():
        if isinstance(state, Mapping) and "history" in state:
            return [dict(row) for row in state["history"]]
    raise IntegrityError(f"{path} holds no history of a run.", "Start a new run.")


def complete(run: Run) -> bool:
    """Whether a run's training has come to its end."""
    history = read_history(run)
    if not history:
        return False
    column = _column(history[0])
    return finished(scores(history, column, find_metric(column.removeprefix("val_"))), run.config.training)


def unfinished(run: Run) -> list[str]:
    """A run, or the members of an ensemble, whose training was stopped, by folder; as far as checkpoints tell."""
    return [each.path.name for each in run.members or [run] if read_history(each) and not complete(each)]


def _column(row: Row) -> str:
    """The column of the metric that picks the best epoch."""
    return next(name for name in row if name.startswith("val_") and name != "val_loss")


@dataclass(frozen=True)
class Outcome:
    """What the history of a run amounts to.

    Args:
        epochs: Finished epochs.
        best: Number of the best one.
        metric: Name of the metric that picked it.
        value: Its value there.
    """

    epochs: int
    best: int
    metric: str
    value: float

    @classmethod
    def of(cls, run: Run) -> Outcome:
        """The outcome of a run with at least one finished epoch."""
        rows = read_history(run)
        column = _column(rows[0])
        metric = column.removeprefix("val_")
        best = rows[best_epoch(scores(rows, column, find_metric(metric)))]
        return cls(len(rows), int(best["epoch"]), metric, best[column])


def _summary(row: Row) -> Any:
    from tensorboardX.proto.summary_pb2 import Summary

    scalars = ((name, value) for name, value in row.items() if name not in ("epoch", "time"))
    return Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in scalars])


def _framed(data: bytes) -> bytes:
    """A TFRecord: length, its checksum, the data, its checksum."""
    from tensorboardX.record_writer import masked_crc32c

    header = struct.pack("<Q", len(data))
    return header + struct.pack("<I", masked_crc32c(header)) + data + struct.pack("<I", masked_crc32c(data))
