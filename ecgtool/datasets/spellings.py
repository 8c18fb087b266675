"""One spelling for what is written in several: ``AF``, ``af`` and ``A F``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ecgtool.columns import folded


def one_spelling(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """Each text in the spelling that is most common among those that differ in case and spaces alone.

    Args:
        texts: As they are written.

    Returns:
        A text per text (of equally common spellings the first), and the places of those that were changed.
    """
    counts = Counter(texts)
    chosen: dict[str, str] = {}
    for text in counts:
        held = chosen.setdefault(folded(text), text)
        if counts[text] > counts[held]:
            chosen[folded(text)] = text
    made = [chosen[folded(text)] for text in texts]
    return made, [place for place, (text, one) in enumerate(zip(texts, made, strict=True)) if text != one]
