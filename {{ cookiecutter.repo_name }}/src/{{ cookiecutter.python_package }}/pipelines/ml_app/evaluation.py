"""How good the classifier is on the reviews it has not seen, and what it goes by."""

import logging
from typing import Any

import numpy as np
import pandas as pd

from .data_types import Figure, LabelEncoder, Probabilities, Tokenizer

logger = logging.getLogger(__name__)

WORDS_PER_LABEL = 15


def evaluate(
    probabilities: Probabilities,
    test_instances: pd.DataFrame,
    label_encoder: LabelEncoder,
    labels: dict[str, Any],
) -> tuple[dict[str, float], Figure]:
    """Compare predictions with the truth on the held-out reviews.

    Args:
        probabilities: One row per review, one column per label.
        test_instances: The held-out reviews; their row numbers are the index.
        label_encoder: Knows the order of the columns.
        labels: The labels by name, the positive one last.

    Returns:
        The metrics by name, from ``score_probabilities``, and the confusion matrix as
        a heat map.
    """
    from plotly import express as px
    from sklearn.metrics import confusion_matrix

    names = list(label_encoder.classes_)
    held_out = probabilities[test_instances.index]
    truth = test_instances["label"]
    positive = list(labels)[-1]
    metrics = score_probabilities(held_out[:, names.index(positive)], truth == positive)
    logger.info("On %d held-out reviews: %s", len(truth), describe(metrics))
    predicted = label_encoder.classes_[held_out.argmax(axis=1)]
    figure = px.imshow(
        confusion_matrix(truth, predicted, labels=names),
        x=names,
        y=names,
        labels={"x": "predicted", "y": "true", "color": "reviews"},
        text_auto=True,
        color_continuous_scale="Blues",
        title="Confusion matrix of the held-out reviews",
        template="plotly_white",
    )
    return metrics, figure


def score_probabilities(
    probability: "np.ndarray[Any, Any] | pd.Series[float]", truth: "pd.Series[bool]"
) -> dict[str, float]:
    """Return the metrics of a classifier with two labels.

    Args:
        probability: Of the positive label, one per review.
        truth: Whether each review is positive.

    Returns:
        ``accuracy``, ``f1_macro``, ``log_loss``, and ``auc`` (the area under the ROC
        curve) if there are reviews of both labels.
    """
    from sklearn import metrics

    predicted = np.asarray(probability) > 0.5
    scores = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "f1_macro": metrics.f1_score(truth, predicted, average="macro"),
        "log_loss": metrics.log_loss(truth, probability, labels=[False, True]),
    }
    if truth.nunique() == 2:
        scores["auc"] = metrics.roc_auc_score(truth, probability)
    return {name: float(score) for name, score in scores.items()}


def describe(metrics: dict[str, float]) -> str:
    """Return metrics in one line."""
    return ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())


def plot_telling_words(
    model: Any,
    tokenizer: Tokenizer,
    label_encoder: LabelEncoder,
    labels: dict[str, Any],
) -> Figure:
    """Draw the words that speak most for each label.

    A word speaks for a label as much as a review of this one word does, in the eyes of
    the model: so it works for any classifier, with coefficients or not.

    Args:
        model: The classifier.
        tokenizer: Knows the words.
        label_encoder: Knows the order of the model's probabilities.
        labels: The labels by name, the positive one last.
    """
    from plotly import express as px
    from scipy.sparse import identity

    positive = list(labels)[-1]
    words = tokenizer.get_feature_names_out()
    column = list(label_encoder.classes_).index(positive)
    one_word_reviews = identity(len(words), dtype=np.int64, format="csr")
    table = pd.DataFrame(
        {"word": words, positive: model.predict_proba(one_word_reviews)[:, column]}
    ).sort_values(positive, kind="stable")
    count = min(WORDS_PER_LABEL, len(table) // 2)
    telling = pd.concat([table.head(count), table.tail(count)])
    figure = px.bar(
        telling,
        x=positive,
        y="word",
        orientation="h",
        color=positive,
        color_continuous_scale="RdBu",
        title=f"Probability of '{positive}' for a review of one word",
        template="plotly_white",
        height=800,
    )
    return figure.update_coloraxes(showscale=False)
