import base64
import csv
import json
import re

import numpy as np
import pytest
from reports import PAYLOADS, Page, concluded_from, drawn_from, markdown_of, page_of, predicted

from ecgtool.console import DISCLAIMER
from ecgtool.errors import ConfigError
from ecgtool.metrics import Metrics
from ecgtool.report import ATTRIBUTIONS, write_report
from ecgtool.report.drawing import image
from ecgtool.report.figures import CHARTS, draw


@pytest.fixture
def quick(monkeypatch):
    """Reports with one figure: drawing all of them takes longest."""
    monkeypatch.setattr("ecgtool.report.figures.CHARTS", {"roc": CHARTS["roc"]})


def binary(**changes):
    return predicted(labels=("healthy", "CTRCD"), kind="multiclass", **changes)


@pytest.mark.parametrize("kind", ["multilabel", "multiclass"])
def test_a_report_is_a_whole_folder(tmp_path, kind):
    out = write_report(concluded_from(predicted(kind=kind)), tmp_path / "report")
    made = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    absent = {"subgroups"} | ({"thresholds"} if kind == "multiclass" else set())
    shown = [name for name in CHARTS if name not in absent]
    figures = {f"figures/{name}.{suffix}" for name in shown for suffix in ("png", "svg")}
    assert made == figures | {"metrics.json", "predictions.csv", "report.html", "report.md"}
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    for name in shown:
        assert (out / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("quick")
def test_an_older_report_is_replaced_only_when_asked(tmp_path):
    found = concluded_from(predicted())
    out = write_report(found, tmp_path / "report")
    (out / "figures" / "stale.svg").write_text("old")
    with pytest.raises(ConfigError, match="exists already"):
        write_report(found, out)
    assert (out / "figures" / "stale.svg").exists()
    write_report(found, out, force=True)
    assert not (out / "figures" / "stale.svg").exists()


@pytest.mark.usefixtures("quick")
def test_a_report_with_notes_beside_it_is_not_replaced(tmp_path):
    found = concluded_from(predicted())
    out = write_report(found, tmp_path / "report")
    (out / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"notes\.txt"):
        write_report(found, out, force=True)
    assert (out / "notes.txt").read_text() == "mine"


@pytest.mark.usefixtures("quick")
def test_the_document_holds_every_figure_and_opens_as_metrics_do(tmp_path):
    found = concluded_from(predicted())
    kept = json.loads((write_report(found, tmp_path / "report") / "metrics.json").read_text())
    further = {"subgroups", "by_patient", "by_member", "notes"}
    assert Metrics.model_validate({key: value for key, value in kept.items() if key not in further}) == found.metrics


def test_the_page_says_what_it_is_of_and_what_it_is_not():
    found = concluded_from(predicted())
    for text in (page_of(found), markdown_of(found)):
        assert DISCLAIMER in text
        assert "60 recordings of 30 patients" in text
        assert "CC BY 4.0" in text
    assert "CC BY 4.0" in ATTRIBUTIONS["ptbxl"]


def test_figures_come_in_the_order_of_statisticians():
    text = markdown_of(concluded_from(predicted()))
    overall = text[text.index("## Overall") : text.index("## By label")]
    places = [
        overall.index(f"| {name} |")
        for name in (
            "AUROC",
            "AUPRC",
            "accuracy",
            "F1",
            "sensitivity",
            "specificity",
            "PPV",
            "NPV",
            "balanced accuracy",
            "Brier",
            "ECE",
        )
    ]
    assert places == sorted(places)


def test_the_page_loads_nothing(tmp_path):
    out = write_report(drawn_from(tmp_path / "store", predicted()), tmp_path / "report")
    text = (out / "report.html").read_text()
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.elements)
    sources = [value for name, value in page.attributes if name in ("src", "href", "srcset", "action")]
    assert len(sources) == page.elements.count("img") == len(list((out / "figures").glob("*.svg")))
    assert all(re.match(r"data:image/(svg\+xml|png);base64,", value) for value in sources)
    assert not re.search(r"https?://|@import|url\(", text)
    for value in sources:
        assert b"<script" not in base64.b64decode(value.partition(",")[2])


@pytest.mark.usefixtures("quick")
def test_predictions_csv_has_a_row_per_item_and_runs_nothing(tmp_path):
    ids = tuple(PAYLOADS[item % len(PAYLOADS)] + str(item) for item in range(60))
    predictions = predicted(labels=("=1+1", "B", "C"), ids=ids)
    out = write_report(concluded_from(predictions), tmp_path / "report")
    with (out / "predictions.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 61
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_labels_left_out_and_labels_with_few_patients_are_named():
    predictions = predicted()
    predictions.targets[:, 1] = 0
    predictions.targets[:, 2] = 0
    predictions.targets[:3, 2] = 1
    found = concluded_from(predictions)
    for text in (page_of(found), markdown_of(found)):
        assert "MI: no positive item; left out of every mean." in text
        assert "Fewer than 10 patients with or without the label" in text
        assert "(NORM)" in text


def test_patients_seen_in_training_are_a_caution():
    assert "trained on 7 of these patients" in page_of(concluded_from(predicted(), seen_patients=7))
    assert "trained on" not in page_of(concluded_from(predicted()))
    assert "cannot be told" in page_of(concluded_from(predicted(), seen_patients=None))


def test_figures_on_the_items_the_thresholds_were_chosen_on_are_a_caution():
    assert "chosen on these very items" in page_of(concluded_from(predicted(), split="val"))
    assert "chosen on these very items" not in page_of(concluded_from(predicted()))


def test_many_labels_are_drawn_ten_at_a_time_and_said_so():
    found = concluded_from(predicted(labels=tuple(f"L{number}" for number in range(14))))
    (legend,) = draw("roc", found).legends
    assert len(legend.get_texts()) == 10
    assert "The 10 of 14 labels" in page_of(found)


def test_a_task_without_a_label_to_draw_still_has_a_report(tmp_path):
    predictions = predicted()
    predictions.targets[:] = 0
    out = write_report(concluded_from(predictions), tmp_path / "report")
    assert not (out / "figures").exists()
    assert "no positive item" in (out / "report.md").read_text()


def test_the_same_evaluation_gives_the_same_pictures():
    found = concluded_from(predicted())
    for kind in ("png", "svg"):
        first, second = (image(draw("roc", found), kind) for _ in range(2))
        assert first == second


def test_a_binary_task_is_told_by_its_positive_label_in_plain_words():
    found = concluded_from(binary())
    metrics = found.metrics.per_label["CTRCD"]
    text = markdown_of(found)
    assert f"{metrics.tp} of {metrics.positives} recordings with CTRCD are found" in text
    assert f"Of {metrics.tp + metrics.fp} called positive, {metrics.tp} are" in text
    assert "positive: CTRCD" in text
    assert "By label" not in text


def test_a_binary_task_has_threshold_curves_and_one_confusion_matrix():
    found = concluded_from(binary())
    assert len(draw("thresholds", found).axes) == 1
    matrix = draw("confusion", found).axes[0]
    assert [text.get_text() for text in matrix.get_xticklabels()] == ["healthy", "CTRCD"]
    assert draw("intervals", found) is None


def test_the_curve_of_a_threshold_meets_the_figures_where_the_threshold_decides():
    found = concluded_from(binary())
    axes = draw("thresholds", found).axes[0]
    (cut,) = found.metrics.thresholds.values()
    for line in axes.get_lines()[:4]:
        across, up = line.get_xdata(), line.get_ydata()
        name = {"F1": "f1", "PPV": "ppv"}.get(line.get_label(), line.get_label())
        value = up[np.flatnonzero(across >= cut)[-1]]  # thresholds descend; a step holds until the next one
        assert line.get_drawstyle() == "steps-post"
        assert value == pytest.approx(found.metrics.per_label["CTRCD"].values[name].value)


def test_a_report_by_patient_says_so():
    found = concluded_from(binary(), aggregate="mean")
    text = markdown_of(found)
    assert "test split, by patient" in text
    assert "30 patients" in text
    assert "mean of the logits of their recordings" in text
    assert "chosen on the patients of the validation split" in text
    assert "patients with CTRCD are found" in text


def test_a_temperature_is_told_and_the_probabilities_before_it_are_drawn():
    found = concluded_from(predicted(), temperature=1.7)
    assert "divided by 1.700" in page_of(found)
    labels = [text.get_text() for text in draw("calibration", found).legends[0].get_texts()]
    assert "before temperature" in labels
    assert "divided by" not in page_of(concluded_from(predicted()))


def test_what_no_division_of_a_patients_logits_undoes_is_not_drawn_as_before_it():
    found = concluded_from(binary(), aggregate="noisy-or", temperature=1.7)
    assert "Dashed" not in page_of(found)
    labels = draw("calibration", found).axes[0].get_legend_handles_labels()[1]
    assert "before temperature" not in labels
    assert "no area" not in page_of(concluded_from(predicted(kind="multiclass"), temperature=1.7))


def test_uncalibrated_probabilities_are_those_of_the_logits_before_the_division():
    from scipy.special import expit

    from ecgtool.report.reliability import uncalibrated

    found = concluded_from(predicted(), temperature=2.0)
    expected = expit(2 * found.predictions.logits.astype(float))
    np.testing.assert_allclose(uncalibrated(found), expected, atol=1e-6)


def test_exact_intervals_are_marked_and_the_mark_is_explained():
    perfect = binary()
    perfect.probabilities[:] = 0.8 * np.eye(2)[perfect.targets] + 0.1
    text = markdown_of(concluded_from(perfect))
    assert "†)" in text[text.index("## Overall") : text.index("## Discrimination")]
    assert "Exact interval (Clopper and Pearson)" in text
    assert "†" not in markdown_of(concluded_from(binary()))


def test_figures_that_many_resamples_leave_undefined_are_told():
    rare = predicted()
    rare.targets[:, 2] = 0
    rare.targets[(0, 20), 2] = 1
    found = concluded_from(rare)
    lost = found.metrics.per_label["NORM"].values["auroc"].undefined
    assert lost > 0
    assert f"intervals: NORM {2 * lost:.1f} % of them" in page_of(found)
    assert "Resamples without" not in page_of(concluded_from(predicted()))


def test_rules_are_told_in_words_with_the_thresholds_to_distrust():
    text = page_of(concluded_from(binary(), threshold_rule="specificity=0.95", threshold_notes=("CTRCD: few.",)))
    assert "lowest threshold with a specificity of at least 0.95, chosen on the recordings" in text
    assert "Threshold of CTRCD: few." in text
