"""The model as it is served: millivolts and raw metadata in, probabilities out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ecgtool.models.contract import Trained
from ecgtool.task import Task


class Served(nn.Module):
    """A trained model behind the activation of its task, in ``eval()`` mode.

    Args:
        model: The trained model, normalisation included.
        task: Its task; decides the activation.
        samples: Samples per record.
        columns: Columns of ``metadata``; 0 when the model is not tabular.
    """

    def __init__(self, model: Trained, task: Task, samples: int, columns: int) -> None:
        super().__init__()
        self.model = model
        self.exclusive = task.exclusive
        self.leads = model.leads
        self.samples = samples
        self.columns = columns
        self.eval()

    @property
    def input_names(self) -> list[str]:
        """``signal``, and ``metadata`` when the model is tabular."""
        return ["signal", "metadata"] if self.columns else ["signal"]

    def forward(self, signal: Tensor, metadata: Tensor | None = None) -> Tensor:
        """Probabilities [batch, labels] of ``signal`` [batch, leads, samples] in mV and raw ``metadata``."""
        logits = self.model(signal, metadata)
        return logits.softmax(dim=-1) if self.exclusive else logits.sigmoid()

    def example(self, batch: int = 2) -> tuple[Tensor, ...]:
        """Inputs of the right shapes: half a millivolt of noise, metadata unknown."""
        random = torch.Generator().manual_seed(0)
        signal = 0.5 * torch.randn(batch, self.leads, self.samples, generator=random)
        return (signal, torch.full((batch, self.columns), torch.nan))[: len(self.input_names)]
