"""Every score keeps the contract, and the contract notices each way of breaking it."""

from __future__ import annotations

import numpy as np
import pytest

from labkit import contracts, pruning
from labkit.pruning.contract import planted
from labkit.pruning.entry import all_scores

FEW = {"memorization": {"runs": 48}, "influence": {"runs": 48}}


@pytest.mark.parametrize("entry", all_scores(), ids=lambda entry: entry.name)
def test_every_score_keeps_the_contract(entry):
    contracts.check(entry, **FEW.get(entry.name, {}))


def own(function, **said):
    return pruning.Score("own", function, "a test", **said)


def test_a_readers_own_score_keeps_the_contract():
    contracts.check(own(lambda log: log.data.inputs[:, 0]))


def _nan(log):
    return np.where(np.arange(len(log)) == 3, np.nan, 1.0)


def _writes(log):
    log["loss"][0, 0, 0] += 1
    return log["loss"][0, -1]


def _restless(log, made=np.random.default_rng(0)):  # noqa: B008
    return made.random(len(log))


BROKEN = {
    "an array": own(lambda log: np.zeros(3)),
    "expected numbers": own(lambda log: np.array(["a"] * len(log))),
    "1 values are not finite": own(_nan),
    "changes the log": own(_writes),
    "second time": own(_restless),
    "order of the examples": own(lambda log: np.arange(len(log))),
    "is larger harder": own(lambda log: log["margin"][:, -1].mean(0), finds_flips=True),
    "nothing of ties": own(lambda log: log.data.targets),
    "purpose is not told": pruning.Score("own", lambda log: log.data.inputs[:, 0]),
}


@pytest.mark.parametrize("complaint", BROKEN)
def test_the_contract_notices(complaint):
    with pytest.raises(AssertionError, match=complaint):
        contracts.check(BROKEN[complaint])
    planted.cache_clear() if complaint == "changes the log" else None
