"""Training logs: event files that TensorBoard wrote, exports of Weights & Biases, logs too long to fit whole."""

from __future__ import annotations

import importlib.util

import numpy as np
import pandas as pd
import pytest

from labkit import log_files

needs_tensorboard = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed"
)


@pytest.fixture
def run(tmp_path):
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path / "run") as writer:
        for step in range(1, 101):
            writer.add_scalar("train/loss", 1 / step, step)
            if step % 10 == 0:
                writer.add_scalar("validation/loss", 2 / step, step)
    return tmp_path / "run"


@needs_tensorboard
def test_event_files_become_a_row_per_step_and_a_column_per_tag(run):
    table = log_files.read_events(run)
    assert table.columns.tolist() == ["step", "train/loss", "validation/loss"]
    np.testing.assert_allclose(table["train/loss"], 1 / table.step, rtol=1e-6)
    assert table["validation/loss"].notna().sum() == 10
    [file] = run.iterdir()
    pd.testing.assert_frame_equal(log_files.read_events(file), table)


@needs_tensorboard
def test_a_resumed_run_keeps_the_last_value_of_a_step(run):
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(run, filename_suffix=".resumed") as writer:
        writer.add_scalar("train/loss", 7.0, 100)
        writer.add_scalar("train/loss", 6.0, 101)
    table = log_files.read_events(run).set_index("step")
    assert table["train/loss"].loc[[99, 100, 101]].tolist() == pytest.approx([1 / 99, 7.0, 6.0])


@needs_tensorboard
def test_scalars_that_were_written_as_tensors_are_read(tmp_path):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    writer = EventFileWriter(str(tmp_path))
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    for step in (1, 2, 4):
        value = Summary.Value(tag="loss", tensor=make_tensor_proto(np.float32(1 / step)), metadata=metadata)
        writer.add_event(Event(step=step, summary=Summary(value=[value])))
    writer.close()
    table = log_files.read_events(tmp_path)
    assert table.to_dict("list") == {"step": [1, 2, 4], "loss": [1.0, 0.5, 0.25]}


@needs_tensorboard
def test_several_runs_none_and_too_much_are_refused(run, tmp_path, monkeypatch):
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path / "other") as writer:
        writer.add_text("note", "no scalar here")
    with pytest.raises(ValueError, match=r"holds 2 runs \(other, run\): name the folder of one"):
        log_files.read_events(tmp_path)
    with pytest.raises(ValueError, match="holds no scalars"):
        log_files.read_events(tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="no TensorBoard event file"):
        log_files.read_events(tmp_path / "nowhere.tfevents.1")
    monkeypatch.setattr(log_files, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="MB are read"):
        log_files.read_events(run)


def test_an_export_of_weights_and_biases_is_recognised_and_keeps_its_runs():
    export = pd.DataFrame(
        {
            "Step": [1, 2],
            "big - val/loss": [0.5, 0.4],
            "big - val/loss__MIN": [0.5, 0.4],
            "big - val/loss__MAX": [0.5, 0.4],
            "small - val/loss": [0.7, 0.6],
            "small - _step": [1, 2],
        }
    )
    assert log_files.is_export(export)
    assert log_files.runs_of_export(export).columns.tolist() == ["Step", "big - val/loss", "small - val/loss"]
    assert not log_files.is_export(pd.DataFrame(columns=["step", "loss", "loss__MIN_of_all"]))


def test_thinning_keeps_the_trend_and_the_ends_apart():
    x = np.arange(1, 200_001)
    y = 3 * x**-0.3 + np.random.default_rng(0).normal(0, 0.05, len(x))
    found = log_files.thin(pd.DataFrame({"x": x, "y": y}))
    assert len(found) <= 200
    assert found.rows.sum() == 200_000
    assert found.x.is_monotonic_increasing
    late = found[found.rows > 500]
    np.testing.assert_allclose(late.y, 3 * late.x**-0.3, atol=0.012)  # five standard errors of a mean of 500


def test_a_column_is_found_by_the_end_of_its_name_or_refused():
    table = pd.DataFrame(columns=["step", "train/loss", "val/loss", "lr"])
    assert log_files.tag_of(table, "lr") == "lr"
    with pytest.raises(ValueError, match="several columns are called 'loss': name one of train/loss, val/loss"):
        log_files.tag_of(table, "loss")
    with pytest.raises(ValueError, match="did you mean 'lr'"):
        log_files.tag_of(table, "lrr")
