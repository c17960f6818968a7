"""The champion: the best model, registered, and replaced only by a better one."""

import hashlib
import inspect
import logging
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro_mlflow.io.models import MlflowModelRegistryDataset
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from skops import io as skops

from ..errors import ConfigurationError
from ..pipelines.models.estimators import Estimator
from ..pipelines.models.nodes import score_model
from .config import TrackingConfig
from .runs import ModelRun

logger = logging.getLogger(__name__)

ALIAS = "champion"
PACKAGE = __name__.partition(".")[0]


def promote(
    client: MlflowClient,
    name: str,
    models: Sequence[ModelRun],
    config: TrackingConfig,
    catalog: DataCatalog,
) -> str:
    """Register the best model, and make it champion if it beats the current one.

    Args:
        client: Of the registry.
        name: Name to register under.
        models: All models of the run, their runs written.
        config: The rule, and whether other models are logged too.
        catalog: Where the fitted models and the test data are.

    Returns:
        One line for people: which model is champion, and why.
    """
    metric = config.champion.metric
    models = [model for model in models if metric in model.metrics]
    if not models:
        return f"none, since no model has the metric {metric}"
    test = {part: catalog[part].load() for part in ("X_test", "y_test")}
    digest = data_digest(test)
    current = current_champion(client, name)
    # Of equals, the one that stands first in the leaderboard.
    leaderboard = catalog["leaderboard"].load()["model"]
    ranks = {model: rank for rank, model in enumerate(leaderboard)}
    best = min(models, key=lambda model: (-model.metrics[metric], ranks[model.name]))
    for model in models if config.log_models == "all" else [best]:
        fitted_model = catalog[f"{model.namespace}.fitted_model"].load()
        registered = name if model is best else None
        version = log_model(model, fitted_model, test["X_test"].head(), registered)
        if version:
            new_version = version
    score = best.metrics[metric]
    for key, value in {"model": best.name, metric: score, "test_data": digest}.items():
        client.set_model_version_tag(name, new_version, key, str(value))

    if current is None:
        verdict = "first"
    else:
        to_beat = champion_score(current, metric, digest, test)
        if to_beat is None:
            verdict = "promoted: the one before does not run on this data"
        elif score > to_beat + config.champion.margin:
            verdict = f"promoted: {score:.3f} beats {to_beat:.3f}"
        else:
            held_by = current.tags.get("model", f"version {current.version}")
            return (
                f"{held_by} (kept: {score:.3f} of {best.name} does not beat "
                f"{to_beat:.3f})"
            )
    client.set_registered_model_alias(name, ALIAS, new_version)
    return f"{best.name} ({verdict})"


def log_model(
    model: ModelRun,
    fitted_model: Estimator,
    X: pd.DataFrame,
    registered_model_name: str | None,
) -> str:
    """Log the files of a fitted model to its run.

    Args:
        model: The model, its run written.
        fitted_model: The estimator.
        X: Some rows of features: for the signature, and as the example.
        registered_model_name: Name to register it under, if any.

    Returns:
        The version registered, or an empty string.
    """
    active = mlflow.active_run()
    in_parent = active is not None and active.info.run_id == model.run_id
    with (
        warnings.catch_warnings(),
        nullcontext() if in_parent else mlflow.start_run(model.run_id, nested=True),
    ):
        # Of integer columns, that they cannot hold missing values.
        warnings.simplefilter("ignore", UserWarning)
        info = mlflow.sklearn.log_model(
            fitted_model,
            name="model",
            signature=infer_signature(X, fitted_model.predict(X)),
            input_example=X,
            registered_model_name=registered_model_name,
            **serialization(fitted_model),
            **sources(fitted_model),
        )
    if not in_parent:
        # Logging opened the run again.
        MlflowClient().set_terminated(model.run_id, end_time=int(model.end * 1000))
    return str(info.registered_model_version or "")


def check_champions(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a pipeline that loads a registered model which does not exist.

    Raises:
        ConfigurationError: Names the model and the command that registers it.
    """
    for name in sorted(pipeline.inputs()):
        dataset = catalog.get(name)
        if (
            isinstance(dataset, MlflowModelRegistryDataset)
            and dataset.alias == ALIAS
            and current_champion(MlflowClient(), dataset.model_name) is None
        ):
            command = (dataset.metadata or {}).get("registered_by", "kedro run")
            raise ConfigurationError(
                f"{name}: {dataset.model_uri} does not exist yet; '{command}' makes it."
            )


def current_champion(client: MlflowClient, name: str) -> ModelVersion | None:
    """Return the version that is champion, or None when there is none yet."""
    try:
        return client.get_model_version_by_alias(name, ALIAS)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def champion_score(
    champion: ModelVersion, metric: str, digest: str, test: Mapping[str, pd.DataFrame]
) -> float | None:
    """Return the champion's metric on the test data of this run.

    Args:
        champion: A registered version.
        metric: Name of the metric.
        digest: Of the test data.
        test: ``X_test`` and ``y_test``.

    Returns:
        The recorded value if it is of the same data, else the champion is scored
        again; None if that fails, for instance because columns have changed.
    """
    if champion.tags.get("test_data") == digest and metric in champion.tags:
        return float(champion.tags[metric])
    fitted_model = mlflow.sklearn.load_model(
        f"models:/{champion.name}/{champion.version}"
    )
    try:
        _, metrics = score_model(fitted_model, **test)
    except Exception as error:
        logger.info("The champion cannot be scored: %s", error)
        return None
    value: float | None = metrics.get(metric)
    return value


def data_digest(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return a digest of all rows of the tables."""
    digest = hashlib.sha256()
    for table in tables.values():
        digest.update(pd.util.hash_pandas_object(table).to_numpy().tobytes())
    return digest.hexdigest()[:16]


def serialization(fitted_model: Estimator) -> dict[str, Any]:
    """Choose the file format of a model.

    skops loads no code but that of the types it is told to trust, and here the types
    come from a model that this process fitted itself. What skops cannot store, such as
    a model with a function in it, is stored by cloudpickle.
    """
    try:
        stored = skops.dumps(fitted_model)
        trusted = skops.get_untrusted_types(data=stored)
        skops.loads(stored, trusted=trusted)
    except Exception:
        return {"serialization_format": "cloudpickle"}
    return {"serialization_format": "skops", "skops_trusted_types": trusted}


def sources(fitted_model: Estimator) -> dict[str, Any]:
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
        "code_paths": [str(Path(__file__).parents[1])] if PACKAGE in modules else None,
    }
