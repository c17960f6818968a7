"""The registered pipelines of the family, and a slice of them on data in memory."""

import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from sklearn.datasets import load_iris

from {{ cookiecutter.python_package }}.pipelines.models.pipeline import (
    create_pipelines,
)
from {{ cookiecutter.python_package }}.pipelines.models.specs import ModelSpec

TREE = {"class": "sklearn.tree.DecisionTreeClassifier"}
PARAMETERS = {
    "train_fraction": 0.8,
    "random_state": 3,
    "target_column": "target",
    "models": {"tree": TREE, "svm": {"class": "sklearn.svm.SVC"}},
}
CATALOG = DataCatalog()
CATALOG["parameters"] = PARAMETERS
PIPELINES = create_pipelines(CATALOG)


@pytest.mark.parametrize(
    ("name", "nodes"),
    [
        ("split_data", {"split_data"}),
        (
            "models.tree",
            {"split_data", "models.tree.fit_model", "models.tree.score_model"},
        ),
        (
            "__default__",
            {node.name for node in PIPELINES["models"].nodes} | {"split_data"},
        ),
    ],
)
def test_nodes(name: str, nodes: set[str]) -> None:
    assert {node.name for node in PIPELINES[name].nodes} == nodes


def test_there_is_a_pipeline_per_model_and_a_comparison_of_all() -> None:
    assert PIPELINES.keys() == {
        "__default__",
        "split_data",
        "models",
        "models.tree",
        "models.svm",
    }
    assert PIPELINES["models"].outputs() >= {"leaderboard", "leaderboard_plot"}


def test_one_model_runs_on_its_own() -> None:
    catalog = DataCatalog()
    catalog["example_iris_data"] = load_iris(as_frame=True).frame
    catalog["params:models.tree"] = ModelSpec.model_validate(TREE)
    for name in ("train_fraction", "random_state", "target_column"):
        catalog[f"params:{name}"] = PARAMETERS[name]
    SequentialRunner().run(PIPELINES["models.tree"], catalog)
    assert catalog["models.tree.model_score"].load() > 0.8
