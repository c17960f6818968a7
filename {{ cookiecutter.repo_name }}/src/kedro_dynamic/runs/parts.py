"""A run in parts: an orchestrator runs the nodes of a pipeline in several sessions.

Each session is a process of its own, and all of them share one run in MLflow. An
orchestrator starts a node after those that it depends on. So a pipeline is done when
its last nodes are, on which no other depends. Tags of the run in MLflow say which are.
The session that does the last of them ends the run, as ``kedro run`` would.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline

if TYPE_CHECKING:
    from mlflow import MlflowClient

# All sessions with one value are parts of one run. Airflow sets the others.
RUN_VARIABLE = "KEDRO_DYNAMIC_RUN_ID"
AIRFLOW_VARIABLES = ("AIRFLOW_CTX_DAG_ID", "AIRFLOW_CTX_DAG_RUN_ID")

# Tags of the run in MLflow: which one it is, and what became of its nodes.
SHARED_RUN, NODE = "kedro_dynamic.run", "kedro_dynamic.node."
DONE = "done"
MAX_KEY = 200  # characters; MLflow takes 250

FINISHED, FAILED, RUNNING = "FINISHED", "FAILED", "RUNNING"


def orchestrated_run() -> str:
    """Return the orchestrator's run that this process is a part of; "" without one."""
    run_id = os.environ.get(RUN_VARIABLE)
    if run_id:
        return run_id
    dag, dag_run = (os.environ.get(name, "") for name in AIRFLOW_VARIABLES)
    return f"{dag} {dag_run}" if dag_run else ""


def find_parts(
    run_params: Mapping[str, Any], pipeline: Pipeline, folder: Path
) -> "Parts | None":
    """Return the parts that a run is one of.

    None without an orchestrator, or if the session runs the whole pipeline.

    Args:
        run_params: What Kedro tells hooks of the run.
        pipeline: What the session runs.
        folder: Where the locks of runs are.
    """
    run_id = orchestrated_run()
    if not run_id:
        return None
    names = run_params.get("pipeline_names") or ["__default__"]
    whole = Pipeline({node for name in names for node in pipelines[name].nodes})
    if {*pipeline.nodes} == {*whole.nodes}:
        return None
    settings = [run_params.get(key) for key in ("env", "runtime_params")]
    text = json.dumps([run_id, names, settings], default=str, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:20]
    return Parts(whole, pipeline, digest, FileLock(folder / "parts.lock"))


@dataclass
class Parts:
    """The parts of a pipeline that an orchestrator runs, and the part of this session.

    A run that has ended stays as it is. If tasks are run again after that, they and
    those that depend on them are the parts of another run.
    """

    whole: Pipeline
    """All nodes that the orchestrator runs."""

    part: Pipeline
    """The nodes of this session."""

    digest: str
    """The same in all sessions of one run, and in no others."""

    lock: FileLock
    """Held while a session finds its run, and while it says what it has done."""

    _kept: dict[str, str] = field(default_factory=dict)
    _stale: list[str] = field(default_factory=list)

    def find_run(self, client: "MlflowClient", experiment_id: str) -> str | None:
        """Return the ID of the run that this session is a part of; None for a new one.

        Args:
            client: Client of the store.
            experiment_id: Where the run is.
        """
        query = f"tags.`{SHARED_RUN}` = '{self.digest}'"
        order = ["attributes.start_time DESC"]
        runs = client.search_runs([experiment_id], query, order_by=order, max_results=1)
        if not runs:
            return None

        names = [node.name for node in self.part.nodes]
        again = {_key(node.name) for node in self.whole.from_nodes(*names).nodes}
        nodes = _nodes(runs[0].data.tags)
        self._stale = [key for key in nodes if key in again]
        if not self._is_done(nodes):
            return str(runs[0].info.run_id)
        self._kept = {key: nodes[key] for key in nodes.keys() - again}
        self._stale = []
        return None

    def begin(self, client: "MlflowClient", run_id: str) -> None:
        """Say in MLflow that this session's nodes, and what follows, are to be done."""
        for key in self._stale:
            client.delete_tag(run_id, key)
        for key, value in {SHARED_RUN: self.digest, **self._kept}.items():
            client.set_tag(run_id, key, value)

    def end(self, client: "MlflowClient", run_id: str, error: str) -> str:
        """Say in MLflow what became of this session's nodes.

        Args:
            client: Client of the store.
            run_id: The ID of the run.
            error: What ended the session early; "" if nothing did.

        Returns:
            The status of the run: ``FINISHED`` if all nodes are done, ``FAILED`` if
            some have failed, or else ``RUNNING``.
        """
        keys = _last(self.part)
        if not error:  # other nodes need no tag: the last ones run after them
            keys &= _last(self.whole)
        with self.lock:
            for key in sorted(keys):
                client.set_tag(run_id, key, error or DONE)
            nodes = _nodes(client.get_run(run_id).data.tags)
        if self._is_done(nodes):
            return FINISHED
        return FAILED if {*nodes.values()} - {DONE} else RUNNING

    def _is_done(self, nodes: Mapping[str, str]) -> bool:
        """Return True if all nodes are done."""
        return all(nodes.get(key) == DONE for key in _last(self.whole))


def _last(pipeline: Pipeline) -> set[str]:
    """Return the keys of the nodes on which no other node depends."""
    needed = set().union(*pipeline.node_dependencies.values())
    return {_key(node.name) for node in {*pipeline.nodes} - needed}


def _key(name: str) -> str:
    """Return the key of a node's tag."""
    return NODE + name[:MAX_KEY]


def _nodes(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of nodes."""
    return {key: value for key, value in tags.items() if key.startswith(NODE)}
