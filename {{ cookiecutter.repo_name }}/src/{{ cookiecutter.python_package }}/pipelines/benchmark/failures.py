"""A model that fails on a data set does not stop the others, as in ``models``."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from ..models.estimators import Estimator
from ..models.failures import FailedModel, fit_or_fail, note_failure
from ..models.specs import ModelSpec
from .evaluation import evaluate, evaluate_tuned
from .specs import DatasetSpec, TuningSpec
from .validation import with_parameters


def fit_tuned_or_fail(
    model: ModelSpec,
    tuned_parameters: dict[str, Any],
    encoded_train: pd.DataFrame,
    y_train: pd.DataFrame,
    random_state: int,
) -> Estimator | FailedModel:
    """Fit a model with the parameters found, or say why it could not be fitted.

    Args:
        model: As for ``fit_tuned``, like the next four.
        tuned_parameters: By name.
        encoded_train: Features, one row per sample, all of them numbers.
        y_train: The target, one column, same rows.
        random_state: Seed for models that take one.
    """
    tuned = with_parameters(model, tuned_parameters)
    return fit_or_fail(tuned, encoded_train, y_train, random_state)


def evaluate_or_fail(
    fitted_model: Estimator | FailedModel,
    dataset: DatasetSpec,
    tuning: TuningSpec,
    encoded_train: pd.DataFrame,
    encoded_test: pd.DataFrame,
    y_train: pd.DataFrame,
    y_test: pd.DataFrame,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Score a classifier, or say why it could not be fitted or scored.

    Args:
        fitted_model: From ``fit_or_fail``.
        dataset: As for ``evaluate``, like the next five.
        tuning: Says by which score models are compared.
        encoded_train: Features of the training part.
        encoded_test: Features of the test part.
        y_train: Target of the training part, one column.
        y_test: Target of the test part, one column.

    Returns:
        As ``evaluate``; of a model that failed, its error and traceback, and no report.
    """
    data = (encoded_train, encoded_test, y_train, y_test)
    return _or_fail(evaluate, fitted_model, dataset, tuning, *data)


def evaluate_tuned_or_fail(
    fitted_model: Estimator | FailedModel,
    dataset: DatasetSpec,
    tuning: TuningSpec,
    encoded_train: pd.DataFrame,
    encoded_test: pd.DataFrame,
    y_train: pd.DataFrame,
    y_test: pd.DataFrame,
    baseline_metrics: dict[str, Any],
    trials: pd.DataFrame,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Score a tuned classifier, or say why it could not be tuned, fitted or scored.

    Args:
        fitted_model: From ``fit_tuned_or_fail``.
        dataset: As for ``evaluate_tuned``, like the next seven.
        tuning: Says by which score models are compared.
        encoded_train: Features of the training part.
        encoded_test: Features of the test part.
        y_train: Target of the training part, one column.
        y_test: Target of the test part, one column.
        baseline_metrics: Those of the model as it was before.
        trials: From ``tune_model``.

    Returns:
        As ``evaluate_tuned``; of a model that failed, its error and traceback, and no
        report.
    """
    data = (encoded_train, encoded_test, y_train, y_test)
    known = (baseline_metrics, trials)
    return _or_fail(evaluate_tuned, fitted_model, dataset, tuning, *data, *known)


def _or_fail(
    score: Callable[..., tuple[dict[str, Any], dict[str, Any]]],
    fitted_model: Estimator | FailedModel,
    *others: Any,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Score a model, or return its error in place of the metrics."""
    if not isinstance(fitted_model, FailedModel):
        try:
            return score(fitted_model, *others)
        except (Exception, SystemExit) as error:
            fitted_model = note_failure(error, f"Scoring {type(fitted_model).__name__}")
    return fitted_model.metrics(), {}
