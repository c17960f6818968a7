"""Provenance: from which code, parameters and data each file of the project was made.

All that an output depends on is known before a run. So the run first writes down what
it plans to make, and notes each file that it puts in its place in a journal. A file in
the journal of a killed run counts as made unless it has changed since. Two things are
not seen: code that the module of a node imports, unless the parameters name it, and
what a remote address holds.
"""

import hashlib
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import unwrap
from pathlib import Path
from typing import Any

from filelock import FileLock
from kedro.io import DataCatalog
from kedro.io.core import is_parameter
from kedro.pipeline import Node, Pipeline
from kedro.validation.model_factory import instantiate_model
from kedro.validation.type_extractor import TypeExtractor
from pydantic import BaseModel, TypeAdapter

from kedro_dynamic.catalog.atomic import read_journals
from kedro_dynamic.catalog.entries import config_of
from kedro_dynamic.catalog.files import State, discard, has_data, path_in, state
from kedro_dynamic.config.errors import VERBATIM
from kedro_dynamic.config.process import HOST_DIGEST
from kedro_dynamic.config.source import digest_file, digest_named_code, digest_source
from kedro_dynamic.runs.makers import find_makers
from kedro_dynamic.runs.state_files import errors_in_words, read_state

logger = logging.getLogger(__name__)

# In the root of a project. Those who share the data folder share the file.
PROVENANCE_FILE = Path("data", ".provenance.json")
# Beside it, of each process in which runs are under way or were killed.
JOURNALS = ".provenance-*.journal"

# How many files are named in a message.
MAX_NAMES = 5

# The sections of the file, as attributes of Provenance describe them.
Entries = dict[str, tuple[str, list[int]]]
SHAPE = TypeAdapter(
    tuple[
        Entries,
        Entries,
        dict[str, tuple[str, State]],
        dict[str, tuple[str, list[int], str, str]],
    ]
)


class Plan:
    """What a run makes, and from what.

    Args:
        pipeline: The pipeline that is run.
        catalog: The catalog of the run.
        root: The root of the project. Keys of files are relative to it.

    Attributes:
        files: The local file of each dataset that has one.
        keys: The paths of these files, relative to the root.
        settings: How each dataset is read and written, as text.
        types: The types of parameters that Kedro has not made objects of yet.
        reads: The keys of the files that the run reads.
        writes: The keys of the files that the run writes, by dataset.
        contents: The digests of the files that the run reads. Set when it begins.
        digests: The digest of each dataset, by bare name. Set when the run begins.
        before: The state of each output's file before the run. Set when it begins.
        forgotten: What was known of these files, by key. Set when the run begins.
        outdated: The datasets of the run that are not what today's parameters, data and
            code make, each with the file to blame: one that the run takes as it is.
            Set when it begins.
        disputed: The parameters that the outdated datasets depend on. MLflow is not
            told their values. Set when the run begins.
    """

    def __init__(self, pipeline: Pipeline, catalog: DataCatalog, root: Path):
        self.pipeline = pipeline
        self.catalog = catalog
        self.root = root
        self.files: dict[str, Path] = {}
        self.keys: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        self.types: dict[str, type] = {}
        for name in pipeline.datasets():
            if not is_parameter(name):
                self._add(name)

        inputs, outputs = pipeline.inputs(), pipeline.all_outputs()
        self.reads = {key for name, key in self.keys.items() if name in inputs}
        self.writes = {name: key for name, key in self.keys.items() if name in outputs}

        self.contents: dict[str, str] = {}
        self.digests: dict[str, str] = {}
        self.before: dict[str, State] = {}
        self.forgotten: dict[str, list[Any]] = {}
        self.outdated: dict[str, str] = {}
        self.disputed: set[str] = set()

    @property
    def culprits(self) -> list[str]:
        """The files that the run takes, and that it would make differently itself."""
        return sorted({*self.outdated.values()})

    def made(self, name: str) -> bool:
        """Return True if the run has made an output.

        A dataset in memory is never of another run.
        """
        if name not in self.files:
            return has_data(self.catalog, name)
        now = state(self.files[name])
        return now is not None and now != self.before[name]

    def _add(self, name: str) -> None:
        """Note where a dataset is, and how it is read and written."""
        config = config_of(self.catalog, name)
        self.settings[name] = _settings(config)
        path = path_in(config)
        if path:
            self.files[name] = path
            self.keys[name] = os.path.relpath(path, self.root)


class Provenance:
    """The provenance of all files that the runs of a project made, in a JSON file.

    Args:
        root: The root of the project.
    """

    def __init__(self, root: Path):
        self._root = root
        self._path = root / PROVENANCE_FILE
        # All by the key of a file. State here is without the inode, which a restored
        # backup does not keep.
        # Files that runs made: [digest, state].
        self._made: dict[str, list[Any]] = {}
        # Other files that runs read: [digest of the content, state with inode and time
        # of change].
        self._raw: dict[str, list[Any]] = {}
        # Files that a run under way makes: [digest, state before with inode].
        self._pending: dict[str, list[Any]] = {}
        # Files that were logged in a run of MLflow: [digest, state, run ID, store].
        self._logged: dict[str, list[Any]] = {}

    @property
    def journal(self) -> Path:
        """The file in which this process notes what it has written."""
        return self._path.parent / JOURNALS.replace("*", f"{HOST_DIGEST}-{os.getpid()}")

    @contextmanager
    def open(self) -> Iterator["Provenance"]:
        """Read the file, and write it at the end of the block.

        Other runs wait, since runs over other files share this file.
        """
        lock = FileLock(self._path.with_suffix(".lock"))
        with errors_in_words():
            self._path.parent.mkdir(exist_ok=True)
            lock.acquire()
        try:
            self._read()
            yield self
            with errors_in_words():
                self._write()
        finally:
            lock.release()

    def begin(
        self, plan: Plan, only_missing: bool, registered: Iterable[list[Node]] = ()
    ) -> None:
        """Write down what a run is going to make.

        Args:
            plan: The plan of the run. Gets its digests and states.
            only_missing: Delete the outputs that are outdated, so that Kedro makes them
                again. If False, the run makes all outputs, and what is known of them
                is forgotten.
            registered: The nodes of the project, from ``registered_nodes``: they tell
                if files that the run takes as they are are those of today.
        """
        self.settle(plan)
        plan.digests = self._digest_all(plan, trust_states=only_missing)
        self._find_outdated(plan, registered)
        if only_missing:
            self._discard_outdated(plan)

        for name, key in plan.writes.items():
            plan.before[name] = state(plan.files[name])
            self._pending[key] = [plan.digests[_bare(name)], plan.before[name]]
            if not only_missing and key in self._made:
                plan.forgotten[key] = self._made.pop(key)

    def restore(self, plan: Plan) -> None:
        """Restore the entries that ``begin`` removed. The run has written nothing."""
        self._made.update(plan.forgotten)

    def adopt(self, plan: Plan) -> None:
        """Take what other runs have made for the same pipeline as made by this plan.

        Args:
            plan: A plan that was not begun. Gets its digests, and what is outdated.
        """
        self.settle(plan)
        plan.digests = self._digest_all(plan, trust_states=True)
        plan.before = dict.fromkeys(plan.writes)
        for node in plan.pipeline.nodes:
            culprits = [
                plan.outdated[name] for name in node.inputs if name in plan.outdated
            ]
            for name in node.outputs:
                made = self._made.get(plan.keys.get(name, ""))
                if made is None or made[0] == plan.digests[_bare(name)]:
                    continue
                plan.outdated[name] = culprits[0] if culprits else name
                if not culprits:
                    plan.disputed.update(node.inputs)

    def settle(self, plan: Plan, ended: bool = False) -> None:
        """Write down which files of a plan were made, by this run or a killed one.

        Args:
            plan: The plan of a run.
            ended: Whether it is the run's own plan, and the run was not interrupted.
                Files that are written past the catalog's file system are then known
                as made by their change.
        """
        pending = {
            name: self._pending.pop(key)
            for name, key in plan.keys.items()
            if key in self._pending
        }
        if not pending:
            return

        written = read_journals(self._path.parent, JOURNALS)
        for name, (digest, before) in pending.items():
            now = state(plan.files[name])
            states = written.get(os.path.realpath(plan.files[name]))
            is_made = now in states if states else ended and now != before
            if now is not None and is_made:
                self._made[plan.keys[name]] = [digest, now[:2]]

    def remember_run(self, key: str, run_id: str, store: str) -> None:
        """Remember the MLflow run that a file was logged in.

        Does nothing if no run made the file. Call ``settle`` first.

        Args:
            key: The key of the file, as in ``Plan.keys``.
            run_id: The ID of the run.
            store: The address of the store that has the run.
        """
        made = self._made.get(key)
        if made is not None and made[1] == self._state(key):
            self._logged[key] = [*made, run_id, store]

    def run_of(self, key: str, store: str) -> str:
        """Return the ID of the MLflow run that a file was logged in.

        Args:
            key: The key of the file, as in ``Plan.keys``.
            store: The address of the store in use.

        Returns:
            The ID, or an empty string if the file changed or was made again since, or
            was logged in another store. The run itself may be deleted.
        """
        if key not in self._logged:
            return ""
        digest, logged, run_id, logged_in = self._logged[key]
        is_latest = self._made.get(key) == [digest, logged]
        is_unchanged = logged == self._state(key)
        return str(run_id) if is_latest and is_unchanged and logged_in == store else ""

    def _read(self) -> None:
        """Read the file. Without one, or with a broken one, nothing is known."""
        content = read_state(self._path, SHAPE)
        if content is None:
            return
        made, raw, pending, logged = content
        self._made, self._raw = _lists(made), _lists(raw)
        self._pending, self._logged = _lists(pending), _lists(logged)

    def _write(self) -> None:
        """Replace the file."""
        content = [self._made, self._raw, self._pending, self._logged]
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(content))
        os.replace(temporary, self._path)
        if not self._pending:
            for journal in self._path.parent.glob(JOURNALS):
                journal.unlink(missing_ok=True)

    def _state(self, key: str) -> State:
        """Return the state of a file without its inode."""
        now = state(self._root / key)
        return now[:2] if now else None

    def _digest_all(self, plan: Plan, trust_states: bool) -> dict[str, str]:
        """Return the digest of each dataset, of all that it is made from.

        Args:
            plan: The plan of a run.
            trust_states: Read only the raw files whose state has changed.
        """
        digests = {}
        for name in plan.pipeline.inputs():
            digests[_bare(name)] = self._digest_input(plan, name, trust_states)
        for node in plan.pipeline.nodes:
            input_digests = [digests[_bare(name)] for name in node.inputs]
            node_digest = _sha(node.name, code_digest(node), *input_digests)
            for name in node.outputs:
                settings = plan.settings.get(name, "")
                digests[_bare(name)] = _sha(node_digest, _bare(name), settings)
        return digests

    def _find_outdated(self, plan: Plan, registered: Iterable[list[Node]]) -> None:
        """Find what a run has of other parameters, data or code.

        A run of some nodes takes files of earlier runs. What these would be today has a
        digest, too: it takes all nodes before them, and not the files.
        """
        inputs = plan.pipeline.inputs()
        taken = {name for name in inputs if name in plan.contents}
        are_made = {name for name in taken if plan.keys[name] in self._made}
        makers = find_makers(taken, registered, are_made)
        if not makers.nodes:
            return

        plan_of_makers = Plan(makers, plan.catalog, plan.root)
        # Kedro does that for the pipelines that were asked for alone.
        extractor = TypeExtractor({"": makers})
        plan_of_makers.types = extractor.extract_types_from_pipelines()
        of_today = self._digest_all(plan_of_makers, trust_states=True)
        for name in sorted(taken & makers.all_outputs()):
            if plan.digests[_bare(name)] != of_today[_bare(name)]:
                plan.outdated[name] = name
                plan.disputed |= makers.to_outputs(name).inputs() & inputs
        for node in plan.pipeline.nodes:
            culprits = [
                plan.outdated[name] for name in node.inputs if name in plan.outdated
            ]
            if culprits:
                plan.outdated.update(dict.fromkeys(node.outputs, culprits[0]))

    def _digest_input(self, plan: Plan, name: str, trust_states: bool) -> str:
        """Return the digest of an input of the run."""
        if is_parameter(name):
            value = plan.catalog[name].load()
            expected = plan.types.get(name.removeprefix("params:"))
            if expected and not isinstance(value, BaseModel):
                value = instantiate_model(name, value, expected)
            text = json.dumps(value, default=_plain)
            # Nodes that take all models, such as the leaderboard, do not fit them.
            code = digest_named_code(text) if isinstance(value, BaseModel) else ""
            return _sha(name, text, code)

        now = state(plan.files[name]) if name in plan.files else None
        if now is None:
            return _sha(name, plan.settings[name])

        key, path = plan.keys[name], plan.files[name]
        raw_state = [*now, path.stat().st_ctime_ns]
        _, known = self._raw.get(key, ["", None])
        # The time of a folder does not change with the files in it. A file may be
        # written again within the resolution of its time, or with its old time.
        if path.is_dir() or not trust_states or known != raw_state:
            self._raw[key] = [_content(path), raw_state]
        plan.contents[name] = self._raw[key][0]

        digest, made = self._made.get(key, ["", None])
        if made == now[:2]:
            return str(digest)
        return _sha(name, plan.contents[name], plan.settings[name])

    def _discard_outdated(self, plan: Plan) -> None:
        """Delete files that were made from something else, and what depends on them.

        ``--only-missing-outputs`` itself looks only at whether files exist.
        """
        outdated: set[str] = set()
        for node in plan.pipeline.nodes:
            is_current = all(self._is_current(plan, name) for name in node.outputs)
            depends = any(_bare(name) in outdated for name in node.inputs)
            if depends or not is_current:
                outdated.update(map(_bare, node.outputs))

        names = [
            name
            for name, path in sorted(plan.files.items())
            if _bare(name) in outdated and state(path)
        ]
        discard(plan.catalog, names)

        # Versions of other runs are not deleted.
        deleted = [name for name in names if not state(plan.files[name])]
        if deleted:
            message = "Deleted %d files, to be made again: %s"
            logger.info(message, len(deleted), name_some(deleted), extra=VERBATIM)

    def _is_current(self, plan: Plan, name: str) -> bool:
        """Return True if a dataset is not a file, or is the file that would be made."""
        if name not in plan.files:
            return True
        now = state(plan.files[name])
        made = self._made.get(plan.keys[name])
        return now is not None and made == [plan.digests[_bare(name)], now[:2]]


def name_some(names: list[str]) -> str:
    """Return a few names as a text."""
    return ", ".join(names[:MAX_NAMES] + ["..."] * (len(names) > MAX_NAMES))


def _lists(section: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Return the entries of a section as lists."""
    return {key: [*entry] for key, entry in section.items()}


def _bare(name: str) -> str:
    """Return the name of a dataset without how it is read, as in ``table@pandas``."""
    return name.partition("@")[0]


def _sha(*parts: str) -> str:
    """Return a digest of texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def _settings(config: dict[str, Any]) -> str:
    """Return how a dataset is read and written, and its address if it is remote."""
    ignored = {"metadata", "credentials"}
    if path_in(config):
        ignored.add("filepath")
    settings = {key: value for key, value in config.items() if key not in ignored}
    return json.dumps(settings, default=str)


def _plain(value: object) -> object:
    """Return a parameter as JSON can hold it."""
    if isinstance(value, BaseModel):
        # Without defaults, which may change with the library.
        return value.model_dump(by_alias=True, exclude_unset=True)
    return str(value)


def code_digest(node: Node) -> str:
    """Return a digest of a node's function, its module, and of bound arguments."""
    partial_args = [str(getattr(node.func, key, "")) for key in ("args", "keywords")]
    function = unwrap(getattr(node.func, "func", node.func))
    module = sys.modules.get(getattr(function, "__module__", ""))
    # Functions of a notebook lack a file.
    source = digest_source(getattr(module, "__file__", None))
    name = getattr(function, "__qualname__", "")
    return _sha(source, name, *partial_args)


def _content(path: Path) -> str:
    """Return a digest of a file; of a folder, of the names and states of its files."""
    if not path.is_dir():
        return digest_file(path)
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    return _sha(*(f"{file.relative_to(path)}{state(file)}" for file in files))
