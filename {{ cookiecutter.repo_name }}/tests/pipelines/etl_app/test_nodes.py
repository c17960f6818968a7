"""Texts and labels out of raw tables, whatever their layout."""

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
    "of_others": 1,
}


def refused(labels: list[Any]) -> str:
    with pytest.raises(ConfigurationError) as error:
        etl_labels(pd.DataFrame({"label": labels}), "label", LABELS, "train")
    return error.value.message


@pytest.mark.parametrize("written", [NAMES, [0, 1, 0]])
def test_every_way_to_write_labels_gives_the_same(written: list[Any]) -> None:
    reviews = pd.DataFrame({"review": TEXTS, "sentiment": written}, index=[7, 7, 0])
    instances = etl_instances(reviews, "review")
    labels = etl_labels(reviews, "sentiment", LABELS, "train")
    assert instances.to_dict("list") == {"text": TEXTS}
    assert labels.to_dict("list") == {"label": NAMES}
    assert instances.index.tolist() == labels.index.tolist() == [0, 1, 2]


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, ""])
def test_a_missing_text_is_empty(missing: object) -> None:
    reviews = pd.DataFrame({"text": ["Dull.", missing]})
    assert etl_instances(reviews, "text")["text"].tolist() == ["Dull.", ""]


def test_labels_are_as_the_table_has_them_if_none_are_named() -> None:
    for written in (["1", "5", "3"], [1, 5, 3], [1.0, 5.0, 3.0]):
        reviews = pd.DataFrame({"stars": written})
        labels = etl_labels(reviews, "stars", {}, "train")
        assert labels.to_dict("list") == {"label": ["1", "5", "3"]}


@pytest.mark.parametrize("labels", [[-1, -1], ["", " "], [None, None], []])
def test_a_split_without_labels_says_what_to_run(labels: list[Any]) -> None:
    message = refused(labels)
    assert "The split 'train' has no labels" in message
    assert message.endswith("kedro run --pipelines etl_instances --params split=train")


def test_labels_that_are_not_mapped_are_counted() -> None:
    first, fine, mixed = refused(["better", "mixed", "fine", "fine"]).splitlines()
    assert first == "parameters_text.yml has 2 problems:"
    assert "text.labels: 'fine', in 2 rows of the split 'train'" in fine
    assert "text.labels: 'mixed', in 1 rows" in mixed


@pytest.mark.parametrize("labels", [[1, None, 0], ["better", "", "worse"]])
def test_some_reviews_without_a_label_are_not_passed_over(labels: list[Any]) -> None:
    message = refused(labels)
    assert "no label in 1 of 3 rows of the split 'train', the first is row 1" in message
    assert "none of the labels" not in message


def test_a_wrong_column_is_named_with_those_there_are() -> None:
    reviews = pd.DataFrame({"text": TEXTS, "label": NAMES})
    with pytest.raises(ConfigurationError, match=r"text_column: 'txt'.*mean 'text'"):
        etl_instances(reviews, "txt")
    with pytest.raises(ConfigurationError, match=r"'labels' is no.*columns: text, lab"):
        etl_labels(reviews, "labels", LABELS, "train")


def test_texts_are_prepared_without_labels_too() -> None:
    pipelines = create_pipelines({"text": PARAMETERS})
    assert pipelines["etl"].outputs() == {"instances", "labels"}
    assert pipelines["etl_instances"].inputs() == {"reviews", "params:text.text_column"}
    assert pipelines["etl_labels"].outputs() == {"labels"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ({"text_column": 1}, r"text\.text_column: .* valid string, not 1"),
        ({"labels": {"better": 1}}, r"text\.labels\.better: .* valid list"),
    ],
)
def test_mistakes_are_named(text: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        create_pipelines({"text": PARAMETERS | text})
