"""Registry: names in code, as pure data.

A family (architectures, datasets, formats, commands) is one table ``name -> "module:attribute"``. Nothing is
imported until it is asked for; other packages add members through entry points of the group ``ecgtool.<family>``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from ecgtool.errors import ConfigError, did_you_mean


class Registry(Mapping[str, str]):
    """One family of named members, loaded on demand.

    Args:
        family: Plural noun, e.g. ``"architectures"``; also the suffix of the entry-point group.
        members: ``name -> "module:attribute"``.
        summary: One line for listings.
    """

    def __init__(self, family: str, members: Mapping[str, str], summary: str = "") -> None:
        self.family = family
        self.summary = summary
        self._members = dict(members)

    def load(self, name: str) -> Any:
        """The object called ``name``.

        Raises:
            ConfigError: No member has that name.
        """
        try:
            module, _, attribute = self[name].partition(":")
        except KeyError:
            noun = self.family.removesuffix("s")
            raise ConfigError(f"There is no {noun} called '{name}'.", did_you_mean(name, self)) from None
        return getattr(import_module(module), attribute)

    def __getitem__(self, name: str) -> str:
        return self._members[name] if name in self._members else self._plugins()[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._members
        yield from (name for name in self._plugins() if name not in self._members)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _plugins(self) -> dict[str, str]:
        return {point.name: point.value for point in entry_points(group=f"ecgtool.{self.family}")}
