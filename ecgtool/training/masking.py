"""Masking: words of a sentence hidden at random, for a network to guess (Devlin et al. 2019, section 3.1).

The items of a task of words are sentences with gaps, the same ones whenever they are read, which is what makes epochs
and models comparable (see :mod:`ecgtool.views.gaps`). In training other gaps are drawn in every epoch.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ecgtool.training.data import Batch, seeded
from ecgtool.views.gaps import SHARE
from ecgtool.words import FIRST_WORD, MASK

HIDDEN, REPLACED = 0.8, 0.1
"""Share of the words asked for that are masked, and that another word stands for; the rest is left as it is."""
_GAPS = 1
"""What is drawn: one more word of the seed, so that no other draw of an epoch shares its numbers."""


class Masking:
    """Gaps of training sentences, drawn on the device from a seed.

    A word is a name and the samples of its span. A masked one loses both (the network looks at no samples of what is
    called ``MASK``). Another word that stands for one is taken from the same sentence with its span: a name beside the
    samples of the true word would give the answer away.

    Args:
        seed: Decides the gaps, together with the epoch.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._words = (seed, 0, 0)
        self._generator: torch.Generator | None = None

    def begin(self, epoch: int, rank: int) -> None:
        """Draw the gaps of an epoch, of this process, from the seed and these two numbers."""
        self._words, self._generator = (self.seed, epoch, rank), None

    def drawn(self, batch: Batch) -> Batch:
        """The batch with gaps of its own in place of those it came with; special words are never asked for."""
        if batch.tokens is None:
            raise ValueError("masking needs sentences")
        if self._generator is None:
            self._generator = torch.Generator(batch.tokens.device)
            self._generator.manual_seed(int(seeded(*self._words, _GAPS).integers(2**62)))
        tokens = whole(batch.tokens, batch.target)
        name = tokens[..., 0]
        word = name >= FIRST_WORD
        asked = word & (self._uniform(name) < SHARE)
        fate = self._uniform(name)
        hidden, replaced = asked & (fate < HIDDEN), asked & (fate >= HIDDEN) & (fate < HIDDEN + REPLACED)
        others = tokens.gather(1, self._others(word).unsqueeze(-1).expand_as(tokens))
        tokens = torch.where(replaced.unsqueeze(-1), others, tokens)
        shown = tokens[..., 0].masked_fill(hidden, MASK)
        tokens = torch.cat([shown.unsqueeze(-1), tokens[..., 1:]], dim=-1)
        target = torch.where(asked, name - FIRST_WORD, -torch.ones_like(name))
        return batch._replace(tokens=tokens, target=target)

    def _uniform(self, like: Tensor) -> Tensor:
        return torch.rand(like.shape, generator=self._generator, device=like.device)

    def _others(self, word: Tensor) -> Tensor:
        """For each place of a sentence the place of one of its words, each as likely; int64 [batch, words]."""
        weights = word.float()
        weights[:, 0] += ~word.any(dim=1)  # a sentence without words has nothing to draw, and nothing is asked of it
        return torch.multinomial(weights, word.shape[1], replacement=True, generator=self._generator)


def whole(tokens: Tensor, target: Tensor) -> Tensor:
    """Sentences [batch, words, columns] with the names that ``target`` [batch, words] asks for: without gaps."""
    name = torch.where(target >= 0, target + FIRST_WORD, tokens[..., 0])
    return torch.cat([name.unsqueeze(-1), tokens[..., 1:]], dim=-1)
