"""Evaluations made by hand, and pages taken apart."""

from html.parser import HTMLParser

import numpy as np
from support import make_store

from ecgtool.evaluation import Evaluation, Options, Recordings, concluded
from ecgtool.metrics import Source
from ecgtool.metrics.predictions import Predictions
from ecgtool.report.figures import charts
from ecgtool.report.page import as_html, as_markdown
from ecgtool.report.sections import sections
from ecgtool.report.words import title
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


def predicted(labels=("CD", "MI", "NORM"), kind="multilabel", items=60, seed=0, **further):
    """Predictions that are right more often than not, two recordings of each patient."""
    rng = np.random.default_rng(seed)
    task = Task(name="toy", kind=kind, labels=labels)
    if task.exclusive:
        targets = (np.arange(items) // 2 % len(labels)).astype(np.int16)
        weights = rng.random((items, len(labels))) + 0.6 * np.eye(len(labels))[targets]
        chances = weights / weights.sum(axis=1, keepdims=True)
    else:
        targets = (rng.random((items, len(labels))) < 0.4).astype(np.uint8)
        chances = np.clip(0.6 * rng.random(targets.shape) + 0.3 * targets, 0, 1)
    values = {
        "ids": tuple(f"{item:05d}" for item in range(items)),
        "patients": tuple(f"p{item // 2}" for item in range(items)),
        **further,
    }
    return Predictions(task=task, split="test", targets=targets, probabilities=chances.astype(np.float32), **values)


def concluded_from(predictions, aggregate=None, recordings=None, bootstrap=50, **source):
    """The evaluation of predictions whose own best thresholds decide."""
    about = {"model": "run-1", "arch": "cnn1d", "dataset": "ptbxl", "store": "ptbxl", "split": "test"}
    about |= {"fs": 100.0, "leads": ("I", "II"), "samples": 1000, "threshold_rule": "f1", "seen_patients": 0, **source}
    held = recordings or Recordings(None, np.arange(len(predictions.ids)), predictions)
    options = Options(bootstrap=bootstrap, aggregate=aggregate, whole=True)
    found = concluded(held, predictions.thresholds(), Source(**about), options)
    return found if recordings else Evaluation(found.metrics, found.predictions, None, found.subgroups)


def drawn_from(path, predictions, aggregate=None, **source):
    """The same where the recordings are at hand, in a store of noise."""
    store = make_store(path, items=len(predictions.ids), task=predictions.task, leads=2, samples=200)
    held = Recordings(store, np.arange(len(predictions.ids)), predictions)
    return concluded_from(predictions, aggregate, held, **source)


def page_of(found, *, pictures=False):
    return as_html(title(found.metrics), sections(found), charts(found) if pictures else {})


def markdown_of(found):
    return as_markdown(title(found.metrics), sections(found), {})


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
