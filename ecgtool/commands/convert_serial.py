"""``ecg convert-serial``: text logs of loggers and microcontrollers, or what a port sends, as recordings."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecgtool.console import Result

if TYPE_CHECKING:
    from ecgtool.serial.batch import Job, Outcome

_SHOWN = ("fs", "seconds", "unit", "stray", "filled", "gaps_found")

Logs = Annotated[list[Path] | None, typer.Argument(help="Text that a device printed.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", help="Folder for NAME.npy, NAME.meta.json and NAME_preview.png.")]
Fs = Annotated[float | None, typer.Option("--fs", help="Sampling rate in Hz, where the log has no times.")]
TimeCol = Annotated[
    int | None, typer.Option("--time-col", help="Column of the times, from 0; -1: none. Found out if not given.")
]
ValueCol = Annotated[
    str | None, typer.Option("--value-col", help="Column of the values; several with commas, a lead each.")
]
Delimiter = Annotated[str | None, typer.Option("--delimiter", help="Between columns: , ; | : tab or space.")]
Decimal = Annotated[str | None, typer.Option("--decimal", help="Decimal mark: . or ,")]
TimeUnit = Annotated[str, typer.Option("--time-unit", help="auto, s, ms, us, or samples for a counter.")]
Interpolate = Annotated[str, typer.Option("--interpolate", help="Between irregular times: linear or spline.")]
MaxGap = Annotated[float, typer.Option("--max-gap-s", help="Longer gaps are left as gaps, in seconds.")]
Unit = Annotated[str, typer.Option("--unit", help="Of the values: auto, adc, mV, uV or V.")]
Vref = Annotated[float | None, typer.Option("--vref", help="Reference voltage of the converter, in V.")]
Bits = Annotated[int | None, typer.Option("--bits", help="Resolution of the converter.")]
Gain = Annotated[float | None, typer.Option("--gain", help="Of the amplifier before the converter.")]
Zero = Annotated[float | None, typer.Option("--zero", help="Count without a voltage; half the range if not given.")]
Lead = Annotated[str | None, typer.Option("--lead", help="Name of the lead; several with commas.")]
Kind = Annotated[str, typer.Option("--format", help="Of the recording: npy or wfdb.")]
Port = Annotated[str | None, typer.Option("--port", help="Listen to a serial port, such as /dev/ttyUSB0.")]
Baud = Annotated[int, typer.Option("--baud", min=1, help="Speed of the port.")]
Seconds = Annotated[float | None, typer.Option("--seconds", help="How long to listen; until Ctrl-C if not given.")]
Name = Annotated[str | None, typer.Option("--name", help="What to call a capture; its date and time if not given.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]


def convert_serial(
    out: Out,
    logs: Logs = None,
    fs: Fs = None,
    time_col: TimeCol = None,
    value_col: ValueCol = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    time_unit: TimeUnit = "auto",
    interpolate: Interpolate = "linear",
    max_gap_s: MaxGap = 0.04,
    unit: Unit = "auto",
    vref: Vref = None,
    bits: Bits = None,
    gain: Gain = None,
    zero: Zero = None,
    lead: Lead = None,
    kind: Kind = "npy",
    port: Port = None,
    baud: Baud = 115200,
    seconds: Seconds = None,
    name: Name = None,
    force: Force = False,
) -> Result:
    """Turn text logs, or what a serial port sends, into recordings with a picture of each."""
    from ecgtool import console
    from ecgtool.errors import ConfigError
    from ecgtool.serial.batch import Job, convert_logs
    from ecgtool.serial.options import Options
    from ecgtool.serial.scale import Scale

    leads = tuple(word.strip() for word in lead.split(",")) if lead else ()
    options = Options(
        fs=fs,
        time_col=time_col,
        value_cols=_columns(value_col),
        delimiter=delimiter,
        decimal=decimal,
        time_unit=time_unit,
        interpolate=interpolate,
        max_gap_s=max_gap_s,
        leads=leads,
    )
    job = Job(out, options, Scale(unit=unit, vref=vref, bits=bits, gain=gain, zero=zero), kind, force)
    if bool(logs) == bool(port):
        raise ConfigError("Give logs to convert, or --port to listen to.", "See ecg convert-serial --help.")
    given = list(logs or ())
    if port:
        given = [_captured(port, baud, seconds, name, job)]
    with console.progress("Converting", len(given)) as advance:
        outcomes = convert_logs(given, job, advance)
    return _result(outcomes)


def _columns(text: str | None) -> tuple[int, ...]:
    """The column numbers in ``--value-col 1,2``."""
    from ecgtool.errors import ConfigError

    try:
        return tuple(int(word) for word in text.split(",")) if text else ()
    except ValueError:
        raise ConfigError(f"--value-col {text!r} is no list of columns.", "Give numbers from 0, such as 1,2.") from None


def _captured(port: str, baud: int, seconds: float | None, name: str | None, job: Job) -> Path:
    """Listen to a port; the log that came of it."""
    from ecgtool.console import log
    from ecgtool.files import valid_name
    from ecgtool.serial.capture import Source, capture
    from ecgtool.serial.monitor import Monitor, preview
    from ecgtool.serial.outputs import refuse_outputs

    called = valid_name(name or f"capture-{datetime.now():%Y%m%d-%H%M%S}", "name of a capture")
    refuse_outputs(job.out, called, job.kind, force=job.force)
    source = Source(port, baud, seconds)
    with preview(Monitor(job.options)) as watch:
        made = capture(source, job.out / f"{called}.log", watch, force=job.force)
    how = {"unplugged": "the device went away", "interrupted": "stopped", "time": "time is over"}[made.ended]
    report = log.warning if made.ended == "unplugged" else log.info
    report("%s: %s lines in %.1f s (%.4g per second), kept in %s", how, made.lines, made.seconds, made.rate, made.log)
    return made.log


def _result(outcomes: Sequence[Outcome]) -> Result:
    """What became of the logs; the failed ones and the notes are told at once."""
    from ecgtool.console import log, table

    done, failed = [], []
    for outcome in outcomes:
        if outcome.error is not None or outcome.converted is None:
            log.error("%s", f"{outcome.error.message} {outcome.error.hint}".strip() if outcome.error else "")
            failed.append({"log": str(outcome.log), "error": outcome.error.message if outcome.error else ""})
            continue
        for note in outcome.converted.notes:
            log.info("%s: %s", outcome.log.name, note)
        record = outcome.converted.record
        made = {"log": str(outcome.log), "recording": str(outcome.recording), "fs": record.fs}
        made |= {"leads": list(record.leads), "seconds": record.seconds, "calibrated": record.calibrated}
        done.append({**made, **outcome.converted.facts, "notes": list(outcome.converted.notes)})
    rows = [(each["recording"], ", ".join(each["leads"]), *(each[key] for key in _SHOWN)) for each in done]
    text = table(("recording", "leads", "Hz", "seconds", "unit", "stray", "filled", "gaps"), rows) if rows else ""
    following = [f"ecg plot {shlex.quote(str(each['recording']))}" for each in done[:1]]
    return Result({"converted": done, "failed": failed}, text, following, int(bool(failed)))
