"""MLflow's store: whether it answers, its locks, and projects that move."""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from kedro_dynamic.config.addresses import anchor
from kedro_dynamic.config.errors import ConfigurationError, parse
from kedro_dynamic.config.tracking import TrackingConfig
from kedro_dynamic.tracking import sqlite, store
from mlflow import MlflowClient

from library.mlflow_store import new_store


@pytest.mark.parametrize(
    ("uri", "anchored"),
    [
        ("sqlite:///mlflow.db", "sqlite:////project/mlflow.db"),
        ("sqlite:////elsewhere/mlflow.db", "sqlite:////elsewhere/mlflow.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_relative_stores_begin_at_the_project(uri: str, anchored: str) -> None:
    assert anchor(uri, Path("/project")) == anchored


def test_a_folder_that_addresses_cannot_have_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match="ends at '\\?'; rename the folder"):
        anchor("sqlite:///mlflow.db", Path("/which model?"))
    assert anchor("http://host:5000", Path("/which model?")) == "http://host:5000"


@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg2"])
def test_a_port_where_nobody_listens_does_not_answer(scheme: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"{scheme}://127.0.0.1:{unused.getsockname()[1]}/db"
        assert not store.answers(address, timeout_seconds=1)


def test_a_server_that_accepts_and_says_nothing_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert not store.answers(address, timeout_seconds=0.2)
    assert store.answers("sqlite:///mlflow.db", timeout_seconds=1)


def test_a_lock_that_is_held_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = new_store(tmp_path)
    monkeypatch.setattr(sqlite, "PATIENCE", 0.05)
    is_refused = pytest.raises(ConfigurationError, match=r"mlflow\.db\.lock")
    with FileLock(tmp_path / "mlflow.db.lock"), is_refused:
        sqlite.store_lock(uri).__enter__()
    with sqlite.store_lock(uri):
        pass


def test_runs_of_dead_processes_are_closed(tmp_path: Path) -> None:
    client = MlflowClient(new_store(tmp_path))
    dead, alive, odd, huge = (client.create_run("0").info.run_id for _ in range(4))
    child = client.create_run("0", tags={"mlflow.parentRunId": dead}).info.run_id
    mine = client.create_run("0").info.run_id
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    processes = {dead: pid, alive: os.getppid(), odd: "x", huge: "9" * 30}
    for run_id, process in processes.items():
        client.set_tag(run_id, store.PROCESS, f"{process}@{store.HOST}")
    store.close_interrupted(client, mine)
    status = {
        run_id: client.get_run(run_id).info.status
        for run_id in (dead, child, alive, odd, huge, mine)
    }
    assert [status[one] for one in (dead, child)] == ["KILLED", "KILLED"]
    assert {status[one] for one in (alive, odd, huge, mine)} == {"RUNNING"}


def test_a_store_is_set_up_in_the_project(tmp_path: Path) -> None:
    experiment: dict[str, Any] = {}
    uri = new_store(tmp_path)
    start = time.monotonic()
    store.prepare_sqlite(uri, experiment, tmp_path, 1)
    assert time.monotonic() - start < 2
    options = experiment["create_experiment_kwargs"]
    assert options["artifact_location"] == (tmp_path / "mlartifacts").as_uri()


def test_off_is_not_false_and_mistakes_are_named() -> None:
    config = parse(TrackingConfig, {"on_unreachable": False}, "tracking.yml")
    assert config.on_unreachable == "off"
    wrong = {"timeout_second": 1, "champion": {"margin": -1}}
    with pytest.raises(ConfigurationError) as error:
        parse(TrackingConfig, wrong, "tracking.yml")
    assert "did you mean 'timeout_seconds'?" in error.value.message
    assert "champion.margin" in error.value.message


def located(uri: str) -> dict[str, set[str]]:
    """Return all addresses of files in a store."""
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as database:
        return {
            table: {one for (one,) in database.execute(f"SELECT {column} FROM {table}")}
            for table, column in sqlite.ADDRESSES
        }


def test_a_moved_project_finds_its_files(tmp_path: Path) -> None:
    there, here = ((tmp_path / name).as_uri() for name in ("there", "now here"))
    (tmp_path / "now here").mkdir()
    uri = new_store(tmp_path / "now here")
    client = MlflowClient(uri)
    old = client.create_experiment("iris", f"{there}/mlartifacts")
    client.create_experiment("older", f"{there}/mlartifacts")
    others = {"s3://bucket/mlartifacts", "file:///mine", f"{there}/mlartifacts2"}
    for number, other in enumerate(others):
        client.create_experiment(str(number), other)
    run = client.create_run(old)
    default = client.get_experiment("0").artifact_location
    client.create_registered_model("iris")
    client.create_model_version("iris", f"{there}/mlartifacts/1/m", run.info.run_id)

    store.prepare_sqlite(uri, {"name": "iris"}, tmp_path / "now here", 1)
    found = located(uri)
    assert found["experiments"] == {f"{here}/mlartifacts", default, *others}
    assert found["runs"] == {
        run.info.artifact_uri.replace(f"{there}/", f"{here}/"),
    }
    assert found["model_versions"] == {f"{here}/mlartifacts/1/m"}


@pytest.mark.parametrize("whose", ["its own place", "another store"])
def test_where_a_person_wants_the_files_they_stay(tmp_path: Path, whose: str) -> None:
    uri = new_store(tmp_path)
    client, there = MlflowClient(uri), "file:///mine/mlartifacts"
    client.create_run(client.create_experiment("iris", there))
    before = located(uri)
    experiment: dict[str, Any] = {"name": "iris"}
    if whose == "its own place":
        experiment["create_experiment_kwargs"] = {"artifact_location": there}
    root = tmp_path / ("x" if whose == "another store" else "")
    store.prepare_sqlite(uri, experiment, root, 1)
    assert located(uri) == before
