"""The corpora that ``ecg download`` knows: where they are, under which licence, and how to cite them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ecgtool.errors import ConfigError, did_you_mean

_PHYSIONET = "https://physionet.org/files"
CITE_PHYSIONET = "Goldberger A, et al. PhysioBank, PhysioToolkit, and PhysioNet. Circulation 101(23):e215-e220, 2000."


@dataclass(frozen=True)
class Corpus:
    """A corpus that can be downloaded.

    Args:
        name: What to call it, the same as ``ecg prepare`` does.
        title: Its full name.
        version: The version that is fetched.
        url: Where its files are; ``SHA256SUMS.txt`` lies there too.
        licence: Of its files.
        cite: The publication to cite.
        parts: Name of a part -> the beginnings of the paths that are then left out.
    """

    name: str
    title: str
    version: str
    url: str
    licence: str
    cite: str
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


CORPORA = {
    corpus.name: corpus
    for corpus in (
        Corpus(
            "ptbxl",
            "PTB-XL, a large publicly available electrocardiography dataset",
            "1.0.3",
            f"{_PHYSIONET}/ptb-xl/1.0.3/",
            "Creative Commons Attribution 4.0 (CC BY 4.0)",
            "Wagner P, et al. PTB-XL, a large publicly available electrocardiography dataset. "
            "Scientific Data 7:154, 2020.",
            {"100": ("records500/",), "500": ("records100/",)},
        ),
        Corpus(
            "mitdb",
            "MIT-BIH Arrhythmia Database",
            "1.0.0",
            f"{_PHYSIONET}/mitdb/1.0.0/",
            "Open Data Commons Attribution 1.0 (ODC-By 1.0)",
            "Moody GB, Mark RG. The impact of the MIT-BIH Arrhythmia Database. "
            "IEEE Engineering in Medicine and Biology 20(3):45-50, 2001.",
        ),
        Corpus(
            "ludb",
            "Lobachevsky University Electrocardiography Database",
            "1.0.1",
            f"{_PHYSIONET}/ludb/1.0.1/",
            "Open Data Commons Attribution 1.0 (ODC-By 1.0)",
            "Kalyakulina AI, et al. LUDB: A New Open-Access Validation Tool for Electrocardiogram Delineation "
            "Algorithms. IEEE Access 8:186181-186190, 2020.",
        ),
        Corpus(
            "qtdb",
            "QT Database",
            "1.0.0",
            f"{_PHYSIONET}/qtdb/1.0.0/",
            "Open Data Commons Attribution 1.0 (ODC-By 1.0)",
            "Laguna P, Mark RG, Goldberger AL, Moody GB. A Database for Evaluation of Algorithms for Measurement of QT "
            "and Other Waveform Intervals in the ECG. Computers in Cardiology 24:673-676, 1997.",
        ),
        Corpus(
            "nstdb",
            "MIT-BIH Noise Stress Test Database",
            "1.0.0",
            f"{_PHYSIONET}/nstdb/1.0.0/",
            "Open Data Commons Attribution 1.0 (ODC-By 1.0)",
            "Moody GB, Muldrow WE, Mark RG. A noise stress test for arrhythmia detectors. "
            "Computers in Cardiology 11:381-384, 1984.",
        ),
    )
}


def corpus_called(name: str) -> Corpus:
    """The corpus of a name.

    Raises:
        ConfigError: There is none.
    """
    if name not in CORPORA:
        raise ConfigError(f"There is no corpus '{name}' to download.", did_you_mean(name, CORPORA))
    return CORPORA[name]


def left_out(corpus: Corpus, part: str | None) -> tuple[str, ...]:
    """The beginnings of the paths that a part of a corpus leaves out.

    Raises:
        ConfigError: The corpus has no such part.
    """
    if part is None:
        return ()
    if part not in corpus.parts:
        hint = f"Parts: {', '.join(corpus.parts)}." if corpus.parts else "It is fetched whole."
        raise ConfigError(f"{corpus.name} has no part '{part}'.", hint)
    return corpus.parts[part]
