"""Entries become estimators: nested, seeded, and only of trusted packages."""

from __future__ import annotations

import os
import subprocess
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from kedro_dynamic.config.schema import ModelSpec
from kedro_dynamic.models.estimators import build_estimator, find_problems, import_class
from kedro_dynamic.models.labels import LabelEncodedClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

X = np.arange(30.0).reshape(15, 2)
Y = np.array([*"abc"] * 5)

SCALER = {"class": "sklearn.preprocessing.StandardScaler"}
TREE = {"class": "sklearn.tree.DecisionTreeClassifier"}
FOREST = {
    "class": "sklearn.ensemble.RandomForestClassifier",
    "model_kwargs": {"n_estimators": 3},
}
PIPELINE = "sklearn.pipeline.Pipeline"
STEPS = [["scale", SCALER], ["tree", TREE]]
NESTED = {"class": PIPELINE, "model_kwargs": {"steps": STEPS}}
STACK = "sklearn.ensemble.StackingClassifier"


def entry(path: str, **kwargs: Any) -> ModelSpec:
    return ModelSpec.model_validate({"class": path, "model_kwargs": kwargs})


def problems(path: str, **kwargs: Any) -> list[str]:
    return find_problems(entry(path, **kwargs), "models.a")


@pytest.mark.parametrize(
    ("model", "seeds"),
    [
        (entry(TREE["class"], max_depth=2), 1),
        (entry(PIPELINE, steps=STEPS), 1),
        (entry("sklearn.calibration.CalibratedClassifierCV", estimator=FOREST), 1),
        (
            entry(
                STACK,
                estimators=[["a", TREE], ["b", NESTED]],
                final_estimator=FOREST,
            ),
            3,
        ),
    ],
)
def test_nested_models_are_built_and_seeded(model: ModelSpec, seeds: int) -> None:
    built = build_estimator(model, 7)
    random_states = [
        value
        for name, value in built.get_params().items()
        if name.rpartition("__")[2] == "random_state"
    ]
    assert random_states == [7] * seeds
    assert set(built.fit(X, Y).predict(X)) <= set(Y)
    assert find_problems(model, "models.a") == []


def test_a_seed_in_the_arguments_is_kept() -> None:
    tree = TREE | {"model_kwargs": {"random_state": 1}}
    built = build_estimator(entry(PIPELINE, steps=[["a", tree], ["b", TREE]]), 7)
    params = built.get_params()
    assert (params["a__random_state"], params["b__random_state"]) == (1, 7)


def test_two_underscores_set_a_parameter_of_a_part() -> None:
    model = entry(PIPELINE, steps=STEPS, tree__max_depth=2)
    assert build_estimator(model, 0).get_params()["tree__max_depth"] == 2
    assert find_problems(model, "models.a") == []
    wrong = entry(PIPELINE, steps=STEPS, tree__max_dept=2)
    with pytest.raises(ValueError, match="max_dept"):
        build_estimator(wrong, 0)


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (
            entry("sklearn.svm.SVCC"),
            "models.a.class: 'sklearn.svm.SVCC' does not exist; did you mean "
            "'sklearn.svm.SVC'?",
        ),
        (
            entry("sklearn.smv.SVC"),
            "models.a.class: 'sklearn.smv.SVC' cannot be imported",
        ),
        (
            entry("sklearn.svm.SVC", kernl="linear"),
            "models.a.model_kwargs.kernl: SVC takes no such argument; did you mean "
            "'kernel'?",
        ),
        (
            entry(PIPELINE, steps=[["a", TREE | {"model_kwargs": {"max_dept": 1}}]]),
            "models.a.model_kwargs.max_dept: DecisionTreeClassifier takes no such",
        ),
        (entry(PIPELINE), "models.a.model_kwargs.steps: missing, Pipeline needs it"),
        (
            entry(SCALER["class"]),
            "models.a.class: 'sklearn.preprocessing.StandardScaler' is not an "
            "estimator",
        ),
    ],
)
def test_a_problem_is_found_before_fitting(model: ModelSpec, problem: str) -> None:
    (found,) = find_problems(model, "models.a")
    assert found.startswith(problem)


def build_tree(depth: int = 1) -> DecisionTreeClassifier:
    return DecisionTreeClassifier(max_depth=depth)


def without_annotation(command: str = "") -> Any:
    raise AssertionError(command)


@pytest.fixture
def own_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return ``iris.own``, a module of the project that imports other packages."""
    module = ModuleType("iris.own")
    for name in ("build_tree", "without_annotation"):
        function = globals()[name]
        monkeypatch.setattr(function, "__module__", "iris.own")
        setattr(module, name, function)
    vars(module).update(os=os, system=os.system, Popen=subprocess.Popen, SVC=SVC)
    monkeypatch.setitem(sys.modules, "iris.own", module)
    return module


@pytest.mark.usefixtures("own_module")
def test_a_function_of_the_project_may_build_the_estimator() -> None:
    built = build_estimator(entry("iris.own.build_tree", depth=4), 7)
    assert built.get_params()["max_depth"] == 4
    assert problems("iris.own.build_tree", depth=4) == []
    assert "takes no such argument" in problems("iris.own.build_tree", dept=4)[0]
    # A class that the module imports from a trusted package.
    assert import_class("iris.own.SVC") is SVC


@pytest.mark.usefixtures("own_module")
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("iris.own.system", "is not an estimator"),
        ("iris.own.without_annotation", "is not an estimator"),
        ("iris.own.Popen", "'subprocess.Popen' is not imported"),
        ("iris.own.os", "is not an estimator"),
        ("iris.own.os.system", "cannot be imported"),
        ("sklearn.base.re.Pattern", "cannot be imported"),
        ("sklearn.__version__", "is not an estimator"),
    ],
)
def test_what_a_trusted_module_imports_is_not_called(path: str, reason: str) -> None:
    for model in (entry(path), entry(PIPELINE, steps=[["a", {"class": path}]])):
        with pytest.raises(ValueError, match=r"imported|not an estimator") as caught:
            build_estimator(model, 0)
        assert reason in str(caught.value)
        assert reason in "".join(find_problems(model, "models.a"))


XGBOOST = {"class": "xgboost.XGBClassifier", "model_kwargs": {"n_estimators": 3}}


@pytest.mark.parametrize(
    "model",
    [
        ModelSpec.model_validate(XGBOOST),
        entry(PIPELINE, steps=[["scale", SCALER], ["boost", XGBOOST]]),
        entry(STACK, estimators=[["a", XGBOOST]], final_estimator=XGBOOST, cv=2),
    ],
)
def test_classifiers_of_xgboost_learn_labels(model: ModelSpec) -> None:
    pytest.importorskip("xgboost")
    fitted: Any = build_estimator(model, 7).fit(X, Y)
    assert set(fitted.predict(X)) <= set(Y)
    assert fitted.predict_proba(X).shape == (15, 3)


def test_parameters_of_xgboost_are_reached_by_their_names() -> None:
    pytest.importorskip("xgboost")
    model = entry(PIPELINE, steps=[["boost", XGBOOST]], boost__max_depth=2)
    assert find_problems(model, "models.a") == []
    params = build_estimator(model, 7).get_params()
    assert isinstance(params["boost"], LabelEncodedClassifier)
    assert params["boost__max_depth"] == 2
    assert params["boost__random_state"] == 7
