"""The tracking server: where it is, and whether it answers."""

import logging
import os
import socket
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

import requests
from filelock import FileLock
from mlflow import MlflowClient

from ..redaction import redact

SQLITE = "sqlite:///"
LOCAL_STORE = f"{SQLITE}mlflow.db"
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
SCHEMES = {"http", "https", "sqlite", "databricks", "databricks-uc", *DATABASE_PORTS}


def anchor(uri: str, project_path: Path) -> str:
    """Make a relative SQLite address begin at the root of the project."""
    # The longer name of the same driver.
    uri = uri.replace("sqlite+pysqlite:", "sqlite:", 1)
    if not uri.startswith(SQLITE):
        return uri
    return SQLITE + (project_path / _file(uri)).as_posix()


def answers(uri: str, timeout_seconds: float) -> bool:
    """Tell whether there is a server at the address.

    Args:
        uri: Tracking address. Files and Databricks profiles always count as there.
        timeout_seconds: How long to wait.
    """
    try:
        parts = urlsplit(uri)
        if parts.scheme in ("http", "https"):
            # Any answer will do, a refusal included: credentials come later.
            requests.get(f"{uri.rstrip('/')}/health", timeout=timeout_seconds)
        elif parts.hostname and (
            port := parts.port or DATABASE_PORTS.get(parts.scheme.split("+")[0])
        ):
            socket.create_connection((parts.hostname, port), timeout_seconds).close()
    except (OSError, ValueError, requests.RequestException):
        return False
    return True


def limit_mlflow_retries() -> None:
    """Make MLflow wait seconds, not minutes, for a server that goes away during a run.

    And keep it quiet while it does, and otherwise.

    Variables that are set already count for more.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    # A bar for each of many small files, in the middle of the log, helps nobody.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow prints addresses, passwords included, and urllib3 warns of each retry.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


def create_store(uri: str) -> None:
    """Create a SQLite store, or bring it up to date, one process at a time.

    Two first runs at once would create the same tables, and leave neither whole. So
    would one that is killed meanwhile: hence a new file gets its name when it is whole.
    """
    path = _file(uri)
    with store_lock(uri):
        if not path.exists() and os.name != "nt":  # there, open files keep their names
            begun = path.with_name(f"{path.name}.begun")
            begun.unlink(missing_ok=True)
            MlflowClient(f"sqlite:///{begun}").search_experiments(max_results=1)
            begun.replace(path)
        MlflowClient(uri).search_experiments(max_results=1)


def store_lock(uri: str) -> AbstractContextManager[object]:
    """Return a lock that one process at a time holds; for a SQLite store only."""
    return FileLock(f"{_file(uri)}.lock") if uri.startswith(SQLITE) else nullcontext()


def check_address(uri: str) -> list[str]:
    """Return what is wrong with a tracking address, in MLflow's terms."""
    key = "server.mlflow_tracking_uri"
    scheme = uri.partition(":")[0].partition("+")[0]
    if scheme == "sqlite" and not uri.startswith(SQLITE):
        return [f"{key}: MLflow needs a file; write '{LOCAL_STORE}'"]
    if scheme in SCHEMES:
        try:
            _ = urlsplit(uri).port
        except ValueError:
            return [f"{key}: '{redact(uri)}' has a host or port that cannot be"]
        return []
    if scheme in ("file", "mlruns") or ":" not in uri:
        return [f"{key}: MLflow needs a database or a server; write '{LOCAL_STORE}'"]
    return [
        f"{key}: '{redact(uri)}' does not begin as an address does; write it with "
        "http:// or https:// before it"
    ]


def _file(uri: str) -> Path:
    """Return the file of a SQLite store."""
    return Path(uri.removeprefix(SQLITE))
