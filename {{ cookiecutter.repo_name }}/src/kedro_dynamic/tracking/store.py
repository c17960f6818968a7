"""MLflow's store, and what ``tracking.yml`` may say of it and the champion."""

import logging
import math
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mlflow
import requests
from mlflow import MlflowClient

from kedro_dynamic.config.errors import VERBATIM, ConfigurationError, one_line, redact
from kedro_dynamic.config.project import package_name
from kedro_dynamic.config.tracking import TrackingConfig
from kedro_dynamic.runs.run_lock import HOST, is_alive
from kedro_dynamic.tracking.sqlite import (
    SQLITE,
    check_writable,
    follow_move,
    limit_waiting,
    store_lock,
)

logger = logging.getLogger(__name__)


LOCAL_STORE = f"{SQLITE}mlflow.db"


DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


PROCESS = "kedro_process"


def anchor(uri: str, project_path: Path) -> str:
    """Make a relative SQLite address begin at the root of the project."""
    if not uri.startswith(SQLITE):
        return uri
    return SQLITE + (project_path / uri.removeprefix(SQLITE)).as_posix()


def address(uri: str, project_path: Path) -> str:
    """Return an address as it stays when the project is moved, without passwords."""
    return redact(uri.replace(f"{project_path.as_posix()}/", ""))


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


def connect(
    config: dict[str, Any],
    project_path: Path,
    tracking: TrackingConfig,
    set_up: Callable[[], None],
) -> tuple[str, str]:
    """Let MLflow be set up with the store of mlflow.yml, or what is to be used instead.

    Returns:
        The address; and why it cannot be used, where no other one is to be.

    Raises:
        ConfigurationError: If tracking.yml says so.
    """
    local = anchor(LOCAL_STORE, project_path)
    server = config.setdefault("server", {})
    uri = server.get("mlflow_tracking_uri") or os.getenv("MLFLOW_TRACKING_URI")
    uri = anchor(uri or local, project_path)
    try:
        configure(config, uri, project_path, tracking.timeout_seconds)
        set_up()
    except Exception as error:
        problem = one_line(error)
    else:
        return uri, ""
    refuse(uri, problem, tracking)
    mlflow.set_tracking_uri(local)
    if tracking.on_unreachable == "local" and uri != local:
        server["mlflow_registry_uri"] = None
        with suppress(Exception):  # then none can be used, as the end says
            configure(config, local, project_path, tracking.timeout_seconds)
            set_up()
            message = "%s cannot be used (%s): this run is tracked in %s instead."
            logger.warning(message, redact(uri), problem, local, extra=VERBATIM)
            return local, ""
    return uri, problem


def refuse(uri: str, problem: str, tracking: TrackingConfig) -> None:
    """End a run before it begins, if tracking.yml says so."""
    if tracking.on_unreachable == "fail":
        what = f"server.mlflow_tracking_uri: {redact(uri)} cannot be used ({problem})"
        advice = "start the server, or write 'on_unreachable: local' in tracking.yml"
        raise ConfigurationError.listing("mlflow.yml", [f"{what}; {advice}"])


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
        own = options.setdefault("artifact_location", artifacts) != artifacts
        inside = Path(uri.removeprefix(SQLITE)).is_relative_to(project_path)
        # Two first runs at once would create the same tables, and leave neither whole.
        with store_lock(uri):
            check_writable(uri, timeout_seconds)
            MlflowClient(uri).search_experiments(max_results=1)
            if inside and not own:
                follow_move(uri, artifacts, experiment.get("name") or package_name())


def limit_mlflow(timeout_seconds: float) -> None:
    """Make MLflow wait seconds, not minutes, for a store that goes away, and quietly.

    Variables that are set already count for more.
    """
    limit_waiting(timeout_seconds)
    seconds = str(max(1, math.ceil(timeout_seconds)))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", seconds)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    # It could ask for minutes.
    os.environ.setdefault("MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER", "false")
    # A bar for each of many small files, in the middle of the log, helps nobody.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow prints addresses, passwords included, and urllib3 warns of each retry; what
    # a database raises is said once, at the end.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


@contextmanager
def impatience(**variables: str) -> Iterator[None]:
    """Let MLflow ask but once in the block; its variables may say more."""
    changed = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", **variables}
    before = {name: os.environ[name] for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        os.environ.update(before)


def close_interrupted(client: MlflowClient, run_id: str) -> None:
    """Note a run's process; mark as KILLED the runs whose process here has died."""
    client.set_tag(run_id, PROCESS, f"{os.getpid()}@{HOST}")
    experiments = [client.get_run(run_id).info.experiment_id]
    running = "attributes.status = 'RUNNING'"
    mine = f"{running} AND tags.{PROCESS} LIKE '%@{HOST}'"
    for parent in client.search_runs(experiments, mine):
        process = parent.data.tags[PROCESS].partition("@")[0]
        # Anything may stand there: numbers of processes are short.
        if re.fullmatch(r"\d{1,9}", process) and not is_alive(int(process)):
            its = f"{running} AND tags.mlflow.parentRunId = '{parent.info.run_id}'"
            for run in [*client.search_runs(experiments, its), parent]:
                client.set_terminated(run.info.run_id, "KILLED")
