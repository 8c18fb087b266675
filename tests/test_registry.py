"""Registry: pure data, loaded on demand, open to other packages."""

import sys
from importlib.metadata import EntryPoint

import pytest

from ecgtool.commands import COMMANDS
from ecgtool.commands.prepare import PREPARE
from ecgtool.errors import ConfigError
from ecgtool.formats import FORMATS
from ecgtool.models import ARCHITECTURES
from ecgtool.registry import Registry

FAMILIES = {"commands": COMMANDS, "datasets": PREPARE, "formats": FORMATS, "architectures": ARCHITECTURES}


@pytest.mark.parametrize(("family", "name"), [(f, n) for f, table in FAMILIES.items() for n in table])
def test_every_name_of_every_table_loads(family, name):
    assert FAMILIES[family].load(name) is not None


@pytest.mark.parametrize("family", FAMILIES)
def test_a_table_knows_its_own_family(family):
    assert FAMILIES[family].family == family


def test_nothing_is_imported_before_it_is_asked_for():
    sys.modules.pop("colorsys", None)
    table = Registry("toys", {"rgb": "colorsys:rgb_to_hsv"})
    assert "colorsys" not in sys.modules
    assert table.load("rgb")(0, 0, 0) == (0.0, 0.0, 0)


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(ConfigError, match="no toy called 'rgbb'") as caught:
        Registry("toys", {"rgb": "colorsys:rgb_to_hsv"}).load("rgbb")
    assert caught.value.hint == "Did you mean 'rgb'?"


def test_another_package_adds_a_member_through_an_entry_point(monkeypatch):
    point = EntryPoint("extra", "colorsys:hsv_to_rgb", "ecgtool.toys")
    monkeypatch.setattr("ecgtool.registry.entry_points", lambda group: [point] if group == "ecgtool.toys" else [])
    table = Registry("toys", {"rgb": "colorsys:rgb_to_hsv"})
    assert list(table) == ["rgb", "extra"]
    assert table.load("extra")(0, 0, 0) == (0, 0, 0)
