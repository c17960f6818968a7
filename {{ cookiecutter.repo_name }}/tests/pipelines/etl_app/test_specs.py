"""What parameters_text.yml may say, and what is said of the rest."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipelines.etl_app.specs import read_spec

PARAMETERS = {
    "split": "train",
    "scored_split": "test",
    "text": {
        "splits": {"labelled": ["train", "test"], "unlabelled": ["unsupervised"]},
        "text_column": "text",
        "label_column": "label",
        "labels": {"negative": ["negative", 0], "positive": ["positive", 1]},
        "vocabulary_size": 100,
        "test_fraction": 0.2,
        "batch_size": 10,
        "model": {"class": "sklearn.linear_model.LogisticRegression"},
    },
}


def problems(parameters: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        read_spec(parameters)
    first, *listed = error.value.message.splitlines()
    assert first.startswith("parameters_text.yml has ")
    return [problem.strip() for problem in listed]


@pytest.mark.parametrize("env", [None, "imdb", "imdb_csv"])
def test_what_is_shipped_is_right(
    env: str | None, load_config: Callable[..., Any]
) -> None:
    spec = read_spec(load_config(env=env)["parameters"])
    assert list(spec.labels) == ["negative", "positive"]


def test_an_entry_keeps_what_it_says() -> None:
    spec = read_spec(PARAMETERS)
    assert spec.splits.unlabelled == ["unsupervised"]
    assert spec.labels["positive"] == ["positive", 1]
    assert spec.model.class_path == "sklearn.linear_model.LogisticRegression"


def test_every_bad_parameter_is_listed_at_once() -> None:
    wrong = deepcopy(PARAMETERS["text"])
    del wrong["vocabulary_size"], wrong["label_column"]
    wrong |= {
        "vocabulary": 100,
        "splits": {"labeled": ["train"]},
        "text_column": "",
        "labels": {"positive": [1]},
        "test_fraction": 1,
        "batch_size": 0,
        "model": {"clas": "sklearn.svm.SVC"},
    }
    listed = problems({**PARAMETERS, "text": wrong})
    for problem in (
        "text.vocabulary: unknown key; did you mean 'vocabulary_size'?",
        "text.label_column: missing",
        "text.splits.labeled: unknown key; did you mean 'labelled'?",
        "text.text_column: String should have at least 1 character, not ''",
        "text.labels: Dictionary should have at least 2 items",
        "text.test_fraction: Input should be less than 1, not 1",
        "text.batch_size: Input should be greater than 0, not 0",
        "text.model.clas: unknown key; did you mean 'class'?",
    ):
        assert [line for line in listed if line.startswith(problem)], problem
    assert len(listed) == 8


def test_there_are_two_labels() -> None:
    three = {"negative": [0], "neutral": [1], "positive": [2]}
    text = {**PARAMETERS["text"], "labels": three}
    (problem,) = problems({**PARAMETERS, "text": text})
    assert problem.startswith("text.labels: Dictionary should have at most 2 items")


@pytest.mark.parametrize(
    ("splits", "keys"),
    [
        ({"split": "tset"}, ["split"]),
        ({"scored_split": "tset"}, ["scored_split"]),
        ({"scored_split": "tset", "split": "tset"}, ["split"]),
        ({"scored_split": "tset", "split": "tests"}, ["scored_split", "split"]),
    ],
    ids=["split", "scored_split", "one for both", "both"],
)
def test_an_unknown_split_is_named_with_its_key(
    splits: dict[str, str], keys: list[str]
) -> None:
    assert problems({**PARAMETERS, **splits}) == [
        f"{key}: there is no split '{splits[key]}' in text.splits; "
        "did you mean 'test'?; known: train, test, unsupervised"
        for key in keys
    ]


def test_parameters_without_text() -> None:
    assert problems({"split": "train"}) == ["text: missing"]


def test_a_value_may_not_mean_two_labels() -> None:
    wrong = deepcopy(PARAMETERS)
    wrong["text"]["labels"] = {"negative": [0, "1"], "positive": [1]}  # type: ignore[index]
    (problem,) = problems(wrong)
    assert problem.startswith("text.labels: '1' means both 'negative' and 'positive'")


@pytest.mark.parametrize("size", ["500", 500.0, True])
def test_numbers_are_not_guessed(size: object) -> None:
    wrong = deepcopy(PARAMETERS)
    wrong["text"]["vocabulary_size"] = size  # type: ignore[index]
    (problem,) = problems(wrong)
    assert problem.startswith("text.vocabulary_size: ")
