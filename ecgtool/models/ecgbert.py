"""ecgbert: a language model of ECGs, whose words are waves.

A word enters as the sum of what it is called (its token), where it stands in the sentence (its position), which lead it
is of (its segment) and how it looks (its samples, embedded by a small U-Net); a transformer encoder reads the sentence
(Choi et al. 2023, arXiv:2306.06340, after Devlin et al. 2019, doi:10.18653/v1/N19-1423). A word that is masked is
blanked as a whole: neither its samples nor its length are looked at, and nothing tells times other than the lengths of
the words that can be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d

from ecgtool.errors import ConfigError
from ecgtool.models.contract import Inputs, ModelSpec
from ecgtool.models.transformer import Encoder
from ecgtool.models.waveform import WaveEncoder, spans
from ecgtool.settings import Section
from ecgtool.words import FIRST_WORD, PAD

PAPER = "Choi et al. 2023, ECGBERT: Understanding Hidden Language of ECGs with Self-Supervised Representation Learning"


class ECGBERTOptions(Section):
    """Options of ``ecgbert``; the defaults are the published size."""

    width: int = Field(64, description="Width of a token; a multiple of heads.", ge=1)
    layers: int = Field(12, description="Layers of the encoder.", ge=1)
    heads: int = Field(4, description="Attention heads.", ge=1)
    growth: int = Field(4, description="The inner layer of each block is so many times as wide.", ge=1)
    dropout: float = Field(0.1, description="Dropout in the encoder and before the last layer.", ge=0, lt=1)
    points: int = Field(32, description="Points that the samples of a word are resampled to; a multiple of 4.", ge=4)
    channels: int = Field(12, description="Features of the U-Net at full resolution.", ge=1)
    longest: int = Field(512, description="Most words of a sentence.", ge=2)
    segments: int = Field(16, description="Leads that are told apart; further ones count as the last.", ge=1)
    head_layers: int = Field(1, description="Layers of the head before its last one.", ge=0)
    head_width: int = Field(64, description="Their width.", ge=1)
    head_dropout: float = Field(0.0, description="Dropout before the first of them and behind each.", ge=0, lt=1)
    around: int = Field(
        0,
        description="The head of a word is also told the mean of so many words on each side; 0 for its own alone.",
        ge=0,
    )
    alone: float = Field(
        0.0, description="Share of the words in training that the head judges by features alone.", ge=0, lt=1
    )
    tabular_layers: int = Field(1, description="Layers that features of beats, or age and sex, go through.", ge=1)
    tabular_dim: int = Field(32, description="Their width.", ge=1)
    tabular_dropout: float = Field(0.0, description="Dropout behind each of them.", ge=0, lt=1)
    by_features: int = Field(
        0,
        description="The first so many labels (of AAMI's two: N and S) are told from each other by the features alone;"
        " the words tell all of them together from the others. No effect without features, or with two labels.",
        ge=0,
    )
    limit: float = Field(6.0, description="Features beyond so many deviations are cut.", gt=0)

    @model_validator(mode="after")
    def _sizes_agree(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}")
        if self.points % 4:
            raise ValueError(f"points {self.points} is no multiple of 4")
        return self


class WordEmbedding(nn.Module):
    """Words to vectors: token, position, segment and samples, added and normalised.

    Args:
        options: Sizes.
        inputs: Shapes.
        ids: Ids of the vocabulary, the special ones included.
    """

    def __init__(self, options: ECGBERTOptions, inputs: Inputs, ids: int) -> None:
        super().__init__()
        self.points, self.fs = options.points, inputs.fs
        self.token = nn.Embedding(ids, options.width)
        self.position = nn.Embedding(options.longest, options.width)
        self.segment = nn.Embedding(options.segments, options.width)
        self.wave = WaveEncoder(inputs.leads, options.channels, options.width)
        self.norm, self.dropout = nn.LayerNorm(options.width), nn.Dropout(options.dropout)
        for table in (self.token, self.position, self.segment):
            nn.init.normal_(table.weight, std=_SPREAD)

    def forward(self, signal: Tensor, tokens: Tensor) -> Tensor:
        """[batch, words, width] of ``signal`` [batch, leads, samples] and ``tokens`` int64 [batch, words, 4]."""
        name, onset, end, lead = tokens.unbind(-1)
        segment = self.segment(lead.clamp(0, self.segment.num_embeddings - 1))
        place = self.position.weight[: name.shape[1]]
        shape = self._shapes(signal, onset, end, name >= FIRST_WORD)
        embedded: Tensor = self.dropout(self.norm(self.token(name) + place + segment + shape))
        return embedded

    def _shapes(self, signal: Tensor, onset: Tensor, end: Tensor, seen: Tensor) -> Tensor:
        """How the words that are seen look, [batch, words, width]; 0 of all others."""
        waves = spans(signal, onset, end, self.points)
        length = (end - onset).to(signal.dtype) / self.fs
        if not self.training:  # in one go, without a look at the values, so that it can be exported
            return self.wave(waves.flatten(0, 1), length.flatten()).reshape(*seen.shape, -1) * seen.unsqueeze(-1)
        shapes = self.wave(waves[seen], length[seen])
        return shapes.new_zeros(*seen.shape, shapes.shape[-1]).masked_scatter(seen.unsqueeze(-1), shapes)


class Head(nn.Module):
    """What the encoder says, joined with tabular values that have gone through layers of their own, to logits.

    Args:
        columns: Tabular values; 0 where there are none.
        width: Of what the encoder says.
        outputs: Logits.
        options: Depth, widths, dropout.
    """

    def __init__(self, columns: int, width: int, outputs: int, options: ECGBERTOptions) -> None:
        super().__init__()
        self.columns, self.limit = columns, options.limit
        self.alone = options.alone if columns else 0.0
        told = options.by_features if columns and 1 < options.by_features < outputs else 0
        self.shares = _shares(columns, options, told) if told else None
        features = [columns] + [options.tabular_dim] * options.tabular_layers
        self.tabular = nn.Sequential(*_dense(features, options.tabular_dropout)) if columns else None
        self.enter = nn.Dropout(options.head_dropout)
        joined = width + (options.tabular_dim if columns else 0)
        hidden = _dense([joined] + [options.head_width] * options.head_layers, options.head_dropout)
        last = options.head_width if options.head_layers else joined
        self.out = nn.Sequential(*hidden, nn.Dropout(options.dropout), nn.Linear(last, outputs - max(told - 1, 0)))

    def forward(self, hidden: Tensor, tabular: Tensor | None) -> Tensor:
        """Logits [..., outputs] of ``hidden`` [..., width] and ``tabular`` [..., columns]; unknown where None."""
        if self.tabular is None:
            plain: Tensor = self.out(self.enter(hidden))
            return plain
        known = hidden.new_zeros(*hidden.shape[:-1], self.columns) if tabular is None else tabular
        known = known.clamp(-self.limit, self.limit)
        logits: Tensor = self.out(self.enter(torch.cat([self._sometimes(hidden), self.tabular(known)], dim=-1)))
        if self.shares is None:
            return logits
        shares = self.shares(known).log_softmax(dim=-1)  # what of the first logit's probability is whose
        return torch.cat([logits[..., :1] + shares, logits[..., 1:]], dim=-1)

    def _sometimes(self, hidden: Tensor) -> Tensor:
        """In training, 0 for some of the words, so that their features must do: the encoder knows who is looked at."""
        if not self.training or not self.alone:
            return hidden
        return hidden * (torch.rand(*hidden.shape[:-1], 1, device=hidden.device) >= self.alone)


def _shares(columns: int, options: ECGBERTOptions, labels: int) -> nn.Sequential:
    """Scores of labels that features alone tell from each other."""
    layers = _dense([columns] + [options.tabular_dim] * options.tabular_layers, options.tabular_dropout)
    return nn.Sequential(*layers, nn.Linear(options.tabular_dim, labels))


def _dense(widths: Sequence[int], dropout: float) -> list[nn.Module]:
    """Layers from each width to the next, each with a dropout behind it."""
    return [
        nn.Sequential(nn.Linear(before, after), nn.GELU(), nn.Dropout(dropout)) for before, after in pairwise(widths)
    ]


def around(hidden: Tensor, real: Tensor, reach: int) -> Tensor:
    """The mean of the real words up to ``reach`` places away, its own included: [batch, words, width] of the same.

    Args:
        hidden: [batch, words, width].
        real: bool [batch, words], what is no padding.
        reach: Words on each side.
    """
    share = real.to(hidden.dtype).unsqueeze(1)  # [batch, 1, words]
    size = 2 * reach + 1
    total = avg_pool1d(hidden.transpose(1, 2) * share, size, stride=1, padding=reach)
    return (total / avg_pool1d(share, size, stride=1, padding=reach).clamp(min=1 / size)).transpose(1, 2)


class ECGBERT(nn.Module):
    """The encoder behind the embedding, and one head: of every word, or of the sentence by its first word (CLS).

    Args:
        options: Sizes.
        inputs: Shapes; ``inputs.each`` says whether every word has an answer or the sentence has one.
        outputs: Number of logits, of each word or of the sentence.

    Raises:
        ConfigError: There are no sentences, or longer ones than the options allow.
    """

    def __init__(self, options: ECGBERTOptions, inputs: Inputs, outputs: int) -> None:
        super().__init__()
        self.each, self.around = inputs.each, options.around if inputs.each else 0
        self.embedding = WordEmbedding(options, inputs, _ids(options, inputs))
        self.encoder = Encoder(options.layers, options.width, options.heads, options.growth, options.dropout)
        self.head = Head(inputs.tabular, options.width * (2 if self.around else 1), outputs, options)

    def forward(
        self, signal: Tensor, tabular: Tensor | None = None, tokens: Tensor | None = None, **_: Tensor | None
    ) -> Tensor:
        """Logits [batch, outputs, words], or [batch, outputs] of sentences.

        Args:
            signal: float32 [batch, leads, samples], the window that the words lie in.
            tabular: float32 [batch, words, columns] of words or [batch, columns] of sentences; unknown where None.
            tokens: int64 [batch, words, 4]: id, onset, end and lead of each word; ``PAD`` fills a sentence up.
        """
        if tokens is None:
            raise ValueError("ecgbert reads sentences: tokens must be given")
        real = tokens[..., 0] != PAD
        hidden = self.encoder(self.embedding(signal, tokens), real)
        if self.around:
            hidden = torch.cat([hidden, around(hidden, real, self.around)], dim=-1)
        logits: Tensor = self.head(hidden if self.each else hidden[:, 0], tabular)
        return logits.transpose(1, 2) if self.each else logits


def _ids(options: ECGBERTOptions, inputs: Inputs) -> int:
    if inputs.words is None:
        raise ConfigError("ecgbert reads sentences, and there are none.", "Make them with: ecg sentences STORE")
    if inputs.words.longest > options.longest:
        raise ConfigError(
            f"Sentences have up to {inputs.words.longest} words, and model.longest is {options.longest}.",
            f"Give --set model.longest={inputs.words.longest}",
        )
    return inputs.words.ids


_SPREAD = 0.2
"""Deviation of the embeddings at the beginning, about that of what the U-Net says."""

ECGBERT_PUBLISHED = ModelSpec(
    name="ecgbert",
    summary="Transformer over sentences of waves, 64 wide and 12 layers deep; pre-trained by masking words.",
    paper=PAPER,
    reads=("signal", "tokens", "tabular"),
    Config=ECGBERTOptions,
    build=ECGBERT,
)

ECGBERT_SMALL = ModelSpec(
    name="ecgbert-small",
    summary="ecgbert with 4 layers and a smaller U-Net, sized for a laptop.",
    paper=PAPER,
    reads=("signal", "tokens", "tabular"),
    Config=ECGBERTOptions,
    build=ECGBERT,
    preset={"layers": 4, "growth": 2, "points": 16, "channels": 8},
)
