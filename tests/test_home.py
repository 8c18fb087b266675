"""Home: where names lead."""

import pytest

from ecgtool import home as homes
from ecgtool.errors import ConfigError, NotFound


def test_a_name_means_the_member_in_the_home(home):
    (home / "stores" / "mine").mkdir(parents=True)
    assert homes.find("stores", "mine") == home / "stores" / "mine"
    assert homes.place("stores", "new") == home / "stores" / "new"


def test_an_existing_folder_of_that_name_wins(home, tmp_path):
    (home / "stores" / "mine").mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "manifest.json").touch()
    assert homes.find("stores", "mine").resolve() == tmp_path / "mine"


def test_a_folder_of_recordings_does_not_hide_the_store_of_its_name(home, tmp_path):
    (tmp_path / "ptbxl").mkdir()
    assert homes.find("stores", "ptbxl").resolve() == tmp_path / "ptbxl"
    (home / "stores" / "ptbxl").mkdir(parents=True)
    (home / "stores" / "ptbxl" / "manifest.json").touch()
    assert homes.find("stores", "ptbxl") == home / "stores" / "ptbxl"


def test_a_name_with_a_slash_is_a_path():
    assert str(homes.place("stores", "./here")) == "here"


def test_an_unknown_name_suggests_the_nearest(home):
    (home / "runs" / "ptbxl-xlstm-1").mkdir(parents=True)
    with pytest.raises(NotFound, match="no run 'ptbxl-xlstm-2'") as caught:
        homes.find("runs", "ptbxl-xlstm-2")
    assert "ptbxl-xlstm-1" in caught.value.hint


def test_a_path_that_is_not_there_is_not_looked_for_in_the_home(home):
    with pytest.raises(NotFound):
        homes.find("stores", "./nowhere")


def test_a_new_name_must_be_a_name():
    with pytest.raises(ConfigError):
        homes.place("stores", "a b")


def test_what_lies_in_ecg_home_is_named_and_anything_else_is_a_path(home, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert homes.portable(home / "stores" / "toy") == "toy"
    assert homes.portable(tmp_path / "elsewhere" / "toy") == str((tmp_path / "elsewhere" / "toy").resolve())
    assert homes.portable(tmp_path / "me" / "toy") == "~/toy"
