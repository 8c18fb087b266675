"""Augmentations that know which waves an item's samples are part of: for networks that label samples."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ecgtool.training.augment import Source

_NONE, _P, _QRS, _T = 1, 2, 3, 4
"""Labels of a task of waves as targets go along: one more, 0 is where nothing is asked."""
UNEVEN, LONGEST = 0.6, 1.3
"""What is left of each pause of a hurried item differs by up to so much from what is usually left there, and is so much
at most: no heart is a clock, and irregular beats alone are no fibrillation."""
FIBRILLATION_HZ, FLUTTER_HZ = (4.0, 9.0), (4.0, 6.0)
FLUTTER, REGULAR = 0.25, 0.25
"""Shares of the fibrillating items: those that flutter, and those whose beats are regular none the less."""
PAUSE, IRREGULAR = (0.3, 1.3), (0.3, 0.9)
"""What is left of the pauses of a fibrillating item, and how far each is from that, as a share of it."""
LARGEST_MV, SMALLEST = 0.25, 0.04
"""Amplitude of the largest fibrillatory waves; of the smallest as a share of it."""
_SHORTEST = 0.1


def fibrillation(signal: Tensor, source: Source) -> Tensor:
    """Atrial fibrillation, or flutter: no P waves, fibrillatory waves, and beats that come irregularly.

    Marked P waves are replaced by what joins their ends and are asked no longer; each pause from T wave to complex
    becomes shorter or longer by a share of its own; waves of 4 to 9 Hz without a steady rate or size go through all of
    it (Hindricks et al. 2021, ESC guidelines, section 3), in flutter a sawtooth. Applied to the share
    ``augment.fibrillation`` of the items it is given; items without targets of samples stay as they are.
    """
    if not source.targets:
        return signal
    items, samples = len(signal), signal.shape[-1]
    beats = _endless(signal, source)
    labels = beats[:, -1].round().long()
    calm = torch.where(labels == _P, _NONE, labels)
    made = _bridged(beats, labels == _P)
    made[:, -1] = calm.to(made.dtype)
    pause = (calm == _NONE) & (_last_wave(calm) == _T) & (_next_wave(calm) == _QRS)
    spread = source.uniform(*IRREGULAR, items, 1) * (source.uniform(0, 1, items, 1) >= REGULAR)
    share = source.uniform(*PAUSE, items, 1) * (1 + spread * _each(pause, source))
    made = _paced(made, torch.where(pause, share.clamp(min=_SHORTEST), torch.ones_like(share)), source).values[
        ..., :samples
    ]
    made = made + _fibrillatory(items, samples, source)
    chosen = source.uniform(0, 1, items, 1, 1) < source.config.fibrillation
    return torch.where(chosen, made, signal)


def hurry(signal: Tensor, source: Source) -> Tensor:
    """A faster heart, as a body has it: waves last as long as before, the pause from T wave to P wave does not.

    It is squeezed to a share of its length, and beyond none: then the P wave stands on the end of the T wave, as in
    tachycardia. P waves keep their distance from their complexes. The beats that are marked follow on each other over
    and over, so that the item is full of them. Items without targets of samples stay as they are: nobody knows where
    their pauses lie.
    """
    if not source.targets:
        return signal
    beats = _endless(signal, source)
    labels = beats[:, -1].round().long()
    led = (labels == _P) & (_next_wave(torch.where(labels == _P, _NONE, labels)) == _QRS)
    calm = torch.where(led, _NONE, labels)
    bare = _bridged(beats, led)
    bare[:, -1] = calm.to(bare.dtype)
    between = (calm == _NONE) & (_last_wave(calm) == _T) & (_next_wave(calm) == _QRS)
    pause = between & (led | (_next_wave(labels) == _P))
    share = source.uniform(1 - source.config.hurry, 1, len(signal), 1)
    uneven = source.uniform(0, UNEVEN, len(signal), 1)
    share = (share + uneven * _each(pause, source)).clamp(1 - source.config.hurry, LONGEST)
    paced = _paced(bare, torch.where(pause, share, torch.ones_like(share)), source)
    return _with_p(paced, (beats - bare) * source.recorded, labels, led)[..., : signal.shape[-1]]


def _endless(signal: Tensor, source: Source) -> Tensor:
    """The items twice as long: from anywhere in them the beats between the first and the last complex, repeated.

    So beats are marked up to the ends of an item, and there are enough where time runs faster. Each turn is tilted to
    end where it began. Where there are no two complexes the last sample is repeated, and nothing is asked of that.
    """
    samples = signal.shape[-1]
    places = torch.arange(2 * samples, device=signal.device)
    begins = _begins(signal[:, -1].round().long())
    first = torch.where(begins, places[:samples], samples).amin(dim=1, keepdim=True)
    length = torch.where(begins, places[:samples], -1).amax(dim=1, keepdim=True) - first
    turn = (places + (source.uniform(0, 1, len(signal), 1) * length).long()) % length.clamp(min=1)
    rise = _taken(signal, (first + length).clamp(0, samples - 1)) - _taken(signal, first.clamp(max=samples - 1))
    tilt = rise * source.recorded * (turn / length.clamp(min=1))[:, None]
    longer = _taken(signal, places.clamp(max=samples - 1).expand(len(signal), -1)).clone()
    longer[:, -1, samples:] = 0
    return torch.where((length > 0)[:, None], _taken(signal, (first + turn).clamp(0, samples - 1)) - tilt, longer)


def _begins(labels: Tensor) -> Tensor:
    """Where complexes begin; [items, samples]."""
    return (labels == _QRS) & (labels.roll(1, dims=1) != _QRS)


class _Paced(NamedTuple):
    """Items whose time runs differently, and where each of their samples comes from."""

    values: Tensor  # [items, channels, samples]
    times: Tensor  # [items, samples], 1 for the first
    ends: Tensor  # [items, samples], when each sample of the item as it was comes now
    source: Tensor  # [items, samples], the first of these that comes no sooner


def _paced(signal: Tensor, lasting: Tensor, source: Source) -> _Paced:
    """The items, each of whose samples now lasts so many [items, samples]; behind them nothing is asked."""
    ends = lasting.cumsum(dim=1)
    last = signal.shape[-1] - 1
    wanted = torch.arange(1, last + 2, device=signal.device, dtype=ends.dtype).expand_as(ends)
    after = torch.searchsorted(ends, wanted.contiguous()).clamp(max=last)
    before = (after - 1).clamp(min=0)
    first, second = ends.gather(1, before), ends.gather(1, after)
    part = ((wanted - first) / (second - first).clamp(min=1e-6)).clamp(0, 1)[:, None]
    left, right = _taken(signal, before), _taken(signal, after)
    made = torch.where(source.recorded > 0, torch.lerp(left, right, part), torch.where(part < 0.5, left, right))
    made[:, -1] = torch.where(wanted > ends[:, -1:], 0.0, made[:, -1])
    return _Paced(made, wanted, ends, after)


def _with_p(paced: _Paced, p_waves: Tensor, labels: Tensor, led: Tensor) -> Tensor:
    """The items with P waves as far before their complexes as they were.

    Args:
        paced: Without them.
        p_waves: [items, channels, samples], they alone, in the time before; zero elsewhere.
        labels: [items, samples], in the time before.
        led: [items, samples], which samples are theirs.
    """
    samples = labels.shape[1]
    places = torch.arange(samples, device=labels.device).expand_as(labels)
    complexes = torch.where(_begins(labels), places, samples).flip(1).cummin(dim=1).values.flip(1)
    beat = complexes.gather(1, paced.source)
    known = beat.clamp(max=samples - 1)
    origin = (known - (paced.ends.gather(1, known) - paced.times)).clamp(0, samples - 1)
    first, nearest = origin.floor().long(), origin.round().long()
    own = (complexes.gather(1, first) == beat) & (beat < samples)
    part = (origin - first)[:, None]
    wave = torch.lerp(_taken(p_waves, first), _taken(p_waves, (first + 1).clamp(max=samples - 1)), part)
    made = paced.values + wave * own[:, None]
    made[:, -1] = torch.where(own & led.gather(1, nearest), float(_P), made[:, -1])
    return made


def _fibrillatory(items: int, samples: int, source: Source) -> Tensor:
    """Fibrillatory waves, of some items flutter waves, as leads show them; [items, channels, samples] in mV."""
    flutters = source.uniform(0, 1, items, 1) < FLUTTER
    steady = torch.where(flutters, 0.02, 0.2)
    rate = torch.where(flutters, source.uniform(*FLUTTER_HZ, items, 1), source.uniform(*FIBRILLATION_HZ, items, 1))
    rate = rate * (1 + steady * _slow(items, samples, source))
    phase = 2 * math.pi * ((rate / source.fs).cumsum(dim=1) + source.uniform(0, 1, items, 1))
    teeth = torch.stack([torch.sin(order * phase) / order for order in range(1, 5)]).sum(dim=0)
    round_ = torch.sin(phase) + source.uniform(0, 0.5, items, 1) * torch.sin(2 * phase + source.uniform(0, 6, items, 1))
    wave = torch.where(flutters, teeth, round_) * (1 + 4 * steady * _slow(items, samples, source)).clamp(min=0)
    size = LARGEST_MV * source.uniform(math.log(SMALLEST), 0, items, 1, 1).exp()
    seen = source.uniform(0.3, 1, items, source.mixing.shape[1], 1)
    turned = torch.where(source.uniform(0, 1, items, source.mixing.shape[1], 1) < 0.5, -1.0, 1.0)
    return size * (source.mixing @ (seen * turned * wave[:, None]))


def _slow(items: int, samples: int, source: Source) -> Tensor:
    """Numbers of deviation about 1 that change within a third of a second; [items, samples]."""
    knots = source.normal(items, 1, max(round(3 * samples / source.fs), 2))
    return torch.nn.functional.interpolate(knots, samples, mode="linear", align_corners=True)[:, 0]


def _each(pause: Tensor, source: Source) -> Tensor:
    """A number from -1 to 1 for each pause, at all of its samples; [items, samples]."""
    begins = pause & ~pause.roll(1, dims=1)
    places = torch.arange(pause.shape[1], device=pause.device).expand(pause.shape)
    begin = torch.where(begins, places, 0).cummax(dim=1).values
    return source.uniform(-1, 1, *pause.shape).gather(1, begin)


def _bridged(signal: Tensor, inside: Tensor) -> Tensor:
    """The channels with straight lines where ``inside`` [items, samples] is true."""
    last = inside.shape[1] - 1
    places = torch.arange(last + 1, device=inside.device).expand(inside.shape)
    before = torch.where(inside, 0, places).cummax(dim=1).values
    after = torch.where(inside, last, places).flip(1).cummin(dim=1).values.flip(1)
    part = ((places - before) / (after - before).clamp(min=1))[:, None]
    before, after = (
        torch.where(inside.gather(1, end), other, end) for end, other in ((before, after), (after, before))
    )  # beyond the item there is nothing to join to
    return torch.lerp(_taken(signal, before), _taken(signal, after), part)


def _taken(signal: Tensor, places: Tensor) -> Tensor:
    """The samples [items, channels, samples] at these places [items, samples]."""
    return signal.gather(2, places[:, None].expand(-1, signal.shape[1], -1))


def _next_wave(labels: Tensor) -> Tensor:
    """The label of the first sample, from each on, that is not of none."""
    return _last_wave(labels.flip(1)).flip(1)


def _last_wave(labels: Tensor) -> Tensor:
    """The label of the last sample, up to each, that is not of none."""
    places = torch.arange(labels.shape[1], device=labels.device).expand_as(labels)
    last = torch.where(labels == _NONE, torch.zeros_like(places), places).cummax(dim=1).values
    return labels.gather(1, last)
