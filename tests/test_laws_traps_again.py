"""Traps that a fitter falls into unnoticed: cases in which the wrong way gives another number."""

import numpy as np
import pytest

from labkit import laws, seeds

X = 2.0 ** np.arange(3, 15)
Y = (0.05 + 2 * X**-0.5) * np.exp(0.1 * seeds.generator(2, "r").standard_normal(12))
FORMS = ["power", "power_floor", "last_value", "log_logistic"]


@pytest.mark.parametrize("seed", range(3))
def test_two_breaks_are_found_which_the_most_promising_start_alone_misses(seed):
    x, form = np.geomspace(10, 1e5, 40), laws.get("broken_power_2")
    truth = {"E": 0.0, "A": 3.0, "c0": 0.2, "d1": 100.0, "c1": 0.5, "f1": 0.2, "d2": 3000.0, "c2": -0.4, "f2": 0.2}
    noise = 0.005
    y = form.value(x, truth) * np.exp(noise * seeds.generator(seed, "two breaks").standard_normal(40))
    law = laws.ScalingLaw(form, "log_squared").fit(x, y)
    assert np.sqrt(law.objective_ / 40) < 1.5 * noise


@pytest.fixture(scope="module")
def missed():
    """Errors of every form after every cut, in ln y, by one fit each."""
    found = {}
    for form in FORMS:
        for cut in sorted({round(share * 12) for share in (0.85, 0.7, 0.55)}):
            law = laws.ScalingLaw(form, "log_squared").fit(X[:cut], Y[:cut])
            found[form, cut] = np.log(law.predict(X[cut:]) / Y[cut:])
    return found


def test_error_worst_and_rank_of_a_comparison_are_those_worked_out_form_by_form(missed):
    table = laws.compare(X, Y, FORMS).set_index("form")
    cuts = sorted({cut for _, cut in missed})
    rms = {key: np.sqrt((errors**2).mean()) for key, errors in missed.items()}
    for form in FORMS:
        joined = np.concatenate([missed[form, cut] for cut in cuts])
        places = [1 + sum(rms[other, cut] < rms[form, cut] for other in FORMS) for cut in cuts]
        assert table.loc[form, "held_out"] == pytest.approx(np.sqrt((joined**2).mean()), rel=1e-3), form
        assert table.loc[form, "worst"] == pytest.approx(np.abs(joined).max(), rel=1e-3), form
        assert table.loc[form, "rank"] == pytest.approx(np.mean(places)), form


def test_the_form_of_the_best_rank_need_not_be_that_of_the_least_error():
    table = laws.compare(X, Y, FORMS).set_index("form")
    assert table["held_out"].idxmin() != table["rank"].idxmin()


def wave(x, E, A, w):
    turn = w * np.log2(x)
    return E + A * np.cos(turn), (np.ones_like(turn), np.cos(turn), -A * np.sin(turn) * np.log2(x))


# at powers of two a wave and the one of 2 pi less its frequency are the same, and nowhere else
WAVE = laws.Form(
    "wave",
    ("x",),
    (laws.Parameter("E", "level"), laws.Parameter("A", "swing"), laws.Parameter("w", "turn", 0.1, 6.2, (0.8, 5.4))),
    wave,
    latex=r"y = E + A \cos(w \log_2 x)",
    source="two minima by design",
    rescalable=(),
    units={"E": {"y": 1}, "A": {"y": 1}},
)


def test_two_fits_as_good_as_each_other_are_both_shown_and_said():
    noise = np.exp(0.01 * seeds.generator(0, "wave").standard_normal(12))
    y = WAVE.value(X, {"E": 1.0, "A": 0.4, "w": 0.9}) * noise
    law = laws.ScalingLaw(WAVE, "log_squared").fit(X, y)
    first, second = law.optima_.sort_values("w").to_dict("records")
    assert first["objective"] == pytest.approx(second["objective"], rel=1e-6)
    assert first["w"] + second["w"] == pytest.approx(2 * np.pi, rel=1e-6)
    between = np.array([2**10.5])
    told = [WAVE.value(between, {name: one[name] for name in WAVE.names})[0] for one in (first, second)]
    assert abs(told[0] - told[1]) > 0.1
    assert "2 different fits are nearly as good" in law.reason_
    assert laws.compare(X, y, [WAVE])["near_equal"].tolist() == [2]
