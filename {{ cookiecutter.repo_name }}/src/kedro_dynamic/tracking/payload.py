"""What MLflow, and people on its pages, are told of a run, as plain data.

All of it is collected first, and then written: so what a store does not take today is
kept, and written later as the run that it was.
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pandas as pd
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from pydantic import BaseModel, ConfigDict, Field

from kedro_dynamic.config.errors import one_line, redact
from kedro_dynamic.config.project import package_name
from kedro_dynamic.runs.provenance import plans

Result = TypeVar("Result")


NOTE = "mlflow.note.content"


ABOUT = {
    # So MLflow opens it on its runs, once *Model training* is chosen on the left.
    "mlflow.experimentKind": "custom_model_development",
    NOTE: "A run for each `kedro run`, and below it one for each model. All on a page: "
    "click the newest run, then *Artifacts*, then `report.html`. The best model so far "
    "is `models:/{package}@champion`.",
}


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
    place: str = ""
    """Where it is to be written later: address, without passwords, and experiment."""

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


def introduce(client: MlflowClient, experiment_id: str) -> None:
    """Say what kind an experiment is of, and describe it, where nobody has."""
    with suppress(MlflowException):  # it may be for others to describe
        known = client.get_experiment(experiment_id).tags
        for key in ABOUT.keys() - known.keys():
            client.set_experiment_tag(
                experiment_id, key, ABOUT[key].format(package=package_name())
            )


def describe(run: KedroRun, outcome: Outcome) -> None:
    """Add to what MLflow is told of a run: best model, its score, counts, notes."""
    told, best = [], _best(run, {one.namespace: one for one in outcome.models})
    for model, score in best:
        told.append(f"**{model.name}** is best: {score} {model.metrics[score]:.3f}")
    if len(best) == 1:
        outcome.tags["winner"] = model.name
        outcome.metrics[score] = model.metrics[score]
        if outcome.name == run.name:  # nobody has named it
            name = f"{run.name.strip('_')}: {model.name} {model.metrics[score]:.3f}"
            outcome.name = outcome.tags["mlflow.runName"] = name
    if outcome.models:
        failed = [one.name for one in outcome.models if one.status == "FAILED"]
        counts = {"models": len(outcome.models), "models_failed": len(failed)}
        outcome.metrics |= counts
        told += [f"{count} {what.replace('_', ' ')}" for what, count in counts.items()]
    outcome.tags[NOTE] = "\n\n".join([*told, f"`{outcome.tags['kedro_command']}`"])
    for one in outcome.models:
        what = f"`{one.entry.class_path}` on {one.tags.get('data', 'data')}"
        one.tags[NOTE] = f"{what}\n\n`{one.tags['kedro_command']}`"


def _best(
    run: KedroRun, models: dict[str, ModelOutcome]
) -> list[tuple[ModelOutcome, str]]:
    """Return the first model of each leaderboard of a run, and the score it is for."""
    best, plan = [], plans[id(run.catalog)]
    made = [(node, name) for node in run.pipeline.nodes for name in node.outputs]
    for node, name in made:
        if name.rpartition(".")[2] == "leaderboard" and plan.made(name):
            board: pd.DataFrame = run.catalog[name].load()
            known = (
                models.get(f"{node.namespace}.{one}") for one in board.get("model", [])
            )
            first = next(filter(None, known), None)
            if first and board.columns[1] in first.metrics:
                best.append((first, board.columns[1]))
    return best
