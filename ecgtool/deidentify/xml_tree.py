"""XML recordings, built anew: a tree of the elements and attributes that a format's table allows, each value checked.

A table maps a path below the root (``"TestDemographics/AcquisitionDate"``, an attribute after ``@``) to a rule; a rule
turns a value into what is written, or None. Comments and processing instructions are in no tree, and so in no output.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ecgtool.deidentify.contract import Disguise, Ledger, Rebuilder
from ecgtool.deidentify.words import date_of, known_signal, time_of
from ecgtool.deidentify.writing import write_bytes
from ecgtool.errors import FormatError
from ecgtool.formats.xml_document import XmlDocument, load_xml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_NAMESPACES = ("urn:hl7-org:v3", "http://www3.medical.philips.com")
_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_NUMBER = re.compile(r"[+-]?(?:\d{1,15}\.?\d{0,12}|\.\d{1,12})(?:[eE][+-]?\d{1,3})?", re.ASCII)
# Elements that are named in the audit trail; any other name might itself say who somebody is.
_TOLD = frozenset(
    name.lower()
    for name in re.findall(
        r"\w+",
        """PatientID PatientLastName PatientFirstName PatientMiddleName DateofBirth PatientAge AgeUnits Gender Race
        HeightIN HeightCM WeightLBS WeightKG Site SiteName AcquisitionDevice Location LocationName RoomID CartNumber
        AcquisitionTechLastName AcquisitionTechFirstName AcquisitionTechID EditorID EditorLastName EditorFirstName
        EditDate EditTime OverreaderID OverreaderLastName OverreaderFirstName ReferringMDLastName ReferringMDFirstName
        ReferringMDID OrderingMDLastName OrderingMDFirstName OrderingMDID AttendingMDLastName AttendingMDFirstName
        AttendingMDHISID AdmittingMDLastName AdmittingMDFirstName AdmittingMDHISID HISAccountNumber AdmitDate AdmitTime
        AdmitDiagnosis HISLocation Bed AlternateVisitID VisitNumber HospitalService StmtText TestReason Diagnosis
        ExtraQuestions SecondaryID MuseVersion AcquisitionSoftwareVersion AnalysisSoftwareVersion HISStatus
        documentname filename comments editor label value userdefine ordernumber uniqueorderid orderremarks
        reasonfororder reportinfo machine operatorid operator departmentid institutionname institutionlocationid
        acquirer patientid lastname firstname middlename birthdate dateofbirth birthtime age years sex ssn mrn
        interpretation statement leftstatement rightstatement mdsignatureline id name addr streetAddressLine city state
        country postalCode telecom title text raceCode ethnicGroupCode administrativeGenderCode assignedPerson
        manufacturerModelName softwareName code annotation reasonCode confidentialityCode
        ethnic weight height job_id user_id case_id order_id department_id institute_id serialnum vendor model version
        remarks textdata param""",
    )
)


@dataclass
class Work:
    """What the rules may look at while a tree is built."""

    disguise: Disguise
    ledger: Ledger
    source: Path
    root: Element
    unnamed: int = 0

    def lead(self, text: str) -> str:
        """A lead's name, if it is one; a number in its place otherwise."""
        if known_signal(text):
            return text.strip()
        self.unnamed += 1
        self.ledger.remove("signal name that is no known lead")
        return f"signal {self.unnamed}"


Rule = Callable[[str, Work], str | None]


@dataclass(frozen=True)
class Table:
    """What of a format's documents may stay.

    Args:
        root: Name of the root element; empty to keep the one that is there, which must match ``root_pattern``.
        rules: Path below the root to rule.
        root_pattern: What the root's name must match.
        refuse: Raises where something else may lie among the samples.
    """

    root: str
    rules: Mapping[str, Rule]
    root_pattern: str = ""
    refuse: Callable[[Element], None] = lambda _root: None


def rebuilder(table: Table) -> Rebuilder:
    """The rebuilder of a format of XML documents."""

    def rebuild(source: Path, folder: Path, disguise: Disguise, ledger: Ledger) -> Path:
        document = load_xml(source)
        table.refuse(document.root)
        work = Work(disguise, ledger, source, document.root)
        return write_bytes(folder / f"{disguise.record}.xml", _rebuilt(document, table, work))

    return Rebuilder(rebuild)


def _rebuilt(document: XmlDocument, table: Table, work: Work) -> bytes:
    from xml.etree.ElementTree import Element, indent, tostring

    name = document.root.tag if table.root_pattern else table.root
    if table.root_pattern and not re.fullmatch(table.root_pattern, name):
        raise FormatError("The root element has a name that is not known.")
    ways = {part for path in table.rules for part in _above(path)}
    root = _kept(document.root, "", table.rules, ways, work)
    made = Element(name) if root is None else root
    made.tag = name
    if document.namespace in _NAMESPACES:
        made.set("xmlns", document.namespace)
    made.set("xmlns:xsi", _SCHEMA_INSTANCE)
    indent(made)
    written: bytes = tostring(made, encoding="utf-8", xml_declaration=True)
    return written


def _above(path: str) -> list[str]:
    """An element's path, and those of all that hold it."""
    parts = path.partition("@")[0].rstrip("/").split("/")
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]


def _kept(element: Element, path: str, rules: Mapping[str, Rule], ways: set[str], work: Work) -> Element | None:
    """What may stay of an element; None where that is nothing."""
    from xml.etree.ElementTree import Element

    made = Element(element.tag)
    for name, value in element.attrib.items():
        rule = rules.get(f"{path}@{name}")
        kept = None if rule is None else rule(value, work)
        if kept is None:
            work.ledger.remove("XML attribute", bool(value.strip()))
        else:
            made.set(name, kept)
    text = (element.text or "").strip()
    rule = rules.get(path)
    if text:
        made.text = None if rule is None else rule(text, work)
        work.ledger.remove(_told(element.tag), made.text is None)
    for child in element:
        inner = f"{path}/{child.tag}" if path else child.tag
        if inner in ways:
            below = _kept(child, inner, rules, ways, work)
            if below is not None:
                made.append(below)
        else:
            _account(child, work.ledger)
    return made if made.text or made.attrib or len(made) else None


def _account(element: Element, ledger: Ledger) -> None:
    """Account for an element that is left out, and all below it."""
    for each in element.iter():
        if (each.text or "").strip() or any(value.strip() for value in each.attrib.values()):
            ledger.remove(_told(each.tag))


def _told(tag: str) -> str:
    return f"XML element {tag}" if tag.lower() in _TOLD else "other XML element"


def number(text: str, _work: Work) -> str | None:
    """A number."""
    return text.strip() if _NUMBER.fullmatch(text.strip()) else None


def numbers(text: str, _work: Work) -> str | None:
    """Numbers with blank space or commas between them."""
    tokens = text.replace(",", " ").split()
    return ("," if "," in text else " ").join(tokens) if all(map(_NUMBER.fullmatch, tokens)) else None


def lead(text: str, work: Work) -> str | None:
    """The name of a lead."""
    return work.lead(text)


def leads(text: str, work: Work) -> str | None:
    """Names of leads with blank space between them."""
    return " ".join(work.lead(name) for name in text.split())


def words(*allowed: str) -> Rule:
    """One of some words, in any case."""
    known = {word.lower() for word in allowed}
    return lambda text, _work: text.strip() if text.strip().lower() in known else None


def pattern(expression: str) -> Rule:
    """What a pattern matches; it must leave no room for a name."""
    compiled = re.compile(expression, re.ASCII)
    return lambda text, _work: text.strip() if compiled.fullmatch(text.strip()) else None


def packed(text: str, _work: Work) -> str | None:
    """Samples as base64: unpacked and packed again, so that nothing stands between them."""
    data = unpacked(text)
    return None if data is None else base64.b64encode(data).decode("ascii")


def unpacked(text: str) -> bytes | None:
    """What base64 stands for; None where the text is none."""
    plain = "".join(text.split())
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        return None


def patient(_text: str, work: Work) -> str | None:
    """The pseudonym in place of the id."""
    return work.disguise.patient


def age(_text: str, work: Work) -> str | None:
    """The age, where it is kept."""
    if work.disguise.age is None:
        return None
    work.ledger.kept.add("age")
    return str(work.disguise.age)


def if_age(word: str) -> Rule:
    """A word that belongs to an age, where that is kept."""
    return lambda _text, work: None if work.disguise.age is None else word


def sex(male: str, female: str) -> Rule:
    """The sex, where it is kept, in the words of the format."""
    spelled = {"M": male, "F": female}

    def rule(_text: str, work: Work) -> str | None:
        if work.disguise.sex is None:
            return None
        work.ledger.kept.add("sex")
        return spelled[work.disguise.sex]

    return rule


def moved(*formats: str) -> Rule:
    """A date in one of some formats, moved."""

    def rule(text: str, work: Work) -> str | None:
        for form in formats:
            day = date_of(text, form)
            if day is not None:
                work.ledger.dates += 1
                return work.disguise.moved(day).strftime(form)
        return None

    return rule


def moved_moment(text: str, work: Work) -> str | None:
    """HL7's ``YYYYMMDD[HHMM[SS[.fff]]]``, the date moved; a time zone is left out."""
    found = re.match(r"(\d{8})((?:\d{4}(?:\d{2}(?:\.\d{1,6})?)?)?)(?:[+-]\d{4})?\Z", text.strip(), re.ASCII)
    day = date_of(found[1], "%Y%m%d") if found else None
    if found is None or day is None:
        return None
    work.ledger.dates += 1
    return f"{work.disguise.moved(day):%Y%m%d}{found[2]}"


def clock(text: str, _work: Work) -> str | None:
    """A time of day."""
    return time_of(text) or None
