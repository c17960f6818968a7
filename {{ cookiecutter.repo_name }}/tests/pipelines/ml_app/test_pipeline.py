"""One pipeline, cut in two by tags: what training fits, inference predicts with."""

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from kedro_datasets.pickle import PickleDataset

from {{ cookiecutter.python_package }}.engine import (
    ConfigurationError,
    ModelSpec,
)
from {{ cookiecutter.python_package }}.pipelines.ml_app import (
    create_pipelines,
)

TEXT = {
    "labels": {"negative": [0], "positive": [1]},
    "vocabulary_size": 100,
    "test_fraction": 0.25,
    "model": {"class": "sklearn.linear_model.LogisticRegression"},
}
FITTED = ["tokenizer", "label_encoder", "model"]


def test_what_is_learnt_is_predicted(tmp_path: Path) -> None:
    texts = ["The film was GREAT!", "a dull, dull film", "Great, the cast", "Dull: a"]
    catalog = DataCatalog(
        {name: PickleDataset(filepath=f"{tmp_path}/{name}") for name in FITTED}
    )
    for name, value in TEXT.items():
        catalog[f"params:text.{name}"] = value
    catalog["params:text.model"] = ModelSpec.model_validate(TEXT["model"])
    catalog["params:random_state"] = 3
    catalog["english_stopwords"] = ["the", "a", "was"]
    catalog["instances"] = pd.DataFrame({"text": texts * 5})
    catalog["labels"] = pd.DataFrame({"label": ["positive", "negative"] * 10})
    built = create_pipelines({"text": TEXT})
    made = SequentialRunner().run(built["training"], catalog)
    assert made["sentiment_metrics"].load()["accuracy"] == 1

    # The slice that is served: the labels are not there.
    served = DataCatalog({name: catalog[name] for name in FITTED})
    served["english_stopwords"] = ["the", "a", "was"]
    served["instances"] = pd.DataFrame({"text": ["Was it great?", "DULL", None]})
    answers = SequentialRunner().run(built["inference"], served)
    predictions = answers["predictions"].load()
    assert predictions["label"].tolist()[:2] == ["positive", "negative"]
    surer, _, unsure = predictions["probability"]
    assert surer > unsure >= 0.5


def test_a_missing_key_is_named_with_what_stands_there_instead() -> None:
    text = {name: value for name, value in TEXT.items() if name != "vocabulary_size"}
    with pytest.raises(ConfigurationError, match=r"vocabulary_size: missing; did you"):
        create_pipelines({"text": {**text, "vocabulary": 100}})
