"""Text as overlapping windows: views of one line of ids, so that a long context costs no memory."""

from __future__ import annotations

import numpy as np


def windows(line: np.ndarray, context: int, *, empty: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Every window of ``context`` ids, and the id that follows each, as views.

    Arguments:
        line: ids (n,), with n larger than ``context``.
        context: ids in a window.
        empty: whether a line without ids makes no windows rather than an error.

    Returns windows (n - context, context) and targets (n - context,). Raises ``ValueError`` where none fits.

    >>> windows(np.arange(6, dtype=np.uint8), 4)
    (array([[0, 1, 2, 3],
           [1, 2, 3, 4]], dtype=uint8), array([4, 5], dtype=uint8))
    """
    if empty and not len(line):
        return np.empty((0, context), dtype=line.dtype), line
    if len(line) <= context:
        raise ValueError(
            f"no window of {context:,} ids and a target fits into {len(line):,} ids; give a shorter context"
        )
    return np.lib.stride_tricks.sliding_window_view(line[:-1], context), line[context:]


def unroll(inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The line of ids under windows and their targets: a view of it, or a copy where the windows are copies.

    >>> unroll(*windows(np.arange(6, dtype=np.uint8), 4))
    array([0, 1, 2, 3, 4, 5], dtype=uint8)
    """
    if len(inputs) == 0:
        return np.empty(0, dtype=inputs.dtype)
    context, step = inputs.shape[1], inputs.strides[0]
    apart = targets.__array_interface__["data"][0] - inputs.__array_interface__["data"][0]
    if inputs.strides != (step, step) or apart != context * step:
        return np.concatenate([inputs[:, 0], inputs[-1, 1:], targets[-1:]])
    return np.lib.stride_tricks.as_strided(inputs, shape=(len(inputs) + context,), strides=(step,), writeable=False)
