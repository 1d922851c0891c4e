"""Claims: every verdict rests on records, and the ledger shows what they say."""

import pandas as pd
import pytest

from labkit import results
from labkit.registry import UnknownName
from labkit.results.claims import load

SCALING = "deep-learning-scaling-predictable"
CURVES = "modeling-learning-curves-applications"


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.delenv("LABKIT_RUN_DIR", raising=False)
    monkeypatch.delenv("LABKIT_HEADLESS", raising=False)
    results.start("demo", "smoke")
    results.record("exponent", 0.4, se=0.1, n=5, kind="statistical")


def test_every_claim_says_what_would_count_as_reproduced():
    table = results.claims()
    assert {SCALING, CURVES, f"{SCALING}/model-size"} <= set(table["key"])
    assert table["key"].is_unique
    for column in ("paper", "authors", "statement", "criterion"):
        assert table[column].str.len().gt(5).all()
    assert table["year"].between(1900, 2100).all()


def test_every_further_claim_of_a_paper_has_the_papers_main_claim():
    assert {key.partition("/")[0] for key in load()} <= set(load())


def test_an_unknown_claim_gets_the_nearest():
    with pytest.raises(UnknownName, match=f"did you mean '{SCALING}'"):
        results.judge("deep-learning-scaling-predictible", holds=True, evidence=["exponent"])


def test_a_verdict_without_evidence_is_refused():
    with pytest.raises(ValueError, match="needs evidence"):
        results.judge(SCALING, holds=None, evidence=[])


def test_evidence_is_a_record_of_this_run():
    with pytest.raises(UnknownName, match="did you mean 'exponent'"):
        results.judge(SCALING, holds=True, evidence=["exponant"])


def test_a_verdict_is_true_false_or_open():
    with pytest.raises(ValueError, match="True, False or None"):
        results.judge(SCALING, holds="yes", evidence=["exponent"])


def test_a_claim_judged_twice_ends_a_headless_run_and_replaces_otherwise(monkeypatch):
    results.judge(SCALING, holds=True, evidence=["exponent"])
    assert results.judge(SCALING, holds=False, evidence=["exponent"])["verdict"] == "not reproduced"
    monkeypatch.setenv("LABKIT_HEADLESS", "1")
    with pytest.raises(ValueError, match="judged already"):
        results.judge(SCALING, holds=True, evidence=["exponent"])


def test_the_ledger_gives_effect_interval_seeds_and_notebook(tmp_path):
    for number, holds in enumerate([True, False, None]):
        results.start(f"0{number}", "smoke", tmp_path / str(number))
        results.record("exponent", 0.4, se=0.1, n=5, kind="statistical", unit="per decade")
        results.record("families", ["mlp", "linear"], kind="exact")
        results.judge(SCALING, holds=holds, evidence=["exponent", "families"], note="seen")
    results.start("quiet", "smoke", tmp_path / "quiet")
    found = results.ledger(sorted(tmp_path.iterdir()))
    assert found["verdict"].tolist() == ["reproduced", "not reproduced", "inconclusive"]
    assert found["notebook"].tolist() == ["00", "01", "02"]
    row = found.iloc[0]
    assert (row["effect"], row["seeds"], row["unit"], row["note"]) == (0.4, 5, "per decade", "seen")
    assert row["low"] == pytest.approx(0.4 - 2.131847 * 0.1, abs=1e-6)  # Student's 95% quantile, 4 degrees
    assert row["high"] == pytest.approx(0.4 + 2.131847 * 0.1, abs=1e-6)


def test_evidence_without_an_error_has_no_interval(tmp_path):
    results.start("demo", "smoke", tmp_path)
    results.record("families", ["mlp", "linear"], kind="exact")
    results.judge(SCALING, holds=True, evidence="families")
    row = results.ledger([tmp_path]).iloc[0]
    assert pd.isna(row["low"])
    assert row["effect"] == ("mlp", "linear")


def test_the_interval_of_a_share_stays_a_share():
    from labkit.results import Record
    from labkit.results.claims import interval

    assert interval(Record("kept", 1.0, "statistical", se=0.01, n=200, unit="share"))[1] == 1.0
    assert interval(Record("kept", 0.0, "statistical", se=0.01, n=200, unit="share"))[0] == 0.0
