"""In what order and on which cores stacks are fitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager

import torch

from labkit.training import processes
from labkit.training.ensemble import quick_arithmetic
from labkit.training.job import Fitted, Job
from labkit.training.memory import keep_freed
from labkit.training.runs import Run
from labkit.training.stop import Relay, Watch

_FEW = 4
_POLL_SECONDS = 0.05

_SMALL_STEP = 8e7
"""Floating-point operations of a stack's step up to which a second thread inside them does not pay. Measured on MLPs it
saves a fifth there at most, and steps take ten times as long where other processes hold the cores for a while."""

_WORTH_PROCESSES = {False: 4e11, True: 5e10}
"""Floating-point operations from which processes pay, by whether they have been started: 2e10 are about a second of one
core, a worker takes three to start, and processes save a quarter of what threads would take."""


def fit_all(job: Job, stacks: Sequence[list[Run]], watch: Watch) -> list[Fitted]:
    """Fit every stack, in the order given.

    Stacks of many small models follow one another. Where memory allows only a few models to a stack these are large:
    then each of torch's threads takes a stack of its own, since a second thread inside the products saves a tenth of
    the time at most. Long work goes to as many processes, which do not wait for each other at the interpreter's lock.
    """
    if job.device != "cpu":
        with quick_arithmetic():
            return [job.fit(stack, watch) for stack in stacks]
    keep_freed()
    workers = min(torch.get_num_threads(), len(stacks))
    if workers < 2 or sum(map(len, stacks)) >= _FEW * len(stacks):
        return [_alone(job, stack, watch) for stack in stacks]
    costs = [job.flops(stack) for stack in stacks]
    # The most expensive first, so that no long one is left for the end.
    order = sorted(range(len(stacks)), key=lambda place: -costs[place])
    if sum(costs) >= _WORTH_PROCESSES[processes.started()] and (count := processes.available(workers)) > 1:
        found = processes.fit_all(job, stacks, order, watch, count)
        if found is not None:
            return found
        watch.step = 0
    return _in_threads(job, stacks, order, watch, workers)


def _alone(job: Job, stack: list[Run], watch: Watch) -> Fitted:
    small = not stack[0].model.closed_form and job.flops(stack) <= _SMALL_STEP * max(run.steps for run in stack)
    with _threads(1 if small else torch.get_num_threads()), quick_arithmetic():
        return job.fit(stack, watch)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """So many of torch's threads meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _in_threads(
    job: Job, stacks: Sequence[list[Run]], order: Sequence[int], watch: Watch, threads: int
) -> list[Fitted]:
    relay = Relay(watch)

    def alone(stack: list[Run]) -> Fitted:
        torch.set_num_threads(1)  # of this thread
        with quick_arithmetic():
            return job.fit(stack, relay)

    before = torch.get_num_threads()
    with ThreadPoolExecutor(threads) as pool:
        futures = {place: pool.submit(alone, stacks[place]) for place in order}
        try:
            left = set(futures.values())
            while left:
                done, left = wait(left, timeout=_POLL_SECONDS, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                watch.poll()
        finally:
            relay.ended = True
            for future in futures.values():
                future.cancel()
            torch.set_num_threads(before)  # what threads to come start with
    return [futures[place].result() for place in range(len(stacks))]
