"""MLflow's store: where it is, whether it answers, and who is at work in it."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from filelock import FileLock, Timeout
from mlflow import MlflowClient

from ..errors import ConfigurationError
from ..files import HOST, is_alive

logger = logging.getLogger(__name__)

SQLITE = "sqlite:///"
LOCAL_STORE = f"{SQLITE}mlflow.db"
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
# Seconds to wait for another process in silence, and then with a word about it.
SILENT, PATIENT = 3.0, 60.0
PROCESS = "kedro_process"


def anchor(uri: str, project_path: Path) -> str:
    """Make a relative SQLite address begin at the root of the project."""
    if not uri.startswith(SQLITE):
        return uri
    return SQLITE + (project_path / uri.removeprefix(SQLITE)).as_posix()


def answers(uri: str, timeout_seconds: float) -> bool:
    """Tell whether there is a server at the address; files always count as there."""
    try:
        parts = urlsplit(uri)
        if parts.scheme in ("http", "https"):
            # Any answer will do, a refusal included: credentials come later.
            requests.get(f"{uri.rstrip('/')}/health", timeout=timeout_seconds)
        elif parts.hostname and (
            port := parts.port or DATABASE_PORTS.get(parts.scheme.partition("+")[0])
        ):
            socket.create_connection((parts.hostname, port), timeout_seconds).close()
    except (OSError, ValueError, requests.RequestException):
        return False
    return True


def configure(
    config: dict[str, Any], uri: str, project_path: Path, timeout_seconds: float
) -> None:
    """Write a store that answers into the content of mlflow.yml, and create it."""
    if not answers(uri, timeout_seconds):
        raise ConnectionError("no answer")
    config["server"]["mlflow_tracking_uri"] = uri
    tracking = config.setdefault("tracking", {})
    # The plugin's default would reopen the run at every node.
    tracking.setdefault("run", {}).setdefault("nested", False)
    if uri.startswith(SQLITE):
        experiment = tracking.setdefault("experiment", {})
        options = experiment.setdefault("create_experiment_kwargs", {})
        artifacts = (project_path / "mlartifacts").as_uri()
        options.setdefault("artifact_location", artifacts)
        # Two first runs at once would create the same tables, and leave neither whole.
        with store_lock(uri):
            MlflowClient(uri).search_experiments(max_results=1)


def limit_mlflow() -> None:
    """Make MLflow wait seconds, not minutes, for a server that goes away, and quietly.

    Variables that are set already count for more.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    # A bar for each of many small files, in the middle of the log, helps nobody.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow prints addresses, passwords included, and urllib3 warns of each retry.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


@contextmanager
def store_lock(uri: str) -> Iterator[None]:
    """Let one process at a time into the block; for a SQLite store only.

    Raises:
        ConfigurationError: If another process does not leave it in time.
    """
    if not uri.startswith(SQLITE):
        yield
        return
    lock = FileLock(f"{uri.removeprefix(SQLITE)}.lock")
    try:
        lock.acquire(timeout=SILENT)
    except Timeout:
        logger.warning(
            "Another process is at work in %s: waiting %.0f seconds at most.",
            Path(lock.lock_file).stem,
            PATIENT,
        )
        try:
            lock.acquire(timeout=PATIENT)
        except Timeout:
            raise ConfigurationError(
                f"{lock.lock_file} is still held by another process: end that first."
            ) from None
    try:
        yield
    finally:
        lock.release()


def close_interrupted(client: MlflowClient, run_id: str) -> None:
    """Note a run's process; mark as KILLED the runs whose process here has died."""
    client.set_tag(run_id, PROCESS, f"{os.getpid()}@{HOST}")
    experiments = [client.get_run(run_id).info.experiment_id]
    running = "attributes.status = 'RUNNING'"
    mine = f"{running} AND tags.{PROCESS} LIKE '%@{HOST}'"
    for parent in client.search_runs(experiments, mine):
        process = parent.data.tags[PROCESS].partition("@")[0]
        if process.isdecimal() and not is_alive(int(process)):
            its = f"{running} AND tags.mlflow.parentRunId = '{parent.info.run_id}'"
            for run in [*client.search_runs(experiments, its), parent]:
                client.set_terminated(run.info.run_id, "KILLED")
