"""Which of two labels is positive: the finding that figures are of, behind the label that says there is none."""

from __future__ import annotations

from collections.abc import Sequence

from ecgtool.columns import folded
from ecgtool.errors import ConfigError, did_you_mean

NEGATIVE = frozenset(
    ("0", "no", "n", "false", "control", "controls", "normal", "norm", "negative", "neg", "none", "healthy", "absent")
)
"""What lists call the absence of a finding, in lower case and without spaces."""
_DENIALS = ("no", "non", "not", "without")


def ordered(labels: Sequence[str], positive: str = "") -> tuple[str, ...]:
    """Two labels, the negative first: weights and figures are read in this order.

    Args:
        labels: Two, in the order that holds where neither is known to deny the other.
        positive: The one that is positive; empty for the one that is no obvious "no" (:data:`NEGATIVE`, or the other
            label with ``no``, ``non`` or ``without`` before it).

    Raises:
        ConfigError: ``positive`` is neither.

    >>> ordered(("CTRCD", "control")), ordered(("no AF", "AF")), ordered(("afib", "sinus"), "afib")
    (('control', 'CTRCD'), ('no AF', 'AF'), ('sinus', 'afib'))
    """
    if positive:
        chosen = next((label for label in labels if folded(label) == folded(positive)), None)
        if chosen is None:
            raise ConfigError(
                f"--positive {positive!r} is not a label; they are {' and '.join(labels)}.",
                did_you_mean(positive, labels),
            )
        return (*(label for label in labels if label != chosen), chosen)
    negative = [label for label, other in zip(labels, reversed(labels), strict=True) if _denies(label, other)]
    return (*negative, *(label for label in labels if label not in negative)) if len(negative) == 1 else tuple(labels)


def _denies(label: str, other: str) -> bool:
    """Whether a label says that there is nothing, or not what the other label says."""
    spaced = folded(label.replace("-", " ").replace("_", " "))
    return folded(label) in NEGATIVE or any(spaced == folded(f"{denial} {other}") for denial in _DENIALS)
