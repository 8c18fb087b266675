"""MLflow: to ``MLFLOW_TRACKING_URI`` where that is set, else into files under ``ECG_HOME/mlruns``.

MLflow's client is used without its fluent interface, which would look up the user, the program and the git commit.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ecgtool.errors import ConfigError
from ecgtool.home import home
from ecgtool.run import Run
from ecgtool.training.history import Row, complete
from ecgtool.training.trackers import best_of, described, figures, mark, require_package, set_mark

NAME = "mlflow"
SCHEMES = ("", "file", "http", "https", "databricks", "sqlite", "mysql", "postgresql", "mssql")
NO_ARTIFACTS = "mlflow-artifacts:/"
"""Where artifacts of a local experiment would be: no path, as none are written."""

_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "15", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
_LONGEST = 500
"""Characters of a parameter's value that MLflow takes from any version on."""


class MLflow:
    """A run of an MLflow experiment, the same however often the training is stopped and goes on."""

    @classmethod
    def refuse_unfit(cls) -> None:
        """Refuse where the package is missing or ``MLFLOW_TRACKING_URI`` is of no kind that MLflow has.

        Raises:
            ConfigError: So it is.
        """
        require_package("mlflow", "mlflow-skinny", NAME)
        scheme = urlsplit(_uri()).scheme.partition("+")[0]
        if scheme not in SCHEMES:
            raise ConfigError(
                f"MLFLOW_TRACKING_URI begins with '{scheme}:', which MLflow does not know.",
                f"It knows {', '.join(filter(None, SCHEMES))}; unset it to write files under ECG_HOME.",
            )

    def begin(self, run: Run) -> None:
        """Open the run: a new one of the experiment, or the one it has had."""
        client = _client()
        self.run, self.client, self.history = run, client, list[Row]()
        self.id = mark(run, NAME).get("id") or self._new(run)
        set_mark(run, NAME, id=self.id)
        client.update_run(self.id, status="RUNNING")

    def epoch(self, history: Sequence[Row]) -> None:
        """Send the epochs that MLflow does not have yet."""
        from mlflow.entities import Metric

        had = {metric.step for metric in self.client.get_metric_history(self.id, "val_loss")}
        for row in history:
            step = int(row["epoch"])
            if step not in had:
                when = int(1000 * row["time"])
                sent = [Metric(name, value, when, step) for name, value in figures(row).items() if name != "val_loss"]
                # val_loss last: where it is there, all of the epoch is
                self.client.log_batch(self.id, metrics=[*sent, Metric("val_loss", row["val_loss"], when, step)])
        self.history = list(history)

    def end(self, run: Run) -> None:
        """Send the best epoch, and close."""
        for name, value in best_of(self.history).items():
            self.client.log_metric(self.id, name, value)
        self.client.set_terminated(self.id, status="FINISHED" if complete(run) else "KILLED")

    def _new(self, run: Run) -> str:
        from mlflow.entities import Param

        project = run.config.tracking.project
        held = self.client.get_experiment_by_name(project)
        own = {} if os.environ.get("MLFLOW_TRACKING_URI") else {"artifact_location": NO_ARTIFACTS}
        experiment = held.experiment_id if held else self.client.create_experiment(project, **own)
        made = self.client.create_run(experiment, start_time=int(1000 * time.time()), run_name=run.name)
        self.client.log_batch(
            made.info.run_id, params=[Param(name, value) for name, value in _flat(described(run)).items()]
        )
        return str(made.info.run_id)


def _uri() -> str:
    """The person's own tracking URI, else that of files under ``ECG_HOME``."""
    return os.environ.get("MLFLOW_TRACKING_URI") or (home() / "mlruns").resolve().as_uri()


def _client() -> Any:
    """MLflow's client, without its telemetry, and patient for seconds rather than minutes."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        (home() / "mlruns").mkdir(parents=True, exist_ok=True)  # else MLflow adds an experiment that names the path
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=_uri())


def _flat(document: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """``{"training": {"lr": 0.1}}`` as ``{"training.lr": "0.1"}``."""
    found: dict[str, str] = {}
    for key, value in document.items():
        name = f"{before}{key}"
        found |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {name: str(value)[:_LONGEST]}
    return found
