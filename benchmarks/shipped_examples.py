"""Make the example files of ``data/examples``: what a reader might bring, each from a real run.

    .venv/bin/python benchmarks/shipped_examples.py

A learning curve of a scikit-learn estimator, the log of a small language model in four formats, and a table of
examples; about two minutes on two cores. Needs the extra ``tensorboard``.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from labkit import datasets, models, places, training

FOLDER = places.data() / "examples"
WIDTHS = {"narrow": 8, "wide": 32}
STEPS, EVERY, VALIDATED = 3000, 10, 50
LOGGED = ["train_loss", "validation_loss"]


def curve() -> pd.DataFrame:
    """Errors of a random forest on the digits of scikit-learn: one row per size and fold."""
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import learning_curve

    forest = RandomForestClassifier(n_estimators=200, random_state=0)
    sizes = np.geomspace(0.025, 1, 10)
    sizes, _, scores = learning_curve(
        forest, *load_digits(return_X_y=True), train_sizes=sizes, cv=5, shuffle=True, random_state=0, n_jobs=2
    )
    rows = [(n, fold, 1 - score) for n, folds in zip(sizes, scores, strict=True) for fold, score in enumerate(folds)]
    return pd.DataFrame(rows, columns=["examples", "fold", "error"])


def logs() -> dict[str, pd.DataFrame]:
    """Losses of two transformers on Python source: a row per measurement, the validation loss at every fifth."""
    data, found = datasets.load("python_source"), {}
    for name, width in WIDTHS.items():
        model = models.build("transformer", width=width)
        run = {"seed": 0, "learning_rate": 0.003}
        fit = training.fit_many(
            model, data, [run], steps=STEPS, batch_size=32, optimizer="adam", evaluate_every=EVERY, device="cpu"
        )
        table = fit.history.pivot_table(index="step", columns="metric", values="value")[LOGGED].dropna()
        table.loc[table.index % VALIDATED != 0, "validation_loss"] = np.nan
        found[name] = table.astype("float32").reset_index()
    return found


def as_lines(log: pd.DataFrame) -> str:
    """As most training scripts write: an object per event, each with the metrics of that event alone."""
    lines = []
    for row in log.itertuples():
        lines.append({"step": row.step, "train_loss": round(row.train_loss, 5)})
        if np.isfinite(row.validation_loss):
            lines.append({"step": row.step, "validation_loss": round(row.validation_loss, 5)})
    return "".join(json.dumps(line) + "\n" for line in lines)


def as_export(runs: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """As Weights & Biases exports a chart: the runs side by side, each point with its extremes."""
    columns = {"Step": next(iter(runs.values())).step}
    for name, log in runs.items():
        for ending in ("", "__MIN", "__MAX"):
            columns[f"{name} - validation_loss{ending}"] = log.validation_loss
    return pd.DataFrame(columns).dropna()


def as_events(log: pd.DataFrame) -> bytes:
    """As TensorBoard stores scalars; times are those of the steps, so that the file is the same each time."""
    import io

    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = io.BytesIO()
    writer = RecordWriter(buffer)
    writer.write(Event(wall_time=0, file_version="brain.Event:2").SerializeToString())
    for row in log.to_dict("records"):
        for name in LOGGED:
            if np.isfinite(row[name]):
                tag = name.replace("_", "/")
                summary = Summary(value=[Summary.Value(tag=tag, simple_value=row[name])])
                event = Event(wall_time=row["step"], step=int(row["step"]), summary=summary)
                writer.write(event.SerializeToString())
    return buffer.getvalue()


def table() -> pd.DataFrame:
    """The digits of scikit-learn with the ink of every 2 × 2 block of pixels as a column."""
    from sklearn.datasets import load_digits

    images, digit = load_digits(return_X_y=True)
    ink = images.reshape(-1, 4, 2, 4, 2).sum(axis=(2, 4)).reshape(len(images), 16).astype(int)
    names = [f"ink_{row}{column}" for row in range(4) for column in range(4)]
    return pd.DataFrame(ink, columns=names).assign(digit=digit)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    runs = logs()
    wide = runs["wide"]
    tables = {"curve.csv": curve(), "log.csv": wide, "wandb_export.csv": as_export(runs), "table.csv": table()}
    for name, content in tables.items():
        text = content.to_csv(index=False, lineterminator="\n", float_format="%.6g")
        (FOLDER / name).write_text(text, encoding="utf-8")
    (FOLDER / "log.jsonl").write_text(as_lines(wide), encoding="utf-8")
    folder = FOLDER / "tensorboard"
    folder.mkdir(exist_ok=True)
    (folder / "events.out.tfevents.0.example").write_bytes(as_events(wide))
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    print(f"Wrote {len(files)} files to {FOLDER}: {sum(path.stat().st_size for path in files) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
