"""Every data set by every model, as configured and tuned."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from kedro_dynamic import (
    ConfigurationError,
    TuningSpec,
)

from {{ cookiecutter.python_package }}.pipelines.benchmark import (
    create_pipelines,
)

Parameters = dict[str, Any]


@pytest.fixture
def benchmark(parameters: Parameters) -> Parameters:
    """Return parameters with two data sets, one left out, and one model of two."""
    data = {"target_column": "kind", "drop": ["id"]}
    datasets = {"small": data, "large": data, "off": None}
    spec = {"datasets": datasets, "models": ["tree"], "tuning": {}}
    return parameters | {"benchmark": spec}


def build(benchmark: Parameters, name: str = "benchmark") -> Pipeline:
    created = create_pipelines(benchmark)[name]
    return created if isinstance(created, Pipeline) else created()


def test_every_data_set_has_a_pipeline(benchmark: Parameters) -> None:
    names = {"benchmark", "benchmark.small", "benchmark.large"}
    assert set(create_pipelines(benchmark)) == names
    assert {"benchmark.scores", "benchmark.ranks"} <= build(benchmark).outputs()


def test_models_that_are_not_there(benchmark: Parameters) -> None:
    benchmark["benchmark"]["models"] = ["tre"]
    with pytest.raises(ConfigurationError, match="'tre' is no enabled model"):
        create_pipelines(benchmark)


def test_one_data_set_runs(
    benchmark: Parameters, catalog: DataCatalog, table: pd.DataFrame, tmp_path: Path
) -> None:
    storage = f"sqlite:///{tmp_path}/studies.db"
    catalog["benchmark.small.raw"] = table
    catalog["params:benchmark.datasets.small"] = catalog.load("params:data")
    catalog["params:benchmark.tuning"] = TuningSpec(
        trials=2, folds=2, storage=storage
    )
    outputs = [f"benchmark.small.{name}" for name in ("leaderboard", "trials")]
    pipeline = build(benchmark, "benchmark.small").to_outputs(*outputs)
    made = SequentialRunner().run(pipeline, catalog)
    leaderboard, trials = (made[name].load() for name in outputs)
    assert set(leaderboard["model"]) == {"tree.baseline", "tree.tuned", "baseline"}
    assert trials["model"].tolist() == ["tree"]  # which has nothing to look for
