"""What happens at the end of an epoch: the history grows, the checkpoints, the table and the events are written."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO
from lightning.pytorch import Callback, LightningModule, Trainer

from ecgtool.files import write_file
from ecgtool.metrics import find_metric
from ecgtool.models.checkpoint import read_checkpoint
from ecgtool.run import Run
from ecgtool.settings import TrainingConfig
from ecgtool.training.averaging import Averaging
from ecgtool.training.history import Row, best_epoch, finished, further, scores, write_csv
from ecgtool.training.kept import epoch_file, is_kept, remove_older
from ecgtool.training.runlog import log
from ecgtool.training.schedules import first_averaged, plateau, set_rate


class WholeCheckpoints(CheckpointIO):
    """Checkpoints that appear whole or not at all, and are read without running anything they say."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint. It is made in memory first, so that a full disk is one plain error."""
        del storage_options
        buffer = BytesIO()
        torch.save(checkpoint, buffer)
        write_file(Path(path), lambda file: file.write(buffer.getbuffer()))

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint: tensors and plain values only, whatever is asked."""
        del map_location, weights_only
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete a checkpoint."""
        Path(path).unlink(missing_ok=True)


class Recorder(Callback):
    """Keeps the history, the best and the newest checkpoint; decides when to stop.

    Args:
        run: Where to write.
        metric: Name of the metric that picks the best epoch.
        training: How the run is fitted.
        averaging: Whose weights are validated and kept.
        advance: Moves the progress line by a number of batches.
        send: Is given the history after every epoch; see :func:`ecgtool.training.trackers.tracked`.
    """

    def __init__(
        self,
        run: Run,
        metric: str,
        training: TrainingConfig,
        averaging: Averaging,
        advance: Callable[[int], None],
        send: Callable[[Sequence[Row]], None],
    ) -> None:
        self.run, self.training, self.averaging = run, training, averaging
        self.advance, self.send = advance, send
        self.column, self.metric = f"val_{metric}", find_metric(metric)
        self.history: list[Row] = []
        self._started = 0.0

    def state_dict(self) -> dict[str, Any]:
        """The history, inside ``last.ckpt``."""
        return {"history": [dict(row) for row in self.history]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a history; the table and the events are brought to where it ends."""
        self.history = [dict(row) for row in state_dict["history"]]
        self._write_tables()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        del trainer, pl_module
        self._started = time.monotonic()

    def on_train_batch_end(self, *_: Any) -> None:
        """Move the progress line."""
        self.advance(1)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the epoch. ``last.ckpt`` comes after ``best.pt``: a stop in between repeats the epoch and both."""
        self.history.append(self._row(trainer, pl_module))
        values = scores(self.history, self.column, self.metric)
        improved = best_epoch(values) == len(values) - 1
        self._keep_weights(trainer, improved)
        if self.training.scheduler == "plateau":
            set_rate(trainer.optimizers[0], self.training.lr * self._share_of_rate(values))
        trainer.save_checkpoint(self.run.path / "checkpoints" / "last.ckpt")
        trainer.should_stop = finished(values, self.training)
        if trainer.is_global_zero:
            remove_older(self.run, len(self.history), self.training)
            self._write_tables()
            self._tell(improved)

    def _keep_weights(self, trainer: Trainer, improved: bool) -> None:
        """Write what was validated, as the best and among those that are kept."""
        epoch, folder = len(self.history), self.run.path / "checkpoints"
        wanted = [folder / "best.pt"] if improved else []
        wanted += [epoch_file(self.run, epoch)] if is_kept(epoch, epoch, self.training) else []
        with self.averaging.applied():
            for path in wanted:
                trainer.save_checkpoint(path, weights_only=True)

    def _share_of_rate(self, values: Sequence[float]) -> float:
        """The share of the peak rate in the epoch that comes next, where it follows from the metric."""
        first = first_averaged(self.training)
        if first is not None and len(values) >= first:
            return self.training.swa_rate
        return plateau(values, self.training.plateau_patience, self.training.plateau_factor)

    def _row(self, trainer: Trainer, module: Any) -> Row:
        return {
            "epoch": trainer.current_epoch + 1,
            "train_loss": module.train_loss(),
            **module.validated,
            "lr": float(trainer.optimizers[0].param_groups[0]["lr"]),
            "seconds": round(time.monotonic() - self._started, 3),
            "time": round(time.time(), 3),
        }

    def _write_tables(self) -> None:
        write_csv(self.run.path / "metrics.csv", self.history, self.column)
        self.send(self.history)

    def _tell(self, improved: bool) -> None:
        row = self.history[-1]
        log.info(
            "epoch %d/%d  train_loss %.4f  val_loss %.4f  %s %.4f%s%s  (%.1f s)",
            row["epoch"],
            self.training.epochs,
            row["train_loss"],
            row["val_loss"],
            self.column,
            row[self.column],
            "".join(f"  {name} {row[name]:.4f}" for name in further(row, self.column)),
            "  best" if improved else "",
            row["seconds"],
        )
