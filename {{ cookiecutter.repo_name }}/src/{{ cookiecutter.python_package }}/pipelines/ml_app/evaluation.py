"""How good the classifier is on the reviews it has not seen, and what it goes by."""

from typing import Any

import numpy as np
import pandas as pd

from {{ cookiecutter.python_package }}.engine import (
    score_predictions,
)
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
    """Compare predictions with the truth on the held-out reviews.

    Args:
        probabilities: One row per review, one column per label.
        known_words: How many words of each review are known.
        test_instances: The held-out reviews; their row numbers are the index.
        label_encoder: Knows the order of the columns.

    Returns:
        Metrics by name, with their intervals; figures of plotly's: the confusion
        matrix, and how often predictions of about the same probability are right.
    """
    from plotly import express as px
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import confusion_matrix

    rows, names = test_instances.index, label_encoder.classes_
    probabilities, known_words = probabilities[rows], known_words[rows]
    predictions = decode_predictions(label_encoder, probabilities, known_words)
    truth, predicted = test_instances["label"].to_numpy(), predictions["label"]
    counts = confusion_matrix(truth, predicted.fillna(""), labels=names)
    confusion = px.imshow(
        pd.DataFrame(counts, names, names),
        labels={"x": "predicted", "y": "true", "color": "reviews"},
        text_auto=True,
        title="Confusion matrix of the held-out reviews",
    )
    right, probability = calibration_curve(
        (predicted == truth)[known_words > 0],
        predictions["probability"][known_words > 0],
        n_bins=BINS,
        strategy="quantile",
    )
    reliability = px.line(
        {"probability of the label": probability, "share that is right": right},
        x="probability of the label",
        y="share that is right",
        markers=True,
        title="Reliability: calibrated probabilities lie on the diagonal",
    )
    reliability.add_shape(type="line", x0=0.5, y0=0.5, x1=1, y1=1, line_dash="dot")
    metrics = score_predictions(pd.Series(truth), predictions)
    return metrics, confusion, reliability


def plot_telling_words(model: Any, tokenizer: Any, label_encoder: Any) -> Any:
    """Draw the words that speak most for each label.

    A word speaks for a label as much as a review of this one word does, in the eyes of
    the model: so it works for any classifier, with coefficients or not.

    Args:
        model: The classifier.
        tokenizer: Knows the words.
        label_encoder: Knows the order of the model's probabilities.

    Returns:
        A bar chart of plotly's.
    """
    from plotly import express as px
    from scipy.sparse import identity

    words, labels = tokenizer.get_feature_names_out(), label_encoder.classes_
    certain = model.predict_proba(identity(len(words), format="csr"))
    certain = certain.clip(1e-9, 1 - 1e-9)
    odds = np.log(certain / (1 - certain))  # probabilities would all be about 1
    table = pd.DataFrame(odds, pd.Index(words, name="word"), labels)
    most = [table[label].nlargest(WORDS_PER_LABEL) for label in labels]
    return px.bar(
        pd.concat(most, keys=labels, names=["label"]).reset_index(name="log odds"),
        x="log odds",
        y="word",
        color="label",
        orientation="h",
        title="Log odds of the label for a review of one word",
        height=400 * len(labels),
    )
