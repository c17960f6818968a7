"""Scores of a fitted model on bootstrap resamples of the test rows.

scikit-learn and SciPy are imported where they are used.
"""

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.config.schema import DataSpec

Array = np.ndarray[Any, Any]

RESAMPLES = 200
SEED = 0

RESPONSES = ("predict", "predict_proba", "decision_function")


def score_interval(
    fitted_model: Any,
    data: DataSpec,
    scorers: dict[str, Any],
    X: pd.DataFrame,
    y: "pd.Series[Any]",
    score: float,
) -> dict[str, float]:
    """Return the 95 % interval of the deciding score on the test rows.

    It is the interval of the bootstrap; for accuracy it is Wilson's. If a model
    predicts all 30 rows right, it does so on each resample, and the bootstrap would
    return [1, 1]. Wilson's interval begins at .886.

    Args:
        fitted_model: The fitted encoder and estimator.
        data: Names the group column. With one, the result is empty: rows of a group
            resemble each other, so an interval of single rows would be too narrow.
        scorers: From ``build_scorers``.
        X: Features of the test rows.
        y: The target of the same rows.
        score: The deciding score on these rows.

    Returns:
        ``test_<score>_low`` and ``test_<score>_high``; empty if the score is undefined
        on most resamples.
    """
    if data.group_column:
        return {}
    name, scorer = next(iter(scorers.items()))
    if name == "accuracy":
        from scipy.stats import binomtest

        right = round(score * len(y))
        wilson = binomtest(right, len(y)).proportion_ci(method="wilson")
        low, high = wilson.low, wilson.high
    else:
        _, scores = score_resamples(fitted_model, scorer, X, y)
        defined = [score for score in scores if math.isfinite(score)]
        if len(defined) < len(scores) / 2:
            return {}
        low, high = np.quantile(defined, [0.025, 0.975])
    return {f"test_{name}_low": float(low), f"test_{name}_high": float(high)}


def score_resamples(
    fitted_model: Any, scorer: Any, X: pd.DataFrame, y: "pd.Series[Any]"
) -> tuple[float, list[float]]:
    """Score a fitted model on all rows, and on each resample of them.

    Args:
        fitted_model: The model.
        scorer: A scorer of scikit-learn, such as one of ``build_scorers``.
        X: The test rows.
        y: Their target.

    Returns:
        The score on all rows; the score on each resample, NaN where it is undefined.
    """
    truth = _as_numpy(y)
    # A resample may lack a class: an undefined score says so.
    with warnings.catch_warnings(action="ignore"):
        model = RecordedModel(fitted_model, X)
        score = float(scorer(model, np.arange(len(y)), truth))
        scores = []
        for rows in resample_rows(len(y)):
            try:
                scores.append(float(scorer(model, rows, truth[rows])))
            except ValueError:  # such as roc_auc_ovr without one of the classes
                scores.append(math.nan)
    return score, scores


def resample_rows(count: int) -> Iterator[Array]:
    """Yield row numbers, as many as there are rows, drawn with replacement.

    The seed is fixed: for the same number of rows the resamples are the same, so the
    scores of two models on them are pairs.
    """
    random = np.random.default_rng(SEED)
    for _ in range(RESAMPLES):
        yield random.integers(count, size=count)


class RecordedModel:
    """Stands for a fitted model: predicts all rows once, then answers by row number.

    scikit-learn's scorers can be used as they are.
    """

    def __init__(self, fitted_model: Any, X: pd.DataFrame):
        self._fitted_model = fitted_model
        self._X = X
        self._answers: dict[str, Array] = {}

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._fitted_model, name)
        if name not in RESPONSES:
            return attribute

        def answer(rows: Array) -> Array:
            if name not in self._answers:
                self._answers[name] = _as_numpy(attribute(self._X))
            return self._answers[name][rows]

        answer.__name__ = name  # scikit-learn asks for it
        return answer


def _as_numpy(values: Any) -> Array:
    """Return targets or predictions, strings as NumPy's own.

    Scorers sort and compare them, which takes three times as long for Python's strings.
    """
    array = np.asarray(values)
    return np.array(array.tolist()) if array.dtype == object else array
