"""The steps from texts to predictions."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.preprocessing import LabelEncoder

from kedro_dynamic import ConfigurationError, ModelSpec, TokenizerSpec

from {{ cookiecutter.python_package }}.pipelines.ml_app import nodes

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


def test_texts_and_labels_of_the_same_reviews_are_split() -> None:
    instances = pd.DataFrame({"text": [f"Text {number}" for number in range(40)]})
    labels = pd.DataFrame({"label": ["worse", "better"] * 20})
    train, test = nodes.hold_out(instances, labels, 0.25)
    assert [*train] == [*test] == ["text", "label"]
    assert test["text"].tolist() == instances["text"][test.index].tolist()
    for other_rows in (instances.head(39), instances[::-1]):
        with pytest.raises(ConfigurationError, match="not of the same rows in the"):
            nodes.hold_out(other_rows, labels, 0.25)


def test_the_tokenizer_learns_from_the_training_set_alone() -> None:
    train = pd.DataFrame({"label": ["better", "worse"]})
    class_path = "sklearn.feature_extraction.text.CountVectorizer"
    entry = {"class": class_path, "model_kwargs": {"ngram_range": [1, 2]}}
    spec = TokenizerSpec.model_validate(entry)
    model = ModelSpec.model_validate({"class": "sklearn.svm.SVC"})
    tokenizer, features, comparison = nodes.fit_tokenizer(
        ["good film", "bad film"], train, spec, model, 3
    )
    assert {*tokenizer.vocabulary_} == {"bad", "film", "good", "bad film", "good film"}
    assert features.sum(axis=1).tolist() == [[3], [3]]
    assert comparison["note"].tolist() == ["as text.tokenizer says"]
    counts = nodes.tokenize_text(tokenizer, ["film film good new", "unseen", ""])
    assert counts.sum(axis=1).tolist() == [[3], [0], [0]]


def test_a_model_is_seeded_and_its_predictions_are_named() -> None:
    class_path = "sklearn.linear_model.SGDClassifier"
    entry = {"class": class_path, "model_kwargs": {"loss": "log_loss"}}
    labels = pd.DataFrame({"label": ["better", "worse"]})
    model = nodes.train_model(
        csr_matrix(np.eye(2)),
        labels,
        nodes.fit_label_encoder(labels),
        ModelSpec.model_validate(entry),
        "accuracy",
        3,
    )
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
    better = np.array([0.9, 0.8, 0.3, 0.2, 0.6, 0.1])
    truth = ["better"] * 4 + ["worse"] * 2
    held_out = pd.DataFrame({"label": truth}, index=[1, 2, 4, 5, 6, 7])
    metrics, label_scores, confusion, reliability = nodes.evaluate(
        np.column_stack([better, 1 - better]),
        csr_matrix(np.ones((6, 1))),
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
