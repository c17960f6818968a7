"""What people read on MLflow's pages: names, notes, the best model."""

from collections.abc import Iterator
from contextlib import suppress

import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from kedro_dynamic.catalog.names import LEADERBOARD, dataset_name, split_name
from kedro_dynamic.config.project import package_name
from kedro_dynamic.config.schema import BASELINE
from kedro_dynamic.models.scores import (
    display_column,
    display_number,
    display_score,
    display_value,
    score_columns,
    score_of_column,
)
from kedro_dynamic.runs.run import Run
from kedro_dynamic.tracking.payload import OUTDATED, ModelPayload, Payload

NOTE = "mlflow.note.content"
EXPERIMENT_KIND = "mlflow.experimentKind"
EXPERIMENT_NOTE = (
    "A run for each `kedro run`, and below it one for each model. All on a page: "
    "click the newest run, then *Artifacts*, then `report.html`. The best model so far "
    "is `models:/{package}@champion`."
)
OUTDATED_NOTE = (
    "What it was made from is not known: `{}` is of other parameters, data or code."
)


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
    """Add the best model and its score, counts and notes to the payload of a run."""
    leaderboards = [*_leaderboards(run, payload.models)]
    best_models = _best_models(leaderboards)
    lines = []
    for model, column in best_models:
        value = display_value(score_of_column(column), model.metrics[column])
        shown = f"{display_column(column)} {display_number(value)}"
        lines.append(f"**{model.name}** is best: {shown}")
    if len(best_models) == 1:
        model, column = best_models[0]
        payload.tags["winner"] = model.name
        payload.metrics[column] = model.metrics[column]
        if payload.name == run.name:  # nobody has given it another name
            pipelines = run.name.strip("_")
            score = display_score(score_of_column(column), model.metrics[column])
            payload.name = f"{pipelines}: {model.name} {score}"
            payload.tags["mlflow.runName"] = payload.name

    if payload.models:
        failed = [model for model in payload.models if model.status == "FAILED"]
        payload.metrics |= {"models": len(payload.models), "models_failed": len(failed)}
        lines += [f"{len(payload.models)} models", f"{len(failed)} models failed"]

    payload.tags[NOTE] = "\n\n".join([*lines, f"`{payload.tags['kedro_command']}`"])
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
) -> list[tuple[ModelPayload, str]]:
    """Return the first model of each leaderboard, and the column of its score."""
    best_models = []
    for leaderboard, ranked in leaderboards:
        models = [name for name in leaderboard.get("model", []) if name != BASELINE]
        first = models[0] if models else ""
        if first in ranked:  # it may be a model of an earlier run
            best = ranked[first]
            columns = [c for c in score_columns(leaderboard) if c in best.metrics]
            if columns:
                best_models.append((best, columns[0]))
    return best_models
