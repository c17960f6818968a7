"""Reads MLflow's stores, and starts its server: MLflow is only in the projects."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.request import Request, urlopen

from e2e.conftest import InstalledProject, free_port, wait_for


@dataclass(frozen=True)
class MlflowRun:
    """What MLflow knows of a run; times in milliseconds since the epoch."""

    id: str
    name: str
    status: str
    start: int
    end: int
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]

    @property
    def parent(self) -> str | None:
        """ID of the parent run."""
        return self.tags.get("mlflow.parentRunId")


@dataclass(frozen=True)
class Store:
    """MLflow's SQLite file and the folder of its artifacts."""

    database: Path
    artifacts: Path

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the answer to a query."""
        with closing(sqlite3.connect(self.database)) as database:
            return database.execute(query, values).fetchall()

    def runs(self) -> list[MlflowRun]:
        """Return all runs."""
        columns = "run_uuid, name, status, start_time, end_time"
        runs = []
        for run in self.rows(f"SELECT {columns} FROM runs"):
            values = [
                self.rows(f"SELECT key, value FROM {table} WHERE run_uuid = ?", run[0])
                for table in ("params", "latest_metrics", "tags")
            ]
            runs.append(MlflowRun(*run, *map(dict, values)))
        return runs

    def family(self, *known: MlflowRun) -> tuple[MlflowRun, dict[str, MlflowRun]]:
        """Return the only new parent run, and its children by model.

        Args:
            known: Runs that are not new.
        """
        seen = {run.id for run in known}
        runs = [run for run in self.runs() if run.id not in seen]
        (parent,) = (run for run in runs if run.parent is None)
        children = [run for run in runs if run is not parent]
        assert all(child.parent == parent.id for child in children)
        by_model = {child.tags["model"]: child for child in children}
        assert len(by_model) == len(children)
        return parent, by_model

    def versions(self, model: str) -> dict[int, str]:
        """Return the run ID of each version of a registered model."""
        query = "SELECT version, run_id FROM model_versions WHERE name = ?"
        return dict(self.rows(query, model))

    def champion(self, model: str) -> int | None:
        """Return the version with the alias ``champion``."""
        query = (
            "SELECT version FROM registered_model_aliases "
            "WHERE alias = 'champion' AND name = ?"
        )
        return next((version for (version,) in self.rows(query, model)), None)

    def logged_models(self) -> dict[str, Path]:
        """Return the folder of each logged model by run ID."""
        query = "SELECT source_run_id, model_id FROM logged_models"
        return {
            run: self.artifacts / "models" / model / "artifacts"
            for run, model in self.rows(query)
        }

    def content(self) -> bytes:
        """Return every value of every table, and every artifact."""
        tables = self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        rows = [self.rows(f'SELECT * FROM "{table}"') for (table,) in tables]
        files = (path for path in self.artifacts.rglob("*") if path.is_file())
        return b"\n".join([repr(rows).encode(), *(file.read_bytes() for file in files)])


@dataclass(frozen=True)
class Server:
    """An ``mlflow server`` on this machine."""

    port: int
    store: Store
    process: Popen[bytes]

    @property
    def uri(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """Kill the server and the processes that it started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)


def store_of(project: InstalledProject) -> Store:
    """Return the project's own store."""
    return Store(project.path / "mlflow.db", project.path / "mlartifacts")


@contextmanager
def mlflow_server(project: InstalledProject, folder: Path) -> Iterator[Server]:
    """Run an MLflow server until the block ends.

    Args:
        project: The server runs in the project's environment.
        folder: A new folder for the store.
    """
    folder.mkdir()
    port = free_port()
    store = Store(folder / "mlflow.db", folder / "artifacts")
    command = ["mlflow", "server", "--host=127.0.0.1", f"--port={port}", "--workers=1"]
    command += [f"--backend-store-uri=sqlite:///{store.database}"]
    command += [f"--artifacts-destination={store.artifacts}"]
    log = folder / "server.log"
    with without_jobs(project).background(*command, log=log) as process:
        server = Server(port, store, process)
        wait_for(lambda: experiments(server.uri) is not None, process, log)
        yield server


def without_jobs(project: InstalledProject) -> InstalledProject:
    """Return the project with a variable that starts servers without job workers."""
    return replace(project, variables={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})


def experiments(uri: str) -> set[str] | None:
    """Return the names of a server's experiments; None while it does not answer."""
    request = Request(
        f"{uri}/api/2.0/mlflow/experiments/search",
        data=json.dumps({"max_results": 100}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with suppress(OSError), urlopen(request, timeout=5) as answer:
        listed = json.load(answer)["experiments"]
        return {experiment["name"] for experiment in listed}
    return None


def track_at(project: InstalledProject, uri: str) -> None:
    """Set the tracking address in ``mlflow.yml``."""
    edit(project, "mlflow.yml", r"(mlflow_tracking_uri: ).*", rf"\g<1>{uri}")


def edit(project: InstalledProject, file: str, pattern: str, text: str) -> None:
    """Replace the only match of a pattern in a file of ``conf/base``."""
    path = project.path / "conf/base" / file
    edited, count = re.subn(pattern, text, path.read_text())
    assert count == 1, (file, pattern)
    path.write_text(edited)


def add_class(project: InstalledProject, model: str, module: str, code: str) -> None:
    """Add a class to the project's package, and a model of that class.

    Args:
        project: The project.
        model: Name of the model in ``parameters.yml``.
        module: Name of the new module.
        code: The code of the module; the class is called ``Model``.
    """
    source = project.path / "src" / project.package / f"{module}.py"
    source.write_text(code)
    entry = f"models:\n  {model}:\n    class: {project.package}.{module}.Model"
    edit(project, "parameters.yml", r"models:(?=\n)", entry)


def warnings_in(output: str) -> list[str]:
    """Return the warnings on the console, one line each."""
    return re.findall(r"^.*\bWARNING\b.*$", output, re.MULTILINE)


def verdict_in(output: str) -> str:
    """Return what a run says that it means."""
    (verdict,) = re.findall(r"^verdict +(.*\S)", output, re.MULTILINE)
    assert isinstance(verdict, str)
    return verdict
