"""The Dask runner without a cluster: what it sends, what it rejects, its errors."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline, node
from kedro.runner.task import Task
from kedro_dynamic.catalog.entries import config_of
from kedro_dynamic.catalog.files import discard
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.registry.config_loader import ProjectConfigLoader
from kedro_dynamic.runs.failures import is_failure

JSON = {"type": "json.JSONDataset", "filepath": "memory:///{name}.json"}


@pytest.fixture
def catalog() -> Iterator[DataCatalog]:
    """Return a catalog whose files are at a URL, in a file system in memory."""
    patterns = ("models.{name}", "file_{name}")
    catalog = DataCatalog.from_config({pattern: dict(JSON) for pattern in patterns})
    yield catalog
    fsspec.filesystem("memory").store.clear()


def copy_value(value: Any) -> Any:
    return value


def task_of(catalog: DataCatalog, *tags: str) -> Task:
    """Return the task of a node with one input and one output."""
    return Task(Node(copy_value, "file_a", "file_b", tags=[*tags]), catalog, False)


class DaskFuture:
    """A future of Dask whose task has ended."""

    def __init__(self, status: str, error: BaseException | None = None):
        """Set how the task ended."""
        self.status, self._error = status, error

    def exception(self) -> BaseException | None:
        """Return the error of the task."""
        return self._error

    def add_done_callback(self, function: Any) -> None:
        """Call the function at once."""
        function(self)


class Client:
    """A client that remembers what it sends."""

    def __init__(self, future: DaskFuture):
        """Set the future of each task."""
        self.future, self.content = future, b""

    def submit(self, work: Any, content: bytes, **options: Any) -> DaskFuture:
        """Remember the content."""
        self.content = content
        return self.future


@pytest.fixture
def runner() -> Any:
    """Return a runner that has not connected to its scheduler yet."""
    pytest.importorskip("distributed")
    from kedro_dynamic.runners.dask_runner import DaskRunner

    return DaskRunner(address="tcp://127.0.0.1:1")


def test_outputs_in_memory_are_rejected_by_name(
    runner: Any, catalog: DataCatalog
) -> None:
    catalog.save("file_a", 1)
    steps = [
        node(copy_value, "file_a", "between"),
        node(copy_value, "between", "file_b"),
    ]
    with pytest.raises(ConfigurationError) as caught:
        runner.run(Pipeline(steps), catalog)
    assert "between: is only in memory" in caught.value.message
    assert "file_b" not in caught.value.message


def test_only_the_part_of_the_catalog_that_a_node_uses_is_sent(
    runner: Any, catalog: DataCatalog
) -> None:
    for name in ("file_a", "file_b"):
        catalog.get(name)
    catalog["table"] = pd.DataFrame(np.zeros((100_000, 2)))
    runner._client = Client(DaskFuture("finished"))
    task = task_of(catalog)
    assert runner.submit(task).result() is task.node
    content = runner._client.content
    assert len(content) < 20_000
    _, part, *_ = pickle.loads(content)
    assert {*part.keys()} == {"file_a", "file_b"}
    # Hooks in the worker look up the files of a node in its entries.
    assert config_of(part, "file_b")["filepath"] == "memory:///b.json"


def test_the_outcome_of_a_node_is_passed_on(runner: Any, catalog: DataCatalog) -> None:
    from dask.distributed import KilledWorker

    def outcome_of(status: str, error: BaseException | None = None, *tags: str) -> Any:
        for name in ("file_a", "file_b"):
            catalog.get(name)
        runner._client = Client(DaskFuture(status, error))
        return runner.submit(task_of(catalog, *tags))

    with pytest.raises(ConfigurationError, match="lost its scheduler, or all its"):
        outcome_of("cancelled").result()
    with pytest.raises(ZeroDivisionError):
        outcome_of("error", ZeroDivisionError()).result()
    killed = KilledWorker("copy_value", None, 3)
    with pytest.raises(ConfigurationError, match="most likely for lack of memory"):
        outcome_of("error", killed).result()
    assert not catalog.exists("file_b")
    outcome_of("error", killed, "keep_going").result()
    assert is_failure(catalog.load("file_b"))


def test_workers_reject_other_code(runner: Any) -> None:
    from kedro_dynamic.runners import dask_worker

    actual = dask_worker.fingerprint("kedro_dynamic")
    assert "kedro 1." in actual
    message = f"has {actual}, but the run iris 0, "
    with pytest.raises(ConfigurationError, match=message):
        dask_worker.work("kedro_dynamic", "iris 0, kedro 1.7.0", b"", b"")


def test_dask_is_imported_only_if_a_runner_needs_it() -> None:
    code = """
import sys
import kedro_dynamic.settings
print({"dask", "distributed"} & set(sys.modules))
"""
    command = [sys.executable, "-c", code]
    process = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert process.stdout.splitlines()[-1] == "set()", process.stderr


def test_files_at_a_url_are_deleted(catalog: DataCatalog) -> None:
    catalog.save("models.b.metrics", 1)
    discard(catalog, ["models.b.metrics", "models.c"])
    assert not catalog.exists("models.b.metrics")


@pytest.mark.parametrize("by", ["globals", "environment"])
def test_storage_is_where_relative_paths_start(
    by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base").mkdir()
    here = str(tmp_path / "here.csv")
    paths = {"relative": "data/x.csv", "absolute": here, "url": "s3://b/x.csv"}
    entries = {
        name: {"type": "pandas.CSVDataset", "filepath": path}
        for name, path in paths.items()
    }
    entries["table"] = {"type": "pandas.SQLTableDataset", "table_name": "x"}
    (tmp_path / "base/catalog.yml").write_text(json.dumps(entries))
    given = {"storage": "s3://bucket/iris"}
    if by == "environment":
        monkeypatch.setenv("KEDRO_DYNAMIC_STORAGE", given["storage"])
        given = {"storage": "s3://another"}
    (tmp_path / "base/globals.yml").write_text(json.dumps(given))
    loader = ProjectConfigLoader(str(tmp_path), base_env="base", default_run_env="base")
    found = {name: entry.get("filepath") for name, entry in loader["catalog"].items()}
    assert found == {
        "relative": "s3://bucket/iris/data/x.csv",
        "absolute": here,
        "url": "s3://b/x.csv",
        "table": None,
    }
