"""The record of what was made from what, and what of it has to be made again.

All that an output depends on is known before a run: code, parameters and raw data of
its node, and of all nodes before it. So the plan is written first, and a file that is
no longer what it was then is of that plan: a run that is killed needs no code of its
own. Not seen are code that a node's module imports, and what a remote address holds.
"""

import hashlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from inspect import unwrap
from pathlib import Path
from typing import Any

from filelock import FileLock
from kedro.io import DataCatalog
from kedro.io.core import is_parameter
from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel

from kedro_dynamic.catalog.entries import config_of, discard, path_in
from kedro_dynamic.config.errors import VERBATIM

logger = logging.getLogger(__name__)


# What tells a file from one written later: time, size, inode; None where there is none.
# In the record without the inode, which a restored backup does not keep.
State = list[int] | None


class Plan:
    """What a run is going to make, and from what."""

    def __init__(self, pipeline: Pipeline, catalog: DataCatalog, root: Path):
        self.pipeline, self.catalog = pipeline, catalog
        names = (name for name in pipeline.datasets() if not is_parameter(name))
        configs = {name: config_of(catalog, name) for name in names}
        paths = {name: path_in(config) for name, config in configs.items()}
        self.files = {name: path for name, path in paths.items() if path}
        self.settings = {name: _settings(config) for name, config in configs.items()}
        # As the record names them, wherever the project is moved to.
        self.keys = {n: os.path.relpath(path, root) for n, path in self.files.items()}
        inputs, outputs = pipeline.inputs(), pipeline.all_outputs()
        self.reads = {key for name, key in self.keys.items() if name in inputs}
        self.writes = {name: key for name, key in self.keys.items() if name in outputs}
        # Found when the run begins; of its outputs, the files before it.
        self.contents: dict[str, str] = {}
        self.digests: dict[str, str] = {}
        self.before: dict[str, State] = {}

    def made(self, name: str) -> bool:
        """Tell whether the run has made an output; in memory, it is no other's."""
        if name not in self.files:
            return self.catalog.exists(name)
        return (now := state(self.files[name])) is not None and now != self.before[name]


# Of the runs under way, by the id of their catalog, which is each run's own.
plans: dict[int, Plan] = {}


class Record:
    """One small file beside the data, of all runs of a project."""

    def __init__(self, path: Path):
        self._path = path
        # By file: digest and state of what was made, and of raw data; digest of what a
        # run is making, and the state before.
        self._made: dict[str, list[Any]] = {}
        self._raw: dict[str, list[Any]] = {}
        self._pending: dict[str, list[Any]] = {}

    @contextmanager
    def open(self) -> Iterator["Record"]:
        """Read it, and write it again: runs over other files may be at work on it."""
        with FileLock(self._path.with_suffix(".lock")):
            # None yet, or broken: all is new.
            with suppress(OSError, ValueError, TypeError):
                read = json.loads(self._path.read_text())
                self._made, self._raw, self._pending = map(dict, read)
            yield self
            whole = self._path.with_suffix(".tmp")
            whole.write_text(json.dumps([self._made, self._raw, self._pending]))
            os.replace(whole, self._path)

    def begin(self, plan: Plan, only_missing: bool) -> None:
        """Note what a run is to make; delete what it is to make again."""
        self.settle(plan)
        plan.digests = self._digest(plan)
        if only_missing:
            self._discard_outdated(plan)
        for name, key in plan.writes.items():
            plan.before[name] = state(plan.files[name])
            self._pending[key] = [plan.digests[_bare(name)], plan.before[name]]
            if not only_missing:  # whatever there is of it
                self._made.pop(key, None)

    def settle(self, plan: Plan) -> None:
        """Note what was made of what was to be, by this run or one that was killed."""
        for name, key in plan.keys.items():
            digest, before = self._pending.pop(key, ["", None])
            if digest and (now := state(plan.files[name])) and now != before:
                self._made[key] = [digest, now[:2]]

    def _digest(self, plan: Plan) -> dict[str, str]:
        """Return the digest of each dataset: of all that it is made from."""
        inputs = plan.pipeline.inputs()
        digests = {_bare(name): self._digest_input(plan, name) for name in inputs}
        for node in plan.pipeline.nodes:
            parts = (digests[_bare(name)] for name in node.inputs)
            of_node = _sha(node.name, _code(node), *parts)
            for name in node.outputs:
                settings = plan.settings.get(name, "")
                digests[_bare(name)] = _sha(of_node, _bare(name), settings)
        return digests

    def _digest_input(self, plan: Plan, name: str) -> str:
        """Return the digest of what is there before a run."""
        if is_parameter(name):
            return _sha(name, json.dumps(plan.catalog[name].load(), default=_plain))
        if name not in plan.files or (now := state(plan.files[name])) is None:
            return _sha(name, plan.settings[name])
        key, path, now = plan.keys[name], plan.files[name], now[:2]
        if path.is_dir() or self._raw.get(key, ["", None])[1] != now:
            self._raw[key] = [_content(path, *now), now]
        plan.contents[name] = self._raw[key][0]
        digest, then = self._made.get(key, ["", None])
        if then == now:
            return str(digest)
        return _sha(name, plan.contents[name], plan.settings[name])

    def _discard_outdated(self, plan: Plan) -> None:
        """Delete what was made from something else, and what depends on it.

        ``--only-missing-outputs`` itself looks only at what is there.
        """
        outdated: set[str] = set()
        for node in plan.pipeline.nodes:
            changed = not all(self._is_current(plan, name) for name in node.outputs)
            if changed or any(_bare(name) in outdated for name in node.inputs):
                outdated.update(map(_bare, node.outputs))
        files = {n: path for n, path in plan.files.items() if _bare(n) in outdated}
        there = sorted(name for name, path in files.items() if state(path))
        discard(plan.catalog, there)
        if gone := [name for name in there if not state(files[name])]:
            names = ", ".join(gone[:5]) + ", ..." * (len(gone) > 5)
            message = "Deleted %d files, to be made again: %s"
            logger.info(message, len(gone), names, extra=VERBATIM)

    def _is_current(self, plan: Plan, name: str) -> bool:
        """Tell whether a file is what would be made; of no file, yes."""
        if name not in plan.files:
            return True
        now = state(plan.files[name])
        made = self._made.get(plan.keys[name])
        return now is not None and made == [plan.digests[_bare(name)], now[:2]]


def state(path: Path) -> State:
    """Return what tells a file from one written later."""
    try:
        now = path.stat()
    except OSError:
        return None
    return [now.st_mtime_ns, now.st_size, now.st_ino]


def _bare(name: str) -> str:
    """Return the name of a dataset without how it is read, as in ``table@pandas``."""
    return name.partition("@")[0]


def _sha(*parts: str) -> str:
    """Return a digest of texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def _settings(config: dict[str, Any]) -> str:
    """Return how a dataset is read and written, as one text; and where, if remote."""
    no_data = {"metadata", "credentials", "filepath" if path_in(config) else ""}
    kept = {key: value for key, value in config.items() if key not in no_data}
    return json.dumps(kept, default=str)


def _plain(value: object) -> object:
    """Return a parameter as what JSON can hold; defaults may change with the engine."""
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True, exclude_unset=True)
    return str(value)


def _code(node: Node) -> str:
    """Return a digest of the module of a node's function, and what is bound to it."""
    function = getattr(node.func, "func", node.func)  # inside of a partial
    bound = [str(getattr(node.func, key, "")) for key in ("args", "keywords")]
    module = sys.modules.get(getattr(unwrap(function), "__module__", ""))
    file = Path(getattr(module, "__file__", None) or "none, as of a notebook")
    return _sha(_of_file(file, *now) if (now := state(file)) else "", *bound)


def _content(path: Path, *now: int) -> str:
    """Return a digest of a file; of a folder, of the files in it and their times."""
    if path.is_dir():
        files = [one for one in sorted(path.rglob("*")) if one.is_file()]
        return _sha(*(f"{one.relative_to(path)}{state(one)}" for one in files))
    return _of_file(path, *now)


@cache
def _of_file(path: Path, *now: int) -> str:
    """Return the digest of a file as it is now."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
