"""A DICOM waveform, written by pydicom, in which every attribute that can hold a name holds one."""

import warnings

from planted_binary import TEXTS, ecg
from plants import PLANTS

_FIELDS = {
    "PatientName": "last name", "OtherPatientIDs": "second id", "PatientAddress": "street", "PatientID": "patient id",
    "PatientTelephoneNumbers": "phone", "PatientComments": "comment", "InstitutionName": "institution",
    "InstitutionalDepartmentName": "department", "OperatorsName": "technician", "ReferringPhysicianName": "referring",
    "NameOfPhysiciansReadingStudy": "physician", "AccessionNumber": "accession", "StudyDescription": "diagnosis",
    "SeriesDescription": "free text", "DeviceSerialNumber": "device serial", "ManufacturerModelName": "device name",
    "SoftwareVersions": "software", "AdmissionID": "account", "CurrentPatientLocation": "room", "StationName": "city",
    "Manufacturer": "employer", "StudyID": "order number", "ReasonForStudy": "medication",
}  # fmt: skip


def dicom(folder, date="20140515", seed=0):
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.sequence import Sequence
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.9.1.1"
    made.SOPInstanceUID, made.StudyInstanceUID, made.SeriesInstanceUID = (generate_uid() for _ in range(3))
    made.Modality = "ECG"
    made.StudyDate = made.ContentDate = date
    made.StudyTime, made.AcquisitionDateTime = "101112", f"{date}101112.5"
    made.PatientBirthDate, made.PatientSex, made.PatientAge = PLANTS["birth date compact"], "F", "093Y"
    for name, kind in _FIELDS.items():
        setattr(made, name, PLANTS[kind])
    block = made.private_block(0x0011, PLANTS["private"], create=True)
    for number, text in enumerate(TEXTS):
        block.add_new(number, "LT", text)
    made.WaveformAnnotationSequence = Sequence([_of(Dataset(), UnformattedTextValue=text) for text in TEXTS])
    group = _of(
        Dataset(), WaveformOriginality="ORIGINAL", NumberOfWaveformChannels=2, NumberOfWaveformSamples=500,
        SamplingFrequency="500", MultiplexGroupLabel=PLANTS["initials"], WaveformBitsAllocated=16,
        WaveformSampleInterpretation="SS",
        WaveformData=ecg(2, seed=seed).T.astype("<i2").tobytes() + "".join(TEXTS).encode("utf-16-le"),
    )  # fmt: skip
    lead_code = _of(
        Dataset(),
        CodeValue="5.6.3-9-2",
        CodingSchemeDesignator="SCPECG",
        CodeMeaning=PLANTS["annotation"],
        CodingSchemeVersion=PLANTS["birth date compact"],
    )
    other_code = _of(Dataset(), CodeValue="Q", CodingSchemeDesignator="99ZEB", CodeMeaning=PLANTS["first name"])
    uv = _of(Dataset(), CodeValue="uV", CodingSchemeDesignator="UCUM", CodeMeaning=PLANTS["room"])
    group.ChannelDefinitionSequence = Sequence(
        _of(Dataset(), ChannelLabel=label, ChannelSourceSequence=Sequence([code]), ChannelSensitivity="2.5",
            ChannelSensitivityUnitsSequence=Sequence([uv]), ChannelBaseline="0", ChannelSampleSkew="0",
            ChannelDerivationDescription=PLANTS["physician"], WaveformBitsStored=16)
        for label, code in ((PLANTS["insurance"], lead_code), (PLANTS["operator id"], other_code))
    )  # fmt: skip
    made.WaveformSequence = Sequence([group])
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = folder / f"{PLANTS['record name']}.dcm"
    preamble = PLANTS["fax"].encode().ljust(128, b"\0")
    made.preamble = preamble
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # plants are longer than some fields may be, as in real files
        pydicom.dcmwrite(path, made, enforce_file_format=True)
    return path


def _of(item, **values):
    for name, value in values.items():
        setattr(item, name, value)
    return item
