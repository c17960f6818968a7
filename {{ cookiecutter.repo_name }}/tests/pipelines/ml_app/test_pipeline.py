"""One pipeline, cut in two by tags: what training fits, inference predicts with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from kedro_datasets.pickle import PickleDataset
from kedro_mlflow.pipeline.pipeline_ml import PipelineML

from {{ cookiecutter.python_package }}.pipelines.ml_app.pipeline import (
    create_pipelines,
)
from {{ cookiecutter.python_package }}.pipelines.models.specs import ModelSpec

LOGISTIC = {"class": "sklearn.linear_model.LogisticRegression"}
TEXT = {
    "splits": {"labelled": ["train"]},
    "text_column": "text",
    "label_column": "label",
    "labels": {"negative": [0], "positive": [1]},
    "vocabulary_size": 100,
    "test_fraction": 0.25,
    "batch_size": 10,
    "model": LOGISTIC,
}
FITTED = ("tokenizer", "label_encoder", "model")
SHARED = (
    "lower_case",
    "remove_stopwords",
    "remove_punctuation",
    "tokenize_text",
    "predict",
)


@pytest.fixture
def catalog(tmp_path: Path) -> DataCatalog:
    """Return the parameters, the stopwords, and files for what is fitted."""
    catalog = DataCatalog(
        {name: PickleDataset(filepath=f"{tmp_path}/{name}.pkl") for name in FITTED}
    )
    catalog["parameters"] = {"split": "train", "scored_split": "train", "text": TEXT}
    catalog["params:random_state"] = 3
    for name in ("labels", "vocabulary_size", "test_fraction"):
        catalog[f"params:text.{name}"] = TEXT[name]
    catalog["params:text.model"] = ModelSpec.model_validate(LOGISTIC)
    catalog["english_stopwords"] = ["the", "a", "was"]
    return catalog


def test_training_and_inference_share_their_nodes(catalog: DataCatalog) -> None:
    built = create_pipelines(catalog)
    training, inference = (
        {node.name: node for node in built[name].nodes}
        for name in ("training", "inference")
    )
    assert training.keys() & inference.keys() == set(SHARED)
    for name in SHARED:
        assert training[name] is inference[name]
    assert inference.keys() - training.keys() == {"decode_predictions"}
    assert {node.name for node in built["ml_app"].nodes} == {*training, *inference}


def test_inference_needs_what_training_fits_and_answers_one_thing(
    catalog: DataCatalog,
) -> None:
    built = create_pipelines(catalog)
    inference, training = built["inference"], built["training"]
    assert inference.outputs() == {"predictions"}
    assert inference.inputs() == {"instances", "english_stopwords", *FITTED}
    assert isinstance(training, PipelineML)
    assert training.inference.nodes == inference.nodes
    assert training.input_name == "instances"
    assert training.outputs() == {
        "sentiment_metrics",
        "confusion_matrix_plot",
        "telling_words_plot",
    }


def test_names_that_others_rely_on(load_config: Callable[..., Any]) -> None:
    load_config()
    nodes = [
        node for name in ("etl", "ml_app", "user_app") for node in pipelines[name].nodes
    ]
    assert {tag for node in nodes for tag in node.tags} == {
        "training",
        "inference",
        "etl_instances",
        "etl_labels",
        "user_app",
    }
    datasets = {name for node in nodes for name in node.inputs + node.outputs}
    assert datasets >= {
        "instances",
        "labels",
        "english_stopwords",
        "label_encoder",
        "tokenizer",
        "model",
        "predictions",
    }


def test_what_is_learnt_is_predicted(catalog: DataCatalog) -> None:
    texts = ["The film was GREAT!", "a dull, dull film", "Great, the cast", "Dull: a"]
    instances = pd.DataFrame({"text": texts * 5})
    labels = pd.DataFrame({"label": ["positive", "negative"] * 10})
    built = create_pipelines(catalog)

    catalog["instances"], catalog["labels"] = instances, labels
    SequentialRunner().run(built["training"].training, catalog)
    assert catalog["sentiment_metrics"].load()["accuracy"] == 1
    assert "the" not in catalog["tokenizer"].load().vocabulary_

    # The slice that is served: the labels are not there.
    served = DataCatalog({name: catalog[name] for name in FITTED})
    served["english_stopwords"] = catalog["english_stopwords"].load()
    asked = pd.DataFrame({"text": ["Was it great?", "DULL", None, "great-great"]})
    served["instances"] = asked.copy()
    SequentialRunner().run(built["inference"], served)
    predictions = served["predictions"].load()
    assert predictions["label"].tolist()[:2] == ["positive", "negative"]
    assert predictions["probability"].between(0.5, 1).all()
    # Surer of two words than of one, and least sure of none.
    one, _, none, two = predictions["probability"]
    assert two > one > none

    # No node changes what it is given: nothing is copied for a request.
    assert served["instances"].load().equals(asked)
    assert catalog["instances"].load()["text"].tolist() == texts * 5
