"""How good the classifier is on the reviews it has not seen, and what it goes by.

Plots are tables that the catalog draws.
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
    """Compare predictions with the truth on the held-out reviews.

    Args:
        probabilities: One row per review, one column per label.
        known_words: How many words of each review are known.
        test_instances: The held-out reviews; their row numbers are the index.
        label_encoder: Knows the order of the columns.

    Returns:
        Metrics by name, with their intervals; the confusion matrix, a row per true
        label; and how often predictions of about the same probability are right.
    """
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import confusion_matrix

    rows, names = test_instances.index, label_encoder.classes_
    probabilities, known_words = probabilities[rows], known_words[rows]
    predictions = decode_predictions(label_encoder, probabilities, known_words)
    truth, predicted = test_instances["label"].to_numpy(), predictions["label"]
    counts = confusion_matrix(truth, predicted.fillna(""), labels=names)
    right, probability = calibration_curve(
        (predicted == truth)[known_words > 0],
        predictions["probability"][known_words > 0],
        n_bins=BINS,
        strategy="quantile",
    )
    reliability = {"probability": probability, "share that is right": right}
    metrics = score_predictions(pd.Series(truth), predictions)
    return metrics, pd.DataFrame(counts, names, names), pd.DataFrame(reliability)


def find_telling_words(model: Any, tokenizer: Any, label_encoder: Any) -> pd.DataFrame:
    """Find the words that speak most for each label.

    A word speaks for a label as much as a review of this one word does, in the eyes of
    the model: so it works for any classifier, with coefficients or not.

    Args:
        model: The classifier.
        tokenizer: Knows the words.
        label_encoder: Knows the order of the model's probabilities.

    Returns:
        Columns ``label``, ``word`` and ``log odds``, a row per word of each label.
    """
    from scipy.sparse import identity

    words, labels = tokenizer.get_feature_names_out(), label_encoder.classes_
    certain = model.predict_proba(identity(len(words), format="csr"))
    certain = certain.clip(1e-9, 1 - 1e-9)
    odds = np.log(certain / (1 - certain))  # probabilities would all be about 1
    table = pd.DataFrame(odds, pd.Index(words, name="word"), labels)
    most = {label: table[label].nlargest(WORDS_PER_LABEL) for label in labels}
    telling: pd.Series[float] = pd.concat(most, names=["label"])
    return telling.reset_index(name="log odds")
