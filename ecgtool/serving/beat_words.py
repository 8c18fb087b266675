"""What a model of sentences says of heartbeats: each at the word that is its QRS complex."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ecgtool.catalog.bundle import Bundle
from ecgtool.delineation import delineate
from ecgtool.errors import IntegrityError
from ecgtool.run import VOCABULARY
from ecgtool.sentences.sentence import Reading, read_lead
from ecgtool.sentences.vocabulary import Vocabulary
from ecgtool.sentences.words import with_beats
from ecgtool.serving.model import probabilities_of
from ecgtool.waves import UNKNOWN

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from ecgtool.serving.beats import Stretch

Floats = npt.NDArray[np.float32]

BATCH = 64


class WordJudge:
    """Judges the beats of a stretch of one lead by the sentences they are words of.

    Args:
        bundle: Of a model that reads sentences; its ``vocabulary.json`` is the one it learned.
        session: The model.

    Raises:
        IntegrityError: The bundle lacks its vocabulary, or has another one.
    """

    def __init__(self, bundle: Bundle, session: InferenceSession) -> None:
        self.manifest, self.session = bundle.manifest, session
        where = str(bundle.path / VOCABULARY)
        self.vocabulary = Vocabulary.of_document(json.loads(bundle.read(VOCABULARY)), where)
        words = self.manifest.words
        if words is None or self.vocabulary.digest != words.vocabulary:
            raise IntegrityError(f"{where} is not the vocabulary that the model learned.", "Export it again.")
        self.longest = words.longest

    def __call__(self, part: Stretch) -> Floats:
        """Probabilities [beats, labels]; NaN of a beat that is no word."""
        labels = len(self.manifest.task.labels)
        chances = np.full((len(part.peaks), labels), np.nan, np.float32)
        read = self._read(part)
        for begin in range(0, len(read.starts), BATCH):
            some = slice(begin, begin + BATCH)
            beats = read.beats[some]
            feeds = {"signal": read.signals[some], "tokens": read.tokens[some]}
            if self.manifest.tabular:
                known = np.where(beats[..., None] == UNKNOWN, np.float32(np.nan), part.features[beats])
                feeds["metadata"] = known.astype(np.float32)
            said = probabilities_of(self.session, feeds, (len(beats), labels, self.longest))
            sentence, word = np.nonzero(beats != UNKNOWN)
            chances[beats[sentence, word]] = said[sentence, :, word]
        return chances

    def _read(self, part: Stretch) -> Reading:
        """The sentences of the stretch, no longer than the model takes, around its beats alone."""
        fs, samples = self.manifest.fs, self.manifest.samples
        first = max(int(part.peaks[0]) - samples, 0)
        signal = part.signal[0, first : int(part.peaks[-1]) + samples]
        peaks = part.peaks - first
        waves = delineate(signal[None], fs, self.manifest.leads[:1], self.manifest.waves, peaks)
        return read_lead(signal, with_beats(waves, 0, peaks)[0], 0, self.vocabulary, samples, self.longest)
