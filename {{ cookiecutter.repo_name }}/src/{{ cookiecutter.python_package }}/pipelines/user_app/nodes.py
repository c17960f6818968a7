"""Predicts the sentiment of many reviews, and summarizes the predictions."""

import logging
from typing import Any

import pandas as pd

from kedro_dynamic import (
    check_same_rows,
    registered_version,
    score_labels,
    score_predictions,
    spread_probabilities,
    was_trained_on,
)

logger = logging.getLogger(__name__)

PACKAGE = __name__.partition(".")[0]

REVIEWS_TO_READ = 10
SHOWN_CHARACTERS = 40


def predict_in_batches(
    sentiment_model: Any, instances: pd.DataFrame, batch_size: int
) -> pd.DataFrame:
    """Predict the label of each review.

    Args:
        sentiment_model: The model, as MLflow's flavor ``pyfunc`` loads it.
        instances: One column ``text``, one row per review.
        batch_size: Number of reviews to predict at a time, which bounds the memory.

    Returns:
        One row per review with its id if it has one, ``label``, its ``probability``,
        ``known_features`` and, if the model answers so, the probability of each label.
    """
    predictions: list[pd.DataFrame] = []
    # Without reviews, predict one empty batch: its columns are needed.
    for start in range(0, max(len(instances), 1), batch_size):
        batch = instances[["text"]].iloc[start : start + batch_size]
        predictions.append(spread_probabilities(sentiment_model.predict(batch)))
    table = pd.concat(predictions, ignore_index=True)
    if instances.index.nlevels > 1:
        ids = instances.index.get_level_values(1)
        table.insert(0, ids.name, ids)
    return table


def report_sentiment(
    predictions: pd.DataFrame, instances: pd.DataFrame, split: str
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Summarize the predictions for people who make decisions with them.

    Args:
        predictions: The predictions from ``predict_in_batches``.
        instances: One column ``text``, the same rows.
        split: Name of the split that the reviews belong to.

    Returns:
        The number of reviews and the share of each label; and the reviews that are most
        worth reading: those without a known word, then the least certain ones.
    """
    label = predictions["label"].fillna("unknown")
    shares = label.value_counts(normalize=True)
    report = {"split": split, "reviews": len(predictions), "shares": shares.to_dict()}
    shown = [f"{100 * share:.1f} % {name}" for name, share in shares.items()]
    logger.info("%d reviews: %s", len(predictions), ", ".join(shown) or "none")

    of_labels = predictions.filter(like="probability_")
    by_certainty = predictions.drop(columns=of_labels.columns).sort_values(
        "probability", na_position="first"
    )
    to_read = by_certainty.head(REVIEWS_TO_READ).fillna({"label": "unknown"})
    text = instances["text"].iloc[to_read.index].str.split().str.join(" ")
    shortened = text.str[: SHOWN_CHARACTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"
    fits = text.str.len() <= SHOWN_CHARACTERS
    to_read.insert(0, "text", text.where(fits, shortened).to_numpy())
    return report, to_read.rename_axis("review").reset_index()


def judge_predictions(
    sentiment_model: Any,
    predictions: pd.DataFrame,
    instances: pd.DataFrame,
    true_labels: pd.DataFrame,
    split: str,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Score the predictions of reviews that the model was not trained on.

    Args:
        sentiment_model: The model, which knows the hashes of the reviews that it was
            trained on.
        predictions: The predictions from ``predict_in_batches``.
        instances: One column ``text``, the same rows.
        true_labels: One column ``label``, the same rows; missing where there is none.
        split: Name of the split that the reviews belong to.

    Returns:
        The ``split``, the version of the ``model``, the number of ``reviews`` and of
        ``judged_reviews``, and the metrics of the latter, if there are any, with the
        bounds of their intervals. And precision and recall of each label.

    Raises:
        ConfigurationError: If texts and labels are not of the same reviews.
    """
    check_same_rows(instances, true_labels, "kedro run --pipelines etl")
    truth = true_labels["label"].reset_index(drop=True)
    is_new = ~was_trained_on(sentiment_model, instances[["text"]])
    is_judged = is_new & truth.notna().to_numpy()
    count = len(instances)
    logger.info("The model was not trained on %d of %d reviews", is_new.sum(), count)

    report: dict[str, Any] = {
        "split": split,
        "model": registered_version(sentiment_model),
        "reviews": count,
        "judged_reviews": int(is_judged.sum()),
    }
    if is_judged.any():
        report |= score_predictions(truth[is_judged], predictions[is_judged])
    return report, score_labels(truth[is_judged], predictions[is_judged])


def promote_model(sentiment_model: Any) -> None:
    """Make a model of a run champion by hand.

    Args:
        sentiment_model: The model that ``--params model_uri=runs:/<run id>/model``
            names.
    """
    from kedro_dynamic import make_champion  # imports MLflow, which takes a second

    make_champion(sentiment_model, f"{PACKAGE}_sentiment")
