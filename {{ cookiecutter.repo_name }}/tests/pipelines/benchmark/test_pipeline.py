"""Every model on every data set, as configured and tuned."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner
from kedro_datasets.pandas import CSVDataset

from kedro_dynamic import ConfigurationError, TuningSpec

from {{ cookiecutter.python_package }}.pipelines.benchmark import (
    create_pipelines,
)

Parameters = dict[str, Any]


@pytest.fixture
def benchmark(parameters: Parameters) -> Parameters:
    """Return parameters with two data sets, a third one removed, and one model."""
    data = {"target_column": "kind", "drop": ["id"]}
    datasets = {"small": data, "large": data, "off": None}
    spec = {"datasets": datasets, "models": ["tree"], "tuning": {}}
    return parameters | {"benchmark": spec}


def build(parameters: Parameters, name: str = "benchmark") -> Pipeline:
    """Build one of the pipelines; all of them are registered as functions."""
    create = create_pipelines(parameters)[name]
    assert not isinstance(create, Pipeline)
    return create()


def test_every_data_set_has_a_pipeline(benchmark: Parameters) -> None:
    names = {"benchmark", "benchmark.small", "benchmark.large"}
    assert set(create_pipelines(benchmark)) == names
    assert {"benchmark.scores", "benchmark.ranks"} <= build(benchmark).outputs()


def test_without_its_section_there_is_no_benchmark(parameters: Parameters) -> None:
    assert create_pipelines(parameters) == {}


def test_models_and_data_sets_can_be_selected_by_tag(benchmark: Parameters) -> None:
    del benchmark["benchmark"]["models"]  # so all enabled models are compared
    pipeline = build(benchmark)
    nodes = pipeline.only_nodes_with_tags("tuned").filter(tags=["tree"]).nodes
    assert {node.namespace for node in nodes} == {
        "benchmark.small.tree.tuned",
        "benchmark.large.tree.tuned",
    }
    assert set(build(benchmark, "benchmark.small").nodes) == {
        node for node in pipeline.nodes if "small" in node.tags
    }


def test_an_unknown_model_is_an_error(benchmark: Parameters) -> None:
    benchmark["benchmark"]["models"] = ["tre"]
    message = r"'tre' is not an enabled model in parameters.yml; did you mean 'tree'\?"
    with pytest.raises(ConfigurationError, match=message):
        create_pipelines(benchmark)


def test_a_data_set_runs(
    benchmark: Parameters, catalog: DataCatalog, table: pd.DataFrame, tmp_path: Path
) -> None:
    catalog["benchmark.small.raw"] = table
    catalog["params:benchmark.datasets.small"] = catalog.load("params:data")
    catalog["params:benchmark.tuning"] = TuningSpec(
        trials=2, storage=f"sqlite:///{tmp_path}/studies.db"
    )
    tables = ("trials", "learning_curves", "leaderboard")
    for name in tables:
        file = (tmp_path / f"{name}.csv").as_posix()
        catalog[f"benchmark.small.{name}"] = CSVDataset(filepath=file)
    SequentialRunner().run(build(benchmark, "benchmark.small"), catalog)
    trials, curves, leaderboard = (
        catalog.load(f"benchmark.small.{name}") for name in tables
    )
    assert set(leaderboard["model"]) == {"tree.baseline", "tree.tuned", "baseline"}
    # Without a search space, there is the trial of the model as configured.
    assert trials["model"].tolist() == ["tree"]
    assert set(curves["model"]) == {"tree"}
    tuned = leaderboard.set_index("model").loc["tree.tuned"]
    assert tuned["gain"] == 0
    assert tuned["gain_low"] <= 0
    assert pd.isna(tuned["found"])
