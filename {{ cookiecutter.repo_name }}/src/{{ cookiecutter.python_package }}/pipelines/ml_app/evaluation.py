"""Scores the classifier on the test set, and shows what it has learned.

scikit-learn and matplotlib are imported where they are used.
"""

import re
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic import (
    plot_confusion,
    score_labels,
    score_predictions,
    spread_probabilities,
)

from {{ cookiecutter.python_package }}.pipelines.ml_app.nodes import (
    Array,
    decode_predictions,
)

WORDS_PER_LABEL = 15
BINS = 10

# Words that are rated by the model, those most associated with the labels.
RATED_WORDS = 1000


def evaluate(
    probabilities: Array,
    features: Any,
    test_instances: pd.DataFrame,
    label_encoder: Any,
) -> tuple[dict[str, float], pd.DataFrame, Any, Any]:
    """Compare the predictions for the test set with its labels.

    Args:
        probabilities: One row per review, one column per label.
        features: Sparse matrix, one row per review.
        test_instances: The test set from ``hold_out``, with row numbers as index.
        label_encoder: The names of the labels, in the order of the columns.

    Returns:
        The metrics by name, with the bounds of their intervals; precision and recall of
        each label; and two figures of matplotlib: the confusion matrix, and which share
        of the predictions is right at which probability.
    """
    from matplotlib.figure import Figure
    from sklearn.calibration import CalibrationDisplay
    from sklearn.metrics import confusion_matrix

    rows = test_instances.index
    answers = decode_predictions(
        label_encoder, probabilities[rows], features[rows], with_probabilities=True
    )
    predictions = spread_probabilities(answers)
    true_labels = test_instances["label"].reset_index(drop=True)
    metrics = score_predictions(true_labels, predictions)
    label_scores = score_labels(true_labels, predictions)

    names = sorted({*label_encoder.classes_, *true_labels})
    predicted = predictions["label"].fillna("")
    counts = confusion_matrix(true_labels, predicted, labels=names)
    confusion = plot_confusion(counts, names)

    reliability = Figure(figsize=(5, 4), layout="constrained").subplots()
    has_label = predictions["label"].notna()
    CalibrationDisplay.from_predictions(
        (predictions["label"] == true_labels)[has_label],
        predictions["probability"][has_label],
        n_bins=BINS,
        strategy="quantile",
        name="predicted label",
        ax=reliability,
    )
    reliability.set(xlabel="probability", ylabel="share that is right")
    return metrics, label_scores, confusion, reliability.figure


def find_telling_words(
    model: Any,
    tokenizer: Any,
    features: Any,
    labels: pd.DataFrame,
    label_encoder: Any,
    train_rows: Array,
) -> pd.DataFrame:
    """Find the words, or sequences of characters, that speak most for each label.

    A word is rated by what the model predicts for a review of this one word. So any
    classifier will do, also one without coefficients.

    Args:
        model: The fitted classifier.
        tokenizer: The fitted tokenizer, which knows the words.
        features: Sparse matrix, one row per review.
        labels: One column ``label``, one row per review.
        label_encoder: The names of the labels, in the order of the probabilities.
        train_rows: The row numbers of the training set.

    Returns:
        Columns ``label`` and ``words``, the most telling one first. Spaces at the edge
        of a sequence are shown as ``_``.
    """
    from scipy.sparse import identity
    from sklearn.feature_selection import chi2

    train_labels = labels["label"].iloc[train_rows]
    association, _ = chi2(features[train_rows], train_labels)
    rated = np.argsort(-np.nan_to_num(association), kind="stable")[:RATED_WORDS]
    names = tokenizer.get_feature_names_out()[rated]
    words = pd.Index([re.sub("^ | $", "_", name) for name in names], name="word")
    one_word_reviews = identity(features.shape[1], format="csr")[rated]

    probabilities = model.predict_proba(one_word_reviews)
    table = pd.DataFrame(probabilities, words, label_encoder.classes_)
    rows = {
        label: " \N{MIDDLE DOT} ".join(table[label].nlargest(WORDS_PER_LABEL).index)
        for label in table
    }
    return pd.Series(rows, name="words").rename_axis("label").reset_index()
