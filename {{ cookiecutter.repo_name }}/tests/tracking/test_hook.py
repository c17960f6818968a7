"""What whole runs leave in MLflow."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.session import KedroSession
from mlflow import MlflowClient
from mlflow.entities import Run

from {{ cookiecutter.python_package }}.recovery import ModelsFailed
from {{ cookiecutter.python_package }}.tracking.completed_nodes import (
    CompletedNodes,
)

# Scored last, when the others are finished: it has no thousand neighbors.
LONELY = {
    "class": "sklearn.neighbors.KNeighborsClassifier",
    "model_kwargs": {"n_neighbors": 1000},
}
STOPS = {"models": {"the_lonely": LONELY}, "on_model_error": "raise"}


@pytest.fixture
def run(project: Path, write_parameters: Callable[..., None]) -> Callable[..., None]:
    """Return a function that runs the project with some parameters changed."""

    def run_with(parameters: dict[str, Any] | None = None, **options: Any) -> None:
        write_parameters("local", **(parameters or {}))
        with KedroSession.create(project_path=project) as session:
            session.run(**options)

    return run_with


@pytest.fixture
def tracked(project: Path) -> Callable[[], tuple[Run, dict[str, Run]]]:
    """Return a function that finds the last run, and its child runs by their model."""

    def find() -> tuple[Run, dict[str, Run]]:
        client = MlflowClient(f"sqlite:///{project}/mlflow.db")
        (experiment,) = client.search_experiments(filter_string="name != 'Default'")
        runs = client.search_runs([experiment.experiment_id])
        parent = next(run for run in runs if "model" not in run.data.tags)
        return parent, {
            run.data.tags["model"]: run
            for run in runs
            if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id
        }

    return find


def versions(project: Path) -> int:
    """Return how many models are registered."""
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    return len(client.search_model_versions())


def test_what_was_there_is_none_of_a_run_for_what_is_missing(
    project: Path, run: Callable[..., None], tracked: Callable[..., Any]
) -> None:
    run()
    assert len(tracked()[1]) == 3
    assert versions(project) == 1

    run(only_missing_outputs=True)
    parent, children = tracked()
    assert (parent.info.status, children) == ("FINISHED", {})
    assert versions(project) == 1

    # One is scored again: what was there is neither run again nor a victim of an error.
    (project / "data/06_models/linear_svm_model_score.json").unlink()
    run(only_missing_outputs=True)
    parent, children = tracked()
    # Those that were there are in the new leaderboard, too, with no time of their own.
    reused = {name for name, child in children.items() if "reused" in child.data.tags}
    assert children.keys() - reused == {"linear_svm"}
    assert len(reused) == 2
    for child in children.values():
        assert child.data.metrics["model_score"] > 0.5
        assert child.info.start_time >= parent.info.start_time
    with pytest.raises(ValueError, match="n_neighbors"):
        run(STOPS, only_missing_outputs=True)
    assert {name: child.info.status for name, child in tracked()[1].items()} == {
        "the_lonely": "FAILED",
        **dict.fromkeys(reused | {"linear_svm"}, "FINISHED"),
    }


def test_the_parent_has_all_of_many_models(
    project: Path, run: Callable[..., None], tracked: Callable[..., Any]
) -> None:
    (project / "conf/local").mkdir(exist_ok=True)
    (project / "conf/local/tracking.yml").write_text("max_child_runs: 2")
    with pytest.raises(ModelsFailed):
        run({"models": {"the_lonely": LONELY}})
    parent, children = tracked()
    assert not children
    metrics = json.loads(
        (project / "data/08_reporting/linear_svm_metrics.json").read_text()
    )
    logged = {
        key.removeprefix("linear_svm."): value
        for key, value in parent.data.metrics.items()
        if key.startswith("linear_svm.")
    }
    assert logged == pytest.approx(metrics)
    assert "n_neighbors" in parent.data.tags["the_lonely.error"]


@pytest.mark.parametrize("logger", ["kedro", "kedro.runner.sequential_runner"])
def test_what_people_want_to_see_does_not_change_what_is_tracked(
    logger: str,
    run: Callable[..., None],
    tracked: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, logger=logger):
        caplog.handler.setLevel(logging.NOTSET)
        with pytest.raises(ValueError, match="n_neighbors"):
            run(STOPS)
    children = tracked()[1]
    assert children["the_lonely"].info.status == "FAILED"
    finished = [run for run in children.values() if run.info.status == "FINISHED"]
    assert finished
    assert all("model_score" in run.data.metrics for run in finished)
    shown = [one for one in caplog.records if one.name.startswith("kedro.runner.seq")]
    assert {one.levelno for one in shown} <= {logging.WARNING}


def test_the_logger_is_left_as_it_was() -> None:
    logger = logging.getLogger("kedro.runner.some_runner")
    logger.setLevel(logging.ERROR)
    one, other = CompletedNodes(logger.name), CompletedNodes(logger.name)
    one.start()
    other.start()
    logger.info("Completed node: %s", "a")
    one.stop()
    logger.info("Completed node: %s", "b")
    other.stop()
    other.stop()
    logger.info("Completed node: %s", "c")
    assert (list(one.times), list(other.times)) == (["a"], ["a", "b"])
    assert (logger.level, logger.filters) == (logging.ERROR, [])
