"""Lets the model that a ``PipelineML`` logs compete for the alias ``champion``."""

import mlflow
from kedro.io import DataCatalog
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from ..pipelines.models.digest import data_digest
from .champion import Candidate, crown
from .config import ChampionConfig


def promote_pipeline(
    client: MlflowClient,
    run_id: str,
    pipeline: PipelineML,
    catalog: DataCatalog,
    rule: ChampionConfig,
) -> str | None:
    """Make the registered pipeline champion if it beats the current one.

    Both are asked as their users will ask them: the logged model is loaded, and given
    the dataset ``test_<input_name>``, whose column ``label`` holds the right answers.

    Args:
        client: Of the registry.
        run_id: The run that the model was logged to.
        pipeline: The training pipeline that was run.
        catalog: Where the test data is.
        rule: By which metric and by how much it must win.

    Returns:
        One line for people: which model is champion, and why; None if the run has
        registered no model, or made no test data.
    """
    from sklearn.metrics import accuracy_score, f1_score

    versions = client.search_model_versions(f"run_id = '{run_id}'")
    test_name = f"test_{pipeline.input_name}"
    if not versions or test_name not in pipeline.all_outputs():
        return None
    test = catalog[test_name].load()

    def score(version: ModelVersion) -> float:
        model = mlflow.pyfunc.load_model(f"models:/{version.name}/{version.version}")
        predicted = model.predict(test.drop(columns="label"))["label"]
        if rule.metric == "f1_macro":
            return float(f1_score(test["label"], predicted, average="macro"))
        return float(accuracy_score(test["label"], predicted))

    (version,) = versions
    candidate = Candidate(
        version.name,
        version.version,
        model=f"{version.name} version {version.version}",
        score=score(version),
        test_data=data_digest(test),
    )
    return crown(client, candidate, rule, score)
