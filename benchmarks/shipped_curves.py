"""Measure the learning curves that ship as ``data/learning_curves.csv``.

    .venv/bin/python benchmarks/shipped_curves.py

Three families of models on digits and on glyphs, four seeds, about a minute on two cores. The file changes only when
the way of training does; panels use it where no points are given.
"""

from __future__ import annotations

import pandas as pd

from labkit import places, training

SIZES = {
    "digits": [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024],
    "glyphs": [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192],
}
TRAINED = {"steps": 600, "batch_size": 64, "schedule": "cosine", "learning_rate": 0.1}
FAMILIES = {
    "softmax": TRAINED,
    "mlp": {**TRAINED, "widths": [64]},
    "random_features": {"widths": [1024], "model_options": {"ridge": 1e-5}},
}
HEAD = """# Test error of small models trained by labkit, by training examples and seed (benchmarks/shipped_curves.py).
# Settings: 600 steps of 64 examples, cosine schedule, rate 0.1; mlp: 64 hidden units; random_features: 1,024.
"""


def main() -> None:
    frames = []
    for dataset, sizes in SIZES.items():
        options = {"examples": max(sizes)} if dataset == "glyphs" else None
        for model, how in FAMILIES.items():
            frame = training.learning_curve(
                dataset, model, examples=sizes, seeds=4, dataset_options=options, device="cpu", **how
            )
            frames.append(frame.assign(curve=f"{dataset}, {model}"))
    table = pd.concat(frames, ignore_index=True).rename(columns={"test_error": "error"})
    path = places.data() / "learning_curves.csv"
    rows = table[["curve", "examples", "seed", "error"]].to_csv(index=False, lineterminator="\n", float_format="%.6g")
    path.write_text(HEAD + rows, encoding="utf-8")
    print(f"Wrote {path}: {len(table)} points")


if __name__ == "__main__":
    main()
