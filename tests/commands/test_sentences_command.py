"""``ecg sentences``: waves become words, words sentences, and all of it is told."""

import json
import shutil

import pytest
from spoken import spoken

from ecgtool.sentences.vocabulary import Vocabulary
from ecgtool.store import Store

FEW = ("--clusters", "P=3,QRS=4,T=3,BG=5")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    return spoken(tmp_path_factory.mktemp("drawn"), records=8)


@pytest.fixture
def store(drawn, tmp_path):
    return Store.open(shutil.copytree(drawn.path, tmp_path / "store"))


def test_a_store_gains_sentences_and_what_they_are_is_told(ecg, store):
    done = ecg("sentences", store.path, *FEW, "--json")
    assert done.code == 0, done.err
    told = done.json
    assert [(kind["kind"], kind["words"]) for kind in told["kinds"]] == [("P", 3), ("QRS", 4), ("T", 3), ("BG", 5)]
    assert sum(told["words"].values()) == told["sentences"]["words"]
    assert told["sentences"]["sentences"] >= 8 * 12
    manifest = json.loads((store.path / "manifest.json").read_text())
    assert manifest["sentences"] == told["sentences"]["digest"]


def test_the_next_command_trains_on_the_words(ecg, store):
    done = ecg("sentences", store.path, *FEW)
    assert "QRS" in done.out
    assert "--task words --arch ecgbert" in done.err


def test_the_vocabulary_is_saved_and_used_on_another_store(ecg, store, tmp_path):
    assert ecg("sentences", store.path, *FEW, "--save", "words.json").code == 0
    other = Store.open(shutil.copytree(store.path, tmp_path / "other", ignore=shutil.ignore_patterns("sentences")))
    manifest = json.loads((other.path / "manifest.json").read_text()) | {"sentences": ""}
    (other.path / "manifest.json").write_text(json.dumps(manifest))
    done = ecg("sentences", other.path, "--vocabulary", "words.json", "--json")
    assert done.json["vocabulary"]["digest"] == Vocabulary.read(tmp_path / "words.json").digest


def test_a_store_that_is_all_test_is_told_in_the_words_of_another(ecg, store, tmp_path):
    assert ecg("sentences", store.path, *FEW, "--save", "words.json").code == 0
    items = (store.path / "items.csv").read_text()
    (store.path / "items.csv").write_text(items.replace(",train,", ",test,").replace(",val,", ",test,"))
    done = ecg("sentences", store.path, "--vocabulary", "words.json", "--force", "--json")
    assert done.code == 0, done.err
    assert done.json["kinds"][1]["silhouette"] > -1
    refused = ecg("sentences", store.path, "--force")
    assert (refused.code, "no item in the split 'train'" in refused.err) == (1, True)


def test_words_and_sentences_are_drawn_without_making_them_again(ecg, store, tmp_path):
    before = ecg("sentences", store.path, *FEW, "--plot", "words.png", "--json").json
    drawn = ecg("sentences", store.path, "--show", "0/II/3", "--plot", "sentence.svg", "--json").json
    manifest = json.loads((store.path / "manifest.json").read_text())
    assert manifest["sentences"] == before["sentences"]["digest"]
    assert (tmp_path / "words.png").read_bytes().startswith(b"\x89PNG")
    assert (drawn["lead"], drawn["start_s"]) == ("II", 0.0)
    assert len(drawn["words"]) == len(drawn["spans"])
    assert any(word.startswith("QRS") for word in drawn["words"])
    assert (tmp_path / "sentence.svg").stat().st_size > 10_000


def test_a_copy_leaves_the_store_as_it_is(ecg, store, tmp_path):
    before = (store.path / "manifest.json").read_bytes()
    assert ecg("sentences", store.path, *FEW, "--out", tmp_path / "copy").code == 0
    assert (store.path / "manifest.json").read_bytes() == before
    assert not (store.path / "sentences").exists()
    again = ecg("sentences", store.path, *FEW, "--out", tmp_path / "copy")
    assert (again.code, "exists already" in again.err) == (1, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--clusters", "P=many"), "not of the form"),
        (("--clusters", "U=3"), "no kind of words 'U'"),
        (("--fraction", "2"), "cannot be made of 2"),
        (("--window-s", "0.1"), "cannot last 0.1 s"),
        (("--waves", "none"), "no waves 'none'"),
        (("--vocabulary", "none.json"), "does not exist"),
        (("--vocabulary", "nostore"), "no store 'nostore'"),
        ((*FEW, "--show", "99"), "no item '99'"),
        ((*FEW, "--show", "0/V9"), "no sentences of lead 'V9'"),
        ((*FEW, "--show", "0/II/1e9"), "no sentence '0/II/1e9'"),
        (("--plot", "words.txt"), "not a name for a picture"),
    ],
)
def test_what_cannot_be_is_one_line(ecg, store, options, message):
    done = ecg("sentences", store.path, *options)
    assert done.code == 1
    assert message in done.err
    assert done.err.count("\n") <= 2


def test_what_the_store_is_is_told_with_its_sentences(ecg, store):
    ecg("sentences", store.path, *FEW)
    done = ecg("info", store.path)
    assert done.code == 0, done.err
    assert "words, made of the waves 'drawn', vocabulary" in done.out
    assert ecg("plot", f"{store.path}:0", "--out", "page.png").code == 0
