"""From texts to predictions; training and inference share what both need.

scikit-learn is imported where it is used: every Kedro command imports the nodes, and
none but a run should wait for scikit-learn.
"""

import re
from typing import Any

import numpy as np
import pandas as pd

from {{ cookiecutter.python_package }}.engine import (
    ConfigurationError,
    ModelSpec,
    build_estimator,
)

Array = np.ndarray[Any, Any]

# With the apostrophes inside: "don't" is one word, and "t" none.
WORD = re.compile(r"\w+(?:'\w+)*")
PUNCTUATION = re.compile(r"[^\w\s]+|_")


def clean_text(instances: pd.DataFrame, english_stopwords: list[str]) -> list[str]:
    """Return texts in lower case, without stopwords and punctuation.

    Letters and digits of any language stay; apostrophes just go, since "won't" is
    another word than "won". A missing text is empty.

    Args:
        instances: One column ``text``, one row per review.
        english_stopwords: Whole words to leave out, in lower case.
    """
    stopwords = frozenset(english_stopwords)

    def unless_stopword(match: re.Match[str]) -> str:
        return "" if match[0] in stopwords else match[0]

    def clean(text: str) -> str:
        words = text.lower().replace("\u2019", "'").split()
        kept = " ".join(
            # A look-up per word; the slower pattern only around punctuation.
            word if word.isalpha() else WORD.sub(unless_stopword, word)
            for word in words
            if word not in stopwords
        )
        return PUNCTUATION.sub(" ", kept.replace("'", ""))

    return [clean(text) for text in instances["text"].fillna("").astype("str")]


def hold_out(
    instances: pd.DataFrame,
    labels: pd.DataFrame,
    test_fraction: float,
    random_state: int,
) -> tuple[Array, pd.DataFrame]:
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
        ConfigurationError: If there is not one label for each text.
    """
    from sklearn.model_selection import train_test_split

    if len(instances) != len(labels):
        raise ConfigurationError(
            f"There are {len(instances)} instances but {len(labels)} labels: one file "
            "is of older data. 'kedro run --pipelines etl' makes both."
        )
    train_rows, test_rows = train_test_split(
        np.arange(len(labels)),
        test_size=test_fraction,
        random_state=random_state,
        stratify=labels["label"],
    )
    held_out = pd.concat([instances, labels], axis="columns").iloc[np.sort(test_rows)]
    return np.sort(train_rows), held_out


def fit_tokenizer(
    cleaned_text: list[str], train_rows: Array, vocabulary_size: int
) -> Any:
    """Learn the most frequent words of the reviews to train on.

    Args:
        cleaned_text: All texts.
        train_rows: Row numbers of those to learn from.
        vocabulary_size: How many words to keep.

    Returns:
        scikit-learn's ``CountVectorizer``, fitted.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    tokenizer = CountVectorizer(max_features=vocabulary_size, lowercase=False)
    return tokenizer.fit([cleaned_text[row] for row in train_rows])


def tokenize_text(tokenizer: Any, cleaned_text: list[str]) -> Any:
    """Count words: a sparse matrix, one row per text, one column per known word."""
    return tokenizer.transform(cleaned_text)


def fit_label_encoder(labels: pd.DataFrame) -> Any:
    """Number the labels, in alphabetical order: a fitted ``LabelEncoder``."""
    from sklearn.preprocessing import LabelEncoder

    return LabelEncoder().fit(labels["label"])


def train_model(
    features: Any,
    labels: pd.DataFrame,
    label_encoder: Any,
    train_rows: Array,
    model: ModelSpec,
    random_state: int,
) -> Any:
    """Fit the classifier.

    Args:
        features: Sparse counts, one row per review.
        labels: One column ``label``, same rows.
        label_encoder: Numbers the labels.
        train_rows: Row numbers of the reviews to train on.
        model: What ``parameters_text.yml`` says of the model.
        random_state: Seed for models that take one.

    Raises:
        ConfigurationError: If the model gives no probabilities, or takes no counts.
    """
    classifier = build_estimator(model, random_state)
    y = label_encoder.transform(labels["label"].iloc[train_rows])
    problem = ""
    try:
        classifier.fit(features[train_rows], y)
        if not hasattr(classifier, "predict_proba"):
            problem = "has no predict_proba"
    except TypeError as error:
        if "sparse" not in str(error).lower():
            raise
        problem = "takes no sparse counts of words"
    if problem:
        problem = f"text.model.class: {model.class_path} {problem}; take another, such "
        problem += "as sklearn.linear_model.LogisticRegression"
        raise ConfigurationError.listing("parameters_text.yml", [problem])
    return classifier


def predict(model: Any, features: Any) -> Array:
    """Return the probability of each label: one row per text, one column per label."""
    if features.shape[0] == 0:
        return np.empty((0, len(model.classes_)))
    probabilities: Array = model.predict_proba(features)
    return probabilities


def decode_predictions(label_encoder: Any, probabilities: Array) -> pd.DataFrame:
    """Name the most probable label of each text.

    Returns:
        One row per text: ``label``, and its ``probability`` (0.5 to 1 for two labels).
    """
    best = probabilities.argmax(axis=1)
    probability = probabilities[np.arange(len(best)), best]
    return pd.DataFrame(
        {"label": label_encoder.classes_[best], "probability": probability}
    )
