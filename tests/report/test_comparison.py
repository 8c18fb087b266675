import re
from dataclasses import replace

import numpy as np
import pytest
from reports import PAYLOADS, Page, concluded_from, predicted
from sklearn.metrics import roc_auc_score

from ecgtool.errors import DataError
from ecgtool.report.comparison import chance, delong_rows, in_short, pair, rows, write_comparison


def two(labels=("healthy", "CTRCD"), kind="multiclass", spread=1.5, **source):
    """Two models on the same items, the second one worse."""
    good = predicted(labels=labels, kind=kind)
    noise = np.random.default_rng(9).normal(0, spread, good.logits.shape).astype(np.float32)
    blurred = replace(good, logits=good.logits + noise).divided(1.0)
    return concluded_from(good, model="good", **source), concluded_from(blurred, model="blurred", **source)


def test_the_table_has_both_figures_their_difference_and_p():
    a, b = two()
    table = {row[0]: row for row in rows(pair(a, b, 100))}
    areas = [roc_auc_score(each.predictions.targets, each.predictions.probabilities[:, 1]) for each in (a, b)]
    assert table["AUROC"][1:3] == tuple(f"{area:.3f}" for area in areas)
    assert table["AUROC"][3].startswith(f"{areas[0] - areas[1]:+.3f} (")
    assert "exact match" not in table
    assert next(iter(table)) == "AUROC"


def test_delong_counts_patients():
    ((label, positives, *_rest),) = delong_rows(pair(*two(), 0))
    assert (label, positives) == ("CTRCD", "15")


def test_the_sentence_says_whether_the_interval_holds_nothing():
    assert "leaves out 0" in in_short(pair(*two(), 100))
    assert "holds 0" in in_short(pair(*two(spread=0.05), 100))


@pytest.mark.parametrize("kind", ["multilabel", "multiclass"])
def test_a_comparison_is_a_whole_folder(tmp_path, kind):
    out = write_comparison(pair(*two(("A", "B", "C"), kind), 20), tmp_path / "report")
    made = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    figures = {f"figures/{name}.{suffix}" for name in ("differences", "roc") for suffix in ("png", "svg")}
    assert made == figures | {"comparison.json", "report.html", "report.md"}


def test_models_of_other_data_or_items_are_refused():
    a, b = two()
    elsewhere = concluded_from(b.predictions, dataset="elsewhere")
    with pytest.raises(DataError, match="different data: ptbxl and elsewhere"):
        pair(a, elsewhere)
    fewer = concluded_from(predicted(labels=("healthy", "CTRCD"), kind="multiclass", items=40))
    with pytest.raises(DataError, match="20 of 60"):
        pair(a, fewer)


def test_hostile_names_are_inert(tmp_path):
    for payload in (PAYLOADS[0], PAYLOADS[4]):
        a, b = two((payload, f"{payload}2"))
        source = a.metrics.source.model_copy(update={"model": payload})
        named = replace(a, metrics=a.metrics.model_copy(update={"source": source}))
        out = write_comparison(pair(named, b, 5), tmp_path / str(len(payload)))
        page = Page((out / "report.html").read_text())
        assert "script" not in page.elements
        assert not re.search(r"(?<!\\)<script", (out / "report.md").read_text())


def test_small_chances_are_not_called_nothing():
    assert (chance(0.0002), chance(0.0499), chance(None)) == ("< 0.001", "0.050", "–")
