"""Scores the classifier on the test set, and plots what it has learned.

scikit-learn and matplotlib are imported where they are used.
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
) -> tuple[dict[str, float], Any, Any]:
    """Compare the predictions for the test set with its labels.

    Args:
        probabilities: One row per review, one column per label.
        known_words: The number of words in each review that the tokenizer knows.
        test_instances: The test set from ``hold_out``, with row numbers as index.
        label_encoder: The names of the labels, in the order of the columns.

    Returns:
        The metrics by name, with the bounds of their intervals; and two figures of
        matplotlib: the confusion matrix, and which share of the predictions is right at
        which probability.
    """
    from sklearn.calibration import CalibrationDisplay
    from sklearn.metrics import ConfusionMatrixDisplay

    rows = test_instances.index
    predictions = decode_predictions(
        label_encoder, probabilities[rows], known_words[rows]
    )
    true_labels = test_instances["label"].reset_index(drop=True)
    metrics = score_predictions(true_labels, predictions)

    confusion, reliability = _new_axes(), _new_axes()
    ConfusionMatrixDisplay.from_predictions(
        true_labels,
        predictions["label"].fillna(""),
        labels=label_encoder.classes_,
        cmap="Blues",
        colorbar=False,
        ax=confusion,
    )
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
    return metrics, confusion.figure, reliability.figure


def _new_axes(height: float = 4) -> Any:
    """Return the axes of a new figure."""
    from matplotlib.figure import Figure

    return Figure(figsize=(5, height), layout="constrained").subplots()


def plot_telling_words(model: Any, tokenizer: Any, label_encoder: Any) -> Any:
    """Plot the words that speak most for each label.

    A word is rated by what the model predicts for a review of this one word. So any
    classifier will do, also one without coefficients.

    Args:
        model: The fitted classifier.
        tokenizer: The fitted tokenizer, which knows the words.
        label_encoder: The names of the labels, in the order of the probabilities.

    Returns:
        A matplotlib figure with a bar per word of a label, the most telling one first.
    """
    from scipy.sparse import identity

    words = pd.Index(tokenizer.get_feature_names_out(), name="word")
    labels = label_encoder.classes_
    one_word_reviews = identity(len(words), format="csr")

    # Log odds tell words apart whose probabilities are all close to 1.
    probabilities = model.predict_proba(one_word_reviews).clip(1e-9, 1 - 1e-9)
    log_odds = np.log(probabilities / (1 - probabilities))
    table = pd.DataFrame(log_odds, index=words, columns=labels)

    axes = _new_axes(height=1 + 0.22 * WORDS_PER_LABEL * len(labels))
    for label in labels:
        best_words = table[label].nlargest(WORDS_PER_LABEL)
        # A word may be telling for two labels.
        places = [f"{word} ({label})" for word in best_words.index]
        axes.barh(places, best_words, label=label)
    axes.invert_yaxis()
    axes.set_xlabel("log odds of the label for a review of one word")
    axes.legend()
    return axes.figure
