"""Corpora whose waves are marked, as PhysioBank lays them out, drawn by ourselves so that the marks are known."""

import numpy as np

from ecgtool.datasets.synthetic import Synthetic
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import LEADS_12, Record

PEAK = {"P": "p", "QRS": "N", "T": "t"}
CODES = {"(": 39, ")": 40, "p": 24, "N": 1, "t": 27, "u": 29}


def write_marks(path, marks):
    """An annotation file in MIT's format of (sample, symbol), which ascend."""
    words, before = bytearray(), 0
    for sample, symbol in marks:
        step = sample - before
        if step > 1023:
            words += (59 << 10).to_bytes(2, "little") + (step >> 16).to_bytes(2, "little")
            words += (step & 0xFFFF).to_bytes(2, "little")
            step = 0
        words += (CODES[symbol] << 10 | step).to_bytes(2, "little")
        before = sample
    path.write_bytes(bytes(words) + b"\0\0")


def drawn_marks(waves, fs):
    """The marks of drawn waves in order, as an expert writes them: (sample, symbol), a wave over before the next."""
    rows = []
    for wave, following in zip(waves, [*waves[1:], None], strict=True):
        on, peak, off = (round(time * fs) for time in (wave.onset_s, wave.peak_s, wave.offset_s))
        end = off if following is None else min(off, round(following.onset_s * fs) - round(0.016 * fs))
        rows += [(on, "("), (peak, PEAK[wave.wave]), (end, ")")] if end > peak else []
    return rows


def write_ludb(folder, numbers, *, fs=500.0, leads=LEADS_12, header="#<age>: 51\n#<sex>: F\n#Rhythm: Sinus rhythm.\n"):
    """Records as LUDB lays them out; of each lead the first beat and the last are not marked. The folder."""
    data = folder / "data"
    data.mkdir(parents=True)
    corpus = Synthetic(records=len(numbers), seconds=10.0, fs=fs)
    for number, entry in zip(numbers, corpus.entries, strict=True):
        drawing = corpus.drawing(entry)
        write_wfdb(Record(drawing.record.signal, fs, leads), data, str(number))
        with (data / f"{number}.hea").open("a") as file:
            file.write(header)
        last = len(drawing.truth.beat_s) - 1
        for lead in leads:
            kept = [wave for wave in drawing.truth.waves(lead) if 0 < wave.beat < last]
            write_marks(data / f"{number}.{lead.lower()}", drawn_marks(kept, fs))
    return folder


def write_qtdb(folder, names=("sel100", "sel30"), *, fs=250.0, minutes=15, beats=5):
    """Records of two leads, most of them silence; some beats in the middle are marked. The folder."""
    folder.mkdir()
    corpus = Synthetic(records=len(names), seconds=10.0, fs=fs)
    for name, entry in zip(names, corpus.entries, strict=True):
        drawing = corpus.drawing(entry)
        begin = round(600 * fs)
        signal = np.zeros((2, round(minutes * 60 * fs) - 7), np.float32)
        signal[:, begin : begin + drawing.record.signal.shape[1]] = drawing.record.signal[[1, 10]]
        write_wfdb(Record(signal, fs, ("MLII", "V5")), folder, name)
        kept = [wave for wave in drawing.truth.waves() if 1 <= wave.beat <= beats]
        marks = [(begin + sample, symbol) for sample, symbol in drawn_marks(kept, fs)]
        write_marks(folder / f"{name}.q1c", marks)
    return folder
