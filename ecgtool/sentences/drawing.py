"""Drawings: what the words of a vocabulary look like, and a sentence beside the signal it was made of."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecgtool.console import DISCLAIMER, printable
from ecgtool.errors import NotFound
from ecgtool.sentences.fit import Sample
from ecgtool.sentences.stored import Sentences
from ecgtool.sentences.vocabulary import BACKGROUND, KINDS, Vocabulary
from ecgtool.store import Store
from ecgtool.words import FIRST_WORD

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#777777")
"""Of P, QRS, T and the background; told apart by the colour-blind (Okabe and Ito 2008)."""

_ACROSS = 14
_PANEL = (1.25, 1.05)
_STYLE: dict[Any, Any] = {"font.size": 7, "text.parse_math": False, "svg.hashsalt": "ecgtool", "axes.linewidth": 0.5}
_SPREAD = (10, 90)


def decode(
    ids: npt.NDArray[np.integer], bounds: npt.NDArray[np.integer], vocabulary: Vocabulary
) -> npt.NDArray[np.float32]:
    """What words say the signal looks like: each word's shape, stretched over its span.

    Args:
        ids: [words], numbers of words; special ones are drawn as a gap.
        bounds: [words, 2], the first sample of each and the one after its last, ascending.
        vocabulary: Whose words.

    Returns:
        float32 [samples from the first to the last], in millivolt around each word's own zero; NaN in gaps.
    """
    first, lengths = int(bounds[0, 0]), np.diff(bounds, axis=1)[:, 0].astype(np.int64)
    word = np.repeat(np.arange(len(ids)), lengths)
    within = np.arange(len(word)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    last = vocabulary.scheme.points - 1
    place = np.clip((within + 0.5) / lengths[word] * (last + 1) - 0.5, 0, last)
    low = np.minimum(place.astype(np.int64), last - 1)
    blank = np.full((FIRST_WORD, last + 1), np.nan)
    shapes = np.concatenate([blank, np.array([held.shape for held in vocabulary.words])])
    number = np.asarray(ids, np.int64)[word]
    made = np.full(int(bounds[-1, 1]) - first, np.nan, np.float32)
    samples = within + np.asarray(bounds, np.int64)[word, 0] - first
    made[samples] = shapes[number, low] * (1 - place + low) + shapes[number, low + 1] * (place - low)
    return made


def draw_words(vocabulary: Vocabulary, sample: Sample, counts: npt.NDArray[np.integer], title: str) -> Figure:
    """A small panel per word: its mean wave in millivolt, and between which values four of five waves lie.

    Args:
        vocabulary: The words.
        sample: Waves of training patients.
        counts: int [words], how often each word occurs, the special ones left out.
        title: What to call it.
    """
    rows = [-(-size // _ACROSS) for size in vocabulary.sizes]
    across, up = _PANEL[0] * _ACROSS, _PANEL[1] * sum(rows) + 0.9
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(across, up), facecolor="white")
        edges = {"left": 0.02, "right": 0.995, "top": 1 - 0.55 / up, "bottom": 0.45 / up, "wspace": 0.42, "hspace": 0.6}
        grid = figure.add_gridspec(sum(rows), _ACROSS, **edges)
        for kind, (first, size) in enumerate(zip(vocabulary.first, vocabulary.sizes, strict=True)):
            features = sample.features[KINDS[kind]]
            ids = vocabulary.encode(np.full(len(features), kind), features)
            shapes, _seconds = vocabulary.scheme.shapes(features)
            for number in range(size):
                row, column = divmod(number, _ACROSS)
                word = first - FIRST_WORD + number
                axes = figure.add_subplot(grid[sum(rows[:kind]) + row, column])
                _panel(axes, vocabulary, word, shapes[ids == first + number], COLOURS[kind])
                axes.set_title(f"{vocabulary.words[word].name}  {int(counts[word]):,}", fontsize=7, pad=2)
        figure.suptitle(printable(title), fontsize=10, y=1 - 0.12 / up)
        below = f"Each panel has a scale of its own: mV up, ms across. {DISCLAIMER}"
        figure.text(0.5, 0.1 / up, below, fontsize=7, ha="center")
    return figure


def draw_sentence(store: Store, stored: Sentences, sentence: int) -> Figure:
    """A sentence: the signal, its words in the colours of their kinds, and what they decode to."""
    numbers, _lengths = stored.words_of(np.array([sentence]))
    ids, bounds = stored.tokens[numbers], stored.spans[numbers].astype(np.int64)
    item, lead, start = stored.rows[sentence].tolist()
    signal = store.signals[item, lead, start : bounds[-1, 1]] * (store.manifest.scale_uv / 1000)
    seconds = (np.arange(len(signal)) + start) / store.manifest.fs
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(14, 4.4), facecolor="white", layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        above.plot(seconds, signal, color="#101018", linewidth=0.8)
        below.plot(seconds, decode(ids, bounds, stored.vocabulary), color="#101018", linewidth=0.8)
        background = stored.vocabulary.kinds[ids] == BACKGROUND
        _spans(above, stored.vocabulary, ids, bounds / store.manifest.fs, ~background)
        _spans(below, stored.vocabulary, ids, bounds / store.manifest.fs, background)
        above.set_ylabel("signal, mV")
        below.set_ylabel("words, mV")
        below.set_xlabel(f"seconds. {DISCLAIMER}")
        name = f"{store.column('id')[item]}, lead {store.manifest.leads[lead]}"
        above.set_title(printable(f"{store.path.name}: {name}, {len(ids)} words"), fontsize=9, pad=28)
        above.margins(x=0)
    return figure


def find_sentence(store: Store, stored: Sentences, name: str) -> int:
    """The number of a sentence: ``ITEM``, or ``ITEM/LEAD/SECONDS`` with a lead and a time that it holds.

    The first one of an item, on the lead that beats are judged on, unless the name says otherwise.

    Raises:
        NotFound: There is no such item, lead or time.
    """
    item, _, rest = name.partition("/")
    lead, _, seconds = rest.partition("/")
    lead = lead or stored.manifest.primary
    if lead not in stored.manifest.leads:
        raise NotFound(f"There are no sentences of lead '{lead}'.", f"Of {', '.join(stored.manifest.leads)}.")
    number, held = store.find_item(item), store.manifest.leads.index(lead)
    own = np.flatnonzero((stored.rows[:, 0] == number) & (stored.rows[:, 1] == held))
    try:
        sample = round(float(seconds or 0) * store.manifest.fs)
    except (ValueError, OverflowError):
        sample = -1
    if not len(own) or not 0 <= sample < store.manifest.samples:
        raise NotFound(f"There is no sentence '{name}'.", "Name it as ITEM, or as ITEM/LEAD/SECONDS.")
    return int(own[np.searchsorted(stored.rows[own, 2], sample, side="right") - 1])


def _panel(axes: Axes, vocabulary: Vocabulary, word: int, shapes: npt.NDArray[np.float64], colour: str) -> None:
    """One word: the band that most of its waves lie in, and its own shape."""
    held = vocabulary.words[word]
    time = (np.arange(len(held.shape)) + 0.5) / len(held.shape) * held.seconds * 1000
    if len(shapes):
        axes.fill_between(time, *np.percentile(shapes, _SPREAD, axis=0), color=colour, alpha=0.25, linewidth=0)
    axes.plot(time, held.shape, color=colour, linewidth=1.1)
    axes.axhline(0, color="#BBBBBB", linewidth=0.4, zorder=0)
    axes.tick_params(labelsize=5, length=1.5, pad=1, width=0.4)
    axes.locator_params(nbins=3)
    axes.margins(x=0)


def _spans(
    axes: Axes,
    vocabulary: Vocabulary,
    ids: npt.NDArray[np.integer],
    seconds: npt.NDArray[np.float64],
    named: npt.NDArray[np.bool_],
) -> None:
    """Words in the colours of their kinds, the names of some above."""
    across = axes.get_xaxis_transform()
    for number, (begin, end), shown in zip(ids.tolist(), seconds.tolist(), named.tolist(), strict=True):
        kind = int(vocabulary.kinds[number])
        axes.axvspan(begin, end, color=COLOURS[kind], alpha=0.06 if kind == BACKGROUND else 0.22, linewidth=0)
        if shown:
            middle, name = (begin + end) / 2, vocabulary.names[number]
            axes.text(middle, 1.02, name, transform=across, rotation=90, fontsize=5, ha="center", va="bottom")
