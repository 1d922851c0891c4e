"""What a panel's kernel side costs between a moved control and the chart that leaves for the page.

    python benchmarks/panels.py [panel ...]

For every panel one control is moved to 20 new places and back over them. The table has CPU milliseconds, median and
95th percentile, of the evaluation, of the chart (drawing and specification), of both where the setting is new, and of a
setting seen before; and the largest chart in kB. What the page takes to draw comes on top: tests/browser prints that.
Panels that train or simulate are measured with what they show before, since live charts come at their own pace.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from labkit import display
from labkit.lessons import panels

SIZES = np.repeat(2.0 ** np.arange(4, 12), 3)
POINTS = (SIZES, (0.05 + 2 * SIZES**-0.5) * np.exp(0.05 * np.sin(np.arange(SIZES.size))))
MANY = np.repeat(2.0 ** np.arange(4, 14), 20)
MOVES = 20
# the panel, its arguments, and the control that is moved; those that refit are here once for a refit and once without
CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], str]] = {
    "dial": (panels.dial, (POINTS,), "exponent"),
    "fit_explorer": (panels.fit_explorer, (POINTS,), "target"),
    "fit_explorer, 200 points, refitted": (panels.fit_explorer, ((MANY, 0.05 + 2 * MANY**-0.5),), "holdout"),
    "own_file": (panels.own_file, (), "reach"),
    "phase_diagram": (panels.phase_diagram, (), "pool"),
    "phase_diagram, another map": (panels.phase_diagram, (), "probe_angle"),
    "compute_explorer": (panels.compute_explorer, (), "compute"),
    "learning_curve_explorer": (panels.learning_curve_explorer, (), "seeds"),
    "pruning_explorer": (panels.pruning_explorer, (), "fraction"),
    "training_monitor": (panels.training_monitor, (), "learning_rate"),
    "repetition_explorer": (panels.repetition_explorer, (), "compute"),
}


def milliseconds(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    made = work()
    return 1000 * (time.process_time() - start), made


def places(control: Any) -> list[Any]:
    """Where the control is moved to: evenly over the middle of its range."""
    low, high = control.low, control.high
    room = np.geomspace if control.log else np.linspace
    found = room(low, high, MOVES + 2)[1:-1]
    return list(dict.fromkeys(round(one) if control.integer else float(one) for one in found))


def measure(name: str) -> dict[str, Any]:
    make, arguments, moved = CASES[name]
    panel = make(*arguments)
    panel._refresh()
    evaluated, drawn, both, again, size = [], [], [], [], 0
    wanted = [{**panel.settings, moved: place} for place in places(panel.controls[moved])]
    for settings in wanted:
        one, record = milliseconds(lambda settings=settings: panel._evaluate(settings))
        other, spec = milliseconds(lambda record=record: display.specification(panel._draw(record)))
        evaluated, drawn, both = [*evaluated, one], [*drawn, other], [*both, one + other]
        size = max(size, len(json.dumps(spec)))
        panel._compute(settings)
    for settings in wanted:
        again.append(milliseconds(lambda settings=settings: panel._compute(settings).live)[0])
    columns = {"evaluate": evaluated, "chart": drawn, "new": both, "seen before": again}
    found = {key: f"{np.median(each):.0f} / {np.quantile(each, 0.95):.0f}" for key, each in columns.items()}
    return {"panel": name, "moved": moved, **found, "kB": round(size / 1000)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = sorted({name.partition(",")[0] for name in CASES})
    parser.add_argument("panel", nargs="*", help=f"default: all of {', '.join(known)}")
    wanted = parser.parse_args().panel
    if unknown := sorted(set(wanted) - set(known)):
        parser.error(f"no panel {unknown[0]!r}; known are {', '.join(known)}")
    chosen = [name for name in CASES if not wanted or name.partition(",")[0] in wanted]
    print(pd.DataFrame([measure(name) for name in chosen]).to_string(index=False))
