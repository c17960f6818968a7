"""The baseline: the best answer that ignores the features.

scikit-learn is imported where it is used.
"""

import warnings
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.config.schema import ComparisonSpec, DataSpec, ModelSpec
from kedro_dynamic.models.scoring import build_scorers

# Of a target with more classes, the best answer is looked for among the most frequent.
MAX_CLASSES = 10


def find_baseline(
    data: DataSpec,
    comparison: ComparisonSpec,
    y: "pd.Series[Any]",
    is_classification: bool,
) -> ModelSpec:
    """Return the baseline of the deciding score.

    By ``f1`` it predicts the positive class for each row, by the mean absolute error
    it predicts the median. By a mean over classes, such as ``f1_macro``, guessing may
    be better than any constant. The default of scikit-learn's dummies wins unless
    another answer is better.

    Args:
        data: Names the positive class.
        comparison: Names the scores; the first one decides.
        y: The target of the training rows.
        is_classification: True if its values are classes.

    Returns:
        The baseline as an entry of ``parameters.yml``.
    """
    from sklearn.dummy import DummyClassifier, DummyRegressor

    dummy = DummyClassifier if is_classification else DummyRegressor
    answers = _classes(y) if is_classification else _numbers(y)
    scorers = build_scorers(data, comparison, y, dummy())
    name, scorer = next(iter(scorers.items()))
    if name.endswith(("_macro", "_weighted")):
        answers += [{"strategy": "uniform"}, {"strategy": "stratified"}]
    seed = {"random_state": 0} if is_classification else {}
    X = np.zeros((len(y), 1))
    best, best_score = answers[0], -np.inf
    with warnings.catch_warnings():
        # A class that is never predicted has an undefined precision.
        warnings.simplefilter("ignore")
        for answer in answers:
            try:
                score = scorer(dummy(**answer, **seed).fit(X, y), X, y)
            except ValueError:  # such as a Poisson deviance of an answer of 0
                continue
            if score > best_score:
                best, best_score = answer, score
    class_path = f"sklearn.dummy.{dummy.__name__}"
    return ModelSpec.model_validate({"class": class_path, "model_kwargs": best})


def _numbers(y: "pd.Series[Any]") -> list[dict[str, Any]]:
    """Return arguments of ``DummyRegressor``, its default first."""
    quantiles = [
        {"strategy": "quantile", "quantile": percent / 100}
        for percent in range(5, 100, 5)
    ]
    middle = {"strategy": "constant", "constant": float(y.min() + y.max()) / 2}
    return [{"strategy": "mean"}, {"strategy": "median"}, *quantiles, middle]


def _classes(y: "pd.Series[Any]") -> list[dict[str, Any]]:
    """Return arguments of ``DummyClassifier``, its default first."""
    frequent = y.value_counts().index.tolist()[:MAX_CLASSES]
    constants = [{"strategy": "constant", "constant": label} for label in frequent]
    return [{"strategy": "prior"}, *constants]
