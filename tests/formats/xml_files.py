"""Recordings as the XML of GE MUSE, Philips Sierra, HL7 and Schiller, and XLI in reverse."""

import base64
import struct
import zlib

import numpy as np

EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
TWELVE = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def beats(leads=8, samples=250, seed=0):
    """int64 [leads, samples] counts: noise around a few peaks."""
    rng = np.random.default_rng(seed)
    counts = rng.normal(0, 6, (leads, samples)).cumsum(axis=1)
    counts[:, 40::125] += 150 * (1 + np.arange(leads)[:, None] % 3)
    return np.round(counts).astype(np.int64)


# --- GE MUSE


def muse_lead(name, counts, *, scale="4.88", unit="MICROVOLTS", checksum=None, promised=None, extra=""):
    data = np.asarray(counts).astype("<i2").tobytes()
    text = base64.encodebytes(data).decode()
    crc = zlib.crc32(data) if checksum is None else checksum
    count = len(counts) if promised is None else promised
    return (
        f"<LeadData><LeadByteCountTotal>{2 * count}</LeadByteCountTotal><LeadTimeOffset>0</LeadTimeOffset>"
        f"<LeadSampleCountTotal>{count}</LeadSampleCountTotal>"
        f"<LeadAmplitudeUnitsPerBit>{scale}</LeadAmplitudeUnitsPerBit>"
        f"<LeadAmplitudeUnits>{unit}</LeadAmplitudeUnits><LeadID>{name}</LeadID>"
        f"<LeadOffsetFirstSample>0</LeadOffsetFirstSample><LeadSampleSize>2</LeadSampleSize>"
        f"<LeadOff>FALSE</LeadOff><LeadDataCRC32>{crc}</LeadDataCRC32>{extra}<WaveFormData>{text}</WaveFormData></LeadData>"
    )


def muse_wave(leads, kind="Rhythm", fs=500, exponent=0):
    return (
        f"<Waveform><WaveformType>{kind}</WaveformType><NumberofLeads>{len(leads)}</NumberofLeads>"
        f"<SampleType>CONTINUOUS_SAMPLES</SampleType><SampleBase>{fs}</SampleBase>"
        f"<SampleExponent>{exponent}</SampleExponent><HighPassFilter>5</HighPassFilter>"
        f"<LowPassFilter>150</LowPassFilter><ACFilter>NONE</ACFilter>{''.join(leads)}</Waveform>"
    )


def muse(waves, *, age="63", units="YEARS", root="RestingECG"):
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n'
        f"<{root}><PatientDemographics><PatientID>P-7</PatientID><PatientAge>{age}</PatientAge>"
        f"<AgeUnits>{units}</AgeUnits><DateofBirth>01-02-1960</DateofBirth><Gender>FEMALE</Gender>"
        "<PatientLastName>Zimtstern</PatientLastName></PatientDemographics>"
        "<TestDemographics><DataType>RESTING</DataType><AcquisitionDevice>MAC55</AcquisitionDevice>"
        "<AcquisitionTime>22:41:16</AcquisitionTime><AcquisitionDate>04-29-2023</AcquisitionDate></TestDemographics>"
        f"{''.join(waves)}</{root}>\n"
    )


def muse_samples(folder):
    counts = beats()
    rhythm = muse_wave([muse_lead(name, row) for name, row in zip(EIGHT, counts, strict=True)])
    median = muse_wave([muse_lead(name, row[:100]) for name, row in zip(EIGHT, counts, strict=True)], "Median")
    right = muse_wave([muse_lead(name, row) for name, row in zip(("I", "V3R", "V8"), beats(3), strict=True)], fs=250)
    return _written(
        folder, {"muse_twelve": muse([median, rhythm]), "muse_right": muse([right], age="18", units="MONTHS")}
    )


# --- Philips Sierra ECG


def xli_chunk(counts):
    """A lead as XLI holds it; the inverse of what the reader does."""
    values = np.asarray(counts, np.int64)
    falls = 2 * values[1:-1] - values[:-2] - values[2:]
    words = np.concatenate([values[:2], falls[1:] + 64, [64]])[: len(values)].astype("<i2")
    first = (int(falls[0]) + 2**15) % 2**16 - 2**15 if len(falls) else 0
    data = words.astype(">i2").tobytes()
    codes = lzw_codes(data[0::2] + data[1::2])
    bits = "".join(f"{code:010b}" for code in (*codes, 1023))
    bits += "0" * (-len(bits) % 8)
    packed = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return struct.pack("<ihh", len(packed), 1, first) + packed


def lzw_codes(data):
    table = {bytes((value,)): value for value in range(256)}
    codes, word = [], b""
    for value in data:
        longer = word + bytes((value,))
        if longer in table:
            word = longer
            continue
        codes.append(table[word])
        if len(table) < 1023:
            table[longer] = len(table)
        word = bytes((value,))
    return [*codes, table[word]] if word else codes


def philips_stored(counts):
    """What the device stores of twelve leads: of III, aVR, aVL and aVF only what I and II do not predict."""
    one, two, three, avr, avl, avf = counts[:6]
    residues = [
        two - one - three,
        -((one + two) >> 1) - avr,
        ((one - three) >> 1) - avl,
        ((two + three) >> 1) - avf,
    ]
    return np.stack([one, two, *residues, *counts[6:]])


def twelve_counts(samples=250):
    """int64 [12, samples]: leads as a device digitises them, off Einthoven's law by a count here and there."""
    eight = beats(8, samples)
    one, two = eight[:2]
    wobble = np.arange(samples) % 3 - 1
    limbs = [one, two, two - one + wobble, -(one + two) // 2, one - two // 2 - wobble, two - one // 2]
    return np.stack([*limbs, *eight[2:]])


def philips(parsed, *, version="1.04", kind="PhilipsECG", fs=500, sampling="resolution", names="I II III"):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<restingecgdata xmlns="http://www3.medical.philips.com">'
        f"<documentinfo><documenttype>{kind}</documenttype><documentversion>{version}</documentversion></documentinfo>"
        f"<reportinfo><reportformat><waveformformat><mainwaveformformat>{names}</mainwaveformformat></waveformformat>"
        "</reportformat><reportbandwidth><highpassfiltersetting>0.05</highpassfiltersetting></reportbandwidth></reportinfo>"
        '<dataacquisition date="2011-12-01" time="07:27:34"><machine>PageWriter</machine><signalcharacteristics>'
        f"<samplingrate>{fs}</samplingrate><{sampling}>5</{sampling}><numberchannelsvalid>12</numberchannelsvalid>"
        "</signalcharacteristics></dataacquisition><patient><generalpatientdata><patientid>P-8</patientid>"
        "<name><lastname>Zimtstern</lastname></name><age><years>50</years></age><sex>Male</sex></generalpatientdata>"
        f"</patient><waveforms>{parsed}</waveforms></restingecgdata>\n"
    )


def philips_xli(counts, *, fs=500, old=False):
    data = base64.encodebytes(b"".join(map(xli_chunk, philips_stored(counts)))).decode()
    duration = counts.shape[1] * 1000 // fs
    described = (
        'compressflag="True" compressmethod="XLI" nbitspersample="16"'
        if old
        else f'compression="XLI" leadlabels="{" ".join(TWELVE)}" numberofleads="12" resolution="5" bitspersample="16"'
    )
    return (
        f'<parsedwaveforms dataencoding="Base64" {described} durationperchannel="{duration}">{data}</parsedwaveforms>'
    )


def philips_plain(counts, names, *, coding="Base64", fs=500, extra=""):
    values = np.asarray(counts).astype("<i2")
    data = base64.encodebytes(values.tobytes()).decode() if coding == "Base64" else " ".join(map(str, values.ravel()))
    return (
        f'<parsedwaveforms dataencoding="{coding}" compression="Uncompressed" numberofleads="{len(names)}" '
        f'leadlabels="{" ".join(names)}" durationperchannel="{counts.shape[1] * 1000 // fs}" resolution="2.5" '
        f'bitspersample="16" {extra}>{data}</parsedwaveforms>'
    )


def philips_samples(folder):
    counts = twelve_counts()
    return _written(
        folder,
        {
            "sierra_104": philips(philips_xli(counts)),
            "sierra_103": philips(
                philips_xli(counts, old=True), version="1.03", kind="SierraECG", names=" ".join(TWELVE)
            ),
            "sierra_plain": philips(philips_plain(beats(3), ("V1", "V2", "V3"), coding="Plain")),
            "sierra_raw": philips(philips_plain(beats(3), ("I", "II", "V3"))),
        },
    )


# --- HL7 annotated ECG


def aecg_lead(code, counts, *, scale="2.5", unit="uV", kind="SLIST_PQ", origin="0"):
    digits = " ".join(map(str, counts))
    scaled = f'<origin value="{origin}" unit="{unit}"/><scale value="{scale}" unit="{unit}"/>'
    if kind == "SLIST_INT":
        scaled = '<origin value="0"/><scale value="1"/>'
    return (
        f'<component><sequence><code code="{code}" codeSystem="2.16.840.1.113883.6.24"/>'
        f'<value xsi:type="{kind}">{scaled}<digits>{digits} </digits></value></sequence></component>'
    )


def aecg_series(leads, *, code="RHYTHM", tag="series", increment="0.002", unit="s", absolute=True, seconds=""):
    head = '<head value="20021122091000.000"/>' if absolute else '<head value="0" unit="s"/>'
    kind, name = ("GLIST_TS", "TIME_ABSOLUTE") if absolute else ("GLIST_PQ", "TIME_RELATIVE")
    return (
        f'<{tag}><code code="{code}"/><effectiveTime><low value="20021122091000"/>{seconds}</effectiveTime>'
        "<author><seriesAuthor><manufacturedSeriesDevice><manufacturerModelName>ELI250</manufacturerModelName>"
        "</manufacturedSeriesDevice></seriesAuthor></author>"
        '<controlVariable><controlVariable><code code="MDC_ECG_CTL_VBL_ATTR_FILTER_LOW_PASS"/><component>'
        '<controlVariable><code code="MDC_ECG_CTL_VBL_ATTR_FILTER_CUTOFF_FREQ"/><value value="150" unit="Hz"/>'
        "</controlVariable></component></controlVariable></controlVariable>"
        f'<component><sequenceSet><component><sequence><code code="{name}"/><value xsi:type="{kind}">{head}'
        f'<increment value="{increment}" unit="{unit}"/></value></sequence></component>{"".join(leads)}</sequenceSet>'
        f"</component></{tag}>"
    )


def aecg(series):
    return (
        "<!-- an example -->\n"
        '<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" type="Observation">'
        "<componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject>"
        '<id root="1.2" extension="SBJ-9"/><subjectDemographicPerson><name>Zimtstern</name>'
        '<administrativeGenderCode code="F"/><birthTime value="19530508"/></subjectDemographicPerson></trialSubject>'
        "</subject></subjectAssignment></componentOf></timepointEvent></componentOf>"
        '<controlVariable><relatedObservation><code code="21612-7"/><value xsi:type="PQ" value="46" unit="a"/>'
        f"</relatedObservation></controlVariable><component>{''.join(series)}</component></AnnotatedECG>\n"
    )


def aecg_samples(folder):
    rows = [aecg_lead(f"MDC_ECG_LEAD_{name.upper()}", row) for name, row in zip(EIGHT, beats(), strict=True)]
    beat = aecg_series([aecg_lead("MDC_ECG_LEAD_II", beats(1, 60)[0])], code="REPRESENTATIVE_BEAT", tag="derivedSeries")
    millivolts = [aecg_lead(code, beats(1)[0] / 1000, scale="1", unit="mV") for code in ("MDC_ECG_LEAD_II", "MLII")]
    counts = [aecg_lead("MDC_ECG_LEAD_V2", beats(1)[0], kind="SLIST_INT")]
    return _written(
        folder,
        {
            "aecg_rhythm": aecg([aecg_series(rows), beat]),
            "aecg_millivolts": aecg([aecg_series(millivolts, increment="4", unit="ms", absolute=False)]),
            "aecg_counts": aecg([aecg_series(counts)]),
        },
    )


# --- Schiller EDI


def schiller_channel(name, counts, promised=None):
    count = len(counts) if promised is None else promised
    return (
        f"<channel><name>{name}</name><data>{','.join(map(str, counts))}</data>"
        f"<datastype>COMMASEPARATE</datastype><samplecount>{count}</samplecount></channel>"
    )


def schiller_wave(channels, kind="ECG_RHYTHMS", fs=500, step="2.5", unit="UV"):
    return (
        f"<wavedata><type>{kind}</type><resolution><samplerate><exponent>1</exponent><value>{fs}</value></samplerate>"
        f"<yres><unitperbit>{step}</unitperbit><units>{unit}</units></yres></resolution>{''.join(channels)}</wavedata>"
    )


def schiller(waves):
    root = "com.xiriuz.sema.xml.schillerEDI.SchillerEDI"
    return (
        f'<?xml version="1.0"?>\n<{root}><patdata><id>P-10</id><lastname>Zimtstern</lastname>'
        "<birthdate>19600102</birthdate><gender>FEMALE</gender></patdata><examdescript><startdatetime>"
        "<date>20200131</date><time>101112000</time></startdatetime><aquiringdevice><hardware><vendor>Schiller</vendor>"
        "<model>AT-10P</model></hardware></aquiringdevice></examdescript><eventdata><event>"
        f"{''.join(waves)}<filters_data><filter><name>MAINS</name><value>50</value></filter><filter>"
        "<name>SMOOTHING</name><value>OFF</value></filter></filters_data></event></eventdata></" + root + ">\n"
    )


def schiller_samples(folder):
    counts = beats()
    average = schiller_wave(
        [schiller_channel(name, row[:80]) for name, row in zip(EIGHT, counts, strict=True)], "ECG_AVERAGES"
    )
    rhythm = schiller_wave([schiller_channel(name, row) for name, row in zip(EIGHT, counts, strict=True)])
    return _written(
        folder,
        {
            "schiller_twelve": schiller([average, rhythm]),
            "schiller_two": schiller(
                [
                    schiller_wave(
                        [schiller_channel(name, row) for name, row in zip(("V1", "V2"), beats(2), strict=True)], fs=1000
                    )
                ]
            ),
        },
    )


def _written(folder, files):
    paths = []
    for name, text in files.items():
        path = folder / f"{name}.xml"
        path.write_bytes(text.encode())
        paths.append(path)
    return paths
