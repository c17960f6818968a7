"""A model that fails does not stop the others."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro.validation import TypeExtractor
from kedro_dynamic.config.errors import ConfigurationError, DataError
from kedro_dynamic.config.schema import DataSpec
from kedro_dynamic.hooks import RunHook
from kedro_dynamic.runs.failures import (
    FailureCatcher,
    is_failure,
    keep_going,
)

FAILURE = {"error": "ValueError: no", "traceback": "..."}


def divide(whole: float, by: float) -> float:
    """Divide."""
    return whole / by


def split(whole: float) -> tuple[float, float]:
    return 1 / whole, 2 / whole


def named(whole: float) -> dict[str, float]:
    return {"half": 1 / whole}


def typed(table: Any, data: DataSpec) -> str:
    return str(data.target_column)


def raising(error: BaseException) -> Any:
    def function(_: Any) -> None:
        raise error

    return FailureCatcher(function, "x")


@pytest.mark.parametrize("error", [ValueError("no  \n way"), SystemExit(3)])
def test_an_error_becomes_a_failure(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    failure = raising(error)(1)
    assert is_failure(failure)
    expected = {"ValueError": "ValueError: no way", "SystemExit": "SystemExit: 3"}
    assert failure["error"] == expected[type(error).__name__]
    assert "in function" in failure["traceback"]
    assert "function failed, the others go on: " in caplog.text


@pytest.mark.parametrize(
    "error", [ConfigurationError("a"), DataError("b"), KeyboardInterrupt()]
)
def test_what_concerns_the_whole_run_passes(error: BaseException) -> None:
    with pytest.raises(type(error)):
        raising(error)(1)


def test_a_failure_takes_the_place_of_every_output() -> None:
    failed = FailureCatcher(split, ["a", "b"])(0)
    assert [is_failure(value) for value in failed] == [True, True]
    by_name = FailureCatcher(named, {"half": "a.half"})(0)
    assert is_failure(by_name["half"])
    assert is_failure(FailureCatcher(split, ["a"])(0)[0])


def test_a_failure_is_passed_on_as_it_is() -> None:
    assert FailureCatcher(divide, "x")(FAILURE, 1) is FAILURE
    assert FailureCatcher(divide, "x")(1, by=FAILURE) is FAILURE
    assert FailureCatcher(split, ["a", "b"])(FAILURE) == [FAILURE, FAILURE]


def test_a_partial_may_fail_as_well() -> None:
    assert is_failure(FailureCatcher(partial(divide, by=0), "x")(1))


def test_kedro_sees_the_function_itself() -> None:
    nodes = [
        Node(typed, ["table", "params:data"], "x", name="first", tags="mine"),
        Node(split, "x", ["a", "b"], confirms="a"),
    ]
    pipeline = keep_going(Pipeline(nodes))
    first, second = pipeline.nodes
    assert (first.name, first.tags) == ("first", {"mine", "keep_going"})
    assert (first.func.__name__, second.func.__doc__) == ("typed", None)
    assert second.confirms == ["a"]
    assert (first.inputs, second.outputs) == (["table", "params:data"], ["a", "b"])
    assert inspect.getsourcefile(first.func) == __file__
    found = TypeExtractor({"a": pipeline}).extract_types_from_pipelines()
    assert found == {"data": DataSpec}


def test_the_others_go_on() -> None:
    one = Pipeline(
        [
            Node(divide, ["one", "by"], "part", name="divide"),
            Node(named, "part", {"half": "half"}, name="named"),
        ]
    )
    models = [
        Pipeline(keep_going(one), namespace=name, inputs={"one"})
        for name in ("good", "bad")
    ]
    values = {"one": 1, "good.by": 2, "bad.by": 0}
    catalog = DataCatalog({name: MemoryDataset(of) for name, of in values.items()})
    hooks = _create_hook_manager()
    hooks.register(RunHook())
    pipeline = Pipeline(models)
    made = SequentialRunner().run(pipeline, catalog, hooks)
    assert {node.func for node in pipeline.nodes} == {divide, named}
    assert made["good.half"].load() == 2
    assert made["bad.half"].load()["error"] == "ZeroDivisionError: division by zero"
