"""The steps from texts to predictions."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import LabelEncoder

from kedro_dynamic import ConfigurationError, ModelSpec, TokenizerSpec

from {{ cookiecutter.python_package }}.pipelines.ml_app import (
    evaluation,
    nodes,
)

ENCODER = LabelEncoder().fit(["worse", "better"])


@pytest.mark.parametrize("stopwords", ["- the", "[]", "# none"])
def test_texts_are_cleaned_as_the_parameters_say(stopwords: str) -> None:
    instances = pd.DataFrame({"text": ["The<br>END", ":("]})
    cleaned = nodes.clean_text(instances, ["html", "case", "stopwords"], stopwords)
    assert cleaned == [" end" if stopwords == "- the" else "the end", ":("]
    assert nodes.clean_text(instances, [], stopwords) == ["The<br>END", ":("]


@pytest.mark.parametrize("text", [None, float("nan"), 5, {"a": 1}])
def test_a_row_that_is_not_a_text_is_named(text: object) -> None:
    with pytest.raises(
        ConfigurationError, match="row 1, counted from 0, is not a text but"
    ):
        nodes.clean_text(pd.DataFrame({"text": ["Dull.", text]}), [], "")


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


def test_reviews_without_a_label_and_single_ones_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    instances = pd.DataFrame({"text": [f"Text {number}" for number in range(60)]})
    labels = pd.DataFrame({"label": ["worse", "better", None] * 20})
    rows, held_out = nodes.hold_out(instances, labels, 0.25)
    assert sorted([*rows, *held_out.index]) == [n for n in range(60) if n % 3 < 2]

    labels.loc[rows[0]] = "rare"
    fewer_rows, same_test = nodes.hold_out(instances, labels, 0.25)
    assert fewer_rows.tolist() == rows[1:].tolist()
    assert same_test.index.equals(held_out.index)
    assert "single training review are not learned: rare" in caplog.text
    with pytest.raises(ConfigurationError, match="no labels to learn from"):
        nodes.hold_out(instances, pd.DataFrame({"label": [None] * 60}), 0.25)


def test_the_tokenizer_learns_from_the_training_set_alone() -> None:
    texts = ["good film", "bad film", "unseen words"]
    labels = pd.DataFrame({"label": ["better", "worse", "worse"]})
    class_path = "sklearn.feature_extraction.text.CountVectorizer"
    entry = {"class": class_path, "model_kwargs": {"ngram_range": [1, 2]}}
    spec = TokenizerSpec.model_validate(entry)
    model = ModelSpec.model_validate({"class": "sklearn.svm.SVC"})
    rows = np.array([0, 1])
    tokenizer, comparison = nodes.fit_tokenizer(texts, labels, rows, spec, model, 3)
    assert {*tokenizer.vocabulary_} == {"bad", "film", "good", "bad film", "good film"}
    assert comparison["note"].tolist() == ["as text.tokenizer says"]
    counts = nodes.tokenize_text(tokenizer, ["film film good new", "unseen", ""])
    assert counts.sum(axis=1).tolist() == [[3], [0], [0]]


def train(class_path: str, **model_kwargs: Any) -> Any:
    """Fit a model to two rows; the other rows contradict them."""
    entry = {"class": class_path, "model_kwargs": model_kwargs}
    model = ModelSpec.model_validate(entry)
    features = csr_matrix(np.eye(2)[[0, 1, 0, 0, 0]])
    labels = pd.DataFrame({"label": ["better", *["worse"] * 4]})
    return nodes.train_model(
        features, labels, ENCODER, np.array([0, 1]), model, "accuracy", 3
    )


def test_a_model_is_seeded_and_learns_from_the_training_set_alone() -> None:
    model = train("sklearn.linear_model.SGDClassifier", loss="log_loss")
    assert model.random_state == 3
    probabilities = nodes.predict(model, csr_matrix(np.eye(2)))
    known = csr_matrix([[1, 0], [2, 3]])
    decoded = nodes.decode_predictions(ENCODER, probabilities.copy(), known, False)
    assert decoded["label"].tolist() == ["better", "worse"]
    assert decoded["probability"].tolist() == probabilities.max(axis=1).tolist()
    assert decoded["known_features"].tolist() == [1, 2]
    known = csr_matrix([[1, 0], [0, 0]])
    decoded = nodes.decode_predictions(ENCODER, probabilities, known, True)
    missing = [[False] * 4, [True, True, False, True]]
    assert decoded.isna().to_numpy().tolist() == missing
    names = ["better", "worse"]
    assert decoded["probabilities"][0] == dict(
        zip(names, probabilities[0].tolist(), strict=True)
    )


def test_predictions_are_compared_with_the_labels_of_the_test_set() -> None:
    # Rows 0 and 3 are in the training set, and would be wrong.
    better = np.array([0.0, 0.9, 0.8, 1.0, 0.3, 0.2, 0.6, 0.1])
    truth = ["better"] * 4 + ["worse"] * 2
    held_out = pd.DataFrame({"label": truth}, index=[1, 2, 4, 5, 6, 7])
    metrics, label_scores, confusion, reliability = evaluation.evaluate(
        np.column_stack([better, 1 - better]),
        csr_matrix(np.ones((8, 1))),
        held_out,
        ENCODER,
    )
    assert label_scores["rows"].tolist() == [4, 2]
    assert metrics["accuracy"] == 3 / 6
    assert metrics["accuracy_low"] < 3 / 6 < metrics["accuracy_high"]
    cells = [text.get_text() for text in confusion.axes[0].texts]
    assert cells == ["50%\n2", "50%\n2", "50%\n1", "50%\n1"]
    probability, right = reliability.axes[0].lines[1].get_data()
    assert probability.tolist() == [0.6, 0.7, 0.8, 0.9]
    assert right.tolist() == [0, 0, 0.5, 1]


def test_a_word_is_telling_for_the_label_it_occurs_with() -> None:
    tokenizer = CountVectorizer()
    texts = ["tedious film", "brilliant film", "average film"] * 3
    labels = ["bad", "good", "fair"] * 3
    features = tokenizer.fit_transform(texts)
    model = LogisticRegression().fit(features[:6], labels[:6])
    table = evaluation.find_telling_words(
        model,
        tokenizer,
        features,
        pd.DataFrame({"label": labels}),
        LabelEncoder().fit(labels),
        np.arange(6),
    )
    first = table.set_index("label")["words"].str.split().str[0].to_dict()
    assert first == {"bad": "tedious", "fair": "average", "good": "brilliant"}
