"""XML recordings in which every element, attribute, comment and instruction that can hold a name holds one."""

import base64
import struct
from xml.sax.saxutils import escape, quoteattr

from planted_binary import TEXTS, ecg
from plants import PLANTS

_NOISE = "".join(
    f"<!-- {escape(text).replace('--', '- -')} --><?note {escape(text)}?>"
    f"<Extra{number} by={quoteattr(text)}>{escape(text)}"
    f"<Packed>{base64.b64encode(text.encode()).decode()}</Packed><Wide>"
    f"{base64.b64encode(text.encode('utf-16')).decode()}</Wide><![CDATA[{text}]]></Extra{number}>"
    for number, text in enumerate(TEXTS)
)


def _save(folder, text, coding="utf-8"):
    path = folder / f"{PLANTS['record name']}.xml"
    path.write_bytes(f'<?xml version="1.0" encoding="{coding}"?>\n<!-- {PLANTS["comment"]} -->\n{text}'.encode(coding))
    return path


def muse(folder, coding="utf-8", date="05-15-2014", seed=0):
    leads = ""
    for name, row in zip(("I", "II", PLANTS["initials"]), ecg(3, seed=seed), strict=True):
        leads += (
            f"<LeadData><LeadByteCountTotal>1000</LeadByteCountTotal><LeadSampleCountTotal>500</LeadSampleCountTotal>"
            f"<LeadAmplitudeUnitsPerBit>4.88</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits>"
            f"<LeadID>{name}</LeadID><LeadSampleSize>2</LeadSampleSize><LeadOff>{PLANTS['operator id']}</LeadOff>"
            f"<WaveFormData>\n{base64.b64encode(row.astype('<i2').tobytes()).decode()}\n</WaveFormData></LeadData>"
        )
    return _save(
        folder,
        f"""<!DOCTYPE RestingECG SYSTEM "{PLANTS["mail"]}.dtd">
        <RestingECG owner="{PLANTS["institution"]}">{_NOISE}
        <PatientDemographics><PatientID>{PLANTS["patient id"]}</PatientID><PatientAge>93</PatientAge>
        <AgeUnits>YEARS</AgeUnits><DateofBirth>{PLANTS["birth date"]}</DateofBirth><Gender>FEMALE</Gender>
        <PatientLastName>{PLANTS["last name"]}</PatientLastName></PatientDemographics>
        <TestDemographics><AcquisitionDate>{date}</AcquisitionDate><AcquisitionTime>10:11:12</AcquisitionTime>
        <AcquisitionDevice>{PLANTS["device serial"]}</AcquisitionDevice></TestDemographics>
        <Diagnosis><DiagnosisStatement><StmtText>{PLANTS["diagnosis"]}</StmtText></DiagnosisStatement></Diagnosis>
        <Waveform><WaveformType>Rhythm</WaveformType><SampleBase>500</SampleBase><SampleExponent>0</SampleExponent>
        <HighPassFilter>{PLANTS["room"]}</HighPassFilter>{_NOISE}{leads}</Waveform></RestingECG>""",
        coding,
    )


def muse_wide(folder):
    return muse(folder, "utf-16")


def philips_packed(folder):
    """Compressed: texts in a number of no known use, behind the code that ends a lead, and behind the last lead."""
    text = "".join(TEXTS).encode()

    def chunk(row):
        words = (row.astype("<i2") // 256).astype(">i2").tobytes()
        bits = "".join(f"{code:010b}" for code in (*words[0::2], *words[1::2], 1023))
        codes = int(bits + "0" * (-len(bits) % 8), 2).to_bytes(-(-len(bits) // 8), "big") + text
        return struct.pack("<i2sh", len(codes), text[:2], 0) + codes

    data = b"".join(map(chunk, ecg(2))) + text
    return philips(folder, data, 'compression="XLI"')


def philips(folder, data=None, stored='compression="Uncompressed"'):
    if data is None:
        text = "".join(TEXTS).encode()
        data = b"".join(row.astype("<i2").tobytes() + text + b" " * (len(text) % 2) for row in ecg(2))
    data = base64.b64encode(data).decode()
    return _save(
        folder,
        f"""<restingecgdata xmlns="http://www3.medical.philips.com" status="{PLANTS["institution"]}">{_NOISE}
        <documentinfo><documentname>{PLANTS["record name"]}</documentname><documenttype>SierraECG</documenttype>
        <documentversion>1.04</documentversion><editor id="{PLANTS["operator id"]}">{PLANTS["technician"]}</editor>
        </documentinfo>
        <dataacquisition date="2014-05-15" time="10:11:12" by="{PLANTS["technician"]}">
        <machine machineid="{PLANTS["device serial"]}">{PLANTS["device name"]}</machine>
        <signalcharacteristics><samplingrate>250</samplingrate><resolution>5</resolution>
        <leadset>{PLANTS["comment"]}</leadset></signalcharacteristics></dataacquisition>
        <patient><generalpatientdata><patientid>{PLANTS["patient id"]}</patientid>
        <name><lastname>{PLANTS["last name"]}</lastname></name>
        <age><dateofbirth>{PLANTS["birth date iso"]}</dateofbirth><years>93</years></age><sex>Female</sex>
        </generalpatientdata></patient>
        <waveforms by="{PLANTS["physician"]}"><parsedwaveforms numberofleads="2" leadlabels="I {PLANTS["initials"]}"
        note="{PLANTS["free text"]}" dataencoding="Base64" {stored}
        durationperchannel="2000">{data}</parsedwaveforms></waveforms>
        </restingecgdata>""",
    )


def aecg(folder):
    def sequence(name, row):
        return (
            f'<component><sequence by="{PLANTS["technician"]}"><code code="{name}" displayName="{PLANTS["room"]}"/>'
            f'<value xsi:type="SLIST_PQ"><origin value="0" unit="uV"/><scale value="2.5" unit="uV"/>'
            f"<digits>{' '.join(map(str, row))}</digits></value></sequence></component>"
        )

    leads = "".join(
        sequence(name, row) for name, row in zip(("MDC_ECG_LEAD_I", f"MDC_{PLANTS['initials']}"), ecg(2), strict=True)
    )
    return _save(
        folder,
        f"""<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
        xmlns:{PLANTS["first name"]}="urn:x">{_NOISE}<id root="{PLANTS["account"]}"/>
        <componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject>
        <id root="{PLANTS["second id"]}" extension="{PLANTS["patient id"]}"/><subjectDemographicPerson>
        <name>{PLANTS["last name"]}</name><administrativeGenderCode code="F"/>
        <birthTime value="{PLANTS["birth date compact"]}"/></subjectDemographicPerson></trialSubject></subject>
        </subjectAssignment></componentOf></timepointEvent></componentOf>
        <controlVariable><relatedObservation><code code="21612-7" displayName="{PLANTS["comment"]}"/>
        <value xsi:type="PQ" value="93" unit="a"/></relatedObservation></controlVariable>
        <component><series><id root="{PLANTS["accession"]}"/><code code="RHYTHM" displayName="{PLANTS["city"]}"/>
        <effectiveTime><low value="20140515101112"/><high value="{PLANTS["birth date compact"]}x"/></effectiveTime>
        <component><sequenceSet><component><sequence><code code="TIME_ABSOLUTE"/><value xsi:type="GLIST_TS">
        <head value="20140515101112.000"/><increment value="0.004" unit="s"/></value></sequence></component>{leads}
        </sequenceSet></component><subjectOf><annotationSet><component><annotation>
        <code code="{PLANTS["annotation"]}"/></annotation></component></annotationSet></subjectOf>{_NOISE}</series>
        </component></AnnotatedECG>""",
    )


def schiller(folder):
    channels = "".join(
        f"<channel><name>{name}</name><data>{','.join(map(str, row))}</data><datastype>COMMASEPARATE</datastype>"
        f"<samplecount>500</samplecount><annotation_lead><name>{PLANTS['physician']}</name></annotation_lead></channel>"
        for name, row in zip(("I", PLANTS["initials"]), ecg(2), strict=True)
    )
    return _save(
        folder,
        f"""<com.xiriuz.sema.xml.schillerEDI.SchillerEDI>{_NOISE}<patdata><id>{PLANTS["patient id"]}</id>
        <lastname>{PLANTS["last name"]}</lastname><birthdate>{PLANTS["birth date compact"]}</birthdate>
        <gender>FEMALE</gender></patdata><examdescript><startdatetime><date>20140515</date><time>101112000</time>
        </startdatetime><user_id>{PLANTS["operator id"]}</user_id><aquiringdevice><hardware>
        <vendor>{PLANTS["device name"]}</vendor><serialnum>{PLANTS["device serial"]}</serialnum></hardware>
        </aquiringdevice></examdescript><eventdata><event><reason>{PLANTS["free text"]}</reason><wavedata>
        <type>ECG_RHYTHMS</type><resolution><samplerate><exponent>1</exponent><value>500</value></samplerate><yres>
        <unitperbit>1.0</unitperbit><units>UV</units></yres></resolution>{channels}</wavedata>
        <textdata><remarks>{PLANTS["diagnosis"]}</remarks></textdata></event></eventdata>
        </com.xiriuz.sema.xml.schillerEDI.SchillerEDI>""",
    )
