"""What a run was made from, so that it can be told again from MLflow alone."""

import os
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from shutil import copyfile
from typing import Any

import yaml
from kedro.io import DataCatalog
from pydantic import BaseModel

from kedro_dynamic.catalog.entries import config_of
from kedro_dynamic.config.errors import redact
from kedro_dynamic.runs.provenance import Plan

LIBRARIES = ("kedro", "mlflow", "numpy", "pandas", "scikit-learn")


MAX_DIFF = 2**20  # bytes


def source_of(project: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return what code a run is of, by git: tags; and files, of libraries too."""
    versions = [f"{name}=={version(name)}\n" for name in LIBRARIES]
    files = {"versions.txt": f"# Python {python_version()}\n{''.join(versions)}"}
    try:
        commit = _git(project, "rev-parse", "HEAD").strip()
        every = ("--untracked-files=normal", "--", ".")
        dirty = bool(_git(project, "status", "--porcelain", *every))
        if dirty:
            files["uncommitted.diff"] = _diff(project)
    except (OSError, subprocess.SubprocessError):
        return {}, files
    tags = {"mlflow.source.git.commit": commit, "git.dirty": str(dirty).lower()}
    return tags, files


def _diff(project: Path) -> str:
    """Return what differs from the commit, new files too, but nothing git ignores."""
    index = _git(project, "rev-parse", "--git-path", "index").removesuffix("\n")
    with tempfile.TemporaryDirectory() as folder:
        # New files are shown once the index knows of them: a copy of it.
        copy = copyfile(Path(project, index), Path(folder, "index"))
        mine = {"GIT_INDEX_FILE": str(copy)}
        _git(project, "add", "--all", "--intent-to-add", ".", **mine)
        # Not `diff`, which has the colours and prefixes that a person likes.
        words = ("diff-index", "--patch", "--binary", "HEAD", "--", ".")
        whole = redact(_git(project, *words, **mine))
    if len(whole.encode()) <= MAX_DIFF:
        return whole
    cut = whole.encode()[:MAX_DIFF].decode(errors="ignore")
    return f"{cut}\n... and more: the whole is of {len(whole.encode())} bytes\n"


def _git(project: Path, *words: str, **variables: str) -> str:
    """Return what git says, to the letter."""
    done = subprocess.run(
        ["git", "-C", str(project), *words],
        capture_output=True,
        check=True,
        timeout=10,
        env=os.environ | variables,
    )
    return done.stdout.decode(errors="replace")


def parameters_text(catalog: DataCatalog) -> str:
    """Return the parameters of a run, resolved, as they would stand in one file."""
    plain = _plain(catalog["parameters"].load())
    return redact(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))


def data_of(plan: Plan) -> list[dict[str, str]]:
    """Return name, digest and place of the data that a run began with."""
    data = []
    for name in sorted(plan.pipeline.inputs()):
        if name.startswith("params:") or name not in plan.catalog:
            continue
        place = plan.keys.get(name) or config_of(plan.catalog, name).get("filepath")
        if place:
            digest = plan.contents.get(name, "not known")
            data.append({"name": name, "digest": digest, "path": redact(str(place))})
    return data


def _plain(value: Any) -> Any:
    """Return parameters as YAML can hold them."""
    if isinstance(value, BaseModel):
        value = value.model_dump(by_alias=True, exclude_unset=True)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | int | float | None) else str(value)
