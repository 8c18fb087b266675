"""MATLAB files of versions 4 to 7, whose variables are matrices of numbers.

Which variable is the recording its name says, or that there is but one; rate, leads and unit come from variables named
``fs``, ``leads``, ``unit``, or from a document beside the file. The files of PhysioNet's Challenges, which have a
header ``.hea`` beside them, are WFDB.
"""

from __future__ import annotations

from pathlib import Path

from ecgtool.errors import FormatError
from ecgtool.formats.arrays import oriented, rate, to_record
from ecgtool.formats.containers import SAYING, SIGNAL, said_by
from ecgtool.formats.contract import Format
from ecgtool.formats.mat_variables import Variable, opened, value, variables, version
from ecgtool.formats.npy_array import BadArray, read_range
from ecgtool.formats.reading import sample_range
from ecgtool.formats.regular import regular_file
from ecgtool.formats.sidecar import described
from ecgtool.formats.wfdb import sniff as is_wfdb
from ecgtool.record import Record

_SAVE = "Save the signal in MATLAB as a matrix: save('rec.mat', 'signal', 'fs', '-v7')."


def sniff(path: Path, head: bytes) -> bool:
    """Whether the file begins as MATLAB's do, and no WFDB header beside it names it."""
    return version(head) != "" and not is_wfdb(path, head)


def read(path: Path, start_s: float = 0.0, seconds: float | None = None) -> Record:
    """A range of the recording that a MATLAB file holds.

    Args:
        path: The file.
        start_s: Where the range begins.
        seconds: Its length; None for all.

    Raises:
        NotFound: There is no such file.
        FormatError: It is damaged or of version 7.3, which variable is meant is not clear, or nothing says its rate.
        ConfigError: The range begins after the end of the recording.
    """
    with regular_file(path) as (file, size):
        head = file.read(4096)
        kind = version(head)
        if kind == "7.3":
            raise FormatError(f"{path} is a MATLAB file of version 7.3 (HDF5), which is not read.", _SAVE)
        if not kind:
            raise FormatError(f"{path} does not begin as a MATLAB file does.", _SAVE)
        order = ">" if head[126:128] == b"MI" and kind == "5" else "<"
        try:
            found = {variable.name: variable for variable in variables(file, size, head) if variable.name}
            chosen = _chosen(found)
            said = described(path, said_by(found, lambda name: value(file, found[name], order)))
            array = chosen.array
            if array is None or chosen.kind != "numbers":
                raise BadArray(f"holds {chosen.kind} in {chosen.name[:40]!r}, not numbers")
            axes = oriented(path, array.shape, said)
            begin, end = sample_range(path, axes.samples, rate(path, said), start_s, seconds)
            values = read_range(opened(file, chosen), array, axes, begin, end)
        except BadArray as error:
            raise FormatError(f"{path} {error}.", _SAVE) from None
    return to_record(path, values, said, (begin, end, axes.samples), {})


def _chosen(found: dict[str, Variable]) -> Variable:
    """The variable that is the recording: by its name, or the only one of more than one number.

    Raises:
        BadArray: It is not clear which.
    """
    named = next((found[name] for name in SIGNAL if name in found), None)
    if named is not None:
        return named
    large = [
        variable
        for variable in found.values()
        if variable.name not in SAYING and variable.kind == "numbers" and variable.array is not None
        if max(variable.array.shape, default=0) > 1
    ]
    if len(large) != 1:
        listed = ", ".join(f"{name} ({variable.kind})" for name, variable in sorted(found.items())[:8])
        raise BadArray(f"does not say which of its variables is the recording ({listed[:200]}); name it 'signal'")
    return large[0]


MAT = Format("mat", "MATLAB files, versions 4 to 7", (".mat",), sniff, read, rebuild="ecgtool.deidentify.tables:ARRAY")
