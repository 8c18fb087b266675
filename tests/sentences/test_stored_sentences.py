"""Sentences in a store: fitted on training patients, added whole or not at all."""

import errno
import json
import shlex
import shutil
from dataclasses import replace

import numpy as np
import pytest
from corpora import contents
from failing_disk import FailingDisk
from spoken import FS, spoken
from support import make_store

from ecgtool.errors import ConfigError, DataError, EcgError, FormatError, IntegrityError
from ecgtool.sentences.building import Asked, build
from ecgtool.sentences.fit import fit, sampled
from ecgtool.sentences.making import make
from ecgtool.sentences.quality import quality
from ecgtool.sentences.sentence import read_lead
from ecgtool.sentences.stored import Sentences, add, folder_of
from ecgtool.sentences.vocabulary import KINDS, Vocabulary
from ecgtool.store import Store

FEW = Asked(clusters={"P": 3, "QRS": 4, "T": 3, "BG": 5})


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """A store with waves, and no sentences."""
    return spoken(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="session")
def made(drawn, tmp_path_factory):
    """A copy of it with sentences."""
    return build(drawn, FEW, tmp_path_factory.mktemp("made") / "made")


def test_a_ten_second_store_has_one_sentence_per_lead_and_item(made):
    held = Sentences.open(made)
    assert held.manifest.sentences == made.manifest.items * 12
    assert held.rows[:, 2].max() == 0
    assert held.rows[:, :2].tolist() == [[item, lead] for item in range(made.manifest.items) for lead in range(12)]


def test_the_words_of_every_sentence_tile_its_lead(made):
    held = Sentences.open(made)
    for sentence in (0, 17, held.manifest.sentences - 1):
        numbers, lengths = held.words_of(np.array([sentence]))
        spans = held.spans[numbers]
        assert lengths.tolist() == [len(numbers)]
        assert spans[0, 0] == 0
        assert spans[-1, 1] == made.manifest.samples
        assert (spans[1:, 0] == spans[:-1, 1]).all()


def test_every_drawn_wave_is_a_word_of_its_kind(made):
    held, lead = Sentences.open(made), 1
    table = made.waves(0).of(lead=lead)
    numbers, _lengths = held.words_of(np.array([lead]))
    kinds = held.vocabulary.kinds[held.tokens[numbers]]
    for kind in range(3):
        assert (kinds == kind).sum() == (table[:, 2] == kind).sum()


def test_a_lead_that_is_read_alone_has_the_words_of_the_store(made):
    held, lead = Sentences.open(made), 4
    reading = read_lead(made.millivolts(2)[lead], made.waves(2), lead, held.vocabulary, made.manifest.samples)
    numbers, _lengths = held.words_of(np.array([2 * 12 + lead]))
    assert reading.tokens[0, 1 : len(numbers) + 1, 0].tolist() == held.tokens[numbers].tolist()
    assert reading.signals.shape == (1, 1, made.manifest.samples)
    np.testing.assert_allclose(reading.signals[0, 0], made.millivolts(2)[lead], atol=1e-6)


def test_the_store_gains_a_task_of_its_words_and_nothing_else_changes(drawn, made):
    assert made.task("words").labels == Sentences.open(made).vocabulary.names[4:]
    assert made.task().name == "diagnosis"
    changed = {"sentences", "tasks"}
    assert made.manifest.model_dump(exclude=changed) == drawn.manifest.model_dump(exclude=changed)
    assert made.digest(made.task("diagnosis")) == drawn.digest(drawn.task())


def test_long_recordings_are_many_sentences_one_after_the_other(tmp_path):
    store = build(spoken(tmp_path, records=6, seconds=25.0), Asked(FEW.vocabulary, FEW.clusters, window_s=6.0))
    held = Sentences.open(store)
    rows = held.rows[(held.rows[:, 0] == 1) & (held.rows[:, 1] == 3)]
    assert len(rows) >= 5
    ends = [held.spans[held.offsets[n + 1] - 1, 1] for n in range(held.manifest.sentences)]
    starts = held.rows[:, 2]
    following = np.flatnonzero((held.rows[1:, :2] == held.rows[:-1, :2]).all(axis=1))
    assert (starts[following + 1] == np.array(ends)[following]).all()
    assert (np.array(ends) - starts).max() <= 6.0 * FS


def test_the_vocabulary_is_of_training_patients_alone(drawn, tmp_path):
    store = build(drawn, FEW, tmp_path / "one")
    before = Sentences.open(store).vocabulary
    signals = np.lib.format.open_memmap(store.path / "signals.npy", mode="r+")
    others = np.concatenate([store.indices("val"), store.indices("test")])
    signals[others] = 0
    signals.flush()
    assert fit(Store.open(store.path), clusters=FEW.clusters).digest == before.digest
    signals[store.indices("train")] //= 2
    signals.flush()
    assert fit(Store.open(store.path), clusters=FEW.clusters).digest != before.digest


def test_a_fraction_takes_fewer_patients_and_at_least_one(drawn):
    every = sampled(drawn, "drawn", 1.0, 0)
    some = sampled(drawn, "drawn", 0.5, 0)
    one = sampled(drawn, "drawn", 0.001, 0)
    assert every.patients > some.patients > one.patients == 1
    assert len(every.features["QRS"]) > len(some.features["QRS"]) > len(one.features["QRS"])


def test_the_same_seed_makes_the_same_bytes(drawn, tmp_path):
    first, second = (build(drawn, FEW, tmp_path / name) for name in ("a", "b"))
    assert contents(first.path) == contents(second.path)
    other = build(drawn, Asked(clusters=FEW.clusters, seed=1), tmp_path / "c")
    assert other.manifest.sentences != first.manifest.sentences


@pytest.mark.parametrize("method", ["dtw", "soft-dtw"])
def test_words_found_by_warping_are_told_by_warping(drawn, method):
    vocabulary = fit(drawn, clusters=FEW.clusters, method=method)
    assert (vocabulary.distance, vocabulary.fit.method) == ("dtw", method)
    counts = dict(zip(vocabulary.names[4:], (word.count for word in vocabulary.words), strict=True))
    assert sum(counts[name] for name in counts if name.startswith("QRS")) == vocabulary.fit.counts["QRS"]


def test_another_store_can_be_told_in_the_same_words(made, tmp_path):
    other = spoken(tmp_path, records=8, seconds=12.0, name="other")
    words = Sentences.open(made).vocabulary
    for source in (str(words.write(tmp_path / "words.json")), str(made.path)):
        store = build(other, Asked(vocabulary=source), force=True)
        assert Sentences.open(store).vocabulary.digest == words.digest


def test_sentences_are_replaced_only_when_forced(made, tmp_path):
    store = build(spoken(tmp_path), FEW)
    with pytest.raises(ConfigError, match="has other sentences already"):
        build(store, Asked(clusters=FEW.clusters, seed=1))
    again = build(store, Asked(clusters={"P": 2, "QRS": 2, "T": 2, "BG": 2}), force=True)
    assert len(Sentences.open(again).vocabulary) == 12
    assert len(list((again.path / "sentences").iterdir())) == 1
    assert [task.name for task in again.manifest.tasks].count("words") == 1


def test_sentences_that_are_there_already_are_not_made_again(drawn, tmp_path, monkeypatch):
    store = build(drawn, FEW, tmp_path / "store")
    words = Sentences.open(store).vocabulary.write(tmp_path / "words.json")
    monkeypatch.setattr("ecgtool.sentences.building.make", None)
    assert build(store, FEW).manifest == store.manifest
    assert build(store, Asked(vocabulary=str(words))).manifest == store.manifest
    for other in (Asked(), Asked(clusters=FEW.clusters, window_s=5), Asked(clusters=FEW.clusters, fraction=0.5)):
        with pytest.raises(ConfigError, match="other sentences"):
            build(store, other)


def test_a_store_without_waves_names_the_command_that_finds_them(made):
    bare = Store(made.path, made.manifest.model_copy(update={"waves": ()}))
    with pytest.raises(DataError, match="no waves") as told:
        build(bare, FEW, force=True)
    assert "ecg segment" in told.value.hint


def test_fewer_waves_than_words_make_fewer_words_and_that_is_told(drawn, caplog, monkeypatch):
    monkeypatch.setattr("ecgtool.console.log.propagate", True)
    vocabulary = fit(drawn, clusters={**FEW.clusters, "P": 900}, fraction=0.001)
    assert vocabulary.sizes[0] < 900
    assert "P: " in caplog.text
    assert "instead of 900" in caplog.text


def test_a_kind_without_any_wave_is_one_clear_line(drawn, monkeypatch):
    real = Store.waves

    def without_p(self, item, name=""):
        found = real(self, item, name)
        return type(found)(found.fs, found.leads, found.beats, found.table[found.table[:, 2] != 0])

    monkeypatch.setattr(Store, "waves", without_p)
    with pytest.raises(DataError, match="no wave of the kind P"):
        fit(drawn, clusters=FEW.clusters)


@pytest.mark.parametrize(
    "asked",
    [
        Asked(clusters={"P": 0}),
        Asked(clusters={"X": 3}),
        Asked(fraction=0),
        Asked(fraction=1.5),
        Asked(fraction=float("nan")),
        Asked(method="magic"),
        Asked(clusters=FEW.clusters, window_s=0.5),
        Asked(clusters=FEW.clusters, window_s=float("nan")),
    ],
)
def test_options_that_cannot_be_are_refused(drawn, tmp_path, asked):
    with pytest.raises(ConfigError):
        build(drawn, asked, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_store_that_is_stopped_at_any_access_is_as_it_was_or_holds_the_whole(drawn, made, tmp_path, monkeypatch):
    store = build(drawn, Asked(clusters={"P": 2, "QRS": 2, "T": 2, "BG": 2}), tmp_path / "store")
    before = Sentences.open(store).manifest.digest
    new = make(store, Sentences.open(made).vocabulary)
    for number in range(1, 200):
        with monkeypatch.context() as patched:
            FailingDisk(patched, number, errno.ENOSPC)
            try:
                add(store.path, new)
            except EcgError:
                pass
            else:
                break
        held = Sentences.open(Store.open(store.path))
        assert held.manifest.digest in (before, new.manifest.digest)
        assert len(held.tokens) == held.manifest.words
        assert held.offsets[-1] == held.manifest.words
    assert number > 5
    assert Sentences.open(Store.open(store.path)).manifest.digest == new.manifest.digest


def test_a_copy_that_cannot_be_written_is_not_there(drawn, tmp_path, monkeypatch):
    before = contents(drawn.path)
    with monkeypatch.context() as patched:
        FailingDisk(patched, 6, errno.ENOSPC)
        with pytest.raises(EcgError):
            build(drawn, FEW, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []
    assert contents(drawn.path) == before


@pytest.mark.parametrize("name", ["vocabulary.json", "tokens.npy", "manifest.json", ""])
def test_sentences_that_are_gone_name_the_command_that_makes_them_again(drawn, tmp_path, name):
    store = build(drawn, FEW, tmp_path / "my store")
    path = folder_of(store.path, store.manifest.sentences) / name
    shutil.rmtree(store.path / "sentences") if not name else path.unlink()
    with pytest.raises(FormatError, match=f"lacks {name or 'manifest.json'}") as caught:
        Sentences.open(Store.open(store.path))
    command = shlex.split(caught.value.hint.removeprefix("Make them again with: "))
    assert command == ["ecg", "sentences", str(store.path), "--force"]
    again = build(Store.open(store.path), FEW, force=True)
    assert again.manifest.sentences == store.manifest.sentences


def test_a_store_without_waves_is_told_both_commands(tmp_path):
    store = make_store(tmp_path / "bare")
    with pytest.raises(DataError) as caught:
        Sentences.open(store)
    assert caught.value.hint == f"Make them with: ecg segment {store.path} && ecg sentences {store.path}"


@pytest.mark.parametrize("name", ["tokens.npy", "offsets.npy", "rows.npy"])
def test_damaged_arrays_are_told(drawn, tmp_path, name):
    store = build(drawn, FEW, tmp_path / "store")
    path = folder_of(store.path, store.manifest.sentences) / name
    path.write_bytes(path.read_bytes()[:-9])
    held = Sentences.open(store)
    with pytest.raises(FormatError, match=name):
        getattr(held, name.removesuffix(".npy"))


@pytest.mark.parametrize("name", ["tokens", "spans", "beats", "offsets", "rows"])
def test_numbers_that_were_changed_are_told(drawn, tmp_path, name):
    store = build(drawn, FEW, tmp_path / "store")
    path = folder_of(store.path, store.manifest.sentences) / f"{name}.npy"
    array = np.load(path)
    array[-1] += 1
    np.save(path, array)
    held = Sentences.open(store)
    with pytest.raises(FormatError, match="changed"):
        getattr(held, name)


def test_a_vocabulary_that_was_changed_in_the_store_is_found(drawn, tmp_path):
    store = build(drawn, FEW, tmp_path / "store")
    path = folder_of(store.path, store.manifest.sentences) / "vocabulary.json"
    document = json.loads(path.read_text())
    document["words"][0]["seconds"] *= 2
    path.write_text(json.dumps(document))
    with pytest.raises(IntegrityError):
        Sentences.open(Store.open(store.path))


def test_nothing_personal_is_in_a_vocabulary(made):
    text = Sentences.open(made).vocabulary.text()
    assert not any(name in text for name in made.column("patient") + made.column("id"))
    assert str(made.path) not in text


def test_figures_tell_how_words_are_used_and_told_apart(made, drawn):
    held = Sentences.open(made)
    found = quality(held.vocabulary, held.tokens, sampled(drawn, "drawn", 1.0, 42))
    assert [each.kind for each in found] == list(KINDS)
    for each, words in zip(found, (3, 4, 3, 5), strict=True):
        assert each.words == words
        assert 1 <= each.perplexity <= words + 1e-9
        assert -1 <= each.silhouette <= 1
    assert sum(each.waves for each in found) == held.manifest.words


def test_the_silhouette_is_that_of_scikit_learn(made, drawn):
    from sklearn.metrics import silhouette_score

    words, sample = Sentences.open(made).vocabulary, sampled(drawn, "drawn", 1.0, 42)
    features = sample.features["T"]
    ids = words.encode(np.full(len(features), 2), features)
    found = quality(words, Sentences.open(made).tokens, sample)[2].silhouette
    assert len(features) < 2000
    assert found == pytest.approx(silhouette_score(features, ids), abs=1e-3)


def test_a_vocabulary_of_a_file_is_the_one_of_the_store(made, tmp_path):
    held = Sentences.open(made).vocabulary
    assert Vocabulary.read(held.write(tmp_path / "v.json")).digest == made_digest(made)


def made_digest(store):
    return json.loads((folder_of(store.path, store.manifest.sentences) / "manifest.json").read_text())["vocabulary"]


def test_a_vocabulary_that_is_named_has_its_own_number_of_words(drawn, tmp_path):
    with pytest.raises(ConfigError, match="--clusters"):
        build(drawn, replace(FEW, vocabulary="another.json"), tmp_path / "store")
