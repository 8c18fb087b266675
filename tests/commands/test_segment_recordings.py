"""``ecg segment`` on recordings that are not drawn: of every format, and in ventricular flutter."""

import numpy as np
import pytest
import wfdb

from ecgtool.formats import write_record
from ecgtool.record import Record


@pytest.mark.parametrize(
    "file",
    [
        "mitdb/100.hea",
        "edf/sample.edf",
        "dicom/waveform_ecg.dcm",
        "scp/example.scp",
        "cinc2021/E07500.hea",
        "xml/ge-muse/muse-sinus.xml",
        "xml/philips-sierra/3191723_ZZDEMOPTONLY_1-04_orig.xml",
        "xml/schiller/sample.xml",
        "ptbxl-z/00519.npy",
    ],
)
def test_any_format_is_segmented(ecg, recordings, file):
    path = recordings(file.split("/")[0]) / file.split("/", 1)[1]
    if not path.exists():
        pytest.skip(f"{path} does not exist")
    done = ecg("segment", path, "--method", "wavelet", "--json")
    assert done.code == 0
    found = done.json["recordings"][0]
    assert 40 < found["heart_rate"] < 130
    assert found["waves"]["QRS"] >= 0.9 * found["beats"] * found["leads"]


def test_ventricular_flutter_has_an_answer(ecg, recordings, tmp_path):
    whole = wfdb.rdrecord(str(recordings("mitdb") / "207"), sampfrom=14_000, sampto=25_000)
    leads = tuple(whole.sig_name)
    flutter = Record(np.ascontiguousarray(whole.p_signal.T, np.float32), 360.0, leads)
    write_record(flutter, tmp_path / "flutter.hea", "wfdb")
    for method in ("unet1d", "wavelet"):
        done = ecg("segment", "flutter.hea", "--method", method, "--json")
        assert done.code == 0
        assert done.json["recordings"][0]["beats"] > 0
