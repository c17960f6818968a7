"""Cross-validates and scores models; the leaderboard, tuning and champion share it.

scikit-learn is imported where it is used: every Kedro command imports this module, but
only a run needs scikit-learn, which takes a second to import.
"""

import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
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
from kedro_dynamic.models.split import Pairs, check_length, fold_pairs

# The scores that `scoring: auto` means; the first one decides.
AUTO = {
    "classification": ["accuracy", "f1_macro"],
    "regression": ["r2", "neg_root_mean_squared_error"],
}


def cross_validate_model(
    model: ModelSpec,
    data: DataSpec,
    comparison: ComparisonSpec,
    X: pd.DataFrame,
    y: Any,
    folds: pd.DataFrame,
    random_state: int,
) -> dict[str, list[float]]:
    """Cross-validate a model; its encoder is fitted anew in each fold.

    Args:
        model: The entry in ``parameters.yml``.
        data: Says how features are encoded.
        comparison: Names the scores.
        X: Features, one row per sample.
        y: The target of the same rows.
        folds: The folds of the same rows, from ``make_folds`` or of your own.
        random_state: Seed of models that take one.

    Returns:
        The score on each fold, by name of the score; higher is better. Empty if no row
        is in a fold.

    Raises:
        ConfigurationError: If the target does not suit the model.
        DataError: If the table of folds does not fit the rows.
        ValueError: If the model cannot be fitted or scored, or a score is not finite.
    """
    check_length(folds, X)
    pairs = fold_pairs(folds)
    return score_on_folds(model, data, comparison, X, y, pairs, random_state)


def score_on_folds(
    model: ModelSpec,
    data: DataSpec,
    comparison: ComparisonSpec,
    X: pd.DataFrame,
    y: Any,
    pairs: Pairs,
    random_state: int,
) -> dict[str, list[float]]:
    """Score a model on given folds; its encoder is fitted anew in each fold.

    Args:
        model: The entry in ``parameters.yml``.
        data: Says how features are encoded.
        comparison: Names the scores.
        X: Features, one row per sample.
        y: The target of the same rows.
        pairs: Per fold the positions of the rows to fit to, and of those to score on.
        random_state: Seed of models that take one.

    Returns:
        As ``cross_validate_model``.

    Raises:
        ConfigurationError: If the target does not suit the model.
        ValueError: If the model cannot be fitted or scored, or a score is not finite.
    """
    from sklearn.model_selection import cross_validate

    estimator = build_model(model, data, X, y, random_state)
    if not pairs:
        return {}

    names = score_names(comparison, estimator, y)
    with warnings.catch_warnings():
        # The scores show what the warnings say, of rare classes and odd arguments.
        warnings.simplefilter("ignore")
        results = cross_validate(
            estimator,
            X,
            y,
            cv=pairs,
            scoring=names,
            error_score="raise",
        )
    return {name: _finite_scores(name, results[f"test_{name}"]) for name in names}


def summarize_folds(validation: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Summarize the scores on the folds by their mean and standard error.

    Args:
        validation: The scores from ``cross_validate_model``.

    Returns:
        ``validation_<score>`` and ``validation_<score>_stderr``, the names of the
        columns on the leaderboard.
    """
    summary = {}
    for name, scores in validation.items():
        standard_error = np.std(scores, ddof=1) / np.sqrt(len(scores))
        summary[f"validation_{name}"] = float(np.mean(scores))
        summary[f"validation_{name}_stderr"] = float(standard_error)
    return summary


def score_fitted_model(
    fitted_model: Any, comparison: ComparisonSpec, X: pd.DataFrame, y: Any
) -> dict[str, float]:
    """Score a fitted model on any rows.

    Args:
        fitted_model: The fitted encoder and estimator, from ``build_model``.
        comparison: Names the scores.
        X: Features, one row per sample.
        y: The target of the same rows.

    Returns:
        The scores by name, the one that decides first; higher is better.

    Raises:
        ValueError: If a score is not finite.
    """
    from sklearn.metrics import check_scoring

    names = score_names(comparison, fitted_model, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = check_scoring(fitted_model, scoring=names)(fitted_model, X, y)
    return {name: _finite_scores(name, [scores[name]])[0] for name in names}


def _finite_scores(name: str, scores: Any) -> list[float]:
    """Return scores as a list of floats, or raise an error if one is not finite."""
    if not np.isfinite(scores).all():
        raise ValueError(f"the score {name} is not a finite number: {list(scores)}")
    return [float(score) for score in scores]


def score_names(comparison: ComparisonSpec, estimator: Any, y: Any) -> list[str]:
    """Return the names of the scores, the one that decides first."""
    if comparison.scoring != ["auto"]:
        return comparison.scoring
    task = task_of(estimator) or _task_of_target(y)
    return AUTO[task]


def infer_task(models: Mapping[str, Any], y: Any) -> str:
    """Return the task of a leaderboard: ``classification`` or ``regression``.

    Args:
        models: The entries in ``parameters.yml``, by the names of the models.
        y: The target. It decides if none of the models can be built.
    """
    return task_of_models(models) or _task_of_target(y)


def task_of_models(models: Mapping[str, Any]) -> str | None:
    """Return the task of the enabled models, or None if none of them can be built.

    Args:
        models: The entries in ``parameters.yml``, by the names of the models.
    """
    for entry in models.values():
        # All models have the same task: see find_mixed_tasks.
        task = _task_of_entry(ModelSpec.model_validate(entry))
        if task is not None:
            return task
    return None


def has_classes(models: Mapping[str, Any], y: Any) -> bool:
    """Return True if the values of a target are classes.

    Args:
        models: The entries in ``parameters.yml``, by the names of the models.
        y: The target. If it is continuous, it has no classes, whatever the models.
    """
    return not is_continuous(y) and infer_task(models, y) == "classification"


def _task_of_target(y: Any) -> str:
    return "regression" if is_continuous(y) else "classification"


def _task_of_entry(model: ModelSpec) -> str | None:
    """Return the task of a model, or None if it is disabled or cannot be built."""
    if not model.enabled:
        return None
    try:
        return task_of(build_estimator(model, random_state=0))
    except Exception:  # The model's own nodes fail with this error.
        return None


def find_mixed_tasks(models: Mapping[str, ModelSpec]) -> list[str]:
    """Find classifiers and regressors that would be on one leaderboard.

    Args:
        models: The entries in ``parameters.yml``, by the names of the models.

    Returns:
        A line that describes the problem, or an empty list.
    """
    names = defaultdict(list)
    for name, model in models.items():
        task = _task_of_entry(model)
        if task is not None:
            names[task].append(name)
    if len(names) < 2:
        return []

    classifiers = ", ".join(names["classification"][:5])
    regressors = ", ".join(names["regression"][:5])
    return [
        f"models: scores of classifiers ({classifiers}) and of regressors "
        f"({regressors}) cannot be compared; disable the models of one kind"
    ]


def find_unknown_scores(comparison: ComparisonSpec) -> list[str]:
    """Find names of scores that scikit-learn does not know, a line for each."""
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
