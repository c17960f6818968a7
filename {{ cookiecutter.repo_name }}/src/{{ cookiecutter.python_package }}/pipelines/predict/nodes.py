"""Predicts with a registered model."""

from typing import Any

import pandas as pd


def predict(champion: Any, new_data: pd.DataFrame) -> pd.DataFrame:
    """Predict the target of new rows.

    Args:
        champion: A model of MLflow's flavor ``pyfunc``, which checks the columns.
        new_data: The features the model was trained on, one row per sample.

    Returns:
        The rows with the column ``prediction`` added.
    """
    return new_data.assign(prediction=champion.predict(new_data))
