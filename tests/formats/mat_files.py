"""Small MATLAB files of versions 4 and 5, packed and not, in both byte orders."""

import struct

import numpy as np
from npy_files import counts, document
from scipy.io import savemat

LEADS = ("I", "II", "V1")


def big_endian(path, values, fs):
    """Version 5 written byte by byte the other way round: the variables ``fs`` and ``signal`` as doubles."""
    data = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI"
    for name, array in (("fs", np.array([[fs]])), ("signal", values)):
        body = struct.pack(">4I", 6, 8, 6, 0) + struct.pack(">2I2i", 5, 8, *array.shape)
        body += struct.pack(">2I", 1, len(name)) + name.encode().ljust(-(-len(name) // 8) * 8, b"\0")
        body += struct.pack(">2I", 9, 8 * array.size) + array.T.astype(">f8").tobytes()
        data += struct.pack(">2I", 14, len(body)) + body
    path.write_bytes(data)
    return path


def write_samples(folder):
    """What MATLAB and Octave save: matrices with a rate beside them, or with a document that says it."""
    values = counts()
    said = {"fs": 100.0, "leads": np.array(LEADS, object), "unit": "uV", "sex": "F", "age": 63}
    savemat(folder / "packed.mat", {"signal": values, **said}, do_compression=True)
    savemat(folder / "plain.mat", {"ecg": values.T.astype("i2"), **said}, do_compression=False)
    savemat(folder / "chars.mat", {"Fs": 100, "x": values, "leads": np.array(LEADS)})
    savemat(folder / "four.mat", {"val": values.astype("i2"), "fs": 100.0}, format="4")
    document(folder / "four.mat", leads=LEADS, unit="adc", gain=1000)
    document(big_endian(folder / "other.mat", values, 100.0), leads=LEADS, unit="V")
    return [folder / f"{name}.mat" for name in ("packed", "plain", "chars", "four", "other")]
