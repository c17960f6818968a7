"""The steps from texts to predictions."""

from typing import Any
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import LabelEncoder

from kedro_dynamic import ConfigurationError, ModelSpec, TransformerSpec

from {{ cookiecutter.python_package }}.pipelines.ml_app import (
    evaluation,
    nodes,
)

ENCODER = LabelEncoder().fit(["worse", "better"])
SYMBOLS = "so \U0001f600 \U0001f44d \u2764 \U0001fadf"  # the last one is newer than Python 3.13
HINDI = "\u0939\u093f\u0928\u094d\u0926\u0940 \u597d"  # vowels are marks


@pytest.mark.parametrize(
    ("review", "stopwords", "words"),
    [
        ("The theatre, the bathe, the", ["the"], "theatre bathe"),
        ("the,the.the (the) 'the' \"the\" the-the", ["the"], ""),
        ("It's its OWN", ["it's"], "its own"),
        ("Don't! 'a''b'", ["don", "t"], "dont a b"),
        ("It\u2019s a won\u2019t", ["it's", "won"], "a wont"),
        ("so_so !?\u2026 10/10", ["10"], "so so"),
        ("na\u00efve\u2014Stra\u00dfe", ["na", "ve"], "na\u00efve stra\u00dfe"),
        ("A<br />B <i>c</i> &amp; 1 <3 2>", [], "a b c 1 3 2"),
        ("A&#98;C &#" + "1" * 5000 + "; &#00000000098;", [], "abc"),
        ("so\U0001f600\U0001f44d\U0001f3fd \u2764\ufe0f\U0001fadf", [], SYMBOLS),
        ("\u0939\u093f\u0928\u094d\u0926\u0940\u3002\u597d", [], HINDI),
    ],
)
def test_texts_are_reduced_to_whole_words(
    review: str, stopwords: list[str], words: str
) -> None:
    (cleaned,) = nodes.clean_text(pd.DataFrame({"text": [review]}), stopwords)
    assert cleaned.split() == words.split()


@pytest.mark.parametrize("stopwords", [None, "the", {"the": "a"}])
def test_stopwords_are_a_list(stopwords: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"or \[\] for none, not "):
        nodes.clean_text(pd.DataFrame({"text": ["Dull."]}), stopwords)


@pytest.mark.parametrize("text", [None, float("nan"), 5, {"a": 1}])
def test_a_row_that_is_not_a_text_is_named(text: object) -> None:
    with pytest.raises(
        ConfigurationError, match="row 1, counted from 0, is not a text but"
    ):
        nodes.clean_text(pd.DataFrame({"text": ["Dull.", text]}), [])


def test_copies_and_new_reviews_do_not_change_the_split() -> None:
    texts = [f"Text {number}" for number in range(400)]
    copies = [f" {text.upper()}" for text in texts]
    instances = pd.DataFrame({"text": [*texts, *copies]})
    labels = pd.DataFrame({"label": ["worse", "better"] * 400})
    rows, held_out = nodes.hold_out(instances, labels, 0.25)
    assert sorted([*rows, *held_out.index]) == list(range(800))
    assert 70 < (held_out.index < 400).sum() < 130
    assert (rows[rows < 400] + 400).tolist() == rows[rows >= 400].tolist()
    fewer, _ = nodes.hold_out(instances[:50], labels[:50], 0.25)
    assert fewer.tolist() == rows[rows < 50].tolist()
    for other_rows in (instances.head(399), instances[::-1]):
        with pytest.raises(ConfigurationError, match="not of the same rows in the"):
            nodes.hold_out(other_rows, labels, 0.25)
    with pytest.raises(ConfigurationError, match="Of 2 reviews, "):
        nodes.hold_out(instances.head(2), labels.head(2), 0.5)


def fit_tokenizer(
    texts: list[str], name: str = "CountVectorizer", **model_kwargs: Any
) -> Any:
    """Fit a tokenizer to the first two texts, which are the training set."""
    class_path = f"sklearn.feature_extraction.text.{name}"
    entry = {"class": class_path, "model_kwargs": model_kwargs}
    spec = TransformerSpec.model_validate(entry)
    return nodes.fit_tokenizer(texts, np.array([0, 1]), spec)


def test_the_tokenizer_learns_from_the_training_set_alone() -> None:
    texts = ["good film", "bad film", "unseen words"]
    tokenizer = fit_tokenizer(texts, ngram_range=[1, 2])
    assert {*tokenizer.vocabulary_} == {"bad", "film", "good", "bad film", "good film"}
    counts, known = nodes.tokenize_text(tokenizer, ["film film good new", "unseen", ""])
    assert counts.sum(axis=1).tolist() == [[3], [0], [0]]
    assert known.tolist() == [2, 0, 0]
    by_column = Mock(is_word_=tokenizer.is_word_)
    by_column.transform.return_value = counts.tocsc()
    assert nodes.tokenize_text(by_column, [])[1].tolist() == [2, 0, 0]
    with pytest.raises(ConfigurationError, match="HashingVectorizer cannot name"):
        fit_tokenizer(texts, "HashingVectorizer")


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("feature_extraction.text.TfidfVectorizer", {"min_df": 1000}),
        ("preprocessing.StandardScaler", {}),
    ],
)
def test_a_tokenizer_that_cannot_be_fitted_is_named(
    name: str, kwargs: dict[str, Any]
) -> None:
    entry = {"class": f"sklearn.{name}", "model_kwargs": kwargs}
    spec = TransformerSpec.model_validate(entry)
    with pytest.raises(ConfigurationError, match=f"text.tokenizer: sklearn.{name} can"):
        nodes.fit_tokenizer(["good film", "bad film"], np.array([0, 1]), spec)


def train(class_path: str, **model_kwargs: Any) -> Any:
    """Fit a model to two rows; the other rows contradict them."""
    entry = {"class": class_path, "model_kwargs": model_kwargs}
    model = ModelSpec.model_validate(entry)
    features = csr_matrix(np.eye(2)[[0, 1, 0, 0, 0]])
    labels = pd.DataFrame({"label": ["better", *["worse"] * 4]})
    return nodes.train_model(features, labels, ENCODER, np.array([0, 1]), model, 3)


def test_a_model_is_seeded_and_learns_from_the_training_set_alone() -> None:
    model = train("sklearn.linear_model.SGDClassifier", loss="log_loss")
    assert model.random_state == 3
    probabilities = nodes.predict(model, csr_matrix(np.eye(2)))
    decoded = nodes.decode_predictions(ENCODER, probabilities, np.array([1, 9]))
    assert decoded["label"].tolist() == ["better", "worse"]
    assert decoded["probability"].tolist() == probabilities.max(axis=1).tolist()
    decoded = nodes.decode_predictions(ENCODER, probabilities, np.array([1, 0]))
    assert decoded.isna().to_numpy().tolist() == [[False] * 3, [True, True, False]]


@pytest.mark.parametrize(
    ("class_path", "problem"),
    [
        ("sklearn.svm.LinearSVC", ".*no attribute .predict_proba"),
        ("sklearn.naive_bayes.GaussianNB", "GaussianNB does not fit: Sparse data"),
        ("sklearn.calibration.CalibratedClassifierCV", "does not fit: Cannot"),
    ],
)
def test_an_unsuitable_model_is_named(class_path: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"text\.model\.class: .*{problem}"):
        train(class_path)


def test_predictions_are_compared_with_the_labels_of_the_test_set() -> None:
    # Rows 0 and 3 are in the training set, and would be wrong.
    better = np.array([0.0, 0.9, 0.8, 1.0, 0.3, 0.2, 0.6, 0.1])
    truth = ["better"] * 4 + ["worse"] * 2
    held_out = pd.DataFrame({"label": truth}, index=[1, 2, 4, 5, 6, 7])
    metrics, confusion, reliability = evaluation.evaluate(
        np.column_stack([better, 1 - better]), np.ones(8, int), held_out, ENCODER
    )
    assert metrics["accuracy"] == 3 / 6
    assert metrics["accuracy_low"] < 3 / 6 < metrics["accuracy_high"]
    counts = [text.get_text() for text in confusion.axes[0].texts]
    assert counts == ["2", "2", "1", "1"]
    probability, right = reliability.axes[0].lines[1].get_data()
    assert probability.tolist() == [0.6, 0.7, 0.8, 0.9]
    assert right.tolist() == [0, 0, 0.5, 1]


def test_a_word_is_telling_for_the_label_it_occurs_with() -> None:
    words = CountVectorizer()
    texts, labels = ["tedious", "brilliant", "average"], ["bad", "good", "fair"]
    model = LogisticRegression().fit(words.fit_transform(texts * 2), labels * 2)
    figure = evaluation.plot_telling_words(model, words, LabelEncoder().fit(labels))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[::3] == ["tedious (bad)", "average (fair)", "brilliant (good)"]
