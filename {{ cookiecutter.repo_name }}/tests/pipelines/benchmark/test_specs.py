"""What parameters_benchmark.yml may say, and what is said of the rest."""

from typing import Any

import pytest

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipelines.benchmark.specs import (
    datasets_and_models,
)

TREE = {"class": "sklearn.tree.DecisionTreeClassifier"}
SVM = {"class": "sklearn.svm.SVC"}
IRIS = {"target": "species"}


def check(
    known: dict[str, Any] | None = None, **benchmark: Any
) -> tuple[list[str], list[str]]:
    parameters = {
        "train_fraction": 0.8,
        "random_state": 3,
        "target_column": "species",
        "models": known or {"tree": TREE, "svm": SVM},
        "benchmark": {"datasets": {"iris": IRIS}, "tuning": {}, **benchmark},
    }
    return datasets_and_models(parameters)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ([], ["tree", "svm"]),
        (None, ["tree", "svm"]),
        (["svm", "tree", "svm"], ["svm", "tree"]),
    ],
)
def test_models_are_those_named_or_all(named: Any, expected: list[str]) -> None:
    assert check(models=named) == (["iris"], expected)


def test_what_is_disabled_is_left_out() -> None:
    known = {"tree": TREE, "svm": {**SVM, "enabled": False}}
    datasets = {"iris": IRIS, "wine": {"target": "cultivar", "enabled": False}}
    assert check(known, datasets=datasets, models=["svm", "tree"]) == (
        ["iris"],
        ["tree"],
    )


@pytest.mark.parametrize(
    ("benchmark", "problem"),
    [
        ({"dataset": {}}, "benchmark.dataset: unknown key; did you mean 'datasets'?"),
        ({"datasets": {"iris": {}}}, "benchmark.datasets.iris.target: missing"),
        (
            {"datasets": {"iris": {"taget": "x"}}},
            "benchmark.datasets.iris.taget: unknown key; did you mean 'target'?",
        ),
        (
            {"datasets": {"iris": {**IRIS, "test_fraction": 2}}},
            "benchmark.datasets.iris.test_fraction: Input should be less than 1",
        ),
        ({"datasets": {"My Iris": IRIS}}, "write 'my_iris'"),
        ({"datasets": {"2024": IRIS}}, "write 'data_2024'"),
        ({"datasets": {}}, "benchmark.datasets: Dictionary should have at least 1"),
        ({"datasets": {"iris": {**IRIS, "enabled": False}}}, "'enabled: false'"),
        ({"datasets": {"tune": IRIS}}, "write another name, such as 'tune_data'"),
        ({"datasets": {"tree": IRIS}}, "the tag 'tree' means a model"),
        ({"models": ["tre"]}, "'tre' is no model of parameters.yml; did you mean"),
        ({"models": ["zzz"]}, "there are tree, svm"),
        ({"tuning": {"trails": 3}}, "benchmark.tuning.trails: unknown key; did you"),
        ({"tuning": {"folds": 1}}, "benchmark.tuning.folds: Input should be greater"),
        ({"tuning": None}, "benchmark.tuning: not a mapping"),
    ],
)
def test_what_is_wrong_is_explained(benchmark: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        check(**benchmark)
    assert error.value.message.startswith("parameters_benchmark.yml has a problem")
    assert problem in error.value.message


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(ConfigurationError, match="has 3 problems"):
        check(datasets={"iris": {}}, tuning={"folds": 1, "trails": 3})
