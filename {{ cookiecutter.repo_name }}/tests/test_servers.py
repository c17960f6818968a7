"""Whatever the project starts listens on this machine alone, unless told otherwise."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import click
import pytest


@pytest.mark.parametrize(
    ("module", "group", "path"),
    [
        ("kedro.framework.cli.server", "server_cli", ["start"]),
        ("kedro_viz.launchers.cli.run", "run", []),
        ("mlflow.cli", "cli", ["ui"]),
        ("mlflow.cli", "cli", ["server"]),
        ("mlflow.models.cli", "commands", ["serve"]),
    ],
)
def test_tools_default_to_this_machine(
    module: str, group: str, path: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_HOST", raising=False)
    command = getattr(import_module(module), group)
    for name in path:
        command = command.get_command(click.Context(command), name)
    (host,) = [option for option in command.params if option.name == "host"]
    assert host.get_default(click.Context(command)) == "127.0.0.1"


def test_the_tracking_ui_is_for_this_machine(load_config: Callable[..., Any]) -> None:
    # `kedro mlflow ui` takes what its configuration says.
    assert load_config()["mlflow"]["ui"]["host"] == "127.0.0.1"
