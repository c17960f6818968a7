"""Recipes: how models were made and judged, so that both can be done again.

On other data than then, the champion's recipe is followed again: it and the candidate
are then judged on the same folds of today's data.
"""

import hashlib
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict

from kedro_dynamic.config.schema import ComparisonSpec, DataSpec, ModelSpec

FILE = "recipe.json"


# X_train, y_train, X_test, y_test; of each y the one column.
Parts = tuple[pd.DataFrame, "pd.Series[Any]", pd.DataFrame, "pd.Series[Any]"]


class Recipe(BaseModel):
    """How a model was made and judged."""

    model_config = ConfigDict(ser_json_inf_nan="constants", frozen=True)

    model: ModelSpec
    data: DataSpec
    comparison: ComparisonSpec
    random_state: int
    columns: list[str]
    """Of the features, raw, and of the target."""

    digest: str
    """Of the data."""

    scores: dict[str, list[float]]
    """By name, on each fold; without folds, what each part of the test rows says."""


def data_digest(parts: Parts) -> str:
    """Return a digest of all rows, and of the names of their columns."""
    digest = hashlib.sha256(repr(list(parts[0])).encode())
    for part in parts:
        digest.update(pd.util.hash_pandas_object(part).to_numpy().tobytes())
    return digest.hexdigest()[:16]
