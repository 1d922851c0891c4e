"""Made-up results to draw, and reading the pictures that come out."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas

from labkit import display

SIZES = (32, 64, 128, 256)
X = np.array(SIZES)


class Law:
    """A stand-in with the interface of a fitted law."""

    form = "power_floor"

    def __init__(self, floor=0.02, scale=2.0, exponent=0.5):
        self.floor, self.scale, self.exponent = floor, scale, exponent

    def predict(self, X, interval=None):
        middle = self.floor + self.scale * np.asarray(X, dtype=float) ** -self.exponent
        return middle if interval is None else (middle, middle * 0.8, middle * 1.2)


def curves(models=("mlp", "softmax"), datasets=("digits",), seeds=3, sizes=SIZES):
    rng = np.random.default_rng(0)
    return pandas.DataFrame(
        [
            {
                "dataset": dataset,
                "model": model,
                "width": 64,
                "examples": n,
                "seed": seed,
                "test_error": (index + 1) * 2 * n**-0.5 * np.exp(0.05 * rng.normal()),
            }
            for dataset in datasets
            for index, model in enumerate(models)
            for n in sizes
            for seed in range(seeds)
        ]
    )


_DRAWN: dict[int, tuple] = {}


def draw(chart) -> ElementTree.Element:
    """The picture of a chart, parsed; drawn once, and the chart kept so that its id stays its own."""
    if id(chart) not in _DRAWN:
        _DRAWN[id(chart)] = (chart, ElementTree.fromstring(display.svg(chart)))
    return _DRAWN[id(chart)][1]


def marks(chart, name: str) -> list[ElementTree.Element]:
    """The drawn elements of one named layer, over all panels."""
    root = draw(chart)
    groups = [g for g in root.iter() if re.search(rf"\b(child_)?{name}_[0-9a-f]{{8}}_marks\b", g.get("class", ""))]
    return [element for group in groups for element in group if element.get("d") != "" or element.tag.endswith("text")]


def texts(chart) -> list[str]:
    root = draw(chart)
    return [element.text for element in root.iter("{http://www.w3.org/2000/svg}text") if element.text]


def title(chart) -> str:
    return " ".join(chart.to_dict()["title"]["text"])


def subtitle(chart) -> str:
    return " ".join(chart.to_dict()["title"].get("subtitle", []))


def sizes_tried():
    rng = np.random.default_rng(0)
    return pandas.DataFrame(
        [
            {"examples": n, "parameters": p, "seed": seed, "validation_error": abs(np.log(p / n)) + rng.normal() * 0.3}
            for n in (64, 256, 1024)
            for p in (64, 128, 256, 512, 1024)
            for seed in range(4)
        ]
    )


def estimates():
    return pandas.DataFrame({"name": ["mlp", "softmax", "features"], "value": [0.5, 0.3, 0.4], "se": 0.02})


def record(runs=3, steps=50):
    step = np.arange(steps)
    return pandas.concat(
        pandas.DataFrame({"run": run, "step": step, "metric": "train_loss", "value": (run + 1) / (1 + step)})
        for run in range(runs)
    )
