"""A learning curve of scikit-learn, carried on to more data: the Display that gives a forecast in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.display.describe import words_of
from labkit.display.fits import forecast

if TYPE_CHECKING:
    from labkit import laws

SIZES = 8  # of a default learning curve, evenly spread in logarithms
SMALLEST = 1 / 32  # of the training data, the smallest of them
_GRID = 60
ERRORS = ("one_minus", "negated", "as_is")


class LearningCurveForecastDisplay:
    """Forecast of a scikit-learn learning curve, with its interval, as a chart.

    Make one with `from_estimator` or `from_results`; the arguments here are what those work out.

    Arguments:
        train_sizes: (k,) numbers of training examples.
        errors: (k, folds) errors on held-out data, lower is better.
        to: number of examples up to which to forecast; default eight times the largest.
        bounds: range of the error; (0, 1) for shares of wrong answers.
        interval: level of the interval.
        error_name: of the vertical axis.

    Attributes: ``report_`` (`labkit.laws.ForecastReport`, with the forms, their weights and warnings), ``table_``
    (frame x, prediction, low, high, from the largest measured size on) and, after ``plot()``, ``chart_``.

    The interval is that of one more measurement of the same kind at that size. The folds of a cross-validation share
    data, so the standard errors that weigh the points are somewhat too small.

    >>> display = LearningCurveForecastDisplay.from_results([50, 100, 200, 400], [[0.8], [0.85], [0.885], [0.91]])
    >>> low, high = display.table_[["low", "high"]].iloc[-1]
    >>> bool(0.02 < low < high < 0.09)
    True
    """

    def __init__(
        self, *, train_sizes, errors, to=None, bounds=(0, 1), interval: float = 0.9, error_name: str = "test_error"
    ) -> None:
        from labkit import laws

        self.train_sizes, self.errors = np.asarray(train_sizes, dtype=float), np.asarray(errors, dtype=float)
        if self.train_sizes.ndim != 1 or self.errors.ndim != 2 or len(self.errors) != len(self.train_sizes):
            raise ValueError(
                "train_sizes has shape (k,) and the scores (k, folds), as learning_curve of scikit-learn returns them; "
                f"got {self.train_sizes.shape} and {self.errors.shape}"
            )
        self.to, self.bounds, self.interval, self.error_name = to, bounds, interval, error_name
        largest = self.train_sizes.max()
        end = 8 * largest if to is None else float(to)
        if not end > largest:
            raise ValueError(f"to is a number of examples above the largest measured, {largest:g}; got {to!r}")
        grid = np.geomspace(largest, end, _GRID)
        self.report_ = laws.forecast_report(*self._points(), grid, interval=interval, se=self._se(), bounds=bounds)
        self.table_ = self.report_.table

    def _points(self) -> tuple[np.ndarray, np.ndarray]:
        return self.train_sizes, self.errors.mean(1)

    def _se(self) -> np.ndarray | None:
        folds = self.errors.shape[1]
        return self.errors.std(1, ddof=1) / np.sqrt(folds) if folds > 1 else None

    @classmethod
    def from_results(
        cls, train_sizes, test_scores, *, error: str | None = None, **given
    ) -> LearningCurveForecastDisplay:
        """From what ``sklearn.model_selection.learning_curve`` returned.

        Arguments:
            train_sizes: (k,), the first of what it returns.
            test_scores: (k, folds), the third of it.
            error: how a score becomes an error: "one_minus" (accuracy, R²), "negated" (the scorers called neg_...) or
                "as_is". None: negated where no score is above 0, else one_minus.
            given: ``to``, ``bounds``, ``interval``, ``error_name`` as of the class. Bounds default to (0, 1) for
                one_minus of scores between 0 and 1, else (0, None).

        Raises ``ValueError`` for shapes that do not agree and scores that the chosen way makes negative errors.

        >>> from sklearn.datasets import load_digits
        >>> from sklearn.linear_model import RidgeClassifier
        >>> from sklearn.model_selection import learning_curve
        >>> X, y = load_digits(return_X_y=True)
        >>> sizes, _, scores = learning_curve(RidgeClassifier(), X, y, train_sizes=[100, 200, 400, 800], shuffle=True,
        ...                                   random_state=0)
        >>> chart = LearningCurveForecastDisplay.from_results(sizes, scores, to=5000).plot()
        """
        scores = np.asarray(test_scores, dtype=float)
        errors, bounds = _errors(scores, error)
        return cls(train_sizes=train_sizes, errors=errors, **{"bounds": bounds, **given})

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        train_sizes=None,
        cv=None,
        scoring=None,
        error: str | None = None,
        n_jobs=None,
        seed: int = 0,
        **given,
    ) -> LearningCurveForecastDisplay:
        """Run a learning curve of any scikit-learn estimator, and forecast it.

        Arguments:
            estimator, X, y, cv, scoring, n_jobs: as of ``sklearn.model_selection.learning_curve``.
            train_sizes: as there; default 8 sizes from a thirty-second of the training data to all of it, evenly spread
                in logarithms, since that is how errors fall. Examples are shuffled by ``seed``.
            error, given: as of `from_results`.

        >>> from sklearn.datasets import load_digits
        >>> from sklearn.naive_bayes import GaussianNB
        >>> display = LearningCurveForecastDisplay.from_estimator(GaussianNB(), *load_digits(return_X_y=True), cv=3)
        >>> display.train_sizes.astype(int).tolist()
        [37, 61, 100, 165, 271, 445, 730, 1198]
        """
        from sklearn.model_selection import learning_curve

        sizes = np.geomspace(SMALLEST, 1, SIZES) if train_sizes is None else train_sizes
        sizes, _, scores = learning_curve(
            estimator, X, y, train_sizes=sizes, cv=cv, scoring=scoring, n_jobs=n_jobs, shuffle=True, random_state=seed
        )
        return cls.from_results(sizes, scores, error=error, **given)

    def plot(self, *, title: str | None = None, log_y: bool = True) -> Any:
        """The measured points and the forecast as an Altair chart, kept as ``chart_`` too."""
        import pandas as pd

        x, y = self._points()
        points = pd.DataFrame({"x": x, "y": y})
        if self._se() is not None:
            points["se"] = self._se()
        curve = self.table_.rename(columns={"prediction": "y"}).assign(series="forecast")
        self.chart_ = forecast(
            points, curve, interval=self.interval, names=("examples", self.error_name), log_y=log_y, title=title
        )
        return self.chart_

    def plan(self, target: float, **given) -> laws.Plan:
        """How many examples it takes for the error to fall to ``target``; see `labkit.laws.plan`."""
        from labkit import laws

        given = {"interval": self.interval, "bounds": self.bounds, **given}
        return laws.plan((*self._points(), *([] if self._se() is None else [self._se()])), target, **given)

    def __repr__(self) -> str:
        last = self.table_.iloc[-1]
        return (
            f"<{words_of(self.error_name)} at {last.x:,.0f} examples: {last.prediction:.4g} "
            f"({self.interval:.0%} interval {last.low:.4g} to {last.high:.4g})>"
        )


def _errors(scores: np.ndarray, error: str | None) -> tuple[np.ndarray, tuple[float, float | None]]:
    """Errors (lower is better) of scores (higher is better), and their range."""
    if error is not None and error not in ERRORS:
        raise ValueError(f"error says how a score becomes an error: {', '.join(ERRORS)} or None; got {error!r}")
    if not np.isfinite(scores).all():
        raise ValueError("some scores are not finite: an estimator failed on a fold, perhaps for want of a class there")
    chosen = error or ("negated" if scores.max(initial=-np.inf) <= 0 else "one_minus")
    errors = {"one_minus": 1 - scores, "negated": -scores, "as_is": scores}[chosen]
    if errors.size and errors.min() < 0:
        raise ValueError(
            f"a score of {scores.max():.4g} makes a negative error by {chosen!r}: say how it becomes one with error="
        )
    share = chosen == "one_minus" and scores.min(initial=0) >= 0
    return errors, (0, 1) if share else (0, None)
