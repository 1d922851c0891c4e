"""Glyphs: drawn letters, with faults whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import datasets
from labkit.datasets.faults import class_counts, copy_examples, flip_labels
from labkit.datasets.typeface import CHARACTERS, FONTS, bend, draw

SMALL = {"examples": 200, "validation": 30, "test": 60, "characters": "abcd", "size": 8}


def nearest_centre_error(data) -> float:
    centres = np.stack([data.inputs[data.targets == c].mean(axis=0) for c in range(data.classes)])
    distances = ((data.test_inputs[:, None] - centres) ** 2).sum(axis=2)
    return float((distances.argmin(axis=1) != data.test_targets).mean())


def test_the_images_have_the_shape_scale_and_labels_promised():
    data = datasets.load("glyphs", **SMALL)
    assert (data.inputs.shape, data.image_shape, data.classes) == ((200, 64), (8, 8), 4)
    assert data.labels == tuple("abcd")
    assert data.inputs.min() == 0
    assert data.inputs.max() > 0.9
    assert np.array_equal(data.inputs * 255, np.rint(data.inputs * 255))


def test_every_character_differs_from_every_other_in_every_font():
    drawn = draw(CHARACTERS, 12) / np.float32(255)
    assert (drawn.sum(axis=(2, 3)) > 10).all()
    for font in range(len(FONTS)):
        flat = drawn[:, font].reshape(len(CHARACTERS), -1)
        norms = (flat**2).sum(axis=1)
        apart = norms[:, None] + norms - 2 * flat @ flat.T + np.eye(len(CHARACTERS)) * 1e9
        # Capital I and small l are one shape in a few fonts: everything else must be told apart.
        close = {frozenset((CHARACTERS[i], CHARACTERS[j])) for i, j in np.argwhere(apart < 2)}
        assert close <= {frozenset("Il"), frozenset("1l"), frozenset("0O")}, FONTS[font]


def test_fonts_differ_from_one_another():
    drawn = (draw("ag", 12) / 255).reshape(2, len(FONTS), -1)
    apart = ((drawn[:, :, None] - drawn[:, None]) ** 2).sum(axis=3).sum(axis=0) + np.eye(len(FONTS)) * 1e9
    assert apart.min() > 1


def test_letters_stay_inside_the_image():
    drawn = draw(CHARACTERS, 12) / np.float32(255)
    edge = drawn.copy()
    edge[..., 1:-1, 1:-1] = 0
    assert edge.max() == 0
    ring = drawn.copy()
    ring[..., 2:-2, 2:-2] = 0
    assert (ring.max(axis=(2, 3)) > 0.5).mean() < 0.01


def test_without_distortion_an_image_is_the_drawing_itself():
    data = datasets.load("glyphs", **{**SMALL, "distortion": 0})
    assert len(np.unique(data.inputs, axis=0)) <= 4 * len(FONTS)
    for label in range(4):
        assert len(np.unique(data.inputs[data.targets == label], axis=0)) > 10


def test_an_upright_map_gives_the_drawing_at_the_centres_of_its_pixels():
    upright = np.eye(2, 3, dtype=np.float32)[None]
    drawn = draw("R", 12)[0]
    image = bend(drawn, np.array([0]), upright, 12).reshape(12, 12)
    # A pixel's centre lies between four drawn points.
    inner = drawn[0, 1:-1, 1:-1] / 255
    expected = (inner[1::4, 1::4] + inner[2::4, 1::4] + inner[1::4, 2::4] + inner[2::4, 2::4]) / 4
    np.testing.assert_allclose(image, expected, atol=1e-5)


def test_a_shift_moves_the_image_the_other_way():
    shifted = np.array([[[1, 0, 2 / 12], [0, 1, 0]]], dtype=np.float32)
    upright = np.eye(2, 3, dtype=np.float32)[None]
    drawn = draw("o", 12)[0]
    plain = bend(drawn, np.array([0]), upright, 12).reshape(12, 12)
    moved = bend(drawn, np.array([0]), shifted, 12).reshape(12, 12)
    np.testing.assert_allclose(moved[:-2], plain[2:], atol=1e-5)


def test_a_map_far_outside_shows_nothing():
    away = np.array([[[1, 0, 50], [0, 1, -50]]], dtype=np.float32)
    assert bend(draw("o", 12)[0], np.array([0]), away, 12).max() == 0


def test_chunks_make_no_difference():
    random = np.random.default_rng(0)
    maps = (np.eye(2, 3) + 0.1 * random.standard_normal((2500, 2, 3))).astype(np.float32)
    drawn = draw("ab", 8).reshape(-1, 34, 34)
    which = random.integers(len(drawn), size=2500)
    together = bend(drawn, which, maps, 8)
    np.testing.assert_array_equal(together[2000:2100], bend(drawn, which[2000:2100], maps[2000:2100], 8))


def test_distortion_and_pixel_noise_make_it_harder():
    options = {**SMALL, "examples": 2000, "test": 1000, "characters": "abcdefgh"}
    errors = [
        nearest_centre_error(datasets.load("glyphs", **options, distortion=distortion, pixel_noise=noise))
        for distortion, noise in ((0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (1.0, 0.5))
    ]
    assert errors[0] < errors[1] < errors[2]
    assert errors[1] < errors[3] < 7 / 8


def test_the_held_out_images_depend_on_neither_seed_nor_planted_faults():
    plain = datasets.load("glyphs", **SMALL)
    other = datasets.load(
        "glyphs", **{**SMALL, "examples": 50}, seed=9, label_noise=0.5, duplicates=0.5, imbalance=10.0
    )
    for split in ("validation", "test"):
        for one, two in zip(plain.split(split), other.split(split), strict=True):
            assert np.array_equal(one, two)
    assert not np.array_equal(plain.inputs[:50], other.inputs)


def test_seeds_draw_different_images():
    one, two = (datasets.load("glyphs", **SMALL, seed=seed) for seed in (0, 1))
    shared = {row.tobytes() for row in one.inputs} & {row.tobytes() for row in two.inputs}
    assert len(shared) < 5


@settings(deadline=None, max_examples=25)
@given(
    st.integers(2, 300), st.floats(0, 1), st.floats(0, 0.99), st.floats(1, 100), st.integers(0, 1000), st.integers(2, 6)
)
def test_every_planted_fault_is_exact_and_told(examples, noise, share, imbalance, seed, classes):
    dials = {"label_noise": noise, "duplicates": share, "imbalance": imbalance}
    options = {**SMALL, "examples": examples, "characters": CHARACTERS[:classes], "seed": seed, "test": 5}
    if round(share * examples) == examples:
        with pytest.raises(ValueError, match="leaves no original"):
            datasets.load("glyphs", **options, **dials)
        return
    data = datasets.load("glyphs", **options, **dials)
    if not (noise or share or imbalance > 1):
        assert data.faults.empty
        return
    faults = data.faults
    source = faults["duplicate_of"].to_numpy()
    copies = np.flatnonzero(source >= 0)
    assert faults["label_flipped"].sum() == round(noise * examples)
    assert len(copies) == round(share * examples)
    assert np.array_equal(data.targets != faults["true_label"], faults["label_flipped"])
    assert np.array_equal(data.inputs[copies], data.inputs[source[copies]])
    assert np.array_equal(faults["true_label"].to_numpy()[copies], faults["true_label"].to_numpy()[source[copies]])
    assert (source[source[copies]] == -1).all()
    assert set(faults["font"]) <= set(FONTS)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 5000), st.integers(1, 62), st.floats(1, 10_000))
def test_class_counts_add_up_and_never_rise(count, classes, imbalance):
    counts = class_counts(count, classes, imbalance)
    assert counts.sum() == count
    assert (np.diff(counts) <= 0).all()
    assert (counts >= 0).all()
    if imbalance == 1:
        assert counts.max() - counts.min() <= 1


def test_more_imbalance_gives_the_first_class_more_and_the_last_less():
    counts = [class_counts(10_000, 10, ratio) for ratio in (1.0, 3.0, 10.0, 100.0)]
    assert (np.diff([c[0] for c in counts]) > 0).all()
    assert (np.diff([c[-1] for c in counts]) < 0).all()
    assert counts[2][0] / counts[2][-1] == pytest.approx(10, rel=0.01)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 500), st.floats(0, 1), st.floats(0, 1), st.integers(2, 10), st.integers(0, 100))
def test_flips_of_a_smaller_share_are_among_those_of_a_larger_one(count, one, two, classes, seed):
    targets = np.arange(count) % classes
    small, large = sorted((one, two))
    labels, flipped = flip_labels(targets, small, classes, seed)
    more_labels, more_flipped = flip_labels(targets, large, classes, seed)
    assert not (flipped & ~more_flipped).any()
    assert np.array_equal(labels[flipped], more_labels[flipped])
    assert ((labels >= 0) & (labels < classes)).all()
    assert (labels[flipped] != targets[flipped]).all()


def test_flipped_labels_fall_evenly_on_the_other_classes():
    labels, _ = flip_labels(np.zeros(30_000, dtype=int), 1.0, classes=4, seed=0)
    counts = np.bincount(labels, minlength=4)
    assert counts[0] == 0
    assert np.abs(counts[1:] - 10_000).max() < 4 * np.sqrt(30_000 * 2 / 9)


def test_flips_need_a_second_class():
    with pytest.raises(ValueError, match="at least 2 classes"):
        flip_labels(np.zeros(10, dtype=int), 0.5, classes=1, seed=0)
    assert not flip_labels(np.zeros(10, dtype=int), 0.0, classes=1, seed=0)[1].any()


def test_copies_are_spread_over_the_originals():
    source = copy_examples(10_000, 0.5, seed=0)
    taken = np.bincount(source, minlength=10_000)
    assert taken.max() < 12
    assert (source == np.arange(10_000)).sum() == 5000


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"examples": 0}, ValueError, "examples=0 is outside its range; expected at least 1"),
        ({"examples": 1e3}, TypeError, "expected a whole number"),
        ({"test": 0}, ValueError, "expected at least 1"),
        ({"validation": -5}, ValueError, "expected at least 0"),
        ({"size": 4}, ValueError, "size=4 is outside its range; expected from 8 to 32"),
        ({"distortion": -1}, ValueError, "expected a number from 0 to 3"),
        ({"distortion": float("inf")}, ValueError, "expected a number from 0 to 3"),
        ({"pixel_noise": 2}, ValueError, "pixel_noise=2 is outside its range"),
        ({"label_noise": 1.5}, ValueError, "label_noise=1.5 is outside its range"),
        ({"duplicates": 1.0}, ValueError, "leaves no original among 200 examples"),
        ({"imbalance": 0.5}, ValueError, "expected a number from 1 to 10000"),
        ({"imbalance": None}, TypeError, "imbalance=None is a NoneType"),
        ({"characters": "aé"}, ValueError, "characters has 'é'; expected letters and digits"),
        ({"characters": "aab"}, ValueError, "'a' more than once"),
        ({"characters": "a"}, ValueError, "makes 1 classes; expected at least 2"),
        ({"characters": ""}, ValueError, "makes 0 classes"),
        ({"characters": ["a", "b"]}, TypeError, "expected a string, one class each"),
        ({"seed": 1.5}, TypeError, "seed=1.5 is a float; expected a whole number"),
    ],
)
def test_bad_dials_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        datasets.load("glyphs", **{**SMALL, **options})


def test_missing_fonts_say_what_to_do(monkeypatch):
    from labkit.datasets import typeface

    typeface._folder.cache_clear()
    monkeypatch.setattr(typeface.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install matplotlib"):
        typeface._folder()
