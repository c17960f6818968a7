"""What MLflow is told of a run, as plain data.

All of it is collected first, and then written: so what a store does not take today is
kept, and written later as the run that it was.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pandas as pd
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from mlflow import MlflowClient
from pydantic import BaseModel, ConfigDict, Field

from ..errors import one_line, redact

Result = TypeVar("Result")


class Outcome(BaseModel):
    """What MLflow is told of one run; times in milliseconds since the epoch."""

    model_config = ConfigDict(ser_json_inf_nan="constants")

    name: str
    start: int
    end: int
    status: str = "FINISHED"
    params: dict[str, str] = {}
    metrics: dict[str, float] = {}
    tags: dict[str, str] = {}
    files: dict[str, str] = {}
    """Their texts, by name."""

    data: list[dict[str, str]] = []
    """Name, digest and path of what the run began with."""

    id: str = ""
    """Of the run in MLflow, once it is there."""

    stays_open: bool = Field(default=False, exclude=True)
    """It is the caller's, who ends it; not if it is written later."""

    sent: bool = False
    models: list["ModelOutcome"] = []


class ModelOutcome(Outcome):
    """What MLflow is told of a model."""

    namespace: str
    reused: bool = False
    """Whether it was there already, and nothing of it has run."""

    entry: Any = Field(default=None, exclude=True)
    """Its ``ModelSpec``, while the run is under way."""


@dataclass
class KedroRun:
    """A run under way, as Kedro tells hooks of it, and the run of MLflow that it is."""

    params: dict[str, Any]
    pipeline: Pipeline
    catalog: DataCatalog
    tags: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Of what it was started from."""

    leaderboard_before: pd.DataFrame | None = field(default=None, init=False)
    client: MlflowClient | None = None
    experiment_id: str = ""
    id: str = ""
    title: str = ""
    """Its name in MLflow."""

    problem: str = ""
    """Why MLflow lacks it, or a part of it."""

    process: int = field(default_factory=os.getpid)
    start: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        made = self.pipeline.all_outputs()
        if "leaderboard" in made and self.catalog.exists("leaderboard"):
            self.leaderboard_before = self.catalog["leaderboard"].load()

    def attempt(self, work: Callable[[MlflowClient], Result]) -> Result | None:
        """Do something with the store, unless it has failed before."""
        if self.client and not self.problem:
            try:
                return work(self.client)
            except Exception as error:
                self.problem = one_line(error)
        return None

    @property
    def name(self) -> str:
        """Name of the run, as kedro-mlflow has it."""
        return "+".join(self.params.get("pipeline_names") or ["__default__"])


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the values that MLflow can hold as metrics."""
    return {
        key: float(value)
        for key, value in values.items()
        if isinstance(value, int | float)
    }


def texts(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested mappings, or schemas, as texts under keys joined with dots."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, BaseModel):
            value = value.model_dump(by_alias=True)
        if isinstance(value, Mapping) and value:
            flat |= texts(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = redact(str(value))
    return flat
