"""What a run was made from, so that MLflow alone is enough to repeat it."""

import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import yaml
from kedro.io import DataCatalog
from pydantic import BaseModel

from kedro_dynamic.catalog.entries import config_of
from kedro_dynamic.catalog.files import filepath_of
from kedro_dynamic.config.errors import redact
from kedro_dynamic.runs.provenance import Plan

LIBRARIES = ("kedro", "mlflow", "numpy", "pandas", "scikit-learn")
MAX_DIFF = 2**20  # bytes


def source_of(project: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return what code a run is made of.

    Args:
        project: The folder of the project, which may be in a git repository.

    Returns:
        Tags with the commit, empty without git; and texts by file name: the versions of
        libraries and, if there are any, the changes that are not committed.
    """
    versions = [f"{name}=={version(name)}\n" for name in LIBRARIES]
    files = {"versions.txt": f"# Python {python_version()}\n{''.join(versions)}"}
    try:
        commit = _git(project, "rev-parse", "HEAD").strip()
        untracked = "--untracked-files=normal"
        status = _git(project, "status", "--porcelain", untracked, "--", ".")
        if status:
            files["uncommitted.diff"] = _diff(project)
    except (OSError, subprocess.SubprocessError):
        return {}, files
    tags = {"mlflow.source.git.commit": commit, "git.dirty": str(bool(status)).lower()}
    return tags, files


def origin_of(project: Path) -> str:
    """Return where a project comes from, the same in each clone of its repository.

    Args:
        project: The folder of the project, which may be in a git repository.

    Returns:
        Host and path of the remote repository, and the folder in it. Empty without one.
    """
    try:
        remote = _git(project, "config", "--get", "remote.origin.url").strip()
        folder = _git(project, "rev-parse", "--show-prefix").strip()
    except (OSError, subprocess.SubprocessError):
        return ""
    # https://me:pw@host/group/name.git and git@host:group/name.git are the same.
    place = re.sub(r"^(\w+://)?([^@/]*@)?", "", remote).replace(":", "/", 1)
    return f"{place.removesuffix('.git')}/{folder}".rstrip("/")


def parameters_text(catalog: DataCatalog) -> str:
    """Return the parameters of a run, resolved, as they would stand in one file."""
    parameters = _plain(catalog["parameters"].load())
    return redact(yaml.safe_dump(parameters, sort_keys=False, allow_unicode=True))


def data_of(plan: Plan) -> list[dict[str, str]]:
    """Return ``name``, ``digest`` and ``path`` of each dataset that a run reads."""
    data = []
    for name in sorted(plan.pipeline.inputs()):
        if name.startswith("params:") or name not in plan.catalog:
            continue
        path = plan.keys.get(name) or filepath_of(config_of(plan.catalog, name))
        if path:
            digest = plan.contents.get(name, "not known")
            data.append({"name": name, "digest": digest, "path": redact(str(path))})
    return data


def _diff(project: Path) -> str:
    """Return what differs from the commit in files that git tracks; others by name."""
    # Not `diff`, which has the colours and prefixes that its user has configured.
    words = ("diff-index", "--patch", "--binary", "HEAD", "--", ".")
    diff = redact(_git(project, *words))
    # Their content may be secret: a person has not decided yet that git may have it.
    options = ("--others", "--directory", "--exclude-standard")
    new = _git(project, "ls-files", *options, "--", ".")
    if new:
        # `git apply` ignores what stands before a diff.
        diff = f"New files, not included:\n{new}\n{diff}"

    size = len(diff.encode())
    if size <= MAX_DIFF:
        return diff
    start = diff.encode()[:MAX_DIFF].decode(errors="ignore")
    return f"{start}\n... and more: the whole diff has {size} bytes\n"


def _git(project: Path, *words: str) -> str:
    """Return the output of a git command, unchanged."""
    result = subprocess.run(
        ["git", "-C", str(project), *words],
        capture_output=True,
        check=True,
        timeout=10,
    )
    return result.stdout.decode(errors="replace")


def _plain(value: Any) -> Any:
    """Return parameters as YAML can hold them."""
    if isinstance(value, BaseModel):
        value = value.model_dump(by_alias=True, exclude_unset=True)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | int | float | None) else str(value)
