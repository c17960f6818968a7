"""The model that answers requests, beside kedro-mlflow's own."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_datasets.pickle import PickleDataset
from kedro_mlflow.mlflow import KedroPipelineModel
from mlflow.exceptions import MlflowException

from {{ cookiecutter.python_package }}.inference_model import InferenceModel

NODES = "kedro.pipeline.node"
PRICES = {"rose": 3.0, "iris": 2.0, "moss": 0.5}


def look_up(orders: pd.DataFrame, prices: dict[str, float]) -> pd.Series:
    # Long enough for other requests to be answered meanwhile.
    time.sleep(0.002)
    return orders["flower"].map(prices)


def add_tax(net: pd.Series, tax: float) -> pd.Series:
    return net * (1 + tax)


def bill(orders: pd.DataFrame, gross: pd.Series) -> pd.DataFrame:
    return orders.assign(total=orders["count"] * gross)


PIPELINE = Pipeline(
    [
        Node(look_up, ["orders", "prices"], "net", name="look_up"),
        Node(add_tax, ["net", "params:tax"], "gross", name="add_tax"),
        Node(bill, ["orders", "gross"], "bill", name="bill"),
    ]
)


def orders(*flowers: str, count: int = 1) -> pd.DataFrame:
    return pd.DataFrame({"flower": list(flowers), "count": count})


@pytest.fixture(params=["assign", "deepcopy"])
def copy_mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def load(
    model_class: type[KedroPipelineModel], folder: Path, copy_mode: str = "assign"
) -> KedroPipelineModel:
    """Return a model as MLflow loads it: with its artifacts, from files."""
    catalog = DataCatalog(
        {
            name: PickleDataset(filepath=f"{folder}/{name}.pkl")
            for name in ("prices", "params:tax")
        }
    )
    catalog["prices"].save(PRICES)
    catalog["params:tax"].save(0.5)
    model = model_class(PIPELINE, catalog, "orders", copy_mode=copy_mode)
    artifacts = {
        name: f"{folder}/{name}.pkl" for name in PIPELINE.inputs() - {"orders"}
    }
    model.load_context(SimpleNamespace(artifacts=artifacts))
    return model


@pytest.fixture
def model(tmp_path: Path) -> KedroPipelineModel:
    return load(InferenceModel, tmp_path)


@pytest.mark.parametrize(
    "asked",
    [orders("rose"), orders("moss", "iris", "rose", count=4), orders()],
    ids=["one row", "three rows", "no rows"],
)
def test_the_answers_are_those_of_kedro_mlflow(
    asked: pd.DataFrame, tmp_path: Path, copy_mode: str
) -> None:
    answers = [
        load(model_class, tmp_path, copy_mode).predict(None, asked)
        for model_class in (InferenceModel, KedroPipelineModel)
    ]
    pd.testing.assert_frame_equal(*answers)
    assert len(answers[0]) == len(asked)
    assert "total" not in asked


def test_requests_at_the_same_time_get_their_own_answers(
    model: KedroPipelineModel,
) -> None:
    def ask(request: int) -> bool:
        flower = list(PRICES)[request % 3]
        answer = model.predict(None, orders(flower, count=request))
        expected = orders(flower, count=request).assign(
            total=request * PRICES[flower] * 1.5
        )
        return bool(answer.equals(expected))

    with ThreadPoolExecutor(max_workers=8) as threads:
        assert list(threads.map(ask, range(1, 41))) == [True] * 40


def test_a_request_leaves_nothing_behind(model: KedroPipelineModel) -> None:
    catalog = model.loaded_catalog
    names = set(catalog.keys())
    fitted = {name: catalog[name].load() for name in ("prices", "params:tax")}
    model.predict(None, orders("rose"))
    assert set(catalog.keys()) == names
    assert not catalog["orders"].exists()
    assert {name: catalog[name].load() for name in fitted} == fitted
    assert fitted["prices"] == PRICES


def test_what_was_fitted_is_not_copied_for_a_request(
    model: KedroPipelineModel,
) -> None:
    class Uncopied(dict[str, float]):
        def __deepcopy__(self, memo: object) -> None:
            raise AssertionError

    model.loaded_catalog["prices"].save(Uncopied(PRICES))
    assert model.predict(None, orders("rose"))["total"].tolist() == [4.5]


def test_parameters_of_a_request_are_refused(model: KedroPipelineModel) -> None:
    with pytest.raises(MlflowException, match="takes no parameters, but tax were"):
        model.predict(None, orders("rose"), params={"tax": 0.1})
    assert model.predict(None, orders("rose"), params={})["total"].tolist() == [4.5]


def test_no_node_logs_while_a_request_is_answered(
    model: KedroPipelineModel, caplog: pytest.LogCaptureFixture
) -> None:
    def node_logs() -> bool:
        caplog.clear()
        PIPELINE.nodes[0].run({"orders": orders("rose"), "prices": PRICES})
        return NODES in {record.name for record in caplog.records}

    caplog.set_level(logging.INFO)
    assert node_logs()
    caplog.clear()
    model.predict(None, orders("rose"))
    assert not [record for record in caplog.records if record.name == NODES]
    assert node_logs()
    # After a request that fails, too.
    with pytest.raises(KeyError):
        model.predict(None, pd.DataFrame({"fruit": ["fig"]}))
    assert node_logs()


def test_other_threads_log_on_meanwhile(
    model: KedroPipelineModel, caplog: pytest.LogCaptureFixture
) -> None:
    asked, logged = Event(), Event()

    class Waiting(dict[str, float]):
        def __missing__(self, flower: str) -> float:
            asked.set()
            assert logged.wait(timeout=10)
            return 1.0

    caplog.set_level(logging.INFO)
    model.loaded_catalog["prices"].save(Waiting())
    with ThreadPoolExecutor(max_workers=1) as server:
        answer = server.submit(model.predict, None, orders("rose"))
        assert asked.wait(timeout=10)
        PIPELINE.nodes[0].run({"orders": orders("rose"), "prices": PRICES})
        logged.set()
        assert answer.result()["total"].tolist() == [1.5]
    threads = {record.threadName for record in caplog.records if record.name == NODES}
    assert threads == {"MainThread"}
