"""A model that fails has an error where others have a score."""

import math
import pickle
import sys

import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

from {{ cookiecutter.python_package }}.pipelines.models import failures
from {{ cookiecutter.python_package }}.pipelines.models.failures import (
    FailedModel,
    fit_or_fail,
    score_or_fail,
)
from {{ cookiecutter.python_package }}.pipelines.models.leaderboard import (
    compare_models,
)
from {{ cookiecutter.python_package }}.pipelines.models.specs import ModelSpec

X, y = load_iris(return_X_y=True, as_frame=True)
Y = pd.DataFrame({"target": y})
TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})


def test_a_model_that_works_is_fitted_and_scored() -> None:
    score, metrics = score_or_fail(fit_or_fail(TREE, X, Y, 3), X, Y)
    assert score == metrics["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("no\nluck"), "ValueError: no luck"),
        (SystemExit(3), "SystemExit: 3"),
        (MemoryError(), "MemoryError:"),
        (OSError("http://me:secret@host"), "OSError: http://***@host"),
    ],
    ids=["error", "exit", "memory", "password"],
)
def test_an_error_is_kept_in_one_line(
    error: BaseException, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr(failures, "fit_model", fail)
    failed = fit_or_fail(TREE, X, Y, 3)
    assert isinstance(failed, FailedModel)
    assert failed.error == says
    score, metrics = score_or_fail(pickle.loads(pickle.dumps(failed)), X, Y)
    assert math.isnan(score)
    assert metrics["error"] == says
    assert "Traceback" in metrics["traceback"]
    assert "secret" not in metrics["traceback"]


def test_ctrl_c_is_no_failure_of_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(failures, "fit_model", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit_or_fail(TREE, X, Y, 3)


class Exits(DecisionTreeClassifier):
    def score(self, X: object, y: object, sample_weight: object = None) -> float:
        sys.exit("gone")


def test_a_model_may_fail_when_it_is_scored() -> None:
    fitted_model = Exits().fit(X, y)
    _, metrics = score_or_fail(fitted_model, X, Y)
    assert metrics["error"] == "SystemExit: gone"


def test_the_leaderboard_has_a_row_for_each_failure() -> None:
    _, works = score_or_fail(fit_or_fail(TREE, X, Y, 3), X, Y)
    fails = {"error": "ValueError: no", "traceback": "..."}
    leaderboard, plot = compare_models(
        X, X, Y, Y, 3, fails_metrics=fails, works_metrics=works
    )
    assert leaderboard["model"].tolist() == ["works", "baseline", "fails"]
    assert leaderboard["error"].iloc[-1] == "ValueError: no"
    assert "traceback" not in leaderboard
    assert list(plot.data[0].y) == ["works", "baseline"]


def test_the_baseline_fits_the_target_when_all_models_fail() -> None:
    lengths = X[["petal length (cm)"]]
    fails = {"error": "ValueError: no", "traceback": "..."}
    leaderboard, _ = compare_models(X, X, lengths, lengths, 3, fails_metrics=fails)
    assert leaderboard["model"].tolist() == ["baseline", "fails"]
    assert leaderboard["r2"].iloc[0] == 0
