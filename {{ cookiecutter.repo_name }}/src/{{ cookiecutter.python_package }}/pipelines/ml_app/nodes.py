"""From texts to predictions. Training and inference share the nodes that both need.

scikit-learn is imported where it is used: every Kedro command imports this module, but
only a run needs scikit-learn, which takes a second to import.
"""

import logging
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic import (
    ConfigurationError,
    ModelSpec,
    TokenizerSpec,
    check_same_rows,
    choose_features,
    clean_texts,
    fingerprints,
    fit_classifier,
    fit_vectorizer,
)

logger = logging.getLogger(__name__)

Array = np.ndarray[Any, Any]

FILE = "parameters_text.yml"

# A label with fewer reviews in the training set cannot be learned.
FEWEST_REVIEWS = 2


def clean_text(
    instances: pd.DataFrame, cleaning: list[str], english_stopwords: str
) -> list[str]:
    """Clean each text.

    Args:
        instances: One column ``text``, one row per review.
        cleaning: The entry ``text.cleaning`` in ``parameters_text.yml``: names of
            steps, which ``clean_texts`` describes.
        english_stopwords: Words that the step ``stopwords`` leaves out, in lower case:
            a list in YAML. An empty file has none.

    Returns:
        The cleaned texts.

    Raises:
        ConfigurationError: If the table is empty, a row does not hold a text, or the
            stopwords are not a list.
    """
    if instances.empty:
        raise ConfigurationError("text: the table is empty")
    texts = instances["text"].tolist()
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            is_missing = isinstance(text, float) and np.isnan(text)
            shown = None if is_missing else text
            raise ConfigurationError(
                f"text: row {row}, counted from 0, is not a text but {shown!r:.99}"
            )
    return clean_texts(texts, cleaning, english_stopwords)


def hold_out(
    instances: pd.DataFrame, labels: pd.DataFrame, test_fraction: float
) -> tuple[Array, pd.DataFrame]:
    """Split the reviews into a training set and a test set, by a hash of each text.

    So copies of a review are on the same side, and a review stays on its side when
    others are added.

    Args:
        instances: One column ``text``, one row per review.
        labels: One column ``label``, one row per review; missing where there is none.
        test_fraction: Share of the reviews to hold out for the test.

    Returns:
        The row numbers of the training set; and the test set, with columns ``text`` and
        ``label`` and the row numbers as index. Reviews without a label are in neither,
        nor are those of labels with a single review.

    Raises:
        ConfigurationError: If texts and labels are not of the same reviews, or if there
            are too few reviews.
    """
    check_same_rows(instances, labels, "kedro run --pipelines etl")
    has_label = labels["label"].notna().to_numpy()
    if not has_label.any():
        raise ConfigurationError(
            "The reviews have no labels to learn from: name their column as "
            f"text.label_column in {FILE}, or take another split."
        )
    is_held_out = fingerprints(instances[["text"]]) < test_fraction * 2**64
    is_test = is_held_out & has_label
    train_rows = np.flatnonzero(~is_held_out & has_label)
    counts = labels["label"].iloc[train_rows].value_counts()
    single = counts.index[counts < FEWEST_REVIEWS]
    if len(single):
        train_rows = train_rows[~labels["label"].iloc[train_rows].isin(single)]
        logger.warning(
            "Labels with a single training review are not learned: %s",
            ", ".join(single[:10]),
        )

    train_labels = labels["label"].iloc[train_rows]
    if train_labels.nunique() < 2 or not is_test.any():
        raise ConfigurationError(
            f"Of {len(labels)} reviews, {len(train_rows)} are left to learn from. "
            "Training needs reviews of two labels, and the test needs one review: add "
            f"reviews, or change text.test_fraction in {FILE}."
        )
    reviews = pd.concat([instances, labels], axis="columns").reset_index(drop=True)
    return train_rows, reviews[is_test]


def fit_tokenizer(
    cleaned_text: list[str],
    labels: pd.DataFrame,
    train_rows: Array,
    tokenizer: TokenizerSpec,
    model: ModelSpec,
    random_state: int,
) -> tuple[Any, pd.DataFrame]:
    """Choose the features that suit the training set, and fit the tokenizer to it.

    Args:
        cleaned_text: The cleaned reviews.
        labels: One column ``label``, one row per review.
        train_rows: The row numbers of the training set.
        tokenizer: The entry ``text.tokenizer`` in ``parameters_text.yml``.
        model: The entry ``text.model``, with which features are compared.
        random_state: Seed of the comparison.

    Returns:
        The fitted tokenizer, such as scikit-learn's ``TfidfVectorizer``; and the
        comparison, a row for each kind of features.

    Raises:
        ConfigurationError: If the tokenizer cannot be fitted to texts, or cannot name
            its features.
    """
    texts = [cleaned_text[row] for row in train_rows]
    train_labels = labels["label"].iloc[train_rows]
    chosen, comparison = choose_features(
        texts, train_labels, tokenizer, model, random_state
    )
    vectorizer, _ = fit_vectorizer(chosen, texts)
    return vectorizer, comparison


def tokenize_text(tokenizer: Any, cleaned_text: list[str]) -> Any:
    """Turn the cleaned texts into features.

    Args:
        tokenizer: The fitted tokenizer.
        cleaned_text: The cleaned texts.

    Returns:
        A sparse matrix with one row per text.
    """
    return tokenizer.transform(cleaned_text).tocsr()


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
    scoring: str,
    random_state: int,
) -> Any:
    """Fit the classifier to the training set, after its trials if it has any.

    Args:
        features: Sparse matrix, one row per review.
        labels: One column ``label``, one row per review.
        label_encoder: The numbers of the labels.
        train_rows: The row numbers of the training set.
        model: The entry ``text.model`` in ``parameters_text.yml``.
        scoring: The entry ``text.scoring``, by which trials are compared.
        random_state: Seed of the model if it takes a seed.

    Returns:
        The fitted classifier.

    Raises:
        ConfigurationError: If the model cannot be fitted to sparse features, or cannot
            predict probabilities.
    """
    codes = label_encoder.transform(labels["label"].iloc[train_rows])
    return fit_classifier(model, features[train_rows], codes, random_state, scoring)


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
    label_encoder: Any, probabilities: Array, features: Any, with_probabilities: bool
) -> pd.DataFrame:
    """Name the most probable label of each text.

    Args:
        label_encoder: The names of the labels, in the order of the columns.
        probabilities: One row per text, one column per label.
        features: Sparse matrix, one row per text.
        with_probabilities: The entry ``text.probabilities`` in ``parameters_text.yml``.

    Returns:
        One row per text with ``label``, its ``probability`` (0.5 to 1 if there are two
        labels), ``known_features``, the number of features of the text that training
        has seen, and ``probabilities``, those of all labels by their names, unless
        they are not asked for. Without a known feature, only their number is given.
    """
    names = label_encoder.classes_
    label = names[probabilities.argmax(axis=1)].astype("object")
    probability = probabilities.max(axis=1)
    known_features = np.diff(features.indptr)

    is_unknown = known_features == 0
    label[is_unknown] = None
    probability[is_unknown] = np.nan

    # Copies, and pandas' own type of strings, make a request of one text 10 % slower.
    columns = {
        "label": pd.Series(label, dtype="object", copy=False),
        "probability": probability,
        "known_features": known_features,
    }
    if with_probabilities:
        rows = np.empty(len(label), dtype="object")
        rows[:] = [dict(zip(names, row, strict=True)) for row in probabilities.tolist()]
        rows[is_unknown] = None
        columns["probabilities"] = rows
    return pd.DataFrame(columns, copy=False)
