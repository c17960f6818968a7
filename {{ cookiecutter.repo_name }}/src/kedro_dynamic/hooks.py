"""The engine's hooks of a run: turns and record, progress, results, failures."""

import atexit
import logging
import os
import threading
import traceback
from collections.abc import Generator
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import settings
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from rich import get_console
from rich.progress import Progress

from kedro_dynamic.catalog.entries import local_path
from kedro_dynamic.catalog.metadata import read_metadata, section_title
from kedro_dynamic.patches import cache_inputs_outputs
from kedro_dynamic.registry.config_loader import project_path
from kedro_dynamic.runs.command import kedro_command
from kedro_dynamic.runs.console import harmless, print_places, print_table
from kedro_dynamic.runs.failures import discard_failed_models
from kedro_dynamic.runs.provenance import Plan, Provenance, plans
from kedro_dynamic.runs.run_lock import LOCKS_FOLDER, RunLock
from kedro_dynamic.runs.worker import end_with_parent

logger = logging.getLogger(__name__)


class ProgressHook:
    """A progress bar over the nodes of a run; silent where there is no terminal."""

    def __init__(self) -> None:
        self._progress: Progress | None = None

    # Last, when no other hook can refuse the run: nobody would take the bar away.
    @hook_impl(trylast=True)
    @harmless()
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline
    ) -> None:
        """Show the bar."""
        # Kedro's log goes through the same console, hence above the bar.
        console = get_console()
        # ParallelRunner's workers share the terminal but not the bar.
        shared = "ParallelRunner" in run_params["runner"]
        if self._progress is None and console.is_terminal and not shared:
            # No refresh from a thread: forking while it holds a lock could hang.
            self._progress = Progress(
                console=console, transient=True, auto_refresh=False
            )
            self._progress.add_task("Nodes", total=len(pipeline.nodes))
            self._progress.start()
            # Ctrl-C must not leave the terminal without a cursor.
            atexit.register(self.after_pipeline_run)

    @hook_impl
    @harmless()
    def after_node_run(self, node: Node) -> None:
        """Count one node as done."""
        logger.info("Done: %s", node.name)
        if self._progress is not None:
            self._progress.advance(self._progress.task_ids[0])
            self._progress.refresh()

    @hook_impl(tryfirst=True)
    @harmless()
    def after_pipeline_run(self) -> None:
        """Take the bar away."""
        atexit.unregister(self.after_pipeline_run)
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    on_pipeline_error = after_pipeline_run


class ResultHook:
    """Shows what a run has made."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Print the tables that the catalog marks with ``console``, and the places."""
        # Not those of data sets that the run goes on to compare.
        for name in sorted(pipeline.outputs()):
            title = read_metadata(catalog, name).console
            if title and catalog.exists(name):
                table = catalog[name].load()
                print_table(section_title(title, name), table)
        root = project_path()
        paths = (local_path(catalog, name) for name in pipeline.all_outputs())
        inside = {path.parent for path in paths if path and path.is_relative_to(root)}
        # The layers of the data: further down there may be a folder per data set.
        layers = {root.joinpath(*path.relative_to(root).parts[:2]) for path in inside}
        print_places(
            {
                "files": ", ".join(sorted(map(os.path.relpath, layers))),
                "full log": "level INFO for kedro in conf/logging.yml",
            }
        )


class RunHook:
    """Lets runs take turns, and keeps the record of what was made from what.

    Around all other hooks: what they check, read and write is of this run alone.
    """

    def __init__(self) -> None:
        self._locks: dict[int, RunLock] = {}

    @hook_impl(wrapper=True, tryfirst=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> Generator[None]:
        """Wait for one's turn; write what is to be made if no hook refuses the run."""
        self._end_interrupted()
        cache_inputs_outputs(pipeline)
        root, only_missing = project_path(), run_params["only_missing_outputs"]
        plan = Plan(pipeline, catalog, root)
        reads, writes = plan.reads, {*plan.writes.values()}
        lock = RunLock(root / LOCKS_FOLDER, kedro_command(run_params), reads, writes)
        lock.acquire(wait=settings.get("WAIT_FOR_OTHER_RUNS", True))
        try:
            yield
            with Provenance(root).open() as provenance:
                if only_missing:
                    discard_failed_models(pipeline, catalog)
                provenance.begin(plan, only_missing)
        except BaseException:
            lock.release()
            raise
        self._locks[id(catalog)], plans[id(catalog)] = lock, plan

    @hook_impl
    def before_node_run(self) -> None:
        """Let ParallelRunner's workers end with this process."""
        end_with_parent()

    @hook_impl(wrapper=True, tryfirst=True)
    def after_pipeline_run(self, catalog: DataCatalog) -> Generator[None]:
        """Note what was made, and let others go on."""
        try:
            yield
        finally:
            self._end(id(catalog))

    on_pipeline_error = after_pipeline_run

    def _end_interrupted(self) -> None:
        """End the runs that Ctrl-C has ended in a notebook: no hook was told."""
        frames = (frame.f_locals.values() for frame, _ in traceback.walk_stack(None))
        at_work = {id(value) for values in frames for value in values}
        for key, lock in [*self._locks.items()]:
            if lock.thread == threading.get_ident() and key not in at_work:
                self._end(key)

    def _end(self, key: int) -> None:
        lock, plan = self._locks.pop(key), plans.pop(key)
        try:
            with Provenance(plan.root).open() as provenance:
                provenance.settle(plan)
        finally:
            lock.release()
