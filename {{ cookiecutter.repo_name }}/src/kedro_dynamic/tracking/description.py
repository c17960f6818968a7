"""What people read on MLflow's pages: names, notes, the best model."""

import base64
import json
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import requests
from mlflow import MlflowClient
from mlflow.entities import RunTag
from mlflow.exceptions import MlflowException

from kedro_dynamic.catalog.metadata import read_metadata
from kedro_dynamic.catalog.names import LEADERBOARD, dataset_name, split_name
from kedro_dynamic.config.errors import redact
from kedro_dynamic.config.project import package_name
from kedro_dynamic.config.schema import BASELINE
from kedro_dynamic.models.scores import (
    describe_score,
    display_score,
    score_columns,
    score_of_column,
)
from kedro_dynamic.models.significance import BELOW_THE_BASELINE, LIKE_THE_BASELINE
from kedro_dynamic.runs.provenance import name_some
from kedro_dynamic.runs.run import Run
from kedro_dynamic.tracking.payload import OUTDATED, ModelPayload, Payload
from kedro_dynamic.tracking.store import Store

NOTE = "mlflow.note.content"
RUN_NAME = "mlflow.runName"
EXPERIMENT_KIND = "mlflow.experimentKind"
EXPERIMENT_NOTE = (
    "A run for each `kedro run`, and below it one for each model. All on a page: "
    "click the newest run, then *Artifacts*, then `report.html`. The best model so far "
    "is `models:/{package}@champion`."
)
OUTDATED_NOTE = (
    "What it was made from is not known: `{}` is of other parameters, data or code."
)
# A view of the runs that MLflow opens by its address; see ``links``.
VIEW = LEADERBOARD
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
# Without it, MLflow opens an experiment on its page for language models.
TRAINING = "workflowType=machine_learning"
# How long to look for a server on this machine.
SECONDS = 0.5


def describe_experiment(client: MlflowClient, experiment_id: str) -> None:
    """Describe an experiment that nobody has described."""
    tags = {
        # MLflow then opens the experiment on its runs, once *Model training* is chosen.
        EXPERIMENT_KIND: "custom_model_development",
        NOTE: EXPERIMENT_NOTE.format(package=package_name()),
    }
    # Its tags may be for others to write.
    with suppress(MlflowException):
        known = client.get_experiment(experiment_id).tags
        for key in tags.keys() - known.keys():
            client.set_experiment_tag(experiment_id, key, tags[key])


def describe(run: Run, payload: Payload) -> None:
    """Add the headline, the best model and its score, and notes to a payload."""
    for model in payload.models:
        columns = score_columns(pd.DataFrame(columns=[*model.metrics]))
        if columns:
            score, value = score_of_column(columns[0]), model.metrics[columns[0]]
            model.title = f"{model.name} {display_score(score, value)}"

    leaderboards = [*_leaderboards(run, payload.models)]
    best_models = _best_models(leaderboards)
    headlines = (_headline(*best) for best in best_models)
    payload.headline = " ".join([*_verdicts(run)] or headlines)
    if len(best_models) == 1:
        _, model, column = best_models[0]
        payload.decides_by = column
        payload.tags["best_model"] = model.name
        payload.metrics[column] = model.metrics[column]
        if payload.name == run.name:  # nobody has given it another name
            payload.title = model.title
            payload.tags[RUN_NAME] = payload.title
        else:
            payload.title = payload.name

    payload.tags[NOTE] = _note(payload, payload.headline)
    for model in payload.models:
        if OUTDATED in model.tags:
            model.tags[NOTE] = OUTDATED_NOTE.format(model.tags[OUTDATED])
            continue
        summary = f"`{model.spec.class_path}` on {model.tags['data'] or 'data'}"
        model.tags[NOTE] = f"{summary}\n\n`{model.tags['kedro_command']}`"
    for leaderboard, ranked in leaderboards:
        if "note" in leaderboard:
            notes = leaderboard.set_index("model")["note"].dropna()
            for name in ranked.keys() & notes.keys():
                ranked[name].tags["note"] = str(notes[name])


def add_verdict(
    run: Run,
    payload: Payload,
    report: str,
    verdict: str,
    champion: str,
    client: MlflowClient,
) -> None:
    """Put the verdict at the top of a run's page in MLflow, and its report beside it.

    Args:
        run: The run.
        payload: The same, as it is written to the store already.
        report: The path of its report; "" if there is none.
        verdict: What the run means.
        champion: Name of the champion; the run is called by it if it is among its
            models, and was called by the best one.
        client: Of the store.
    """
    if report:
        client.log_artifact(payload.id, report)
    if verdict:
        tags = {NOTE: _note(payload, verdict), "verdict": verdict}
        titles = {model.name: model.title for model in payload.models if model.title}
        if RUN_NAME in payload.tags and champion in titles:
            tags[RUN_NAME] = titles[champion]
        client.log_batch(payload.id, tags=[RunTag(*tag) for tag in tags.items()])
    if payload.decides_by:
        _save_view(client, run.mlflow.experiment_id, payload.decides_by)


def _save_view(client: MlflowClient, experiment_id: str, column: str) -> None:
    """Save a view of an experiment: all runs, best first by a score.

    MLflow (3.17) opens it by its address: see ``links``.
    """
    shown = [f"metrics.`{column}`", f"metrics.`test_{score_of_column(column)}`"]
    state = {
        "orderByKey": shown[0],
        "orderByAsc": False,
        "selectedColumns": [*dict.fromkeys(shown), "params.`class`", "tags.`note`"],
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    view = {
        "name": f"Leaderboard by {column}",
        "createdAt": round(time.time() * 1000),
        "state": f"deflate;{packed}",
    }
    with suppress(MlflowException):
        saved = client.get_experiment(experiment_id).tags.get(VIEW_TAG, "{}")
        if json.loads(saved).get("name") != view["name"]:
            client.set_experiment_tag(experiment_id, VIEW_TAG, json.dumps(view))


def links(run: Run, report: str) -> dict[str, str]:
    """Return where MLflow shows the report and the leaderboard, if its server runs.

    Args:
        run: The run.
        report: The path of its report.
    """
    store: Store = run.store
    # A browser asks for user and password itself.
    address = redact(store.uri).replace("***@", "").partition("?")[0].rstrip("/")
    if run.mlflow.problem or not run.mlflow.id:
        return {}
    if not address.startswith("http"):
        ui = store.plugin.ui
        address = f"http://{ui.host}:{ui.port}"
        if not _has_run(address, run.mlflow.id):
            return {}

    experiment = f"{address}/#/experiments/{run.mlflow.experiment_id}/runs"
    file = f"{run.mlflow.id}/artifacts/{Path(report).name}"
    places = {"all runs": f"{experiment}?{TRAINING}&viewStateShareKey={VIEW}"}
    if report:
        places["in MLflow"] = f"{experiment}/{file}?{TRAINING}"
    return places


def _has_run(address: str, run_id: str) -> bool:
    """Return True if a server of MLflow knows a run; any program may have its port."""
    url = f"{address}/api/2.0/mlflow/runs/get"
    with suppress(requests.RequestException):
        return requests.get(url, {"run_id": run_id}, timeout=SECONDS).ok
    return False


def _note(payload: Payload, sentence: str) -> str:
    """Return the note of a run: what it means, its models, the command."""
    lines = [f"**{sentence}**"] if sentence else []
    count = len(payload.models)
    failed = [model.name for model in payload.models if model.status == "FAILED"]
    if failed:
        lines.append(f"{len(failed)} of {count} models failed: {name_some(failed)}")
    elif count:
        lines.append(f"{count} models")
    return "\n\n".join([*lines, f"`{payload.tags['kedro_command']}`"])


def _headline(leaderboard: pd.DataFrame, model: ModelPayload, column: str) -> str:
    """Return the best score of a leaderboard, beside that of the baseline."""
    scored = describe_score(leaderboard, column, model.metrics[column])
    is_first = leaderboard["model"] == _first_model(leaderboard)
    notes = {*leaderboard[is_first].get("note", [])}
    if notes & {LIKE_THE_BASELINE, BELOW_THE_BASELINE}:
        return f"No model beats the baseline: {model.name} has {scored}."
    return f"{model.name} is best: {scored}."


def _verdicts(run: Run) -> Iterator[str]:
    """Yield the texts that the catalog marks with ``verdict``, if the run made them."""
    for name in sorted(run.pipeline.all_outputs()):
        if read_metadata(run.catalog, name).verdict and run.plan.made(name):
            yield run.catalog[name].load()


def _leaderboards(
    run: Run, models: list[ModelPayload]
) -> Iterator[tuple[pd.DataFrame, dict[str, ModelPayload]]]:
    """Yield each leaderboard that a run made, with its models by name, best first.

    Without those that compare models of several origins.
    """
    by_namespace = {model.namespace: model for model in models}
    for node in run.pipeline.nodes:
        for name in node.outputs:
            if split_name(name)[1] != LEADERBOARD or not run.plan.made(name):
                continue
            if name in run.plan.outdated:
                continue
            leaderboard: pd.DataFrame = run.catalog[name].load()
            ranked = {}
            for model in leaderboard.get("model", []):
                namespace = dataset_name(node.namespace or "", model)
                if namespace in by_namespace:
                    ranked[model] = by_namespace[namespace]
            yield leaderboard, ranked


def _best_models(
    leaderboards: list[tuple[pd.DataFrame, dict[str, ModelPayload]]],
) -> list[tuple[pd.DataFrame, ModelPayload, str]]:
    """Return each leaderboard with its first model and the column that decides."""
    best_models = []
    for leaderboard, ranked in leaderboards:
        best = ranked.get(_first_model(leaderboard))
        if best is not None:  # else it may be a model of an earlier run
            columns = [c for c in score_columns(leaderboard) if c in best.metrics]
            if columns:
                best_models.append((leaderboard, best, columns[0]))
    return best_models


def _first_model(leaderboard: pd.DataFrame) -> str:
    """Return the name of the best model, without the baseline; "" if there is none."""
    names = map(str, leaderboard.get("model", []))
    return next((name for name in names if name != BASELINE), "")
