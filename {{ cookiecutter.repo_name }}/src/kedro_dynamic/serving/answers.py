"""What a served model knows besides its predictions: probabilities, its version."""

import logging
from typing import Any

import pandas as pd

from kedro_dynamic.config.errors import VERBATIM
from kedro_dynamic.models.scores import display_named

logger = logging.getLogger(__name__)

# The key of a logged model's metadata.
POSITIVE_LABEL = "positive_label"


def class_probabilities(model: Any, rows: pd.DataFrame) -> pd.DataFrame | None:
    """Return the probability of each class, for each row.

    Args:
        model: A model, as MLflow's flavor ``pyfunc`` loads it.
        rows: One row per sample, with the features of the model.

    Returns:
        A column per class, with the index of the rows; None if the model lacks
        probabilities, which is said if it predicts classes.
    """
    estimator = model.get_raw_model()
    if not hasattr(estimator, "classes_"):
        return None
    if not hasattr(estimator, "predict_proba"):
        message = "The model predicts classes without probabilities."
        logger.info(message, extra=VERBATIM)
        return None

    probabilities = estimator.predict_proba(rows)
    return pd.DataFrame(probabilities, rows.index, estimator.classes_)


def shown_probability(model: Any, probabilities: pd.DataFrame) -> "pd.Series[float]":
    """Return one probability for each row.

    Args:
        model: A model, as MLflow's flavor ``pyfunc`` loads it.
        probabilities: From ``class_probabilities``.

    Returns:
        Of two classes, the probability of the positive one, whatever is predicted; of
        more, the probability of the class that is predicted.
    """
    positive_label = (model.metadata.metadata or {}).get(POSITIVE_LABEL)
    for label, probability in probabilities.items():
        if str(label) == positive_label:
            return probability
    return probabilities.max(axis="columns")


def registered_version(model: Any) -> str:
    """Return under which version a model is registered, such as ``iris 3``.

    The log says which model of ``parameters.yml`` it is, and how good.

    Args:
        model: A model, as MLflow's flavor ``pyfunc`` loads it.

    Returns:
        The newest version with these files; the id of the model if none has them.
    """
    from mlflow import MlflowClient

    run_id, model_id = model.metadata.run_id, model.metadata.model_id
    versions = MlflowClient().search_model_versions(f"run_id = '{run_id}'")
    # Its attribute model_id is None in what a search returns (MLflow 3.17).
    same_files = [found for found in versions if found.source == f"models:/{model_id}"]
    if not same_files:
        return str(model_id)
    newest = max(same_files, key=lambda found: int(found.version))
    tags = newest.tags
    if {"metric", "score"} <= tags.keys():
        logger.info(
            "Predicted by %s, version %s: %s",
            tags.get("model", newest.name),
            newest.version,
            display_named(tags["metric"], float(tags["score"])),
            extra=VERBATIM,
        )
    return f"{newest.name} {newest.version}"
