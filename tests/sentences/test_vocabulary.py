"""A vocabulary: its names and numbers, its file, and which word a wave is."""

import json

import numpy as np
import pytest

from ecgtool.errors import FormatError, IntegrityError, NotFound
from ecgtool.sentences.shapes import Scheme
from ecgtool.sentences.vocabulary import CLUSTERS, KINDS, Fit, Vocabulary
from ecgtool.words import FIRST_WORD

RNG = np.random.default_rng(1)


def vocabulary(sizes=(2, 3, 1, 2), distance="euclidean", points=8):
    scheme = Scheme(points=points)
    centres, counts = {}, {}
    for kind, size in zip(KINDS, sizes, strict=True):
        shapes, seconds = RNG.normal(size=(size, points)), RNG.uniform(0.02, 0.5, size)
        centres[kind], counts[kind] = scheme.compressed(shapes, seconds), np.arange(size)
    return Vocabulary.of(centres, counts, fit=Fit(method="kmeans", dataset="toy"), scheme=scheme, distance=distance)


def test_numbers_are_the_special_words_then_those_of_each_kind_the_commonest_first():
    made = vocabulary()
    assert made.names == (
        "PAD", "CLS", "SEP", "MASK", "P00", "P01", "QRS00", "QRS01", "QRS02", "T00", "BG00", "BG01",
    )  # fmt: skip
    assert [word.count for word in made.words] == [1, 0, 2, 1, 0, 0, 1, 0]
    assert made.kinds.tolist() == [-1] * 4 + [0, 0, 1, 1, 1, 2, 3, 3]
    assert len(made) == 12


def test_by_default_there_are_seventy_words():
    assert sum(CLUSTERS.values()) == 70


def test_its_task_has_a_label_per_word_in_the_order_of_their_numbers():
    made = vocabulary()
    assert made.task.labels == made.names[FIRST_WORD:]
    assert made.task.kind == "tokens"


@pytest.mark.parametrize("distance", ["euclidean", "dtw"])
def test_a_word_is_its_own_nearest(distance):
    made = vocabulary(distance=distance)
    kinds = made.kinds[FIRST_WORD:]
    assert made.encode(kinds, made.centres).tolist() == list(range(FIRST_WORD, len(made)))


def test_a_wave_gets_the_nearest_word_of_its_own_kind():
    made = vocabulary(sizes=(3, 3, 3, 3))
    features = RNG.normal(size=(200, 9)).astype(np.float32)
    kinds = RNG.integers(0, 4, 200)
    ids = made.encode(kinds, features)
    for kind, numbers, wave in zip(kinds, ids, features, strict=True):
        own = np.flatnonzero(made.kinds == kind)
        apart = np.square(made.centres[own - FIRST_WORD] - wave).sum(axis=1)
        assert numbers == own[apart.argmin()]


def test_no_waves_have_no_words():
    assert vocabulary().encode(np.empty(0, np.int8), np.empty((0, 9), np.float32)).shape == (0,)


def test_a_file_is_read_as_it_was_written(tmp_path):
    made = vocabulary()
    read = Vocabulary.read(made.write(tmp_path / "words.json"))
    assert read == made
    assert read.digest == made.digest
    np.testing.assert_array_equal(read.centres, made.centres)


def test_the_file_can_be_read_by_a_person_a_line_per_word(tmp_path):
    made = vocabulary()
    lines = made.write(tmp_path / "words.json").read_text().splitlines()
    assert sum('"name": "QRS' in line for line in lines) == 3
    assert json.loads("\n".join(lines))["special"] == ["PAD", "CLS", "SEP", "MASK"]


def test_any_change_of_a_value_is_found(tmp_path):
    path = vocabulary().write(tmp_path / "words.json")
    document = json.loads(path.read_text())
    document["words"][0]["shape"][2] += 0.001
    path.write_text(json.dumps(document))
    with pytest.raises(IntegrityError, match="changed after it was made"):
        Vocabulary.read(path)


@pytest.mark.parametrize(
    "change",
    [
        {"words": []},
        {"words": [{"name": "P00", "count": 1, "seconds": 0.1, "shape": [0.0] * 8}]},
        {"schema_version": 2},
        {"distance": "cosine"},
        {"band": -1},
        {"scheme": {"points": 10**9}},
        {"more": 1},
        {"words": 3},
        {"fit": None},
    ],
)
def test_what_is_no_vocabulary_is_told_in_one_line(tmp_path, change):
    document = json.loads(vocabulary().text()) | change
    path = tmp_path / "words.json"
    path.write_text(json.dumps(document))
    with pytest.raises(FormatError, match=r"words\.json") as told:
        Vocabulary.read(path)
    assert "\n" not in told.value.message


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", '"0.1"', "null"])
def test_values_that_are_no_finite_numbers_are_refused(tmp_path, value):
    text = vocabulary().text().replace('"seconds": ', f'"seconds": {value}, "old": ', 1)
    path = tmp_path / "words.json"
    path.write_text(text)
    with pytest.raises((FormatError, IntegrityError)):
        Vocabulary.read(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\x80\x04pickle", b'{"digest": 1'])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "words.json"
    path.write_bytes(content)
    with pytest.raises(FormatError):
        Vocabulary.read(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(NotFound):
        Vocabulary.read(tmp_path / "none.json")


def test_words_under_other_names_than_their_order_gives_are_refused(tmp_path):
    document = json.loads(vocabulary().text())
    document["words"][0], document["words"][1] = document["words"][1], document["words"][0]
    path = tmp_path / "words.json"
    path.write_text(json.dumps(document))
    with pytest.raises(FormatError, match="in order"):
        Vocabulary.read(path)


def test_a_file_with_bytes_changed_is_refused_or_says_the_same(tmp_path):
    made, chance = vocabulary(), np.random.default_rng(0)
    whole, path = made.text().encode(), tmp_path / "words.json"
    refused = 0
    for number in range(80):
        content = bytearray(whole)
        content[chance.integers(len(content))] = chance.integers(256)
        path.write_bytes(content if number % 4 else content[: chance.integers(len(content))])
        try:
            assert Vocabulary.read(path) == made
        except (FormatError, IntegrityError):
            refused += 1
    assert refused > 60
