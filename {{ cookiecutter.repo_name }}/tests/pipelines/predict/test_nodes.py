"""Predictions for new rows."""

from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, Schema

from kedro_dynamic import DataError

from {{ cookiecutter.python_package }}.pipelines.predict import (
    create_pipeline,
)
from {{ cookiecutter.python_package }}.pipelines.predict.nodes import (
    predict,
)


class Champion:
    """A model, as MLflow loads it, with the features ``width`` and ``colour``."""

    columns = Schema([ColSpec("double", "width"), ColSpec("string", "colour")])
    metadata = Model(signature=ModelSignature(columns))

    def predict(self, rows: pd.DataFrame) -> Any:
        """Return both values of each row as a text, in the order of the columns."""
        return [f"{width} {colour}" for width, colour in rows.to_numpy()]


ROWS = pd.DataFrame({"colour": ["red", "blue"], "id": [7, 8], "width": [1, 2]})


def test_rows_are_unchanged_and_get_a_prediction() -> None:
    catalog = DataCatalog()
    catalog["champion"] = Champion()
    catalog["new_flowers"] = ROWS
    outputs = SequentialRunner().run(create_pipeline(), catalog)
    predicted = outputs["flower_predictions"].load()
    pd.testing.assert_frame_equal(predicted[list(ROWS)], ROWS)
    assert predicted["prediction"].tolist() == ["1 red", "2 blue"]
    assert "prediction" not in ROWS


def test_missing_columns_are_named() -> None:
    with pytest.raises(DataError, match="width: the champion needs this column"):
        predict(Champion(), ROWS.drop(columns="width"))
