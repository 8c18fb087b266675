"""What ``ecg predict`` does with a bundle, by what the bundle answers: whole recordings, or every heartbeat of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ecgtool.catalog.bundle import Bundle, BundleManifest
from ecgtool.errors import ConfigError
from ecgtool.registry import Registry
from ecgtool.store import Store

if TYPE_CHECKING:
    from rich.console import RenderableType


class Predicts(Protocol):
    """A bundle ready to predict, whatever it answers."""

    @property
    def thresholds(self) -> Mapping[str, float]:
        """What each label must reach."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What it is told beside the signal by whoever asks."""

    def predict_file(self, path: str | Path, given: Mapping[str, str | float] | None = None) -> Any:
        """What it says of a recording in a file."""

    def predict_item(
        self, store: Store, item: int, given: Mapping[str, str | float] | None = None, *, file: str = ""
    ) -> Any:
        """What it says of an item of a store."""


@dataclass(frozen=True)
class Answering:
    """One kind of answer.

    Args:
        open: Makes a bundle ready: ``open(bundle, threshold=None, threads=0)``.
        document: An answer as JSON holds it.
        write_csv: Writes answers as a table.
        said: Answers on the screen, and further lines below them.
        draw: Draws one answer into a folder, under a name that no other has: ``draw(answer, path)``.
        annotate: Writes WFDB annotations into a folder; None where an answer has none.
    """

    open: Callable[..., Predicts]
    document: Callable[[Any], dict[str, Any]]
    write_csv: Callable[[Path, Sequence[Any]], Path]
    said: Callable[[Predicts, Sequence[Any]], tuple[Sequence[RenderableType], Sequence[str]]]
    draw: Callable[[Any, Path], object]
    annotate: Callable[..., list[Path]] | None = None


ANSWERS = Registry(
    "answers",
    {
        "record": "ecgtool.serving.screen:RECORDS",
        "beat": "ecgtool.serving.beat_screen:BEATS",
    },
    "What a bundle answers.",
)


def answering(bundle: Bundle) -> Answering:
    """How a bundle answers.

    Raises:
        ConfigError: It answers what predict cannot ask.
    """
    kind = _kind(bundle.manifest)
    if kind not in ANSWERS:
        raise ConfigError(
            f"{bundle.path.name} answers a {bundle.manifest.task.kind} task of {kind}s, which predict cannot do.",
            "A model of recordings or of heartbeats is needed.",
        )
    made: Answering = ANSWERS.load(kind)
    return made


def _kind(manifest: BundleManifest) -> str:
    """What one answer of a model is of."""
    if manifest.task.of == "beat":
        return "beat"
    return {"waves": "sample", "tokens": "word"}.get(manifest.task.kind, manifest.item)
