"""EDF and BDF files made by hand, field by field, and what takes them apart at their seams."""

from datetime import datetime

import numpy as np
from recorded import ecg_like

from ecgtool.formats.edf_write import write_edf
from ecgtool.record import Record

FIXED = (8, 80, 80, 8, 8, 8, 44, 8, 8, 4)
SIGNAL = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)


def signal(label, counts, unit="uV", physical=("-32768", "32767"), digital=("-32768", "32767"), **fields):
    """One signal: counts [records, samples per record] and its header fields."""
    return {
        "label": label,
        "counts": np.asarray(counts),
        "unit": unit,
        "physical": physical,
        "digital": digital,
    } | fields


def stamps(onsets, width=20):
    """The annotation signal that says when each record begins."""
    texts = [f"+{onset:.12g}\x14\x14\0".encode().ljust(width, b"\0") for onset in onsets]
    counts = np.array([np.frombuffer(text, "<i2") for text in texts])
    return signal("EDF Annotations", counts, "", ("-1", "1"))


def make_edf(path, signals, /, *, duration="1", kind="", bits=16, **fields):
    """Write a file of signals; ``fields`` replace fields of the fixed header by name."""
    records = len(signals[0]["counts"])
    fixed = {
        "magic": b"0       " if bits == 16 else b"\xffBIOSEMI",
        "patient": "X X X X" if kind else "a patient",
        "recording": "Startdate X X X X" if kind else "a recording",
        "date": "03.02.04",
        "time": "05.06.07",
        "length": 256 * (len(signals) + 1),
        "kind": kind,
        "records": records,
        "duration": duration,
        "signals": len(signals),
    } | fields
    text = b"".join(_field(value, width) for value, width in zip(fixed.values(), FIXED, strict=True))
    rows = [
        (
            each["label"], each.get("transducer", ""), each["unit"], *each["physical"], *each["digital"],
            each.get("filters", ""), each.get("spr", each["counts"].shape[1]), "",
        )
        for each in signals
    ]  # fmt: skip
    for column, width in zip(zip(*rows, strict=True), SIGNAL, strict=True):
        text += b"".join(_field(value, width) for value in column)
    for record in range(records):
        text += b"".join(_packed(each["counts"][record], bits) for each in signals)
    path.write_bytes(text)
    return path


def _field(value, width):
    data = value if isinstance(value, bytes) else str(value).encode()
    return data[:width].ljust(width)


def _packed(counts, bits):
    if bits == 16:
        return counts.astype("<i2").tobytes()
    return counts.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes()


def counts_like(records, spr, seed=0, largest=3000):
    """Counts [records, spr] of a slow wave."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, largest / 60, records * spr).cumsum()
    return np.rint(steps - steps.mean()).astype(int).reshape(records, spr)


def write_samples(folder):
    """EDF+C as this package writes it, EDF with signals of several kinds and rates, BDF, EDF+D with a gap."""
    whole = ecg_like(4.0, 100.0)
    meta = {"age": 63.0, "sex": "F", "start": datetime(2020, 2, 3, 4, 5, 6).isoformat(), "device": "ACME 5"}
    plus = write_edf(Record(whole.signal, whole.fs, whole.leads, patient="p1", meta=meta), folder / "plus.edf")
    eeg = signal("EEG C3-A2", counts_like(5, 50, 1))
    ecg = [
        signal("ECG II", counts_like(5, 100, 2), "mV", ("-32.768", "32.767")),
        signal("EKG V2", counts_like(5, 20, 3)),
    ]
    pressure = signal("ABP", counts_like(5, 10, 4), "mmHg", ("0", "300"))
    mixed = make_edf(folder / "mixed.edf", [eeg, *ecg, pressure])
    wide = [signal(f"lead {n}", counts_like(4, 64, n) * 50, digital=("-8388608", "8388607")) for n in range(3)]
    bdf = make_edf(folder / "wide.bdf", wide, bits=24)
    gaps = [signal("ECG", counts_like(6, 50, 5)), stamps([0, 1, 2, 4.5, 5.5, 6.5])]
    return [plus, mixed, bdf, make_edf(folder / "gaps.edf", gaps, kind="EDF+D")]


WORDS = (
    b"", b"0", b"-1", b"1", b"2", b"7", b"255", b"99999999", b"-9999999", b"1e38", b"1e99", b"nan", b"inf", b"0.000001",
    b"32767", b"-32768", b"EDF+D", b"EDF+C", b"uV", b"mV", b"V", b"mmHg", b"EDF Annotations", b"ECG II", b"ECG",
    b"\xff", b"\0", b"0x10", b"1,5", b"1_0", b"../..", b"X F 01-JAN-1900 X", b"Startdate 02-MAR-2002 X X X",
)  # fmt: skip


def mutate(data, rng):
    """The file with fields of its header replaced, swapped or shifted, or its records cut or repeated."""
    data = bytearray(data)
    seams = _seams(data)
    for _ in range(rng.integers(1, 4)):
        (at, width), (other, also) = (seams[rng.integers(len(seams))] for _ in range(2))
        kind = rng.integers(6)
        if kind <= 2:
            data[at : at + width] = WORDS[rng.integers(len(WORDS))][:width].ljust(width)
        elif kind == 3 and width == also:
            data[at : at + width], data[other : other + width] = data[other : other + width], data[at : at + width]
        elif kind == 4:
            end = seams[-1][0] + seams[-1][1]
            del data[end + int(rng.integers(max(1, len(data) - end))) :]
        elif data[at : at + width].strip().isdigit():
            number = int(data[at : at + width]) + int(rng.choice((-1, 1, 256, 1000)))
            data[at : at + width] = str(number).encode()[:width].ljust(width)
    return bytes(data)


def _seams(data):
    """Where each header field begins, and its width."""
    count = int(data[252:256])
    widths = [*FIXED, *(width for width in SIGNAL for _ in range(count))]
    starts = np.cumsum([0, *widths[:-1]]).tolist()
    return list(zip(starts, widths, strict=True))
