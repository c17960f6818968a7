"""A runner that runs nodes on the workers of Dask.

Imported only if ``--runner`` names it. Kedro's own loop decides which node is ready;
only the executor is Dask's. A node travels with its parameters and with the catalog
entries of its datasets, as bytes. Tables do not travel: workers load and save them in
the storage.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
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
from kedro_dynamic.runs.failures import KEEP_GOING, describe_failure, save_failures
from kedro_dynamic.runs.run import find_run

# Restarts the workers of the scheduler at an address.
RESTART_COMMAND = (
    "python -c \"from dask.distributed import Client; Client('{}').restart()\""
)

POLL_INTERVAL = 1  # seconds between two looks at whether there are workers

logger = logging.getLogger(__name__)


class DaskRunner(AbstractRunner):
    """Runs nodes on the workers of a Dask scheduler.

    Args:
        address: The address of a scheduler, such as ``tcp://host:8786``. If empty, the
            runner starts a scheduler and workers on this machine.
        workers: How many workers to start on this machine. By default, one per core.
        timeout: How many seconds to wait for a scheduler, or without any worker.
        is_async: Load and save the datasets of a node in threads.
    """

    # So that conf/logging.yml sets the level of all runners.
    _logger = logging.getLogger("kedro.runner")

    def __init__(
        self,
        address: str = "",
        workers: int | None = None,
        timeout: float = 60,
        is_async: bool = False,
    ):
        super().__init__(is_async=is_async)
        self._address = address
        self._timeout = timeout
        self._local_cluster = {
            "n_workers": workers,
            "threads_per_worker": 1,
            "host": "127.0.0.1",
            "dashboard_address": "127.0.0.1:0",
            "env": dask_worker.QUIET,
        }
        if not address:
            dask_worker.warm_up()
        self._client: Any = None
        self._run_on_worker: Callable[[bytes], None] | None = None
        # Dask cancels a task when nobody holds its future.
        self._dask_futures: set[Any] = set()

    def submit(self, task: Task) -> Future[Node]:
        """Send a node to a worker. Called by Kedro's loop, as of any executor.

        Args:
            task: The node, with its catalog.

        Returns:
            A future whose result is the node, once a worker has run it.
        """
        node, catalog = task.node, cast(DataCatalog, task.catalog)
        names = {*node.inputs, *node.outputs}
        part = DataCatalog({name: catalog[name] for name in names})
        # Hooks in the worker look up the files of a node in its entries.
        entries = {name: config_of(catalog, name) for name in names}
        part.config_resolver.config.update(entries)
        # Private: a catalog takes validators only from a configuration.
        part._validator_specs = catalog.validator_specs

        run = find_run(catalog)
        owner = run.owner if run is not None else None
        content = (node, part, task.is_async, task.run_id, project_path(), owner)
        dask_future = self._client.submit(
            self._run_on_worker, cloudpickle.dumps(content), pure=False
        )
        future: Future[Node] = Future()
        self._dask_futures.add(dask_future)
        dask_future.add_done_callback(partial(self._finish, task, future))
        return future

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
        from dask.distributed import LocalCluster

        with ExitStack() as stack:
            address: Any = self._address
            if not address:
                address = stack.enter_context(LocalCluster(**self._local_cluster))
            self._client = self._connect(address, stack)
            self._run_on_worker = _check_workers(self._client)

            ended = threading.Event()
            stack.callback(ended.set)
            threading.Thread(target=self._watch, args=[ended], daemon=True).start()
            yield self

    def _connect(self, address: Any, stack: ExitStack) -> Any:
        """Return a client of a scheduler that has workers, which the stack closes.

        Raises:
            ConfigurationError: If no scheduler answers, or it lacks workers.
        """
        from dask.distributed import Client

        try:
            client = stack.enter_context(Client(address, timeout=self._timeout))
            client.wait_for_workers(1, self._timeout)
        # TimeoutError is an OSError.
        except (OSError, ValueError) as error:
            missing = f"no Dask scheduler at {address}, or one without workers"
            raise ConfigurationError(
                f"--runner-params: {missing} ({one_line(error)}); start them with\n"
                f"  dask scheduler --host 127.0.0.1\n  dask worker {address}"
            ) from None
        return client

    def _finish(self, task: Task, future: Future[Node], dask_future: Any) -> None:
        """Pass the outcome of a node on to Kedro's loop."""
        from dask.distributed import KilledWorker

        self._dask_futures.discard(dask_future)
        try:
            if dask_future.status in ("cancelled", "lost"):
                raise ConfigurationError("Dask lost its scheduler, or all its workers")
            problem = dask_future.exception()
            if isinstance(problem, KilledWorker):
                _save_death(task)
            elif problem is not None:
                raise problem
            # The hooks of the main process are not called for nodes.
            run = find_run(cast(DataCatalog, task.catalog))
            if run is not None:
                run.progress.advance(task.node)
            future.set_result(task.node)
        except BaseException as error:
            future.set_exception(error)

    def _watch(self, ended: threading.Event) -> None:
        """Cancel all nodes when there has been no worker for the timeout."""
        last_seen = time.monotonic()
        while not ended.wait(POLL_INTERVAL):
            # There may be no scheduler, either.
            with suppress(Exception):
                if self._client.nthreads():
                    last_seen = time.monotonic()
            if time.monotonic() - last_seen > self._timeout:
                self._client.cancel([*self._dask_futures])


def _check_workers(client: Any) -> Callable[[bytes], None]:
    """Return the function that runs a node on a worker, once it works on all of them.

    Raises:
        ConfigurationError: If a worker lacks the project, or has other code of it.
    """
    module, package = dask_worker.__name__, package_name()
    fingerprint = dask_worker.fingerprint(package)
    log_config = cloudpickle.dumps(dict(project.LOGGING))

    # A function in a function travels as code, so the scheduler needs only Dask.
    def run_on_worker(content: bytes) -> None:
        from importlib import import_module

        import_module(module).work(package, fingerprint, log_config, content)

    answers = client.run(run_on_worker, b"", on_error="return")
    problems = [f"{worker}: {error}" for worker, error in answers.items() if error]
    if problems:
        advice = "Install there what is here, and restart all workers with\n  "
        advice += RESTART_COMMAND.format(client.scheduler.address)
        raise ConfigurationError.listing("The cluster", problems, advice=advice)
    message = "Dask: %d workers, dashboard at %s"
    logger.info(message, len(answers), client.dashboard_link)
    return run_on_worker


def _save_death(task: Task) -> None:
    """Make it a failure of the model that each worker died which ran the node.

    Raises:
        ConfigurationError: If the node is not of a model.
    """
    name = task.node.name
    error = RuntimeError("each worker that ran it died, most likely for lack of memory")
    if KEEP_GOING not in task.node.tags:
        raise ConfigurationError(f"{name}: {error}")
    failures = dict.fromkeys(task.node.outputs, describe_failure(error))
    save_failures(failures, cast(DataCatalog, task.catalog))
