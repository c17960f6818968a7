"""Runs nodes on Dask's workers; imported only where ``--runner`` names it.

Kedro's own loop stays, only its executor is another. What travels is a node with its
parameters and the entries of its datasets, as bytes: tables go through the storage.
"""

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any, cast

import cloudpickle
from kedro.framework import project
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import AbstractRunner
from kedro.runner.task import Task

from kedro_dynamic.catalog.entries import config_of
from kedro_dynamic.config.errors import ConfigurationError, one_line
from kedro_dynamic.config.project import package_name, project_path
from kedro_dynamic.runners import dask_worker
from kedro_dynamic.runs.failures import KEEP_GOING, log_failure, save_failures
from kedro_dynamic.runs.run import find_run

RESTART = "python -c \"from dask.distributed import Client; Client('{}').restart()\""


class DaskRunner(AbstractRunner):
    """Kedro's runner on the workers of a scheduler, or on some of its own."""

    _logger = logging.getLogger("kedro.runner")  # as loud as Kedro's other runners

    def __init__(
        self,
        address: str = "",
        workers: int | None = None,
        timeout: float = 60,
        is_async: bool = False,
    ):
        super().__init__(is_async=is_async)
        self._own = {
            "n_workers": workers,
            "threads_per_worker": 1,
            "host": "127.0.0.1",
            "dashboard_address": "127.0.0.1:0",
            "env": dask_worker.QUIET,
        }
        self._address, self._timeout = address, timeout
        if not address:
            dask_worker.warm_up()
        self._client: Any = None
        self._work: Any = None
        self._sent: set[Any] = set()  # Dask forgets what nobody keeps

    def _run(self, pipeline: Pipeline, catalog: Any, *args: Any) -> None:
        in_memory = [
            f"{name}: is only in memory, where no other worker finds it"
            for name in sorted(pipeline.all_outputs())
            if isinstance(catalog[name], MemoryDataset)
        ]
        if in_memory:
            advice = "'--env=dask' keeps them in files; or add entries of your own"
            raise ConfigurationError.listing("The catalog", in_memory, advice=advice)
        super()._run(pipeline, catalog, *args)

    @contextmanager
    def _get_executor(self, _: int) -> Iterator["DaskRunner"]:  # type: ignore[override]
        from dask.distributed import Client, LocalCluster

        address: Any = self._address
        with ExitStack() as stack:
            if not address:
                address = stack.enter_context(LocalCluster(**self._own))
            try:
                client = stack.enter_context(Client(address, timeout=self._timeout))
                client.wait_for_workers(1, self._timeout)
            except (OSError, ValueError) as error:  # TimeoutError is one of them
                missing = f"no Dask scheduler at {address}, or it has no workers"
                raise ConfigurationError(
                    f"--runner-params: {missing} ({one_line(error)}); start them with\n"
                    f"  dask scheduler --host 127.0.0.1\n  dask worker {address}"
                ) from None
            self._client, self._work = client, self._greet(client)
            over = threading.Event()
            stack.callback(over.set)
            threading.Thread(target=self._watch, args=[over], daemon=True).start()
            yield self

    @staticmethod
    def _greet(client: Any) -> Any:
        """Return what workers are to do with nodes, which none of them may refuse."""
        module, package = dask_worker.__name__, package_name()
        known = dask_worker.fingerprint(package)
        log = cloudpickle.dumps(dict(project.LOGGING))

        # A function in a function travels as code: the scheduler needs only Dask.
        def run(content: bytes) -> None:
            from importlib import import_module

            import_module(module).work(package, known, log, content)

        answers = client.run(run, b"", on_error="return")
        if wrong := [f"{worker}: {no}" for worker, no in answers.items() if no]:
            advice = "Install there what is here, and restart all workers with\n  "
            advice += RESTART.format(client.scheduler.address)
            raise ConfigurationError.listing("The cluster", wrong, advice=advice)
        what = "Dask: %d workers, dashboard at %s"
        logging.getLogger(__name__).info(what, len(answers), client.dashboard_link)
        return run

    def submit(self, task: Task) -> Future[Node]:
        """Send a node to whatever worker is free."""
        node, catalog = task.node, cast(DataCatalog, task.catalog)
        names = {*node.inputs, *node.outputs}
        part = DataCatalog({name: catalog[name] for name in names})
        entries = {name: config_of(catalog, name) for name in names}
        part.config_resolver.config.update(entries)
        # Private, for a catalog takes validators from the configuration only.
        part._validator_specs = catalog.validator_specs
        content = (node, part, task.is_async, task.run_id, project_path())
        sent = self._client.submit(self._work, cloudpickle.dumps(content), pure=False)
        done: Future[Node] = Future()
        self._sent.add(sent)
        sent.add_done_callback(partial(self._finish, task, done))
        return done

    def _finish(self, task: Task, done: Future[Node], sent: Any) -> None:
        """Hand the outcome of a node to Kedro's loop."""
        from dask.distributed import KilledWorker

        self._sent.discard(sent)
        try:
            if sent.status in ("cancelled", "lost"):
                raise ConfigurationError("Dask lost its scheduler, or all its workers")
            match sent.exception():
                case KilledWorker():
                    _note_death(task)
                case BaseException() as error:
                    raise error
            run = find_run(cast(DataCatalog, task.catalog))
            if run is not None:
                run.progress.advance(task.node)
            done.set_result(task.node)
        except BaseException as error:
            done.set_exception(error)

    def _watch(self, over: threading.Event) -> None:
        """Give up on all nodes when there has been no worker for some time."""
        seen = time.monotonic()
        while not over.wait(1):
            with suppress(Exception):  # no scheduler, either
                seen = time.monotonic() if self._client.nthreads() else seen
            if time.monotonic() - seen > self._timeout:
                self._client.cancel([*self._sent])


def _note_death(task: Any) -> None:
    """Make it a model's failure that every worker died which ran a node of it."""
    name = task.node.name
    died = RuntimeError("each worker that ran it died, most likely for lack of memory")
    if KEEP_GOING not in task.node.tags:
        raise ConfigurationError(f"{name}: {died}")
    failures = dict.fromkeys(task.node.outputs, log_failure(died, name))
    save_failures(failures, task.catalog)
