"""Views: a store as an architecture and a task read it, item by item, where an item is no whole recording.

Heartbeats with the signal around them, sentences of words, single leads: each is a :class:`ecgtool.store.Store` whose
items are these, made on the fly from the arrays of the store that it views. Everything downstream reads items and never
asks what they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from ecgtool.registry import Registry
from ecgtool.settings import DataConfig
from ecgtool.store import Store
from ecgtool.task import Task

VIEWS = Registry(
    "views",
    {
        "beats": "ecgtool.views.beats:BeatView",
        "leads": "ecgtool.views.leads:LeadView",
        "sentences": "ecgtool.views.sentences:SentenceView",
    },
)


def kind_of(task: Task, reads: Sequence[str]) -> str:
    """The name of the view that an architecture takes for a task; empty where it reads the store's own items.

    Args:
        task: What is to be predicted.
        reads: The words of the contract the architecture uses.
    """
    if "tokens" in reads:
        return "sentences"
    if task.kind == "waves":
        return "leads"
    return "beats" if task.of == "beat" else ""


def view(store: Store, task: Task, reads: Sequence[str], data: DataConfig) -> Store:
    """The store as an architecture reads it for a task; the store itself where it reads whole items.

    Args:
        store: What is on the disk.
        task: One of the store's.
        reads: The words of the contract the architecture uses.
        data: Its options: what belongs to a beat, which leads.

    Raises:
        DataError: The store lacks what the view is made of: beats, or sentences.
    """
    name = kind_of(task, reads)
    made: Store = VIEWS.load(name)(store, task, data) if name else store
    return made
