"""Several logs in one go: the good ones are converted, the bad ones told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgtool.errors import ConfigError, EcgError
from ecgtool.serial.convert import Converted, convert_log
from ecgtool.serial.options import Options, known
from ecgtool.serial.outputs import FORMATS, refuse_outputs, write_outputs
from ecgtool.serial.scale import Scale


@dataclass(frozen=True)
class Job:
    """What to do with each log.

    Args:
        out: Folder of the results; made when missing.
        options: What the user says of lines and times.
        scale: What the user says of values.
        kind: Format of the recordings, one of :data:`~ecgtool.serial.outputs.FORMATS`.
        force: Replace files that are there.

    Raises:
        ConfigError: There is no such format.
    """

    out: Path
    options: Options
    scale: Scale
    kind: str = "npy"
    force: bool = False

    def __post_init__(self) -> None:
        known(self.kind, FORMATS, "--format")


@dataclass(frozen=True)
class Outcome:
    """What became of one log: a recording, or an error.

    Args:
        log: The log.
        recording: Path of its recording; None where it failed.
        converted: The recording; None where it failed.
        error: Why it failed.
    """

    log: Path
    recording: Path | None = None
    converted: Converted | None = None
    error: EcgError | None = None


def convert_logs(logs: Sequence[Path], job: Job, done: Callable[[int], None] = lambda _steps: None) -> list[Outcome]:
    """Convert logs one after the other; a bad one does not keep the others.

    Args:
        logs: The logs.
        job: What to do with each.
        done: Called with 1 after each.

    Raises:
        ConfigError: Two logs would make files of one name.
    """
    _refuse_clashes(logs)
    return list(_outcomes(logs, job, done))


def _outcomes(logs: Sequence[Path], job: Job, done: Callable[[int], None]) -> Iterator[Outcome]:
    for log in logs:
        try:
            refuse_outputs(job.out, log.stem, job.kind, force=job.force)
            converted = convert_log(log, job.options, job.scale)
            yield Outcome(log, write_outputs(converted, job.out, log.stem, job.kind, force=job.force), converted)
        except EcgError as error:
            yield Outcome(log, error=error)
        done(1)


def _refuse_clashes(logs: Sequence[Path]) -> None:
    first: dict[str, Path] = {}
    for log in logs:
        other = first.setdefault(log.stem, log)
        if other is not log:
            raise ConfigError(f"{other} and {log} would both make {log.stem}.npy.", "Convert them one by one.")
