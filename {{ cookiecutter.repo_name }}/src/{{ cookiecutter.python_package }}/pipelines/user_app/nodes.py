"""Predicts the sentiment of many reviews, and sums them up for people."""

import logging
from typing import Any

import pandas as pd

from kedro_dynamic import score_predictions, was_trained_on

logger = logging.getLogger(__name__)

TO_READ = 10
LENGTH = 40


def predict_in_batches(
    sentiment_model: Any, instances: pd.DataFrame, batch_size: int
) -> pd.DataFrame:
    """Predict the label of each review.

    Args:
        sentiment_model: A model of MLflow's flavor ``pyfunc``, which checks the column.
        instances: One column ``text``, one row per review.
        batch_size: How many reviews to predict at a time; bounds the memory it takes.

    Returns:
        One row per review: ``label``, its ``probability``, and ``known_words``.
    """
    starts = range(0, max(len(instances), 1), batch_size)
    batches = (instances.iloc[start : start + batch_size] for start in starts)
    predicted: list[pd.DataFrame] = [sentiment_model.predict(one) for one in batches]
    return pd.concat(predicted, ignore_index=True)


def report_sentiment(
    predictions: pd.DataFrame, instances: pd.DataFrame, split: str
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Sum the predictions up for people who decide by them.

    Args:
        predictions: From ``predict_in_batches``.
        instances: The reviews, same rows.
        split: Name of the split that the reviews are of.

    Returns:
        How many reviews there are, and the share of each label; the reviews most worth
        a look: first those without a known word, then the least certain ones.
    """
    shares = predictions["label"].fillna("unknown").value_counts(normalize=True)
    shown = ", ".join(f"{100 * share:.1f} % {label}" for label, share in shares.items())
    logger.info("%d reviews: %s", len(predictions), shown or "none")
    doubtful = predictions.sort_values("probability", na_position="first").head(TO_READ)
    text = instances["text"].iloc[doubtful.index].str.split().str.join(" ")
    short = text.str[: LENGTH - 1] + "\N{HORIZONTAL ELLIPSIS}"
    to_read = doubtful.fillna({"label": "unknown"}).rename_axis("review").reset_index()
    to_read.insert(1, "text", text.where(text.str.len() <= LENGTH, short).to_numpy())
    report = {"split": split, "reviews": len(predictions), "shares": shares.to_dict()}
    return report, to_read


def judge_predictions(
    sentiment_model: Any,
    predictions: pd.DataFrame,
    instances: pd.DataFrame,
    true_labels: pd.DataFrame,
) -> dict[str, float]:
    """Compare predictions with the truth where the model was not trained on the text.

    Args:
        sentiment_model: The model, which carries hashes of the texts it was trained on.
        predictions: From ``predict_in_batches``.
        instances: The reviews, same rows.
        true_labels: One column ``label``, same rows.

    Returns:
        ``reviews``, ``judged_reviews``; if there are any, metrics with their intervals.
    """
    is_new = ~was_trained_on(sentiment_model, instances)
    count, judged = len(instances), int(is_new.sum())
    logger.info("The model was not trained on %d of %d reviews", judged, count)
    report: dict[str, float] = {"reviews": count, "judged_reviews": judged}
    if judged:
        truth = true_labels["label"][is_new]
        report |= score_predictions(truth, predictions[is_new])
    return report
