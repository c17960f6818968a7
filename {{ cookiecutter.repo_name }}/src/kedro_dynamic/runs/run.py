"""The state of a Kedro run, made before its first node and passed on until its end."""

import os
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import pandas as pd
from kedro.framework.session import KedroSession
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from kedro_dynamic.catalog.atomic import AtomicFile, Owner, delete_abandoned
from kedro_dynamic.catalog.files import has_data
from kedro_dynamic.catalog.names import LEADERBOARD
from kedro_dynamic.config.project import loader_in_force, project_path
from kedro_dynamic.registry.config_loader import ProjectConfigLoader
from kedro_dynamic.runs.command import kedro_command
from kedro_dynamic.runs.failures import discard_failed_models
from kedro_dynamic.runs.makers import registered_nodes
from kedro_dynamic.runs.parts import Parts, find_parts
from kedro_dynamic.runs.progress import Progress
from kedro_dynamic.runs.provenance import Plan, Provenance
from kedro_dynamic.runs.run_lock import RunLock, locks_folder
from kedro_dynamic.runs.worker import name_owner

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass
class MlflowRun:
    """The run in MLflow that a Kedro run is tracked in."""

    client: "MlflowClient | None" = None
    """None where the run is not tracked."""

    id: str = ""
    experiment_id: str = ""
    title: str = ""
    """Its name in MLflow."""

    problem: str = ""
    """Why MLflow lacks the run, or a part of it."""


@dataclass(eq=False)
class Run:
    """A Kedro run that has begun and not ended."""

    params: dict[str, Any]
    """What Kedro tells hooks of the run."""

    pipeline: Pipeline
    catalog: DataCatalog
    root: Path
    """The folder of the project."""

    plan: Plan
    lock: RunLock
    provenance: Provenance
    store: Any
    """Where the run is tracked: a ``Store`` of ``tracking/store.py``."""

    progress: Progress = field(default_factory=Progress)
    mlflow: MlflowRun = field(default_factory=MlflowRun)
    source_tags: dict[str, str] = field(default_factory=dict)
    """The commit of the code, and whether it was changed since."""

    source_files: dict[str, str] = field(default_factory=dict)
    """Uncommitted changes and versions of libraries, by the name of their file."""

    logged_runs: dict[str, str] = field(default_factory=dict)
    """The MLflow run that each output was logged in, by the output's name."""

    parts: Parts | None = None
    """The parts that it is one of, where an orchestrator runs its pipeline."""

    start: float = field(default_factory=time.time)
    """Seconds since the epoch."""

    process: int = field(default_factory=os.getpid)
    thread: int = field(default_factory=threading.get_ident)
    session: FrameType | None = None
    """The call of its session; None for code of one's own that calls hooks."""

    @property
    def owner(self) -> Owner:
        """What tells a process that its files belong to this run."""
        return Owner(self.lock.folder, self.process, self.provenance.journal)

    @property
    def name(self) -> str:
        """The names of its pipelines, as kedro-mlflow joins them."""
        return "+".join(self.params.get("pipeline_names") or ["__default__"])

    @property
    def whole(self) -> Pipeline:
        """Its pipeline, or the one that it is a part of."""
        return self.parts.whole if self.parts else self.pipeline

    def prepare_outputs(self) -> None:
        """Note what the run is going to make, and delete what it makes again."""
        only_missing, address = self.params["only_missing_outputs"], self.store.address
        written = [self.plan.files[name] for name in self.plan.writes]
        delete_abandoned({path.parent for path in written})
        with self.provenance.open() as provenance:
            if only_missing:
                discard_failed_models(self.pipeline, self.catalog)
            provenance.begin(self.plan, only_missing, registered_nodes(self.params))
            for name, key in self.plan.writes.items():
                self.logged_runs[name] = provenance.run_of(key, address)
        name_owner(self.owner)
        self.progress.start(self.params, self.pipeline)

    def ran_nothing(self) -> bool:
        """Return True if the runner ran no node, such as one that only shows them."""
        # Worker processes count their nodes themselves.
        is_shared = "ParallelRunner" in self.params["runner"]
        if is_shared or self.params["only_missing_outputs"] or self.progress.done:
            return False
        return not any(map(self.plan.made, self.plan.before))

    def restore_provenance(self) -> None:
        """Restore the provenance of before the run."""
        with self.provenance.open() as provenance:
            provenance.restore(self.plan)

    def become_whole(self) -> None:
        """Replace the plan of this part, the last one, by that of all parts."""
        part = self.plan
        self.pipeline = self.whole
        self.plan = Plan(self.pipeline, self.catalog, self.root)
        with self.provenance.open() as provenance:
            provenance.settle(part, ended=True)
            provenance.adopt(self.plan)

    def close(self, ended: bool = True) -> None:
        """Note what was made, and let other runs continue.

        Args:
            ended: False if the run was interrupted.
        """
        _runs.remove(self)
        self.progress.stop()
        address = self.store.address
        try:
            with self.provenance.open() as provenance:
                provenance.settle(self.plan, ended)
                for name, run_id in self.logged_runs.items():
                    key = self.plan.writes.get(name)
                    if key and run_id:
                        provenance.remember_run(key, run_id, address)
        finally:
            if not open_runs():
                AtomicFile.owner = None
                self.provenance.journal.unlink(missing_ok=True)
            self.lock.release()


# The runs that have begun and not ended. Sessions in several threads share the process.
_runs: list[Run] = []


def begin_run(
    params: dict[str, Any],
    pipeline: Pipeline,
    catalog: DataCatalog,
    store: Any,
    *,
    wait: bool,
) -> Run:
    """Make the Run of a pipeline, once no other run uses the same files.

    Args:
        params: What Kedro tells hooks of the run.
        pipeline: What is going to run.
        catalog: Its catalog, by which the run is found again.
        store: Where it is tracked.
        wait: Whether to wait for other runs, or to refuse this one.

    Raises:
        ConfigurationError: If another run uses the same files and this one must not
            wait.
    """
    root = project_path()
    plan = Plan(pipeline, catalog, root)
    loader = loader_in_force()
    storage = None
    if isinstance(loader, ProjectConfigLoader):
        storage = loader.storage_root()
    folder = locks_folder(root, storage)

    def name_files(keys: Iterable[str]) -> set[str]:
        """Return the names of files, the same for each project with this storage."""
        return {os.path.relpath(root / key, folder.parent) for key in keys}

    reads, writes = name_files(plan.reads), name_files(plan.writes.values())
    lock = RunLock(folder, kedro_command(params), reads, writes)
    lock.acquire(wait=wait)

    provenance = Provenance(root)
    run = Run(params, pipeline, catalog, root, plan, lock, provenance, store)
    run.session = next(iter(running_sessions()), None)
    if not store.in_callers_run:
        run.parts = find_parts(params, pipeline, folder)
    _runs.append(run)
    return run


def find_run(catalog: DataCatalog) -> Run | None:
    """Return the run that a catalog belongs to; None in a worker process."""
    for run in _runs:
        if run.catalog is catalog and run.process == os.getpid():
            return run
    return None


def interrupted_runs() -> list[Run]:
    """Return the runs of this thread that ended without a hook being called.

    Ctrl-C in a notebook ends a run so. Then its session is not among the calls that
    this thread is in.
    """
    sessions = running_sessions()
    return [
        run
        for run in open_runs()
        if run.thread == threading.get_ident()
        and run.session is not None
        and run.session not in sessions
    ]


def open_runs() -> list[Run]:
    """Return the runs of this process that have begun and not ended."""
    return [run for run in _runs if run.process == os.getpid()]


def running_sessions() -> list[FrameType]:
    """Return the calls of ``KedroSession.run`` of this thread, innermost first."""
    sessions = []
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code is KedroSession.run.__code__:
            sessions.append(frame)
        frame = frame.f_back
    return sessions


def load_leaderboard(run: Run) -> pd.DataFrame | None:
    """Return the leaderboard as it is on disk; None where the run does not make one."""
    if LEADERBOARD not in run.pipeline.all_outputs():
        return None
    if not has_data(run.catalog, LEADERBOARD):
        return None
    leaderboard: pd.DataFrame = run.catalog[LEADERBOARD].load()
    return leaderboard
