"""Configuration: how the values of settings come together.

Defaults < recipe < ``--config`` YAML < flags < ``--set a.b=c``. Unknown keys are refused with the nearest known one.
YAML holds names and numbers, never import paths. The settings themselves are in :mod:`ecgtool.settings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ecgtool.errors import ConfigError, did_you_mean
from ecgtool.files import explained
from ecgtool.settings import TrainConfig

Model = TypeVar("Model", bound=BaseModel)
_YAML_LIMIT = 2**20


def resolve(layers: Sequence[Mapping[str, Any]]) -> TrainConfig:
    """Merge the layers, the later over the earlier, and check the whole.

    Raises:
        ConfigError: An unknown key or a value out of range, named with its path.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = merge(merged, layer)
    return checked(TrainConfig, merged)


def compose(
    recipe: str = "", file: Path | None = None, flags: Mapping[str, Any] | None = None, sets: Sequence[str] = ()
) -> TrainConfig:
    """The configuration of a training: defaults < recipe < file < flags < sets.

    Args:
        recipe: Name of a shipped recipe; it names its architecture.
        file: A YAML file, or None.
        flags: Nested values; those that are None were not given.
        sets: Assignments for :func:`parse_sets`.

    Raises:
        ConfigError: An unknown recipe, key or value, or another architecture than the recipe's.
    """
    stated = read_recipe(recipe) if recipe else {}
    layers = [stated, read_yaml(file) if file else {}, _given(flags or {}), parse_sets(sets)]
    config = resolve(layers)
    if stated and config.arch != stated["arch"]:
        raise ConfigError(
            f"The recipe '{recipe}' is for '{stated['arch']}', not '{config.arch}'.",
            f"Leave out --arch, or train '{config.arch}' without the recipe.",
        )
    return config


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both mappings in one, ``over`` winning, nested mappings merged key by key."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def checked(section: type[Model], values: Mapping[str, Any], where: str = "") -> Model:
    """The values as a section.

    Args:
        section: The pydantic model to make.
        values: Its values.
        where: Prefix of the key in messages, e.g. ``"model"``.

    Raises:
        ConfigError: An unknown key (with the nearest known one) or a value that does not fit.
    """
    try:
        return section.model_validate(values)
    except ValidationError as error:
        named = _named(section, error.errors()[0]["loc"])
        same = [other for other in error.errors() if _named(section, other["loc"]) == named]
        problem = max(same, key=lambda other: len(other["loc"]))  # of several kinds of value, what comes closest
        path = ".".join(([where] if where else []) + named)
        if problem["type"] == "extra_forbidden":
            raise ConfigError(
                f"There is no option '{path}'.", did_you_mean(str(problem["loc"][-1]), _keys(section, problem["loc"]))
            ) from None
        got = "" if isinstance(problem["input"], Mapping) else f" (got {str(problem['input'])[:60]!r})"
        raise ConfigError(f"{path}: {problem['msg'].removeprefix('Value error, ')}{got}.") from None


def parse_sets(assignments: Sequence[str]) -> dict[str, Any]:
    """``["model.patch=4", "training.lr=1e-3"]`` as nested mappings; values are YAML scalars or lists.

    Raises:
        ConfigError: An assignment has no ``=``.
    """
    values: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path.strip():
            raise ConfigError(
                f"--set {assignment!r} is not of the form section.option=value.", "For example --set training.lr=1e-3"
            )
        nested: Any = _scalar(text)
        for key in reversed(path.strip().split(".")):
            nested = {key: nested}
        values = merge(values, nested)
    return values


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping from a file.

    Raises:
        NotFound: There is no such file.
        ConfigError: It is not a YAML mapping.
    """
    with explained(path):
        if path.stat().st_size > _YAML_LIMIT:
            raise ConfigError(f"{path} is too large to be a configuration.")
        text = path.read_text(encoding="utf-8", errors="replace")
    return _mapping(text, str(path))


def recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(item.name.removesuffix(".yaml") for item in _recipe_folder().iterdir() if item.name.endswith(".yaml"))


def read_recipe(name: str) -> dict[str, Any]:
    """A shipped recipe by name, as :func:`resolve` takes it.

    Raises:
        ConfigError: There is no such recipe.
    """
    if name not in recipes():
        raise ConfigError(f"There is no recipe called '{name}'.", did_you_mean(name, recipes()))
    return _mapping((_recipe_folder() / f"{name}.yaml").read_text(encoding="utf-8"), f"recipe {name}")


def to_yaml(section: BaseModel) -> str:
    """A section as YAML that :func:`read_yaml` reads back to the same values."""
    return yaml.safe_dump(section.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The nested values without those that are None."""
    nested = {key: _given(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    return {key: value for key, value in nested.items() if value is not None}


def _recipe_folder() -> Any:
    return resources.files("ecgtool") / "recipes"


def _mapping(text: str, source: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{source} is not valid YAML: {error}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{source} must be a mapping of option to value.")
    return document


def _scalar(text: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    if isinstance(value, str) and value == text.strip():  # YAML 1.1 reads 1e-3 as text; what is quoted is meant so
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _named(section: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The parts of ``location`` up to an option, without what pydantic says of the kinds of value it may have."""
    current: Any = section
    for depth, part in enumerate(location):
        field = current.model_fields.get(str(part))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return [str(part) for part in location[: depth + 1]]
        current = field.annotation
    return [str(part) for part in location]


def _keys(section: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Option names of the section that ``location`` points into."""
    current: type[BaseModel] = section
    for part in location[:-1]:
        annotation = current.model_fields[str(part)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        current = annotation
    return list(current.model_fields)
