"""Checks of a whole recording: do its leads fit together as a body's must, and are its voltages those of a heart?

What is found is told, never mended: only who recorded it can say which lead is which.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import permutations

import numpy as np
import numpy.typing as npt

from ecgtool.record import LIMB_WEIGHTS, Record

Floats = npt.NDArray[np.float64]

LAG_S = 0.02
"""Samples this far apart are subtracted, so that neither an offset nor baseline wander counts."""
ENOUGH_S = 60.0
"""So much of a recording is compared, from its beginning."""
MISFIT, MISFIT_MV = 0.1, 0.01
"""Limb leads fit while they miss each other by less than this share of their size, or by less than this."""
REMEDIED = 0.25
"""An exchange of leads explains a misfit when it leaves less than this share of it."""
OPPOSED = -0.3
"""Lead I runs against V6 when they correlate below this: 5 of 660 recordings (PTB-XL, LUDB, 2021 Challenge) do so as
they are, and two thirds of them with the arms exchanged."""
LARGEST_MV, SMALLEST_MV = 20.0, 0.02
"""What no electrode records in all leads: above the first, or below the second from valley to peak."""


def check(record: Record) -> tuple[str, ...]:
    """What looks wrong with a recording as a whole, a line each.

    - **Limb leads that contradict each other** (Einthoven 1908: I + III = II; Goldberger 1942: aVR, aVL and aVF are
      fixed by two of them), where three or more of them were recorded rather than derived. Leads in the wrong order,
      turned over or of another gain do; the line says which of these would explain it.
    - **Arm electrodes exchanged**: these obey the identities, but lead I runs against V6, and aVR points up.
    - **Amplitudes** no heart makes at the skin: another unit or gain than the file states.

    Args:
        record: Checked as it is in the file, before any filter. One that is not calibrated is only checked for what
            does not depend on its scale.

    Returns:
        Lines in words; none where all is well.
    """
    if record.seconds < 1:
        return ()
    steps = _steps(record)
    found = (_identities(record, steps), _arms(record, steps), _amplitude(record) if record.calibrated else "")
    return tuple(line for line in found if line)


def _steps(record: Record) -> dict[str, Floats]:
    """The changes over :data:`LAG_S` of the leads that are compared; none where there is too little of them."""
    signal = record.signal[:, : round(ENOUGH_S * record.fs)]
    names = [row for row, name in enumerate(record.leads) if name in LIMB_WEIGHTS or name == "V6"]
    rows = [row for row in names if np.isfinite(signal[row]).any()]  # a lead without a sample says nothing of others
    lag = max(1, round(LAG_S * record.fs))
    compared = signal[rows].astype(np.float64)
    steps = compared[:, lag:] - compared[:, :-lag]
    if rows and not np.isfinite(steps.sum()):
        steps = steps[:, np.isfinite(steps).all(axis=0)]
    if steps.shape[1] < record.fs - lag:
        return {}
    return {record.leads[row]: changes for row, changes in zip(rows, steps, strict=True)}


def _identities(record: Record, steps: Mapping[str, Floats]) -> str:
    derived = record.meta.get("derived", ())
    names = tuple(name for name in steps if name in LIMB_WEIGHTS and name not in derived)
    if len(names) < 3 or "zscore" in record.meta.get("units", {}).values():  # each lead was scaled by itself
        return ""
    rows = np.stack([steps[name] for name in names])
    products = rows @ rows.T / rows.shape[1]
    off, size = float(_misfit(products, _beside(names))), float(np.sqrt(products.trace() / len(names)))
    if off <= MISFIT * size or (record.calibrated and off <= MISFIT_MV):
        return ""
    which = "" if len(names) == len(LIMB_WEIGHTS) else f" {', '.join(names)}"
    return f"Limb leads{which} contradict each other by {off / size:.0%}{_reason(products, names)}?"


@lru_cache(maxsize=64)
def _beside(names: tuple[str, ...]) -> Floats:
    """The part of leads that is no combination of two, as a projection [leads, leads]."""
    return _projections(_weights(names)[None])[0]


def _weights(names: tuple[str, ...]) -> Floats:
    return np.array([LIMB_WEIGHTS[name] for name in names])


def _projections(weights: Floats) -> Floats:
    """Beside the planes that these weights [..., leads, 2] span: [..., leads, leads]."""
    return np.eye(weights.shape[-2]) - weights @ np.linalg.pinv(weights)


@lru_cache(maxsize=64)
def _turned(names: tuple[str, ...]) -> Floats:
    """As :func:`_beside`, for each lead turned over: [leads, leads, leads]."""
    signs = 1 - 2 * np.eye(len(names))
    return _projections(_weights(names) * signs[:, :, None])


@lru_cache(maxsize=64)
def _exchanged(names: tuple[str, ...]) -> tuple[list[tuple[int, ...]], Floats]:
    """Every other order of the leads, those that move fewest first, and as :func:`_beside` for each."""
    places = permutations(range(len(names)))
    orders = sorted(places, key=lambda order: sum(place != other for place, other in enumerate(order)))[1:]
    return orders, _projections(_weights(names)[np.array(orders)])


def _misfit(products: Floats, beside: Floats) -> Floats:
    """How far leads with these mean products are from being combinations of two: the root mean square of the rest."""
    rest = np.maximum((beside * products).sum(axis=(-2, -1)), 0.0)
    return np.asarray(np.sqrt(rest / len(products)))


def _reason(products: Floats, names: tuple[str, ...]) -> str:
    """What would bring the leads into agreement, in words; empty where nothing simple does."""
    bearable = REMEDIED * _misfit(products, _beside(names))
    over = np.flatnonzero(_misfit(products, _turned(names)) < bearable)
    if over.size:
        return f": is {names[over[0]]} turned over"
    orders, projections = _exchanged(names)
    fitting = np.flatnonzero(_misfit(products, projections) < bearable)
    if fitting.size:
        moved = [(names[place], name) for place, name in zip(orders[fitting[0]], names, strict=True)]
        return f": is {', '.join(f'{meant} called {name}' for meant, name in moved if meant != name)}"
    values = np.linalg.eigvalsh(products)
    if values[:-2].sum() < MISFIT**2 * values.sum():
        return ": is the gain of every lead right"
    return ": are they in the right order"


def _arms(record: Record, steps: Mapping[str, Floats]) -> str:
    """Arm electrodes exchanged: I becomes -I, aVR becomes aVL; the precordial leads stay as they are."""
    if not {"I", "V6"} <= steps.keys() or _correlation(steps["I"], steps["V6"]) >= OPPOSED:
        return ""
    first, last = (record.signal[record.leads.index(name)].astype(np.float64) for name in ("I", "V6"))
    if _correlation(first, last) >= OPPOSED or not _upright(record):
        return ""
    return "Lead I runs against V6 and aVR points up: were the arm electrodes exchanged?"


def _correlation(one: Floats, other: Floats) -> float:
    sound = np.isfinite(one) & np.isfinite(other)
    if not sound.all():
        one, other = one[sound], other[sound]
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt(one @ one) * np.sqrt(other @ other))
    return float(one @ other) / size if size > 0 else 0.0


def _upright(record: Record) -> bool:
    """Whether aVR's sharp waves point up: its values are skewed to the positive. True where it is not known."""
    if "aVR" in record.leads:
        values = record.signal[record.leads.index("aVR")].astype(np.float64)
    elif "II" in record.leads:
        values = -record.signal[[record.leads.index(name) for name in ("I", "II")]].astype(np.float64).sum(axis=0)
    else:
        return True
    values = values[np.isfinite(values)]
    return not values.size or float(np.mean((values - values.mean()) ** 3)) > 0


def _amplitude(record: Record) -> str:
    highest, lowest = (bound.reduce(record.signal, axis=1).astype(np.float64) for bound in (np.fmax, np.fmin))
    spans = highest - lowest
    least, most = float(np.fmin.reduce(spans)), float(np.fmax.reduce(spans))
    if least > LARGEST_MV:
        return f"Every lead spans over {LARGEST_MV:g} mV, the least {least:.3g} mV: is the unit or gain right?"
    if 0 < most < SMALLEST_MV:
        return f"No lead spans more than {most:.2g} mV: is the unit or gain right, and were electrodes on?"
    return ""
