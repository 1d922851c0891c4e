"""Do small runs choose like large ones: the runs themselves, and the agreement of their rankings."""

import numpy as np
import pandas as pd
import pytest

from labkit.training import proxies


def table(order_at_small, noise, repeats=6):
    """Ten choices: at 64 examples in the given order, at 512 in the order 0 to 9."""
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(repeats):
        for examples, order in ((64, order_at_small), (512, range(10))):
            for place, choice in enumerate(order):
                error = 0.1 + 0.01 * place + noise * rng.standard_normal()
                rows.append((f"choice {choice}", examples, seed, error))
    return pd.DataFrame(rows, columns=["choice", "examples", "seed", "validation_error"])


def test_the_same_order_agrees_and_the_opposite_disagrees():
    same = proxies.agreement(table(range(10), 1e-6)).set_index("examples").correlation
    opposite = proxies.agreement(table(range(9, -1, -1), 1e-6)).set_index("examples").correlation
    assert same[64] == pytest.approx(1)
    assert opposite[64] == pytest.approx(-1)
    assert opposite[512] == pytest.approx(1)


def test_noise_lowers_the_ceiling():
    quiet, loud = (proxies.agreement(table(range(10), noise)).correlation.iloc[-1] for noise in (1e-6, 0.05))
    assert loud < 0.9 < quiet


def test_one_seed_cannot_tell_luck_from_order():
    with pytest.raises(ValueError, match="at least 2"):
        proxies.agreement(table(range(10), 0.0, repeats=1))


def test_every_choice_is_trained_at_every_size_and_seed():
    frame = proxies.design_choices(
        "digits", examples=[32, 64], seeds=[0, 1], widths=[4], learning_rates=[0.01, 0.1], weight_decays=[0.0], steps=20
    )
    assert len(frame) == 8
    assert frame["choice"].unique().tolist() == ["width 4, rate 0.01, decay 0", "width 4, rate 0.1, decay 0"]
    assert frame["validation_error"].between(0, 1).all()
