"""The heart as one moving dipole, and the leads that see it.

A heartbeat is a sum of bell-shaped pulses of a dipole moment in three dimensions: x to the patient's left, y to the
feet, z to the back (Frank's axes). Leads are projections of it (Dower, Machado and Osborne, Clinical Cardiology 1980),
so that Einthoven's and Goldberger's identities hold exactly and every lead agrees with every other about the heart.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

P, QRS, ST, T = range(4)
WAVES = ("P", "QRS", "ST", "T")

# Dower's transfer coefficients: I, II, V1-V6 from Frank's X, Y, Z.
_DOWER = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)

# What the twelve leads measure between nine electrodes: RA, LA, LL, V1-V6.
_WILSON = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0]) / 3
_I = np.array([-1.0, 1, 0, 0, 0, 0, 0, 0, 0])
_II = np.array([-1.0, 0, 1, 0, 0, 0, 0, 0, 0])
INDEPENDENT_FROM_ELECTRODES = np.vstack([_I, _II, np.eye(9)[3:] - _WILSON])


@dataclass(frozen=True)
class Pulses:
    """Bell-shaped pulses of the dipole; every array has one row per pulse.

    Args:
        at: Time of the peak in seconds.
        rise: Width before the peak in seconds (standard deviation).
        fall: Width after the peak in seconds.
        power: 2 is a Gaussian; more is flatter on top.
        moment: The dipole at the peak in mV; [pulses, 3].
        beat: Number of the beat it belongs to.
        wave: What it is part of: :data:`P`, :data:`QRS`, :data:`ST` or :data:`T`.
    """

    at: Floats
    rise: Floats
    fall: Floats
    power: Floats
    moment: Floats
    beat: npt.NDArray[np.int64]
    wave: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Self:
        """The pulses for which ``chosen`` holds."""
        return replace(self, **{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    def height(self, seconds: Floats) -> Floats:
        """How far each pulse has risen, 0 to 1, at times [pulses, times]."""
        before = seconds < self.at[:, None]
        width = np.where(before, self.rise[:, None], self.fall[:, None])
        exponent = ((seconds - self.at[:, None]) / width) ** 2
        flat = self.power != 2
        exponent[flat] **= self.power[flat, None] / 2
        return np.exp(-exponent / 2)


def joined(parts: list[Pulses]) -> Pulses:
    """All pulses as one, in the order of their beats."""
    order = np.argsort(np.concatenate([part.beat for part in parts]), kind="stable")
    return Pulses(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts])[order] for field in fields(Pulses)}
    )


def moment(pulses: Pulses, fs: float, samples: int) -> Floats:
    """The dipole over time in mV; [3, samples], evaluated in closed form at each sample.

    Args:
        pulses: What it is made of.
        fs: Sampling rate in Hz.
        samples: Length; the first sample lies at 0 s.
    """
    drawn = np.zeros((3, samples))
    for wave in range(len(WAVES)):
        part = pulses.where(pulses.wave == wave)
        if len(part):
            drawn += _moment_of(part, fs, samples)
    return drawn


def leads_of(dipole: Floats, precordial_gain: Floats) -> Floats:
    """The eight independent leads (I, II, V1-V6) of a dipole [..., 3, times] in mV; [..., 8, times].

    Args:
        dipole: The dipole over time.
        precordial_gain: How near each chest electrode lies to the heart; [6], 1 is usual.
    """
    return lead_field(precordial_gain) @ dipole


def lead_field(precordial_gain: Floats) -> Floats:
    """What each independent lead sees of the dipole; [8, 3]."""
    gain = np.concatenate([[1.0, 1.0], precordial_gain])
    return _DOWER * gain[:, None]


def twelve(independent: Floats) -> Floats:
    """All twelve leads, in the order of ``LEADS_12``, from the eight independent ones; [..., 12, times]."""
    i, ii = independent[..., 0:1, :], independent[..., 1:2, :]
    derived = [ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2]
    return np.concatenate([i, ii, *derived, independent[..., 2:, :]], axis=-2)


def _moment_of(pulses: Pulses, fs: float, samples: int) -> Floats:
    """Each pulse is drawn only where it is not zero: within five widths, flat tops included."""
    reach = int(np.ceil(5 * max(pulses.rise.max(), pulses.fall.max()) * fs)) + 1
    index = np.round(pulses.at * fs).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
    height = pulses.height(index / fs)
    height[(index < 0) | (index >= samples)] = 0
    flat = index.clip(0, samples - 1).ravel()
    return np.stack([np.bincount(flat, (height * pulses.moment[:, axis, None]).ravel(), samples) for axis in range(3)])
