"""Which learning rate? A short training whose rate rises until the loss explodes (Smith 2017, arXiv:1506.01186).

It makes no run and leaves nothing behind. What is suggested is a tenth of the rate at which the smoothed loss is least;
the rate at which it falls most steeply is told beside it.
"""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from lightning.pytorch import Callback, LightningModule, Trainer
from matplotlib.figure import Figure

from ecgtool import console
from ecgtool.errors import DataError
from ecgtool.report.drawing import BLUE, GREY, ORANGE
from ecgtool.run import member_configs
from ecgtool.settings import TrainConfig
from ecgtool.store import Store
from ecgtool.training.data import training_targets
from ecgtool.training.feed import Feed
from ecgtool.training.fit import create
from ecgtool.training.plan import make_plan
from ecgtool.training.rhythms import enlarged
from ecgtool.training.schedules import set_rate
from ecgtool.training.trainer import classifier, lightning_trainer, memory_explained, quiet

Floats = npt.NDArray[np.float64]

STEPS = 200
"""Steps of the optimiser over which the rate rises."""
FROM, TO = 1e-7, 10.0
EXPLODED = 4.0
"""The loss, smoothed, has exploded when it is this many times the least it was."""
SMOOTHING = 0.9
"""What the smoothed loss keeps of itself at each step."""
FEWEST = 10
"""With fewer steps there is nothing to judge."""


@dataclass(frozen=True)
class RateTest:
    """What came of a test of rates.

    Args:
        rates: Float64 [steps], rising.
        losses: Float64 [steps]: the training loss at each.
        smoothed: Float64 [steps]: their moving average, without what its beginning would weigh.
        steepest: The rate at which that falls most steeply.
        least: The rate at which that is least.
    """

    rates: Floats
    losses: Floats
    smoothed: Floats
    steepest: float
    least: float

    @property
    def suggestion(self) -> float:
        """A tenth of the rate of the least loss, in two digits."""
        return float(f"{self.least / 10:.1e}")

    @classmethod
    def of(cls, rates: Sequence[float], losses: Sequence[float]) -> RateTest:
        """Judge the losses at rising rates.

        Raises:
            DataError: The loss never falls, so that no rate can be told from another.
        """
        smoothed = _smoothed(losses)
        least = int(smoothed.argmin()) if len(losses) >= FEWEST else 0
        if least < FEWEST:
            raise DataError(
                "The loss does not fall at any rate, so none can be suggested.",
                "Are the labels those of the signals? ecg train --check tests whether one batch can be learnt.",
            )
        first = min(len(losses) // 10, least // 2)  # before it the smoothed loss is that of a few batches
        slope = np.gradient(smoothed[first : least + 1], np.log(np.asarray(rates)[first : least + 1]))
        steepest = first + int(slope.argmin())
        return cls(np.array(rates), np.array(losses), smoothed, float(rates[steepest]), float(rates[least]))

    def rows(self, number: int = 12) -> list[tuple[str, str]]:
        """Rates evenly spread over the test, each with its smoothed loss, as text."""
        places = np.unique(np.linspace(0, len(self.rates) - 1, number).round().astype(int))
        return [(f"{self.rates[place]:.1e}", f"{self.smoothed[place]:.4f}") for place in places]

    def figure(self) -> Figure:
        """The losses against the rates."""
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.subplots()
        axes.plot(self.rates, self.losses, color=GREY, linewidth=0.7, alpha=0.6, label="loss")
        axes.plot(self.rates, self.smoothed, color=BLUE, linewidth=2, label="smoothed")
        suggested = f"suggested: {self.suggestion:g}"
        axes.axvline(self.suggestion, color=ORANGE, linewidth=1.5, label=suggested)
        axes.axvline(self.steepest, color=ORANGE, linewidth=1, linestyle=":", label=f"steepest: {self.steepest:.1e}")
        low, high = self.smoothed.min(), self.smoothed[0]
        margin = 0.3 * max(high - low, 1e-3)
        axes.set(xscale="log", xlabel="learning rate", ylabel="training loss", ylim=(low - margin, high + 2 * margin))
        axes.xaxis.set_major_formatter("{x:.0e}")
        axes.legend(loc="upper left", frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        return figure


def find_rate(config: TrainConfig, steps: int = STEPS) -> RateTest:
    """Test rates on the training items of a configuration, beginning with the weights that a run would begin with.

    Raises:
        EcgError: As :func:`ecgtool.training.fit.fit`; or no rate can be told from another.
    """
    with TemporaryDirectory(prefix="ecgtool-") as folder:
        run = create(_alone(config), str(Path(folder) / "run"))
        plan = make_plan(run.config, Store.open(run.lineage.store))
        targets = training_targets(plan.store, plan.task, (plan.train, plan.val), plan.config)
        plan, targets = enlarged(plan, targets)
        feed = Feed(plan, targets)
        module = classifier(run, plan, feed, targets, fresh=True)
        with console.progress("testing rates", steps) as advance, quiet():
            probe = _Probe(steps, advance)
            trainer = lightning_trainer(run, run.config.training, [probe], validates=False)
            with _ended(), memory_explained(run.config.training):
                trainer.fit(module, datamodule=feed)
    return RateTest.of(*probe.result())


class _Probe(Callback):
    """Sets the rate before each step and notes the loss.

    Args:
        steps: Of the optimiser.
        advance: Moves the progress line by a number of steps.
    """

    def __init__(self, steps: int, advance: Callable[[int], None]) -> None:
        self.steps, self.advance = steps, advance
        self._losses: list[list[float]] = []

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        """Set the rate of the step that the batch belongs to."""
        step = trainer.global_step
        if step == len(self._losses):
            self._losses.append([])
        set_rate(trainer.optimizers[0], self._rate(step))

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any) -> None:
        """Note the loss; end where it has exploded."""
        del pl_module
        self._losses[-1].append(float(outputs["loss"]) * trainer.accumulate_grad_batches)
        if trainer.global_step < len(self._losses):
            return
        self.advance(1)
        smoothed = _smoothed(self._means())
        if len(self._losses) == self.steps or not smoothed[-1] <= EXPLODED * smoothed.min():
            trainer.should_stop = True

    def result(self) -> tuple[list[float], list[float]]:
        """The rates and the mean loss at each."""
        means = list(takewhile(math.isfinite, self._means()))
        return [self._rate(step) for step in range(len(means))], means

    def _means(self) -> list[float]:
        return [math.fsum(losses) / len(losses) for losses in self._losses if losses]

    def _rate(self, step: int) -> float:
        return float(FROM * (TO / FROM) ** (step / (self.steps - 1)))


def _alone(config: TrainConfig) -> TrainConfig:
    """The configuration of one process and one run, at no schedule, of all items in every epoch."""
    config = next(iter(member_configs(config).values()), config)
    training = config.training
    changes = {"devices": 1, "nodes": 1, "scheduler": "constant", "curriculum": "none", "swa": 0.0, "early_stop": None}
    epochs = STEPS * training.accumulate  # each has one step at least
    return config.model_copy(update={"training": training.model_copy(update={**changes, "epochs": epochs})})


@contextmanager
def _ended() -> Iterator[None]:
    """A loss that is no number any more ends a test like any other large one; so does Ctrl-C, but for good."""
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        yield
    except DataError:
        return
    except SystemExit:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt("interrupted; nothing was kept") from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, on_interrupt)


def _smoothed(losses: Sequence[float]) -> Floats:
    """The exponential moving average, corrected for having begun at 0 (Kingma and Ba 2015)."""
    made, mean = np.empty(len(losses)), 0.0
    for step, loss in enumerate(losses):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        made[step] = mean / (1 - SMOOTHING ** (step + 1))
    return made
