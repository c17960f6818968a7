"""Writes what a run leaves into MLflow; keeps what MLflow does not take."""

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from pydantic import BaseModel

from ..registry import project_path
from .outcome import KedroRun, Outcome
from .store import address

logger = logging.getLogger(__name__)

# MLflow's limits: of one batch; and, with something left, of a value and a name.
MAX_METRICS, MAX_PARAMS = 1000, 100
MAX_LENGTH, MAX_NAME = 5000, 240
PARENT = "mlflow.parentRunId"


class Kept(BaseModel):
    """A run that is still to be written."""

    store: str
    """Its address, without passwords."""

    experiment: str
    run: Outcome


def deliver(run: KedroRun, outcome: Outcome, uri: str, experiment: str) -> None:
    """Write a run, and those that were kept before; keep what cannot be written.

    What is in the way is noted as the problem of the run.
    """
    root = project_path()
    folder, store = root / "data" / ".untracked", address(uri, root)
    run.attempt(lambda client: send(client, run.experiment_id, outcome))
    run.attempt(lambda client: send_kept(client, store, folder))
    if run.problem and not outcome.sent:
        folder.mkdir(parents=True, exist_ok=True)
        kept = Kept(store=store, experiment=experiment, run=outcome)
        (folder / f"{outcome.start}.json").write_text(kept.model_dump_json())


def send(
    client: MlflowClient, experiment_id: str, run: Outcome, parent: str = ""
) -> None:
    """Write a run and its models; what is there of them already is written again."""
    # No earlier than its parent, where a model was fitted before.
    tags = {**run.tags, **({PARENT: parent} if parent else {})}
    if run.id:
        log_batch(client, run.id, {}, {}, tags, run.end)
    else:
        short = {key: value[:MAX_LENGTH] for key, value in tags.items()}
        created = client.create_run(experiment_id, run.start, short, run.name)
        run.id = created.info.run_id
    log_batch(client, run.id, run.metrics, run.params, {}, run.end)
    if run.data:
        client.log_inputs(run.id, [_input(one) for one in run.data])
    for name, text in run.files.items():
        client.log_text(run.id, text, name)
    # Where nothing was made anew, there is nothing new to say of models.
    made = any(not model.reused for model in run.models)
    for model in run.models if made else []:
        model.start, model.end = max(model.start, run.start), max(model.end, run.start)
        send(client, experiment_id, model, run.id)
    client.set_terminated(run.id, run.status, run.end)
    run.sent = True


def send_kept(client: MlflowClient, store: str, folder: Path) -> None:
    """Write the runs that were kept because their store did not take them."""
    if not folder.exists():
        return
    with FileLock(folder / "lock"):
        for file in sorted(folder.glob("*.json")):
            kept = Kept.model_validate_json(file.read_text())
            if kept.store != store:
                continue
            _forget_unknown(client, kept.run)
            send(client, _experiment(client, kept.experiment), kept.run)
            file.unlink()
            logger.info("The run %s, kept before, is now in MLflow", kept.run.id)


def _experiment(client: MlflowClient, name: str) -> str:
    """Return the id of an experiment, which is made if need be."""
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _forget_unknown(client: MlflowClient, run: Outcome) -> None:
    """Forget the ids of runs that the store does not know: it is another one now."""
    for one in (run, *run.models):
        try:
            if one.id:
                client.get_run(one.id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            one.id = ""


def log_batch(
    client: MlflowClient,
    run_id: str,
    metrics: Mapping[str, float],
    params: Mapping[str, str],
    tags: Mapping[str, str],
    time: int,
) -> None:
    """Log everything in as few calls as MLflow's limits allow."""
    values = [Metric(key, value, time, 0) for key, value in _named(metrics).items()]
    named = _named(params).items()
    arguments = [Param(key, value[:MAX_LENGTH]) for key, value in named]
    labels = [RunTag(key, value[:MAX_LENGTH]) for key, value in tags.items()]
    while values or arguments or labels:
        client.log_batch(
            run_id, values[:MAX_METRICS], arguments[:MAX_PARAMS], labels[:MAX_PARAMS]
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
