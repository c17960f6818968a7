"""How good the classifier is on the reviews it has not seen, and what it goes by."""

import logging
from typing import Any

import numpy as np
import pandas as pd

logger = logging.getLogger(__name__)

WORDS_PER_LABEL = 15


def evaluate(
    probabilities: np.ndarray[Any, Any],
    test_instances: pd.DataFrame,
    label_encoder: Any,
    labels: dict[str, Any],
) -> tuple[dict[str, float], Any]:
    """Compare predictions with the truth on the held-out reviews.

    Args:
        probabilities: One row per review, one column per label.
        test_instances: The held-out reviews; their row numbers are the index.
        label_encoder: Knows the order of the columns.
        labels: The labels by name, the positive one last.

    Returns:
        Metrics by name (``auc`` is the area under the ROC curve), and the confusion
        matrix as a heat map of plotly's.
    """
    from plotly import express as px
    from sklearn import metrics

    names = list(label_encoder.classes_)
    *_, positive = labels
    held_out = probabilities[test_instances.index]
    truth = test_instances["label"]
    predicted = label_encoder.classes_[held_out.argmax(axis=1)]
    is_positive, probability = truth == positive, held_out[:, names.index(positive)]
    scores = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "f1_macro": metrics.f1_score(truth, predicted, average="macro"),
        "log_loss": metrics.log_loss(is_positive, probability),
        "auc": metrics.roc_auc_score(is_positive, probability),
    }
    shown = ", ".join(f"{name} {score:.3f}" for name, score in scores.items())
    logger.info("On %d held-out reviews: %s", len(truth), shown)
    figure = px.imshow(
        metrics.confusion_matrix(truth, predicted, labels=names),
        labels={"x": "predicted", "y": "true", "color": "reviews"},
        x=names,
        y=names,
        text_auto=True,
        title="Confusion matrix of the held-out reviews",
    )
    return {name: float(score) for name, score in scores.items()}, figure


def plot_telling_words(
    model: Any, tokenizer: Any, label_encoder: Any, labels: dict[str, Any]
) -> Any:
    """Draw the words that speak most for each label.

    A word speaks for a label as much as a review of this one word does, in the eyes of
    the model: so it works for any classifier, with coefficients or not.

    Args:
        model: The classifier.
        tokenizer: Knows the words.
        label_encoder: Knows the order of the model's probabilities.
        labels: The labels by name, the positive one last.

    Returns:
        A bar chart of plotly's.
    """
    from plotly import express as px
    from scipy.sparse import identity

    *_, positive = labels
    words = tokenizer.get_feature_names_out()
    one_word_reviews = identity(len(words), dtype=np.int64, format="csr")
    probability = model.predict_proba(one_word_reviews)
    column = list(label_encoder.classes_).index(positive)
    table = pd.DataFrame({"word": words, positive: probability[:, column]})
    table = table.sort_values(positive, kind="stable")
    count = min(WORDS_PER_LABEL, len(table) // 2)
    return px.bar(
        pd.concat([table.head(count), table.tail(count)]),
        x=positive,
        y="word",
        orientation="h",
        color=positive,
        title=f"Probability of '{positive}' for a review of one word",
        height=800,
    )
