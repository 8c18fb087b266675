"""Files: whole or absent, and paths that stay inside."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from ecgtool import files
from ecgtool.errors import ConfigError, EcgError, FormatError, NotFound


def fail_at(monkeypatch, call, number, code=errno.ENOSPC):
    """Make the n-th call of an os function or Path method fail."""
    owner, name = call
    real, seen = getattr(owner, name), []

    def failing(*arguments, **options):
        seen.append(None)
        if len(seen) == number:
            raise OSError(code, os.strerror(code))
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, failing)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("call", [(os, "fsync"), (files.Path, "replace"), (files.Path, "open")])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call, code):
    path = files.write_text(tmp_path / "a.txt", "old")
    fail_at(monkeypatch, call, 1, code)
    with pytest.raises(EcgError, match=r"a\.txt"):
        files.write_text(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("holds", [(), ("a.json",)])
def test_what_a_folder_holds_beside_a_result_is_never_lost_forced_or_not(tmp_path, monkeypatch, holds):
    for name in ("a.json", "thesis.txt"):
        files.write_text(tmp_path / name, "mine")
    (tmp_path / "old").mkdir()
    monkeypatch.chdir(tmp_path)
    for out in (tmp_path, files.Path(), files.Path("old") / ".."):
        with pytest.raises(ConfigError, match="not replaced"), files.staged_folder(out, force=True, holds=holds):
            pass
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.json", "old", "thesis.txt"]


def test_a_file_is_never_replaced_by_a_folder(tmp_path):
    path = files.write_text(tmp_path / "a.txt", "mine")
    with pytest.raises(ConfigError, match="not replaced"), files.staged_folder(path, force=True, holds=("a.json",)):
        pass
    assert path.read_text() == "mine"


def test_nothing_is_written_over_the_root():
    with pytest.raises(ConfigError), files.staged_folder(files.Path("/"), force=True, holds=("a.json",)):
        pass


def test_a_forced_empty_folder_is_filled(tmp_path):
    final = tmp_path / "folder"
    final.mkdir()
    with files.staged_folder(final, force=True, holds=("a",)) as staged:
        (staged / "a").write_text("new")
    assert (final / "a").read_text() == "new"


def test_a_link_that_leads_to_itself_leads_out(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(FormatError, match="link"):
        files.inside(tmp_path, "loop/x.dat")


@pytest.mark.parametrize("number", range(1, 4))
@pytest.mark.parametrize("call", [(os, "fsync"), (files.Path, "rename"), (files.Path, "mkdir")])
def test_a_failed_folder_leaves_the_old_one_or_the_new_one_whole(tmp_path, monkeypatch, call, number):
    final = tmp_path / "folder"
    with files.staged_folder(final) as staged:
        (staged / "a").write_text("old")
    fail_at(monkeypatch, call, number)
    try:
        with files.staged_folder(final, force=True, holds=("a", "b")) as staged:
            (staged / "a").write_text("new")
            (staged / "b").write_text("new")
    except EcgError:
        pass
    monkeypatch.undo()
    files.recover_folder(final)
    content = {entry.name: entry.read_text() for entry in final.iterdir()}
    assert content in ({"a": "old"}, {"a": "new", "b": "new"})


def test_an_existing_folder_is_replaced_only_when_forced(tmp_path):
    final = tmp_path / "folder"
    final.mkdir()
    with pytest.raises(ConfigError, match="exists already"), files.staged_folder(final):
        pass


def test_an_interrupted_folder_is_absent(tmp_path):
    def build():
        with files.staged_folder(tmp_path / "folder") as staged:
            (staged / "a").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build()
    assert list(tmp_path.iterdir()) == []


def test_a_file_rewritten_until_killed_is_never_torn(tmp_path):
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from ecgtool.files import write_json
        count = 0
        while True:
            count += 1
            write_json(Path(sys.argv[1]), [count] * 5000)
    """)
    path = tmp_path / "counts.json"
    for pause in (0.0, 0.013, 0.031, 0.047, 0.002):
        process = subprocess.Popen([sys.executable, "-c", script, str(path)])
        while not path.exists():
            time.sleep(0.005)
        time.sleep(0.05 + pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert len(set(files.read_json(path))) == 1


@pytest.mark.parametrize(
    "relative",
    ["../x", "/etc/passwd", "a/../../x", "C:\\x", "http://x/y", "a\0b", "", "..", "a\\..\\..\\x", "x" * 2000],
)
def test_a_path_that_leaves_the_folder_is_refused(tmp_path, relative):
    with pytest.raises(FormatError):
        files.inside(tmp_path, relative)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path)
    with pytest.raises(FormatError, match="link"):
        files.inside(tmp_path / "folder", "link/secret")


def test_a_path_inside_the_folder_is_joined(tmp_path):
    assert files.inside(tmp_path, "a/b.dat") == tmp_path / "a" / "b.dat"


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", ".hidden", "x" * 65, "é", "a\n", "a;drop"])
def test_a_name_with_surprises_is_refused(name):
    with pytest.raises(ConfigError):
        files.valid_name(name)


def test_broken_json_is_one_error_that_names_the_file(tmp_path):
    path = tmp_path / "a.json"
    for text in ("{", "[" * 100_000, "\xff"):
        path.write_text(text, encoding="latin-1")
        with pytest.raises(FormatError, match=r"a\.json"):
            files.read_json(path)
    with pytest.raises(NotFound, match=r"b\.json"):
        files.read_json(tmp_path / "b.json")


def test_a_digest_is_that_of_the_content(tmp_path):
    path = files.write_text(tmp_path / "a", "abc")
    assert files.digest(path) == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_folder_of_nobody_is_told():
    with pytest.raises(NotFound, match="~nobody-of-this-name"):
        files.expanded("~nobody-of-this-name/store")


def test_an_error_names_the_file_its_user_knows_rather_than_the_one_under_construction(tmp_path):
    files.write_text(tmp_path / "notes.txt", "mine")
    with pytest.raises(EcgError) as caught, files.staged_folder(tmp_path / "notes.txt" / "report"):
        pass
    assert caught.value.message == f"{tmp_path / 'notes.txt' / 'report'}: Not a directory."
    assert caught.value.hint == "Check the path."


@pytest.mark.parametrize("folder", [".", "..", "sub/.."])
def test_a_file_does_not_take_the_name_of_a_folder(tmp_path, monkeypatch, folder):
    (tmp_path / "here" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(EcgError):
        files.write_text(files.Path(folder), "new")
    assert [entry.name for entry in tmp_path.rglob("*")] == ["here", "sub"]


def test_a_name_that_is_not_text_can_be_written(tmp_path):
    path = files.write_json(tmp_path / "a.json", {"file": "\udcff.hea"})
    assert files.read_json(path) == {"file": "\udcff.hea"}
