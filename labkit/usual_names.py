"""What readers' own files usually call a size, an error, and what is neither."""

from __future__ import annotations

import re

_UNIT = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*$")
# Where several would do, a size comes before a step, and a step before an epoch: the later ones are coarser.
SIZES = tuple(
    tuple(names.split())
    for names in (
        "examples tokens params parameters compute flops x n size samples n_train train_size train_sizes "
        "train_examples training_examples n_samples num_samples num_examples",
        "step steps _step global_step trainer_global_step iteration iterations iter",
        "epoch epochs",
    )
)
_HELD_OUT = ("validation", "val", "valid", "eval", "test")
ERRORS = (
    ("error", "loss", "y", *(f"{kind}_{what}" for kind in _HELD_OUT for what in ("error", "loss"))),
    ("value",),  # what TensorBoard calls the metric in the files it saves
)
_NEITHER = {"wall_time", "_runtime", "_timestamp", "seed", "fold", "run", "repeat", "trial", "se", "sem", "stderr"}
_SIZES, _ERRORS = ({name for names in kind for name in names} for kind in (SIZES, ERRORS))


def plain(name: str) -> str:
    """A column's name in small letters, without a unit in brackets, words joined by underscores.

    >>> plain("Training examples (n)"), plain("Test-error [%]"), plain("_step"), plain("val/loss")
    ('training_examples', 'test_error', '_step', 'val_loss')
    """
    return re.sub(r"[\s/-]+", "_", _UNIT.sub("", name).strip().lower())


def no_error(name: str) -> bool:
    """Whether a column of this name is a size, or neither size nor error.

    >>> no_error("Examples"), no_error("wall time"), no_error("mistakes")
    (True, True, False)
    """
    return plain(name) in _SIZES | _NEITHER


def no_curve(name: str) -> bool:
    """Whether a column of this name could not tell curves apart.

    >>> no_curve("loss"), no_curve("model")
    (True, False)
    """
    return plain(name) in _SIZES | _ERRORS | _NEITHER
