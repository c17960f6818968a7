"""Predicts the target of new rows."""

from typing import Any

import pandas as pd

from kedro_dynamic import DataError


def predict(champion: Any, new_rows: pd.DataFrame) -> pd.DataFrame:
    """Predict the target of new rows.

    Args:
        champion: The model, as MLflow's flavor ``pyfunc`` loads it.
        new_rows: One row per sample, with the columns that the champion was trained on.
            Other columns are passed through.

    Returns:
        The new rows with a column ``prediction``.

    Raises:
        DataError: If a column is missing that the champion was trained on.
    """
    feature_names = champion.metadata.get_input_schema().input_names()
    missing = [name for name in feature_names if name not in new_rows]
    if missing:
        problems = [f"{name}: the champion needs this column" for name in missing]
        raise DataError(*problems)

    predictions = champion.predict(new_rows[feature_names])
    return new_rows.assign(prediction=predictions)
