"""Metrics computed by hand, and the words that a model goes by."""

from math import log

import numpy as np
import pandas as pd
import pytest
from sklearn.base import ClassifierMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.preprocessing import LabelEncoder
from sklearn.tree import DecisionTreeClassifier

from {{ cookiecutter.python_package }}.pipelines.ml_app.evaluation import (
    WORDS_PER_LABEL,
    describe,
    evaluate,
    plot_telling_words,
    score_probabilities,
)

# The positive one is last, though neither the last nor the first of the alphabet.
LABELS = {"worse": [0], "better": [1]}
METRICS = {
    "accuracy": 3 / 6,
    "f1_macro": (4 / 7 + 2 / 5) / 2,
    "log_loss": -sum(map(log, [0.9, 0.8, 0.3, 0.2, 0.4, 0.9])) / 6,
    "auc": 6 / 8,
}


def test_metrics_are_those_computed_by_hand() -> None:
    truth = pd.Series([True, True, True, True, False, False])
    metrics = score_probabilities(np.array([0.9, 0.8, 0.3, 0.2, 0.6, 0.1]), truth)
    assert metrics == pytest.approx(METRICS)
    assert {type(value) for value in metrics.values()} == {float}
    assert describe(metrics).startswith("accuracy 0.500, f1_macro 0.486, log_loss ")


@pytest.mark.parametrize("label", [True, False])
def test_there_is_no_auc_of_one_label(label: bool) -> None:
    metrics = score_probabilities(np.array([0.9, 0.1]), pd.Series([label, label]))
    assert metrics.keys() == {"accuracy", "f1_macro", "log_loss"}
    assert metrics["accuracy"] == 0.5


def test_the_held_out_reviews_are_compared() -> None:
    label_encoder = LabelEncoder().fit(["worse", "better"])
    # Rows 0 and 3 are training's, and all wrong.
    better = np.array([0.0, 0.9, 0.8, 1.0, 0.3, 0.2, 0.6, 0.1])
    names = ["better"] * 4 + ["worse"] * 2
    truth = pd.DataFrame({"label": names}, index=[1, 2, 4, 5, 6, 7])
    metrics, figure = evaluate(
        np.column_stack([better, 1 - better]), truth, label_encoder, LABELS
    )
    assert metrics == pytest.approx(METRICS)
    heat = figure.data[0]
    assert (list(heat.x), list(heat.y)) == (["better", "worse"], ["better", "worse"])
    assert heat.z.tolist() == [[2, 2], [1, 1]]
    assert figure.layout.yaxis.title.text == "true"


@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), MultinomialNB(), DecisionTreeClassifier()],
    ids=lambda model: type(model).__name__,
)
def test_words_speak_for_the_label_they_stand_with(model: ClassifierMixin) -> None:
    words, label_encoder = CountVectorizer(), LabelEncoder()
    features = words.fit_transform(["tedious", "brilliant", "tedious", "brilliant"])
    labels = label_encoder.fit_transform(["worse", "better", "worse", "better"])
    model.fit(features, labels)
    figure = plot_telling_words(model, words, label_encoder, LABELS)
    assert list(figure.data[0].y) == ["tedious", "brilliant"]
    tedious, brilliant = figure.data[0].x
    assert 0 <= tedious < 0.5 < brilliant <= 1
    assert "'better'" in figure.layout.title.text


def test_only_the_most_telling_words_are_drawn() -> None:
    # Word 0 is only in reviews of one label, word 99 only in those of the other.
    count = 100
    names = [f"word{number:02}" for number in range(count)]
    words = CountVectorizer().fit(names)
    features = np.vstack([np.arange(count), count - 1 - np.arange(count)])
    label_encoder = LabelEncoder().fit(["worse", "better"])
    model = MultinomialNB().fit(features, label_encoder.transform(["better", "worse"]))
    figure = plot_telling_words(model, words, label_encoder, LABELS)
    expected = names[:WORDS_PER_LABEL] + names[-WORDS_PER_LABEL:]
    assert list(figure.data[0].y) == expected
    assert list(figure.data[0].x) == sorted(figure.data[0].x)
