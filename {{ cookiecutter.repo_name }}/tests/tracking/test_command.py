"""The command that runs the same again."""

import shlex
from typing import Any

import pytest
from kedro.framework.cli.project import run
from kedro.runner import ParallelRunner, SequentialRunner

from {{ cookiecutter.python_package }}.tracking.command import (
    kedro_command,
    runner_logger,
)


def test_the_command_runs_the_same_again() -> None:
    run_params = {
        "pipeline_names": ["a", "b"],
        "env": "prod",
        "tags": (),
        "load_versions": {"x": "2026-01-01T00.00.00.000Z", "y": "2"},
        "runtime_params": {"a": {"b": 1}, "c": "x y"},
    }
    assert kedro_command(run_params) == (
        "kedro run --pipelines a,b --env prod --load-versions "
        "x:2026-01-01T00.00.00.000Z,y:2 --params 'a.b=1,c=x y'"
    )
    assert kedro_command({"load_versions": {}, "tags": []}) == "kedro run"


@pytest.mark.parametrize(
    "value",
    [
        *(None, "None", True, "true", 1, "1", "1e3", 0.1, 1e-5, [], [1], {}),
        *("", " a ", "a: b", "a=b", "*x", "#", "it's", 'a "b"', "two\nlines", "${x}"),
    ],
)
def test_kedro_reads_a_parameter_as_it_was(value: Any) -> None:
    assert read(kedro_command({"runtime_params": {"a": {"b": value}}})) == {
        "a": {"b": value}
    }


@pytest.mark.parametrize("value", [[1, 2], "a,b", {"c": [1, 2]}, object(), "${"])
def test_what_no_command_can_say_is_left_out(value: Any) -> None:
    assert read(kedro_command({"runtime_params": {"a": value, "b": 1}})) == {"b": 1}


def test_secrets_are_not_in_the_command() -> None:
    given = {"db": {"password": "hunter2"}, "url": "http://h/?token=hunter2"}
    assert "hunter2" not in kedro_command({"runtime_params": given})


def test_the_logger_of_a_runner_is_that_of_its_module() -> None:
    for runner in (SequentialRunner(), ParallelRunner()):
        name = runner_logger({"runner": str(runner)})
        assert name == type(runner).__module__
    assert runner_logger({"runner": "None"}) == SequentialRunner.__module__


def read(command: str) -> Any:
    """Return the parameters that Kedro finds in a command."""
    arguments = shlex.split(command)[2:]
    return run.make_context("run", arguments).params["params"]
