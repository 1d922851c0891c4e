"""What a fit gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from torch import Tensor

from labkit.models import Model
from labkit.training import evaluate


@dataclass(frozen=True, eq=False)
class Part:
    """Trained models of one architecture: the rows of the table they stand in, and their stacked parameters."""

    model: Model
    rows: Sequence[int]
    parameters: dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class FitResult:
    """Many trained models.

    Fields:
        table: frame, one row per run in the order given: the run's own columns, then examples, steps, parameters,
            flops (of its training), train_loss, train_error (on its own examples, with the labels it was given),
            validation_loss, validation_error, test_loss, test_error, diverged, diverged_step, seconds (its share).
            A diverged run has no losses. Losses are in nats; an error is the share of wrong answers.
        history: frame (run, step, metric, value), where run is the row of the table.
        parts: the models themselves, by architecture.
    """

    table: pd.DataFrame
    history: pd.DataFrame
    parts: tuple[Part, ...] = field(repr=False)

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Logits (runs, n, classes) for inputs (n, d), or windows of ids (n, context) for text.

        Raises ``ValueError`` for inputs of another width.

        >>> from labkit import datasets, models, training
        >>> data = datasets.load("digits")
        >>> fit = training.fit_many(models.build("softmax"), data, [{"seed": 0}, {"seed": 1}], steps=5)
        >>> fit.predict(data.test_inputs).shape
        (2, 500, 10)
        """
        inputs = np.asarray(inputs)
        if inputs.ndim != 2 or inputs.shape[1] != self._width:
            raise ValueError(f"inputs have shape {inputs.shape}; expected (n, {self._width})")
        found = None
        for part in self.parts:
            outputs = evaluate.outputs(part.model, part.parameters, inputs)
            if found is None:
                found = np.empty((len(self.table), *outputs.shape[1:]), dtype=np.float32)
            found[list(part.rows)] = outputs
        return found

    _width: int = field(default=0, repr=False)
