"""The ``ecg`` command: a table of subcommands, the flags they share, and the one place that prints errors and exits.

Exit codes: 0 fine, 1 an error the user can act on, 2 wrong usage, 130 interrupted. Anything else is a bug and keeps
its traceback.
"""

from __future__ import annotations

import errno
import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, get_type_hints

import typer

from ecgtool import __version__, console
from ecgtool.commands import COMMANDS
from ecgtool.errors import EcgError
from ecgtool.registry import Registry

FIRST_STEPS = """\
ecg: from a raw electrocardiogram to a served model.

First steps, with no data at all:
  ecg prepare synthetic
  ecg train --dataset synthetic --arch cnn1d --epochs 5
  ecg evaluate RUN            (the name that train printed)

With recordings of your own:
  ecg info FILE               (any format: what is in it, what looks wrong)
  ecg plot FILE --waves       (P, QRS and T; a table of them: ecg segment FILE --out waves.csv)
  ecg prepare folder DIR      (recordings, and labels.csv beside them)
  ecg convert-serial LOG --out DIR

With PTB-XL on disk:
  ecg prepare ptbxl DIR --task superdiagnostic
  ecg train --dataset ptbxl --arch xlstm

ecg --help lists every command; ecg info says what is installed and where things are.
"""

# What the operating system says when the user, not the program, has to act.
_DISK = ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "ENOTDIR", "EISDIR", "ENAMETOOLONG", "EMFILE")
_FOR_THE_USER = frozenset(getattr(errno, name) for name in _DISK)

_COMMON_FLAGS = {
    "as_json": Annotated[bool, typer.Option("--json", help="Print the result as JSON.")],
    "verbose": Annotated[bool, typer.Option("--verbose", "-v", help="Say more on stderr.")],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="Say only errors on stderr.")],
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``ecg`` and exit with its code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run ``ecg`` with the given arguments, print its result or its error, and return the exit code."""
    console.setup_streams()
    console.setup_logging()
    try:
        build(COMMANDS, arguments)(list(arguments), prog_name="ecg")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except EcgError as error:
        return _explain(error)
    except OSError as error:
        if error.errno not in _FOR_THE_USER:
            raise
        named = error.filename or "The operating system"
        return _explain(EcgError(f"{named}: {error.strerror}.", "Check free space and permissions."))
    return 0


def build(table: Registry, arguments: Sequence[str], name: str | None = None) -> typer.Typer:
    """The commands of a table as one Typer application; only those that ``arguments`` need are imported."""
    app = typer.Typer(
        name=name,
        help=table.summary,
        add_completion=False,
        no_args_is_help=name is not None,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    if name is None:
        app.callback(invoke_without_command=True)(_root)
    else:
        app.callback()(lambda: None)
    wanted = arguments[0] if arguments and arguments[0] in table else None
    for member in [wanted] if wanted else table:
        target = table.load(member)
        if isinstance(target, Registry):
            app.add_typer(build(target, arguments[1:] if wanted else (), member), name=member, help=target.summary)
        else:
            app.command(member)(_with_common_flags(target))
    return app


def _with_common_flags(command: Callable[..., console.Result]) -> Callable[..., None]:
    """The command with ``--json``, ``-v`` and ``-q``, its result printed."""

    @functools.wraps(command)
    def arrow(as_json: bool = False, verbose: bool = False, quiet: bool = False, **options: Any) -> None:
        console.setup_logging(int(verbose) - int(quiet))
        try:
            result = command(**options)
            console.show(result, as_json=as_json)
        except KeyboardInterrupt as stop:
            console.stderr().print(str(stop) or "interrupted; the same command again goes on")
            raise typer.Exit(130) from None
        if result.code:
            raise typer.Exit(result.code)

    hints = get_type_hints(command, include_extras=True)
    own = [part.replace(annotation=hints[part.name]) for part in inspect.signature(command).parameters.values()]
    shared = [
        inspect.Parameter(flag, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
        for flag, annotation in _COMMON_FLAGS.items()
    ]
    vars(arrow)["__signature__"] = inspect.Signature(own + shared)
    arrow.__annotations__ = {**{key: hints[key] for key in hints if key != "return"}, **_COMMON_FLAGS}
    return arrow


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"ecgtool {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(FIRST_STEPS)


def _explain(error: EcgError) -> int:
    from rich.text import Text

    text = Text.assemble(("error: ", "bold red"), console.printable(error.message))
    if error.hint:
        text.append(f" {console.printable(error.hint)}", style="dim")
    console.stderr().print(text)
    return 1


if __name__ == "__main__":
    main()
