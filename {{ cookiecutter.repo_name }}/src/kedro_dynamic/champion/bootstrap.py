"""Scores of a fitted model on bootstrap resamples of the test rows.

This module imports scikit-learn, so it is itself imported only where it is needed.
"""

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import get_scorer
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

Array = np.ndarray[Any, Any]

RESAMPLES = 200
SEED = 0


def resample_rows(count: int) -> Iterator[Array]:
    """Yield row numbers, as many as there are rows, drawn with replacement.

    The seed is fixed: for the same number of rows the resamples are the same, so the
    scores of two models on them are pairs.
    """
    random = np.random.default_rng(SEED)
    for _ in range(RESAMPLES):
        yield random.integers(count, size=count)


def score_resamples(
    fitted_model: Any, metric: str, X: pd.DataFrame, y: "pd.Series[Any]"
) -> tuple[float, list[float]]:
    """Score a fitted model on all rows, and on each resample of them.

    Args:
        fitted_model: The model.
        metric: Any of scikit-learn's names of scores.
        X: The test rows.
        y: Their target.

    Returns:
        The score on all rows; the score on each resample, NaN where it is undefined.
    """
    scorer = get_scorer(metric)
    model = PredictedRows(fitted_model, X)
    truth = _as_numpy(y)
    with warnings.catch_warnings():
        # A resample may lack a class: an undefined score says so.
        warnings.simplefilter("ignore")
        score = float(scorer(model, np.arange(len(y)), truth))
        scores = []
        for rows in resample_rows(len(y)):
            try:
                scores.append(float(scorer(model, rows, truth[rows])))
            except ValueError:  # such as roc_auc_ovr without one of the classes
                scores.append(math.nan)
    return score, scores


def _as_numpy(values: Any) -> Array:
    """Return targets or predictions, strings as NumPy's own.

    Scorers sort and compare them, which takes three times as long for Python's strings.
    """
    array = np.asarray(values)
    return np.array(array.tolist()) if array.dtype == object else array


def _model_has(method: str) -> Any:
    """Return a check that a ``PredictedRows`` is of a model with a method."""
    return lambda rows: hasattr(rows.fitted_model, method)


class PredictedRows:
    """A fitted model whose methods take the numbers of known rows.

    Each method predicts all rows once. scikit-learn's scorers can be used as they are.
    """

    def __init__(self, fitted_model: Any, X: pd.DataFrame):
        self.fitted_model = fitted_model
        self.X = X
        self.predictions: dict[str, Array] = {}

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.fitted_model)

    @property
    def classes_(self) -> Any:
        """The classes that the model knows."""
        return self.fitted_model.classes_

    def predict(self, rows: Array) -> Array:
        """Return one prediction per row number."""
        return self._look_up("predict", rows)

    @available_if(_model_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, rows: Array) -> Array:
        """Return the probability of each class, one row per row number."""
        return self._look_up("predict_proba", rows)

    @available_if(_model_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, rows: Array) -> Array:
        """Return the decision values, one or a row of them per row number."""
        return self._look_up("decision_function", rows)

    def _look_up(self, method: str, rows: Array) -> Array:
        """Return what a method of the model says of rows."""
        if method not in self.predictions:
            predict = getattr(self.fitted_model, method)
            self.predictions[method] = _as_numpy(predict(self.X))
        return self.predictions[method][rows]
