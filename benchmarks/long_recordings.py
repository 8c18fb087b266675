"""A day of two or twelve leads through ``ecg segment``: seconds of computing and the most memory, beside an hour.

    python benchmarks/long_recordings.py [--hours 24] [--leads 2] [--method unet1d] [--format csv|wfdb]

The recording is drawn: five minutes of sinus rhythm with ectopic beats, repeated. Each length is segmented by a process
of its own; the most memory it held is what the operating system tells of it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from ecgtool.record import LEADS_12
from ecgtool.signals.synth import Plan, draw
from ecgtool.signals.synth_person import Person

FS, DRAWN_S = 360, 300
RUN = "import sys; from ecgtool.cli import run; sys.exit(run(sys.argv[1:]))"


def write_long(folder: Path, name: str, leads: tuple[str, ...], hours: float) -> Path:
    """A WFDB record of that length, written piece by piece."""
    plan = Plan(Person.random(np.random.default_rng(7)), rate=72, ectopy="ventricular", ectopic_every=20)
    drawn = draw(plan, FS, DRAWN_S, seed=7).record.select(leads)
    counts = np.rint(1000 * drawn.signal.T).astype("<i2")
    left = total = round(hours * 3600 * FS)
    with (folder / f"{name}.dat").open("wb") as file:
        while left > 0:
            file.write(counts[:left].tobytes())
            left -= len(counts)
    lines = [f"{name} {len(leads)} {FS} {total}", *(f"{name}.dat 16 1000(0)/mV 16 0 0 0 0 {lead}" for lead in leads)]
    header = folder / f"{name}.hea"
    header.write_text("\n".join(lines) + "\n")
    return header


def segmented(header: Path, method: str, kind: str) -> dict[str, float]:
    """Seconds, beats and the most memory in MB of one ``ecg segment``."""
    out = header.with_suffix(".csv") if kind == "csv" else header.with_suffix("")
    command = [sys.executable, "-c", RUN, "segment", str(header), "--method", method, "--out", str(out), "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = json.loads(done.stdout)["recordings"][0]
    return {
        "hours": found["seconds"] / 3600,
        "beats": found["beats"],
        "seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "most_mb": after.ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--leads", type=int, default=2, choices=(1, 2, 3, 12))
    parser.add_argument("--method", default="unet1d")
    parser.add_argument("--format", default="csv", choices=("csv", "wfdb"))
    args = parser.parse_args()
    leads = {1: ("II",), 2: ("II", "V1"), 3: ("I", "II", "V1"), 12: LEADS_12}[args.leads]
    with tempfile.TemporaryDirectory() as folder:
        for hours in sorted({1.0, args.hours}):  # the shorter one first: the most memory of any child is what is told
            header = write_long(Path(folder), f"hours{hours:g}".replace(".", "_"), leads, hours)
            told = segmented(header, args.method, args.format)
            print(
                f"{told['hours']:6.1f} h of {len(leads)} leads, {args.method}: {told['beats']:,.0f} beats, "
                f"{told['seconds']:.1f} s of computing, at most {told['most_mb']:.0f} MB"
            )


if __name__ == "__main__":
    main()
