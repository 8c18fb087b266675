"""StoreManifest: what a store says of itself, ``manifest.json``."""

from __future__ import annotations

import shlex
from typing import Any, Literal

from pydantic import Field

from ecgtool.settings import Preprocessing, Section, Words
from ecgtool.task import Task

SCHEMA = 1

ADDED = {"tasks", "waves", "sentences", "words"}
"""Fields of the manifest that later commands add to; they say nothing of the items and signals."""


class WaveSet(Section):
    """One set of waves of a store's items: an expert's, or what a method found."""

    name: str = Field(description="E.g. 'reference' or a method's name.")
    stem: str = Field("", description="Of its files, where that is not its name: it replaced a set of that name.")
    method: str = Field("", description="What found them; empty for an expert's.")
    beats_from: Literal["detected", "reference"] = Field(
        "detected", description="Where the beats come from: found in the signal, or annotated by the corpus."
    )
    leads: tuple[str, ...] = Field((), description="The leads that were looked at; all when empty.")
    waves: int = Field(description="Rows of the table.", ge=0)
    beats: int = Field(description="Beats of all items.", ge=0)
    digest: str = Field("", description="Of both files.")
    made_by: str = ""

    @property
    def files(self) -> tuple[str, str]:
        """Below the store's folder: the table of beats, and that of waves."""
        stem = self.stem or self.name
        return f"waves/{stem}-beats.npy", f"waves/{stem}.npy"

    def command(self, store: str, *, annotated: bool) -> str:
        """What to type to find them again, in a store of this name, which may have annotated beats."""
        options = {
            "--method": self.method,
            "--name": self.name if self.name != self.method else "",
            "--beats": self.beats_from if annotated else "",
            "--leads": ",".join(self.leads),
        }
        given = [f"{option} {shlex.quote(value)}" for option, value in options.items() if value]
        return " ".join(("ecg segment", shlex.quote(store), *given, "--force"))


class StoreManifest(Section):
    """What a store holds and how it was made; ``manifest.json``. No time stamp: the same input gives the same bytes."""

    schema_version: int = SCHEMA
    kind: Literal["records", "windows"]
    dataset: str
    tasks: tuple[Task, ...] = ()
    fs: float
    leads: tuple[str, ...]
    samples: int
    items: int
    patients: int
    scale_uv: float = Field(1.0, description="Microvolt per count.", gt=0)
    calibrated: bool = Field(True, description="False where counts are not millivolts on any known scale.")
    preprocessing: Preprocessing
    tabular: tuple[str, ...] = ()
    beats: int = Field(0, description="Annotated beats; 0 where the corpus annotates none.", ge=0)
    symbols: tuple[str, ...] = Field((), description="Annotation symbols of the beats, as PhysioBank writes them.")
    waves: tuple[WaveSet, ...] = Field((), description="Sets of waves, the newest last.")
    sentences: str = Field("", description="Digest of the sentences; empty where there are none.")
    words: Words | None = Field(None, description="What the sentences are made of; null where there are none.")
    splits: dict[str, int] = Field(default_factory=dict, description="Items per split.")
    saturated: int = Field(0, description="Samples that did not fit int16 and were clipped.")
    invalid: int = Field(0, description="Samples marked invalid by their source, and filled.")
    notes: tuple[str, ...] = Field((), description="What was left out or looked odd, in words.")
    sources: dict[str, str] = Field(
        default_factory=dict, description="Digest of each table or list the store was made from."
    )
    fingerprint: str = Field("", description="Digest of what decided the signals, items and splits, but not the tasks.")
    made_by: str = ""
    options: dict[str, Any] = Field(default_factory=dict, description="The options of the command that made it.")
