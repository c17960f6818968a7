"""The command that runs the same again."""

import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from kedro.runner import SequentialRunner
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ..redaction import HIDDEN, hide_secrets, redact
from .values import flatten

# The options of `kedro run`, by what Kedro calls them in `run_params`.
OPTIONS = {
    "pipeline_names": "--pipelines",
    "env": "--env",
    "tags": "--tags",
    "node_names": "--nodes",
    "from_nodes": "--from-nodes",
    "to_nodes": "--to-nodes",
    "from_inputs": "--from-inputs",
    "to_outputs": "--to-outputs",
    "namespaces": "--namespaces",
    "load_versions": "--load-versions",
}


def kedro_command(run_params: Mapping[str, Any]) -> str:
    """Return the command that runs the same again.

    Secrets are hidden in it. Parameters that ``--params`` cannot take, such as lists of
    several values, are left out.

    Args:
        run_params: What Kedro tells hooks of the run.
    """
    words = ["kedro", "run"]
    for key, option in OPTIONS.items():
        match run_params.get(key):
            case None | "" | [] | ():
                continue
            case str(value):
                words += [option, value]
            case Mapping() as versions:
                pairs = [f"{name}:{version}" for name, version in versions.items()]
                words += [option, ",".join(pairs)] if pairs else []
            case values:
                words += [option, ",".join(values)]
    runner = runner_path(run_params)
    if runner and not runner.endswith("SequentialRunner"):
        words += ["--runner", runner]
    if run_params.get("only_missing_outputs"):
        words.append("--only-missing-outputs")
    given = flatten(hide_secrets(run_params.get("runtime_params") or {}))
    if params := [*filter(None, map(_parameter, given, given.values()))]:
        words += ["--params", ",".join(params)]
    return redact(shlex.join(words))


def runner_path(run_params: Mapping[str, Any]) -> str:
    """Return the import path of a run's runner, as ``--runner`` takes it.

    Args:
        run_params: What Kedro tells hooks of the run: the ``repr`` of the runner, which
            is None if code has run the session without one.
    """
    path = _runner_class(run_params)
    return path.rpartition(".")[2] if path.startswith("kedro.runner.") else path


def runner_logger(run_params: Mapping[str, Any]) -> str:
    """Return the name of the logger of a run's runner, which is that of its module.

    Args:
        run_params: What Kedro tells hooks of the run.
    """
    return _runner_class(run_params).rpartition(".")[0] or SequentialRunner.__module__


def _runner_class(run_params: Mapping[str, Any]) -> str:
    """Return module and name of the runner's class; empty if code has given none."""
    path = str(run_params.get("runner", "")).strip("<").partition(" ")[0]
    return path.removeprefix("None")


def _parameter(key: str, value: Any) -> str | None:
    """Return ``key=value`` if Kedro reads that as it is meant, else None.

    Kedro splits ``--params`` at every comma, and reads each value as YAML.
    """
    if value == HIDDEN:
        return f"{key}={value}"
    for write in (str, json.dumps):
        # What does not fit is an error here, or is read as another value.
        with suppress(ValueError, TypeError, YAMLError, OmegaConfBaseException):
            parameter = f"{key}={write(value)}"
            read: Any = OmegaConf.to_container(OmegaConf.from_dotlist([parameter]))
            if "," not in parameter and flatten(read) == {key: value}:
                return parameter
    return None
