"""What a model is told beside the signal: numbers, sex, and categories with a column per value."""

import math

import pytest

from ecgtool.columns import categories, category_column, folded, split_column
from ecgtool.errors import ConfigError
from ecgtool.serving.metadata import read_metadata

COLUMNS = ("age", "sex", "device=GE MAC", "device=Philips", "lvef")


def test_a_category_is_given_by_its_name_and_value():
    values, notes = read_metadata(COLUMNS, {"device": "ge mac", "age": 63, "sex": "F", "lvef": "55"}, {})
    assert values == {"age": 63, "sex": 1, "device=GE MAC": 1, "device=Philips": 0, "lvef": 55}
    assert list(values) == list(COLUMNS)
    assert notes == ()


def test_what_nobody_knows_is_unknown_in_every_column_of_it():
    values, notes = read_metadata(COLUMNS, {}, {})
    assert all(math.isnan(value) for value in values.values())
    assert notes == ("age is unknown", "sex is unknown", "device is unknown", "lvef is unknown")
    values, notes = read_metadata(COLUMNS, {"device": "unknown"}, {"age": 50, "sex": "M", "lvef": 40})
    assert math.isnan(values["device=GE MAC"])
    assert notes == ()


def test_the_file_states_a_category_too_and_the_user_wins():
    values, _notes = read_metadata(COLUMNS, {}, {"device": "PHILIPS"})
    assert (values["device=GE MAC"], values["device=Philips"]) == (0, 1)
    values, _notes = read_metadata(COLUMNS, {"device": "GE MAC"}, {"device": "Philips"})
    assert (values["device=GE MAC"], values["device=Philips"]) == (1, 0)
    values, notes = read_metadata(COLUMNS, {}, {"device": "Schiller"})
    assert math.isnan(values["device=GE MAC"])
    assert "device is unknown" in notes


def test_a_value_the_model_has_not_seen_is_refused_with_those_it_has():
    with pytest.raises(ConfigError, match="trained on others") as refused:
        read_metadata(COLUMNS, {"device": "Phillips"}, {})
    assert "'Philips'" in refused.value.hint
    with pytest.raises(ConfigError, match="takes no 'device=Philips'"):
        read_metadata(COLUMNS, {"device=Philips": 1}, {})


def test_columns_are_named_and_taken_apart_in_one_place():
    assert split_column(category_column("device", "a=b")) == ("device", "a=b")
    assert split_column("age") == ("age", "")
    assert categories(COLUMNS) == {"device": ("GE MAC", "Philips")}
    assert folded("ＧＥ\u00a0mac ") == folded("GEMAC")
