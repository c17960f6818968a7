"""An inference pipeline bound to its training, packed for MLflow, and served."""

from __future__ import annotations

import copy
import json
import logging
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_datasets.pickle import PickleDataset
from kedro_dynamic import ConfigurationError, ModelSpec
from kedro_dynamic.serving import binding
from kedro_dynamic.serving.binding import (
    REQUIREMENTS,
    bind_inference,
    check_artifacts,
    completed_trainings,
    log_model_kwargs,
)
from kedro_dynamic.serving.model import (
    Answers,
    InferenceModel,
    refuse_requests_without_type,
)
from kedro_mlflow.mlflow import KedroPipelineModel
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow.exceptions import MlflowException

PRICES = {"rose": 3.0, "iris": 2.0, "moss": 0.5}


def learn(sales: pd.DataFrame) -> dict[str, float]:
    return dict(sales.groupby("flower")["price"].mean())


def look_up(orders: pd.DataFrame, prices: dict[str, float]) -> pd.Series[float]:
    if orders["flower"].eq("weed").any():
        raise ConfigurationError("row 0 is not a flower")
    time.sleep(0.002)  # long enough for other requests to be answered meanwhile
    return orders["flower"].map(prices)


def bill(orders: pd.DataFrame, net: pd.Series[float], tax: float) -> pd.DataFrame:
    return orders.assign(total=orders["count"] * net * (1 + tax))


LEARN = Node(learn, "sales", "prices", name="learn")
CHECK = Node(len, "prices", "checked", name="check")
ETL = Pipeline([Node(len, "raw", "sales", name="etl")])
TRAINING = Pipeline([LEARN, CHECK])
LOOK_UP = Node(look_up, ["orders", "prices"], "net", name="look_up")
BILL = Node(bill, ["orders", "net", "params:tax"], "bill", name="bill")
INFERENCE = Pipeline([LOOK_UP, BILL])
LEARNS_MORE = Pipeline([Node(look_up, ["orders", "prices"], "faces", name="faces")])


def orders(*flowers: str, count: int = 1) -> pd.DataFrame:
    return pd.DataFrame({"flower": list(flowers), "count": count})


@pytest.fixture
def training() -> PipelineML:
    arguments = {"registered_model_name": "bills"}
    return bind_inference(TRAINING, INFERENCE, "orders", log_model_kwargs=arguments)


@pytest.fixture
def registered(
    training: PipelineML, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Pipeline]:
    """Return the pipelines of a project."""
    pipelines = {"etl": ETL, "training": training, "inference": INFERENCE}
    monkeypatch.setattr(binding, "pipelines", pipelines)
    return pipelines


@pytest.mark.parametrize(
    "combine",
    [
        lambda etl, training: training.filter(),
        # As `kedro run --pipelines etl,training` adds them.
        lambda etl, training: Pipeline([]) + etl + training,
        lambda etl, training: sum([etl, training]),
        lambda etl, training: training + etl,
        lambda etl, training: training | etl,
        lambda etl, training: training.tag("a").only_nodes_with_tags("a"),
        lambda etl, training: Pipeline([etl, training]).from_nodes("etl"),
    ],
)
def test_a_pipeline_with_all_nodes_of_training_logs_the_model(
    combine: Callable[[Pipeline, Pipeline], Pipeline], registered: dict[str, Pipeline]
) -> None:
    pipeline = combine(registered["etl"], registered["training"])
    assert completed_trainings(pipeline) == [registered["training"]]


@pytest.mark.parametrize(
    "select",
    [
        lambda training: training.filter(node_names=["learn"]),
        lambda training: training.to_nodes("learn"),
        lambda training: training.only_nodes("check"),
        lambda training: training - Pipeline([CHECK]),
        lambda training: training & Pipeline([LEARN]),
        lambda training: INFERENCE,
    ],
)
def test_a_part_of_training_logs_no_model(
    select: Callable[[Pipeline], Pipeline],
    registered: dict[str, Pipeline],
    caplog: pytest.LogCaptureFixture,
) -> None:
    pipeline = select(registered["training"])
    assert type(pipeline) is Pipeline
    assert completed_trainings(pipeline) == []
    caplog.set_level(logging.INFO)
    check_artifacts(pipeline, DataCatalog())
    is_of_training = not {*pipeline.nodes} <= {*INFERENCE.nodes}
    assert ("it logs none" in caplog.text) is is_of_training


@pytest.mark.parametrize(
    ("inference", "input_name", "message"),
    [
        (INFERENCE, "order", "input_name='order' but it must"),
        (INFERENCE.only_nodes("bill"), "orders", "free for the inference .* - net"),
        (INFERENCE + LEARNS_MORE, "orders", "with '2' output.*faces"),
    ],
)
def test_pipelines_that_do_not_fit_each_other_are_rejected(
    inference: Pipeline, input_name: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        bind_inference(TRAINING, inference, input_name)
    pattern = f"^The inference pipeline: .*{message}"
    assert re.search(pattern, error.value.message, re.DOTALL)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"type": "MemoryDataset"},
        {"type": "pickle.PickleDataset", "filepath": "memory://prices"},
    ],
)
def test_objects_that_are_not_files_are_named_with_the_entry_to_write(
    entry: dict[str, str], training: PipelineML, registered: dict[str, Pipeline]
) -> None:
    entries = {"prices": entry} if entry else {}
    with pytest.raises(ConfigurationError) as error:
        check_artifacts(training, DataCatalog.from_config(entries))
    assert "prices: is not in a file of this machine" in error.value.message
    file_entry = {
        "type": "pickle.PickleDataset",
        "filepath": "data/06_models/prices.pkl",
    }
    for key, value in file_entry.items():
        assert f"      {key}: {value}" in error.value.message
    check_artifacts(training, DataCatalog.from_config({"prices": file_entry}))


def test_arguments_of_log_model_are_explicit_and_pinned(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "iris").mkdir()
    (tmp_path / "iris/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    nested = {"final_estimator": {"class": "xgboost.XGBClassifier"}}
    entry = {"class": "sklearn.ensemble.StackingClassifier", "model_kwargs": nested}
    # A distribution is not always called what its package is.
    installed = {"xgboost": ["pluggy"]}
    monkeypatch.setattr(binding, "packages_distributions", lambda: installed)
    arguments = log_model_kwargs(
        "bills",
        inputs={"flower": "string"},
        outputs={"total": "double", "note": "string?"},
        example={"flower": "rose"},
        requirements=["scikit-learn"],
        models=[ModelSpec.model_validate(entry)],
    )
    signature = arguments["signature"]
    assert signature.inputs.input_names() == ["flower"]
    assert signature.outputs.input_names() == ["total", "note"]
    assert signature.outputs.required_input_names() == ["total"]
    assert signature.params is None
    assert arguments["input_example"].to_dict("list") == {"flower": ["rose"]}
    pins = dict(pin.split("==") for pin in arguments["pip_requirements"])
    assert {*pins} == {*REQUIREMENTS, "scikit-learn", "pluggy"}
    assert pins == {name: version(name) for name in pins}
    (library,) = arguments["code_paths"][1:]
    assert Path(library, "serving", "model.py").is_file()


def load(model_class: type[KedroPipelineModel], folder: Path) -> KedroPipelineModel:
    """Return a model as MLflow loads it: with its artifacts, from files."""
    artifacts = {name: f"{folder}/{name}.pkl" for name in ("prices", "params:tax")}
    files = {name: PickleDataset(filepath=path) for name, path in artifacts.items()}
    catalog = DataCatalog(files)
    catalog["prices"].save(PRICES)
    catalog["params:tax"].save(0.5)
    model = model_class(INFERENCE, catalog, "orders", copy_mode="assign")
    model.load_context(SimpleNamespace(artifacts=artifacts))
    return model


@pytest.fixture
def model(tmp_path: Path) -> KedroPipelineModel:
    return load(InferenceModel, tmp_path)


@pytest.mark.parametrize("question", [orders("moss", "iris", count=4), orders()])
def test_the_answers_are_those_of_kedro_mlflow(
    question: pd.DataFrame, model: KedroPipelineModel, tmp_path: Path
) -> None:
    expected = load(KedroPipelineModel, tmp_path).predict(None, question)
    pd.testing.assert_frame_equal(model.predict(None, question), expected)
    assert "total" not in question
    assert not model.loaded_catalog["orders"].exists()


def test_rows_become_json_with_null_for_missing_values() -> None:
    table = pd.DataFrame({"a": ["x", None], "b": [float("nan"), 0.5], "c": [1, 2]})
    answers = Answers(table)
    assert json.loads(json.dumps(answers.to_dict(orient="records"))) == [
        {"a": "x", "b": None, "c": 1},
        {"a": None, "b": 0.5, "c": 2},
    ]
    assert answers.to_dict("list")["c"] == table.to_dict("list")["c"]
    assert answers[:0].to_dict("records") == []


def test_a_request_at_fault_gets_the_reason(
    model: KedroPipelineModel,
) -> None:
    with pytest.raises(MlflowException, match="row 0 is not a flower") as error:
        model.predict(None, orders("weed"))
    status = error.value.get_http_status_code()
    assert status == 400


def test_requests_at_the_same_time_get_their_own_answers(
    model: KedroPipelineModel,
) -> None:
    def ask(request: int) -> bool:
        flower = list(PRICES)[request % 3]
        answer = model.predict(None, orders(flower, count=request))
        return bool(answer["total"][0] == request * PRICES[flower] * 1.5)

    with ThreadPoolExecutor(max_workers=8) as threads:
        assert all(threads.map(ask, range(1, 41)))


@pytest.mark.parametrize(
    ("rows", "text", "at_once"), [(1, "rose", 1), (200, "rose", 2), (1, "r" * 10**6, 2)]
)
def test_small_requests_take_turns_and_a_large_one_holds_none_up(
    rows: int, text: str, at_once: int, model: KedroPipelineModel
) -> None:
    under_way, counts = [], []

    def note(orders: pd.DataFrame) -> pd.DataFrame:
        under_way.append(1)
        time.sleep(0.05)
        counts.append(len(under_way))
        under_way.pop()
        return orders

    model = copy.deepcopy(model)
    model.steps = [(note, [model.input_name], [model.output_name])]
    with ThreadPoolExecutor(2) as clients:
        requests = [orders("rose"), pd.concat([orders(text)] * rows)]
        list(clients.map(lambda request: model.predict(None, request), requests))
    assert max(counts) == at_once


def test_no_node_logs_while_a_request_is_answered(
    model: KedroPipelineModel, caplog: pytest.LogCaptureFixture
) -> None:
    def logged() -> int:
        names = [record.name for record in caplog.records]
        return names.count("kedro.pipeline.node")

    caplog.set_level(logging.INFO)
    model.predict(None, orders("rose"))
    with pytest.raises(KeyError):
        model.predict(None, pd.DataFrame({"fruit": ["fig"]}))
    assert logged() == 0
    LOOK_UP.run({"orders": orders("rose"), "prices": PRICES})
    assert logged() > 0


def test_the_server_refuses_a_request_without_a_type(
    model: KedroPipelineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.pyfunc import scoring_server

    answer = getattr(scoring_server.invocations, "__wrapped__", None)
    answer = answer or scoring_server.invocations
    monkeypatch.setattr(scoring_server, "invocations", answer)
    with pytest.raises(AttributeError):  # without it, the change is not needed
        answer(b"{}", None, model, None)
    for _ in range(2):  # a process may load several models
        refuse_requests_without_type()
    assert getattr(scoring_server.invocations, "__wrapped__", None) is answer
    assert scoring_server.invocations(b"{}", None, model, None).status == 415
