"""Images from openml.org, against a miniature of its answers, without a network."""

from __future__ import annotations

import email.message
import io
import urllib.error
import urllib.request
import urllib.response
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labkit import datasets
from labkit.datasets import openml

RECORDED = Path(__file__).parent / "recorded" / "openml"
FILES = {"features": "features.json.gz", "qualities": "qualities.json.gz", "download": "data.arff.gz"}
SOURCE = replace(openml.MNIST, rows=70, test=20)


class Answers(urllib.request.HTTPSHandler):
    """Answers requests to openml.org from files, and counts them."""

    def __init__(self, problem: Exception | None = None, cut: int | None = None) -> None:
        super().__init__()
        self.problem = problem
        self.cut = cut
        self.asked: list[str] = []

    def https_open(self, request):
        self.asked.append(request.full_url)
        if self.problem:
            raise self.problem
        asked = request.full_url.split("/")
        name = next((file for word, file in FILES.items() if word in asked), "description.json.gz")
        headers = email.message.Message()
        headers["Content-Encoding"] = "gzip"
        body = (RECORDED / name).read_bytes()[: self.cut]
        response = urllib.response.addinfourl(io.BytesIO(body), headers, request.full_url, 200)
        response.msg = "OK"
        return response


@pytest.fixture
def answer(tmp_path, monkeypatch):
    """Put recorded answers, or a problem, in place of the network, and an empty folder in place of what is kept."""
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "kept"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    def install(**options) -> Answers:
        handler = Answers(**options)
        monkeypatch.setattr(urllib.request, "_opener", urllib.request.build_opener(handler))
        return handler

    return install


def test_images_come_in_their_splits(answer):
    answer()
    data = openml.images(SOURCE, validation=10)
    assert [len(data.split(split)[0]) for split in ("train", "validation", "test")] == [40, 10, 20]
    assert (data.inputs.shape[1], data.image_shape, data.classes) == (784, (28, 28), 10)
    assert (data.inputs.dtype, data.targets.dtype) == (np.float32, np.int64)
    assert 0 == data.inputs.min() < data.inputs.max() == 1
    # The test split is the last rows, in their own order.
    digits = np.concatenate([data.targets, data.validation_targets])
    assert np.array_equal(np.sort(np.append(digits, data.test_targets)), np.sort(openml._read(SOURCE)[1]))
    assert np.array_equal(data.test_targets, openml._read(SOURCE)[1][50:])


def test_the_pixels_are_those_that_were_sent(answer):
    from labkit.datasets.digits import _read

    answer()
    pixels, targets = openml._read(SOURCE)
    small, labels = _read()
    assert np.array_equal(targets, labels[:70])
    assert np.array_equal(pixels.reshape(70, 28, 28)[:, 2:26:3, 2:26:3].reshape(70, 64), (small[:70] * 255).astype(int))


def test_the_second_load_asks_nobody(answer):
    answer()
    first = openml.images(SOURCE, validation=10)
    offline = answer(problem=urllib.error.URLError("no route"))
    again = openml.images(SOURCE, validation=10)
    assert again.fingerprint == first.fingerprint
    assert offline.asked == []


def test_offline_says_what_to_do(answer, tmp_path):
    answer(problem=urllib.error.URLError("no route to host"))
    with pytest.raises(ConnectionError) as caught:
        datasets.load("mnist")
    for part in (
        "mnist is not on this machine yet",
        "no route to host",
        "Load it once with a network",
        str(tmp_path / "kept"),
        "digits, glyphs and python_source need no network",
    ):
        assert part in str(caught.value)
    assert not list((tmp_path / "kept").rglob("*.npz"))


@pytest.mark.parametrize(
    "problem",
    [
        TimeoutError("timed out"),
        ConnectionResetError("reset"),
        urllib.error.HTTPError("https://x", 503, "busy", email.message.Message(), None),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_every_failure_of_the_network_is_told_the_same_way(answer, problem):
    answer(problem=problem)
    with pytest.raises(ConnectionError, match=r"openml\.org did not answer"):
        openml.images(SOURCE, validation=10)


def test_a_download_that_breaks_off_is_told_the_same_way_and_does_not_stay(answer):
    answer(cut=100)
    with pytest.raises(ConnectionError, match=r"openml\.org did not answer"):
        openml.images(SOURCE, validation=10)
    answer()
    assert len(openml.images(SOURCE, validation=10).inputs) == 40


def test_a_download_of_another_size_is_refused_and_not_kept(answer, tmp_path):
    answer()
    with pytest.raises(ValueError, match=r"has pixels \(70, 784\).*expected \(70000, 784\)"):
        openml.images(openml.MNIST)
    assert not list((tmp_path / "kept").rglob("*.npz"))


def test_what_is_kept_is_checked_when_read(answer, tmp_path):
    answer()
    openml.images(SOURCE, validation=10)
    kept = next((tmp_path / "kept").rglob("*.npz"))
    np.savez(kept, pixels=np.zeros((5, 784), dtype=np.uint8), targets=np.zeros(5, dtype=np.int64))
    with pytest.raises(ValueError, match=r"Delete .* and load it again"):
        openml.images(SOURCE, validation=10)


def test_nothing_is_unpickled(answer, tmp_path):
    answer()
    openml.images(SOURCE, validation=10)
    kept = next((tmp_path / "kept").rglob("*.npz"))
    np.savez(kept, pixels=np.array([{"a": 1}], dtype=object), targets=np.zeros(1, dtype=np.int64))
    with pytest.raises(ValueError, match="allow_pickle"):
        openml.images(SOURCE, validation=10)


def test_fewer_examples_are_the_first_of_more(answer):
    answer()
    few, many = (openml.images(SOURCE, validation=10, examples=count) for count in (15, 40))
    assert np.array_equal(few.inputs, many.inputs[:15])
    assert np.array_equal(few.test_inputs, many.test_inputs)
    assert np.array_equal(many.inputs, openml.images(SOURCE, validation=10).inputs)


def test_label_noise_is_exact_and_told(answer):
    answer()
    clean, noisy = (openml.images(SOURCE, validation=10, label_noise=noise) for noise in (0.0, 0.25))
    assert np.array_equal(noisy.faults["label_flipped"], noisy.targets != clean.targets)
    assert noisy.faults["label_flipped"].sum() == 10
    assert np.array_equal(noisy.test_targets, clean.test_targets)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": 50}, "expected from 0 to 49"),
        ({"validation": 10, "examples": 41}, "expected from 1 to 40"),
        ({"validation": 10, "examples": 0}, "expected from 1 to 40"),
        ({"validation": 10, "label_noise": -1}, "outside its range"),
    ],
)
def test_bad_dials_are_refused_before_anything_is_downloaded(answer, options, message):
    handler = answer()
    with pytest.raises(ValueError, match=message):
        openml.images(SOURCE, **options)
    assert handler.asked == []


def test_without_a_folder_of_the_user_downloads_stay_in_the_environment(monkeypatch):
    monkeypatch.delenv("SCIKIT_LEARN_DATA")
    assert openml.folder().is_relative_to(openml.places.var().absolute())
