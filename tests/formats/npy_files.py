"""Small NumPy arrays of every layout and type, written for the tests."""

import json

import numpy as np

LEADS = ("I", "II", "V1")


def counts(samples=200, leads=3):
    return (1000 * np.sin(np.arange(leads * samples).reshape(leads, samples) / 17)).round()


def document(path, **said):
    path.with_name(f"{path.stem}.meta.json").write_text(json.dumps(said))
    return path


def save(path, array, **said):
    np.save(path, array)
    return document(path, **said)


def write_samples(folder):
    """Arrays in both orders, of several types, one packed with others, one of a single lead."""
    values = counts()
    np.savez_compressed(folder / "packed.npz", signal=values.astype("<f4"), fs=100, leads=LEADS, unit="uV")
    np.savez(folder / "stored.npz", other=np.arange(3), signal=values.T.astype("<i2"), fs=100.0, leads=LEADS, unit="uV")
    return [
        save(folder / "rows.npy", values.astype("<f4"), fs=100, leads=LEADS, unit="uV", layout="leads,samples"),
        save(folder / "columns.npy", values.T.astype(">i2"), fs=100, leads=LEADS, unit="adc", gain=1000, baseline=5),
        save(folder / "fortran.npy", np.asfortranarray(values), fs=100, leads=LEADS, unit="uV"),
        save(folder / "half.npy", (values / 1000).astype("<f2")[0], fs=100.0, unit="zscore", age=63, sex="F"),
        folder / "packed.npz",
        folder / "stored.npz",
    ]
