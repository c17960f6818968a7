"""Recipes: how a model is made and scored, so that both can be repeated.

A champion outlives the data that it was scored on. When the data change, its recipe is
followed again, and it is compared with a candidate on the same rows.
"""

import hashlib
from statistics import fmean
from typing import Any, NamedTuple

import pandas as pd
from pydantic import BaseModel, ConfigDict

from kedro_dynamic.config.schema import ComparisonSpec, DataSpec, ModelSpec
from kedro_dynamic.models.split import fold_pairs

# The artifact of a model's run.
RECIPE_FILE = "recipe.json"


class Split(NamedTuple):
    """The rows of a run; targets are series, folds the table of the training rows."""

    X_train: pd.DataFrame
    y_train: "pd.Series[Any]"
    X_test: pd.DataFrame
    y_test: "pd.Series[Any]"
    folds: pd.DataFrame


class Recipe(BaseModel):
    """How a model is made, and its scores on one split of the data."""

    model_config = ConfigDict(ser_json_inf_nan="constants", frozen=True)

    model: ModelSpec
    data: DataSpec
    comparison: ComparisonSpec
    random_state: int
    columns: list[str]
    """Names of the raw features and, last, of the target."""

    split_digest: str
    """Digest of the split that the scores belong to."""

    scores: dict[str, list[float]]
    """By name: on each fold; without folds, on each resample of the test rows."""

    test_scores: dict[str, float] = {}
    """By name, without folds only: on all test rows."""

    def score(self, metric: str) -> float:
        """Return the score that people see: of all test rows, or the mean of folds."""
        if metric in self.test_scores:
            return self.test_scores[metric]
        return fmean(self.scores[metric])


def split_digest(split: Split) -> str:
    """Return a digest of the rows and folds of a split, and of the columns' names."""
    digest = hashlib.sha256(repr(list(split.X_train)).encode())
    for part in (split.X_train, split.y_train, split.X_test, split.y_test):
        digest.update(pd.util.hash_pandas_object(part).to_numpy().tobytes())
    for training, validation in fold_pairs(split.folds):
        digest.update(training.tobytes() + validation.tobytes())
    return digest.hexdigest()[:16]
