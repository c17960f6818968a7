"""Texts and labels from raw tables of different layouts."""

from typing import Any

import pandas as pd
import pytest

from kedro_dynamic import ConfigurationError

from {{ cookiecutter.python_package }}.pipelines.etl_app import (
    create_pipelines,
)
from {{ cookiecutter.python_package }}.pipelines.etl_app.nodes import (
    etl_instances,
    etl_labels,
)

LABELS: dict[str, list[str | int]] = {"worse": ["worse", 0], "better": ["better", 1]}
TEXTS = ["Dull.", "Great!", "Dull again."]
NAMES = ["worse", "better", "worse"]
PARAMETERS = {
    "text_column": "text",
    "label_column": "label",
    "labels": LABELS,
    "tokenizer": "auto",
    "model": {"class": "sklearn.svm.SVC"},
}


def extract(
    reviews: pd.DataFrame,
    column: str,
    labels: dict[str, list[str | int]],
    missing: str = "error",
    ids: str | None = None,
) -> pd.DataFrame:
    """Return the labels of a table of the split `train`."""
    return etl_labels(reviews, column, labels, missing, ids, "train")


def error_for(labels: list[Any]) -> str:
    """Return the error for a table with these labels."""
    with pytest.raises(ConfigurationError) as error:
        extract(pd.DataFrame({"label": labels}), "label", LABELS)
    return error.value.message


@pytest.mark.parametrize("written", [NAMES, [0, 1, 0]])
def test_all_values_of_a_label_give_its_name(written: list[Any]) -> None:
    reviews = pd.DataFrame({"review": TEXTS, "sentiment": written}, index=[7, 7, 0])
    instances = etl_instances(reviews, "review", None)
    labels = extract(reviews, "sentiment", LABELS)
    assert instances.to_dict("list") == {"text": TEXTS}
    assert labels.to_dict("list") == {"label": NAMES}
    assert instances.index.equals(labels.index)
    other_order = extract(reviews[::-1], "sentiment", LABELS)
    assert not instances.index.equals(other_order.index)
    assert instances.index[::-1].equals(other_order.index)


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, ""])
def test_a_missing_text_is_empty(missing: object) -> None:
    reviews = pd.DataFrame({"text": ["Dull.", missing]})
    assert etl_instances(reviews, "text", None)["text"].tolist() == ["Dull.", ""]


def test_without_names_the_values_are_the_labels() -> None:
    for written in (["1", "5", "3"], [1, 5, 3], [1.0, 5.0, 3.0]):
        reviews = pd.DataFrame({"stars": written})
        labels = extract(reviews, "stars", {})
        assert labels.to_dict("list") == {"label": ["1", "5", "3"]}


def test_columns_are_joined_and_ids_are_kept() -> None:
    reviews = pd.DataFrame(
        {"key": [7, 8], "title": ["Dull", None], "body": ["All of it.", "Great!"]}
    )
    instances = etl_instances(reviews, ["title", "body"], "key")
    assert instances["text"].tolist() == ["Dull\nAll of it.", "Great!"]
    assert instances.index.get_level_values("key").tolist() == [7, 8]
    reviews["label"] = [0, 1]
    with_label = etl_instances(reviews, "body", "key")
    labels = extract(reviews, "label", LABELS, ids="key")
    assert labels.index.equals(with_label.index)
    with pytest.raises(ConfigurationError, match=r"id_column: 'keys'.*mean 'key'"):
        etl_instances(reviews, "body", "keys")


@pytest.mark.parametrize("labels", [[-1, -1], ["", " "], [None, None], []])
def test_a_split_may_have_no_labels(
    labels: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    reviews = pd.DataFrame({"label": labels})
    found = extract(reviews, "label", LABELS)
    assert found["label"].isna().tolist() == [True] * len(labels)
    assert "The split 'train' lacks labels" in caplog.text
    assert extract(reviews, "sentiment", LABELS).equals(found)


def test_reviews_without_a_label_may_be_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reviews = pd.DataFrame({"label": ["Good", None, "good "]})
    labels = extract(reviews, "label", {}, "drop")
    assert labels["label"].isna().tolist() == [False, True, False]
    assert "1 of 3 rows of the split 'train' have no label" in caplog.text
    assert "by case or spaces alone: 'Good', 'good '" in caplog.text


def test_values_without_a_label_are_counted() -> None:
    first, fine, mixed = error_for(["better", "mixed", "fine", "fine"]).splitlines()
    assert first == "parameters_text.yml has 2 problems:"
    assert "text.labels: 'fine', in 2 rows of the split 'train'" in fine
    assert "text.labels: 'mixed', in 1 rows" in mixed


@pytest.mark.parametrize("labels", [[1, None, 0], ["better", "", "worse"]])
def test_reviews_without_a_label_are_an_error(labels: list[Any]) -> None:
    message = error_for(labels)
    assert "a label in 1 of 3 rows of the split 'train', the first is row 1" in message
    assert "not a value of any label" not in message


def test_an_error_names_the_wrong_column_and_those_there_are() -> None:
    reviews = pd.DataFrame({"text": TEXTS, "label": NAMES})
    with pytest.raises(ConfigurationError, match=r"text_column: 'txt'.*mean 'text'"):
        etl_instances(reviews, "txt", None)
    with pytest.raises(
        ConfigurationError, match=r"'labels' is not a column.*columns: text, lab"
    ):
        extract(reviews, "labels", LABELS)


def test_texts_can_be_prepared_without_labels() -> None:
    pipelines = create_pipelines({"text": PARAMETERS})
    assert pipelines["etl"].outputs() == {"instances", "labels"}
    assert pipelines["etl_instances"].outputs() == {"instances"}
    assert pipelines["etl_labels"].outputs() == {"labels"}
    parameters = {"split": "new", "text": PARAMETERS | {"unlabelled": ["new"]}}
    assert create_pipelines(parameters)["etl"].outputs() == {"instances"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ({"text_column": 1}, r"text\.text_column: .* valid list, not 1"),
        ({"labels": {"better": 1}}, r"text\.labels\.better: .* valid list"),
    ],
)
def test_wrong_parameters_are_named(text: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        create_pipelines({"text": PARAMETERS | text})
