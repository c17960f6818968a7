"""Data and parameters of the tests' own: those of the project may change."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.framework.project import configure_project
from kedro.io import DataCatalog

from kedro_dynamic import read_parameters

# Before the tests are read: they name models, which settings.py has to trust.
configure_project("{{ cookiecutter.python_package }}")


@pytest.fixture
def parameters() -> dict[str, Any]:
    """Return what parameters.yml says in these tests."""
    return {
        "data": {"target_column": "kind", "train_fraction": 0.75, "drop": ["id"]},
        "comparison": {"folds": 3},
        "random_state": 3,
        "models": {
            "tree": {"class": "sklearn.tree.DecisionTreeClassifier"},
            "neighbors": {"class": "sklearn.neighbors.KNeighborsClassifier"},
        },
    }


@pytest.fixture
def table() -> pd.DataFrame:
    """Return 60 rows, 20 of each kind; width and colour tell them apart."""
    table = pd.DataFrame({"id": range(60), "kind": [*"abc"] * 20})
    noise = np.random.default_rng(0).normal(scale=0.3, size=60)
    table["width"] = table["kind"].map({"a": 1, "b": 2, "c": 3}) + noise
    table["colour"] = table["kind"].map({"a": "red", "b": "blue", "c": "blue"})
    table.loc[::10, ["width", "colour"]] = None  # gaps
    return table


@pytest.fixture
def catalog(parameters: dict[str, Any], table: pd.DataFrame) -> DataCatalog:
    """Return the table and the parameters, as nodes take them; the rest is memory."""
    spec = read_parameters(parameters)
    catalog = DataCatalog()
    catalog["example_iris_data"] = table
    catalog["params:models"] = parameters["models"]
    for name in ("data", "comparison", "random_state"):
        catalog[f"params:{name}"] = getattr(spec, name)
    for name, model in spec.models.items():
        catalog[f"params:models.{name}"] = model
    return catalog
