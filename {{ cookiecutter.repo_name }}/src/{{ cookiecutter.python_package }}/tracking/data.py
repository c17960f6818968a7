"""The data of a run in MLflow: what it began with, and what the catalog marks."""

import warnings
from typing import Any

import mlflow
import pandas as pd
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas
from mlflow.exceptions import MlflowException

from .runs import log_batch
from .values import numbers


def log_inputs(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Log name, schema and digest of the tables that the pipeline begins with."""
    for name in sorted(pipeline.inputs()):
        dataset = catalog[name]
        if "pandas" not in type(dataset).__module__:
            continue
        with warnings.catch_warnings():
            # Of integer columns, that they cannot hold missing values.
            warnings.simplefilter("ignore", UserWarning)
            table = from_pandas(dataset.load(), name=name)
            try:
                mlflow.log_input(table)
            except MlflowException:
                # Another run has just been the first to log the same table.
                mlflow.log_input(table)


def log_outputs(
    client: MlflowClient, run_id: str, pipeline: Pipeline, catalog: DataCatalog
) -> None:
    """Log every output whose catalog entry has ``mlflow`` in its metadata.

    ``mlflow: metrics`` logs the numbers of a dictionary as metrics, ``mlflow:
    artifact`` the whole as a file that people can open.
    """
    for name in sorted(pipeline.all_outputs()):
        dataset = catalog[name]
        match (getattr(dataset, "metadata", None) or {}).get("mlflow"):
            case "metrics":
                log_batch(client, run_id, metrics=numbers(dataset.load()))
            case "artifact":
                _log_artifact(client, run_id, name, dataset.load())


def _log_artifact(client: MlflowClient, run_id: str, name: str, value: Any) -> None:
    """Log a value as a file, in a format that fits it."""
    match value:
        case pd.DataFrame():
            client.log_text(run_id, value.to_csv(index=False), f"{name}.csv")
        case dict():
            client.log_dict(run_id, value, f"{name}.json")
        case _ if hasattr(value, "write_html"):  # a figure of plotly
            client.log_figure(run_id, value, f"{name}.html")
        case _:
            client.log_text(run_id, str(value), f"{name}.txt")
