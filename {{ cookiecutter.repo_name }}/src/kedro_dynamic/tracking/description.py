"""What people read on MLflow's pages: names, notes, the best model."""

from contextlib import suppress

import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from kedro_dynamic.catalog.names import LEADERBOARD, dataset_name, split_name
from kedro_dynamic.config.project import package_name
from kedro_dynamic.runs.run import Run
from kedro_dynamic.tracking.payload import ModelPayload, Payload

NOTE = "mlflow.note.content"
EXPERIMENT_KIND = "mlflow.experimentKind"
EXPERIMENT_NOTE = (
    "A run for each `kedro run`, and below it one for each model. All on a page: "
    "click the newest run, then *Artifacts*, then `report.html`. The best model so far "
    "is `models:/{package}@champion`."
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
    best_models = _best_models(run, payload.models)
    lines = [
        f"**{model.name}** is best: {score} {model.metrics[score]:.3f}"
        for model, score in best_models
    ]
    if len(best_models) == 1:
        model, score = best_models[0]
        payload.tags["winner"] = model.name
        payload.metrics[score] = model.metrics[score]
        if payload.name == run.name:  # nobody has given it another name
            pipelines = run.name.strip("_")
            payload.name = f"{pipelines}: {model.name} {model.metrics[score]:.3f}"
            payload.tags["mlflow.runName"] = payload.name

    if payload.models:
        failed = [model for model in payload.models if model.status == "FAILED"]
        payload.metrics |= {"models": len(payload.models), "models_failed": len(failed)}
        lines += [f"{len(payload.models)} models", f"{len(failed)} models failed"]

    payload.tags[NOTE] = "\n\n".join([*lines, f"`{payload.tags['kedro_command']}`"])
    for model in payload.models:
        summary = f"`{model.spec.class_path}` on {model.tags['data'] or 'data'}"
        model.tags[NOTE] = f"{summary}\n\n`{model.tags['kedro_command']}`"


def _best_models(
    run: Run, models: list[ModelPayload]
) -> list[tuple[ModelPayload, str]]:
    """Return the first model of each leaderboard that a run made, and its score."""
    by_namespace = {model.namespace: model for model in models}
    best_models = []
    for node in run.pipeline.nodes:
        for name in node.outputs:
            if split_name(name)[1] != LEADERBOARD or not run.plan.made(name):
                continue
            leaderboard: pd.DataFrame = run.catalog[name].load()
            if "model" not in leaderboard:
                continue
            score = str(leaderboard.columns[1])
            namespaces = (
                dataset_name(node.namespace or "", model)
                for model in leaderboard["model"]
            )
            ranked = [by_namespace[name] for name in namespaces if name in by_namespace]
            if ranked and score in ranked[0].metrics:
                best_models.append((ranked[0], score))
    return best_models
