"""Weights & Biases. Offline, into the run's folder, unless ``WANDB_MODE`` says otherwise.

Nothing is told that W&B would find out by itself: host, user, folder, program, arguments, git, packages, hardware and
console output are all switched off.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from collections.abc import Sequence
from typing import Any, Literal

from ecgtool.errors import ConfigError, did_you_mean
from ecgtool.run import Run
from ecgtool.training.history import Row, complete
from ecgtool.training.trackers import best_of, described, figures, mark, require_package, set_mark

NAME = "wandb"
Mode = Literal["offline", "online", "disabled", "shared"]
MODES: tuple[Mode, ...] = ("offline", "online", "disabled", "shared")
_SILENCE = {
    "console": "off",
    "disable_code": True,
    "disable_git": True,
    "disable_job_creation": True,
    "email": "",
    "host": "",
    "label_disable": True,
    "program": "",
    "save_code": False,
    "show_errors": False,
    "silent": True,
    "symlink": False,
    "username": "",
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}


class WandB:
    """A run at W&B, with the same id however often the training is stopped and goes on."""

    @classmethod
    def refuse_unfit(cls) -> None:
        """Refuse where the package is missing or ``WANDB_MODE`` is none of its modes.

        Raises:
            ConfigError: So it is.
        """
        require_package("wandb", "wandb", NAME)
        _mode()

    def begin(self, run: Run) -> None:
        """Open the run at W&B: a new one, or the one it has had."""
        os.environ["WANDB_ERROR_REPORTING"] = "false"  # what goes wrong here is nobody else's
        import wandb

        self.run, self.history = run, list[Row]()
        identity = mark(run, NAME).get("id") or secrets.token_hex(4)
        set_mark(run, NAME, id=identity)
        mode = _mode()
        self.remote: Any = wandb.init(
            project=run.config.tracking.project,
            id=identity,
            name=run.name,
            dir=run.path.resolve(),  # its service is another process, with a folder of its own
            mode=mode,
            resume=None if mode == "offline" else "allow",  # offline files of one id are joined when they are synced
            config=described(run),
            settings=wandb.Settings(**_SILENCE),
        )

    def epoch(self, history: Sequence[Row]) -> None:
        """Send the epochs that were not sent; the number is W&B's step, so that none can be there twice."""
        sent = int(mark(self.run, NAME).get("sent", 0))
        for row in history[sent:]:
            self.remote.log({"epoch": row["epoch"], **figures(row)}, step=int(row["epoch"]))
            set_mark(self.run, NAME, sent=int(row["epoch"]))
        self.history = list(history)

    def end(self, run: Run) -> None:
        """Send the best epoch, and close. W&B's own logs, which name folders, are removed."""
        self.remote.summary.update(best_of(self.history))
        self.remote.finish(exit_code=0 if complete(run) else 1)
        for handler in list(logging.getLogger("wandb").handlers):
            handler.close()
        for logs in (run.path / NAME).glob("*run-*/logs"):
            shutil.rmtree(logs)


def _mode() -> Mode:
    """The person's own mode; offline where there is none.

    Raises:
        ConfigError: W&B has no such mode.
    """
    given = os.environ.get("WANDB_MODE") or "offline"
    found = next((mode for mode in MODES if mode == given), None)
    if found is None:
        raise ConfigError(f"WANDB_MODE is '{given}', which is no mode of W&B.", did_you_mean(given, MODES))
    return found
