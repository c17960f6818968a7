"""The Dask runner without a cluster: what is sent, what is refused, what errors say."""

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
    """Return a catalog whose files are at a URL, in an emptied file system."""
    patterns = ("models.{name}", "kept_{name}")
    catalog = DataCatalog.from_config({one: dict(JSON) for one in patterns})
    yield catalog
    fsspec.filesystem("memory").store.clear()


def double(value: Any) -> Any:
    return value


def task(catalog: DataCatalog, *tags: str) -> Task:
    return Task(Node(double, "kept_a", "kept_b", tags=[*tags]), catalog, False)


class Sent:
    """A node that Dask has been given."""

    def __init__(self, status: str, error: BaseException | None = None):
        """Keep how it ended."""
        self.status, self._error = status, error

    def exception(self) -> BaseException | None:
        """Return what it ended with."""
        return self._error

    def add_done_callback(self, function: Any) -> None:
        """End at once."""
        function(self)


class Client:
    """A client that keeps what it is given to send."""

    def __init__(self, answer: Sent):
        """Keep the answer to what is sent."""
        self.answer, self.content = answer, b""

    def submit(self, work: Any, content: bytes, **options: Any) -> Sent:
        """Keep it."""
        self.content = content
        return self.answer


@pytest.fixture
def runner() -> Any:
    """Return a runner for whose scheduler nobody has asked yet."""
    pytest.importorskip("distributed")
    from kedro_dynamic.runners.dask_runner import DaskRunner

    return DaskRunner(address="tcp://127.0.0.1:1")


def test_what_is_in_memory_is_refused_by_name(
    runner: Any, catalog: DataCatalog
) -> None:
    catalog.save("kept_a", 1)
    steps = [node(double, "kept_a", "between"), node(double, "between", "kept_b")]
    with pytest.raises(ConfigurationError) as caught:
        runner.run(Pipeline(steps), catalog)
    assert "between: is only in memory" in caught.value.message
    assert "kept_b" not in caught.value.message


def test_no_more_of_a_catalog_is_sent_than_a_node_uses(
    runner: Any, catalog: DataCatalog
) -> None:
    for name in ("kept_a", "kept_b"):
        catalog.get(name)
    catalog["table"] = pd.DataFrame(np.zeros((100_000, 2)))
    runner._client = Client(Sent("finished"))
    sent = task(catalog)
    assert runner.submit(sent).result() is sent.node
    content = runner._client.content
    assert len(content) < 20_000
    _, part, *_ = pickle.loads(content)
    assert {*part.keys()} == {"kept_a", "kept_b"}
    # Hooks look there for the files of a node.
    assert config_of(part, "kept_b")["filepath"] == "memory:///b.json"


def test_how_nodes_end(runner: Any, catalog: DataCatalog) -> None:
    from dask.distributed import KilledWorker

    def end(status: str, error: BaseException | None = None, *tags: str) -> Any:
        for name in ("kept_a", "kept_b"):
            catalog.get(name)
        runner._client = Client(Sent(status, error))
        return runner.submit(task(catalog, *tags))

    with pytest.raises(ConfigurationError, match="lost its scheduler, or all its"):
        end("cancelled").result()
    with pytest.raises(ZeroDivisionError):
        end("error", ZeroDivisionError()).result()
    killed = KilledWorker("double", None, 3)
    with pytest.raises(ConfigurationError, match="most likely for lack of memory"):
        end("error", killed).result()
    assert not catalog.exists("kept_b")
    end("error", killed, "keep_going").result()
    assert is_failure(catalog.load("kept_b"))


def test_workers_refuse_to_run_other_code(runner: Any) -> None:
    from kedro_dynamic.runners import dask_worker

    here = dask_worker.fingerprint("kedro_dynamic")
    assert "kedro 1." in here
    with pytest.raises(ConfigurationError, match=f"has {here}, but the run iris 0, "):
        dask_worker.work("kedro_dynamic", "iris 0, kedro 1.7.0", b"", b"")


def test_dask_is_imported_only_where_it_is_named() -> None:
    code = """
import sys
import kedro_dynamic.settings
print({"dask", "distributed"} & set(sys.modules))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


def test_files_at_a_url_are_deleted(catalog: DataCatalog) -> None:
    catalog.save("models.b.metrics", 1)
    discard(catalog, ["models.b.metrics", "models.c"])
    assert not catalog.exists("models.b.metrics")


@pytest.mark.parametrize("by", ["globals", "params"])
def test_storage_is_where_relative_paths_start(by: str, tmp_path: Path) -> None:
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
    if by == "globals":
        (tmp_path / "base/globals.yml").write_text(json.dumps(given))
    loader = ProjectConfigLoader(
        str(tmp_path),
        runtime_params=given if by == "params" else None,
        base_env="base",
        default_run_env="base",
    )
    found = {name: entry.get("filepath") for name, entry in loader["catalog"].items()}
    assert found == {
        "relative": "s3://bucket/iris/data/x.csv",
        "absolute": here,
        "url": "s3://b/x.csv",
        "table": None,
    }
