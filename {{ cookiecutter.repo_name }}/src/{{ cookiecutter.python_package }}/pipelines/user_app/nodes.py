"""Predicts the sentiment of many reviews, and sums them up."""

import logging
from typing import Any

import pandas as pd

from ..ml_app.evaluation import describe, score_probabilities

logger = logging.getLogger(__name__)

MOST_UNCERTAIN = 10


def predict_in_batches(
    sentiment_model: Any, instances: pd.DataFrame, batch_size: int
) -> pd.DataFrame:
    """Predict the label of each review.

    Args:
        sentiment_model: A model of MLflow's flavor ``pyfunc``, which checks the column.
        instances: One column ``text``, one row per review.
        batch_size: How many reviews to predict at a time; bounds the memory it takes.

    Returns:
        One row per review: its ``label``, and the label's ``probability``.
    """
    starts = range(0, max(len(instances), 1), batch_size)
    batches = [instances.iloc[start : start + batch_size] for start in starts]
    predictions: list[pd.DataFrame] = [
        sentiment_model.predict(batch) for batch in batches
    ]
    return pd.concat(predictions, ignore_index=True)


def report_sentiment(
    predictions: pd.DataFrame,
    instances: pd.DataFrame,
    labels: dict[str, Any],
    split: str,
) -> dict[str, Any]:
    """Sum the predictions up for people who decide by them.

    Args:
        predictions: From ``predict_in_batches``.
        instances: The reviews, same rows.
        labels: The labels by name, the positive one last.
        split: Name of the split that the reviews are of.

    Returns:
        How many reviews there are, the share of positive ones, and the reviews that
        the model is least certain of, to be read by a person.
    """
    positive = list(labels)[-1]
    # Of no reviews, JSON has no number for a mean.
    none = predictions.empty
    share = 0.0 if none else float((predictions["label"] == positive).mean())
    uncertain = predictions.assign(text=instances["text"].to_numpy()).nsmallest(
        MOST_UNCERTAIN, "probability"
    )
    logger.info(
        "%s: %d reviews, %.1f %% %s", split, len(predictions), 100 * share, positive
    )
    return {
        "split": split,
        "reviews": len(predictions),
        f"{positive}_share": share,
        "mean_probability": 0.0 if none else float(predictions["probability"].mean()),
        "most_uncertain": uncertain.to_dict("records"),
    }


def score_predictions(
    predictions: pd.DataFrame, true_labels: pd.DataFrame, labels: dict[str, Any]
) -> dict[str, float]:
    """Compare the predictions with the labels that the split has.

    Args:
        predictions: From ``predict_in_batches``.
        true_labels: One column ``label``, same rows.
        labels: The labels by name, the positive one last.

    Returns:
        Accuracy, AUC and others by name.
    """
    positive = list(labels)[-1]
    probability = predictions["probability"]
    metrics = score_probabilities(
        probability.where(predictions["label"] == positive, 1 - probability),
        true_labels["label"] == positive,
    )
    logger.info("Compared with the true labels: %s", describe(metrics))
    return metrics
