"""Whatever the project starts listens on this machine alone, unless told otherwise."""

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

ROOT = Path(__file__).parents[1]


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


@pytest.mark.parametrize("place", ["mlflow.yml", "variable"])
def test_nox_serves_from_where_runs_are_tracked(
    place: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "src", project / "src")
    store = f"sqlite:///{(project / 'mlflow.db').rename(project / 'own.db')}"
    settings = project / "conf/base/mlflow.yml"
    text, key = settings.read_text(), "mlflow_tracking_uri: sqlite:///mlflow.db"
    assert key in text
    if place == "variable":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
        settings.write_text(text.replace(key, "mlflow_tracking_uri:"))
    else:
        settings.write_text(text.replace(key, "mlflow_tracking_uri: sqlite:///own.db"))
    program = next(
        ast.literal_eval(line.value)
        for line in ast.parse((ROOT / "noxfile.py").read_text()).body
        if isinstance(line, ast.Assign)
        and ast.unparse(line.targets[0]) == "ENVIRONMENT"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=project, check=True, stdout=subprocess.PIPE)
    variables = json.loads(done.stdout.splitlines()[-1])
    assert variables["MLFLOW_TRACKING_URI"] == store
    assert variables["MLFLOW_REGISTRY_URI"] == store
