"""Logs the inference half of a ``PipelineML``, and lets it compete to be champion."""

from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
from kedro.io import DataCatalog, MemoryDataset
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import infer_signature
from mlflow.models.model import ModelInfo

from ..errors import ConfigurationError
from ..inference_model import InferenceModel
from ..pipelines.models.digest import data_digest
from .champion import Candidate, crown
from .config import ChampionConfig


def check_artifacts(pipeline: PipelineML, catalog: DataCatalog) -> None:
    """Refuse a training pipeline whose fitted objects cannot go into the logged model.

    Raises:
        ConfigurationError: Names each dataset, and the catalog entry to add.
    """
    problems = []
    for name in sorted(pipeline.inference.inputs() - {pipeline.input_name}):
        if name.startswith("params:"):
            continue
        dataset = catalog.get(name)
        if dataset is None or isinstance(dataset, MemoryDataset):
            where = "only in memory"
        elif getattr(dataset, "_protocol", "file") not in ("file", "local"):
            where = "not on this machine's disk"
        else:
            continue
        problems.append(
            f"{name}: is {where}, so the logged model could not take it along; write\n"
            f"    {name}:\n"
            f"      type: pickle.PickleDataset\n"
            f"      filepath: data/06_models/{name}.pkl"
        )
    if problems:
        raise ConfigurationError.listing("The catalog", problems)


def log_pipeline(pipeline: PipelineML, catalog: DataCatalog) -> ModelInfo:
    """Log the inference pipeline, with what training has fitted for it, as one model.

    Args:
        pipeline: The training pipeline that was run.
        catalog: Where the fitted objects are.
    """
    arguments = dict(pipeline.log_model_kwargs)
    if arguments.get("signature") == "auto":
        example = catalog[pipeline.input_name].load()
        arguments["signature"] = infer_signature(example)
    model = InferenceModel(
        pipeline.inference, catalog, pipeline.input_name, **pipeline.kpm_kwargs
    )
    with TemporaryDirectory() as folder:
        artifacts = model.extract_pipeline_artifacts(Path(folder))
        logged: ModelInfo = mlflow.pyfunc.log_model(
            python_model=model, artifacts=artifacts, **arguments
        )
    return logged


def promote_pipeline(
    client: MlflowClient,
    logged: ModelInfo,
    pipeline: PipelineML,
    catalog: DataCatalog,
    rule: ChampionConfig,
) -> str | None:
    """Make the registered pipeline champion if it beats the current one.

    Both are asked as their users will ask them: the logged model is loaded, and given
    the dataset ``test_<input_name>``, whose column ``label`` holds the right answers.

    Args:
        client: Of the registry.
        logged: From ``log_pipeline``.
        pipeline: The training pipeline that was run.
        catalog: Where the test data is.
        rule: By which metric and by how much it must win.

    Returns:
        One line for people: which model is champion, and why; None if the pipeline
        registers no model, or makes no test data.
    """
    from sklearn.metrics import accuracy_score, f1_score

    name = pipeline.log_model_kwargs.get("registered_model_name")
    test_name = f"test_{pipeline.input_name}"
    if not name or test_name not in pipeline.all_outputs():
        return None
    test = catalog[test_name].load()

    def score(model_uri: str) -> float:
        model = mlflow.pyfunc.load_model(model_uri)
        predicted = model.predict(test.drop(columns="label"))["label"]
        if rule.metric == "f1_macro":
            return float(f1_score(test["label"], predicted, average="macro"))
        return float(accuracy_score(test["label"], predicted))

    def score_again(champion: ModelVersion) -> float:
        return score(f"models:/{champion.name}/{champion.version}")

    version = str(logged.registered_model_version)
    candidate = Candidate(
        name,
        version,
        model=f"{name} version {version}",
        score=score(logged.model_uri),
        test_data=data_digest(test),
    )
    return crown(client, candidate, rule, score_again)
