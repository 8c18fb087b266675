"""``ecg sentences``: the waves of a store become words of a vocabulary, and these sentences."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ecgtool.console import Result

if TYPE_CHECKING:
    from ecgtool.sentences.quality import KindQuality
    from ecgtool.store import Store


def sentences(
    store: Annotated[str, typer.Argument(help="A store with waves: a path or a name.", show_default=False)],
    out: Annotated[
        str, typer.Option("--out", help="A copy of the store, with them.", show_default="added to the store")
    ] = "",
    vocabulary: Annotated[
        str, typer.Option("--vocabulary", help="Use that of a file, or of another store, instead of fitting one.")
    ] = "",
    clusters: Annotated[
        str, typer.Option("--clusters", help="Words of each kind of wave.", show_default="P=12,QRS=19,T=14,BG=25")
    ] = "",
    fraction: Annotated[
        float, typer.Option("--fraction", help="Share of the training patients that the vocabulary is fitted on.")
    ] = 1.0,
    method: Annotated[
        Literal["kmeans", "dtw", "soft-dtw"], typer.Option("--method", help="How waves are clustered.")
    ] = "kmeans",
    window_s: Annotated[float, typer.Option("--window-s", help="Seconds of a sentence, at most.")] = 10.0,
    waves: Annotated[str, typer.Option("--waves", help="The set of waves.", show_default="the newest")] = "",
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same vocabulary.")] = 42,
    save: Annotated[Path | None, typer.Option("--save", help="Write the vocabulary to a file as well.")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw every word, or the sentence of --show.")] = None,
    show: Annotated[str, typer.Option("--show", help="Draw a sentence of the store: ITEM, or ITEM/LEAD/SECONDS.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> Result:
    """Make sentences of the waves of a store: name each wave by the typical one it is nearest to.

    The typical ones are found in the waves of the training patients alone. A store that has sentences keeps them unless
    --force is given; --save and --plot then tell what it has, and --show always does.
    """
    from ecgtool.files import refuse_existing
    from ecgtool.home import place
    from ecgtool.paper import check_name
    from ecgtool.sentences.building import Asked, build
    from ecgtool.sentences.stored import Sentences
    from ecgtool.store import Store

    opened = Store.open(store)
    for path in filter(None, (plot, save)):
        refuse_existing(path, force=force)
    if plot:
        check_name(plot)
    asked = Asked(vocabulary, _clusters(clusters), fraction, method, waves, window_s, seed)
    held = bool(opened.manifest.sentences) and asked == Asked() and not out
    if not (held and (show or ((save or plot) and not force))):
        opened = build(opened, asked, place("stores", out) if out else None, force=force)
    if save:
        Sentences.open(opened).vocabulary.write(save)
    return _shown(opened, show, plot, force=force) if show else _told(opened, seed, save, plot)


def _clusters(text: str) -> dict[str, int]:
    """``P=12,QRS=19`` as numbers."""
    from ecgtool.errors import ConfigError

    made = {}
    for part in filter(None, text.split(",")):
        kind, _, number = part.partition("=")
        if not number.strip().isascii() or not number.strip().isdigit() or len(number) > 9:
            raise ConfigError(f"--clusters {part!r} is not of the form KIND=NUMBER.", "For example P=12,QRS=19")
        made[kind.strip()] = int(number)
    return made


def _told(store: Store, seed: int, save: Path | None, plot: Path | None) -> Result:
    """What the store's sentences are, its words drawn and saved where that is asked for."""
    from ecgtool.console import Result, counted
    from ecgtool.home import portable
    from ecgtool.paper import write
    from ecgtool.sentences.drawing import draw_words
    from ecgtool.sentences.fit import sampled
    from ecgtool.sentences.quality import quality, usage
    from ecgtool.sentences.stored import Sentences
    from ecgtool.store import SPLITS

    stored = Sentences.open(store)
    held, words = stored.manifest, stored.vocabulary
    split = next((name for name in SPLITS if len(store.indices(name))), SPLITS[0])  # one that is all test has no other
    sample, counts = sampled(store, held.waves, 1.0, seed, split), usage(words, stored.tokens)
    if plot:
        title = f"Words of {store.path.name}: each one's mean wave, 80 % of its waves, how often it occurs"
        write(draw_words(words, sample, counts, title), plot, f"{store.path.name}: words")
    figures = quality(words, stored.tokens, sample, seed)
    data: dict[str, Any] = {
        "store": str(store.path),
        "sentences": held.model_dump(mode="json"),
        "vocabulary": {"digest": words.digest, "fit": words.fit.model_dump(mode="json")},
        "kinds": [vars(kind) for kind in figures],
        "words": dict(zip(words.task.labels, counts.tolist(), strict=True)),
        "file": str(save) if save else None,
        "picture": str(plot) if plot else None,
    }
    title = (
        f"Store {store.path.name}: {held.sentences:,} sentences of {held.words:,} words, made of the waves"
        f" '{held.waves}' on {counted(len(held.leads), 'lead')}; vocabulary {words.digest[7:19]},"
        f" {words.fit.method} on {counted(words.fit.patients, 'training patient')} of {words.fit.dataset}"
    )
    quoted = shlex.quote(portable(store.path))
    return Result(data, _table(figures, title), [f"ecg train --dataset {quoted} --task words --arch ecgbert"])


def _table(figures: list[KindQuality], title: str) -> Any:
    from ecgtool.console import table

    columns = ("kind", "words", "used", "waves", "commonest", "perplexity", "silhouette")
    rows = [
        (kind.kind, kind.words, kind.used, kind.waves, f"{kind.commonest:.1%}", kind.perplexity, kind.silhouette)
        for kind in figures
    ]
    return table(columns, rows, title=title)


def _shown(store: Store, name: str, plot: Path | None, *, force: bool) -> Result:
    """One sentence: its words, and a drawing of it."""
    import numpy as np

    from ecgtool.console import Result
    from ecgtool.files import refuse_existing
    from ecgtool.paper import write
    from ecgtool.sentences.drawing import draw_sentence, find_sentence
    from ecgtool.sentences.stored import Sentences

    stored = Sentences.open(store)
    sentence = find_sentence(store, stored, name)
    path = plot or Path(f"sentence-{name.replace('/', '-')}.png")
    refuse_existing(path, force=force)
    write(draw_sentence(store, stored, sentence), path, f"{store.path.name}: sentence {name}")
    numbers, _lengths = stored.words_of(np.array([sentence]))
    item, lead, start = stored.rows[sentence].tolist()
    words = [stored.vocabulary.names[number] for number in stored.tokens[numbers].tolist()]
    about = {"item": item, "lead": store.manifest.leads[lead], "start_s": start / store.manifest.fs}
    data = {"store": str(store.path), **about, "words": words, "spans": stored.spans[numbers], "picture": str(path)}
    return Result(data, f"{' '.join(words)}\n\nDrawn in {path}")
