"""Models and their scores: the same for leaderboard, tuning and champion.

scikit-learn is imported where it is used: every Kedro command imports this module, and
none but a run should wait for scikit-learn.
"""

import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.config.errors import did_you_mean
from kedro_dynamic.config.schema import ComparisonSpec, DataSpec, ModelSpec
from kedro_dynamic.models.estimators import (
    build_estimator,
    build_model,
    is_continuous,
    task_of,
)
from kedro_dynamic.models.folds import make_folds

AUTO = {
    "classification": ["accuracy", "f1_macro"],
    "regression": ["r2", "neg_root_mean_squared_error"],
}


def infer_task(models: Mapping[str, Any], y: Any) -> str:
    """Return what the enabled models of a leaderboard are for, by their entries."""
    for one in models.values():
        # The first will do: they are all for the same, see check_models.
        if task := _task(ModelSpec.model_validate(one)):
            return task
    return "regression" if is_continuous(y) else "classification"


def check_models(models: Mapping[str, ModelSpec]) -> list[str]:
    """Return why models do not belong into one leaderboard, a line per problem."""
    tasks = defaultdict(list)
    for name, model in models.items():
        if task := _task(model):
            tasks[task].append(name)
    if len(tasks) < 2:
        return []
    both = "; ".join(
        f"{', '.join(some[:5])} for {task}" for task, some in tasks.items()
    )
    return [f"models: {both}: their scores do not compare; disable one kind"]


def _task(model: ModelSpec) -> str | None:
    """Return what an enabled model is for; None of one that cannot be built."""
    with suppress(Exception):  # it fails in its own nodes
        return task_of(build_estimator(model, 0)) if model.enabled else None
    return None


def check_scoring(comparison: ComparisonSpec) -> list[str]:
    """Return which names of scores scikit-learn does not know."""
    if comparison.scoring == ["auto"]:
        return []
    from sklearn.metrics import get_scorer_names

    known = get_scorer_names()
    return [
        f"comparison.scoring: scikit-learn has no score '{name}'"
        f"{did_you_mean(name, known)}"
        for name in comparison.scoring
        if name not in known
    ]


def score_names(comparison: ComparisonSpec, estimator: Any, y: Any) -> list[str]:
    """Return the names of the scores to compare by, the one that decides first."""
    if comparison.scoring != ["auto"]:
        return comparison.scoring
    guess = "regression" if is_continuous(y) else "classification"
    return AUTO[task_of(estimator) or guess]


def cross_validate_model(
    model: ModelSpec,
    data: DataSpec,
    comparison: ComparisonSpec,
    X: pd.DataFrame,
    y: Any,
    random_state: int,
) -> dict[str, list[float]]:
    """Cross-validate a model, its encoder fitted anew in each fold.

    Returns:
        By name of the score its value on each fold; higher is better. The same rows,
        folds and random_state give the same folds, whatever the model.

    Raises:
        ValueError: If the model cannot be fitted or scored, or a score is not finite.
    """
    from sklearn.model_selection import cross_validate

    estimator = build_model(model, data, X, y, random_state)
    names = score_names(comparison, estimator, y)
    if comparison.folds == 0:
        return {}
    with warnings.catch_warnings():
        # Of classes that are rare or arguments that are unfortunate: the score says so.
        warnings.simplefilter("ignore")
        scored = cross_validate(
            estimator,
            X,
            y,
            cv=make_folds(comparison.folds, y, estimator, random_state),
            scoring=names,
            error_score="raise",
        )
    return {name: finite(name, scored[f"test_{name}"]) for name in names}


def score_fitted_model(
    fitted_model: Any, comparison: ComparisonSpec, X: pd.DataFrame, y: Any
) -> dict[str, float]:
    """Return the scores of a fitted model on other rows, by name.

    Raises:
        ValueError: If one of them is not finite.
    """
    from sklearn.metrics import check_scoring

    names = score_names(comparison, fitted_model, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = check_scoring(fitted_model, scoring=names)(fitted_model, X, y)
    return {name: finite(name, [scores[name]])[0] for name in names}


def summarize_folds(validation: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return mean and standard error over the folds, as the leaderboard names them."""
    summary = {}
    for name, values in validation.items():
        summary[f"validation_{name}"] = float(np.mean(values))
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        summary[f"validation_{name}_stderr"] = float(error)
    return summary


def finite(name: str, values: Any) -> list[float]:
    """Return scores as a list of floats, all of them finite."""
    if not np.isfinite(values).all():
        raise ValueError(f"the score {name} is not a finite number: {list(values)}")
    return [float(value) for value in values]
