"""Entries become estimators: nested, seeded, and only of trusted packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
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


class Writer:
    """Is in the project's package, and not a model."""

    fit = print


def write() -> Writer:
    raise AssertionError


def without_annotation(command: str = "") -> Any:
    raise AssertionError(command)


@pytest.fixture
def own_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return ``iris.own``, a module of the project that imports other packages."""
    module = ModuleType("iris.own")
    for name in ("build_tree", "without_annotation", "Writer", "write"):
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
        ("iris.own.system", "system' is not imported"),
        ("iris.own.Writer", "is not an estimator"),
        ("iris.own.write", "is not an estimator"),
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


def test_arguments_are_estimators_splitters_kernels_or_plain_values() -> None:
    search = entry(
        "sklearn.model_selection.GridSearchCV",
        estimator={"class": "sklearn.gaussian_process.GaussianProcessClassifier"},
        param_grid={"kernel": [{"class": "sklearn.gaussian_process.kernels.RBF"}]},
        cv={"class": "sklearn.model_selection.StratifiedKFold"},
    )
    assert find_problems(search, "models.a") == []
    build_estimator(search, 0)


def test_arguments_are_not_callbacks_or_readers_of_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As xgboost has them, which need not be installed.
    module = ModuleType("xgboost.callback")
    for name, method in {"Checkpoint": "after_training", "DMatrix": "slice"}.items():
        methods = {method: print, "__module__": "xgboost.callback"}
        setattr(module, name, type(name, (), methods))
    monkeypatch.setitem(sys.modules, "xgboost.callback", module)
    for name in ("Checkpoint", "DMatrix"):
        model = entry(PIPELINE, steps=[["a", {"class": f"xgboost.callback.{name}"}]])
        with pytest.raises(ValueError, match="is not an estimator"):
            build_estimator(model, 0)


def test_classes_in_a_search_space_are_looked_up_before_fitting() -> None:
    space = {"estimator": {"categorical": [TREE, {"class": "sklearn.svm.SVCC"}]}}
    bagging = {"class": "sklearn.ensemble.BaggingClassifier", "search_space": space}
    (problem,) = find_problems(ModelSpec.model_validate(bagging), "models.a")
    assert "'sklearn.svm.SVCC' does not exist; did you mean" in problem


@pytest.mark.parametrize(
    ("path", "kwargs", "reason"),
    [
        ("evil_module.Model", {}, "is not trusted"),
        (PIPELINE, {"steps": [["a", {"class": "evil_module.X"}]]}, "is not trusted"),
        (PIPELINE, {"steps": STEPS, "memory": "cache"}, "names a place"),
    ],
)
def test_an_entry_is_checked_when_it_is_built(
    path: str,
    kwargs: dict[str, Any],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "evil_module.py").write_text("raise SystemExit('is imported')")
    monkeypatch.syspath_prepend(tmp_path)
    made_elsewhere = ModelSpec.model_construct(class_path=path, model_kwargs=kwargs)
    with pytest.raises(ValueError, match=reason):
        build_estimator(made_elsewhere, 0)
    if path != PIPELINE:
        with pytest.raises(ValueError, match=reason):
            import_class(path)


@pytest.mark.parametrize(
    "path",
    [
        "sklearn.model_selection.HalvingGridSearchCV",
        "sklearn.impute.IterativeImputer",
    ],
)
def test_a_module_that_raises_at_a_look_up_is_named(path: str) -> None:
    (problem,) = problems(path)
    assert problem.startswith(f"models.a.class: '{path}' cannot be imported: Import")
    assert "is experimental" in problem


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


def test_lists_become_tuples_where_a_class_has_tuples() -> None:
    scaler = build_estimator(
        entry("sklearn.preprocessing.MinMaxScaler", feature_range=[0, 2]), 1
    )
    assert scaler.get_params()["feature_range"] == (0, 2)
    words = {
        "class": "sklearn.feature_extraction.text.TfidfVectorizer",
        "model_kwargs": {"ngram_range": [1, 2], "stop_words": ["a"]},
    }
    steps = [["words", words], ["tree", TREE]]
    kwargs = {"steps": steps, "words__ngram_range": [2, 2]}
    parts = build_estimator(entry(PIPELINE, **kwargs), 1).get_params()
    assert (parts["words__ngram_range"], parts["words__stop_words"]) == ((2, 2), ["a"])
