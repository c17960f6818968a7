"""Predicts the sentiment of many reviews, and sums them up."""

import logging
from typing import Any

import pandas as pd

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
    predictions: list[pd.DataFrame] = [
        sentiment_model.predict(instances.iloc[start : start + batch_size])
        for start in starts
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
    *_, positive = labels
    share = float((predictions["label"] == positive).mean())
    reviews = predictions.assign(text=instances["text"].to_numpy())
    logger.info("%d reviews, %.1f %% %s", len(reviews), 100 * share, positive)
    return {
        "split": split,
        "reviews": len(reviews),
        f"{positive}_share": share,
        "mean_probability": float(reviews["probability"].mean()),
        "most_uncertain": reviews.nsmallest(MOST_UNCERTAIN, "probability").to_dict(
            "records"
        ),
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
        ``accuracy``, ``f1_macro``, ``log_loss`` and ``auc`` (area under the ROC curve).
    """
    from sklearn import metrics

    *_, positive = labels
    truth, predicted = (
        table["label"].to_numpy() == positive for table in (true_labels, predictions)
    )
    certainty = predictions["probability"]
    probability = certainty.where(predicted, 1 - certainty)
    scores = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "f1_macro": metrics.f1_score(truth, predicted, average="macro"),
        "log_loss": metrics.log_loss(truth, probability, labels=[False, True]),
        "auc": metrics.roc_auc_score(truth, probability),
    }
    shown = ", ".join(f"{name} {score:.3f}" for name, score in scores.items())
    logger.info("Compared with the true labels: %s", shown)
    return {name: float(score) for name, score in scores.items()}
