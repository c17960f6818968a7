"""Models as MLflow logs and loads them: formats, requirements and code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from kedro_dynamic import DataSpec, ModelSpec, build_model
from kedro_dynamic.champion.serialize import log_model
from mlflow import MlflowClient
from sklearn.tree import DecisionTreeClassifier

from library.mlflow_store import open_run

TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})
DATA = DataSpec(target_column="kind")
ROWS = pd.DataFrame(
    {"legs": [4, 2] * 20, "weight": [0.5, 1.5] * 20, "fur": ["long", "none"] * 20}
)
KIND = pd.Series(["cat", "bird"] * 20, name="kind")


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    """Open a run in a new store, which models are logged to."""
    with open_run(tmp_path_factory.mktemp("store")) as client:
        yield client


# What a model needs of MLflow is its file and its code. MLflow itself needs pydantic.
PREDICT = """
import json, pickle, sys
from pathlib import Path

for name in ("click", "kedro", "kedro_mlflow", "mlflow", "omegaconf", "pydantic"):
    sys.modules[name] = None  # as if it were not installed
folder = Path(sys.argv[1])
sys.path.insert(0, str(folder / "code"))

import pandas as pd
from skops import io

file = folder / "model.skops"
if file.exists():
    model = io.load(file, trusted=io.get_untrusted_types(file=file))
else:
    model = pickle.loads((folder / "model.pkl").read_bytes())
print(json.dumps(model.predict(pd.DataFrame({"legs": [4, 2]})).tolist()))
"""

PREDICT_BY_MLFLOW = """
import json, sys

for name in ("kedro", "kedro_mlflow"):
    sys.modules[name] = None  # as if it were not installed

import mlflow
import pandas as pd

model = mlflow.pyfunc.load_model(sys.argv[1])
print(json.dumps(model.predict(pd.DataFrame({"legs": [4, 2]})).tolist()))
"""


def fit_tree() -> Any:
    """Return a tree with its encoder, fitted to the rows."""
    return build_model(TREE, DATA, ROWS, KIND, 3).fit(ROWS, KIND)


def test_cells_of_the_example_that_are_new_are_worth_no_warning(
    recwarn: pytest.WarningsRecorder,
) -> None:
    log_model(fit_tree(), ROWS.assign(fur="curly"))
    assert not [entry for entry in recwarn if "curly" in str(entry.message)]


def test_a_logged_model_takes_new_rows_as_they_come() -> None:
    info = log_model(fit_tree(), ROWS)
    model = mlflow.pyfunc.load_model(info.model_uri)
    assert model.metadata.flavors["sklearn"]["serialization_format"] == "skops"
    assert model.metadata.signature.outputs
    assert model.predict(ROWS).tolist() == KIND.tolist()
    # Read from a file, integers with missing values are floats, and floats that happen
    # to be whole are integers.
    missing = pd.DataFrame(
        {"legs": [4, None], "weight": [1, 2], "fur": ["long", None], "more": [0, 0]}
    )
    assert missing["legs"].dtype == float
    assert len(model.predict(missing)) == 2
    assert len(model.predict(missing.assign(fur=[np.nan, np.nan]).astype({"fur": str})))
    unseen = ROWS.head(1).assign(fur="curly")
    assert model.predict(unseen).tolist() == ["cat"]


def test_requirements_are_pinned_and_code_goes_along_where_it_is_needed() -> None:
    from kedro_dynamic.models.labels import LabelEncodedClassifier

    model = LabelEncodedClassifier(DecisionTreeClassifier()).fit(ROWS[["legs"]], KIND)
    info = log_model(model, ROWS[["legs"]])
    folder = Path(mlflow.artifacts.download_artifacts(info.model_uri))
    required = (folder / "requirements.txt").read_text().splitlines()
    assert {line.partition("==")[0] for line in required} >= {"mlflow", "scikit-learn"}
    assert all("==" in line for line in required)
    assert list((folder / "code").rglob("encoder.py"))
    bare_tree = DecisionTreeClassifier().fit(ROWS[["legs"]], KIND)
    assert log_model(bare_tree, ROWS[["legs"]]).flavors["sklearn"]["code"] is None


def test_a_model_that_skops_cannot_store_is_pickled() -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    model = make_pipeline(FunctionTransformer(lambda X: X), DecisionTreeClassifier())
    info = log_model(model.fit(ROWS[["legs"]], KIND), ROWS[["legs"]])
    assert info.flavors["sklearn"]["serialization_format"] == "cloudpickle"


@pytest.mark.parametrize(
    ("script", "skops"),
    [(PREDICT, True), (PREDICT, False), (PREDICT_BY_MLFLOW, True)],
    ids=["skops", "pickle", "MLflow"],
)
def test_a_model_answers_without_kedro(script: str, skops: bool) -> None:
    from kedro_dynamic.models.labels import LabelEncodedClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    function = None if skops else lambda X: X
    model = make_pipeline(
        FunctionTransformer(function), LabelEncodedClassifier(DecisionTreeClassifier())
    )
    X = ROWS[["legs"]]
    info = log_model(model.fit(X, KIND), X)
    folder = mlflow.artifacts.download_artifacts(info.model_uri)
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", script, folder],
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == '["cat", "bird"]', done.stderr


def test_columns_that_a_model_does_not_use_are_optional(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Each row has a code of its own: the column is not used.
    X = ROWS.assign(code=[f"x{number}y" for number in range(len(ROWS))])
    model = build_model(TREE, DATA, X, KIND, 3).fit(X, KIND)
    info = log_model(model, X, left_out=["id"])
    logged = mlflow.pyfunc.load_model(info.model_uri)
    answers = logged.predict(ROWS).tolist()
    assert answers == KIND.tolist()
    assert logged.predict(X.assign(id=7)).tolist() == answers
    assert "extra inputs" not in caplog.text
    with pytest.raises(mlflow.MlflowException, match="missing inputs"):
        logged.predict(X.drop(columns="legs"))

    # Without an encoder, an estimator takes exactly the columns it was fitted to.
    bare_model = DecisionTreeClassifier().fit(ROWS[["legs", "weight"]], KIND)
    info = log_model(bare_model, ROWS[["legs", "weight"]], left_out=["id"])
    assert info.signature.inputs.required_input_names() == ["legs", "weight"]
    assert info.signature.inputs.optional_input_names() == []
