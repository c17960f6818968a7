"""From texts to predictions; training and inference share what both need.

scikit-learn is imported where it is used: every Kedro command imports the nodes, and
none but a run should wait for scikit-learn.
"""

import re
import unicodedata
from html import unescape
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic import (
    ConfigurationError,
    ModelSpec,
    TransformerSpec,
    build_estimator,
    fingerprints,
)

Array = np.ndarray[Any, Any]

FILE = "parameters_text.yml"
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
# An apostrophe that is not between two letters: "don't" is one word, and "t" none.
QUOTE = re.compile(r"'(?:(?<![^\s']')|(?![^\s']))")


class Spacing(dict[int, str]):
    """For ``str.translate``: makes words of letters of any script, and of digits."""

    def __missing__(self, code: int) -> str:
        """Keep them and their marks; let symbols, such as emoji, stand alone."""
        letter, kind = chr(code), unicodedata.category(chr(code))
        if kind in ("So", "Cn"):  # an emoji that is newer than Python is not assigned
            return self.setdefault(code, f" {letter} ")
        return self.setdefault(code, letter if kind[0] in "LMN" else " ")


SPACING = Spacing.fromkeys(range(0xFE00, 0xFE10), " ")  # how a symbol is to look
SPACING |= {ord("'"): "'", ord("\u2019"): "'"}


def clean_text(instances: pd.DataFrame, english_stopwords: list[str]) -> list[str]:
    """Return the words of each text, in lower case, with a space between.

    There are no HTML tags, punctuation and stopwords among them. Apostrophes just go,
    since "won't" is another word than "won".

    Args:
        instances: One column ``text``, one row per review.
        english_stopwords: Whole words to leave out, in lower case.

    Raises:
        ConfigurationError: Names the first row that is no text; or there is no row.
    """
    if instances.empty:
        raise ConfigurationError("text: there are no rows")
    stopwords, cleaned = frozenset(english_stopwords), []
    for row, text in enumerate(instances["text"].tolist()):
        if not isinstance(text, str):
            shown = None if isinstance(text, float) and np.isnan(text) else text
            problem = f"text: row {row}, from 0 on, is no text but {shown!r:.99}"
            raise ConfigurationError(problem)
        plain = unescape(TAG.sub(" ", text)).lower().translate(SPACING)
        words = QUOTE.sub(" ", plain).split()
        words = [word for word in words if word not in stopwords]
        cleaned.append(" ".join(words).replace("'", ""))
    return cleaned


def hold_out(
    instances: pd.DataFrame, labels: pd.DataFrame, test_fraction: float
) -> tuple[Array, pd.DataFrame]:
    """Choose the reviews that training does not see, by a hash of each text.

    So more reviews move none of those there are, and copies stay on one side.

    Args:
        instances: Texts, one row per review.
        labels: One column ``label``, same rows.
        test_fraction: Share of the reviews to hold out.

    Returns:
        The row numbers of the reviews to train on, and the held-out reviews with their
        labels: columns ``text`` and ``label``, the row numbers as index.

    Raises:
        ConfigurationError: If there is not one label for each text, or too few reviews.
    """
    if len(instances) != len(labels):
        raise ConfigurationError(
            f"There are {len(instances)} instances but {len(labels)} labels: one file "
            "is of older data. 'kedro run --pipelines etl' makes both."
        )
    is_held_out = fingerprints(instances) < test_fraction * 2**64
    train_rows = np.flatnonzero(~is_held_out)
    if labels["label"].iloc[train_rows].nunique() < 2 or not is_held_out.any():
        raise ConfigurationError(
            f"Of {len(labels)} reviews, {len(train_rows)} are left to learn from. That "
            "takes two labels, and a test one review: give more reviews, or another "
            f"text.test_fraction in {FILE}."
        )
    return train_rows, pd.concat([instances, labels], axis="columns")[is_held_out]


def fit_tokenizer(
    cleaned_text: list[str], train_rows: Array, tokenizer: TransformerSpec
) -> Any:
    """Learn the words of the reviews to train on.

    Args:
        cleaned_text: All texts.
        train_rows: Row numbers of those to learn from.
        tokenizer: What ``parameters_text.yml`` says of the tokenizer.

    Returns:
        The fitted tokenizer, such as scikit-learn's ``TfidfVectorizer``.

    Raises:
        ConfigurationError: If it cannot name its words.
    """
    built: Any = build_estimator(tokenizer, random_state=0)
    if isinstance(getattr(built, "ngram_range", None), list):
        built.ngram_range = tuple(built.ngram_range)  # YAML has no tuples
    built.fit([cleaned_text[row] for row in train_rows])
    if not hasattr(built, "get_feature_names_out"):
        problem = f"text.tokenizer.class: {tokenizer.class_path} cannot name its words"
        problem += "; take one such as sklearn.feature_extraction.text.TfidfVectorizer"
        raise ConfigurationError.listing(FILE, [problem])
    # Not a pair of words; asked at every request.
    names = built.get_feature_names_out()
    built.is_word_ = np.array([" " not in name for name in names], dtype="int64")
    return built


def tokenize_text(tokenizer: Any, cleaned_text: list[str]) -> tuple[Any, Array]:
    """Turn words into features.

    Returns:
        A sparse matrix, one row per text; how many words of each are known, not
        counting their repetitions.
    """
    features = tokenizer.transform(cleaned_text).tocsr()
    counted = np.concatenate([[0], tokenizer.is_word_[features.indices].cumsum()])
    return features, np.diff(counted[features.indptr])


def fit_label_encoder(labels: pd.DataFrame, train_rows: Array) -> Any:
    """Number the labels to learn, in alphabetical order: a fitted ``LabelEncoder``."""
    from sklearn.preprocessing import LabelEncoder

    return LabelEncoder().fit(labels["label"].iloc[train_rows])


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
        features: Sparse, one row per review.
        labels: One column ``label``, same rows.
        label_encoder: Numbers the labels.
        train_rows: Row numbers of the reviews to train on.
        model: What ``parameters_text.yml`` says of the model.
        random_state: Seed for models that take one.

    Raises:
        ConfigurationError: If it gives no probabilities, or takes no sparse features.
    """
    classifier: Any = build_estimator(model, random_state)
    y = label_encoder.transform(labels["label"].iloc[train_rows])
    try:
        classifier.fit(features[train_rows], y).predict_proba(features[:1])
    except (AttributeError, TypeError, ValueError) as error:
        problem = f"text.model.class: {model.class_path} does not fit: {error}; take "
        problem += "another, such as sklearn.linear_model.LogisticRegression, or give "
        problem += "other arguments or more reviews"
        raise ConfigurationError.listing(FILE, [problem]) from error
    return classifier


def predict(model: Any, features: Any) -> Array:
    """Return the probability of each label: one row per text, one column per label."""
    probabilities: Array = model.predict_proba(features)
    return probabilities


def decode_predictions(
    label_encoder: Any, probabilities: Array, known_words: Array
) -> pd.DataFrame:
    """Name the most probable label of each text.

    Returns:
        One row per text: ``label``, its ``probability`` (0.5 to 1 for two labels), and
        ``known_words``. Of a text without a known word, label and probability are null.
    """
    best, is_unknown = probabilities.argmax(axis=1), known_words == 0
    label, probability = label_encoder.classes_[best], probabilities.max(axis=1)
    if is_unknown.any():
        label = label.astype("object")
        label[is_unknown], probability[is_unknown] = None, np.nan
    # No copies, and not pandas' string type: for one review, they take a tenth longer.
    label = pd.Series(label, dtype="object", copy=False)
    columns = {"label": label, "probability": probability, "known_words": known_words}
    return pd.DataFrame(columns, copy=False)
