"""Errors: one line, a hint, and the way back from a worker."""

import pickle

from ecgtool.errors import EcgError, FormatError, did_you_mean


def test_a_message_is_always_one_line():
    error = EcgError("first\nsecond\r\n  third", "try\nthis")
    assert error.message == "first second third"
    assert error.hint == "try this"


def test_an_error_keeps_its_kind_and_hint_through_a_worker_process():
    error = pickle.loads(pickle.dumps(FormatError("bad file", "look at it")))
    assert isinstance(error, FormatError)
    assert (error.message, error.hint) == ("bad file", "look at it")


def test_the_nearest_name_is_suggested():
    assert did_you_mean("xlsm", ["cnn1d", "xlstm"]) == "Did you mean 'xlstm'?"


def test_without_a_near_name_the_known_ones_are_listed():
    assert did_you_mean("zzzz", ["b", "a"]) == "Known: a, b."
    assert did_you_mean("zzzz", []) == ""


def test_long_and_repeated_names_are_listed_short_and_once():
    assert did_you_mean("zzzz", ["a", "a", "b" * 5000]) == f"Known: a, {'b' * 64}...."
