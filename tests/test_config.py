"""Configuration: layers, unknown keys, values out of range."""

import pytest

from ecgtool.config import checked, merge, parse_sets, read_recipe, read_yaml, recipes, resolve, to_yaml
from ecgtool.errors import ConfigError, NotFound
from ecgtool.settings import TrainConfig


def test_later_layers_win_and_sections_merge():
    config = resolve([{"training": {"lr": 0.1, "epochs": 3}}, {"training": {"lr": 0.2}}, {"arch": "cnn1d"}])
    assert (config.training.lr, config.training.epochs, config.arch) == (0.2, 3, "cnn1d")


def test_merging_leaves_both_sides_as_they_were():
    base, over = {"a": {"b": 1}}, {"a": {"c": 2}}
    assert merge(base, over) == {"a": {"b": 1, "c": 2}}
    assert (base, over) == ({"a": {"b": 1}}, {"a": {"c": 2}})


@pytest.mark.parametrize(
    ("values", "key", "near"),
    [
        ({"training": {"epoch": 3}}, "training.epoch", "epochs"),
        ({"trainig": {}}, "trainig", "training"),
        ({"data": {"tsk": "x"}}, "data.tsk", "task"),
    ],
)
def test_an_unknown_key_is_named_with_its_path_and_the_nearest_one(values, key, near):
    with pytest.raises(ConfigError, match=f"no option '{key}'") as caught:
        resolve([values])
    assert f"'{near}'" in caught.value.hint


def test_a_value_out_of_range_is_named_with_its_path():
    with pytest.raises(ConfigError, match=r"training\.lr: .*greater than 0.*-1"):
        resolve([{"training": {"lr": -1}}])


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("training.lr=.inf", r"training\.lr: Input should be a finite number \(got 'inf'\)"),
        ("training.mixup=.inf", r"training\.mixup: Input should be a finite number"),
        ("training.crop_s=long", r"training\.crop_s: Input should be a valid number"),
        ("training.class_weights=even", r"training\.class_weights: Input should be 'none' or 'balanced'"),
        ("training.class_weights=[1, x]", r"training\.class_weights: Input should be a valid number.*got 'x'"),
        ("training.seeds=[7]", r"training\.seeds: an ensemble needs two seeds or more, each once \(got"),
        ("data.fold=2", r"data: fold 2 is asked for, and no folds are made; say how many, data\.folds\.$"),
    ],
)
def test_a_value_that_cannot_be_is_one_plain_line(assignment, said):
    with pytest.raises(ConfigError, match="^" + said):
        resolve([parse_sets([assignment])])


def test_sets_are_typed_like_yaml_and_scientific_notation_is_a_number():
    values = parse_sets(
        ["training.lr=1e-3", "model.patch=4", "model.bidirectional=true", "data.task=rhythm", "a.b=[1, 2]"]
    )
    assert values == {
        "training": {"lr": 0.001},
        "model": {"patch": 4, "bidirectional": True},
        "data": {"task": "rhythm"},
        "a": {"b": [1, 2]},
    }


@pytest.mark.parametrize("text", ["training.lr", "=3", ""])
def test_a_set_without_key_or_value_is_refused(text):
    with pytest.raises(ConfigError, match="not of the form"):
        parse_sets([text])


def test_a_configuration_survives_its_own_yaml(tmp_path):
    config = resolve([{"arch": "cnn1d", "training": {"class_weights": [1.0, 2.2]}, "model": {"width": 8}}])
    path = tmp_path / "config.yaml"
    path.write_text(to_yaml(config))
    assert checked(TrainConfig, read_yaml(path)) == config


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [", "just words", "!!python/object/apply:os.system ['true']"])
def test_what_is_not_a_yaml_mapping_is_one_error(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        read_yaml(path)


def test_a_missing_configuration_is_named(tmp_path):
    with pytest.raises(NotFound, match=r"nowhere\.yaml"):
        read_yaml(tmp_path / "nowhere.yaml")


def test_an_unknown_recipe_suggests_the_nearest():
    with pytest.raises(ConfigError, match="no recipe") as caught:
        read_recipe("ptbxl-xlsm")
    assert "ptbxl-xlstm" in caught.value.hint


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_resolves_and_says_what_it_is(name):
    config = resolve([read_recipe(name)])
    assert config.summary
    assert config.arch


def test_every_option_has_a_description_or_a_name_that_needs_none():
    for section in ("data", "training"):
        fields = type(getattr(TrainConfig(), section)).model_fields
        undescribed = {name for name, field in fields.items() if not field.description}
        assert undescribed <= {"optimizer", "scheduler", "seed", "device"}
