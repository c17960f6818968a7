"""Writes the payload of a run to MLflow, in as few calls as its limits allow."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from kedro_dynamic.config.errors import redact
from kedro_dynamic.tracking.payload import MAX_LENGTH, ModelPayload, Payload
from kedro_dynamic.tracking.store import impatience

# MLflow's limits of one batch, and of a name with some room to spare.
MAX_METRICS, MAX_PARAMS = 1000, 100
MAX_NAME = 240

PARENT = "mlflow.parentRunId"


def write_run(
    client: MlflowClient, experiment_id: str, payload: Payload, *, stays_open: bool
) -> None:
    """Write a run and a child run for each of its models.

    Args:
        client: Of the store.
        experiment_id: Where runs are created.
        payload: The run; its id, and those of its models, are set here.
        stays_open: True if whoever opened the run ends it.
    """
    tags = {key: redact(value)[:MAX_LENGTH] for key, value in payload.tags.items()}
    _write(client, experiment_id, payload, tags)
    for model in _models_to_write(payload):
        write_model(client, experiment_id, model, payload)
    for name, text in payload.files.items():
        client.log_text(payload.id, text, name)
    if not stays_open:
        client.set_terminated(payload.id, payload.status, payload.end)


def write_model(
    client: MlflowClient, experiment_id: str, model: ModelPayload, parent: Payload
) -> None:
    """Write the child run of a model."""
    # A model that was fitted earlier does not begin before its parent.
    model.start = max(model.start, parent.start)
    model.end = max(model.end, parent.start)
    model.id = ""
    tags = {key: redact(value)[:MAX_LENGTH] for key, value in model.tags.items()}
    _write(client, experiment_id, model, tags | {PARENT: parent.id})
    client.set_terminated(model.id, model.status, model.end)


def find_child_run(
    client: MlflowClient, experiment_id: str, model: ModelPayload, parent: Payload
) -> None:
    """Make sure that a model has a run in this store.

    A model that was reused has the run that fitted it, unless that was deleted.
    """
    if model.id and model.is_reused:
        try:
            model.end = client.get_run(model.id).info.end_time or model.end
        except MlflowException:
            model.id = ""
    if not model.id:
        write_model(client, experiment_id, model, parent)


def _models_to_write(payload: Payload) -> list[ModelPayload]:
    """Return the models that get a child run.

    Where nothing was fitted anew, models that have a run already need no other.
    """
    if all(model.is_reused for model in payload.models):
        return [model for model in payload.models if not model.id]
    return payload.models


def _write(
    client: MlflowClient, experiment_id: str, payload: Payload, tags: dict[str, str]
) -> None:
    """Create a run unless it is there, and log everything but its texts."""
    if not payload.id:
        name = payload.title or payload.name
        with impatience():  # an answer may be lost, and a retry would create two runs
            run = client.create_run(experiment_id, payload.start, tags, name)
        payload.id, tags = run.info.run_id, {}
    _log_batches(client, payload, tags)
    with TemporaryDirectory() as folder:
        for name, content in payload.images.items():
            path = Path(folder, name)
            path.write_bytes(content)
            client.log_artifact(payload.id, str(path))
    if payload.data:
        client.log_inputs(payload.id, [_dataset_input(entry) for entry in payload.data])


def _log_batches(
    client: MlflowClient, payload: Payload, tags: Mapping[str, str]
) -> None:
    """Log metrics, parameters and tags in as few calls as MLflow's limits allow."""
    metrics = [
        Metric(key, value, payload.end, 0)
        for key, value in _with_valid_names(payload.metrics).items()
    ]
    params = [
        Param(key, value[:MAX_LENGTH])
        for key, value in _with_valid_names(payload.params).items()
    ]
    run_tags = [RunTag(key, value) for key, value in tags.items()]
    while metrics or params or run_tags:
        client.log_batch(
            payload.id,
            metrics[:MAX_METRICS],
            params[:MAX_PARAMS],
            run_tags[:MAX_PARAMS],
        )
        del metrics[:MAX_METRICS], params[:MAX_PARAMS], run_tags[:MAX_PARAMS]


def _dataset_input(data: Mapping[str, str]) -> DatasetInput:
    """Return data as MLflow has it: its place and digest, nothing of its content."""
    source = json.dumps({"uri": data["path"]})
    return DatasetInput(Dataset(data["name"], data["digest"], "local", source))


def _with_valid_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values under names that MLflow takes, each under a name of its own."""
    valid: dict[str, Any] = {}
    for key, value in values.items():
        name = re.sub(r"[^\w.\- ]", "_", str(key))[:MAX_NAME] or "_"
        while name in valid:
            name += "_"
        valid[name] = value
    return valid
