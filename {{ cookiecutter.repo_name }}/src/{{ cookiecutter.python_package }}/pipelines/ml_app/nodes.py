"""From texts to predictions. Training and inference share the nodes that both need.

scikit-learn is imported where it is used: every Kedro command imports this module, but
only a run needs scikit-learn, which takes a second to import.
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
    check_same_rows,
    fingerprints,
)

Array = np.ndarray[Any, Any]

FILE = "parameters_text.yml"
# Codes of characters have at most 7 digits. Python converts no number of 5,000.
TOO_LONG_CODE = re.compile(r"&#\d{8,};?")
HTML_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
# An apostrophe at the edge of a word, where it is a quotation mark.
QUOTATION_MARK = re.compile(r"'(?:(?<![^\s']')|(?![^\s']))")


class CharacterTable(dict[int, str]):
    """A table for ``str.translate`` that keeps words and separates everything else.

    The entry of a character is made when the character is first seen.
    """

    def __missing__(self, code: int) -> str:
        """Make the entry of a character, in any script, by its Unicode category."""
        character = chr(code)
        category = unicodedata.category(character)
        if category[0] in "LMN":  # letters, their marks, and digits
            translation = character
        elif category in ("So", "Cn"):  # symbols; Cn are emoji newer than this Python
            translation = f" {character} "
        else:
            translation = " "
        self[code] = translation
        return translation


CHARACTERS = CharacterTable.fromkeys(range(0xFE00, 0xFE10), " ")  # variants of emoji
CHARACTERS |= {ord("'"): "'", ord("\u2019"): "'"}


def clean_text(instances: pd.DataFrame, english_stopwords: list[str]) -> list[str]:
    """Reduce each text to its words.

    Args:
        instances: One column ``text``, one row per review.
        english_stopwords: Words to leave out, in lower case.

    Returns:
        The words of each text in lower case, separated by spaces, without HTML tags and
        punctuation. Apostrophes are removed and not replaced by spaces, because "won't"
        is not the word "won".

    Raises:
        ConfigurationError: If the table is empty, a row does not hold a text, or the
            stopwords are not a list.
    """
    if instances.empty:
        raise ConfigurationError("text: there are no rows")
    if not isinstance(english_stopwords, list):
        raise ConfigurationError(
            "english_stopwords: give its file a list of words, or [] for none, not "
            f"{english_stopwords!r:.99}"
        )
    stopwords = frozenset(english_stopwords)

    cleaned = []
    for row, text in enumerate(instances["text"].tolist()):
        if not isinstance(text, str):
            is_missing = isinstance(text, float) and np.isnan(text)
            shown = None if is_missing else text
            raise ConfigurationError(
                f"text: row {row}, counted from 0, is not a text but {shown!r:.99}"
            )
        text = TOO_LONG_CODE.sub(" ", HTML_TAG.sub(" ", text))
        plain = unescape(text).lower().translate(CHARACTERS)
        words = QUOTATION_MARK.sub(" ", plain).split()
        kept_words = [word for word in words if word not in stopwords]
        cleaned.append(" ".join(kept_words).replace("'", ""))
    return cleaned


def hold_out(
    instances: pd.DataFrame, labels: pd.DataFrame, test_fraction: float
) -> tuple[Array, pd.DataFrame]:
    """Split the reviews into a training set and a test set, by a hash of each text.

    So copies of a review are on the same side, and a review stays on its side when
    others are added.

    Args:
        instances: One column ``text``, one row per review.
        labels: One column ``label``, one row per review.
        test_fraction: Share of the reviews to hold out for the test.

    Returns:
        The row numbers of the training set; and the test set, with columns ``text`` and
        ``label`` and the row numbers as index.

    Raises:
        ConfigurationError: If texts and labels are not of the same reviews, or if there
            are too few reviews.
    """
    check_same_rows(instances, labels, "kedro run --pipelines etl")
    is_held_out = fingerprints(instances) < test_fraction * 2**64
    train_rows = np.flatnonzero(~is_held_out)

    train_labels = labels["label"].iloc[train_rows]
    if train_labels.nunique() < 2 or not is_held_out.any():
        raise ConfigurationError(
            f"Of {len(labels)} reviews, {len(train_rows)} are left to learn from. "
            "Training needs reviews of two labels, and the test needs one review: add "
            f"reviews, or change text.test_fraction in {FILE}."
        )
    reviews = pd.concat([instances, labels], axis="columns").reset_index(drop=True)
    return train_rows, reviews[is_held_out]


def fit_tokenizer(
    cleaned_text: list[str], train_rows: Array, tokenizer: TransformerSpec
) -> Any:
    """Fit the tokenizer to the training set.

    Args:
        cleaned_text: The words of each review, from ``clean_text``.
        train_rows: The row numbers of the training set.
        tokenizer: The entry ``text.tokenizer`` in ``parameters_text.yml``.

    Returns:
        The fitted tokenizer, such as scikit-learn's ``TfidfVectorizer``. Its attribute
        ``is_word_`` has a 1 for each feature that is a word, and a 0 for each pair of
        words.

    Raises:
        ConfigurationError: If the tokenizer cannot be fitted to texts, or cannot name
            its features.
    """
    vectorizer: Any = build_estimator(tokenizer, random_state=0)
    if isinstance(getattr(vectorizer, "ngram_range", None), list):
        # scikit-learn takes a tuple only, which YAML does not have.
        vectorizer.ngram_range = tuple(vectorizer.ngram_range)
    try:
        vectorizer.fit([cleaned_text[row] for row in train_rows])
    except (AttributeError, TypeError, ValueError) as error:
        problem = (
            f"text.tokenizer: {tokenizer.class_path} cannot be fitted to the reviews: "
            f"{error}; use a class such as "
            "sklearn.feature_extraction.text.TfidfVectorizer, or other arguments"
        )
        raise ConfigurationError.listing(FILE, [problem]) from error

    if not hasattr(vectorizer, "get_feature_names_out"):
        problem = (
            f"text.tokenizer.class: {tokenizer.class_path} cannot name its words; use "
            "a class such as sklearn.feature_extraction.text.TfidfVectorizer"
        )
        raise ConfigurationError.listing(FILE, [problem])
    # Stored with the tokenizer, because every request to a served model needs it.
    names = vectorizer.get_feature_names_out()
    is_word = [" " not in name for name in names]
    vectorizer.is_word_ = np.array(is_word, dtype="int64")
    return vectorizer


def tokenize_text(tokenizer: Any, cleaned_text: list[str]) -> tuple[Any, Array]:
    """Turn the words of each text into features.

    Args:
        tokenizer: The fitted tokenizer.
        cleaned_text: The words of each text, from ``clean_text``.

    Returns:
        A sparse matrix with one row per text; and the number of different words in each
        text that the tokenizer knows.
    """
    features = tokenizer.transform(cleaned_text).tocsr()
    # Row i has the nonzero entries from indptr[i] up to indptr[i + 1].
    words_so_far = np.cumsum(tokenizer.is_word_[features.indices])
    words_before = np.concatenate([[0], words_so_far])
    known_words = np.diff(words_before[features.indptr])
    return features, known_words


def fit_label_encoder(labels: pd.DataFrame, train_rows: Array) -> Any:
    """Number the labels of the training set, in alphabetical order.

    Args:
        labels: One column ``label``, one row per review.
        train_rows: The row numbers of the training set.

    Returns:
        A fitted ``LabelEncoder``.
    """
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
    """Fit the classifier to the training set.

    Args:
        features: Sparse matrix, one row per review.
        labels: One column ``label``, one row per review.
        label_encoder: The numbers of the labels.
        train_rows: The row numbers of the training set.
        model: The entry ``text.model`` in ``parameters_text.yml``.
        random_state: Seed of the model if it takes a seed.

    Returns:
        The fitted classifier.

    Raises:
        ConfigurationError: If the model cannot be fitted to sparse features, or cannot
            predict probabilities.
    """
    classifier: Any = build_estimator(model, random_state)
    y = label_encoder.transform(labels["label"].iloc[train_rows])
    try:
        classifier.fit(features[train_rows], y)
        classifier.predict_proba(features[:1])
    except (AttributeError, TypeError, ValueError) as error:
        problem = (
            f"text.model.class: {model.class_path} does not fit: {error}; use a class "
            "such as sklearn.linear_model.LogisticRegression, other arguments, or more "
            "reviews"
        )
        raise ConfigurationError.listing(FILE, [problem]) from error
    return classifier


def predict(model: Any, features: Any) -> Array:
    """Predict the probability of each label.

    Args:
        model: The fitted classifier.
        features: Sparse matrix, one row per text.

    Returns:
        One row per text, one column per label.
    """
    probabilities: Array = model.predict_proba(features)
    return probabilities


def decode_predictions(
    label_encoder: Any, probabilities: Array, known_words: Array
) -> pd.DataFrame:
    """Name the most probable label of each text.

    Args:
        label_encoder: The names of the labels, in the order of the columns.
        probabilities: One row per text, one column per label.
        known_words: The number of words in each text that the tokenizer knows.

    Returns:
        One row per text with ``label``, its ``probability`` (0.5 to 1 if there are two
        labels) and ``known_words``. Label and probability are missing where no word is
        known.
    """
    label = label_encoder.classes_[probabilities.argmax(axis=1)]
    probability = probabilities.max(axis=1)

    is_unknown = known_words == 0
    if is_unknown.any():
        label = label.astype("object")
        label[is_unknown] = None
        probability[is_unknown] = np.nan

    # Copies, and pandas' own type of strings, make a request of one text 10 % slower.
    label = pd.Series(label, dtype="object", copy=False)
    columns = {"label": label, "probability": probability, "known_words": known_words}
    return pd.DataFrame(columns, copy=False)
