"""Recordings made by hand: a smooth signal whose every sample is known, and WFDB files of it."""

import numpy as np

from ecgtool.record import LEADS_8, LEADS_12, Record


def ecg_like(seconds=10.0, fs=100.0, leads=LEADS_12, seed=0):
    """A smooth signal of its own in each lead, the limb leads obeying Einthoven and Goldberger; mV."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * fs)) / fs
    waves = {
        lead: sum(rng.normal(0, 0.3) * np.sin(2 * np.pi * (f * times + rng.random())) for f in (0.7, 1.3, 3.1, 7.7))
        for lead in LEADS_8
    }
    one, two = waves["I"], waves["II"]
    waves |= {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}
    signal = np.stack([waves[lead] for lead in leads]).astype(np.float32)
    return Record(signal, fs, tuple(leads), id=f"r{seed}")


def write_record(record, folder, *, name="rec", unit="mV", gain=1000.0, comments=()):
    """Write as WFDB format 16, with the gain in counts per unit."""
    folder.mkdir(parents=True, exist_ok=True)
    millivolts = {"mV": 1.0, "uV": 1000.0, "V": 0.001}[unit]
    counts = np.rint(record.signal * millivolts * gain).astype("<i2")
    (folder / f"{name}.dat").write_bytes(counts.T.tobytes())
    sums = counts.sum(axis=1, dtype=np.int64).astype("<i2")
    lines = [f"{name} {len(record.leads)} {record.fs:g} {record.signal.shape[1]}"]
    for lead, row, total in zip(record.leads, counts, sums, strict=True):
        lines.append(f"{name}.dat 16 {gain:g}(0)/{unit} 16 0 {row[0]} {total} 0 {lead}")
    lines += [f"#{comment}" for comment in comments]
    path = folder / f"{name}.hea"
    path.write_text("\n".join(lines) + "\n")
    return path
