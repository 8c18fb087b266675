"""Statistics of the training items."""

import numpy as np
import pytest
from support import make_store

from ecgtool.training import statistics
from ecgtool.training.statistics import norm_stats


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "toy", leads=3)


def test_lead_statistics_equal_numpy_over_the_training_items_alone(store, monkeypatch):
    monkeypatch.setattr(statistics, "CHUNK", 5)
    train = store.indices("train")
    millivolts = store.signals[train].astype(np.float64) / 1000
    stats = norm_stats(store, train)
    np.testing.assert_allclose(stats.mean_mv, millivolts.mean(axis=(0, 2)), rtol=1e-12)
    np.testing.assert_allclose(stats.std_mv, millivolts.std(axis=(0, 2)), rtol=1e-12)
    assert stats.items == len(train)


def test_other_items_have_no_say(tmp_path, store):
    signals = np.array(store.signals)
    signals[store.indices("val")] = 30_000
    np.save(store.path / "signals.npy", signals)
    changed = type(store).open(store.path)
    assert norm_stats(changed, changed.indices("train")) == norm_stats(store, store.indices("train"))


def test_a_large_offset_costs_no_digit(store):
    train = store.indices("train")
    expected = norm_stats(store, train).std_mv
    signals = np.array(store.signals) // 4 + 30_000
    np.save(store.path / "signals.npy", signals)
    shifted = norm_stats(type(store).open(store.path), train)
    np.testing.assert_allclose(shifted.std_mv, signals[train].astype(float).std(axis=(0, 2)) / 1000, rtol=1e-12)
    np.testing.assert_allclose(shifted.std_mv, np.array(expected) / 4, rtol=1e-2)


def test_a_constant_lead_is_left_unscaled_and_named(store, caplog, monkeypatch):
    monkeypatch.setattr(statistics.log, "propagate", True)
    signals = np.array(store.signals)
    signals[:, 1] = 17
    np.save(store.path / "signals.npy", signals)
    stats = norm_stats(type(store).open(store.path), store.indices("train"))
    assert stats.std_mv[1] == 1.0
    assert stats.mean_mv[1] == pytest.approx(0.017)
    assert "lead II is constant" in caplog.text


def test_the_mask_is_left_as_it_is_whether_it_changes_or_not(store, caplog, monkeypatch):
    monkeypatch.setattr(statistics.log, "propagate", True)
    spelt = (store.path / "manifest.json").read_text()
    (store.path / "manifest.json").write_text(spelt.replace('"III"', '"mask"'))
    for changing in (False, True):
        signals = np.array(store.signals)
        signals[:, 2] = 1000
        signals[::3, 2] -= 125 * changing
        np.save(store.path / "signals.npy", signals)
        stats = norm_stats(type(store).open(store.path), store.indices("train"))
        assert stats.leads[2] == "mask"
        assert (stats.mean_mv[2], stats.std_mv[2]) == (0, 1)
        assert stats.std_mv[1] != 1
    assert "constant" not in caplog.text


def test_unknown_tabular_values_do_not_count(store):
    train = store.indices("train")
    stats = norm_stats(store, train)
    np.testing.assert_allclose(stats.tabular_mean, np.nanmean(store.tabular[train].astype(float), axis=0))
    np.testing.assert_allclose(stats.tabular_std, np.nanstd(store.tabular[train].astype(float), axis=0))


def test_a_column_that_is_unknown_or_constant_divides_by_one(store):
    values = np.array(store.tabular)
    values[:, 0], values[:, 1] = np.nan, 1.0
    np.save(store.path / "tabular.npy", values)
    stats = norm_stats(type(store).open(store.path), store.indices("train"))
    assert stats.tabular_mean == (0.0, 1.0)
    assert stats.tabular_std == (1.0, 1.0)


def test_without_normalisation_millivolts_stay_millivolts(store):
    stats = norm_stats(store, store.indices("train"), normalise="none", tabular=False)
    assert stats.mean_mv == (0.0, 0.0, 0.0)
    assert stats.std_mv == (1.0, 1.0, 1.0)
    assert stats.tabular == ()
    assert stats.tabular_mean == ()
