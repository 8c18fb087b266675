"""beat-cnn: the QRS complex through a small convolutional network, beside what intervals and shapes say of the beat.

The waveform tells ventricular beats from others; whether a beat of normal shape is early, and whether its P wave is its
own, are numbers (:mod:`ecgtool.signals.rr`, :mod:`ecgtool.signals.beat_shape`) that go through layers of their own. The
network stays small and reads little: there are only as many kinds of QRS complexes as patients in training.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn

from ecgtool.models.contract import Inputs, ModelSpec
from ecgtool.settings import Section


class BeatCNNOptions(Section):
    """Options of ``beat-cnn``."""

    rate_hz: float = Field(120.0, description="The signal is averaged down to about this rate first.", gt=0)
    widths: tuple[int, ...] = Field(
        (24, 32, 48, 48), description="Channels of the convolutions; all but the last halve the samples.", min_length=1
    )
    hidden: int = Field(64, description="Width of what the waveform comes to.", ge=1)
    tabular_dim: int = Field(32, description="Width of what the features come to.", ge=1)
    dropout: float = Field(0.3, description="Dropout before the layers that join.", ge=0, lt=1)
    lead_dropout: float = Field(
        0.15,
        description="Share of training beats that lose a lead, so that one lead is enough; never the last one.",
        ge=0,
        lt=1,
    )
    by_features: int = Field(
        0,
        description="The first so many labels (of AAMI's two: N and S) are told from each other by the features alone;"
        " the waveform tells all of them together from the others. Of no effect without features, or with two labels.",
        ge=0,
    )
    limit: float = Field(6.0, description="Features beyond so many deviations are cut.", gt=0)


class LeadDropout(nn.Module):
    """In training, one lead of some items becomes 0; nothing where there is but one."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, signal: Tensor) -> Tensor:
        """The signal [batch, leads, samples] with leads taken away."""
        batch, leads = signal.shape[:2]
        if not self.training or leads < 2 or not self.share:
            return signal
        lost = torch.randint(leads, (batch,), device=signal.device)
        hit = torch.rand(batch, device=signal.device) < self.share
        kept = ~(nn.functional.one_hot(lost, leads).bool() & hit[:, None])
        return signal * kept[:, :, None]


def _convolution(before: int, after: int, reach: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(before, after, 2 * reach + 1, stride, padding=reach, bias=False), nn.BatchNorm1d(after), nn.ReLU()
    )


class Network(nn.Module):
    """The waveform and the features, each through layers of its own, then joined."""

    def __init__(self, options: BeatCNNOptions, inputs: Inputs, outputs: int) -> None:
        super().__init__()
        self.columns, self.limit = inputs.tabular, options.limit
        factor = min(max(round(inputs.fs / options.rate_hz), 1), inputs.samples)
        self.lead_dropout, self.slower = LeadDropout(options.lead_dropout), nn.AvgPool1d(factor, ceil_mode=True)
        widths = (inputs.leads, *options.widths)
        self.convolutions = nn.Sequential(
            *(
                _convolution(before, after, max(3 - number, 1), 2 if number < len(options.widths) - 1 else 1)
                for number, (before, after) in enumerate(pairwise(widths))
            )
        )
        samples = -(-inputs.samples // factor)
        for _ in options.widths[:-1]:
            samples = -(-samples // 2)
        self.waveform = nn.Sequential(
            nn.Flatten(), nn.Dropout(options.dropout), nn.Linear(widths[-1] * samples, options.hidden), nn.ReLU()
        )
        self.features = _layers(inputs.tabular, options.tabular_dim) if inputs.tabular else None
        joined = options.hidden + (options.tabular_dim if inputs.tabular else 0)
        alone = options.by_features if inputs.tabular and 1 < options.by_features < outputs else 0
        self.alone = _told_by_features(inputs.tabular, options.tabular_dim, alone) if alone else None
        self.out = nn.Sequential(
            nn.Dropout(options.dropout),
            nn.Linear(joined, 48),
            nn.ReLU(),
            nn.Dropout(options.dropout / 2),
            nn.Linear(48, outputs - max(alone - 1, 0)),
        )

    def forward(self, signal: Tensor, tabular: Tensor | None = None, **_: Tensor | None) -> Tensor:
        """Logits [batch, outputs] of ``signal`` [batch, leads, samples] and ``tabular`` [batch, columns]."""
        slower = self.slower(self.lead_dropout(signal - signal.mean(dim=-1, keepdim=True)))
        joined: Tensor = self.waveform(self.convolutions(slower))
        known = signal.new_zeros(signal.shape[0], self.columns) if tabular is None else tabular
        known = known.clamp(-self.limit, self.limit)
        if self.features is not None:
            joined = torch.cat([joined, self.features(known)], dim=1)
        logits: Tensor = self.out(joined)
        if self.alone is None:
            return logits
        shares = self.alone(known).log_softmax(dim=1)  # what of the first logit's probability is whose
        return torch.cat([logits[:, :1] + shares, logits[:, 1:]], dim=1)


def _layers(columns: int, width: int) -> nn.Sequential:
    """Two layers of features."""
    return nn.Sequential(nn.Linear(columns, width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, width), nn.ReLU())


def _told_by_features(columns: int, width: int, labels: int) -> nn.Sequential:
    """Scores of labels that features alone tell from each other."""
    return nn.Sequential(_layers(columns, width), nn.Dropout(0.2), nn.Linear(width, labels))


BEAT_CNN = ModelSpec(
    name="beat-cnn",
    summary="Small convolutional network on the QRS complex, beside RR intervals and the beat's difference from usual.",
    paper="",
    reads=("signal", "tabular"),
    Config=BeatCNNOptions,
    build=Network,
)
