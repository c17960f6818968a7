"""The runs that one Kedro run leaves in MLflow, each written in one batch."""

import subprocess
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog, MemoryDataset, SharedMemoryDataset
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from pydantic import BaseModel

from ..pipelines.models.specs import ModelSpec
from ..redaction import hide_secrets, redact
from .command import kedro_command
from .values import MAX_LENGTH, flatten, numbers, text, with_valid_names

# MLflow's own limits for one batch.
MAX_METRICS = 1000
MAX_PARAMS = 100

FAILED_NODE_NOTE = "Raised in the node "
STOPPED = "Not finished: another node failed, and the run stopped."


@dataclass
class ModelRun:
    """Outcome of one model in a run; times in seconds since the epoch."""

    namespace: str
    spec: ModelSpec
    start: float
    end: float
    status: str = "FINISHED"
    error: str = ""
    traceback: str = ""
    file: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    trials: dict[int, float] = field(default_factory=dict)
    """Value of each trial of a study, by its number."""

    tuned_parameters: dict[str, Any] = field(default_factory=dict)
    """The arguments that a study has found."""

    reused: bool = False
    """Whether it was there already, and nothing of it has run."""

    run_id: str = ""

    @property
    def name(self) -> str:
        """Name of the model in ``parameters.yml``, after its data set if it has one."""
        return self.namespace.partition(".")[2]

    @property
    def family(self) -> str:
        """Name of the family of pipelines that the model is of."""
        return self.namespace.partition(".")[0]

    @property
    def pipeline(self) -> dict[str, list[str]]:
        """What Kedro calls the options that run this model alone."""
        family, first, *others = self.namespace.split(".")
        options = {"pipeline_names": [f"{family}.{first}"]}
        return options | ({"namespaces": [self.namespace]} if others else {})


def model_runs(
    pipeline: Pipeline,
    catalog: DataCatalog,
    completed: Mapping[str, float],
    error: Exception | None = None,
    only_missing: bool = False,
) -> list[ModelRun]:
    """Collect the outcome of every model of a run.

    Args:
        pipeline: The pipeline that was run.
        catalog: Where the metrics are.
        completed: When each node completed, by its name.
        error: What ended the run early, if anything did.
        only_missing: Nodes whose outputs were there have not been run. Where nothing
            was missing at all, there is nothing to say of any model.
    """
    if only_missing and not completed and error is None:
        return []
    namespaces = defaultdict(list)
    for node in pipeline.nodes:
        if node.namespace:
            namespaces[node.namespace].append(node)
    models = []
    for namespace, nodes in namespaces.items():
        due = [
            node
            for node in nodes
            if not only_missing or node.name in completed or not _is_made(node, catalog)
        ]
        if spec := _spec(nodes, catalog):
            unfinished = any(node.name not in completed for node in due)
            stop = error if unfinished else None
            model = _model_run(namespace, spec, nodes, catalog, completed, stop)
            model.reused = not due
            models.append(model)
    return models


def log_children(
    client: MlflowClient,
    parent: Run,
    models: Sequence[ModelRun],
    tags: Mapping[str, str],
    run_params: Mapping[str, Any],
) -> None:
    """Write one child run per model, and set its ``run_id``.

    Args:
        client: Of the store that holds the parent.
        parent: The run of the whole pipeline.
        models: From ``model_runs``.
        tags: Tags that every child gets.
        run_params: What Kedro tells hooks of the run.
    """
    kept = ("env", "runtime_params", "load_versions")
    options = {key: run_params.get(key) for key in kept}
    for model in models:
        command = kedro_command({**options, **model.pipeline})
        run = client.create_run(
            parent.info.experiment_id,
            start_time=int(model.start * 1000),
            run_name=model.name,
            tags={
                **tags,
                "mlflow.parentRunId": parent.info.run_id,
                "model": model.name,
                "namespace": model.namespace,
                "kedro_command": text(command),
                **({"reused": "true"} if model.reused else {}),
                **({"error": model.error} if model.error else {}),
                **({"traceback": model.traceback} if model.traceback else {}),
                **({"fitted_model": model.file} if model.file else {}),
            },
        )
        model.run_id = run.info.run_id
        params = {
            "class": model.spec.class_path,
            "model_kwargs": model.spec.model_kwargs,
            **({"tuned": model.tuned_parameters} if model.tuned_parameters else {}),
        }
        log_batch(
            client,
            model.run_id,
            params=flatten(hide_secrets(params)),
            metrics=model.metrics,
            trials=model.trials,
        )
        client.set_terminated(
            model.run_id, status=model.status, end_time=int(model.end * 1000)
        )


def log_batch(
    client: MlflowClient,
    run_id: str,
    metrics: Mapping[str, float] | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    trials: Mapping[int, float] | None = None,
) -> None:
    """Log metrics, parameters and tags, in as few calls as MLflow's limits allow.

    Trials become the metric ``trial_value``, each at the step of its number.
    """
    now = int(time.time() * 1000)
    metrics = with_valid_names(metrics or {})
    params = with_valid_names(hide_secrets(params or {}))
    tags = with_valid_names(tags or {})
    entities = (
        [
            *(Metric(key, value, now, 0) for key, value in metrics.items()),
            *(Metric("trial_value", at, now, i) for i, at in (trials or {}).items()),
        ],
        [Param(key, text(value)) for key, value in params.items()],
        [RunTag(key, text(value)) for key, value in tags.items()],
    )
    batches = max(
        -(-len(entities[0]) // MAX_METRICS),
        *(-(-len(some) // MAX_PARAMS) for some in entities[1:]),
    )
    for i in range(batches):
        client.log_batch(
            run_id,
            metrics=entities[0][i * MAX_METRICS : (i + 1) * MAX_METRICS],
            params=entities[1][i * MAX_PARAMS : (i + 1) * MAX_PARAMS],
            tags=entities[2][i * MAX_PARAMS : (i + 1) * MAX_PARAMS],
        )


def pipeline_parameters(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, Any]:
    """Return the parameters that a pipeline takes, but for those of child runs."""
    parameters = {
        name.removeprefix("params:"): catalog[name].load()
        for name in sorted(pipeline.inputs())
        if name.startswith("params:") and not name.startswith("params:models.")
    }
    return flatten(
        hide_secrets(
            {
                name: value.model_dump(by_alias=True)
                if isinstance(value, BaseModel)
                else value
                for name, value in parameters.items()
            }
        )
    )


def git_commit(project_path: str | Path) -> dict[str, str]:
    """Return the checked-out commit as MLflow's tag; empty outside of git."""
    git = ["git", "-C", str(project_path), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(git, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"mlflow.source.git.commit": done.stdout.strip()}


def note_failed_node(error: Exception, node: str) -> None:
    """Note on an error which node raised it; the note survives worker processes."""
    error.add_note(f"{FAILED_NODE_NOTE}{node}")


def _is_made(node: Node, catalog: DataCatalog) -> bool:
    """Tell whether the outputs of a node are there, as far as they are kept."""
    in_memory = (MemoryDataset, SharedMemoryDataset, type(None))
    return all(
        isinstance(catalog.get(name), in_memory) or catalog.exists(name)
        for name in node.outputs
    )


def _spec(nodes: Sequence[Node], catalog: DataCatalog) -> ModelSpec | None:
    """Return the specification that the nodes of one namespace take, if any does."""
    for name in chain.from_iterable(node.inputs for node in nodes):
        if name.startswith("params:"):
            value = catalog[name].load()
            if isinstance(value, ModelSpec):
                return value
    return None


def _model_run(
    namespace: str,
    spec: ModelSpec,
    nodes: Sequence[Node],
    catalog: DataCatalog,
    completed: Mapping[str, float],
    error: Exception | None,
) -> ModelRun:
    """Collect the outcome of one model; an error is one that kept it from its end."""
    names = {node.name for node in nodes}
    times = [completed[name] for name in names if name in completed]
    end = max(times, default=time.time())
    run = ModelRun(namespace, spec, start=end, end=end)
    if error is not None:
        failed_nodes = _failed_nodes(error)
        # Without a note (spawned workers leave none) any of them may have failed.
        failed = not failed_nodes or failed_nodes & names
        run.status = "FAILED" if failed else "KILLED"
        run.error = text(f"{type(error).__name__}: {error}" if failed else STOPPED)
        return run
    made = {name for node in nodes for name in node.outputs}
    if (metrics := f"{namespace}.metrics") in made:
        values = catalog[metrics].load()
        run.metrics = numbers(values)
        if "error" in values:
            run.status, run.error = "FAILED", text(values["error"])
            run.traceback = text(values["traceback"][-MAX_LENGTH:])
            return run
        # A model that was there already was fitted, and perhaps scored, earlier.
        fitted = ["fit_seconds"] if len(times) == len(nodes) else []
        seconds = ["predict_seconds", *fitted] if times else []
        run.start -= sum(run.metrics.get(key, 0) for key in seconds)
    if (trials := f"{namespace}.trials") in made:
        table = catalog[trials].load().dropna(subset="value")
        run.trials = dict(zip(table["number"].tolist(), table["value"], strict=True))
        run.tuned_parameters = catalog[f"{namespace}.tuned_parameters"].load()
    fitted_model = catalog.config_resolver.resolve_pattern(f"{namespace}.fitted_model")
    run.file = redact(str(fitted_model.get("filepath", "")))
    return run


def _failed_nodes(error: Exception) -> set[str]:
    """Return what ``note_failed_node`` has noted on an error."""
    return {
        note.removeprefix(FAILED_NODE_NOTE)
        for note in getattr(error, "__notes__", [])
        if note.startswith(FAILED_NODE_NOTE)
    }
