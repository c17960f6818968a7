"""A model that fails does not stop the others."""

from __future__ import annotations

import inspect
import threading
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
from kedro_dynamic.runs import progress
from kedro_dynamic.runs.failures import (
    FailureCatcher,
    catch_failures,
    is_failure,
    keep_going,
)

FAILURE = {"error": "ValueError: no", "traceback": "..."}


def divide(number: float, by: float) -> float:
    """Divide."""
    return number / by


def two_outputs(number: float) -> tuple[float, float]:
    return 1 / number, 2 / number


def named_output(number: float) -> dict[str, float]:
    return {"half": 1 / number}


def with_parameters(table: Any, data: DataSpec) -> str:
    return str(data.target_column)


def raising(error: BaseException) -> FailureCatcher:
    """Return the function of a node that raises an error."""

    def function(_: Any) -> None:
        raise error

    return FailureCatcher(function, "x")


@pytest.mark.parametrize("error", [ValueError("no  \n way"), SystemExit(3)])
def test_an_error_becomes_a_failure(error: BaseException) -> None:
    failure = raising(error)(1)
    assert is_failure(failure)
    expected = {"ValueError": "ValueError: no way", "SystemExit": "SystemExit: 3"}
    assert failure["error"] == expected[type(error).__name__]
    assert "in function" in failure["traceback"]


@pytest.mark.parametrize(
    "error", [ConfigurationError("a"), DataError("b"), KeyboardInterrupt()]
)
def test_an_error_that_concerns_all_models_is_raised(error: BaseException) -> None:
    with pytest.raises(type(error)):
        raising(error)(1)


def test_a_failure_replaces_every_output() -> None:
    outputs = FailureCatcher(two_outputs, ["a", "b"])(0)
    assert [is_failure(value) for value in outputs] == [True, True]
    outputs_by_key = FailureCatcher(named_output, {"half": "a.half"})(0)
    assert is_failure(outputs_by_key["half"])
    (output,) = FailureCatcher(two_outputs, ["a"])(0)
    assert is_failure(output)


def test_a_failure_is_passed_on_as_it_is() -> None:
    assert FailureCatcher(divide, "x")(FAILURE, 1) is FAILURE
    assert FailureCatcher(divide, "x")(1, by=FAILURE) is FAILURE
    assert FailureCatcher(two_outputs, ["a", "b"])(FAILURE) == [FAILURE, FAILURE]


def test_a_partial_may_fail_as_well() -> None:
    assert is_failure(FailureCatcher(partial(divide, by=0), "x")(1))


def test_kedro_sees_the_function_itself() -> None:
    nodes = [
        Node(with_parameters, ["table", "params:data"], "x", name="first", tags="mine"),
        Node(two_outputs, "x", ["a", "b"], confirms="a"),
    ]
    pipeline = keep_going(Pipeline(nodes))
    first, second = pipeline.nodes
    assert (first.name, first.tags) == ("first", {"mine", "keep_going"})
    assert (first.func.__name__, second.func.__doc__) == ("with_parameters", None)
    assert second.confirms == ["a"]
    assert (first.inputs, second.outputs) == (["table", "params:data"], ["a", "b"])
    assert inspect.getsourcefile(first.func) == __file__
    types = TypeExtractor({"a": pipeline}).extract_types_from_pipelines()
    assert types == {"data": DataSpec}


def test_the_other_models_go_on() -> None:
    model = Pipeline(
        [
            Node(divide, ["number", "by"], "quotient", name="divide"),
            Node(named_output, "quotient", {"half": "half"}, name="named"),
        ]
    )
    models = [
        Pipeline(keep_going(model), namespace=name, inputs={"number"})
        for name in ("good", "bad")
    ]
    values = {"number": 1, "good.by": 2, "bad.by": 0}
    catalog = DataCatalog()
    for name, value in values.items():
        catalog[name] = MemoryDataset(value)
    hooks = _create_hook_manager()
    hooks.register(RunHook())
    pipeline = Pipeline(models)
    outputs = SequentialRunner().run(pipeline, catalog, hooks)
    assert {node.func for node in pipeline.nodes} == {divide, named_output}
    assert outputs["good.half"].load() == 2
    assert outputs["bad.half"].load()["error"] == "ZeroDivisionError: division by zero"


def test_a_node_that_takes_long_is_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.25)
    caplog.set_level("INFO", logger=progress.__name__)
    threads = threading.active_count()
    time_out = threading.Event()

    pipeline = keep_going(Pipeline([Node(time_out.wait, "seconds", "x", name="slow")]))
    (node,) = pipeline.nodes
    catch_failures(node)
    node.run({"seconds": 0.9})
    messages = [message for message in caplog.messages if "Still" in message]
    assert messages == [
        "Still running after 0.25 s: slow",
        "Still running after 0.5 s: slow",
        "Still running after 0.75 s: slow",
    ]
    caplog.clear()
    node.run({"seconds": 0})
    assert "Still" not in caplog.text

    # Kedro calls no hook after Ctrl-C.
    with pytest.raises(KeyboardInterrupt):
        raising(KeyboardInterrupt())(1)
    assert threading.active_count() == threads
