"""What a run leaves in MLflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kedro_dynamic.tracking import writer
from kedro_dynamic.tracking.payload import Payload, flatten
from mlflow import MlflowClient

from library.mlflow_store import open_run
from library.test_payload import TwoModels


def children_of(client: MlflowClient, parent: Any) -> dict[str, Any]:
    """Return the runs below a run, by model."""
    query = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    found = client.search_runs([parent.info.experiment_id], query)
    children = {child.data.tags["model"]: child for child in found}
    assert len(children) == len(found)
    return children


def test_runs_in_the_store(tmp_path: Path) -> None:
    with open_run(tmp_path) as client:
        run = TwoModels(tmp_path, client)
        run.write("a", model_score=0.9, fit_seconds=900.0)
        run.write("b", error="ValueError: no", traceback="at http://me:pw@host")
        payload = run.payload()
        experiment = run.run.mlflow.experiment_id
        writer.write_run(client, experiment, payload, stays_open=False)
        parent = client.get_run(run.run.mlflow.id)
        children = children_of(client, parent)
        parameters = client.download_artifacts(run.run.mlflow.id, "parameters.yml")
    assert parent.data.metrics == {}
    assert parent.data.params == {"random_state": "3"}
    assert Path(parameters).read_text() == "random_state: 3\nmodels:\n  a: {}\n"
    assert parent.inputs
    (data,) = parent.inputs.dataset_inputs
    assert data.dataset.name == "raw"
    assert json.loads(data.dataset.source) == {"uri": "raw.json"}
    assert len(data.dataset.digest) == 32
    assert children["a"].data.params == {
        "class": "DecisionTreeClassifier",
        "model_kwargs.max_depth": "1",
        "random_state": "3",
    }
    assert children["a"].data.tags.items() >= {
        ("model", "a"),
        ("namespace", "models.a"),
        ("kedro_command", "kedro run --pipelines models.a"),
        ("data", "raw.json"),
        ("data_digest", data.dataset.digest),
    }
    # However long ago it was fitted.
    assert children["a"].info.start_time >= parent.info.start_time
    assert children["b"].info.status == "FAILED"
    assert children["b"].data.tags["traceback"] == "at http://***@host"


def test_a_run_holds_what_mlflow_itself_would_refuse(tmp_path: Path) -> None:
    odd = {"setosa>50K": 2, "setosa<50K": 1, "a//b": 3, "../c": 4, "": 5}
    given = flatten({"class_weight": odd, "x" * 300: "y" * 9000})
    many = {str(number): float(number) for number in range(1100)}
    with open_run(tmp_path) as client:
        run_id = client.create_run("0").info.run_id
        payload = Payload(name="", start=0, end=1, id=run_id, params=given)
        payload.metrics = {"%": 1} | many
        writer._log_batches(client, payload, {"a": "b"})
        data = client.get_run(run_id).data
    assert len(data.metrics) == 1101
    assert data.params["class_weight.setosa_50K"] == "2"
    assert data.params["class_weight.setosa_50K_"] == "1"
    assert max(map(len, data.params.values())) == writer.MAX_LENGTH
    assert len(data.params) == 6
