"""Augmentations: shapes and leads stay in step, strengths are kept, the same seed gives the same numbers."""

import numpy as np
import pytest
import torch

from ecgtool.errors import EcgError
from ecgtool.formats.wfdb_write import write_wfdb
from ecgtool.record import LEADS_8, LEADS_12, LIMB_WEIGHTS, Record
from ecgtool.run import Run
from ecgtool.settings import AugmentConfig
from ecgtool.signals.leads import MASK
from ecgtool.task import Task
from ecgtool.training.augment import AUGMENTATIONS, Augmentation, mixing, refuse_unfit
from ecgtool.training.augment_noise import recorded_noises
from ecgtool.training.history import read_history

FS, SAMPLES = 500.0, 1000
LIMBS = LEADS_12[:6]
OF_WAVES = ("fibrillation", "hurry")
"""They need targets of samples."""


def augmentation(name, leads=LEADS_12, noises=None, **options):
    config = AugmentConfig(**{"use": (name,), "probability": 1.0, **options})
    made = Augmentation(config, leads, FS, [0.2] * len(leads), noises)
    made.begin(7, "cpu")
    return made


@pytest.fixture
def items():
    """Sixteen items of twelve leads that obey Einthoven and Goldberger."""
    rng = np.random.default_rng(0)
    time = np.arange(SAMPLES) / FS
    waves = np.array([[np.sin(2 * np.pi * (rate * time + phase)) for rate, phase in rng.uniform(1, 8, (8, 2))]] * 16)
    signal = np.empty((16, 12, SAMPLES), np.float32)
    for row, lead in enumerate(LIMBS):
        first, second = LIMB_WEIGHTS[lead]
        signal[:, row] = first * waves[:, 0] + second * waves[:, 1]
    signal[:, 6:] = waves[:, 2:]
    return torch.from_numpy(signal)


def einthoven(signal):
    """How far limb leads are from what I and II say, at most."""
    weights = torch.tensor([LIMB_WEIGHTS[lead] for lead in LIMBS])
    return float((signal[:, :6] - weights @ signal[:, :2]).abs().max())


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name not in ("flip", *OF_WAVES)])
def test_each_keeps_the_shape_changes_the_items_and_follows_its_seed(items, name):
    made = augmentation(name)
    first = made(items)
    assert (first.shape, first.dtype) == (items.shape, items.dtype)
    assert torch.isfinite(first).all()
    assert not torch.equal(first, items)
    assert not torch.equal(first, made(items)), "the next batch draws anew"
    made.begin(7, "cpu")
    assert torch.equal(first, made(items))
    made.begin(8, "cpu")
    assert not torch.equal(first, made(items))


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name not in ("noise", "drop")])
def test_limb_leads_still_obey_einthoven_and_goldberger(items, name):
    assert einthoven(augmentation(name)(items)) < 1e-5


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name not in OF_WAVES])
def test_a_probability_of_a_half_leaves_about_half_of_the_items_as_they_are(items, name):
    many = items.repeat(20, 1, 1)
    same = (augmentation(name, probability=0.5)(many) == many).flatten(1).all(dim=1)
    assert 0.35 < same.float().mean() < 0.7


def test_a_flip_reverses_the_polarity_of_leads_alone(items):
    items[:, -1] = 1.0
    made = augmentation("flip", (*LEADS_12[:-1], MASK))(items)
    assert torch.equal(made[:, :-1], -items[:, :-1])
    assert torch.equal(made[:, -1], items[:, -1])


TIMED = ("stretch", "shift", "crop")


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name not in OF_WAVES])
def test_targets_of_samples_move_with_them(items, name):
    """Steps between whole numbers, one of them where nothing is asked, and a signal that is these numbers too."""
    target = (torch.arange(SAMPLES) // 50 % 5 - 1).expand(16, SAMPLES)
    made = augmentation(name, ("II",), scale=0.1, shift=40, stretch=0.2)
    signal, moved = made.with_targets(target[:, None].float() + 1, target)
    assert signal.shape == (16, 1, SAMPLES)
    assert (moved.shape, moved.dtype) == (target.shape, target.dtype)
    if name not in TIMED:
        assert torch.equal(moved, target)
        return
    assert not torch.equal(moved, target)
    away = (signal[:, 0] - (moved + 1)).abs()
    assert float((away < 0.2).float().mean()) > 0.95, "away from steps they are as near as before"
    assert set(moved.unique().tolist()) <= {-1, 0, 1, 2, 3}


def test_noise_has_the_share_of_the_leads_deviation_that_is_asked_for(items):
    added = augmentation("noise", noise=(0.02, 0.02))(items) - items
    assert float(added.std()) == pytest.approx(0.02 * 0.2, rel=0.02)


def test_scaling_is_one_factor_for_all_leads_of_an_item(items):
    made = augmentation("scale", scale=0.1)(items)
    factors = (made / items)[items.abs() > 0.1].reshape(-1)
    assert 0.9 <= float(factors.min()) < 0.95 < 1.05 < float(factors.max()) <= 1.1 + 1e-5
    each = (made * items).sum(dim=2) / (items * items).sum(dim=2)
    assert float((each - each.mean(dim=1, keepdim=True)).abs().max()) < 1e-5


def test_a_shift_moves_all_leads_by_the_same_whole_samples(items):
    made = augmentation("shift", shift=10)(items)
    moves = set()
    for before, after in zip(items, made, strict=True):
        move = next(m for m in range(-10, 11) if torch.equal(after[:, 10:-10], before[:, 10 - m : SAMPLES - 10 - m]))
        moves.add(move)
    assert len(moves) > 5
    assert min(moves) < 0 < max(moves)


def test_stretching_time_by_nothing_changes_nothing_and_by_a_tenth_changes_the_rate():
    time = torch.arange(SAMPLES) / FS
    wave = torch.sin(2 * torch.pi * 5 * time).expand(64, 12, SAMPLES)
    torch.testing.assert_close(augmentation("stretch", stretch=0.0)(wave), wave)
    made = augmentation("stretch", stretch=0.1)(wave)[:, 0, 100:-100]
    rates = torch.fft.rfft(made * torch.hann_window(made.shape[1]), n=8192).abs().argmax(dim=1) * FS / 8192
    assert 4.45 < float(rates.min()) < 4.8
    assert 5.2 < float(rates.max()) < 5.55


def test_a_crop_keeps_one_stretch_in_all_leads_and_zeroes_the_rest(items):
    made = augmentation("crop", crop=0.5)(items + 5)
    kept = made != 0
    assert torch.equal(kept, kept[:, :1].expand_as(kept))
    lengths = kept[:, 0].sum(dim=1)
    assert SAMPLES // 2 <= int(lengths.min()) < int(lengths.max()) <= SAMPLES
    edges = kept[:, 0].int().diff(dim=1).abs().sum(dim=1)
    assert int(edges.max()) <= 2, "one stretch"


def test_dropped_leads_are_zero_and_one_always_stays(items):
    made = augmentation("drop", drop=0.3)(items)
    kept = (made != 0).any(dim=2)
    assert 0.5 < float(kept.float().mean()) < 0.85
    assert torch.equal(made[kept], items[kept])
    assert augmentation("drop", drop=1.0)(items).any(dim=2).any(dim=1).all()


@pytest.mark.parametrize(("name", "low", "high"), [("wander", 0, 1.5), ("powerline", 49, 51), ("muscle", 19, 151)])
def test_what_is_added_lies_in_its_band_and_below_its_size(items, name, low, high):
    added = augmentation(name, wander_mv=0.2, powerline_mv=0.2, muscle_mv=0.2)(items) - items
    power = torch.fft.rfft(added * torch.hann_window(SAMPLES)).abs() ** 2
    rates = torch.fft.rfftfreq(SAMPLES, 1 / FS)
    inside = power[..., (rates >= low) & (rates <= high)].sum() / power.sum()
    assert float(inside) > (0.9 if name == "powerline" else 0.97)
    assert 0.02 < float(added[:, :3].std()) < 0.3


def test_recorded_noise_of_the_stress_database_is_added(tmp_path, items):
    ramp = np.linspace(-1, 1, 36000, dtype=np.float32) ** 3
    for name in ("bw", "ma"):
        write_wfdb(Record(np.stack([ramp, -ramp]), 360.0, ("noise1", "noise2")), tmp_path, name)
    noises = recorded_noises(tmp_path, ("muscle", "noise"), FS)
    assert list(noises) == ["muscle"]
    assert noises["muscle"].shape == (2, 50000)
    assert float(noises["muscle"].std()) == pytest.approx(1, rel=0.01)
    added = augmentation("muscle", noises=noises, muscle_mv=1.0)(items) - items
    assert float(added.diff(dim=2).abs().max()) < 0.02, "a slow ramp, rather than what would be made up"
    with pytest.raises(EcgError, match=r"has no bw\.hea"):
        recorded_noises(tmp_path / "elsewhere", ("wander",), FS)
    assert recorded_noises(tmp_path, ("noise",), FS) == {}


def test_the_real_stress_database_is_read(recordings, items):
    noises = recorded_noises(recordings("nstdb"), ("wander", "muscle"), 100.0)
    assert {name: tuple(values.shape) for name, values in noises.items()} == {
        "wander": (2, 180556), "muscle": (2, 180556)
    }  # fmt: skip
    assert torch.isfinite(augmentation("wander", noises=noises)(items)).all()


def test_the_channel_that_says_what_was_recorded_stays_true():
    leads = (*LEADS_8, MASK)
    items = torch.ones(64, 9, SAMPLES)
    for name in ("noise", "scale", "wander", "powerline", "muscle"):
        assert torch.equal(augmentation(name, leads)(items)[:, 8], items[:, 8]), name
    cropped = augmentation("crop", leads)(items)
    assert torch.equal(cropped[:, 8], cropped[:, 0])
    dropped = augmentation("drop", leads, drop=0.4)(items)
    assert torch.allclose(dropped[:, 8, 0], (dropped[:, :8, 0] != 0).float().mean(dim=1))


def test_a_lead_stays_rather_than_the_channel_that_says_what_was_recorded():
    items = torch.ones(256, 9, 10)
    dropped = augmentation("drop", (*LEADS_8, MASK), drop=1.0)(items)
    assert ((dropped[:, :8] != 0).any(dim=2).sum(dim=1) == 1).all()


def test_stretched_time_makes_no_new_values_of_what_was_recorded():
    items = torch.ones(64, 9, SAMPLES)
    items[:, :, :300] = 0
    made = augmentation("stretch", (*LEADS_8, MASK))(items)
    assert set(made[:, 8].unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(made[:, 8], items[:, 8])


@pytest.mark.parametrize("name", ["wander", "powerline", "muscle"])
def test_mixed_precision_leaves_limb_leads_in_step(items, name):
    made = augmentation(name, wander_mv=2.0, powerline_mv=2.0, muscle_mv=2.0)
    exact = made(items)
    made.begin(7, "cpu")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = made(items)
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, exact)


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("probability", [0.0, 1.0])
@pytest.mark.parametrize("samples", [1, 2, 3])
def test_the_shortest_items_and_the_extreme_probabilities_are_borne(name, probability, samples):
    items = torch.randn(5, 12, samples)
    made = augmentation(name, probability=probability)(items)
    assert made.shape == items.shape
    assert torch.isfinite(made).all()
    assert probability > 0 or torch.equal(made, items)


def test_electrode_noise_has_a_deviation_of_one_in_bipolar_leads():
    weights = mixing(LEADS_12)
    assert weights.shape == (12, 9)
    torch.testing.assert_close(weights[:3].square().sum(dim=1), torch.ones(3))
    assert mixing(("MLII", "V1", MASK)).shape == (3, 5)
    assert not mixing(("MLII", "V1", MASK))[2].any()


def test_what_would_make_labels_untrue_is_refused():
    timed = Task(name="rhythm", kind="multiclass", labels=("N", "BRADY"), timed_labels=("BRADY",))
    plain = Task(name="form", kind="multilabel", labels=("N", "BRADY"))
    with pytest.raises(EcgError, match="Stretching time would make labels of the task 'rhythm' untrue: BRADY"):
        refuse_unfit(AugmentConfig(use=("stretch",)), timed, FS)
    refuse_unfit(AugmentConfig(use=("stretch",)), plain, FS)
    refuse_unfit(AugmentConfig(use=("noise",)), timed, FS)
    with pytest.raises(EcgError, match="Mains of 50 Hz cannot be in items of 100 Hz"):
        refuse_unfit(AugmentConfig(use=("powerline",)), plain, 100.0)
    with pytest.raises(EcgError, match="no augmentation 'nois'"):
        refuse_unfit(AugmentConfig(use=("nois",)), plain, FS)


def test_validation_is_not_augmented_and_training_is(ecg):
    assert ecg("prepare", "synthetic", "--records", "40", "--seconds", "3").code == 0
    common = ("train", "--dataset", "synthetic", "--task", "diagnosis", "--arch", "xlstm", "--epochs", "1")
    assert ecg(*common, "--out", "plain", "--lr", "1e-9").code == 0
    assert ecg(*common, "--out", "noisy", "--lr", "1e-9", "--aug", "noise,crop", "--set", "augment.crop=0.1").code == 0
    plain, noisy = (read_history(Run.open(name))[0] for name in ("plain", "noisy"))
    assert plain["val_loss"] == pytest.approx(noisy["val_loss"], abs=1e-5)
    assert abs(plain["train_loss"] - noisy["train_loss"]) > 1e-4


def test_the_command_refuses_what_cannot_be_in_one_line(ecg):
    assert ecg("prepare", "synthetic", "--records", "40", "--seconds", "3", "--task", "diagnosis,rhythm").code == 0
    common = ("train", "--dataset", "synthetic", "--arch", "cnn1d", "--epochs", "1", "--aug")
    wrong = ecg(*common, "stretch", "--task", "rhythm")
    assert wrong.code == 1
    assert "Stretching time" in wrong.err
    assert "Did you mean 'scale'?" in ecg(*common, "scales", "--task", "diagnosis").err
    assert ecg("train", "--list", "--json").json["augmentations"].keys() == set(AUGMENTATIONS)
