"""Studies: what is tried, what counts, and how they go on."""

import logging
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn import model_selection
from sklearn.datasets import load_iris
from sklearn.neighbors import KNeighborsClassifier

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipelines.benchmark import study
from {{ cookiecutter.python_package }}.pipelines.benchmark.datasets import (
    StudiesPlace,
)
from {{ cookiecutter.python_package }}.pipelines.benchmark.preparation import (
    encode,
)
from {{ cookiecutter.python_package }}.pipelines.benchmark.specs import (
    TuningSpec,
)
from {{ cookiecutter.python_package }}.pipelines.benchmark.tuning import (
    best_trial,
    tune_model,
)
from {{ cookiecutter.python_package }}.pipelines.models.nodes import split_data
from {{ cookiecutter.python_package }}.pipelines.models.specs import ModelSpec

X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = split_data(
    load_iris(as_frame=True).frame, 0.8, 3, "target"
)
ENCODER, _, _ = encode(X_TRAIN, X_TEST)
NEIGHBORS = {
    "class": "sklearn.neighbors.KNeighborsClassifier",
    "model_kwargs": {"n_neighbors": 3},
    "search_space": {
        "n_neighbors": {"int": [1, 30]},
        "weights": {"categorical": ["uniform", "distance"]},
    },
}
Tuned = tuple[dict[str, Any], pd.DataFrame]
Tune = Callable[..., Tuned]


class Moody(KNeighborsClassifier):
    """Fails with an even number of neighbors, or with every number."""

    def __init__(self, n_neighbors: int = 5, always: bool = False):
        self.always = always
        super().__init__(n_neighbors)

    def fit(self, X: Any, y: Any) -> Any:
        if self.always or self.n_neighbors % 2 == 0:
            raise ValueError("not today")
        return super().fit(X, y)


@pytest.fixture
def tune(tmp_path: Path) -> Tune:
    """Return a function that tunes in one file, as several runs would."""

    def run(model: dict[str, Any] = NEIGHBORS, **options: Any) -> Tuned:
        return tune_model(
            ModelSpec.model_validate(model),
            TuningSpec.model_validate({"trials": 4, "folds": 3, **options}),
            StudiesPlace("iris", f"sqlite:///{tmp_path}/studies.db"),
            ENCODER,
            X_TRAIN,
            Y_TRAIN,
            3,
        )

    return run


def studies(tmp_path: Path) -> list[optuna.Study]:
    storage = f"sqlite:///{tmp_path}/studies.db"
    names = optuna.get_all_study_names(storage)
    return [optuna.load_study(study_name=name, storage=storage) for name in names]


def test_the_model_as_it_is_comes_first_and_is_never_better(tune: Tune) -> None:
    parameters, trials = tune()
    assert trials["number"].tolist() == [0, 1, 2, 3]
    assert trials["baseline"].tolist() == [True, False, False, False]
    first = trials.iloc[0]
    assert (first["n_neighbors"], first["weights"]) == (3, "uniform")
    best = trials.loc[trials["value"].idxmax()]
    assert parameters == {key: best[key] for key in ("n_neighbors", "weights")}


def test_trials_of_earlier_runs_count(
    tune: Tune, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)
    tune(trials=3)
    assert "3 of 3 trials, 3 of them new" in caplog.text
    _, trials = tune(trials=5)
    assert "5 of 5 trials, 2 of them new" in caplog.text
    tune(trials=5)
    assert "5 of 5 trials, 0 of them new" in caplog.text
    assert len(trials) == 5
    assert len(studies(tmp_path)) == 1


def test_the_seed_makes_it_repeatable_also_in_two_runs(
    tune: Tune, tmp_path: Path
) -> None:
    tune(trials=2)
    _, in_two_runs = tune(trials=5)
    (tmp_path / "studies.db").unlink()
    _, in_one_run = tune(trials=5)
    pd.testing.assert_frame_equal(
        in_one_run.drop(columns="seconds"), in_two_runs.drop(columns="seconds")
    )
    _, other = tune(trials=5, random_state=7)
    assert other["n_neighbors"].tolist() != in_one_run["n_neighbors"].tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"folds": 4},
        {"scoring": "f1_macro"},
        {
            "model": {
                **NEIGHBORS,
                "search_space": {"n_neighbors": {"int": [1, 9]}},
            }
        },
    ],
)
def test_values_that_do_not_compare_are_in_another_study(
    tune: Tune, tmp_path: Path, change: dict[str, Any]
) -> None:
    tune(trials=1)
    tune(trials=1, **change)
    names = [one.study_name for one in studies(tmp_path)]
    assert len(set(names)) == 2
    assert all(name.startswith("iris.KNeighborsClassifier.") for name in names)


def test_failed_trials_do_not_end_a_study(tune: Tune) -> None:
    moody = {
        "class": f"{__name__}.Moody",
        "search_space": {"n_neighbors": {"int": [1, 30]}},
    }
    parameters, trials = tune(moody, trials=8)
    assert set(trials["state"]) == {"COMPLETE", "FAIL"}
    assert set(trials["error"].dropna()) == {"ValueError: not today"}
    assert parameters["n_neighbors"] % 2 == 1


@pytest.mark.parametrize("model", [NEIGHBORS, {**NEIGHBORS, "search_space": {}}])
def test_a_score_that_is_no_number_fails_once(
    model: dict[str, Any], tune: Tune, monkeypatch: pytest.MonkeyPatch
) -> None:
    nan = np.array([0.5, np.nan])
    monkeypatch.setattr(model_selection, "cross_val_score", lambda *_, **__: nan)
    _, trials = tune(model, trials=2)
    assert set(trials["state"]) == {"FAIL"}
    assert set(trials["error"]) == {"ValueError: accuracy is not a number"}


@pytest.mark.parametrize("how", ["error", "exit"])
def test_when_all_fail_the_reason_is_given(
    tune: Tune, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = {
        "class": f"{__name__}.Moody",
        "model_kwargs": {"always": True},
        "search_space": {"n_neighbors": {"int": [1, 30]}},
    }
    if how == "exit":
        monkeypatch.setattr(Moody, "fit", lambda *_: sys.exit("not today"))
    parameters, trials = tune(never, trials=2)
    assert parameters == {}
    assert set(trials["state"]) == {"FAIL"}
    with pytest.raises(ConfigurationError, match=r"Each of 2 trials failed.*not today"):
        best_trial(trials)


def test_without_a_search_space_nothing_is_looked_for(
    tune: Tune, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    parameters, trials = tune({**NEIGHBORS, "search_space": {}})
    assert parameters == {}
    assert trials["baseline"].tolist() == [True]
    assert "has no search_space" in caplog.text
    assert not (tmp_path / "studies.db").exists()


def test_layers_that_do_not_exist_are_not_chosen(tune: Tune) -> None:
    net = {
        "class": "sklearn.neural_network.MLPClassifier",
        "model_kwargs": {"max_iter": 5, "hidden_layer_sizes": [4]},
        "search_space": {
            "hidden_layer_sizes": {"layers": {"count": [1, 3], "units": [2, 8]}}
        },
    }
    _, trials = tune(net, trials=5)
    layers = trials["hidden_layer_sizes"].tolist()
    assert layers[0] == [4]
    assert len({len(one) for one in layers}) > 1
    assert all(2 <= units <= 8 for one in layers for units in one)


def test_a_default_outside_of_the_search_space_is_tried_as_it_is(tune: Tune) -> None:
    tree = {
        "class": "sklearn.tree.DecisionTreeClassifier",
        "search_space": {"max_depth": {"int": [1, 1]}},
    }
    parameters, trials = tune(tree, trials=2)
    assert pd.isna(trials["max_depth"].iloc[0])
    assert trials["value"].iloc[0] > trials["value"].iloc[1]
    assert parameters == {}


def kill(monkeypatch: pytest.MonkeyPatch, tune: Tune, **options: Any) -> None:
    """Tune until a trial has begun, as a process that is killed in it."""

    def killed(one: optuna.Study, *args: Any, **kwargs: Any) -> None:
        with pytest.warns(UserWarning, match="Heartbeat"):
            one.ask()
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "optimize", killed)
        with pytest.raises(SystemExit):
            tune(**options)


@pytest.mark.parametrize("before", [0, 2])
def test_a_killed_trial_begins_again(
    tune: Tune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setattr(study, "GRACE_PERIOD", 1)
    if before:
        tune(trials=before)
    kill(monkeypatch, tune, trials=4)
    parameters, trials = tune(trials=4)
    assert trials["number"].tolist() == [0, 1, 2, 3]
    assert set(trials["state"]) == {"COMPLETE"}
    assert trials["baseline"].tolist() == [True, False, False, False]
    (tmp_path / "studies.db").unlink()
    same_parameters, same = tune(trials=4)
    assert parameters == same_parameters
    if before:  # else the others have been tried before the baseline
        pd.testing.assert_frame_equal(
            trials.drop(columns="seconds"), same.drop(columns="seconds")
        )


def test_one_trial_is_enough_to_go_on(
    tune: Tune, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "GRACE_PERIOD", 1)
    kill(monkeypatch, tune, trials=1)
    kill(monkeypatch, tune, trials=1)
    _, trials = tune(trials=1)
    assert trials["state"].tolist() == ["COMPLETE"]


def test_fewer_trials_are_the_first_ones(tune: Tune) -> None:
    _, many = tune(trials=6)
    _, few = tune(trials=3)
    pd.testing.assert_frame_equal(few, many[:3])


@pytest.mark.parametrize("attributes", [{"slot": 1}, {}])
def test_a_slot_that_two_machines_take_counts_once(
    tune: Tune, tmp_path: Path, attributes: dict[str, Any]
) -> None:
    tune(trials=2)
    (one,) = studies(tmp_path)
    # What is left when both have found the slot free, since databases have no lock.
    one.enqueue_trial({}, user_attrs=attributes)
    _, trials = tune(trials=3)
    assert trials["number"].tolist() == [0, 1, 2]
    assert set(trials["state"]) == {"COMPLETE"}
    states = [trial.state.name for trial in one.get_trials()]
    assert states == ["COMPLETE", "COMPLETE", "PRUNED", "COMPLETE"]


def test_two_at_one_study_share_its_trials(tune: Tune) -> None:
    with ThreadPoolExecutor(max_workers=2) as threads:
        both = list(threads.map(lambda _: tune(trials=8), range(2)))
    for parameters, trials in both:
        assert trials["number"].tolist() == list(range(8))
        assert parameters == both[0][0]
        assert trials["baseline"].sum() == 1


def test_a_storage_that_cannot_be_opened_is_named_without_its_password(
    tune: Tune,
) -> None:
    with pytest.raises(ConfigurationError) as error:
        tune(storage="postgres://me:hunter2@host/db")
    assert "benchmark.tuning.storage: cannot be opened" in error.value.message
    assert "hunter2" not in error.value.message


def test_a_driver_that_is_not_installed_is_named(tune: Tune) -> None:
    with pytest.raises(ConfigurationError, match="not installed: MySQLdb"):
        tune(storage="mysql://me@host/db")


@pytest.mark.parametrize(
    "address", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "data/journal.log"]
)
def test_a_storage_that_would_keep_nothing_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="write the address of an SQL database"):
        TuningSpec(storage=address)


def test_trials_that_fail_are_pointed_out(
    tune: Tune, caplog: pytest.LogCaptureFixture
) -> None:
    moody = {
        "class": f"{__name__}.Moody",
        "search_space": {"n_neighbors": {"int": [2, 2]}},
    }
    tune(moody, trials=3)
    assert "2 of 3 trials failed, the last one with ValueError: not" in caplog.text
