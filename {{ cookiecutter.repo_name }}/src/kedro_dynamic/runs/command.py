"""The command that started a run, and commands that run a part of it again."""

import shlex
import sys
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from kedro_dynamic.config.errors import redact
from kedro_dynamic.config.project import package_name

ONLY_MISSING = "--only-missing-outputs"

# The options of `kedro run` that select nodes.
SELECTION = (
    *("--pipelines", "--pipeline", "-p", "--nodes", "-n", "--tags", "-t"),
    *("--from-nodes", "--to-nodes", "--from-inputs", "--to-outputs"),
    *("--namespaces", "-ns"),
)


def kedro_command(
    run_params: Mapping[str, Any], *, only_missing: bool = False, namespace: str = ""
) -> str:
    """Return the command that runs the same again. Passwords in addresses are hidden.

    Args:
        run_params: What Kedro tells hooks of the run.
        only_missing: Run only what is missing.
        namespace: Run only the model of this namespace, such as ``models.linear_svm``.
    """
    words = _started_with(run_params)
    if namespace:
        family, first, *rest = namespace.split(".")
        words = [*_without_selection(words), "--pipelines", f"{family}.{first}"]
        if rest:
            words += ["--namespaces", namespace]
    if only_missing and ONLY_MISSING not in words:
        words.append(ONLY_MISSING)
    return redact(shlex.join(words))


def _started_with(run_params: Mapping[str, Any]) -> list[str]:
    """Return the words of this process's command, if the command runs pipelines."""
    program, *words = sys.argv
    path = Path(program)
    if path.stem == "kedro" and words[:1] == ["run"]:
        return ["kedro", *words]
    if path.name == "__main__.py" and path.parent.name in (package_name(), "kedro"):
        return ["python", "-m", path.parent.name, *words]

    # In a notebook or a script, a command that runs the same pipelines.
    command = ["kedro", "run"]
    names = run_params.get("pipeline_names")
    if names:
        command += ["--pipelines", ",".join(names)]
    return command


def _without_selection(words: list[str]) -> list[str]:
    """Return a command without the options that select nodes, and their values."""
    rest: list[str] = []
    previous_words = chain([""], words)
    for previous, word in zip(previous_words, words, strict=False):
        option = word.partition("=")[0]
        if previous not in SELECTION and option not in (*SELECTION, ONLY_MISSING):
            rest.append(word)
    return rest
