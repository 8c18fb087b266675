"""The model as it is served: millivolts, words and raw metadata in, probabilities out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ecgtool.models.contract import Trained
from ecgtool.task import Task
from ecgtool.words import CLS, FIRST_WORD, PAD, SEP, TOKEN_COLUMNS


class Served(nn.Module):
    """A trained model behind the activation of its task, in ``eval()`` mode.

    Args:
        model: The trained model, normalisation included.
        task: Its task; decides the activation.
        samples: Samples per record.
        columns: Columns of ``metadata``; 0 when the model is not tabular.
        words: Words of a sentence, padding included; 0 when the model reads none.
        each: Whether ``metadata`` is of each word of a sentence.
    """

    def __init__(
        self, model: Trained, task: Task, samples: int, columns: int, *, words: int = 0, each: bool = False
    ) -> None:
        super().__init__()
        self.model = model
        self.exclusive = task.exclusive
        self.leads = model.leads
        self.samples, self.columns = samples, columns
        self.words, self.each = words, each
        self.eval()

    @property
    def input_names(self) -> list[str]:
        """``signal``, ``tokens`` when the model reads sentences, and ``metadata`` when it is tabular."""
        return ["signal"] + ["tokens"] * bool(self.words) + ["metadata"] * bool(self.columns)

    def forward(self, signal: Tensor, *others: Tensor) -> Tensor:
        """Probabilities [batch, labels], or [batch, labels, positions] where words or samples have their own.

        Args:
            signal: float32 [batch, leads, samples] in mV.
            *others: The further inputs, in the order of :attr:`input_names`: ``tokens`` int64 [batch, words, columns]
                (see :data:`ecgtool.words.TOKEN_COLUMNS`); ``metadata`` raw, NaN where unknown, float32
                [batch, columns], or [batch, words, columns].
        """
        given = dict(zip(self.input_names[1:], others, strict=True))
        logits: Tensor = self.model(signal, given.get("metadata"), given.get("tokens"))
        return logits.softmax(dim=1) if self.exclusive else logits.sigmoid()

    def example(self, batch: int = 2) -> tuple[Tensor, ...]:
        """Inputs of the right shapes: half a millivolt of noise, words side by side, metadata unknown."""
        random = torch.Generator().manual_seed(0)
        signal = 0.5 * torch.randn(batch, self.leads, self.samples, generator=random)
        shape = (batch, self.words, self.columns) if self.each else (batch, self.columns)
        made = {"signal": signal, "tokens": self._sentences(batch), "metadata": torch.full(shape, torch.nan)}
        return tuple(made[name] for name in self.input_names)

    def _sentences(self, batch: int) -> Tensor:
        """Sentences of one word over and over that fill the window, and of padding at the end."""
        tokens = torch.zeros(batch, self.words, len(TOKEN_COLUMNS), dtype=torch.int64)
        if self.words:
            names = [CLS] + [FIRST_WORD] * (self.words - 3) + [SEP, PAD]
            tokens[..., 0] = torch.tensor(names[-self.words :])
            edges = torch.linspace(0, self.samples, self.words + 1).long()
            tokens[..., 1], tokens[..., 2] = edges[:-1], edges[1:]
        return tokens
