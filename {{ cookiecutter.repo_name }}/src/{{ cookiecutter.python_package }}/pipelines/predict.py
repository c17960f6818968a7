"""Predicts the target of new rows with the champion."""

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from kedro_dynamic import (
    DataError,
)



def create_pipeline(**kwargs: Any) -> Pipeline:
    """Build the pipeline ``predict``."""
    inputs = ["champion", "new_flowers"]
    node = Node(predict, inputs, "flower_predictions", name="predict", tags="predict")
    return Pipeline([node])


def predict(champion: Any, new_rows: pd.DataFrame) -> pd.DataFrame:
    """Predict the target of new rows.

    Args:
        champion: A model of MLflow's flavor ``pyfunc``.
        new_rows: One row per sample, with the columns that the model was trained on;
            others may be there, too.

    Returns:
        The rows with the column ``prediction`` added.

    Raises:
        DataError: If columns are missing.
    """
    needed = champion.metadata.get_input_schema().input_names()
    if missing := [name for name in needed if name not in new_rows]:
        raise DataError.listing(
            "The data", [f"{name}: the champion needs this column" for name in missing]
        )
    return new_rows.assign(prediction=champion.predict(new_rows[needed]))
