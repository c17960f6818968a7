"""The schema of ``parameters_benchmark.yml``: data sets, models, tuning."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from ...errors import ConfigurationError, did_you_mean, empty_if_none, schema_problems
from ..models.specs import CheckedSpec, enabled_models, name_problems

FILE = "parameters_benchmark.yml"
ADDRESS = (
    "address of an SQL database, such as sqlite:////folder/studies.db or "
    "postgresql://host/studies"
)
# The tags of what is done; data sets and models have tags of their own names.
STAGES = ("split", "baseline", "tune", "train", "report")


class DatasetSpec(BaseModel):
    """One data set: an entry below ``datasets:``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: str = Field(min_length=1)
    """Name of the column to predict."""

    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    """Share of the rows to test on."""

    drop: list[str] = []
    """Columns to leave out, such as row numbers and dates."""

    positive_class: bool | int | float | str | None = None
    """The class whose precision, recall and ROC AUC are of interest, if one is."""

    enabled: bool = True
    """False takes the data set out of every pipeline."""


class TuningSpec(CheckedSpec):
    """How models are tuned."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trials: int = Field(default=20, ge=1)
    """How many a study shall have; those of earlier runs count."""

    timeout: float | None = Field(default=None, gt=0)
    """Seconds after which no trial of a study is begun, in one run."""

    folds: int = Field(default=5, ge=2)
    scoring: str = Field(default="accuracy", min_length=1)
    """A name of scikit-learn's for a score; higher is better in all of them."""

    random_state: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the folds and of the search."""

    storage: str | None = None
    """Address of a database, as Optuna writes it."""

    @field_validator("storage")
    @classmethod
    def _is_kept(cls, storage: str | None) -> str | None:
        """Refuse what is no address, and a database that ends with its process."""
        is_address = re.match(r"[a-z]\w*(\+\w+)?://.*[^/]", storage or "")
        if storage and (not is_address or ":memory:" in storage):
            raise PydanticCustomError("storage", f"write the {ADDRESS}")
        return storage or None

    def find_problems(self, key: str) -> list[str]:
        """Check that scikit-learn has the score."""
        from sklearn.metrics import get_scorer_names

        names = get_scorer_names()
        if self.scoring in names:
            return []
        return [
            f"{key}.scoring: '{self.scoring}' is no score of scikit-learn"
            f"{did_you_mean(self.scoring, names) or ', such as accuracy or f1_macro'}"
        ]


class BenchmarkSpec(BaseModel):
    """All that stands below ``benchmark:``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    datasets: dict[str, DatasetSpec] = Field(min_length=1)

    models: Annotated[list[str], empty_if_none(list)] = []
    """Names of models in ``parameters.yml``; none for all that are enabled."""

    tuning: TuningSpec


def datasets_and_models(parameters: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Check the parameters' shape and return what the study is over.

    Args:
        parameters: All parameters, as read from YAML.

    Returns:
        The names of the enabled data sets and of their models, in the order of the
        files. A model that is named here and disabled there is left out.

    Raises:
        ConfigurationError: Lists every problem found, each with its key.
    """
    enabled = enabled_models(parameters)
    problems = schema_problems(BenchmarkSpec, parameters["benchmark"], "benchmark")
    if problems:
        raise ConfigurationError.listing(FILE, problems)
    spec = BenchmarkSpec.model_validate(parameters["benchmark"])
    datasets = [name for name, entry in spec.datasets.items() if entry.enabled]
    named = dict.fromkeys(spec.models or enabled)
    models = [name for name in named if name in enabled]
    problems = [
        *_dataset_problems(list(spec.datasets)),
        *_model_problems(spec.models, list(parameters["models"])),
        *_tag_problems(datasets, models),
    ]
    if not datasets:
        problems.append("benchmark.datasets: every one has 'enabled: false'")
    if not models and not problems:
        problems.append("benchmark.models: every one is disabled in parameters.yml")
    if problems:
        raise ConfigurationError.listing(FILE, problems)
    return datasets, models


def _dataset_problems(names: Sequence[str]) -> list[str]:
    """Return what is wrong with the names of data sets."""
    return [
        problem
        for name in names
        for problem in name_problems(name, f"benchmark.datasets.{name}", "data")
    ]


def _model_problems(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return which models are none."""
    return [
        f"benchmark.models: '{name}' is no model of parameters.yml"
        f"{did_you_mean(name, known) or '; there are ' + ', '.join(known)}"
        for name in names
        if name not in known
    ]


def _tag_problems(datasets: Sequence[str], models: Sequence[str]) -> list[str]:
    """Return which names would be ambiguous as tags."""
    return [
        f"benchmark.datasets.{name}: the tag '{name}' means a "
        f"{'model' if name in models else 'stage'}; write another name, such as "
        f"'{name}_data'"
        for name in datasets
        if name in models or name in STAGES
    ] + [
        f"benchmark.models: the tag '{name}' means a stage; rename the model in "
        f"parameters.yml, for instance to '{name}_model'"
        for name in models
        if name in STAGES
    ]
