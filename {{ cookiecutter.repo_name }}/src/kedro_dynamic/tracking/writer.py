"""Writes what a run leaves into MLflow; keeps what MLflow does not take."""

import json
import logging
import re
import uuid
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag

from kedro_dynamic.config.errors import redact
from kedro_dynamic.registry.config_loader import project_path
from kedro_dynamic.tracking.payload import KedroRun, ModelOutcome, Outcome
from kedro_dynamic.tracking.store import address, impatience

logger = logging.getLogger(__name__)


# MLflow's limits: of one batch; and, with something left, of a value and a name.
MAX_METRICS, MAX_PARAMS = 1000, 100


MAX_LENGTH, MAX_NAME = 5000, 240


PARENT = "mlflow.parentRunId"


def deliver(run: KedroRun, outcome: Outcome, uri: str, experiment: str) -> None:
    """Write a run, and those that were kept before; keep what cannot be written.

    What is in the way is noted as the problem of the run.
    """
    folder = project_path() / "data" / ".untracked"
    place = f"{address(uri, project_path())} {experiment}"
    run.attempt(lambda client: send(client, run.experiment_id, outcome))
    run.attempt(lambda client: send_kept(client, run.experiment_id, place, folder))
    if run.problem and not outcome.sent:
        folder.mkdir(parents=True, exist_ok=True)
        outcome.place = place
        begun = folder / f"{outcome.start}-{uuid.uuid4().hex}"
        begun.write_text(outcome.model_dump_json())
        begun.rename(begun.with_suffix(".json"))  # whole, or not there


def send(
    client: MlflowClient, experiment_id: str, run: Outcome, parent: str = ""
) -> None:
    """Write a run and its models; what is there of them already is written again."""
    tags = {key: redact(value)[:MAX_LENGTH] for key, value in run.tags.items()}
    tags |= {PARENT: parent} if parent else {}
    if not run.id:
        with impatience():  # an answer may be lost, and then there would be two
            created = client.create_run(experiment_id, run.start, tags, run.name)
        run.id, tags = created.info.run_id, {}
    log_batch(client, run, tags)
    if run.data:
        client.log_inputs(run.id, [_input(one) for one in run.data])
    # Where nothing was made anew, there is nothing new to say of models.
    made = any(not model.reused for model in run.models)
    for model in run.models if made else []:
        # No earlier than its parent, where a model was fitted before.
        model.start, model.end = max(model.start, run.start), max(model.end, run.start)
        send(client, experiment_id, model, run.id)
    for name, text in run.files.items():
        client.log_text(run.id, text, name)
    if not run.stays_open:
        client.set_terminated(run.id, run.status, run.end)
    run.sent = True


def send_kept(
    client: MlflowClient, experiment_id: str, place: str, folder: Path
) -> None:
    """Write the runs that were kept because MLflow did not take them."""
    files = sorted(folder.glob("*.json"))
    # Who holds the lock writes them.
    with suppress(Timeout), FileLock(folder / "lock", 0) if files else nullcontext():
        for file in files:
            try:
                run = Outcome.model_validate_json(file.read_text())
            except ValueError:
                logger.warning("%s is of another version: MLflow lacks its run", file)
                continue
            if run.place == place:
                _find(client, experiment_id, run)
                send(client, experiment_id, run)
                file.unlink()
                logger.info("The run %s, kept before, is now in MLflow", run.id)


def _find(client: MlflowClient, experiment_id: str, run: Outcome) -> None:
    """Take over from the store what it has of a run: all, a part, or nothing."""
    search = partial(client.search_runs, [experiment_id])
    its = f"attributes.start_time = {run.start} AND attributes.run_name = '{run.name}'"
    found = search(f"attributes.run_id = '{run.id}'" if run.id else its)
    run.id = found[0].info.run_id if found else ""
    children = search(f"tags.`{PARENT}` = '{run.id}'") if found else []
    ids = {child.data.tags.get("namespace"): child.info.run_id for child in children}
    for model in run.models:
        model.id = ids.get(model.namespace, "")


def find_maker(client: MlflowClient, experiment_id: str, model: ModelOutcome) -> None:
    """Take over the run that made a model, where this run has found it made."""
    seconds = model.metrics.get("fit_seconds", 0)  # to the last digit no other has
    its = f"tags.namespace = '{model.namespace}' AND metrics.fit_seconds = {seconds!r}"
    for found in client.search_runs([experiment_id], its)[-1:]:  # the first
        model.id, model.end = found.info.run_id, found.info.end_time


def log_batch(client: MlflowClient, run: Outcome, tags: Mapping[str, str]) -> None:
    """Log everything in as few calls as MLflow's limits allow."""
    metrics, named = _named(run.metrics).items(), _named(run.params).items()
    values = [Metric(key, value, run.end, 0) for key, value in metrics]
    arguments = [Param(key, value[:MAX_LENGTH]) for key, value in named]
    labels = [RunTag(key, value) for key, value in tags.items()]
    while values or arguments or labels:
        client.log_batch(
            run.id, values[:MAX_METRICS], arguments[:MAX_PARAMS], labels[:MAX_PARAMS]
        )
        del values[:MAX_METRICS], arguments[:MAX_PARAMS], labels[:MAX_PARAMS]


def _input(data: Mapping[str, str]) -> DatasetInput:
    """Return data as MLflow has it: its place and digest, nothing of its content."""
    source = json.dumps({"uri": data["path"]})
    return DatasetInput(Dataset(data["name"], data["digest"], "local", source))


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values under names that MLflow takes, each its own."""
    named: dict[str, Any] = {}
    for key, value in values.items():
        name = re.sub(r"[^\w.\- ]", "_", str(key))[:MAX_NAME] or "_"
        while name in named:
            name += "_"
        named[name] = value
    return named
