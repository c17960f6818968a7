"""Recipes: how a model is made and scored, so that both can be repeated.

A champion outlives the data that it was scored on. When the data change, its recipe is
followed again, and it is compared with a candidate on the same rows.
"""

import hashlib
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, field_serializer, field_validator

from kedro_dynamic.config.schema import ComparisonSpec, DataSpec, ModelSpec
from kedro_dynamic.config.source import digest_named_code
from kedro_dynamic.models.split import fold_pairs

# The artifact of a model's run.
RECIPE_FILE = "recipe.json"

ARGUMENTS = "model_kwargs"


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

    data_digest: str = ""
    """Digest of the table that the model was fitted to."""

    code_digest: str = ""
    """Digest of the code that fitted the model."""

    def score(self, metric: str) -> float:
        """Return the score that people see: of all test rows, or the mean of folds."""
        if metric in self.test_scores:
            return self.test_scores[metric]
        return fmean(self.scores[metric])

    def makes_the_same(self, other: "Recipe") -> bool:
        """Return True if both recipes make the same model of the same data."""
        # As texts, in which a missing value equals itself.
        texts = [
            recipe.model_dump_json(include={"model", "data"})
            for recipe in (self, other)
        ]
        return texts[0] == texts[1]

    @field_serializer("model", when_used="json")
    def _write_model(self, model: ModelSpec) -> dict[str, Any]:
        """Write arguments as YAML: JSON would turn the keys of mappings into texts."""
        entry = model.model_dump(by_alias=True, exclude={"search_space"})
        arguments = yaml.safe_dump(entry[ARGUMENTS], sort_keys=False)
        return {**entry, ARGUMENTS: arguments}

    @field_validator("model", mode="before")
    @classmethod
    def _read_model(cls, model: Any) -> Any:
        """Read arguments that are written as YAML."""
        if isinstance(model, dict) and isinstance(model.get(ARGUMENTS), str):
            return {**model, ARGUMENTS: yaml.safe_load(model[ARGUMENTS])}
        return model


def recipe_entry(model: ModelSpec) -> ModelSpec:
    """Return a model's entry without what looks for its arguments."""
    return model.model_copy(update={"search_space": {}, "trials": 0})


def split_digest(split: Split) -> str:
    """Return a digest of the rows and folds of a split, and of the columns' names."""
    digest = hashlib.sha256(repr(list(split.X_train)).encode())
    for part in (split.X_train, split.y_train, split.X_test, split.y_test):
        digest.update(pd.util.hash_pandas_object(part).to_numpy().tobytes())
    for training, validation in fold_pairs(split.folds):
        digest.update(training.tobytes() + validation.tobytes())
    return digest.hexdigest()[:16]


def table_digest(split: Split, data: DataSpec) -> str:
    """Return a digest of the rows that are split, in any order, and how they are read.

    Another seed splits the same table otherwise, and leaves the digest as it is.
    """
    facts = [*split.X_train, split.y_train.name, sorted(data.columns.items())]
    digest = hashlib.sha256(repr(facts).encode())
    rows = []
    for X, y in ((split.X_train, split.y_train), (split.X_test, split.y_test)):
        hashes = [pd.util.hash_pandas_object(part, index=False) for part in (X, y)]
        rows.append(hashes[0].to_numpy() * np.uint64(31) + hashes[1].to_numpy())
    digest.update(np.sort(np.concatenate(rows)).tobytes())
    return digest.hexdigest()[:16]


def own_code_digest(model: ModelSpec, data: DataSpec, fit_digest: str) -> str:
    """Return a digest of the project's own code that fits a model.

    Args:
        model: The model, which may be of a class of the project.
        data: May name a function that prepares rows.
        fit_digest: Of the module of the node that fits models.
    """
    named = digest_named_code(model.model_dump_json() + data.model_dump_json())
    return hashlib.sha256(f"{fit_digest}{named}".encode()).hexdigest()[:16]
