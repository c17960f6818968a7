"""Data and parameters for the tests, so that the project's own may change."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.framework.project import configure_project
from kedro.io import DataCatalog

from kedro_dynamic import read_parameters

# Before pytest imports the tests, which name classes that settings.py must trust.
configure_project("{{ cookiecutter.python_package }}")


@pytest.fixture
def parameters() -> dict[str, Any]:
    """Return parameters as in ``parameters.yml``."""
    return {
        "data": {
            "table": "flowers",
            "target_column": "kind",
            "train_fraction": 0.75,
            "drop": ["id"],
        },
        "comparison": {"folds": 3},
        "random_state": 3,
        "predict": {"table": "march"},
        "models": {
            "tree": {"class": "sklearn.tree.DecisionTreeClassifier"},
            "neighbors": {"class": "sklearn.neighbors.KNeighborsClassifier"},
        },
    }


@pytest.fixture
def table() -> pd.DataFrame:
    """Return 60 rows, 20 of each kind, which width and colour tell apart."""
    table = pd.DataFrame({"id": range(60), "kind": [*"abc"] * 20})
    noise = np.random.default_rng(0).normal(scale=0.3, size=60)
    table["width"] = table["kind"].map({"a": 1, "b": 2, "c": 3}) + noise
    table["colour"] = table["kind"].map({"a": "red", "b": "blue", "c": "blue"})
    table.loc[::10, ["width", "colour"]] = None  # missing values
    return table


@pytest.fixture
def catalog(parameters: dict[str, Any], table: pd.DataFrame) -> DataCatalog:
    """Return a catalog with the table and the parameters, typed as nodes read them."""
    spec = read_parameters(parameters)
    catalog = DataCatalog()
    catalog["flowers"] = table
    catalog["params:models"] = parameters["models"]
    catalog["params:data"] = spec.data
    catalog["params:comparison"] = spec.comparison
    catalog["params:comparison.folds"] = spec.comparison.folds
    catalog["params:tuning"] = spec.tuning
    catalog["params:random_state"] = spec.random_state
    for name, model in spec.models.items():
        catalog[f"params:models.{name}"] = model
    return catalog
