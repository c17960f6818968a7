"""What ``parameters.yml`` may say."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.schema import (
    ComparisonSpec,
    ModelSpec,
    TuningSpec,
    read_parameters,
    warn_of_near_misses,
)
from pydantic import ValidationError

TREE = {"class": "sklearn.tree.DecisionTreeClassifier"}
PIPELINE = "sklearn.pipeline.Pipeline"
TUNED = {"trials": 20, "search_space": {"depth": {"int": [1, 5]}}}


def parameters(**changes: Any) -> dict[str, Any]:
    return {
        "data": {"target_column": "species"},
        "comparison": {},
        "random_state": 3,
        "models": {"tree": TREE},
    } | changes


def message(**changes: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_parameters(parameters(**changes))
    return str(caught.value.message)


def model(**changes: Any) -> str:
    return message(models={"tree": TREE | changes})


def test_disabled_models_are_left_out_but_checked() -> None:
    off = TREE | {"enabled": "false"}  # --params gives texts
    empty = TREE | {"model_kwargs": None, "search_space": None}
    spec = read_parameters(parameters(models={"tree": empty, "off": off}))
    assert list(spec.models) == ["tree"]
    assert spec.models["tree"].model_kwargs == spec.models["tree"].search_space == {}
    assert "models.off.clas" in message(models={"off": {"clas": "x"}, "tree": TREE})


@pytest.mark.parametrize("models", [None, {}, {"tree": TREE | {"enabled": False}}])
def test_at_least_one_model_is_enabled(models: object) -> None:
    assert "models: none is enabled; give at least one" in message(models=models)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("Linear SVM", "linear_svm"),
        (2024, "model_2024"),
        ("größe", "gr_e"),
        ("a" * 200, "a" * 90),
    ],
)
def test_a_name_that_kedro_cannot_use_gets_a_valid_one(
    name: object, write: str
) -> None:
    assert f"write '{write}'" in message(models={name: TREE})


def test_the_name_of_the_baseline_is_taken() -> None:
    assert "the leaderboard's own row is called 'baseline'" in message(
        models={"baseline": TREE}
    )


def test_every_problem_is_listed() -> None:
    text = message(
        data={"target_colum": "a"},
        comparison={"folds": 1},
        random_state=-1,
        models={"a": {"clas": "x"}, "b": None},
    )
    for line in (
        "parameters.yml has 5 problems",
        "data.target_colum: unknown key; did you mean 'target_column'?",
        "comparison: folds is 0 or at least 2, not 1",
        "random_state: Input should be greater than or equal to 0, not -1",
        "models.a.clas: unknown key; did you mean 'class'?",
        "models.b: not a mapping; give at least class",
    ):
        assert line in text


@pytest.mark.parametrize(
    ("scoring", "read"), [("r2", ["r2"]), (["f1", "r2"], ["f1", "r2"])]
)
def test_a_single_score_may_stand_without_a_list(
    scoring: object, read: list[str]
) -> None:
    assert ComparisonSpec.model_validate({"scoring": scoring}).scoring == read


@pytest.mark.parametrize("scoring", [[], None, 5])
def test_scores_are_given_by_name(scoring: object) -> None:
    assert "comparison.scoring: " in message(comparison={"scoring": scoring})


@pytest.mark.parametrize(
    ("dimension", "reason"),
    [
        ({"int": [5, 1]}, "write it as [lowest, highest]"),
        ({"float": "15"}, "write it as [lowest, highest]"),
        ({"float": [0, float("inf")]}, "write it as [lowest, highest]"),
        ({"categorical": []}, "at least 1 item"),
        ({}, "give exactly one of int, float, categorical"),
        ({"int": [1, 2], "float": [1, 2]}, "give exactly one of"),
        ({"float": [0, 1], "log": True}, "all of them above 0"),
        ({"itn": [1, 2]}, "search_space.depth.itn: unknown key; did you mean 'int'?"),
    ],
)
def test_bounds_of_a_search_space(dimension: object, reason: str) -> None:
    text = model(search_space={"depth": dimension})
    assert "models.tree.search_space.depth" in text
    assert reason in text


def test_trials_need_a_search_space() -> None:
    spec = read_parameters(parameters(models={"tree": TREE | TUNED}))
    assert spec.models["tree"].trials == 20
    assert read_parameters(parameters()).models["tree"].trials == 0
    assert (
        "models.tree.trials: 20, but the model lacks a search_space to try arguments "
        "from; add one, or write 'trials: 0'"
    ) in model(trials=20)
    assert "models.tree.trials: " in model(**TUNED | {"trials": -1})
    # The search space has a problem of its own.
    assert ".trials" not in model(trials=20, search_space={"depth": {}})


def test_tuning_need_not_be_shown() -> None:
    assert read_parameters(parameters()).tuning == TuningSpec()
    assert read_parameters(parameters(tuning=None)).tuning == TuningSpec()
    assert read_parameters(parameters(tuning={"timeout": 5})).tuning.timeout == 5
    assert "tuning.timout: unknown key; did you mean 'timeout'?" in message(
        tuning={"timout": 5}
    )


def test_a_key_at_the_top_that_looks_misspelt_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_near_misses(parameters(comparisons={}, mine=1, model_uri="x"))
    (message,) = (record.getMessage() for record in caplog.records)
    assert message == (
        "parameters.yml: nothing reads the key 'comparisons'; did you mean "
        "'comparison'?"
    )


UNTRUSTED = ["os.system", "builtins.eval", "antigravity.Fly", "sklern.svm.SVC"]


@pytest.mark.parametrize("path", UNTRUSTED)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda path: {"class": path},
        lambda path: TREE | {"model_kwargs": {"estimator": {"class": path}}},
        lambda path: TREE | {"model_kwargs": {"a": [["b", {"c": {"class": path}}]]}},
        lambda path: (
            TREE
            | {"model_kwargs": {"a": TREE | {"model_kwargs": {"b": {"class": path}}}}}
        ),
        lambda path: (
            TREE | {"search_space": {"a": {"categorical": [None, {"class": path}]}}}
        ),
    ],
)
def test_packages_that_are_not_trusted_are_not_imported(wrap: Any, path: str) -> None:
    text = message(models={"tree": wrap(path)})
    assert f"'{path}' is not imported, since its package is not trusted" in text
    assert ("did you mean 'sklearn'?" in text) == path.startswith("sklern")
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("path", ["SVC", "sklearn..SVC", "sklearn.svm.SVC()", ""])
def test_a_class_is_named_by_its_import_path(path: str) -> None:
    assert "is not an import path" in model(**{"class": path})


@pytest.mark.parametrize(
    ("nested", "reason"),
    [
        (
            TREE | {"model_kwarg": {}},
            "'model_kwarg' is an unknown key beside 'class'; ",
        ),
        (TREE | {"model_kwargs": 3}, "model_kwargs of sklearn.tree.DecisionTree"),
    ],
)
def test_nested_entries_have_two_keys(nested: object, reason: str) -> None:
    text = model(model_kwargs={"estimators": [["a", nested]]})
    assert "models.tree.model_kwargs: " in text
    assert reason in text


@pytest.mark.parametrize(
    "arguments",
    [
        {"memory": "/tmp/cache"},
        {"estimator__memory": "cache"},
        {"input": "filename"},
        {"forcedsplits_filename": "splits.json"},
        {"directory": "checkpoints"},
        {"steps": [["a", {"class": "sklearn.svm.SVC", "model_kwargs": {"memory": 1}}]]},
        {"param_grid": {"input": ["content", "file"]}},
    ],
)
def test_arguments_that_name_places_are_rejected(arguments: dict[str, Any]) -> None:
    spec = {"class": "sklearn.pipeline.Pipeline", "model_kwargs": arguments}
    with pytest.raises(ValidationError, match="names a place to read or write"):
        ModelSpec.model_validate(spec)


@pytest.mark.parametrize(
    ("argument", "choice"),
    [
        ("memory", "/tmp/cache"),
        ("estimator", {"class": PIPELINE, "model_kwargs": {"memory": "/tmp/cache"}}),
        ("kwargs", {"memory": "/tmp/cache"}),
    ],
)
def test_a_dimension_that_names_places_is_rejected(
    argument: str, choice: object
) -> None:
    space = {argument: {"categorical": [choice]}}
    spec = {"class": PIPELINE, "search_space": space}
    with pytest.raises(ValidationError, match="names a place to read or write"):
        ModelSpec.model_validate(spec)


def test_plain_data_names_no_places() -> None:
    for kwargs in ({"memory": None}, {"input": "content"}, {"path_smooth": 1}):
        ModelSpec.model_validate({"class": PIPELINE, "model_kwargs": kwargs})


@pytest.mark.parametrize(
    "arguments", [{"base": {"class": "evil.X"}}, {"memory": "/tmp/cache"}]
)
def test_arguments_that_replace_others_are_checked(arguments: dict[str, Any]) -> None:
    tree = ModelSpec.model_validate(TREE | TUNED)
    assert tree.with_arguments({"depth": 2}).model_kwargs == {"depth": 2}
    with pytest.raises(ValidationError, match=r"is not imported|names a place"):
        tree.with_arguments(arguments)


def test_groups_and_times_cannot_be_combined() -> None:
    text = message(data={"target_column": "a", "group_column": "b", "time_column": "c"})
    assert "data: group_column and time_column cannot be combined; write" in text
