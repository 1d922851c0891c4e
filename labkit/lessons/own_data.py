"""What the lesson about a reader's own files needs: which files, and the learning curve of a scikit-learn estimator."""

from __future__ import annotations

import hashlib
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labkit import curve_files, places
from labkit.pruning.own_table import own_table

EXAMPLES = {"curve": "curve.csv", "log": "log.jsonl", "table": "table.csv"}
EXAMPLE_LABEL = "digit"
_PER_CLASS = 4  # examples of a class, on average, at the smallest size of a learning curve


def files(**given: str | None) -> pd.DataFrame:
    """The files to work on: a row per kind with its ``path``, the ``file``'s name, ``whose`` it is, and its ``kB``.

    Arguments:
        given: paths by kind (curve, log, table); None: the example that ships with labkit.

    Raises ``FileNotFoundError`` for a path without a file or folder.

    >>> files(curve=None).loc["curve", "whose"]
    'example'
    """
    rows = {}
    for kind, path in given.items():
        place = Path(path).expanduser() if path else places.data() / "examples" / EXAMPLES[kind]
        if not place.exists():
            raise FileNotFoundError(f"{kind}: there is no file {str(path)!r} as it is seen from {Path.cwd()}")
        size = sum(one.stat().st_size for one in ([place] if place.is_file() else place.rglob("*")))
        rows[kind] = {
            "path": str(place),
            "file": place.name,
            "whose": "yours" if path else "example",
            "kB": round(size / 1000, 1),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def curve(path: str | Path, x: str | None = None, y: str | None = None, se: str | None = None) -> pd.DataFrame:
    """The points of a curve as ``curve_files.read_curve`` has them; se None: the column "se" of a file with one.

    >>> curve(files(curve=None).loc["curve", "path"]).columns.tolist()
    ['x', 'y']
    """
    return curve_of(curve_files.read_table(path), x, y, se, name=Path(path).name)


def curve_of(
    table: pd.DataFrame, x: str | None = None, y: str | None = None, se: str | None = None, *, name: str = "the table"
) -> pd.DataFrame:
    """The same of a table that was read; ``name`` is for its errors."""
    se = se or ("se" if "se" in table.columns and "se" not in (x, y) else None)
    return curve_files.curve_of(table, x, y, se, name=name)


def weights(points: pd.DataFrame) -> pd.Series | None:
    """What each point counts in a fit of logarithms; a standard error of 0 counts as the smallest above it.

    >>> weights(pd.DataFrame({"x": [1, 2, 3], "y": [0.4] * 3, "se": [0.1, 0.2, 0.0]})).round(2).tolist()
    [1.33, 0.33, 1.33]
    """
    if "se" not in points or not (points["se"] > 0).any():
        return None
    least = points["se"][points["se"] > 0].min()
    return curve_files.weights(points.assign(se=points["se"].clip(lower=least)))


def label_column(table: str | None, label: str | None) -> str:
    """The column with the classes: the one given, or that of the example where no table is given.

    >>> label_column(None, None)
    'digit'
    """
    if table and not label:
        columns = ", ".join(curve_files.read_table(table).columns[:20])
        raise ValueError(f"say which column of {Path(table).name} holds the class, as label=...; it has {columns}")
    return label or EXAMPLE_LABEL


def fingerprint(path: str | Path) -> str:
    """Hex digest of a file's content, so that results of another version of it are not taken for this one's."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def table_checks(path: str | Path, label: str) -> pd.Series:
    """What to know about a table of examples before anything is trained: counts by name.

    Arguments:
        path: a file as in ``curve_files.read_table``, a row per example.
        label: the column with the classes.

    Raises ``ValueError`` for what cannot be learned from, as ``pruning`` does: an unknown label, fewer than 50 rows.
    """
    frame = curve_files.read_table(path)
    table = own_table(frame, label, Path(path).stem)
    counts, features = frame[label].value_counts(), frame.drop(columns=label)
    same = features.duplicated(keep=False)
    labels = frame[same].groupby(list(features.columns), dropna=False)[label].nunique() if same.any() else counts[:0]
    return pd.Series(
        {
            "rows": len(frame),
            "features": table.data.inputs.shape[1],
            "columns left out": len(table.data.truth["dropped"]),
            "missing values": int(features.isna().sum().sum()),
            "classes": len(counts),
            "rows of the largest class": int(counts.max()),
            "rows of the smallest class": int(counts.min()),
            "rows that repeat another": int(features.duplicated().sum()),
            "repeats with different labels": int((labels > 1).sum()),
        },
        name="found",
    )


def estimator(name: str) -> Any:
    """A scikit-learn estimator with its defaults, by its full name.

    Raises ``ValueError`` for a name that leads to no class with ``fit`` and ``predict``.

    >>> estimator("sklearn.naive_bayes.GaussianNB")
    GaussianNB()
    """
    module, _, wanted = name.rpartition(".")
    try:
        found = getattr(import_module(module), wanted)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"estimator {name!r}: {error}; expected a full name such as 'sklearn.svm.SVC'") from None
    if not (isinstance(found, type) and hasattr(found, "fit") and hasattr(found, "predict")):
        raise ValueError(f"estimator {name!r} is no class with fit and predict, such as 'sklearn.svm.SVC'")
    return found()


def estimator_curve(path: str, label: str, name: str, *, sizes: int = 8, folds: int = 5, seed: int = 0) -> pd.DataFrame:
    """Errors of an estimator on held-out folds of a table: columns examples, fold, error.

    Arguments:
        path, label: as in ``table_checks``. Features are prepared over all rows, without a look at the labels.
        name: as in ``estimator``.
        sizes: how many training-set sizes, even in logarithms up to all but one fold.
        folds: of the cross-validation.
        seed: of the order of the rows.

    A size at which a fold could not be fitted, for want of a class, is left out. Raises ``ValueError`` where fewer than
    three sizes are left.
    """
    from sklearn.model_selection import StratifiedKFold, learning_curve

    data = own_table(curve_files.read_table(path), label).data
    count = len(data.inputs)
    most = count - -(-count // folds)
    least = min(max(_PER_CLASS * data.classes, most // 32), most // 4)
    asked = np.unique(np.geomspace(least, most, sizes).round().astype(int))
    cv = StratifiedKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fold that cannot be fitted has no score, and its size is left out below
        given, _, scores = learning_curve(
            estimator(name), data.inputs, data.targets, train_sizes=asked, cv=cv, shuffle=True, random_state=seed
        )
    whole = np.isfinite(scores).all(axis=1)
    if whole.sum() < 3:
        raise ValueError(f"{name} could be fitted at {whole.sum()} of {len(asked)} sizes; a curve needs at least 3")
    rows = [(n, fold, 1 - s) for n, row in zip(given[whole], scores[whole], strict=True) for fold, s in enumerate(row)]
    return pd.DataFrame(rows, columns=["examples", "fold", "error"])
