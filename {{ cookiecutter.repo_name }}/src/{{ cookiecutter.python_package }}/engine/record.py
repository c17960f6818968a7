"""The record of what was made from what, and what of it has to be made again.

All that an output depends on is known before a run: code, parameters and raw data of
its node, and of all nodes before it. So the plan is written first, and a file that is
no longer what it was then is of that plan: a run that is killed needs no code of its
own. Not seen are code that a node's module imports, and of remote data more than
whether it exists.
"""

import hashlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from inspect import unwrap
from pathlib import Path
from typing import Any

from filelock import FileLock
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel

from .errors import VERBATIM
from .files import config_of, discard, path_in

logger = logging.getLogger(__name__)

# What tells a file from one written later: time, size, inode; None where there is none.
# In the record without the inode, which a restored backup does not keep.
State = list[int] | None
# Of what says how a dataset is read and written, what does not change the data.
NO_DATA = ("filepath", "metadata", "credentials")

# Of the runs under way, by the id of their catalog, which is each run's own.
plans: dict[int, "Plan"] = {}


class Plan:
    """What a run is going to make, and from what."""

    def __init__(self, pipeline: Pipeline, catalog: DataCatalog, root: Path):
        self.pipeline, self.catalog = pipeline, catalog
        configs = {
            n: config_of(catalog, n) for n in pipeline.datasets() if n in catalog
        }
        paths = {name: path_in(config) for name, config in configs.items()}
        self.files = {name: path for name, path in paths.items() if path}
        self.settings = {name: _settings(config) for name, config in configs.items()}
        # As the record names them, wherever the project is moved to.
        self.keys = {n: os.path.relpath(path, root) for n, path in self.files.items()}
        self.digests: dict[str, str] = {}
        self.contents: dict[str, str] = {}
        self._before: dict[str, State] = {}

    @property
    def reads(self) -> set[str]:
        """Files that are there before the run."""
        return {self.keys[n] for n in self.pipeline.inputs() if n in self.keys}

    @property
    def writes(self) -> dict[str, str]:
        """Files that the run makes, by name of the dataset."""
        outputs = self.pipeline.all_outputs()
        return {name: key for name, key in self.keys.items() if name in outputs}

    def look(self) -> None:
        """Note what is there before anything is made."""
        self._before = {name: state(self.files[name]) for name in self.writes}

    def before(self, name: str) -> State:
        """Return what an output's file was before the run."""
        return self._before[name]

    def made(self, name: str) -> bool:
        """Tell whether the run has made an output; in memory, it is no other's."""
        if name not in self.files:
            return self.catalog.exists(name)
        return (now := state(self.files[name])) is not None and now != self.before(name)


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
            try:
                read = json.loads(self._path.read_text())
                self._made, self._raw, self._pending = read.values()
            except (OSError, ValueError):  # none yet: all there is counts as unknown
                self._made, self._raw, self._pending = {}, {}, {}
            yield self
            parts = {"made": self._made, "raw": self._raw, "pending": self._pending}
            whole = self._path.with_suffix(".tmp")
            whole.write_text(json.dumps(parts))
            os.replace(whole, self._path)

    def begin(self, plan: Plan, only_missing: bool) -> None:
        """Note what a run is to make; delete what it is to make again."""
        self.settle(plan)
        self._digest(plan)
        if only_missing:
            self._discard_outdated(plan)
        plan.look()
        for name, key in plan.writes.items():
            self._pending[key] = [plan.digests[name], plan.before(name)]
            if not only_missing:  # whatever there is of it
                self._made.pop(key, None)

    def settle(self, plan: Plan) -> None:
        """Note what was made of what was to be, by this run or one that was killed."""
        for name, key in plan.keys.items():
            digest, before = self._pending.pop(key, ["", None])
            now = state(plan.files[name])
            if digest and now and now != before:
                self._made[key] = [digest, now[:2]]

    def _digest(self, plan: Plan) -> None:
        """Compute the digest of each output: of all that it is made from."""
        inputs = plan.pipeline.inputs()
        digests = {name: self._digest_input(plan, name) for name in inputs}
        for node in plan.pipeline.nodes:
            parts = (digests[name] for name in node.inputs)
            of_node = _sha(node.name, _code(node), *parts)
            for name in node.outputs:
                digests[name] = _sha(of_node, name, plan.settings.get(name, ""))
        plan.digests = digests

    def _digest_input(self, plan: Plan, name: str) -> str:
        """Return the digest of what is there before a run."""
        if name == "parameters" or name.startswith("params:"):
            return _sha(name, json.dumps(plan.catalog[name].load(), default=_plain))
        path = plan.files.get(name)
        if path is None or (now := state(path)) is None:
            return _sha(name, plan.settings.get(name, ""))
        key, now = plan.keys[name], now[:2]
        if self._raw.get(key, ["", None])[1] != now:
            self._raw[key] = [_content(path), now]
        plan.contents[name] = self._raw[key][0]
        digest, then = self._made.get(key, ["", None])
        if then == now:
            return str(digest)
        return _sha(name, plan.contents[name], plan.settings.get(name, ""))

    def _discard_outdated(self, plan: Plan) -> None:
        """Delete what was made from something else, and what depends on it.

        ``--only-missing-outputs`` itself looks only at what is there.
        """
        outdated: set[str] = set()
        for node in plan.pipeline.nodes:
            changed = not all(self._is_current(plan, name) for name in node.outputs)
            if changed or outdated.intersection(node.inputs):
                outdated.update(node.outputs)
        files = sorted(outdated.intersection(plan.files))
        there = [plan.keys[name] for name in files if state(plan.files[name])]
        if there:
            names = ", ".join(there[:5]) + (", ..." if len(there) > 5 else "")
            message = "Deleted %d files, which are to be made again: %s"
            logger.info(message, len(there), names, extra=VERBATIM)
        discard(plan.catalog, outdated)

    def _is_current(self, plan: Plan, name: str) -> bool:
        """Tell whether a file is what would be made; of no file, yes."""
        if name not in plan.files:
            return True
        now = state(plan.files[name])
        made = self._made.get(plan.keys[name])
        return now is not None and made == [plan.digests[name], now[:2]]


def state(path: Path) -> State:
    """Return what tells a file from one written later."""
    try:
        now = path.stat()
    except OSError:
        return None
    return [now.st_mtime_ns, now.st_size, now.st_ino]


def _sha(*parts: str) -> str:
    """Return a digest of texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def _content(path: Path) -> str:
    """Return a digest of a file; of a folder, of the files in it and their times."""
    if path.is_dir():
        return _sha(*(f"{one}{state(one)}" for one in sorted(path.rglob("*"))))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _settings(config: dict[str, Any]) -> str:
    """Return how a dataset is read and written, as one text."""
    kept = {key: value for key, value in config.items() if key not in NO_DATA}
    return json.dumps(kept, default=str, sort_keys=True)


def _plain(value: object) -> object:
    """Return a parameter as what JSON can hold; defaults may change with the engine."""
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True, exclude_unset=True)
    return str(value)


def _code(node: Node) -> str:
    """Return a digest of the module of a node's function."""
    function = unwrap(getattr(node.func, "func", node.func))  # inside of a partial
    file = getattr(sys.modules.get(function.__module__), "__file__", None)
    return _source(file, os.stat(file).st_mtime_ns) if file else function.__qualname__


@cache
def _source(file: str, time: int) -> str:
    """Return the digest of a module as it was at a time."""
    return _content(Path(file))
