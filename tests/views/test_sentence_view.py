"""Sentences as items: their words, their signals, and what is asked of them."""

import pickle

import numpy as np
import pytest
from spoken import beating, spoken

from ecgtool.errors import ConfigError, DataError
from ecgtool.sentences.building import Asked, build
from ecgtool.sentences.sentence import read_lead
from ecgtool.sentences.stored import Sentences
from ecgtool.settings import BeatConfig, DataConfig
from ecgtool.task import Task
from ecgtool.views import view
from ecgtool.views.gaps import SHARE
from ecgtool.words import CLS, FIRST_WORD, MASK, PAD, SEP

READS = ("signal", "tokens", "tabular")
DATA = DataConfig(beats=BeatConfig(features=("previous", "ratio")))
FEW = Asked(clusters={"P": 3, "QRS": 4, "T": 3, "BG": 5}, window_s=6.0)


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """Recordings of 15 seconds with annotated beats and sentences of up to six."""
    return build(beating(spoken(tmp_path_factory.mktemp("spoken"), records=8, seconds=15.0)), FEW)


@pytest.fixture
def words(store):
    return view(store, store.task("words"), READS, DATA)


@pytest.fixture
def beats(store):
    return view(store, store.task("classes"), READS, DATA)


def every(seen):
    return np.arange(seen.manifest.items)


def test_an_item_is_a_sentence_of_one_lead(words, store):
    held = words.manifest
    assert held.items == Sentences.open(store).manifest.sentences > 12 * store.manifest.items
    assert words.signals[:3].shape == (3, 1, held.samples)
    assert held.samples == 6 * 250
    assert words.tokens(every(words)).shape == (held.items, held.words.longest, 4)
    assert held.words.ids == 4 + 15


def test_every_word_spans_the_samples_of_the_store_that_it_was_made_of(words, store):
    stored = words.stored
    for item in (0, 40, words.manifest.items - 1):
        row, lead, start = stored.rows[item].tolist()
        tokens, signal = words.whole(np.array([item]))[0], words.signals[item][0]
        spoken_words = tokens[tokens[:, 0] >= FIRST_WORD]
        assert spoken_words[0, 1] == 0
        end = int(spoken_words[-1, 2])
        np.testing.assert_array_equal(signal[:end], store.signals[row, lead, start : start + end])


def test_a_window_is_zero_beyond_the_end_of_the_recording(words, store):
    last = np.flatnonzero(words.stored.rows[:, 2] + words.manifest.samples > store.manifest.samples)
    assert len(last)
    for item in last[:5].tolist():
        left = store.manifest.samples - int(words.stored.rows[item, 2])
        assert not words.signals[item][0, left:].any()


def test_sentences_begin_with_cls_and_end_with_sep_then_padding(words):
    ids = words.whole(every(words))[..., 0]
    assert (ids[:, 0] == CLS).all()
    ends = (ids == SEP).argmax(axis=1)
    place = np.arange(ids.shape[1])
    assert ((ids == SEP).sum(axis=1) == 1).all()
    assert ((ids == PAD) == (place > ends[:, None])).all()


def test_of_words_the_gaps_are_asked_for_and_hidden(words):
    tokens, whole, targets = words.tokens(every(words)), words.whole(every(words)), words.targets(words.viewed)
    gaps = targets >= 0
    assert (tokens[gaps, 0] == MASK).all()
    assert (whole[gaps, 0] == targets[gaps] + FIRST_WORD).all()
    assert (tokens[~gaps, 0] == whole[~gaps, 0]).all()
    assert gaps.sum() / (whole[..., 0] >= FIRST_WORD).sum() == pytest.approx(SHARE, abs=0.02)
    np.testing.assert_array_equal(tokens[..., 1:], whole[..., 1:])


def test_words_read_alone_are_those_read_together(words):
    together = words.tokens(every(words))
    for item in (0, 7, 50):
        np.testing.assert_array_equal(words.tokens(np.array([item]))[0], together[item])


def test_every_annotated_beat_is_asked_once_at_a_complex_that_holds_it(beats, store):
    targets, numbers = beats.targets(beats.viewed), beats.beats_of(every(beats))
    assert sorted(numbers[numbers >= 0].tolist()) == list(range(store.manifest.beats))
    np.testing.assert_array_equal(targets[numbers >= 0], store.targets(beats.viewed)[numbers[numbers >= 0]])
    assert (targets[numbers < 0] == -1).all()
    item, place = np.nonzero(numbers >= 0)
    tokens = beats.tokens(every(beats))[item, place]
    samples = store.beats.sample[numbers[item, place]] - beats.stored.rows[beats.sentences[item], 2]
    assert (beats.stored.vocabulary.kinds[tokens[:, 0]] == 1).all()
    assert ((tokens[:, 1] <= samples) & (samples < tokens[:, 2])).mean() > 0.98


def test_beats_are_judged_on_one_lead(beats):
    assert beats.manifest.leads == ("II",)
    assert set(beats.stored.rows[beats.sentences, 1].tolist()) == {1}


def test_the_features_of_a_beat_are_those_of_a_model_of_beats(beats, store):
    alone = view(store, beats.viewed, ("signal", "tabular"), DATA)
    numbers = beats.beats_of(every(beats))
    found = beats.tabular
    assert found.shape == (*numbers.shape, 2)
    assert beats.manifest.tabular == alone.manifest.tabular == ("previous", "ratio")
    assert np.isnan(found[numbers < 0]).all()
    np.testing.assert_array_equal(found[numbers >= 0], alone.tabular[numbers[numbers >= 0]])


def test_a_beat_has_the_name_that_a_model_of_beats_gives_it(beats, store):
    alone = view(store, beats.viewed, ("signal", "tabular"), DATA)
    item, place = np.nonzero(beats.beats_of(every(beats)) >= 0)
    assert sorted(beats.places(item, place)) == sorted(alone.names())


def test_a_beat_that_is_not_labelled_is_not_asked_for(store):
    task = Task(name="some", kind="multiclass", labels=("N", "S"), of="beat")
    targets = np.where(np.arange(store.manifest.beats) % 3 == 0, -1, 1).astype(np.int16)
    np.save(store.path / "targets" / "some.npy", targets)
    seen = view(store, task, READS, DATA)
    assert (seen.targets(task) >= 0).sum() == (targets >= 0).sum()


def test_of_a_task_of_items_a_sentence_has_the_answer_and_the_inputs_of_its_recording(store):
    seen = view(store, store.task("diagnosis"), READS, DATA)
    np.testing.assert_array_equal(seen.targets(seen.viewed), store.targets(seen.viewed)[seen.within])
    np.testing.assert_array_equal(seen.tabular, store.tabular[seen.within])


def test_splits_and_patients_are_those_of_the_recordings(words, store):
    for name in ("split", "patient"):
        column = store.column(name)
        assert words.column(name) == [column[item] for item in words.within]
    assert len(words.indices("train", words.viewed)) <= words.manifest.splits["train"]
    assert sum(words.manifest.splits.values()) == words.manifest.items


def test_names_are_all_different(words):
    assert len(set(words.names())) == words.manifest.items
    assert words.names()[0].startswith(f"{words.base.column('id')[0]}/I/0.000")


def test_a_loaders_process_reads_the_same(words):
    words.tokens(every(words))
    other = pickle.loads(pickle.dumps(words))
    np.testing.assert_array_equal(other.tokens(np.arange(3)), words.tokens(np.arange(3)))
    np.testing.assert_array_equal(other.signals[:3], words.signals[:3])


def test_the_digest_follows_the_sentences_and_the_features(store, words, tmp_path):
    other = build(store, Asked(clusters={"P": 2, "QRS": 2, "T": 2, "BG": 2}), tmp_path / "other")
    seen = view(other, other.task("words"), READS, DATA)
    assert seen.digest(seen.viewed) != words.digest(words.viewed)
    assert view(store, words.viewed, READS, DATA).digest(words.viewed) == words.digest(words.viewed)
    some, fewer = (
        view(store, store.task("classes"), READS, DataConfig(beats=BeatConfig(features=names)))
        for names in (("previous",), ("previous", "next"))
    )
    assert some.digest(some.viewed) != fewer.digest(fewer.viewed)


def test_a_lead_read_for_predicting_is_what_training_reads(beats, store):
    reading = read_lead(store.millivolts(0)[1], store.waves(0), 1, beats.stored.vocabulary, 1500, 96)
    own = np.flatnonzero(beats.within == 0)
    wide = beats.tokens(own)
    width = min(wide.shape[1], 96)
    np.testing.assert_array_equal(reading.tokens[:, :width], wide[:, :width])
    assert reading.tokens.shape[1] == 96
    assert not reading.tokens[:, width:].any()
    assert not wide[:, width:].any()
    scale = store.manifest.scale_uv / 1000
    np.testing.assert_allclose(reading.signals, beats.signals[own] * scale, atol=1e-6)
    assert (reading.beats[reading.beats >= 0] == np.arange(len(store.waves(0).beats))).all()


def test_a_store_without_sentences_names_the_command_that_makes_them(store):
    bare = type(store)(store.path, store.manifest.model_copy(update={"sentences": ""}))
    with pytest.raises(DataError, match="no sentences") as told:
        view(bare, store.task("words"), READS, DATA)
    assert "ecg sentences" in told.value.hint


def test_a_task_of_samples_is_refused(store):
    task = Task(name="waves", kind="waves", labels=("none", "P"))
    with pytest.raises(ConfigError, match="asks for every sample"):
        view(store, task, READS, DATA)


def test_a_model_that_reads_no_sentences_cannot_have_the_task_of_words(store):
    with pytest.raises(ConfigError, match="words of sentences"):
        store.targets(store.task("words"))
