"""Where runs are tracked: MLflow's store, or the local one where it cannot be used."""

import logging
import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mlflow
import requests
from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.io import DataCatalog
from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook
from mlflow import MlflowClient

from kedro_dynamic.config.addresses import SQLITE, anchor, is_sqlite, sqlite_path
from kedro_dynamic.config.errors import (
    VERBATIM,
    ConfigurationError,
    one_line,
    parse,
    redact,
)
from kedro_dynamic.config.process import HOST, is_alive
from kedro_dynamic.config.project import package_name
from kedro_dynamic.config.tracking import TrackingConfig
from kedro_dynamic.runs.parts import orchestrated_run
from kedro_dynamic.tracking.sqlite import check_writable, follow_move, store_lock

logger = logging.getLogger(__name__)

LOCAL_STORE = f"{SQLITE}mlflow.db"
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
PROCESS = "kedro_process"

# Sessions in threads set up and write one after the other: stores do not expect two
# clients to create the same dataset or alias at once.
writing = threading.RLock()


@dataclass
class Store:
    """Where the runs of a session are tracked."""

    context: KedroContext
    config: TrackingConfig
    """``tracking.yml``."""

    plugin: KedroMlflowConfig
    """``mlflow.yml``."""

    hook: MlflowHook = field(default_factory=MlflowHook)
    """kedro-mlflow's hook, which sets MLflow up and opens the parent run."""

    uri: str = ""
    problem: str = ""
    """Why the store cannot be used."""

    in_callers_run: bool = False
    """True if the caller, or a hook of the project, has opened the run in MLflow."""

    @property
    def root(self) -> Path:
        """The folder of the project."""
        return Path(self.context.project_path)

    @property
    def address(self) -> str:
        """The address as it stays when the project is moved, without passwords."""
        return redact(self.uri.replace(f"{self.root.as_posix()}/", ""))

    @property
    def is_local(self) -> bool:
        """True if this is the project's own store."""
        return self.uri == anchor(LOCAL_STORE, self.root)

    @property
    def may_use_local(self) -> bool:
        """True if the project's own store may take the place of this one."""
        return self.config.on_unreachable == "local" and not self.is_local

    def use(self, uri: str, *, registry_uri: str | None) -> None:
        """Set MLflow up for an address.

        Raises:
            Exception: Whatever shows that the store cannot be used.
        """
        config = _read(self.context, "mlflow")
        server = config.setdefault("server", {})
        server["mlflow_tracking_uri"] = uri
        server["mlflow_registry_uri"] = registry_uri
        if not answers(uri, self.config.timeout_seconds):
            raise ConnectionError("no answer")

        tracking = config.setdefault("tracking", {})
        # The plugin's default would reopen the run at every node.
        tracking.setdefault("run", {}).setdefault("nested", False)
        if is_sqlite(uri):
            experiment = tracking.setdefault("experiment", {})
            prepare_sqlite(uri, experiment, self.root, self.config.timeout_seconds)
        self.context.config_loader["mlflow"] = config
        self.hook.after_context_created(self.context)
        self.uri, self.problem = uri, ""

    def join_active_run(self) -> None:
        """Use the run that is open in MLflow, which decides where everything goes."""
        self.in_callers_run = True
        self.hook.after_context_created(self.context)
        self.uri = mlflow.get_tracking_uri()

    def switch_to_local(self, problem: str) -> bool:
        """Set MLflow up for the project's own store, if tracking.yml allows it.

        Args:
            problem: Why the store in use cannot be used.

        Returns:
            True if runs are now tracked in the local store.
        """
        if not self.may_use_local:
            return False
        failed, local = self.uri, anchor(LOCAL_STORE, self.root)
        try:
            self.use(local, registry_uri=None)
        except Exception as error:
            logger.debug("%s cannot be used: %s", local, error)
            return False
        logger.warning(
            "%s cannot be used (%s): this run is tracked in %s instead.",
            redact(failed),
            problem,
            local,
            extra=VERBATIM,
        )
        return True

    def raise_if_required(self, problem: str) -> None:
        """Raise an error if tracking.yml says that runs must be tracked."""
        if self.config.on_unreachable != "fail":
            return
        advice = "start the server"
        if not orchestrated_run():
            advice += ", or write 'on_unreachable: local' in tracking.yml"
        place = f"server.mlflow_tracking_uri: {self.uri}"
        raise ConfigurationError.listing(
            "mlflow.yml", [f"{place} cannot be used ({problem}); {advice}"]
        )


def read_tracking_config(context: KedroContext) -> TrackingConfig:
    """Return what ``tracking.yml`` says.

    Raises:
        ConfigurationError: If it is wrong.
    """
    return parse(TrackingConfig, _read(context, "tracking"), "tracking.yml")


def connect(context: KedroContext, config: TrackingConfig) -> Store:
    """Set MLflow up for a session, with a store that can be used.

    Args:
        context: Of the session.
        config: What ``tracking.yml`` says.

    Raises:
        ConfigurationError: If mlflow.yml is wrong, or if the store cannot be used and
            tracking.yml says that this is an error.
    """
    plugin = parse(KedroMlflowConfig, _read(context, "mlflow"), "mlflow.yml")
    store = Store(context, config, plugin)
    with writing:
        if mlflow.active_run() is not None:
            store.join_active_run()
            return store

        local = anchor(LOCAL_STORE, store.root)
        uri = plugin.server.mlflow_tracking_uri or os.getenv("MLFLOW_TRACKING_URI")
        store.uri = anchor(uri or local, store.root)
        try:
            store.use(store.uri, registry_uri=plugin.server.mlflow_registry_uri)
        except Exception as error:
            problem = one_line(error)
            store.raise_if_required(problem)
            if not store.switch_to_local(problem):
                store.problem = problem
                # What a node itself logs must not wait for the store that fails.
                mlflow.set_tracking_uri(local)
    return store


def name_metrics(catalog: DataCatalog) -> None:
    """Name metrics of kedro-mlflow after their datasets where entries lack a key."""
    MlflowHook().after_catalog_created(catalog, {}, {}, {}, "", {})


def prepare_sqlite(
    uri: str, experiment: dict[str, Any], root: Path, timeout_seconds: float
) -> None:
    """Create the tables of a SQLite store, and let it follow a project that moved.

    Args:
        uri: Address of the store.
        experiment: ``tracking.experiment`` of mlflow.yml; gets a place for artifacts.
        root: The folder of the project.
        timeout_seconds: How long to wait for another process to release the store.
    """
    artifacts = (root / "mlartifacts").as_uri()
    options = experiment.setdefault("create_experiment_kwargs", {})
    location = options.setdefault("artifact_location", artifacts)
    is_inside = sqlite_path(uri).is_relative_to(root)
    # Two first runs at once would create the same tables, and leave neither whole.
    with store_lock(uri):
        check_writable(uri, timeout_seconds)
        MlflowClient(uri).search_experiments(max_results=1)
        if is_inside and location == artifacts:
            follow_move(uri, artifacts, experiment.get("name") or package_name())


def answers(uri: str, timeout_seconds: float) -> bool:
    """Return True if there is a server at the address; files always count as there."""
    try:
        parts = urlsplit(uri)
        scheme = parts.scheme.partition("+")[0]
        if scheme in ("http", "https"):
            # Any answer will do, a refusal included: credentials come later.
            health = f"{uri.rstrip('/')}/health"
            requests.get(health, timeout=timeout_seconds, stream=True).close()
            return True
        port = parts.port or DATABASE_PORTS.get(scheme)
        if parts.hostname and port:
            address = (parts.hostname, port)
            socket.create_connection(address, timeout_seconds).close()
    except (OSError, ValueError, requests.RequestException):
        return False
    return True


@contextmanager
def impatience(**variables: str) -> Iterator[None]:
    """Make MLflow ask a server only once within the block.

    Args:
        variables: Other environment variables to set for the block.
    """
    changed = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", **variables}
    with writing:  # all threads share the environment
        before = {name: os.environ.get(name) for name in changed}
        os.environ.update(changed)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def close_interrupted(client: MlflowClient, run_id: str) -> None:
    """Note the process of a run, and mark runs as KILLED whose process has died."""
    client.set_tag(run_id, PROCESS, f"{os.getpid()}@{HOST}")
    experiments = [client.get_run(run_id).info.experiment_id]
    running = "attributes.status = 'RUNNING'"
    parents = client.search_runs(
        experiments, f"{running} AND tags.{PROCESS} LIKE '%@{HOST}'"
    )
    for parent in parents:
        process = parent.data.tags[PROCESS].partition("@")[0]
        # Anything may stand in a tag; numbers of processes are short.
        if not re.fullmatch(r"\d{1,9}", process) or is_alive(int(process)):
            continue
        is_child = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
        children = client.search_runs(experiments, f"{running} AND {is_child}")
        for run in [*children, parent]:
            client.set_terminated(run.info.run_id, "KILLED")


def _read(context: KedroContext, name: str) -> dict[str, Any]:
    """Return a configuration, empty if the project lacks the file."""
    with suppress(MissingConfigException, KeyError):
        return dict(context.config_loader[name])
    return {}
