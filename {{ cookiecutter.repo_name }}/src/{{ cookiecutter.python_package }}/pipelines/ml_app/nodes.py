"""From texts to predictions. Training and inference share the nodes that both need.

scikit-learn is imported where it is used: every Kedro command imports this module, but
only a run needs scikit-learn, which takes a second to import.
"""

from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic import (
    ModelSpec,
    TokenizerSpec,
    check_same_rows,
    choose_features,
    clean_texts,
    fit_classifier,
    fit_vectorizer,
    plot_confusion,
    plot_reliability,
    score_labels,
    score_predictions,
    split_texts,
    spread_probabilities,
)

Array = np.ndarray[Any, Any]


def clean_text(
    instances: pd.DataFrame, cleaning: list[str], english_stopwords: str
) -> list[str]:
    """Clean each text.

    Args:
        instances: A column ``text``, one row per review.
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
    return clean_texts(instances["text"].tolist(), cleaning, english_stopwords)


def hold_out(
    instances: pd.DataFrame, labels: pd.DataFrame, test_fraction: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split the reviews into a training set and a test set, by a hash of each text.

    So copies of a review are on the same side, and a review stays on its side when
    others are added.

    Args:
        instances: One column ``text``, one row per review.
        labels: One column ``label``, one row per review; missing where there is none.
        test_fraction: Share of the reviews to hold out for the test.

    Returns:
        Training set and test set, with columns ``text`` and ``label`` and the row
        numbers as index. Reviews without a label are in neither.

    Raises:
        ConfigurationError: If texts and labels are not of the same reviews, or if there
            are too few reviews.
    """
    check_same_rows(instances, labels, "kedro run --pipelines etl")
    reviews = pd.concat([instances, labels], axis="columns").reset_index(drop=True)
    return split_texts(reviews, test_fraction)


def fit_tokenizer(
    cleaned_train_text: list[str],
    train_instances: pd.DataFrame,
    tokenizer: TokenizerSpec,
    model: ModelSpec,
    random_state: int,
) -> tuple[Any, Any, pd.DataFrame]:
    """Choose the features that suit the training set, and fit the tokenizer to it.

    Args:
        cleaned_train_text: The cleaned texts of the training set.
        train_instances: The training set, with a column ``label``.
        tokenizer: The entry ``text.tokenizer`` in ``parameters_text.yml``.
        model: The entry ``text.model``, with which features are compared.
        random_state: Seed of the comparison.

    Returns:
        The fitted tokenizer, such as scikit-learn's ``TfidfVectorizer``; the features
        of the training set, a sparse matrix with one row per review; and the
        comparison, a row for each kind of features.

    Raises:
        ConfigurationError: If the tokenizer cannot be fitted to texts, or cannot name
            its features.
    """
    labels = train_instances["label"]
    chosen, comparison = choose_features(
        cleaned_train_text, labels, tokenizer, model, random_state
    )
    return *fit_vectorizer(chosen, cleaned_train_text), comparison


def tokenize_text(tokenizer: Any, cleaned_text: list[str]) -> Any:
    """Turn the cleaned texts into features.

    Args:
        tokenizer: The fitted tokenizer.
        cleaned_text: The cleaned texts.

    Returns:
        A sparse matrix with one row per text.
    """
    return tokenizer.transform(cleaned_text).tocsr()


def fit_label_encoder(train_instances: pd.DataFrame) -> Any:
    """Number the labels of the training set, in alphabetical order.

    Args:
        train_instances: The training set, with a column ``label``.

    Returns:
        A fitted ``LabelEncoder``.
    """
    from sklearn.preprocessing import LabelEncoder

    return LabelEncoder().fit(train_instances["label"])


def train_model(
    train_features: Any,
    train_instances: pd.DataFrame,
    label_encoder: Any,
    model: ModelSpec,
    scoring: str,
    random_state: int,
) -> Any:
    """Fit the classifier to the training set, after its trials if it has any.

    Args:
        train_features: Sparse matrix, one row per review of the training set.
        train_instances: The training set, with a column ``label``.
        label_encoder: The numbers of the labels.
        model: The entry ``text.model`` in ``parameters_text.yml``.
        scoring: The entry ``text.scoring``, by which trials are compared.
        random_state: Seed of the model if it takes a seed.

    Returns:
        The fitted classifier.

    Raises:
        ConfigurationError: If the model cannot be fitted to sparse features, or cannot
            predict probabilities.
    """
    codes = label_encoder.transform(train_instances["label"])
    return fit_classifier(model, train_features, codes, random_state, scoring)


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


def evaluate(
    probabilities: Array,
    features: Any,
    test_instances: pd.DataFrame,
    label_encoder: Any,
) -> tuple[dict[str, float], pd.DataFrame, Any, Any]:
    """Compare the predictions for the test set with its labels.

    Args:
        probabilities: One row per review of the test set, one column per label.
        features: Sparse matrix, one row per review of the test set.
        test_instances: The test set, with a column ``label``.
        label_encoder: The names of the labels, in the order of the columns.

    Returns:
        The metrics by name, with the bounds of their intervals; precision and recall of
        each label; and two figures of matplotlib: the confusion matrix, and which share
        of the predictions is right at which probability.
    """
    from sklearn.metrics import confusion_matrix

    answers = decode_predictions(
        label_encoder, probabilities, features, with_probabilities=True
    )
    predictions = spread_probabilities(answers)
    truth = test_instances["label"].reset_index(drop=True)
    metrics = score_predictions(truth, predictions)
    label_scores = score_labels(truth, predictions)

    names = sorted({*label_encoder.classes_, *truth})
    counts = confusion_matrix(truth, predictions["label"].fillna(""), labels=names)
    confusion = plot_confusion(counts, names)
    reliability = plot_reliability(truth, predictions)
    return metrics, label_scores, confusion, reliability
