"""What ``ecg prepare`` does for corpora whose waves experts marked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ecgtool.commands.prepare.options import Shared
from ecgtool.console import Result

if TYPE_CHECKING:
    from ecgtool.delineation.reference import Marked


def with_reference(corpus: Marked, shared: Shared, fs: float) -> Result:
    """Make the store of such a corpus, with the experts' waves as a set; and say what it holds.

    Args:
        corpus: What to read.
        shared: The options.
        fs: Rate of the store.
    """
    from ecgtool.delineation.reference import add_reference
    from ecgtool.home import place
    from ecgtool.store import Store

    shared = replace(shared, fs=fs)
    result = shared.prepare(corpus, [corpus.tasks[0].name], learn="--recipe ludb-unet1d")
    held = add_reference(Store.open(place("stores", shared.out)), corpus).wave_set("reference")
    return replace(result, data={**result.data, "waves": [held.model_dump(mode="json")]})
