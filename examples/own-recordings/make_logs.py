"""Write what a hobby amplifier prints: one-lead logs of a 10-bit converter, with a line of text now and then.

python make_logs.py FOLDER [NUMBER]

Half of the people drawn have atrial fibrillation. ``labels.csv`` lies beside the logs.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from ecgtool.signals.synth import Plan, draw
from ecgtool.signals.synth_person import Person

FS, SECONDS = 250, 30
VREF, BITS, GAIN = 3.3, 10, 1100


def main(folder: Path, number: int) -> None:
    """Write the logs."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    rows = []
    for index in range(number):
        fibrillating = index % 2 == 1
        plan = Plan(Person.random(rng), fibrillating=fibrillating, rate=float(rng.uniform(60, 95)))
        millivolts = draw(plan, FS, SECONDS, seed=index).record.select(["II"]).signal[0]
        counts = np.clip(np.rint((millivolts / 1000 * GAIN / VREF + 0.5) * 2**BITS), 0, 2**BITS - 1).astype(int)
        lines = [f"{round(1000 * sample / FS)},{count}" for sample, count in enumerate(counts)]
        lines[:0] = ["AD8232 ready", "time_ms,adc"]
        lines.insert(len(lines) // 2, "!")  # what the amplifier's sketch prints when an electrode comes off
        (folder / f"log{index:03d}.txt").write_text("\n".join(lines) + "\n")
        rows.append((f"log{index:03d}.npy", "afib" if fibrillating else "sinus", f"person{index:03d}"))
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label", "patient_id"), *rows])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 40)
