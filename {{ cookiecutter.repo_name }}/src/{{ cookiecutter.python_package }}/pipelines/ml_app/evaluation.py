"""Scores the classifier on the test set, and shows what it has learned.

Plots are returned as tables: the catalog says how to draw them.
"""

from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic import score_predictions

from {{ cookiecutter.python_package }}.pipelines.ml_app.nodes import (
    Array,
    decode_predictions,
)

WORDS_PER_LABEL = 15
BINS = 10


def evaluate(
    probabilities: Array,
    known_words: Array,
    test_instances: pd.DataFrame,
    label_encoder: Any,
) -> tuple[dict[str, float], pd.DataFrame, pd.DataFrame]:
    """Compare the predictions for the test set with its labels.

    Args:
        probabilities: One row per review, one column per label.
        known_words: The number of words in each review that the tokenizer knows.
        test_instances: The test set from ``hold_out``, with row numbers as index.
        label_encoder: The names of the labels, in the order of the columns.

    Returns:
        The metrics by name, with the bounds of their intervals; the confusion matrix,
        with a row per true label; and the reliability: for bins of similar probability,
        the mean ``probability`` and the ``share that is right``.
    """
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import confusion_matrix

    rows = test_instances.index
    predictions = decode_predictions(
        label_encoder, probabilities[rows], known_words[rows]
    )
    true_labels = test_instances["label"].reset_index(drop=True)
    metrics = score_predictions(true_labels, predictions)

    names = label_encoder.classes_
    predicted_labels = predictions["label"].fillna("")
    counts = confusion_matrix(true_labels, predicted_labels, labels=names)
    confusion = pd.DataFrame(counts, index=names, columns=names)

    has_label = predictions["label"].notna()
    is_right = predictions["label"] == true_labels
    share_right, mean_probability = calibration_curve(
        is_right[has_label],
        predictions["probability"][has_label],
        n_bins=BINS,
        strategy="quantile",
    )
    reliability = pd.DataFrame(
        {"probability": mean_probability, "share that is right": share_right}
    )
    return metrics, confusion, reliability


def find_telling_words(model: Any, tokenizer: Any, label_encoder: Any) -> pd.DataFrame:
    """Find the words that speak most for each label.

    A word is rated by what the model predicts for a review of this one word. So any
    classifier will do, also one without coefficients.

    Args:
        model: The fitted classifier.
        tokenizer: The fitted tokenizer, which knows the words.
        label_encoder: The names of the labels, in the order of the probabilities.

    Returns:
        Columns ``label``, ``word`` and ``log odds``, with one row per word of a label,
        the most telling word first.
    """
    from scipy.sparse import identity

    words = pd.Index(tokenizer.get_feature_names_out(), name="word")
    labels = label_encoder.classes_
    one_word_reviews = identity(len(words), format="csr")

    # Log odds tell words apart whose probabilities are all close to 1.
    probabilities = model.predict_proba(one_word_reviews).clip(1e-9, 1 - 1e-9)
    log_odds = np.log(probabilities / (1 - probabilities))
    table = pd.DataFrame(log_odds, index=words, columns=labels)

    best_words = {label: table[label].nlargest(WORDS_PER_LABEL) for label in labels}
    telling_words: pd.Series[float] = pd.concat(best_words, names=["label"])
    return telling_words.reset_index(name="log odds")
