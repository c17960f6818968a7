"""New rows get a prediction."""

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
    """A model as MLflow loads it, which takes ``width`` and ``colour``."""

    columns = Schema([ColSpec("double", "width"), ColSpec("string", "colour")])
    metadata = Model(signature=ModelSignature(columns))

    def predict(self, rows: pd.DataFrame) -> Any:
        """Return a text of both columns, in their order."""
        return [f"{width} {colour}" for width, colour in rows.to_numpy()]


ROWS = pd.DataFrame({"colour": ["red", "blue"], "id": [7, 8], "width": [1, 2]})


def test_rows_stay_as_they_are_and_get_a_prediction() -> None:
    catalog = DataCatalog()
    catalog["champion"], catalog["new_flowers"] = Champion(), ROWS
    made = SequentialRunner().run(create_pipeline(), catalog)
    predicted = made["flower_predictions"].load()
    pd.testing.assert_frame_equal(predicted[list(ROWS)], ROWS)
    assert predicted["prediction"].tolist() == ["1 red", "2 blue"]
    assert "prediction" not in ROWS


def test_columns_that_are_missing_are_named() -> None:
    with pytest.raises(DataError, match="width: the champion needs this column"):
        predict(Champion(), ROWS.drop(columns="width"))
