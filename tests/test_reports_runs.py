"""Every way a notebook can end has its own reason, exit code and sentence in run.json."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from labkit import reports, results
from labkit.reports import files
from labkit.reports.outcome import Outcome, Reason
from labkit.reports.runner import MEMORY_BYTES, Request, execute

pytestmark = pytest.mark.notebooks

FIXTURES = Path(__file__).parent / "notebooks" / "fixtures"
HANG_SECONDS = 12
TYPED = {
    "seeds": "1_000",
    "fast": "false",
    "rate": "1e-3",
    "sizes": "[3,4]",
    "pair": "(2, nan)",
    "weights": "{7: 1}",
    "name": 'quo"te \\ {brace}',
}

# notebook: (reason, exit code, a part of the sentence); those that are waited for begin first
ENDS = {
    "hangs": (Reason.OVER_TIME, 4, "time budget of 12 s"),
    "ignores_interrupts": (Reason.OVER_TIME, 4, "time budget of 12 s"),
    "raises": (Reason.NOTEBOOK_RAISED, 1, "in cell 4 of 5: IndexError"),
    "widget_raises": (Reason.WIDGET_RAISED, 1, "in cell 4 of 5: ValueError: cannot draw power 1"),
    "output_raises": (Reason.WIDGET_RAISED, 1, "ValueError: lost in an Output"),
    "output_writes": (Reason.OK, 0, "Ran to its end"),
    "thread_raises": (Reason.WIDGET_RAISED, 1, "ValueError: lost in a thread"),
    "over_memory": (Reason.OVER_MEMORY, 4, "memory budget of 300 MiB"),
    "kernel_killed": (Reason.KERNEL_KILLED, 138, "killed by SIGKILL from outside or by its own code, in cell 4"),
    "kernel_exits": (Reason.KERNEL_KILLED, 138, "exit code 3"),
    "stops": (Reason.OK, 0, "this machine has no accelerator"),
    "skips": (Reason.OK, 0, "Ran to its end"),
    "typed": (Reason.OK, 0, "Ran to its end"),
    "drifts": (Reason.DRIFTED, 3, "1 of 1 drifted from the baseline: exponent"),
}


def _request(name, root, **changes):
    options = {
        "notebook": FIXTURES / f"{name}.ipynb",
        "directory": root / "runs" / name,
        "preset": "smoke",
        "given": {},
        "wall_seconds": 120,
        "memory_bytes": MEMORY_BYTES,
    }
    return Request(**options | changes)


def _baseline(folder):
    """Twenty reruns whose exponent is far from the one the notebook records."""
    runs = []
    for number in range(20):
        results.start("drifts", "smoke", folder / f"run{number}")
        results.record("exponent", 0.9 + number / 10_000, se=0.01, n=20, kind="statistical")
        runs.append(folder / f"run{number}")
    results.accept(runs, "the test needs one", folder=folder / "baselines")
    return folder / "baselines"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """All fixtures, run side by side; a folder with braces in its name, which papermill would format."""
    root = tmp_path_factory.mktemp("out{0}{name}")
    special = {
        "hangs": {"wall_seconds": HANG_SECONDS},
        "ignores_interrupts": {"wall_seconds": HANG_SECONDS},
        "over_memory": {"memory_bytes": 300 * 2**20},
        "typed": {"given": TYPED},
        "drifts": {"check": True, "baselines": _baseline(tmp_path_factory.mktemp("baselines"))},
        "raises": {"page": root / "raises.html"},
        "kernel_killed": {"page": root / "kernel_killed.html"},
    }
    ended = execute([_request(name, root, **special.get(name, {})) for name in ENDS], jobs=6, progress=False)
    return {outcome.notebook: outcome for outcome in ended}


@pytest.mark.parametrize("name", ENDS)
def test_every_end_has_its_reason_code_and_sentence(outcomes, name):
    reason, code, part = ENDS[name]
    run = files.read_json(outcomes[name].directory / files.RUN)
    assert (outcomes[name].reason, outcomes[name].exit_code) == (reason, code)
    assert (run["reason"], run["exit_code"], run["status"]) == (reason.value, code, reason.status)
    assert part in run["sentence"]
    assert "\n" not in run["sentence"]
    assert run["seconds"] > 0
    assert run["seconds_left"] is None


def test_every_reason_of_a_started_run_is_covered_here():
    refused = {Reason.UNKNOWN_PARAMETER, Reason.WRONG_TYPE, Reason.INTERRUPTED}  # below, and in the interrupt tests
    assert {reason for reason, _, _ in ENDS.values()} == set(Reason) - refused - {Reason.RUNNING}


def test_parameters_arrive_typed_in_the_kernel_of_this_interpreter(outcomes):
    values = files.read_json(outcomes["typed"].directory / "values.json")
    preset, seeds, fast, rate, sizes, pair, is_tuple, layers, name, executable = values
    assert (preset, seeds, fast, rate, sizes) == ("smoke", 1000, False, 0.001, [3, 4])
    assert is_tuple
    assert pair[0] == 2
    assert pair[1] != pair[1]
    assert layers == [7]
    assert name == TYPED["name"]
    assert Path(executable).samefile(sys.executable)


def test_the_cells_after_a_failure_are_not_said_to_have_run(outcomes):
    run = files.read_json(outcomes["kernel_killed"].directory / files.RUN)
    assert (run["cell"], run["cells"]) == (4, 5)
    assert "never_reached" not in str(run["cell_seconds"])
    assert len(run["cell_seconds"]) == 4


def test_a_failed_run_still_has_a_page_that_says_so(outcomes):
    for name in ("raises", "kernel_killed"):
        page = outcomes[name].page.read_text("utf-8")
        assert '<span class="chip failed">failed</span>' in page
    assert "IndexError" in outcomes["raises"].page.read_text("utf-8")


def test_a_lesson_that_stops_itself_shows_no_error(outcomes):
    directory = outcomes["stops"].directory
    assert files.read_json(directory / files.RUN)["stopped"] == "this machine has no accelerator"
    assert "never_reached" in (directory / files.EXECUTED).read_text("utf-8")
    assert '"output_type": "error"' not in (directory / files.EXECUTED).read_text("utf-8")


def test_the_executed_notebook_has_the_cells_of_the_given_one_and_the_parameters(outcomes):
    given = files.read_json(FIXTURES / "raises.ipynb")["cells"]
    executed = files.read_json(outcomes["raises"].directory / files.EXECUTED)["cells"]
    assert [cell["id"] for cell in given] == [cell["id"] for cell in executed if not _injected(cell)]
    assert sum(map(_injected, executed)) == 1


def _injected(cell):
    return "injected-parameters" in cell["metadata"]["tags"]


def test_memory_and_provenance_are_written_down(outcomes):
    run = files.read_json(outcomes["skips"].directory / files.RUN)
    assert run["peak_bytes"] > 20 * 2**20
    assert run["versions"]["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert run["machine"]
    assert run["commit"]
    assert run["started"].endswith("+00:00")


@pytest.mark.parametrize(
    ("given", "reason", "part"),
    [
        ({"seed": "3"}, Reason.UNKNOWN_PARAMETER, "did you mean 'seeds'"),
        ({"seeds": "oops"}, Reason.WRONG_TYPE, "expected int | None, got 'oops'"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_runs(tmp_path, given, reason, part):
    (outcome,) = reports.run(FIXTURES / "typed.ipynb", parameters=given, out=tmp_path, progress=False)
    run = files.read_json(outcome.directory / files.RUN)
    assert (run["reason"], run["exit_code"]) == (reason.value, 2)
    assert part in run["sentence"]
    assert not (outcome.directory / files.EXECUTED).exists()


def test_what_is_no_notebook_is_refused(tmp_path):
    (tmp_path / "text.ipynb").write_text("hello")
    (tmp_path / "empty.ipynb").write_text("{}")
    for outcome in reports.run(list(tmp_path.glob("*.ipynb")), out=tmp_path / "out", progress=False):
        assert outcome.exit_code == 2
        assert "is not a notebook" in outcome.sentence


def test_an_unknown_preset_is_refused_with_the_nearest_name(tmp_path):
    notebook = shutil.copy(FIXTURES / "typed.ipynb", tmp_path)
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "typed.toml").write_text("seeds = 3\n[smoke]\n[lesson]\n")
    (outcome,) = reports.run(notebook, preset="lessen", out=tmp_path / "out", progress=False)
    assert outcome.exit_code == 2
    assert "did you mean 'lesson'" in outcome.sentence


@pytest.mark.parametrize("name", ["sheets", "colours"])
def test_what_presets_alone_set_is_refused_with_the_way_to_change_it(tmp_path, name):
    notebook = shutil.copy(FIXTURES / "typed.ipynb", tmp_path)
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "typed.toml").write_text("sheets = 3\n[smoke]\ncolours = [1, 2]\n[lesson]\n")
    (outcome,) = reports.run(notebook, parameters={name: "4"}, out=tmp_path / "out", progress=False)
    assert outcome.exit_code == 2
    assert f"{name!r} stands in presets/typed.toml alone: copy a table there" in outcome.sentence


def test_presets_that_are_not_toml_are_refused_by_name(tmp_path):
    notebook = shutil.copy(FIXTURES / "typed.ipynb", tmp_path)
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "typed.toml").write_text("seeds 3")
    (outcome,) = reports.run(notebook, out=tmp_path / "out", progress=False)
    assert outcome.exit_code == 2
    assert "typed.toml is not valid TOML" in outcome.sentence


def test_an_unknown_notebook_gets_the_nearest_name(tmp_path):
    with pytest.raises(reports.ReportError, match=r"did you mean 'raises\.ipynb'"):
        reports.run(FIXTURES / "raise.ipynb", out=tmp_path)


def test_two_notebooks_of_one_name_are_refused(tmp_path):
    with pytest.raises(reports.ReportError, match="same page"):
        reports.run([FIXTURES / "raises.ipynb", FIXTURES / "raises.ipynb"], out=tmp_path)


def test_repeats_need_a_seed(tmp_path):
    with pytest.raises(reports.ReportError, match="no parameter 'seed'"):
        reports.repeat(FIXTURES / "typed.ipynb", out=tmp_path)


def test_the_gravest_of_several_ends_decides():
    ends = [Outcome("n", reason, "", Path()) for reason in (Reason.INTERRUPTED, Reason.OK, Reason.KERNEL_KILLED)]
    assert reports.exit_code(ends) == 138
    assert reports.exit_code(ends[:2]) == 5
    assert reports.exit_code(ends[1:2]) == 0


def test_an_outcome_can_be_written_as_json():
    outcome = Outcome("n", Reason.OVER_TIME, "Too slow.", Path("runs/n"))
    assert json.loads(json.dumps(outcome.as_dict()))["exit_code"] == 4
