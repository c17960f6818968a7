"""Predictions for new rows."""

from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, Schema
from sklearn.neighbors import KNeighborsClassifier

from kedro_dynamic import DataError, PredictSpec

from {{ cookiecutter.python_package }}.pipelines.predict import (
    create_pipelines,
)
from {{ cookiecutter.python_package }}.pipelines.predict.nodes import (
    predict,
)

FITTED_TO = pd.DataFrame({"width": [1.0, 1.2, 3.0], "length": [5.0, 5.5, 9.0]})
ROWS = pd.DataFrame({"length": [5.1, 8.9], "id": [7, 8], "width": [1.1, 2.9]})


class Champion:
    """A model that needs ``width`` and ``length``, as MLflow loads it."""

    columns = Schema(
        [
            ColSpec("double", "width"),
            ColSpec("double", "length"),
            ColSpec("double", "note", required=False),
        ]
    )
    metadata = Model(signature=ModelSignature(columns), model_uuid=None)

    def __init__(self) -> None:
        self._estimator = KNeighborsClassifier(n_neighbors=2)
        self._estimator.fit(FITTED_TO, ["red", "red", "blue"])

    def get_raw_model(self) -> Any:
        """Return the estimator."""
        return self._estimator

    def predict(self, rows: pd.DataFrame) -> Any:
        """Return the class of each row."""
        return self._estimator.predict(rows)


def test_rows_are_unchanged_and_get_predictions(parameters: dict[str, Any]) -> None:
    catalog = DataCatalog()
    catalog["champion"] = Champion()
    catalog["march"] = ROWS
    catalog["params:predict"] = PredictSpec(table="march")
    pipeline = create_pipelines(parameters)["predict"]
    outputs = SequentialRunner().run(pipeline, catalog)
    predicted = outputs["march_predictions"].load()

    pd.testing.assert_frame_equal(predicted[list(ROWS)], ROWS)
    assert predicted["prediction"].tolist() == ["red", "blue"]
    assert predicted["probability"].tolist() == [1.0, 0.5]
    assert "prediction" not in ROWS


def test_probabilities_of_all_classes() -> None:
    options = PredictSpec(table="march", class_probabilities=True)
    predicted = predict(Champion(), ROWS, options)
    assert predicted["probability_red"].tolist() == [1.0, 0.5]
    assert predicted["probability_blue"].tolist() == [0.0, 0.5]


def test_without_a_table_there_is_no_pipeline(parameters: dict[str, Any]) -> None:
    del parameters["predict"]
    assert create_pipelines(parameters) == {}


def test_missing_columns_are_named() -> None:
    options = PredictSpec(table="march")
    needed = "features: 'width' is not a column of the table; did you mean 'WIDTH'"
    with pytest.raises(DataError, match=needed):
        predict(Champion(), ROWS.rename(columns={"width": "WIDTH"}), options)
    with pytest.raises(DataError, match="; columns: length;id;width"):
        predict(Champion(), pd.DataFrame({"length;id;width": ["5.1;7;1.1"]}), options)


def test_a_table_without_rows_is_an_error() -> None:
    with pytest.raises(DataError, match="not an empty table"):
        predict(Champion(), ROWS.head(0), PredictSpec(table="march"))
