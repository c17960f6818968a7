"""Logs the files of models, and lets them compete to be champion.

skops, which takes over a second to import, is imported where it is used.
"""

from functools import partial
from statistics import fmean
from typing import Any

import mlflow
import pandas as pd
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from kedro_dynamic.champion.compare import Candidate, decide, find_candidate
from kedro_dynamic.champion.recipe import FILE
from kedro_dynamic.champion.registry import Verdict, crown, register_version
from kedro_dynamic.champion.serialize import _log_pipeline, log_model
from kedro_dynamic.config.project import package_name
from kedro_dynamic.config.tracking import ChampionRule
from kedro_dynamic.models.held_out import was_trained_on
from kedro_dynamic.tracking.payload import KedroRun, ModelOutcome
from kedro_dynamic.tracking.writer import find_maker, send


def promote(
    run: KedroRun, client: MlflowClient, models: list[ModelOutcome], rule: ChampionRule
) -> str | None:
    """Let what a run has made compete; return a line about who is champion."""
    if isinstance(run.pipeline, PipelineML):
        return _promote_pipeline(run, client, run.pipeline, rule.margin)
    if not models or "leaderboard" not in run.pipeline.all_outputs():
        return None
    if best := find_candidate(models, run.catalog, rule.metric):
        return promote_model(run, client, best, rule.margin)
    score = f"score '{rule.metric}'" if rule.metric else "score"
    return f"as before (no model of this run has a finite {score})"


def promote_model(
    run: KedroRun, client: MlflowClient, best: Candidate, margin: float
) -> str:
    """Let the best model of a run compete; its files are logged only if it wins."""
    model, recipe = best.run, best.recipe

    def register() -> str:
        if not model.id:  # it was there already, as all others
            find_maker(client, run.experiment_id, model)
        if not model.id:
            send(client, run.experiment_id, model, run.id)
        fitted_model = run.catalog[f"{model.namespace}.fitted_model"].load()
        text = recipe.model_dump_json(by_alias=True)
        client.log_text(model.id, text, FILE)
        try:
            with mlflow.start_run(model.id, nested=True):
                info = log_model(fitted_model, best.parts[2])
        finally:  # logging opened the run again, and an error would end it as failed
            client.set_terminated(model.id, model.status, model.end)
        facts = {
            "model": model.name,
            "metric": best.metric,
            "score": f"{fmean(recipe.scores[best.metric]):.6g}",
            "folds": str(recipe.comparison.folds),
            "data_digest": recipe.digest,
        }
        return register_version(client, package_name(), info, model.id, facts)

    judge = partial(best.judge, margin=margin)
    return crown(client, package_name(), model.name, judge, register)


def _promote_pipeline(
    run: KedroRun, client: MlflowClient, pipeline: PipelineML, margin: float
) -> str | None:
    """Log the inference pipeline, and let it compete if there is test data.

    Both are asked as their users will ask them: the logged model is loaded, and given
    the dataset ``test_<input_name>``, whose column ``label`` holds the right answers.
    They are compared on those of its rows that neither was trained on.
    """
    title = pipeline.log_model_kwargs.get("registered_model_name")
    test_name = f"test_{pipeline.input_name}"
    tested = test_name in pipeline.all_outputs()
    test = run.catalog[test_name].load() if tested else pd.DataFrame({"label": []})
    questions = test.drop(columns="label")
    info = _log_pipeline(pipeline, run.catalog, questions)
    if not (title and tested):
        return None

    def is_right(model: Any) -> Any:
        answers = model.predict(questions)["label"].to_numpy()
        return (answers == test["label"].to_numpy()).astype(float)

    new = is_right(mlflow.pyfunc.load_model(info.model_uri))
    name = f"{title} of this run"

    def judge(champion: ModelVersion) -> Verdict:
        model = mlflow.pyfunc.load_model(f"models:/{title}/{champion.version}")
        is_new = ~was_trained_on(model, questions)
        rows = f"on {is_new.sum()} of {len(test)} test rows, which it did not train on"
        if not is_new.any():
            return False, f"{name} cannot be compared {rows}"
        ours, old = new[is_new], is_right(model)[is_new]
        differences = (ours - old).tolist()
        wins, reason = decide(differences, margin, ours.mean(), old.mean(), name)
        return wins, f"{reason}, {rows}"

    def register() -> str:
        facts = {"metric": "accuracy", "score": f"{new.mean():.6g}"}
        return register_version(client, title, info, run.id, facts)

    return crown(client, title, name, judge, register)
