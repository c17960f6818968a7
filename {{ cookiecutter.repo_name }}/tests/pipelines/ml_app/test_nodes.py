"""From cleaned texts to predictions, step by step."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.sparse import csr_matrix, issparse
from sklearn.linear_model import LogisticRegression

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipelines.ml_app.nodes import (
    decode_predictions,
    encode_labels,
    fit_label_encoder,
    fit_tokenizer,
    hold_out,
    predict,
    tokenize_text,
    train_model,
)
from {{ cookiecutter.python_package }}.pipelines.models.specs import ModelSpec

STOPWORDS = Path(__file__).parents[3] / "data/01_raw/stopwords.yml"


def instances(count: int) -> pd.DataFrame:
    return pd.DataFrame({"text": [f"text {number}" for number in range(count)]})


def labels(positive: int, negative: int) -> pd.DataFrame:
    return pd.DataFrame({"label": ["positive"] * positive + ["negative"] * negative})


def test_the_held_out_reviews_and_the_others_are_all_there_are() -> None:
    train_rows, test_instances = hold_out(instances(100), labels(80, 20), 0.25, 3)
    assert sorted([*train_rows, *test_instances.index]) == list(range(100))
    assert len(test_instances) == 25
    assert test_instances["text"].tolist() == [
        f"text {row}" for row in test_instances.index
    ]


def test_both_parts_have_the_same_share_of_each_label() -> None:
    train_rows, test_instances = hold_out(instances(100), labels(80, 20), 0.25, 3)
    assert test_instances["label"].value_counts().to_dict() == {
        "positive": 20,
        "negative": 5,
    }
    assert (train_rows < 80).sum() == 60


def test_the_seed_decides_what_is_held_out() -> None:
    first, again, other = (
        hold_out(instances(100), labels(50, 50), 0.2, seed)[1] for seed in (3, 3, 4)
    )
    assert first.equals(again)
    assert not first.index.equals(other.index)


@pytest.mark.parametrize(
    ("rows", "positive", "negative", "says"),
    [
        (9, 5, 5, "9 instances but 10 labels.*kedro run --pipelines etl"),
        (10, 10, 0, "All 10 reviews have the same label"),
        (0, 0, 0, "All 0 reviews have the same label"),
        (10, 9, 1, r"text\.test_fraction: 0\.2 of {.*'negative': 1} is too few"),
        (3, 2, 1, r"text\.test_fraction: 0\.2 of .* is too few"),
    ],
    ids=["unequal lengths", "one label", "none", "one review of a label", "too few"],
)
def test_what_cannot_be_divided(
    rows: int, positive: int, negative: int, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        hold_out(instances(rows), labels(positive, negative), 0.2, 3)


def test_the_vocabulary_is_of_the_training_rows_alone() -> None:
    text = pd.Series(["good film", "bad film", "unseen words"])
    tokenizer = fit_tokenizer(text, np.array([0, 1]), 100)
    assert set(tokenizer.get_feature_names_out()) == {"good", "bad", "film"}
    features = tokenize_text(tokenizer, pd.Series(["film, film good", "unseen", ""]))
    assert issparse(features)
    counts = pd.DataFrame(features.toarray(), columns=tokenizer.get_feature_names_out())
    assert counts.to_dict("list") == {
        "bad": [0, 0, 0],
        "film": [2, 0, 0],
        "good": [1, 0, 0],
    }


def test_the_most_frequent_words_are_kept() -> None:
    text = pd.Series(["rare film", "good film", "good film"])
    tokenizer = fit_tokenizer(text, np.arange(3), 2)
    assert set(tokenizer.get_feature_names_out()) == {"good", "film"}


def test_texts_without_words_have_no_vocabulary() -> None:
    text = pd.Series(["", "  ", "film"])
    with pytest.raises(ConfigurationError, match=r"None of 2 reviews .*text_column"):
        fit_tokenizer(text, np.array([0, 1]), 10)


def test_labels_come_back_as_they_were() -> None:
    table = labels(1, 2)
    label_encoder = fit_label_encoder(table)
    encoded = encode_labels(label_encoder, table)
    assert encoded["label"].tolist() == [1, 0, 0]
    certain = np.eye(2)[encoded["label"]]
    decoded = decode_predictions(label_encoder, certain)
    assert decoded["label"].tolist() == table["label"].tolist()


def test_the_most_probable_label_has_its_probability() -> None:
    label_encoder = fit_label_encoder(labels(1, 1))
    probabilities = np.array([[0.75, 0.25], [0.125, 0.875]])
    assert decode_predictions(label_encoder, probabilities).to_dict("list") == {
        "label": ["negative", "positive"],
        "probability": [0.75, 0.875],
    }


def test_no_texts_get_no_predictions() -> None:
    model = LogisticRegression().fit(np.eye(2), [0, 1])
    probabilities = predict(model, csr_matrix((0, 2)))
    assert probabilities.shape == (0, 2)
    predictions = decode_predictions(fit_label_encoder(labels(1, 1)), probabilities)
    assert list(predictions) == ["label", "probability"]
    assert predictions.empty


def test_one_row_per_text_and_one_column_per_label() -> None:
    model = LogisticRegression().fit(np.eye(2), [0, 1])
    features = csr_matrix(np.eye(2)[[0, 1, 1]])
    probabilities = predict(model, features)
    assert probabilities.argmax(axis=1).tolist() == [0, 1, 1]
    assert probabilities.sum(axis=1) == pytest.approx(1)


def train(class_path: str, **model_kwargs: object) -> object:
    """Fit a model on two rows; the third one says otherwise."""
    spec = ModelSpec.model_validate({"class": class_path, "model_kwargs": model_kwargs})
    features = csr_matrix(np.eye(2)[[0, 1, 0, 0, 0]])
    encoded = pd.DataFrame({"label": [0, 1, 1, 1, 1]})
    return train_model(features, encoded, np.array([0, 1]), spec, 3)


def test_a_model_learns_from_the_training_rows_alone() -> None:
    model = train("sklearn.linear_model.LogisticRegression", C=100.0)
    assert predict(model, csr_matrix(np.eye(2))).argmax(axis=1).tolist() == [0, 1]


def test_the_seed_reaches_the_model() -> None:
    model = train("sklearn.linear_model.SGDClassifier", loss="log_loss")
    assert model.random_state == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("class_path", "model_kwargs"),
    [
        ("sklearn.svm.LinearSVC", {}),
        ("sklearn.linear_model.SGDClassifier", {"loss": "hinge"}),
    ],
)
def test_a_model_without_probabilities_is_refused(
    class_path: str, model_kwargs: dict[str, object]
) -> None:
    with pytest.raises(ConfigurationError) as error:
        train(class_path, **model_kwargs)
    assert error.value.message.startswith("parameters_text.yml has a problem:")
    assert f"text.model.class: {class_path} has no" in error.value.message


def test_the_shipped_stopwords_are_words_and_no_negations() -> None:
    stopwords = yaml.safe_load(STOPWORDS.read_text())
    assert {type(word) for word in stopwords} == {str}
    assert [word.lower() for word in stopwords] == stopwords
    assert len(set(stopwords)) == len(stopwords) > 100
    negations = {"not", "no", "never", "nor", "neither", "none", "nobody", "nothing"}
    negations |= {"nowhere", "cannot", "without", "hardly", "but", "although"}
    assert not negations & set(stopwords)
    assert not [word for word in stopwords if word.endswith("n't")]


def test_a_model_that_takes_no_sparse_counts_is_named() -> None:
    naive_bayes = ModelSpec.model_validate({"class": "sklearn.naive_bayes.GaussianNB"})
    labels = pd.DataFrame({"label": [0, 1] * 5})
    with pytest.raises(ConfigurationError, match="GaussianNB takes no sparse counts"):
        train_model(csr_matrix(np.eye(10)), labels, np.arange(10), naive_bayes, 3)
