"""From cleaned texts to predictions.

scikit-learn is imported where it is used: every Kedro command imports the nodes, and
none but a run should wait for scikit-learn.
"""

from typing import Any

import numpy as np
import pandas as pd

from ...errors import ConfigurationError
from ..models.estimators import Estimator
from ..models.nodes import fit_model
from ..models.specs import ModelSpec
from .data_types import Counts, LabelEncoder, Probabilities, Rows, Texts, Tokenizer


def hold_out(
    instances: pd.DataFrame,
    labels: pd.DataFrame,
    test_fraction: float,
    random_state: int,
) -> tuple[Rows, pd.DataFrame]:
    """Choose the reviews that training does not see.

    Args:
        instances: Texts, one row per review.
        labels: One column ``label``, same rows.
        test_fraction: Share of the reviews to hold out, classes alike.
        random_state: Seed of the choice.

    Returns:
        The row numbers of the reviews to train on, and the held-out reviews with their
        labels: columns ``text`` and ``label``, the row numbers as index.

    Raises:
        ConfigurationError: If the reviews cannot be divided so.
    """
    from sklearn.model_selection import train_test_split

    if len(instances) != len(labels):
        raise ConfigurationError(
            f"There are {len(instances)} instances but {len(labels)} labels: one file "
            "is of older data. 'kedro run --pipelines etl' makes both."
        )
    if labels["label"].nunique() < 2:
        raise ConfigurationError(
            f"All {len(labels)} reviews have the same label, so there is nothing to "
            "learn. 'text.labels' in parameters_text.yml says which labels there are."
        )
    try:
        train_rows, test_rows = train_test_split(
            np.arange(len(labels)),
            test_size=test_fraction,
            random_state=random_state,
            stratify=labels["label"],
        )
    except ValueError as error:
        counts = labels["label"].value_counts().to_dict()
        raise ConfigurationError.listing(
            "parameters_text.yml",
            [f"text.test_fraction: {test_fraction} of {counts} is too few: {error}"],
        ) from error
    held_out = pd.concat([instances, labels], axis="columns").iloc[np.sort(test_rows)]
    return np.sort(train_rows), held_out


def fit_tokenizer(
    cleaned_text: Texts,
    train_rows: Rows,
    vocabulary_size: int,
) -> Tokenizer:
    """Learn the vocabulary from the reviews to train on.

    Args:
        cleaned_text: All texts.
        train_rows: Row numbers of those to learn from.
        vocabulary_size: How many words to keep, the most frequent first.

    Raises:
        ConfigurationError: If no text has a word.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    tokenizer = CountVectorizer(max_features=vocabulary_size, lowercase=False)
    try:
        return tokenizer.fit(cleaned_text.iloc[train_rows])
    except ValueError as error:
        raise ConfigurationError(
            f"None of {len(train_rows)} reviews has a word that is no stopword: "
            f"{error}. Is 'text.text_column' in parameters_text.yml the right one?"
        ) from error


def tokenize_text(tokenizer: Tokenizer, cleaned_text: Texts) -> Counts:
    """Count the words of each text.

    Returns:
        Sparse counts: one row per text, one column per word of the vocabulary.
    """
    return tokenizer.transform(cleaned_text)


def fit_label_encoder(labels: pd.DataFrame) -> LabelEncoder:
    """Number the labels, in alphabetical order."""
    from sklearn.preprocessing import LabelEncoder

    return LabelEncoder().fit(labels["label"])


def encode_labels(label_encoder: LabelEncoder, labels: pd.DataFrame) -> pd.DataFrame:
    """Replace the names in the column ``label`` by their numbers."""
    return pd.DataFrame({"label": label_encoder.transform(labels["label"])})


def train_model(
    features: Counts,
    encoded_labels: pd.DataFrame,
    train_rows: Rows,
    model: ModelSpec,
    random_state: int,
) -> Estimator:
    """Fit the classifier.

    Args:
        features: Sparse counts, one row per review.
        encoded_labels: Numbers of the labels, one column, same rows.
        train_rows: Row numbers of the reviews to train on.
        model: What ``parameters_text.yml`` says of the model.
        random_state: Seed for models that take one.

    Raises:
        ConfigurationError: If the model gives no probabilities, or takes no counts.
    """
    try:
        fitted_model = fit_model(
            model, features[train_rows], encoded_labels.iloc[train_rows], random_state
        )
    except TypeError as error:
        if "sparse" not in str(error).lower():
            raise
        raise ConfigurationError.listing(
            "parameters_text.yml",
            [
                f"text.model.class: {model.class_path} takes no sparse counts of words;"
                " take a class that does, such as sklearn.naive_bayes.MultinomialNB"
            ],
        ) from error
    if not hasattr(fitted_model, "predict_proba"):
        raise ConfigurationError.listing(
            "parameters_text.yml",
            [
                f"text.model.class: {model.class_path} has no predict_proba; take a "
                "class that has, such as sklearn.linear_model.LogisticRegression"
            ],
        )
    return fitted_model


def predict(model: Any, features: Counts) -> Probabilities:
    """Return the probability of each label: one row per text, one column per label."""
    if features.shape[0] == 0:
        return np.empty((0, len(model.classes_)))
    probabilities: Probabilities = model.predict_proba(features)
    return probabilities


def decode_predictions(
    label_encoder: LabelEncoder, probabilities: Probabilities
) -> pd.DataFrame:
    """Name the most probable label of each text.

    Returns:
        One row per text: ``label``, and its ``probability`` (0.5 to 1 for two labels).
    """
    best = probabilities.argmax(axis=1)
    return pd.DataFrame(
        {
            "label": label_encoder.classes_[best],
            "probability": probabilities[np.arange(len(best)), best],
        }
    )
