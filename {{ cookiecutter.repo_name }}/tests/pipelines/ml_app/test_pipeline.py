"""Training and inference: one pipeline, cut in two by tags."""

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from kedro_datasets.pickle import PickleDataset

from kedro_dynamic import ConfigurationError, read_text_parameters

from {{ cookiecutter.python_package }}.pipelines.ml_app import (
    create_pipelines,
)

TEXT = {
    "text_column": "text",
    "label_column": "label",
    "test_fraction": 0.25,
    "cleaning": ["case", "stopwords"],
    "tokenizer": {"class": "sklearn.feature_extraction.text.TfidfVectorizer"},
    "model": {"class": "sklearn.linear_model.LogisticRegression"},
}
FITTED = ["tokenizer", "label_encoder", "model"]


def test_inference_predicts_with_what_training_has_fitted(tmp_path: Path) -> None:
    texts = ["The film was GREAT!", "a dull, dull film", "Great, the cast", "Dull: a"]
    catalog = DataCatalog(
        {name: PickleDataset(filepath=f"{tmp_path}/{name}") for name in FITTED}
    )
    for name, value in dict(read_text_parameters({"text": TEXT})).items():
        catalog[f"params:text.{name}"] = value
    catalog["params:random_state"] = 3
    catalog["english_stopwords"] = "[the, a, was]"
    texts = [f"{text} {number}" for number in range(5) for text in texts]
    catalog["instances"] = pd.DataFrame({"text": texts})
    catalog["labels"] = pd.DataFrame({"label": ["positive", "negative"] * 10})
    pipelines = create_pipelines({"text": TEXT})
    outputs = SequentialRunner().run(pipelines["training"], catalog)
    assert outputs["sentiment_metrics"].load()["accuracy"] == 1

    # The half that is served does not need labels.
    served = DataCatalog({name: catalog[name] for name in FITTED})
    served["english_stopwords"] = "[the, a, was]"
    served["params:text.cleaning"] = TEXT["cleaning"]
    served["params:text.probabilities"] = True
    served["instances"] = pd.DataFrame({"text": ["Was it great?", "DULL", "Le"]})
    outputs = SequentialRunner().run(pipelines["inference"], served)
    predictions = outputs["predictions"].load()
    assert predictions["label"].tolist()[:2] == ["positive", "negative"]
    assert predictions["known_features"].tolist() == [1, 1, 0]
    assert predictions.isna().any(axis=1).tolist() == [False, False, True]


def test_a_misspelt_key_is_named() -> None:
    text = {name: value for name, value in TEXT.items() if name != "tokenizer"}
    with pytest.raises(ConfigurationError, match=r"tokeniser: unknown key; did you"):
        create_pipelines({"text": {**text, "tokeniser": TEXT["tokenizer"]}})
