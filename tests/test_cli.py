"""The command line: one table, one error boundary, nothing heavy before it is needed."""

import errno
import inspect
import json
import os
import subprocess
import sys

import pytest

from ecgtool import __version__, cli
from ecgtool.commands import COMMANDS
from ecgtool.console import Result
from ecgtool.errors import EcgError
from ecgtool.registry import Registry

HEAVY = ("torch", "lightning", "pandas", "scipy", "sklearn", "matplotlib", "onnxruntime", "onnx", "wfdb")


def leaves(table, prefix=()):
    """Every command of a table, with its path."""
    for name in table:
        target = table.load(name)
        if isinstance(target, Registry):
            yield from leaves(target, (*prefix, name))
        else:
            yield (*prefix, name), target


COMMAND_LEAVES = list(leaves(COMMANDS))


@pytest.fixture
def command(monkeypatch):
    """Put one command in place of all others."""

    def install(function):
        module = type(sys)("fake_commands")
        module.function = function
        monkeypatch.setitem(sys.modules, "fake_commands", module)
        monkeypatch.setattr(cli, "COMMANDS", Registry("commands", {"it": "fake_commands:function"}, "Test."))

    return install


@pytest.mark.parametrize(("path", "function"), COMMAND_LEAVES, ids=[" ".join(path) for path, _ in COMMAND_LEAVES])
def test_every_command_has_help_and_the_shared_flags(ecg, path, function):
    outcome = ecg(*path, "--help")
    assert outcome.code == 0
    assert {"--json", "--verbose", "--quiet"} <= set(outcome.out.replace(",", " ").split())
    assert inspect.getdoc(function).splitlines()[0].endswith(".")


def test_help_and_version_import_nothing_heavy():
    for arguments in (["--help"], ["--version"], [], ["train", "--help"], ["prepare", "--help"]):
        script = f"import sys; from ecgtool import cli; cli.run({arguments!r}); print(*sys.modules, file=sys.stderr)"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert not {module.split(".")[0] for module in done.stderr.split()} & set(HEAVY), arguments


def test_the_version_is_printed(ecg):
    assert ecg("--version").out.strip() == f"ecgtool {__version__}"


def test_alone_it_says_the_first_steps(ecg):
    outcome = ecg()
    assert outcome.code == 0
    assert "ecg prepare synthetic" in outcome.out


def test_wrong_usage_exits_with_2_and_suggests(ecg):
    outcome = ecg("trian")
    assert outcome.code == 2
    assert "train" in outcome.err


def test_an_error_is_one_line_with_its_hint(ecg, command):
    def broken() -> Result:
        """Break."""
        raise EcgError("the file [bold]x[/bold] \x1b[31m is bad", "mend it")

    command(broken)
    outcome = ecg("it")
    assert outcome.code == 1
    assert outcome.out == ""
    assert outcome.err == "error: the file [bold]x[/bold] \ufffd[31m is bad mend it\n"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_what_the_system_says_of_the_disk_is_one_line(ecg, command, code):
    def broken() -> Result:
        """Break."""
        raise OSError(code, os.strerror(code), "some/file")

    command(broken)
    outcome = ecg("it")
    assert outcome.code == 1
    assert outcome.err.startswith(f"error: some/file: {os.strerror(code)}.")


def test_a_bug_keeps_its_traceback(command):
    def broken() -> Result:
        """Break."""
        raise ZeroDivisionError

    command(broken)
    with pytest.raises(ZeroDivisionError):
        cli.run(["it"])


def test_an_interruption_exits_with_130(ecg, command):
    def slow() -> Result:
        """Wait."""
        raise KeyboardInterrupt

    command(slow)
    outcome = ecg("it")
    assert outcome.code == 130
    assert "goes on" in outcome.err


def test_results_go_to_stdout_and_next_steps_to_stderr(ecg, command):
    def fine() -> Result:
        """Work."""
        return Result({"value": float("nan")}, "[red]made it[/red]", ["ecg info [x]"])

    command(fine)
    outcome = ecg("it")
    assert outcome.out == "[red]made it[/red]\n"
    assert "ecg info [x]" in outcome.err
    assert ecg("it", "-q").err == ""
    quiet = ecg("it", "--json")
    assert json.loads(quiet.out) == {"value": None}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_letters_that_the_terminal_lacks_end_nothing(encoding):
    begin = "import sys; from ecgtool import console as c; c.setup_streams(); "
    shown = begin + r"c.show(c.Result({'unit': '\u00b5V'}, '\u2013 \u00b5V \udcff'), as_json=len(sys.argv) > 1)"
    for flags in ([], ["--json"]):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run([sys.executable, "-c", shown, *flags], capture_output=True, env=environment, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        if flags:
            assert json.loads(done.stdout.decode(encoding)) == {"unit": "\u00b5V"}


def test_a_closed_stdout_ends_nothing():
    closed = "import sys; sys.stdout = None; from ecgtool import cli; sys.exit(cli.run(['models', 'list']))"
    done = subprocess.run([sys.executable, "-c", closed], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
