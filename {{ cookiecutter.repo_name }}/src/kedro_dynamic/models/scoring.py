"""Cross-validates and scores models, for the leaderboard and for tuning.

scikit-learn is imported where it is used: every Kedro command imports this module, but
only a run needs scikit-learn, which takes a second to import.
"""

import logging
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from kedro_dynamic.config.errors import VERBATIM, ConfigurationError
from kedro_dynamic.config.schema import FILE, ComparisonSpec, DataSpec, ModelSpec
from kedro_dynamic.models.bootstrap import RecordedModel
from kedro_dynamic.models.estimators import (
    build_estimator,
    build_model,
    is_continuous,
    task_of,
)
from kedro_dynamic.models.score_checks import (
    find_impossible_scores,
    find_scores_without_target,
)
from kedro_dynamic.models.scores import (
    OF_ONE_CLASS,
    auto_scores,
    display_name,
    find_positive_label,
    make_scorers,
)
from kedro_dynamic.models.snippets import in_yaml
from kedro_dynamic.models.split import Pairs, check_length, fold_pairs

logger = logging.getLogger(__name__)


def cross_validate_model(
    model: ModelSpec,
    data: DataSpec,
    comparison: ComparisonSpec,
    X: pd.DataFrame,
    y: Any,
    folds: pd.DataFrame,
    random_state: int,
    columns: pd.DataFrame | None = None,
) -> dict[str, list[float]]:
    """Cross-validate a model; its encoder is fitted anew in each fold.

    Args:
        model: The entry in ``parameters.yml``.
        data: Says if features are encoded, and which class is the positive one.
        comparison: Names the scores.
        X: Features, one row per sample.
        y: The target of the same rows.
        folds: The folds of the same rows, from ``make_folds`` or of your own.
        random_state: Seed of models that take one.
        columns: How each column is read; see ``build_model``.

    Returns:
        The score on each fold, by name of the score; higher is better. Empty if no row
        is in a fold.

    Raises:
        ConfigurationError: If the target does not suit the model or a score.
        DataError: If the table of folds does not fit the rows.
        ValueError: If the model cannot be fitted or scored, or a score is not finite.
    """
    check_length(folds, X)
    estimator = build_model(model, data, X, y, random_state, columns)
    scorers = build_scorers(data, comparison, y, estimator)
    return score_on_folds(estimator, scorers, X, y, fold_pairs(folds))


def score_on_folds(
    estimator: Any, scorers: dict[str, Any], X: pd.DataFrame, y: Any, pairs: Pairs
) -> dict[str, list[float]]:
    """Score a model on given folds; its encoder is fitted anew in each fold.

    Args:
        estimator: The encoder and estimator, from ``build_model``.
        scorers: From ``build_scorers``.
        X: Features, one row per sample.
        y: The target of the same rows.
        pairs: Per fold the positions of the rows to fit to, and of those to score on.

    Returns:
        As ``cross_validate_model``.

    Raises:
        ValueError: If the model cannot be fitted or scored, or a score is not finite.
    """
    from sklearn.model_selection import cross_validate

    if not pairs:
        return {}
    with warnings.catch_warnings():
        # The scores show what the warnings say, of rare classes and odd arguments.
        warnings.simplefilter("ignore")
        results = cross_validate(
            estimator,
            X,
            y,
            cv=pairs,
            scoring=partial(_score_by_all, scorers),
            error_score="raise",
        )
    return {name: _finite_scores(name, results[f"test_{name}"]) for name in scorers}


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
        summary[f"validation_{name}"] = float(np.mean(scores))
        if len(scores) > 1:
            standard_error = np.std(scores, ddof=1) / np.sqrt(len(scores))
            summary[f"validation_{name}_stderr"] = float(standard_error)
    return summary


def build_scorers(
    data: DataSpec, comparison: ComparisonSpec, y: Any, estimator: Any
) -> dict[str, Any]:
    """Return scikit-learn's scorers by the names of the scores, the deciding one first.

    Args:
        data: Names the positive class, the one that precision, recall and f1 are about.
        comparison: Names the scores.
        y: The target of all training rows.
        estimator: The estimator, fitted or not; its kind decides what ``auto`` means.

    Raises:
        ConfigurationError: If the target cannot have a score.
    """
    task = task_of(estimator) or _task_of_target(y)
    is_classification = task == "classification"
    names = score_names(comparison, y, is_classification)
    problems = find_scores_without_target(names, y, is_classification)
    if problems:
        raise ConfigurationError.listing(FILE, problems)

    positive_label = None
    if is_classification:
        positive_label = find_positive_label(y, data.positive_label)
    return make_scorers(names, positive_label)


def check_scores(
    y: "pd.Series[Any]",
    data: DataSpec,
    comparison: ComparisonSpec,
    models: Mapping[str, Any],
    is_classification: bool,
) -> None:
    """Check that models and target have the scores; say which class they are about.

    Args:
        y: The target of the training rows.
        data: Names the positive class.
        comparison: Names the scores.
        models: The entries in ``parameters.yml``, by the names of the models.
        is_classification: True if the target's values are classes.

    Raises:
        ConfigurationError: Lists the scores, why there are none, and what to write.
    """
    is_regression = task_of_models(models) != "classification"
    if not is_classification and not (is_regression and is_numeric_dtype(y)):
        return  # The models' own nodes say what target they need.

    names = score_names(comparison, y, is_classification)
    entries = {name: ModelSpec.model_validate(entry) for name, entry in models.items()}
    enabled = {name: entry for name, entry in entries.items() if entry.enabled}

    problems = find_impossible_scores(names, enabled)
    problems = problems or find_scores_without_target(names, y, is_classification)
    if problems:
        raise ConfigurationError.listing(FILE, problems)
    if not is_classification:
        return

    positive_label = find_positive_label(y, data.positive_label)
    of_one_class = [name for name in names if name in OF_ONE_CLASS]
    is_chosen = data.positive_label is None and positive_label is not None
    if is_chosen and of_one_class:
        other_label = next(label for label in y.unique() if label != positive_label)
        logger.info(
            "Scores of the class '%s', the rarer one of '%s': %s. For the other class, "
            "write below 'data' in %s: positive_label: %s",
            positive_label,
            y.name,
            ", ".join(map(display_name, of_one_class)),
            FILE,
            in_yaml(other_label),
            extra=VERBATIM,
        )


def score_fitted_model(
    fitted_model: Any, scorers: dict[str, Any], X: pd.DataFrame, y: Any
) -> dict[str, float]:
    """Score a fitted model on any rows.

    Args:
        fitted_model: The fitted encoder and estimator, from ``build_model``.
        scorers: From ``build_scorers``.
        X: Features, one row per sample.
        y: The target of the same rows.

    Returns:
        The scores by name, the one that decides first; higher is better.

    Raises:
        ValueError: If a score is not finite.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = _score_by_all(scorers, fitted_model, X, y)
    return {name: _finite_scores(name, [scores[name]])[0] for name in scorers}


def _score_by_all(
    scorers: Mapping[str, Any], model: Any, X: pd.DataFrame, y: Any
) -> dict[str, float]:
    """Return the scores of a fitted model, which predicts once for all of them.

    scikit-learn's own way keeps what a model gives for the class of the first score,
    and takes it for the class of the others: ROC AUC .06 in place of .94.
    """
    recorded, rows = RecordedModel(model, X), np.arange(len(X))
    return {name: scorer(recorded, rows, y) for name, scorer in scorers.items()}


def score_names(
    comparison: ComparisonSpec, y: "pd.Series[Any]", is_classification: bool
) -> list[str]:
    """Return the names of scikit-learn's scores, the one that decides first.

    Args:
        comparison: Names the scores, or leaves them to the target.
        y: The target of the training rows.
        is_classification: True if its values are classes.
    """
    if comparison.scoring == ["auto"]:
        return auto_scores(y, is_classification)
    return comparison.scoring


def _finite_scores(name: str, scores: Any) -> list[float]:
    """Return scores as a list of floats, or raise an error if one is not finite."""
    if not np.isfinite(scores).all():
        raise ValueError(f"the score {name} is not a finite number: {list(scores)}")
    return [float(score) for score in scores]


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
        y: The target. If it is continuous, its values are not classes.
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
