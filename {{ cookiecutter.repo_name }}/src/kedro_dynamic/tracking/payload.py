"""What MLflow is told of a run and its models, as plain data.

It is collected before anything is written, so that the whole run can be written to the
local store when a server fails. The report and the files of a champion follow later.
"""

import base64
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import DataCatalog
from kedro.pipeline import Node
from pydantic import BaseModel

from kedro_dynamic.catalog.files import has_data, shown_path
from kedro_dynamic.catalog.metadata import is_image, read_metadata
from kedro_dynamic.catalog.names import (
    ENTRY,
    FITTED_MODEL,
    METRICS,
    dataset_name,
    model_name,
    split_name,
)
from kedro_dynamic.config.errors import one_line, redact
from kedro_dynamic.config.schema import DataSpec, ModelSpec
from kedro_dynamic.runs.command import kedro_command
from kedro_dynamic.runs.failures import is_failure
from kedro_dynamic.runs.provenance import name_some
from kedro_dynamic.runs.run import Run
from kedro_dynamic.tracking.lineage import data_of, parameters_text

# MLflow cuts longer values of tags and parameters; with some room to spare.
MAX_LENGTH = 5000

STOPPED = "Not finished: the run stopped"

# The tag of runs that took files which today's parameters, data and code do not make.
OUTDATED = "outdated"


@dataclass(kw_only=True)
class Payload:
    """What MLflow is told of a run; times are milliseconds since the epoch."""

    name: str
    title: str = ""
    """Its name in MLflow, with its score; by default its name."""

    start: int
    end: int
    status: str = "FINISHED"
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Texts by the name of their file."""

    images: dict[str, bytes] = field(default_factory=dict)
    """Plots by the name of their file."""

    headline: str = ""
    """A sentence on the best model of each leaderboard."""

    decides_by: str = ""
    """The metric that ranks the models, if the run has one leaderboard."""

    data: list[dict[str, str]] = field(default_factory=list)
    """Name, digest and path of each dataset that the run began with."""

    id: str = ""
    """Of the run in MLflow, once it is there."""

    models: list["ModelPayload"] = field(default_factory=list)


@dataclass(kw_only=True)
class ModelPayload(Payload):
    """What MLflow is told of a model."""

    namespace: str
    spec: ModelSpec
    is_reused: bool = False
    """True if an earlier run fitted it, and this run left it as it was."""


def collect(run: Run, error: Exception | None) -> Payload:
    """Collect what a run has made, and what it was made from.

    Args:
        run: The run.
        error: What ended it early, if anything did.
    """
    data = data_of(run.plan)
    parameters = _parameters(run)
    models = _models(run, data, parameters, is_stopped=error is not None)

    fitted = [model for model in models if not model.is_reused]
    has_failed = error is not None or any(one.status == "FAILED" for one in fitted)
    shown_params = {
        name.removeprefix("params:"): value
        for name, value in parameters.items()
        if name.partition(".")[0] != "params:models" and name not in run.plan.disputed
    }
    payload = Payload(
        name=run.mlflow.title or run.name,
        start=round(run.start * 1000),
        end=round(time.time() * 1000),
        status="FAILED" if has_failed else "FINISHED",
        params=flatten(shown_params),
        tags={**run.source_tags, "kedro_command": kedro_command(run.params)},
        files={**run.source_files, "parameters.yml": parameters_text(run.catalog)},
        data=data,
        id=run.mlflow.id,
        models=models,
    )
    if run.plan.outdated:
        payload.tags[OUTDATED] = name_some(run.plan.culprits)
    if error is None:
        _add_marked_outputs(payload, run)
    else:
        payload.tags["error"] = one_line(error)
    return payload


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the values that MLflow can hold as metrics."""
    return {
        key: float(value)
        for key, value in values.items()
        if isinstance(value, int | float)
    }


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested mappings, or schemas, as texts under keys joined with dots."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, BaseModel):
            value = value.model_dump(by_alias=True)
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = redact(str(value))
    return flat


def _parameters(run: Run) -> dict[str, Any]:
    """Return the parameters that a run takes, by the names of their datasets."""
    names = sorted(run.pipeline.inputs())
    return {
        name: run.catalog[name].load() for name in names if name.startswith("params:")
    }


def _models(
    run: Run, data: list[dict[str, str]], parameters: dict[str, Any], is_stopped: bool
) -> list[ModelPayload]:
    """Collect the payload of each model that a run made, reused or did not reach."""
    nodes = defaultdict(list)
    for node in run.pipeline.nodes:
        nodes[node.namespace].append(node)

    models = []
    for name in sorted(run.pipeline.all_outputs()):
        namespace, kind = split_name(name)
        if kind != METRICS or not namespace:
            continue
        specs = _specs(nodes[namespace], run.catalog, namespace, parameters)
        if "model" not in specs:
            continue

        is_made = run.plan.made(name)
        is_reused = (
            not is_made
            and run.params["only_missing_outputs"]
            and has_data(run.catalog, name)
        )
        if not (is_made or is_reused or is_stopped):
            continue

        model = _model(namespace, specs, data, run)
        model.is_reused = is_reused
        model.id = run.logged_runs.get(name, "") if is_reused else ""
        if name in run.plan.outdated:
            _withdraw_origin(model, run.plan.outdated[name])
        if is_made or is_reused:
            _read_results(model, run)
        else:
            model.status, model.tags["error"] = "KILLED", STOPPED
        models.append(model)
    return models


def _model(
    namespace: str, specs: dict[str, Any], data: list[dict[str, str]], run: Run
) -> ModelPayload:
    """Return what a model is and what it is made from, without its results."""
    now = round(time.time() * 1000)

    # The data of its namespace, and of those around it.
    model_data = []
    for entry in data:
        space, _ = split_name(entry["name"])
        if not space or f"{namespace}.".startswith(f"{space}."):
            model_data.append(entry)
    tags = {
        "model": model_name(namespace),
        "namespace": namespace,
        "kedro_command": kedro_command(run.params, namespace=namespace),
        "data": ", ".join(entry["path"] for entry in model_data),
        "data_digest": ", ".join(entry["digest"] for entry in model_data),
    }
    return ModelPayload(
        name=model_name(namespace),
        data=model_data,
        start=now,
        end=now,
        params=_params_of(specs),
        tags=run.source_tags | tags,
        namespace=namespace,
        spec=specs["model"],
    )


def _withdraw_origin(model: ModelPayload, outdated: str) -> None:
    """Do not say what a model was made from that has parts of another origin."""
    model.params, model.data = {}, []
    for tag in ("data", "data_digest", "kedro_command"):
        del model.tags[tag]
    model.tags[OUTDATED] = outdated


def refitted_model(name: str, specs: dict[str, Any]) -> ModelPayload:
    """Return what MLflow is told of a champion that is not a model of the run.

    Args:
        name: What people call it.
        specs: Its entry ``model``, the ``data`` and the seed ``random_state``.
    """
    now = round(time.time() * 1000)
    return ModelPayload(
        name=name,
        start=now,
        end=now,
        params=_params_of(specs),
        tags={"model": name, "refitted": "true"},
        namespace="",
        spec=specs["model"],
    )


def _params_of(specs: dict[str, Any]) -> dict[str, str]:
    """Return what a model was made from, as parameters of its run."""
    spec: ModelSpec = specs["model"]
    # The class without its module, which is short enough to compare in a table.
    params: dict[str, Any] = {"class": spec.class_path.rpartition(".")[2]}
    params["model_kwargs"] = spec.model_kwargs
    if "data" in specs:
        params["encode"] = specs["data"].encode
    if "random_state" in specs:
        params["random_state"] = specs["random_state"]
    return flatten(params)


def _specs(
    nodes: Iterable[Node],
    catalog: DataCatalog,
    namespace: str,
    parameters: dict[str, Any],
) -> dict[str, Any]:
    """Return what a model's nodes take: its entry, tuned if it was, data and seed."""
    inputs = {name for node in nodes for name in node.inputs}
    specs: dict[str, Any] = {}
    for name in sorted(inputs & parameters.keys()):
        value = parameters[name]
        if isinstance(value, ModelSpec):
            specs["model"] = value
        elif isinstance(value, DataSpec):
            specs["data"] = value
        elif name == "params:random_state":
            specs["random_state"] = value

    tuned = dataset_name(namespace, ENTRY)
    if tuned in inputs and has_data(catalog, tuned):
        entry = catalog[tuned].load()
        if not is_failure(entry):
            specs["model"] = ModelSpec.model_validate(entry)
    return specs


def _read_results(model: ModelPayload, run: Run) -> None:
    """Add what a model's files say of it: its metrics, or its error."""
    name = dataset_name(model.namespace, METRICS)
    metrics = run.catalog[name].load()
    if is_failure(metrics):
        model.status = "FAILED"
        # The end of a long traceback says most.
        traceback = metrics["traceback"][-MAX_LENGTH:]
        model.tags |= {"error": metrics["error"], "traceback": traceback}
        return

    model.metrics = numbers(metrics)
    fitted_model = dataset_name(model.namespace, FITTED_MODEL)
    model.tags[FITTED_MODEL] = shown_path(run.catalog, fitted_model)
    if model.is_reused:
        model.tags["reused"] = "true"
    elif name in run.plan.files:
        written = run.plan.files[name].stat().st_mtime
        model.end = round(written * 1000)
        model.start = model.end - round(model.metrics.get("fit_seconds", 0) * 1000)


def _add_marked_outputs(payload: Payload, run: Run) -> None:
    """Add the outputs that the catalog marks with ``mlflow`` in their metadata.

    ``metrics`` logs the numbers of a dictionary, ``artifact`` the output as a file. An
    image that is made for a model goes into the run of the model.
    """
    for name in sorted(run.pipeline.all_outputs()):
        mark = read_metadata(run.catalog, name).mlflow
        if not mark or not run.plan.made(name):
            continue
        dataset: Any = run.catalog[name]
        if is_image(dataset):
            file = f"{name}{Path(shown_path(run.catalog, name)).suffix}"
            namespace, _ = split_name(name)
            owners = [model for model in payload.models if model.namespace == namespace]
            owner = owners[0] if owners else payload
            owner.images[file] = base64.b64decode(dataset.preview())
            continue
        value = dataset.load()
        if isinstance(value, dict) and mark == "metrics":
            payload.metrics |= numbers(value)
        elif isinstance(value, dict | list):
            text = json.dumps(value, indent=2, default=str)
            payload.files[f"{name}.json"] = text
        elif isinstance(value, pd.DataFrame):
            payload.files[f"{name}.csv"] = value.to_csv(index=False)
        elif hasattr(value, "to_html"):  # a figure of plotly
            payload.files[f"{name}.html"] = value.to_html()
        else:
            payload.files[f"{name}.txt"] = str(value)
