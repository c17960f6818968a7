"""Collects what one Kedro run has made: its own outcome, and that of each model."""

import json
import time
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

import pandas as pd
from kedro.io import DataCatalog
from kedro.pipeline import Node

from kedro_dynamic.tracking.writer import MAX_LENGTH
from kedro_dynamic.catalog.entries import shown_path
from kedro_dynamic.catalog.metadata import read_metadata
from kedro_dynamic.config.errors import one_line
from kedro_dynamic.config.schema import DataSpec, ModelSpec
from kedro_dynamic.runs.command import kedro_command
from kedro_dynamic.runs.failures import is_failure
from kedro_dynamic.runs.provenance import Plan, plans
from kedro_dynamic.tracking.lineage import data_of, parameters_text
from kedro_dynamic.tracking.payload import (
    KedroRun,
    ModelOutcome,
    Outcome,
    describe,
    numbers,
    texts,
)

STOPPED = "Not finished: the run stopped"


def collect(run: KedroRun, error: Exception | None) -> Outcome:
    """Collect what a run has made, and from what."""
    catalog, plan = run.catalog, plans[id(run.catalog)]
    data = data_of(plan)
    names = sorted(run.pipeline.inputs())
    values = {n: catalog[n].load() for n in names if n.startswith("params:")}
    models = _models(run, data, values, error is not None)
    made = [model for model in models if not model.reused]
    failed = error is not None or any(model.status == "FAILED" for model in made)
    params = {
        name.removeprefix("params:"): value
        for name, value in values.items()
        if name.partition(".")[0] != "params:models"
    }
    outcome = Outcome(
        name=run.title or run.name,
        start=round(run.start * 1000),
        end=round(time.time() * 1000),
        status="FAILED" if failed else "FINISHED",
        params=texts(params),
        metrics={
            f"{model.name}.model_score": model.metrics["model_score"]
            for model in models
            if "model_score" in model.metrics
        },
        tags={**run.tags, "kedro_command": kedro_command(run.params)},
        files={**run.files, "parameters.yml": parameters_text(catalog)},
        data=data,
        id=run.id,
        models=models,
    )
    if error:
        outcome.tags["error"] = one_line(error)
    else:
        _add_marked(outcome, run, plan)
    describe(run, outcome)
    return outcome


def _models(
    run: KedroRun, data: list[dict[str, str]], values: dict[str, Any], stopped: bool
) -> list[ModelOutcome]:
    """Collect the outcome of every model of a run, if it made any."""
    nodes, plan = defaultdict(list), plans[id(run.catalog)]
    for node in run.pipeline.nodes:
        nodes[node.namespace].append(node)
    models = []
    for name in sorted(run.pipeline.all_outputs()):
        namespace, _, kind = name.rpartition(".")
        if kind != "metrics" or not namespace:
            continue
        made = plan.made(name)
        reused = (
            not made and run.params["only_missing_outputs"] and run.catalog.exists(name)
        )
        specs = _specs(nodes[namespace], run.catalog, f"{namespace}.entry", values)
        if "model" in specs and (made or reused or stopped):
            model = _model(namespace, specs, data, run)
            model.reused = reused
            if made or reused:
                _read(model, run.catalog, plan)
            else:
                model.status, model.tags["error"] = "KILLED", STOPPED
            models.append(model)
    return models


def _model(
    namespace: str, specs: dict[str, Any], data: list[dict[str, str]], run: KedroRun
) -> ModelOutcome:
    """Say what a model is, and what it is made from."""
    spec, now = specs["model"], round(time.time() * 1000)
    # Short enough to compare; the whole is in the description.
    told = {"class": spec.class_path.rpartition(".")[2]}
    told |= spec.model_dump(include={"model_kwargs"})
    if "data" in specs:
        told["encode"] = specs["data"].encode
    if "random_state" in specs:
        told["random_state"] = specs["random_state"]
    spaces = ("", *accumulate(namespace.split("."), "{}.{}".format))
    its = [one for one in data if one["name"].rpartition(".")[0] in spaces]
    tags = {
        "model": namespace.partition(".")[2],
        "namespace": namespace,
        "kedro_command": kedro_command(run.params, namespace=namespace),
        "data": ", ".join(one["path"] for one in its),
        "data_digest": ", ".join(one["digest"] for one in its),
    }
    return ModelOutcome(
        name=tags["model"],
        data=its,
        start=now,
        end=now,
        params=texts(told),
        tags=run.tags | tags,
        namespace=namespace,
        entry=spec,
    )


def _specs(
    nodes: Iterable[Node], catalog: DataCatalog, tuned: str, values: dict[str, Any]
) -> dict[str, Any]:
    """Return what a model's nodes take: entry, data and seed; a tuned entry if any."""
    names = {name for node in nodes for name in node.inputs}
    specs: dict[str, Any] = {}
    for name in sorted(names & values.keys()):
        if isinstance(value := values[name], ModelSpec):
            specs["model"] = value
        elif isinstance(value, DataSpec):
            specs["data"] = value
        elif name == "params:random_state":
            specs["random_state"] = value
    if tuned in names and catalog.exists(tuned):
        entry = catalog[tuned].load()
        if not is_failure(entry):
            specs["model"] = ModelSpec.model_validate(entry)
    return specs


def _read(model: ModelOutcome, catalog: DataCatalog, plan: Plan) -> None:
    """Take over what a model's files say of it."""
    name = f"{model.namespace}.metrics"
    metrics = catalog[name].load()
    if is_failure(metrics):
        # Of a long traceback, the end says most.
        model.tags |= {**metrics, "traceback": metrics["traceback"][-MAX_LENGTH:]}
        model.status = "FAILED"
        return
    model.metrics = numbers(metrics)
    model.tags["fitted_model"] = shown_path(catalog, f"{model.namespace}.fitted_model")
    if model.reused:
        model.tags["reused"] = "true"
    elif name in plan.files:
        model.end = round(plan.files[name].stat().st_mtime * 1000)
        model.start = model.end - round(model.metrics.get("fit_seconds", 0) * 1000)


def _add_marked(outcome: Outcome, run: KedroRun, plan: Plan) -> None:
    """Add what a run has made that the catalog marks.

    An entry with ``mlflow: metrics`` in its metadata has the numbers of a dictionary
    logged as metrics, one with ``mlflow: artifact`` the whole as a file for people.
    """
    for name in sorted(run.pipeline.all_outputs()):
        marked = read_metadata(run.catalog, name).mlflow
        if not marked or not plan.made(name):
            continue
        match run.catalog[name].load():
            case dict() as value if marked == "metrics":
                outcome.metrics |= numbers(value)
            case pd.DataFrame() as table:
                outcome.files[f"{name}.csv"] = table.to_csv(index=False)
            case dict() as value:
                outcome.files[f"{name}.json"] = json.dumps(value, indent=2, default=str)
            case value:
                outcome.files[f"{name}.txt"] = str(value)
