"""What one Kedro run leaves in MLflow: a child run per model, and the parent's own."""

import os
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from mlflow import MlflowClient
from mlflow.entities import RunInfo

from ..command import kedro_command
from ..errors import one_line
from ..failures import is_failure
from ..files import local_path, remote_file, shown_path, url_of
from ..schema import ModelSpec
from .write import (
    MAX_LENGTH,
    flatten,
    git_commit,
    log_batch,
    numbers,
    text,
)

STOPPED = "Not finished: the run stopped"

# By namespace what the file of a model's metrics was: time, size and inode.
Before = dict[str, tuple[int, int, int] | str | None]


@dataclass(frozen=True)
class KedroRun:
    """A run, as Kedro tells hooks of it, and the run of MLflow that it is."""

    client: MlflowClient
    id: str
    params: dict[str, Any]
    pipeline: Pipeline
    catalog: DataCatalog
    before: Before
    process: int = field(default_factory=os.getpid)


@dataclass
class ModelRun:
    """Outcome of one model in a run; times in seconds since the epoch."""

    namespace: str
    spec: ModelSpec
    start: float
    end: float
    status: str = "FINISHED"
    reused: bool = False
    """Whether it was there already, and nothing of it has run."""

    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    run_id: str = ""

    @property
    def name(self) -> str:
        """Name of the model in ``parameters.yml``, after its data set if it has one."""
        return self.namespace.partition(".")[2]


def snapshot(pipeline: Pipeline, catalog: DataCatalog) -> Before:
    """Note the files of all models' metrics, to tell later which ones a run made."""
    names = [name.rpartition(".") for name in sorted(pipeline.all_outputs())]
    spaces = [space for space, _, kind in names if space and kind == "metrics"]
    return {space: _state(catalog, f"{space}.metrics") for space in spaces}


def model_runs(run: KedroRun, error: Exception | None = None) -> list[ModelRun]:
    """Collect the outcome of every model of a run, if it made any."""
    nodes = defaultdict(list)
    for node in run.pipeline.nodes:
        nodes[node.namespace].append(node)
    models = []
    for namespace, was in run.before.items():
        name, now = f"{namespace}.metrics", time.time()
        exists = run.catalog.exists(name)
        kept_in_memory = not url_of(run.catalog, name)
        made = exists and (kept_in_memory or _state(run.catalog, name) != was)
        reused = exists and not made and run.params["only_missing_outputs"]
        spec = _spec(nodes[namespace], run.catalog, f"{namespace}.entry")
        if spec is None or not (made or reused or error):
            continue
        model = ModelRun(namespace, spec, now, now, reused=reused)
        if made or reused:
            _read(model, run.catalog)
        else:
            model.status, model.tags["error"] = "KILLED", STOPPED
        models.append(model)
    return [] if all(model.reused for model in models) else models


def record(run: KedroRun, error: Exception | None) -> list[ModelRun]:
    """Write the child runs, which are returned, and values and tags of the parent."""
    models, commit = model_runs(run, error), git_commit(run.params["project_path"])
    parent = run.client.get_run(run.id).info
    for model in models:
        model.tags |= commit
        _log_child(run, parent, model)
    scores = {
        f"{model.name}.model_score": model.metrics["model_score"]
        for model in models
        if "model_score" in model.metrics
    }
    parameters = {
        name.removeprefix("params:"): run.catalog[name].load()
        for name in sorted(run.pipeline.inputs())
        if name.startswith("params:") and name.partition(".")[0] != "params:models"
    }
    tags = {**commit, "kedro_command": kedro_command(run.params)}
    if error:
        tags["error"] = one_line(error)
    log_batch(run.client, run.id, scores, flatten(parameters), tags)
    return models


def _log_child(run: KedroRun, parent: RunInfo, model: ModelRun) -> None:
    """Write one child run."""
    # No earlier than its parent, where it was fitted before.
    earliest = parent.start_time / 1000
    model.start, model.end = max(model.start, earliest), max(model.end, earliest)
    model.tags |= {
        "mlflow.parentRunId": parent.run_id,
        "model": model.name,
        "namespace": model.namespace,
        "kedro_command": kedro_command(run.params, namespace=model.namespace),
        **({"reused": "true"} if model.reused else {}),
    }
    child = run.client.create_run(
        parent.experiment_id,
        start_time=round(model.start * 1000),
        run_name=model.name,
        tags={key: text(value) for key, value in model.tags.items()},
    )
    model.run_id = child.info.run_id
    entry = model.spec.model_dump(by_alias=True, include={"class_path", "model_kwargs"})
    log_batch(run.client, model.run_id, model.metrics, flatten(entry), {})
    end = round(model.end * 1000)
    run.client.set_terminated(model.run_id, model.status, end)


def _state(catalog: DataCatalog, name: str) -> tuple[int, int, int] | str | None:
    """Return what tells a dataset's file from one written later."""
    path = local_path(catalog, name)
    if path is None and url_of(catalog, name) and catalog.exists(name):
        system, remote = remote_file(catalog, name)
        return str(system.ukey(remote))
    if path is None or not path.exists():
        return None
    now = path.stat()
    return now.st_mtime_ns, now.st_size, now.st_ino


def _spec(nodes: Iterable[Node], catalog: DataCatalog, tuned: str) -> ModelSpec | None:
    """Return the entry that a model's nodes take: the one a study has found, if any."""
    names = sorted({name for node in nodes for name in node.inputs})
    entry = catalog[tuned].load() if tuned in names and catalog.exists(tuned) else None
    if entry and not is_failure(entry):
        return ModelSpec.model_validate(entry)
    values = (catalog[name].load() for name in names if name.startswith("params:"))
    return next((value for value in values if isinstance(value, ModelSpec)), None)


def _read(model: ModelRun, catalog: DataCatalog) -> None:
    """Take over what a model's files say of it."""
    metrics = catalog[f"{model.namespace}.metrics"].load()
    if is_failure(metrics):
        # Of a long traceback, the end says most.
        model.tags |= {**metrics, "traceback": metrics["traceback"][-MAX_LENGTH:]}
        model.status = "FAILED"
        return
    model.metrics = numbers(metrics)
    model.tags["fitted_model"] = shown_path(catalog, f"{model.namespace}.fitted_model")
    path = local_path(catalog, f"{model.namespace}.metrics")
    if path and not model.reused:
        model.end = path.stat().st_mtime
        model.start = model.end - model.metrics.get("fit_seconds", 0)
