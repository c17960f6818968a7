"""Writes into a run of MLflow: many values at once, tables, and what is marked."""

import re
import subprocess
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from pydantic import BaseModel

from ..errors import redact

# MLflow's limits: of one batch; and, with something left, of a value and a name.
MAX_METRICS, MAX_PARAMS = 1000, 100
MAX_LENGTH, MAX_NAME = 5000, 240


def log_batch(
    client: MlflowClient,
    run_id: str,
    metrics: Mapping[str, float],
    params: Mapping[str, Any],
    tags: Mapping[str, str],
) -> None:
    """Log everything in as few calls as MLflow's limits allow."""
    now = int(time.time() * 1000)
    values = [Metric(key, value, now, 0) for key, value in _named(metrics).items()]
    arguments = [Param(key, text(value)) for key, value in _named(params).items()]
    labels = [RunTag(key, text(value)) for key, value in tags.items()]
    while values or arguments or labels:
        client.log_batch(
            run_id, values[:MAX_METRICS], arguments[:MAX_PARAMS], labels[:MAX_PARAMS]
        )
        del values[:MAX_METRICS], arguments[:MAX_PARAMS], labels[:MAX_PARAMS]


def log_data(
    client: MlflowClient, run_id: str, pipeline: Pipeline, catalog: DataCatalog
) -> None:
    """Log the tables that the pipeline begins with, and what it makes that is marked.

    Of a table name, schema and digest. A catalog entry with ``mlflow: metrics`` in its
    metadata has the numbers of a dictionary logged as metrics, one with ``mlflow:
    artifact`` the whole as a file that people can open.
    """
    for name in sorted(pipeline.inputs()):
        if "pandas" in type(catalog[name]).__module__:
            _log_input(name, catalog[name].load())
    for name in sorted(pipeline.all_outputs()):
        marked = (getattr(catalog[name], "metadata", None) or {}).get("mlflow")
        if not marked or not catalog.exists(name):
            continue
        match catalog[name].load():
            case dict() as value if marked == "metrics":
                log_batch(client, run_id, numbers(value), {}, {})
            case pd.DataFrame() as table:
                client.log_text(run_id, table.to_csv(index=False), f"{name}.csv")
            case dict() as value:
                client.log_dict(run_id, value, f"{name}.json")
            case value if hasattr(value, "write_html"):  # a figure of plotly
                client.log_figure(run_id, value, f"{name}.html")
            case value:
                client.log_text(run_id, str(value), f"{name}.txt")


def _log_input(name: str, table: pd.DataFrame) -> None:
    """Log name, schema and digest of a table."""
    with warnings.catch_warnings():
        # Of integer columns, that they cannot hold missing values.
        warnings.simplefilter("ignore", UserWarning)
        described = from_pandas(table, name=name)
        try:
            mlflow.log_input(described)
        except MlflowException:
            # Another run has just been the first to log the same table.
            mlflow.log_input(described)


def git_commit(project_path: str | Path) -> dict[str, str]:
    """Return the checked-out commit as MLflow's tag; empty outside of git."""
    git = ["git", "-C", str(project_path), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(git, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"mlflow.source.git.commit": done.stdout.strip()}


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Join the keys of nested mappings, or schemas, with dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        inner = (
            value.model_dump(by_alias=True) if isinstance(value, BaseModel) else value
        )
        if isinstance(inner, Mapping) and inner:
            flat |= flatten(inner, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = inner
    return flat


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the values that MLflow can hold as metrics."""
    return {
        key: float(value)
        for key, value in values.items()
        if isinstance(value, int | float)
    }


def text(value: Any) -> str:
    """Return a value as MLflow may store it: no passwords, not too long."""
    return redact(str(value))[:MAX_LENGTH]


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values under names that MLflow takes, each its own."""
    named: dict[str, Any] = {}
    for key, value in values.items():
        name = re.sub(r"[^\w.\- ]", "_", str(key))[:MAX_NAME] or "_"
        while name in named:
            name += "_"
        named[name] = value
    return named
