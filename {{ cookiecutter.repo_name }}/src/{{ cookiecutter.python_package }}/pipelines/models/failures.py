"""A model that fails does not stop the others.

Where it fails, a ``FailedModel`` takes the place of the fitted model, and its error
that of the metrics. ``recovery.py`` makes an error of the run of it, at the end.
"""

import logging
import math
import traceback
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ...errors import VERBATIM
from ...redaction import redact
from .estimators import Estimator
from .nodes import fit_model, score_model
from .specs import ModelSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FailedModel:
    """Stands where a fitted model would, and says why there is none."""

    error: str
    """Type and message, in one line."""

    traceback: str

    def metrics(self) -> dict[str, Any]:
        """Return what takes the place of the model's metrics."""
        return {"error": self.error, "traceback": self.traceback}


def fit_or_fail(
    model: ModelSpec,
    X_train: pd.DataFrame,
    y_train: pd.DataFrame,
    random_state: int,
) -> Estimator | FailedModel:
    """Fit a model, or say why it could not be fitted.

    Args:
        model: As for ``fit_model``, like the next three.
        X_train: Features, one row per sample.
        y_train: The target, one column, same rows.
        random_state: Seed for models that take one.
    """
    try:
        return fit_model(model, X_train, y_train, random_state)
    except (Exception, SystemExit) as error:  # of which a worker would die unheard
        return note_failure(error, f"Fitting {model.class_path}")


def score_or_fail(
    fitted_model: Estimator | FailedModel,
    X_test: pd.DataFrame,
    y_test: pd.DataFrame,
) -> tuple[float, dict[str, Any]]:
    """Score a model, or say why it could not be fitted or scored.

    Args:
        fitted_model: From ``fit_or_fail``.
        X_test: Features, one row per sample.
        y_test: The target, one column, same rows.

    Returns:
        As ``score_model``; of a model that failed, NaN, and its error and traceback.
    """
    if not isinstance(fitted_model, FailedModel):
        try:
            return score_model(fitted_model, X_test, y_test)
        except (Exception, SystemExit) as error:
            fitted_model = note_failure(error, f"Scoring {type(fitted_model).__name__}")
    return math.nan, fitted_model.metrics()


def note_failure(error: Exception | SystemExit, what: str) -> FailedModel:
    """Log an error, and make a failure of it.

    Args:
        error: What a model has raised.
        what: What was done with the model.
    """
    reason = redact(" ".join(f"{type(error).__name__}: {error}".split()))
    logger.error("%s failed, the others go on: %s", what, reason, extra=VERBATIM)
    return FailedModel(reason, redact("".join(traceback.format_exception(error))))
