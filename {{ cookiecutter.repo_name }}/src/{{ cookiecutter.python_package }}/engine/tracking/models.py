"""Logs the files of models, and lets them compete to be champion.

skops, which takes over a second to import, is imported where it is used.
"""

import inspect
from functools import partial
from importlib.metadata import packages_distributions, version
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from kedro.io import DataCatalog
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import ModelSignature, infer_signature
from mlflow.models.model import ModelInfo
from mlflow.types import ColSpec, Schema
from mlflow.types.schema import AnyType

from ..estimators import Estimator
from ..judging import fingerprints, was_trained_on
from ..trust import PACKAGE
from .champion import Verdict, crown, decide, register_version
from .outcome import KedroRun, ModelOutcome
from .recipe import FILE, Candidate, find_candidate
from .store import ChampionRule
from .write import find_maker, send


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
        return register_version(client, PACKAGE, info, model.id, facts)

    judge = partial(best.judge, margin=margin)
    return crown(client, PACKAGE, model.name, judge, register)


def log_model(fitted_model: Estimator, X: pd.DataFrame) -> ModelInfo:
    """Log the files of a fitted model to the active run; X are raw rows.

    Any number may be whole or missing: MLflow's types would refuse new rows where the
    sample that the types were taken from happened to differ.
    """
    number = AnyType()  # type: ignore[no-untyped-call]
    columns: list[Any] = [
        ColSpec(number, str(name))
        if pd.api.types.is_numeric_dtype(column)
        else ColSpec("string", str(name), required=False)
        for name, column in X.items()
    ]
    predicted = infer_signature(model_output=fitted_model.predict(X.head())).outputs
    info: ModelInfo = mlflow.sklearn.log_model(
        fitted_model,
        name="model",
        signature=ModelSignature(Schema(columns), predicted),
        input_example=X.head(),
        **_serialization(fitted_model),
        **_requirements(fitted_model),
    )
    return info


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


def _log_pipeline(
    pipeline: PipelineML, catalog: DataCatalog, questions: pd.DataFrame
) -> ModelInfo:
    """Log the inference pipeline, with all that was fitted for it, as one model.

    It carries the fingerprints of the rows it was trained on: all but the questions.
    """
    from ..serving import InferenceModel

    arguments = {**pipeline.log_model_kwargs, "registered_model_name": None}
    if arguments.get("signature") == "auto":
        example = catalog[pipeline.input_name].load()
        arguments["signature"] = infer_signature(example)
    model = InferenceModel(
        pipeline.inference, catalog, pipeline.input_name, **pipeline.kpm_kwargs
    )
    seen = fingerprints(catalog[pipeline.input_name].load())
    model.trained_on = seen[~np.isin(seen, fingerprints(questions))]
    with TemporaryDirectory() as folder:
        arguments["artifacts"] = model.extract_pipeline_artifacts(Path(folder))
        info: ModelInfo = mlflow.pyfunc.log_model(python_model=model, **arguments)
    return info


def _serialization(fitted_model: Estimator) -> dict[str, Any]:
    """Choose the file format of a model.

    skops loads no code but that of the types it is told to trust, and here the types
    come from a model that this process fitted itself. What skops cannot store, such as
    a model with a function in it, is stored by cloudpickle.
    """
    from skops import io as skops

    try:
        stored = skops.dumps(fitted_model)
        trusted = skops.get_untrusted_types(data=stored)
        skops.loads(stored, trusted=trusted)
    except Exception:
        return {"serialization_format": "cloudpickle"}
    return {"serialization_format": "skops", "skops_trusted_types": trusted}


def _requirements(fitted_model: Estimator) -> dict[str, Any]:
    """Return what is needed to load the model elsewhere.

    Distributions are pinned to what is installed. The project's own package is in no
    registry: its code goes with the model.
    """
    parts = [fitted_model, *fitted_model.get_params().values()]
    types = [part if inspect.isroutine(part) else type(part) for part in parts]
    modules = {str(of.__module__).partition(".")[0] for of in types} - {"builtins"}
    installed = packages_distributions()
    names = {"mlflow", "numpy", "pandas", "scikit-learn", "skops"}
    for module in modules - {PACKAGE}:
        names.update(installed.get(module, []))
    return {
        "pip_requirements": [f"{name}=={version(name)}" for name in sorted(names)],
        "code_paths": [str(Path(__file__).parents[2])] if PACKAGE in modules else None,
    }
