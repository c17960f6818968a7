"""A run whose store fails, at whatever call, is written whole to the local store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import mlflow
import pytest
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.tracking import TrackingConfig
from kedro_dynamic.tracking.parent_run import (
    attempt,
    close_parent_run,
    open_parent_run,
    report_problem,
    write_to_mlflow,
)
from kedro_dynamic.tracking.store import connect, read_tracking_config
from kedro_mlflow.io.artifacts import MlflowArtifactDataset
from mlflow import MlflowClient

from library.mlflow_store import new_store
from library.test_payload import TwoModels
from library.test_writer import children_of


class Loader(dict[str, Any]):
    """A configuration, as Kedro's loaders offer it."""

    config_patterns = {"mlflow": ["mlflow*"], "tracking": ["tracking*"]}  # noqa: RUF012


class LosesAnswers:
    """A client that makes each call, and loses the answers after some of them."""

    def __init__(self, client: MlflowClient, calls: int):
        """Answer this many calls."""
        self._client, self._calls = client, calls

    def __getattr__(self, name: str) -> Any:
        """Return a method of the client."""

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = getattr(self._client, name)(*args, **kwargs)
            self._calls -= 1
            if self._calls < 0:
                raise ConnectionError("lost")
            return answer

        return call


# What kedro-mlflow looks up in the parameters of a run.
SELECTION = (
    "tags",
    "node_names",
    "from_nodes",
    "to_nodes",
    "from_inputs",
    "load_versions",
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a project with a local store, and one of a server."""
    for name in ("project", "server"):
        (tmp_path / name).mkdir()
        new_store(tmp_path / name)
    uri = mlflow.get_tracking_uri()
    yield tmp_path
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(uri)


def begin(folder: Path, on_unreachable: str = "local") -> TwoModels:
    """Begin a run of two models that is tracked at the server."""
    loader = Loader(
        mlflow={
            "server": {"mlflow_tracking_uri": f"sqlite:///{folder}/server/mlflow.db"},
            "tracking": {"disable_tracking": {"disable_autologging": False}},
        },
        tracking={"on_unreachable": on_unreachable},
    )
    context = Mock(project_path=folder / "project", _package_name="iris")
    context.config_loader = loader
    context._get_config_credentials.return_value = {}
    models = TwoModels(folder / "project")
    models.run.params |= dict.fromkeys(SELECTION)
    models.run.store = connect(context, read_tracking_config(context))
    open_parent_run(models.run)
    models.write("a", model_score=0.9, fit_seconds=1.0, nan=float("nan"))
    models.write("b", error="ValueError: no", traceback="at")
    return models


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings of this library."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelname == "WARNING" and record.name.startswith("kedro_dynamic")
    ]


def test_a_run_is_written_whole_wherever_its_store_fails(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    local = MlflowClient(f"sqlite:///{folder}/project/mlflow.db")
    moved = 0
    for calls in range(100):
        caplog.clear()
        models = begin(folder)
        run, payload = models.run, models.payload()
        run.mlflow.client = LosesAnswers(run.mlflow.client, calls)  # type: ignore
        write_to_mlflow(run, payload)
        close_parent_run(run, payload.status)
        report_problem(run, only_warn=False)
        if run.store.uri.endswith("server/mlflow.db"):
            break

        moved += 1
        parent = local.get_run(payload.id)
        children = children_of(local, parent)
        assert parent.info.status == "FAILED"
        assert children["a"].data.metrics["model_score"] == 0.9
        assert children["b"].data.tags["error"] == "ValueError: no"
        assert local.download_artifacts(payload.id, "parameters.yml")
        (warning,) = warnings_of(caplog)
        assert "this run is tracked in" in warning
    assert moved >= 8
    assert not warnings_of(caplog)
    # Nothing is left open where the store failed.
    server = MlflowClient(f"sqlite:///{folder}/server/mlflow.db")
    experiment = server.get_experiment_by_name("iris")
    assert experiment is not None
    parents = server.search_runs([experiment.experiment_id], "run_name = '__default__'")
    assert {run.info.status for run in parents} == {"FAILED"}


def test_work_that_fails_is_done_in_the_local_store(folder: Path) -> None:
    models = begin(folder)
    payload = models.payload()
    write_to_mlflow(models.run, payload)
    remote_id = payload.id

    def work(client: MlflowClient) -> str:
        if "server" in client.tracking_uri:
            raise ConnectionError("lost")
        client.log_text(payload.id, "<p>", "report.html")
        return "done"

    assert attempt(models.run, payload, work) == "done"
    assert payload.id != remote_id
    assert mlflow.active_run().info.run_id == payload.id  # type: ignore[union-attr]


@pytest.mark.parametrize("on_unreachable", ["fail", "off"])
def test_without_the_local_store_the_problem_is_reported(
    on_unreachable: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models = begin(folder, on_unreachable)
    run, payload = models.run, models.payload()
    run.mlflow.client = LosesAnswers(run.mlflow.client, 3)  # type: ignore
    write_to_mlflow(run, payload)
    close_parent_run(run, payload.status)
    assert run.mlflow.problem == "ConnectionError: lost"
    if on_unreachable == "fail":
        with pytest.raises(ConfigurationError, match="lacks this run, or part of it"):
            report_problem(run, only_warn=False)
    report_problem(run, only_warn=True)
    (warning,) = warnings_of(caplog)
    assert "lacks this run, or part of it (ConnectionError: lost)" in warning


def test_a_callers_run_is_left_open(folder: Path) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{folder}/server/mlflow.db")
    experiment = mlflow.create_experiment("callers", folder.as_uri())
    with mlflow.start_run(experiment_id=experiment) as callers_run:
        models = begin(folder)
        payload = models.payload()
        assert payload.id == callers_run.info.run_id
        write_to_mlflow(models.run, payload)
        close_parent_run(models.run, payload.status)
        assert MlflowClient().get_run(payload.id).info.status == "RUNNING"
        children = children_of(MlflowClient(), MlflowClient().get_run(payload.id))
        assert children.keys() == {"a", "b"}


def test_a_run_that_a_hook_has_opened_is_the_run(folder: Path) -> None:
    models = begin(folder)
    close_parent_run(models.run, "KILLED")
    with mlflow.start_run(run_name="of a hook") as hooks_run:
        open_parent_run(models.run)
        assert models.run.mlflow.id == hooks_run.info.run_id
        assert not models.run.mlflow.problem
    # The hook has ended it, too.
    payload = models.payload()
    write_to_mlflow(models.run, payload)
    close_parent_run(models.run, payload.status)
    client = MlflowClient()
    assert children_of(client, client.get_run(payload.id)).keys() == {"a", "b"}


def test_a_pipeline_without_tracking_logs_nothing(folder: Path) -> None:
    models = begin(folder)
    run = models.run
    close_parent_run(run, "KILLED")
    count = len(mlflow.search_runs(search_all_experiments=True))
    path = str(folder / "a.json")
    dataset = {"type": "json.JSONDataset", "filepath": path}
    run.catalog["a"] = MlflowArtifactDataset(dataset=dataset)
    run.store.plugin.tracking.disable_tracking.pipelines = [run.name]
    open_parent_run(run)
    run.catalog.save("a", {})
    assert Path(path).is_file()
    assert len(mlflow.search_runs(search_all_experiments=True)) == count
    assert run.mlflow.client is None


def test_defaults_of_tracking_yml() -> None:
    assert TrackingConfig().on_unreachable == "local"


def test_only_what_mlflow_raised_is_said_to_be_its_own(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models = begin(folder, "local")
    run, payload = models.run, models.payload()
    write_to_mlflow(run, payload)
    uri = run.store.uri

    def work(client: MlflowClient) -> None:
        raise ValueError("f1 of three classes")

    assert attempt(run, payload, work) is None
    assert (run.mlflow.problem, run.store.uri) == ("", uri)
    (warning,) = warnings_of(caplog)
    assert warning == "The champion stays as it was: ValueError: f1 of three classes"

    # An error that MLflow raises itself.
    attempt(run, payload, lambda client: client.get_run("no such run"))
    assert "no such run" in warnings_of(caplog)[-1]
