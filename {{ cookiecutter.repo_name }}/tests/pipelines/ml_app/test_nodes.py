"""From texts to predictions, step by step."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import LabelEncoder

from {{ cookiecutter.python_package }}.engine import (
    ConfigurationError,
    ModelSpec,
)
from {{ cookiecutter.python_package }}.pipelines.ml_app import (
    evaluation,
    nodes,
)

# The positive one is last, though neither the last nor the first of the alphabet.
LABELS = {"worse": [0], "better": [1]}
ENCODER = LabelEncoder().fit(["worse", "better"])


@pytest.mark.parametrize(
    ("review", "stopwords", "words"),
    [
        ("The theatre, the bathe, the", ["the"], "theatre bathe"),
        ("the,the.the (the) 'the' \"the\" the-the", ["the"], ""),
        ("It's its OWN", ["it's"], "its own"),
        ("Don't!", ["don", "t"], "dont"),
        ("It\u2019s a won\u2019t", ["it's", "won"], "a wont"),
        ("so_so !?\u2026 10/10", ["so", "10"], "so so"),
        ("na\u00efve\u2014Stra\u00dfe", ["na", "ve"], "na\u00efve stra\u00dfe"),
        (None, [], ""),
    ],
)
def test_whole_words_are_removed(
    review: str | None, stopwords: list[str], words: str
) -> None:
    (clean,) = nodes.clean_text(pd.DataFrame({"text": [review]}), stopwords)
    assert clean.split() == words.split()


def test_held_out_reviews_are_those_not_trained_on_classes_alike() -> None:
    instances = pd.DataFrame({"text": [f"text {number}" for number in range(100)]})
    labels = pd.DataFrame({"label": ["worse"] * 80 + ["better"] * 20})
    rows, held_out = nodes.hold_out(instances, labels, 0.25, 3)
    assert sorted([*rows, *held_out.index]) == list(range(100))
    assert held_out["label"].value_counts().to_dict() == {"worse": 20, "better": 5}
    assert held_out["text"].tolist() == [f"text {row}" for row in held_out.index]
    with pytest.raises(ConfigurationError, match="99 instances but 100 labels"):
        nodes.hold_out(instances.head(99), labels, 0.25, 3)


def test_the_vocabulary_is_of_the_training_rows_alone() -> None:
    texts = ["good film", "bad film", "unseen words"]
    tokenizer = nodes.fit_tokenizer(texts, np.array([0, 1]), 100)
    assert list(tokenizer.get_feature_names_out()) == ["bad", "film", "good"]
    counts = nodes.tokenize_text(tokenizer, ["film, film good", "unseen", ""])
    assert counts.toarray().tolist() == [[0, 2, 1], [0, 0, 0], [0, 0, 0]]


def train(class_path: str, **model_kwargs: Any) -> Any:
    """Fit a model on two rows; the others say otherwise."""
    entry = {"class": class_path, "model_kwargs": model_kwargs}
    model = ModelSpec.model_validate(entry)
    features = csr_matrix(np.eye(2)[[0, 1, 0, 0, 0]])
    labels = pd.DataFrame({"label": ["better", *["worse"] * 4]})
    return nodes.train_model(features, labels, ENCODER, np.array([0, 1]), model, 3)


def test_a_model_is_seeded_and_learns_from_the_training_rows_alone() -> None:
    model = train("sklearn.linear_model.SGDClassifier", loss="log_loss")
    assert model.random_state == 3
    probabilities = nodes.predict(model, csr_matrix(np.eye(2)))
    decoded = nodes.decode_predictions(ENCODER, probabilities)
    assert decoded["label"].tolist() == ["better", "worse"]
    assert decoded["probability"].tolist() == probabilities.max(axis=1).tolist()
    assert nodes.predict(model, csr_matrix((0, 2))).shape == (0, 2)


@pytest.mark.parametrize(
    ("class_path", "problem"),
    [
        ("sklearn.svm.LinearSVC", "LinearSVC has no predict_proba"),
        ("sklearn.naive_bayes.GaussianNB", "GaussianNB takes no sparse counts"),
    ],
)
def test_a_model_that_does_not_fit_is_named(class_path: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"text\.model\.class: .*{problem}"):
        train(class_path)


def test_the_held_out_reviews_are_compared() -> None:
    # Rows 0 and 3 are training's, and all wrong.
    better = np.array([0.0, 0.9, 0.8, 1.0, 0.3, 0.2, 0.6, 0.1])
    truth = ["better"] * 4 + ["worse"] * 2
    held_out = pd.DataFrame({"label": truth}, index=[1, 2, 4, 5, 6, 7])
    metrics, figure = evaluation.evaluate(
        np.column_stack([better, 1 - better]), held_out, ENCODER, LABELS
    )
    assert metrics["accuracy"] == 3 / 6
    assert metrics["f1_macro"] == pytest.approx((4 / 7 + 2 / 5) / 2)
    assert metrics["auc"] == 6 / 8
    assert figure.data[0].z.tolist() == [[2, 2], [1, 1]]


def test_words_speak_for_the_label_they_stand_with() -> None:
    words = CountVectorizer()
    features = words.fit_transform(["tedious", "brilliant"] * 2)
    model = LogisticRegression().fit(features, [1, 0] * 2)
    (bars,) = evaluation.plot_telling_words(model, words, ENCODER, LABELS).data
    assert list(bars.y) == ["tedious", "brilliant"]
    assert bars.x[0] < 0.5 < bars.x[1]
