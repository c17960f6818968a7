"""The command that runs the same again, or a part of it."""

from __future__ import annotations

import sys

import pytest
from kedro_dynamic.runs.command import kedro_command

MODEL = "models.tree"
# A model of a data set of the benchmark.
CELL = "benchmark.wine.tree.tuned"


@pytest.mark.parametrize(
    ("argv", "command", "model_command", "benchmark_command"),
    [
        (
            ["/venv/bin/kedro", "run"],
            "kedro run",
            "kedro run --pipelines models.tree",
            f"kedro run --pipelines benchmark.wine --namespaces {CELL}",
        ),
        (
            ["kedro", "run", "-p", "models", "--params=a=1,b=x y", "--nodes=split"],
            "kedro run -p models '--params=a=1,b=x y' --nodes=split",
            "kedro run '--params=a=1,b=x y' --pipelines models.tree",
            "kedro run '--params=a=1,b=x y' --pipelines benchmark.wine "
            f"--namespaces {CELL}",
        ),
        (
            ["/app/iris/__main__.py", "--env", "prod", "--to-nodes", "x"],
            "python -m iris --env prod --to-nodes x",
            "python -m iris --env prod --pipelines models.tree",
            f"python -m iris --env prod --pipelines benchmark.wine --namespaces {CELL}",
        ),
        (
            ["/app/ipykernel_launcher.py", "-f", "kernel.json"],
            "kedro run --pipelines etl,models",
            "kedro run --pipelines models.tree",
            f"kedro run --pipelines benchmark.wine --namespaces {CELL}",
        ),
    ],
    ids=["kedro", "options", "package", "notebook"],
)
def test_a_run_and_its_models_can_be_run_again(
    argv: list[str],
    command: str,
    model_command: str,
    benchmark_command: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    run_params = {"pipeline_names": ["etl", "models"]}
    assert kedro_command(run_params) == command
    assert kedro_command(run_params, namespace=MODEL) == model_command
    assert kedro_command(run_params, namespace=CELL) == benchmark_command


def test_a_resuming_command_has_one_more_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for options in ([], ["--only-missing-outputs"]):
        monkeypatch.setattr(sys, "argv", ["kedro", "run", *options])
        resumed = kedro_command({}, only_missing=True)
        assert resumed == "kedro run --only-missing-outputs"
        alone = kedro_command({}, namespace=MODEL)
        assert alone == "kedro run --pipelines models.tree"


def test_passwords_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ["kedro", "run", "--params=url=postgresql://me:secret@host/db"]
    monkeypatch.setattr(sys, "argv", argv)
    assert kedro_command({}) == "kedro run --params=url=postgresql://***@host/db"
