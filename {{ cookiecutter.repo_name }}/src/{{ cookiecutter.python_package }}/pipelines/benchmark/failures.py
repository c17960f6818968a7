"""A model that fails on a data set does not stop the others, as in ``models``."""

from typing import Any

import pandas as pd

from ..models.estimators import Estimator
from ..models.failures import FailedModel, fit_or_fail, note_failure
from ..models.specs import ModelSpec
from .evaluation import evaluate
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
    baseline_metrics: dict[str, Any] | None = None,
    trials: pd.DataFrame | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Score a classifier, or say why it could not be tuned, fitted or scored.

    Args:
        fitted_model: From ``fit_or_fail`` or ``fit_tuned_or_fail``.
        dataset: As for ``evaluate``, like all that follow.
        tuning: Says by which score models are compared.
        encoded_train: Features of the training part.
        encoded_test: Features of the test part.
        y_train: Target of the training part, one column.
        y_test: Target of the test part, one column.
        baseline_metrics: If the model is tuned, those of it as it was before.
        trials: If the model is tuned, from ``tune_model``.

    Returns:
        As ``evaluate``; of a model that failed, its error and traceback, and no report.
    """
    if not isinstance(fitted_model, FailedModel):
        try:
            return evaluate(
                fitted_model,
                dataset,
                tuning,
                encoded_train,
                encoded_test,
                y_train,
                y_test,
                baseline_metrics,
                trials,
            )
        except (Exception, SystemExit) as error:
            fitted_model = note_failure(error, f"Scoring {type(fitted_model).__name__}")
    return fitted_model.metrics(), {}
