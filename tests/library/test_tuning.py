"""Studies resume, are shared by processes, and never end worse than they began."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import optuna
import pandas as pd
import pytest
from conftest import REPOSITORY
from kedro_dynamic.config.errors import ConfigurationError, DataError
from kedro_dynamic.config.schema import (
    ComparisonSpec,
    DataSpec,
    ModelSpec,
    TuningSpec,
)
from kedro_dynamic.models import tuning
from kedro_dynamic.models.scoring import cross_validate_model
from kedro_dynamic.models.split import make_folds, tuning_rows
from kedro_dynamic.models.tuning import tune_model

TREE = {
    "class": "sklearn.tree.DecisionTreeClassifier",
    "model_kwargs": {"max_depth": 1, "splitter": "best"},
    "search_space": {
        "max_depth": {"int": [1, 6]},
        "ccp_alpha": {"float": [0.0001, 0.1], "log": True},
        "class_weight": {"categorical": ["balanced", {"x": 1, "y": 2, "z": 1}]},
    },
}
DATA = DataSpec(target_column="kind")
COMPARISON = ComparisonSpec(folds=3)
RANDOM = np.random.default_rng(1)
X = pd.DataFrame(RANDOM.normal(size=(120, 3)), columns=[*"abc"])
Y = pd.Series(np.select([X["a"] > 0.5, X["b"] > 0], [*"xy"], "z"), name="kind")
FOLDS = make_folds(
    X,
    Y,
    folds=3,
    is_tuned=True,
    tuning_folds=2,
    random_state=3,
)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database without trials. Copying it is faster than creating one."""
    path = tmp_path_factory.mktemp("empty") / "studies.db"
    with tuning._open_study(f"sqlite:///{path}", "none"):
        pass
    return path


@pytest.fixture
def folder(tmp_path: Path, empty_database: Path) -> Path:
    """Return a folder with a database that has no trials."""
    shutil.copy(empty_database, tmp_path)
    return tmp_path


ROWS = (X, Y.to_frame(), FOLDS)


def study(
    folder: Path,
    trials: int = 4,
    model: Any = TREE,
    rows: Any = ROWS,
    columns: pd.DataFrame | None = None,
    **kwargs: Any,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the best entry and the trials of a study."""
    spec = TuningSpec(storage=f"sqlite:///{folder}/studies.db", **kwargs)
    if model["search_space"]:
        model = model | {"trials": trials}
    entry = ModelSpec.model_validate(model)
    X_train, y_train, folds = rows
    best_entry, trial_rows = tune_model(
        entry, spec, DATA, COMPARISON, X_train, y_train, folds, 3, columns
    )
    return best_entry, trial_rows


def test_the_first_trial_is_the_model_as_configured(folder: Path) -> None:
    entry, rows = study(folder)
    assert [row["number"] for row in rows] == [0, 1, 2, 3]
    assert [row["arguments"] == {} for row in rows] == [True, False, False, False]
    best = max(rows, key=lambda row: row["value"])
    assert entry["model_kwargs"] == TREE["model_kwargs"] | best["arguments"]
    assert all(set(row["arguments"]) == set(TREE["search_space"]) for row in rows[1:])
    json.dumps(rows)


def test_the_best_entry_has_the_score_of_its_trial(folder: Path) -> None:
    entry, rows = study(folder)
    model = ModelSpec.model_validate(entry)
    # The folds of the study, and the rows that it sees.
    seen = tuning_rows(FOLDS)
    table = FOLDS.iloc[seen][["tuning_fold"]].set_axis(["fold"], axis="columns")
    scores = cross_validate_model(
        model, DATA, COMPARISON, X.iloc[seen], Y.iloc[seen], table, 3
    )
    (values, _) = scores.values()
    assert len(values) == 2
    assert np.mean(values) == pytest.approx(max(row["value"] for row in rows))


def test_choices_keep_keys_that_are_not_texts(folder: Path) -> None:
    weights = {0: 1, 1: 2, 2: 1}
    space = {"class_weight": {"categorical": [weights]}}
    classes = Y.map({"x": 0, "y": 1, "z": 2}).to_frame()
    model = {**TREE, "search_space": space}
    for _ in range(2):  # also as they are read from the database
        _, rows = study(folder, 3, model, (X, classes, FOLDS))
        assert [row["error"] for row in rows] == [None] * 3
        assert [row["arguments"] for row in rows] == [
            {},
            {"class_weight": weights},
            {"class_weight": weights},
        ]


def test_a_study_sees_the_rows_for_tuning_alone(folder: Path) -> None:
    entry, rows = study(folder)
    is_tuning = (FOLDS["fold"] == "tuning").to_numpy()
    unseen = X.mul(is_tuning, axis="index"), Y.where(is_tuning, "x").to_frame(), FOLDS
    # The same study: all of its trials are there.
    assert study(folder, rows=unseen) == (entry, rows)
    other = FOLDS.assign(tuning_fold=FOLDS["tuning_fold"][::-1].to_numpy())
    assert study(folder, rows=(X, Y.to_frame(), other))[1] != rows


def test_another_reading_of_the_columns_is_another_study(folder: Path) -> None:
    facts = {"kind": "number", "values": 120, "missing": 0.0, "why": "", "reading": ""}
    columns = pd.DataFrame({"column": [*"abc"], **facts, "advice": ""})
    _, rows = study(folder, columns=columns)
    assert study(folder, columns=columns.assign(values=130))[1] == rows
    other = columns.assign(kind=["number", "number", "dropped"])
    assert study(folder, columns=other)[1] != rows


def test_more_scores_and_folds_are_the_same_study(folder: Path) -> None:
    _, rows = study(folder)
    folds = make_folds(
        X,
        Y,
        folds=4,
        is_tuned=True,
        tuning_folds=2,
        random_state=3,
    )
    assert study(folder, rows=(X, Y.to_frame(), folds))[1] == rows


def test_a_split_without_rows_for_tuning(folder: Path) -> None:
    folds = FOLDS.assign(fold=FOLDS["fold"].mask(FOLDS["fold"] == "tuning"))
    with pytest.raises(DataError, match="no row of the table of folds is kept for tun"):
        study(folder, rows=(X, Y.to_frame(), folds))
    with pytest.raises(DataError, match="folds has 9 rows, and the training set 120"):
        study(folder, rows=(X, Y.to_frame(), FOLDS[:9]))


@pytest.mark.parametrize(
    ("trials", "tuning", "count"), [(3, None, 3), (3, 2, 2), (0, None, 20)]
)
def test_how_many_trials_there_are(
    folder: Path, trials: int, tuning: int | None, count: int
) -> None:
    spec = TuningSpec(trials=tuning, storage=f"sqlite:///{folder}/studies.db")
    model = ModelSpec.model_validate(TREE | {"trials": trials})
    _, rows = tune_model(model, spec, DATA, COMPARISON, X, Y.to_frame(), FOLDS, 3)
    assert len(rows) == count


def test_a_study_resumes_where_it_stopped(folder: Path) -> None:
    _, first = study(folder, trials=2)
    _, more = study(folder, trials=5)
    assert more[:2] == first
    assert len(more) == 5
    tried = [json.dumps(row["arguments"]) for row in more]
    assert len(set(tried)) == 5  # a new sampler does not repeat its first choices
    assert study(folder, trials=5)[1] == more
    assert study(folder, trials=2)[1] == first


class Killed(BaseException):
    """Leaves a trial as a killed process does: it is running forever."""


@pytest.mark.parametrize("error", [Killed, KeyboardInterrupt, ConfigurationError("no")])
@pytest.mark.parametrize("interrupted", [0, 2])
def test_an_interrupted_trial_does_not_count(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Any, interrupted: int
) -> None:
    def interrupt(*_: Any) -> Any:
        if next(calls) == interrupted:
            raise error
        return {"accuracy": [0.5, 0.5]}

    calls = itertools.count()
    with monkeypatch.context() as patch:
        patch.setattr(tuning, "score_on_folds", interrupt)
        with pytest.raises(error if isinstance(error, type) else type(error)):
            study(folder)

    _, rows = study(folder)
    numbers = [row["number"] for row in rows]
    assert numbers == [number for number in range(5) if number != interrupted]
    assert [row["arguments"] == {} for row in rows] == [True, False, False, False]
    assert all(row["error"] is None for row in rows)


def test_a_configured_value_may_be_outside_of_the_search_space(folder: Path) -> None:
    space = {"max_depth": {"int": [2, 6]}, "splitter": {"categorical": ["random"]}}
    entry, rows = study(folder, 3, TREE | {"search_space": space})
    best = max(rows, key=lambda row: row["value"])
    assert rows[0]["arguments"] == {}
    assert rows[0]["state"] == "COMPLETE"
    assert entry["model_kwargs"] == TREE["model_kwargs"] | best["arguments"]


def test_without_a_search_space_there_is_one_trial(folder: Path) -> None:
    entry, rows = study(folder, model=TREE | {"search_space": {}})
    assert entry == {"class": TREE["class"], "model_kwargs": TREE["model_kwargs"]}
    assert [row["arguments"] for row in rows] == [{}]


def test_failed_trials_are_recorded(folder: Path) -> None:
    space = {"max_depth": {"categorical": [-1, 3]}}
    _, rows = study(folder, 8, TREE | {"search_space": space})
    failed = [row for row in rows if row["arguments"] == {"max_depth": -1}]
    assert 0 < len(failed) < 8
    for row in failed:
        assert (row["state"], row["value"]) == ("FAIL", None)
        assert row["error"].startswith("InvalidParameterError: ")
    assert {row["state"] for row in rows if row not in failed} == {"COMPLETE"}


def test_a_study_fails_if_all_trials_failed(folder: Path) -> None:
    wrong = TREE | {"model_kwargs": {"criterion": "no"}}
    with pytest.raises(ValueError, match="all 3 trials failed, the last with Inval"):
        study(folder, 3, wrong)


def test_other_code_of_a_class_is_another_study(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for code, new in (("old", 2), ("old", 0), ("new", 2)):
        monkeypatch.setattr(tuning, "digest_named_code", lambda _, code=code: code)
        caplog.clear()
        study(folder, 2)
        assert f"2 trials, {new} new" in caplog.text


def test_the_timeout_ends_a_study(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: Any) -> dict[str, list[float]]:
        time.sleep(0.6)
        return {"accuracy": [0.5, 0.5]}

    monkeypatch.setattr(tuning, "score_on_folds", slow)
    _, rows = study(folder, 50, timeout=1)
    assert 1 <= len(rows) <= 2
    _, more = study(folder, 50, timeout=0.001)
    assert more[: len(rows)] == rows


def test_with_the_shortest_timeout_the_model_stays_as_configured(folder: Path) -> None:
    entry, rows = study(folder, timeout=1e-9)
    assert (entry["model_kwargs"], len(rows)) == (TREE["model_kwargs"], 1)


def test_a_database_that_cannot_be_opened(folder: Path) -> None:
    spec = TuningSpec(storage="postgresql+nodriver://me:secret@host/studies")
    model = ModelSpec.model_validate(TREE)
    with pytest.raises(ConfigurationError, match=r"tuning\.storage") as caught:
        tune_model(model, spec, DATA, COMPARISON, X, Y.to_frame(), FOLDS, 3)
    assert "secret" not in caught.value.message


def test_no_file_stays_open(folder: Path) -> None:
    def open_files() -> list[str]:
        numbers = os.listdir("/proc/self/fd")
        paths = [os.path.realpath(f"/proc/self/fd/{number}") for number in numbers]
        return [path for path in paths if path.startswith(str(folder))]

    if not Path("/proc/self/fd").exists():
        pytest.skip("only Linux lists the open files of a process")
    with tuning._open_study(f"sqlite:///{folder}/studies.db", "any"):
        assert open_files()
    study(folder, 2)
    assert open_files() == []


class InMemory(optuna.storages.InMemoryStorage):
    """A storage that costs no time, with what those of databases have."""

    engine = Mock()


def test_noise_gains_nothing_by_tuning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best of 8 trials looks better than it is, on the rows of its study alone."""
    monkeypatch.setattr(tuning, "_connect", lambda address: InMemory())
    data = DataSpec(target_column="kind", encode="none")
    comparison = ComparisonSpec(scoring=["accuracy"])
    model = ModelSpec.model_validate(
        {
            "class": "sklearn.tree.ExtraTreeClassifier",
            "search_space": {"random_state": {"int": [0, 9999]}},
            "trials": 8,
        }
    )
    found, validated = [], []
    for seed in range(20):
        random = np.random.default_rng(seed)
        features = pd.DataFrame(random.normal(size=(90, 3)), columns=[*"abc"])
        target = pd.Series(random.permutation([*"xy"] * 45), name="kind")
        folds = make_folds(
            features,
            target,
            folds=5,
            is_tuned=True,
            random_state=seed,
        )
        rows = features, target.to_frame(), folds
        entry, trials = tune_model(model, TuningSpec(), data, comparison, *rows, seed)
        best = ModelSpec.model_validate(entry)
        scores = cross_validate_model(
            best, data, comparison, features, target, folds, seed
        )
        found.append(max(trial["value"] for trial in trials))
        validated.append(np.mean(scores["accuracy"]))

    # The baseline answers one of two classes that are equally frequent.
    baseline = 0.5
    assert np.mean(found) > baseline + 0.08
    standard_error = np.std(validated, ddof=1) / np.sqrt(len(validated))
    assert abs(np.mean(validated) - baseline) < 2 * standard_error < 0.05


PROCESS = """
import sys
from pathlib import Path
from library.test_tuning import study
_, rows = study(Path(sys.argv[1]), 8)
suggested = [str(row["arguments"]) for row in rows if row["arguments"]]
print(len(rows), len(rows) - len(suggested), len(suggested) - len(set(suggested)))
"""


def test_two_processes_share_a_study(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(tmp_path)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        out, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        rows, as_configured, repeated = map(int, out.splitlines()[-1].split())
        assert (rows, repeated) == (8, 0)
        assert as_configured in (1, 2)
    # The goal is that of both together. Each may have begun a trial when the other
    # finished the last one.
    with tuning._open_study(f"sqlite:///{tmp_path}/studies.db", "none") as empty:
        summaries = optuna.get_all_study_summaries(empty._storage)
    counts = [summary.n_trials for summary in summaries]
    assert sorted(count in (8, 9) for count in counts) == [False, True]
