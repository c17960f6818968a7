"""Tunes one model on one data set.

Optuna is imported where it is used: see ``study.py``.
"""

import logging
from typing import Any

import pandas as pd

from ...errors import ConfigurationError
from ..models.specs import ModelSpec
from .datasets import StudiesPlace
from .specs import TuningSpec
from .validation import Validation

logger = logging.getLogger(__name__)

# What the table of trials says of each, besides its parameters.
COLUMNS = ["number", "state", "value", "std", "seconds", "baseline", "error"]


def tune_model(
    model: ModelSpec,
    tuning: TuningSpec,
    studies: StudiesPlace,
    encoder: Any,
    X_train: pd.DataFrame,
    y_train: pd.DataFrame,
    random_state: int,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Look for the parameters that do best in cross-validation.

    The parameters as configured are tried first, so that the best ones are never worse
    in validation.

    Args:
        model: What ``parameters.yml`` says of the model.
        tuning: What ``parameters_benchmark.yml`` says of tuning.
        studies: Where the trials are kept; those of earlier runs count.
        encoder: Fitted to X_train; copies of it are fitted again in each fold.
        X_train: Features, one row per sample, as they were split.
        y_train: The target, one column, same rows.
        random_state: Seed for models that take one.

    Returns:
        The best parameters by name, empty if the model has no ``search_space`` or every
        trial failed; and one row per trial, see ``COLUMNS``: its mean score and the
        standard deviation over the folds, its duration in seconds, its parameters.
    """
    validation = Validation(tuning, encoder, X_train, y_train, random_state)
    if not model.search_space:
        logger.info(
            "%s on %s has no search_space: tuned, it is what it was before.",
            model.class_path,
            studies.name,
        )
        return {}, _only_baseline(validation, model)
    from .study import run_study

    trials, parameters = run_study(studies, model, validation)
    table = pd.DataFrame(trials, columns=[*COLUMNS, *model.search_space])
    if (table["state"] != "COMPLETE").all():
        return {}, table
    return parameters[best_trial(table)["number"]], table


def best_trial(trials: pd.DataFrame) -> "pd.Series[Any]":
    """Return the row of the best trial; of equals, the first.

    Args:
        trials: From ``tune_model``.

    Raises:
        ConfigurationError: If every trial failed.
    """
    complete = trials[trials["state"] == "COMPLETE"]
    if complete.empty:
        raise ConfigurationError(
            f"Each of {len(trials)} trials failed, the last one with "
            f"{trials['error'].dropna().iloc[-1]}\n"
            "  Where its search_space, model_kwargs or scoring is the cause, mend it: "
            "a new study begins."
        )
    return complete.iloc[int(complete["value"].argmax())]


def _only_baseline(validation: Validation, model: ModelSpec) -> pd.DataFrame:
    """Return the table of a study that has nothing to look for."""
    from time import perf_counter

    trial: dict[str, Any] = {"number": 0, "baseline": True}
    start = perf_counter()
    try:
        scores = validation.scores(model)
    except (Exception, SystemExit) as error:
        trial |= {"state": "FAIL", "error": f"{type(error).__name__}: {error}"}
    else:
        trial |= {"state": "COMPLETE", "value": scores.mean(), "std": scores.std()}
    trial["seconds"] = perf_counter() - start
    return pd.DataFrame([trial], columns=COLUMNS)
