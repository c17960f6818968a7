"""Registers the best model of a leaderboard."""

from collections.abc import Sequence

import mlflow
from kedro.io import DataCatalog
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from ..pipelines.models.digest import data_digest
from ..pipelines.models.nodes import score_model
from .champion import Candidate, crown
from .config import TrackingConfig
from .model_files import log_model
from .runs import ModelRun


def register_best(
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
        catalog: Where the fitted models, the leaderboard and the test data are.

    Returns:
        One line for people: which model is champion, and why.
    """
    metric = config.champion.metric
    models = [model for model in models if metric in model.metrics]
    if not models:
        return f"none, since no model has the metric {metric}"
    X_test, y_test = catalog["X_test"].load(), catalog["y_test"].load()
    # Of equals, the one that stands first in the leaderboard.
    leaderboard = catalog["leaderboard"].load()["model"]
    ranks = {model: rank for rank, model in enumerate(leaderboard)}
    best = min(models, key=lambda model: (-model.metrics[metric], ranks[model.name]))

    def log(model: ModelRun, registered_model_name: str | None) -> str:
        fitted_model = catalog[f"{model.namespace}.fitted_model"].load()
        return log_model(model, fitted_model, X_test.head(), registered_model_name)

    if config.log_models == "all":
        for model in models:
            if model is not best:
                log(model, None)
    candidate = Candidate(
        name,
        version=log(best, name),
        model=best.name,
        score=best.metrics[metric],
        test_data=data_digest(X_test, y_test),
    )

    def score_again(champion: ModelVersion) -> float:
        uri = f"models:/{champion.name}/{champion.version}"
        _, metrics = score_model(mlflow.sklearn.load_model(uri), X_test, y_test)
        return float(metrics[metric])

    return crown(client, candidate, config.champion, score_again)
