"""Where tuning looks: what may be written, and what is said of the rest."""

from typing import Any

import pytest

from {{ cookiecutter.python_package }}.errors import schema_problems
from {{ cookiecutter.python_package }}.pipelines.models.estimators import (
    build_estimator,
    find_problems,
)
from {{ cookiecutter.python_package }}.pipelines.models.specs import ModelSpec


def entry(class_path: str = "sklearn.svm.SVC", **space: Any) -> dict[str, Any]:
    return {"class": class_path, "search_space": space}


@pytest.mark.parametrize(
    "dimension",
    [
        {"int": [1, 50]},
        {"int": [1, 10**400]},
        {"int": [3, 3]},
        {"float": ["0.5", "50"]},
        {"int": ["1", "50"]},  # as --params gives them
        {"float": [0.001, 100], "log": True},
        {"categorical": ["a", None, True, 1, 0.5]},
        {"layers": {"count": [1, 3], "units": [8, 128]}, "log": True},
    ],
)
def test_what_may_be_written(dimension: Any) -> None:
    assert schema_problems(ModelSpec, entry(C=dimension)) == []


@pytest.mark.parametrize(
    ("dimension", "problem"),
    [
        ({"flaot": [1, 2]}, "C.flaot: unknown key; did you mean 'float'?"),
        ({}, "C: give exactly one of int, float, categorical, layers"),
        ({"int": [1, 2], "float": [1, 2]}, "C: give exactly one of int, float"),
        ({"float": [2, 1]}, "C.float: write it as [lowest, highest], not [2, 1]"),
        ({"int": ["50", "1"]}, "C.int: write it as [lowest, highest], not ['50', '1']"),
        ({"int": [False, True]}, "C.int: write it as [lowest, highest]"),
        ({"float": [0, True]}, "C.float: write it as [lowest, highest]"),
        ({"float": [0, float("nan")]}, "C.float: write it as [lowest, highest]"),
        ({"float": ["nan", "nan"]}, "C.float: write it as [lowest, highest]"),
        ({"float": [1, float("inf")]}, "C.float: write it as [lowest, highest]"),
        ({"float": ["-inf", "1"]}, "C.float: write it as [lowest, highest]"),
        ({"int": [1, float("inf")]}, "C.int.1: Input should be a finite number"),
        ({"int": ["a", "b"]}, "C.int.0: Input should be a valid integer"),
        ({"float": [1]}, "C.float: write it as [lowest, highest]"),
        ({"int": 3}, "C.int: write it as [lowest, highest], not 3"),
        ({"int": [0.5, 2]}, "C.int.0: Input should be a valid integer"),
        ({"float": [0, 1], "log": True}, "C: 'log: true' needs numbers, all of them"),
        ({"categorical": ["a"], "log": True}, "C: 'log: true' needs numbers"),
        ({"categorical": []}, "C.categorical: List should have at least 1 item"),
        ({"layers": {"count": [1, 3]}}, "C.layers.units: missing"),
        ({"layers": {"cuont": [1, 3], "units": [1, 2]}}, "did you mean 'count'?"),
        ([1, 2], "C: not a mapping"),
    ],
)
def test_what_is_wrong_is_explained(dimension: Any, problem: str) -> None:
    problems = schema_problems(ModelSpec, entry(C=dimension), "models.svm")
    assert any(problem in line for line in problems), problems
    assert all(line.startswith("models.svm.search_space.C") for line in problems)


def test_names_that_the_class_does_not_take() -> None:
    whole = {"int": [1, 2]}
    svm = ModelSpec.model_validate(entry(D=whole, degree=whole))
    assert find_problems(svm, "models.svm") == [
        "models.svm.search_space.D: SVC takes no such argument"
    ]
    bagging = "sklearn.ensemble.BaggingClassifier"
    space = {"estimator__max_depth": whole, "estimater__max_depth": whole}
    (problem,) = find_problems(
        ModelSpec.model_validate(entry(bagging, **space)), "models.trees"
    )
    assert problem.startswith("models.trees.search_space.estimater__max_depth: ")


def test_parameters_of_parts_are_set() -> None:
    spec = ModelSpec.model_validate(
        {
            "class": "sklearn.multiclass.OneVsRestClassifier",
            "model_kwargs": {"estimator__C": 3, "estimator": None},
        }
    )
    from sklearn.svm import SVC

    spec = spec.model_copy(
        update={"model_kwargs": {**spec.model_kwargs, "estimator": SVC()}}
    )
    assert build_estimator(spec, 3).get_params()["estimator__C"] == 3
