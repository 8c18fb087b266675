import base64
import csv
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from ecgtool.console import DISCLAIMER
from ecgtool.errors import ConfigError
from ecgtool.metrics import Source, choose_thresholds
from ecgtool.metrics.predictions import Predictions
from ecgtool.report import ATTRIBUTIONS, as_html, as_markdown, write_report
from ecgtool.report.figures import FIGURES, draw, image
from ecgtool.task import Task

PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "--><script src=http://evil.example/x.js></script>",
    "$\\frac{broken$",
    '=HYPERLINK("http://evil.example")',
    "[click](javascript:alert(1))",
    "|a|b|`rm`",
    "\x1b[31mred\x07",
    "__import__('os')",
    "${title}",
    "@SUM(1+1)",
)


def predicted(labels=("CD", "MI", "NORM"), kind="multilabel", items=60, seed=0, ids=None):
    rng = np.random.default_rng(seed)
    task = Task(name="toy", kind=kind, labels=labels)
    if task.exclusive:
        targets = (np.arange(items) % len(labels)).astype(np.int16)
        weights = rng.random((items, len(labels))) + np.eye(len(labels))[targets]
        chances = weights / weights.sum(axis=1, keepdims=True)
    else:
        targets = (rng.random((items, len(labels))) < 0.4).astype(np.uint8)
        chances = np.clip(0.6 * rng.random(targets.shape) + 0.3 * targets, 0, 1)
    ids = ids or tuple(f"{item:05d}" for item in range(items))
    patients = tuple(f"p{item // 2}" for item in range(items))
    return Predictions(task, ids, patients, "test", targets, chances.astype(np.float32))


def measured(predictions, **source):
    thresholds = choose_thresholds(predictions.task, predictions.targets, predictions.probabilities)
    about = {"model": "run-1", "arch": "cnn1d", "dataset": "ptbxl", "store": "ptbxl", "split": "test"}
    about |= {"fs": 100.0, "leads": ("I", "II"), "samples": 1000, **source}
    return predictions.metrics(thresholds, bootstrap=50).model_copy(update={"source": Source(**about)})


class Page(HTMLParser):
    """Every element and every attribute of a page."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.attributes, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words.append(data)


def pictures(metrics, predictions):
    drawn = {name: draw(name, metrics, predictions) for name in FIGURES}
    return {name: image(figure, "svg") for name, figure in drawn.items() if figure is not None}


@pytest.mark.parametrize("kind", ["multilabel", "multiclass"])
def test_a_report_is_a_whole_folder(tmp_path, kind):
    predictions = predicted(kind=kind)
    metrics = measured(predictions)
    out = write_report(metrics, predictions, tmp_path / "report")
    made = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    shown = [name for name in FIGURES if not (kind == "multiclass" and name == "thresholds")]
    figures = {f"figures/{name}.{suffix}" for name in shown for suffix in ("png", "svg")}
    assert made == figures | {"metrics.json", "predictions.csv", "report.html", "report.md"}
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    for name in shown:
        assert (out / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")


def test_an_older_report_is_replaced_only_when_asked(tmp_path):
    predictions = predicted()
    metrics = measured(predictions)
    out = write_report(metrics, predictions, tmp_path / "report")
    (out / "figures" / "stale.svg").write_text("old")
    with pytest.raises(ConfigError, match="exists already"):
        write_report(metrics, predictions, out)
    assert (out / "figures" / "stale.svg").exists()
    write_report(metrics, predictions, out, force=True)
    assert not (out / "figures" / "stale.svg").exists()


def test_a_report_with_notes_beside_it_is_not_replaced(tmp_path):
    predictions = predicted()
    metrics = measured(predictions)
    out = write_report(metrics, predictions, tmp_path / "report")
    (out / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"notes\.txt"):
        write_report(metrics, predictions, out, force=True)
    assert (out / "notes.txt").read_text() == "mine"


def test_the_page_says_what_it_is_of_and_what_it_is_not():
    predictions = predicted()
    metrics = measured(predictions)
    for text in (as_html(metrics, {}), as_markdown(metrics, set())):
        assert DISCLAIMER in text
        assert "60 of 30 patients" in text
        assert "CC BY 4.0" in text
    assert "CC BY 4.0" in ATTRIBUTIONS["ptbxl"]


def test_the_page_loads_nothing():
    predictions = predicted()
    metrics = measured(predictions)
    text = as_html(metrics, pictures(metrics, predictions))
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.elements)
    sources = [value for name, value in page.attributes if name in ("src", "href", "srcset", "action")]
    assert len(sources) == page.elements.count("img") == 6
    assert all(value.startswith("data:image/svg+xml;base64,") for value in sources)
    assert not re.search(r"https?://|@import|url\(", text)
    for value in sources:
        assert b"<script" not in base64.b64decode(value.partition(",")[2])


@pytest.mark.parametrize("start", range(0, len(PAYLOADS), 3))
def test_hostile_names_are_inert_on_the_page(start):
    payloads = PAYLOADS[start : start + 3]
    predictions = predicted(labels=payloads)
    metrics = measured(predictions, model=payloads[0], dataset=payloads[1], store=payloads[2])
    images = pictures(metrics, predictions)
    hostile = Page(as_html(metrics, images))
    harmless = predicted(labels=("A", "B", "C"))
    tame = Page(as_html(measured(harmless, dataset="other"), pictures(measured(harmless), harmless)))
    assert hostile.elements == tame.elements
    assert {name for name, _value in hostile.attributes} == {name for name, _value in tame.attributes}
    assert "\x1b" not in "".join(hostile.words)
    for picture in images.values():
        assert b"<script" not in picture
        assert b"onload" not in re.sub(rb"<!--.*?-->", b"", picture, flags=re.DOTALL)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_names_are_inert_in_markdown(payload):
    predictions = predicted(labels=(payload, "B", "C"))
    text = as_markdown(measured(predictions), set())
    assert "<" not in text
    assert not re.search(r"(?<!\\)\[", text)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in rows if line.count("(") > 5}
    assert widths == {11}


def test_predictions_csv_has_a_row_per_item_and_runs_nothing(tmp_path):
    ids = tuple(PAYLOADS[item % len(PAYLOADS)] + str(item) for item in range(60))
    predictions = predicted(labels=("=1+1", "B", "C"), ids=ids)
    predictions.save_csv(tmp_path / "predictions.csv", {"B": 0.5})
    with (tmp_path / "predictions.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 61
    assert rows[0][:6] == ["id", "patient", "split", "'=1+1_target", "'=1+1_probability", "'=1+1_decision"]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert float(rows[1][4]) == pytest.approx(float(predictions.probabilities[0, 0]), rel=1e-5)
    assert [row[5] for row in rows[1:]] == [str(int(chance >= 0.5)) for chance in predictions.probabilities[:, 0]]


def test_labels_left_out_and_labels_with_few_patients_are_named():
    predictions = predicted()
    predictions.targets[:, 1] = 0
    predictions.targets[:, 2] = 0
    predictions.targets[:3, 2] = 1
    metrics = measured(predictions)
    for text in (as_html(metrics, {}), as_markdown(metrics, set())):
        assert "MI: no positive item; left out of every mean." in text
        assert "Fewer than 10 patients with or without the label" in text
        assert "(NORM)" in text


def test_patients_seen_in_training_are_a_caution():
    text = as_html(measured(predicted(), seen_patients=7), {})
    assert "trained on 7 of these patients" in text
    assert "trained on" not in as_html(measured(predicted(), seen_patients=0), {})
    assert "cannot be told" in as_html(measured(predicted(), seen_patients=None), {})


def test_many_labels_are_drawn_ten_at_a_time_and_said_so():
    predictions = predicted(labels=tuple(f"L{number}" for number in range(14)))
    metrics = measured(predictions)
    figure = draw("roc", metrics, predictions)
    assert len(figure.axes[0].get_legend().get_texts()) == 10
    assert "The 10 of 14 labels" in as_html(metrics, {})


def test_a_task_without_a_label_to_draw_still_has_a_report(tmp_path):
    predictions = predicted()
    predictions.targets[:] = 0
    out = write_report(measured(predictions), predictions, tmp_path / "report")
    assert not (out / "figures").exists()
    assert "no positive item" in (out / "report.md").read_text()


def test_the_same_evaluation_gives_the_same_pictures():
    predictions = predicted()
    metrics = measured(predictions)
    for kind in ("png", "svg"):
        first, second = (image(draw("roc", metrics, predictions), kind) for _ in range(2))
        assert first == second
