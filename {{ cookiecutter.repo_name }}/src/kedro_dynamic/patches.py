"""Every change that the library makes to the process, with its reason.

``apply`` makes those that last as long as the process; the hook calls the others. The
figures are CPU times. For each change, a test says whether it is still needed:
``tests/library/test_patches.py`` in the library's repository.

Four changes are elsewhere: the runner for Dask configures Dask, a run names its run in
MLflow and the folder of its lock to worker processes by environment variables, a served
text model changes the server, and the config loader replaces a private method of
Kedro's (1.7), ``_read_raw_config``, to see files before they are merged.
"""

import atexit
import gc
import io
import logging
import math
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import fsspec
import parse
from kedro.io import catalog_config_resolver
from kedro.pipeline import Pipeline
from kedro_mlflow.config.resolvers import resolve_random_name
from omegaconf import OmegaConf
from rich.console import Console
from rich.errors import MarkupError
from rich.logging import RichHandler
from rich.text import Text

from kedro_dynamic.catalog.atomic import AtomicFileSystem
from kedro_dynamic.config.library import PACKAGE_VARIABLE
from kedro_dynamic.config.project import package_name
from kedro_dynamic.runs.worker import end_with_parent

# Warnings that libraries raise about themselves. A user cannot act on them.
NOISE = (
    "Add type hints to the `predict` method",
    "ORJSONResponse is deprecated",
    # Kedro's resolvers, which omegaconf 2.4 would have registered in another way.
    "register_new_resolver(",
    # kedro-mlflow does that.
    "Passing a Python object as `python_model`",
    # For each part of a pipeline that Kedro makes, as for a hint or a picture.
    "is no longer a 'PipelineML' object",
    # Kedro's advice at an error that says itself what to do.
    "No nodes ran. Repeat the previous command",
    # For each look at a dataset, if the project's catalog has a catch-all pattern.
    "Config from the dataset pattern",
)
NOISY_LOGGERS = (
    "py.warnings",
    "mlflow.pyfunc",
    "kedro_mlflow.pipeline.pipeline_ml",
    "kedro.io.catalog_config_resolver",
    "kedro.runner.sequential_runner",
    "kedro.runner.thread_runner",
    "kedro.runner.parallel_runner",
)

# Objects that are created before Python's garbage collector looks for unused ones.
GARBAGE_THRESHOLD = 50_000

# Bytes that may arrive in a block with limited answers, and how many arrive in a second
# that does not count.
MAX_ANSWERS = 2**28
BYTES_PER_SECOND = 100_000

_answers = threading.local()

# How long MLflow waits for a locked SQLite database, in each thread.
_sqlite_waiting = threading.local()
SQLITE_WAITING_DEFAULT = 5.0  # seconds, as in Python's sqlite3


def apply() -> None:
    """Make the changes that last as long as the process."""
    silence_noise()
    log_warnings()
    log_progress()
    log_faulty_markup()
    replace_plugin_hook()
    register_resolvers()
    write_atomically()
    match_patterns_fast()
    ignore_broken_pipes()
    replace_unencodable_characters()
    collect_garbage_rarely()
    limit_distances()
    end_with_parent()


def cache_inputs_outputs(pipeline: Pipeline) -> Pipeline:
    """Make a pipeline compute its inputs and outputs once, and each part of it, too.

    Reason: Kedro's runners compute the inputs and outputs of the pipeline again after
    each node, to release datasets. The time grows with the square of the nodes.

    Gain: 1.3 instead of 5.4 ms per model, in a run of 300 models of three nodes.

    Upstream: "A Pipeline does not change once it is made, so inputs() and outputs() can
    be cached. A run calls both for each dataset that it releases."

    Args:
        pipeline: The pipeline of a run. Changed.

    Returns:
        The same pipeline.
    """
    compute_inputs, compute_outputs = pipeline.inputs, pipeline.outputs
    select = pipeline.filter

    # A run of missing outputs filters the pipeline that it is given.
    def select_and_cache(*args: Any, **kwargs: Any) -> Pipeline:
        return cache_inputs_outputs(select(*args, **kwargs))

    vars(pipeline).update(
        inputs=cache(lambda: frozenset(compute_inputs())),
        outputs=cache(lambda: frozenset(compute_outputs())),
        filter=select_and_cache,
    )
    return pipeline


def match_patterns_fast() -> None:
    """Make Kedro compile each dataset factory pattern once.

    Reason: Kedro compiles each pattern for each name that it looks up. It offers no way
    to give a catalog another resolver, so a function of its module is replaced.

    Gain: 0.2 instead of 1.0 ms per model, with 4 patterns and 5 datasets per model.

    Upstream: "CatalogConfigResolver calls parse.parse(pattern, name) for each pair of
    pattern and name; parse.compile(pattern) once per pattern is five times as fast."
    """
    compiled = cache(parse.compile)

    # One name is matched once for each value in the entry.
    @lru_cache(maxsize=8)
    def match(pattern: str, name: str) -> Any:
        suffix = pattern.rpartition("}")[2].lower()
        if not name.lower().endswith(suffix):
            return None
        return compiled(pattern).parse(name)

    vars(catalog_config_resolver)["parse"] = match


def log_progress() -> None:
    """Show the library's messages, such as a line per node, by default.

    Reason: Kedro sets the level of the project's package to INFO, and this is another
    package. Without conf/logging.yml, as in a wheel, nothing would show the progress.
    """
    logger = logging.getLogger("kedro_dynamic")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)


def replace_plugin_hook() -> None:
    """Make kedro-mlflow's hook, which Kedro finds by itself, do nothing.

    Reason: the library's hook calls kedro-mlflow's. A project that disables the hooks
    of another plugin replaces the setting that disables this one.
    """
    vars(import_module("kedro_mlflow.framework.hooks.mlflow_hook")).update(
        mlflow_hook=object()
    )


def register_resolvers() -> None:
    """Register kedro-mlflow's resolvers before anything reads ``mlflow.yml``.

    Reason: kedro-mlflow registers them in its hook, just before it reads the file. The
    library and commands of kedro-mlflow read it earlier.
    """
    OmegaConf.register_new_resolver(
        "km.random_name", resolve_random_name, use_cache=True, replace=True
    )


def log_faulty_markup() -> None:
    """Show words in brackets as they are where they are not Rich's markup.

    Reason: Kedro's handler takes all messages for Rich's markup. A label ``[/b]`` in a
    message is a traceback in the log, and the message is lost.
    """
    render = RichHandler.render_message

    def render_or_show(
        self: RichHandler, record: logging.LogRecord, message: str
    ) -> Any:
        try:
            return render(self, record, message)
        except MarkupError:
            return Text(message)

    RichHandler.render_message = render_or_show  # type: ignore[method-assign]


def write_atomically() -> None:
    """Make each dataset of the catalog write whole files, or none.

    Reason: fsspec's local file system writes in place. A run that is killed, or a disk
    that is full, leaves half a file where the file of the last run was.

    Upstream: "LocalFileSystem(autocommit=False) writes to the folder of temporary files
    and moves from there, which is not atomic across disks. Write beside the target."
    """
    for protocol in AtomicFileSystem.protocol:
        fsspec.register_implementation(protocol, AtomicFileSystem, clobber=True)


def collect_garbage_rarely() -> None:
    """Make Python's garbage collector look rarely, and not once more at the end.

    Reason: at the end of a run there are half a million objects, most of them part of
    modules, and none of them garbage. The collector looks at all of them several times.

    Gain: 1.1 of 5.4 s, in a run of three models.
    """
    gc.set_threshold(GARBAGE_THRESHOLD)
    atexit.register(gc.freeze)


def silence_noise() -> None:
    """Filter the warnings that nobody can act on out of the log.

    Reason: MLflow overrules the filters of the module ``warnings``.
    """

    def is_worth_reading(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        return not any(noise in message for noise in NOISE)

    for name in NOISY_LOGGERS:
        logging.getLogger(name).addFilter(is_worth_reading)


def log_warnings() -> None:
    """Log warnings again, which ``conf/logging.yml`` turns off.

    Reason: Kedro imports all installed plugins before the settings of the project. What
    they warn about while they are imported does not concern the project.
    """
    logging.getLogger("py.warnings").setLevel(logging.WARNING)


def ignore_broken_pipes() -> None:
    """Make a run go on when nobody reads what it prints.

    Reason: in ``kedro run | head -1``, Rich ends the process when it prints a second
    time. If a node logs something, its model fails.

    Upstream: https://github.com/Textualize/rich/issues/3400 asks for what this does.
    """

    def on_broken_pipe(console: Console) -> None:
        console.quiet = True
        # Later calls of print() fail, too, and so does Python's last flush.
        with suppress(OSError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, console.file.fileno())
            os.close(null)

    Console.on_broken_pipe = on_broken_pipe  # type: ignore[method-assign, assignment]


def replace_unencodable_characters() -> None:
    """Print ``?`` in place of a character that the encoding of the output lacks.

    Reason: Rich keeps the text that it could not print, so every later table and every
    later message of the log fails, too.

    Upstream: "A Console keeps its buffer when its file raises UnicodeEncodeError."
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def name_package_for_workers() -> None:
    """Name the project's package to the processes that ``ParallelRunner`` spawns.

    Reason: Kedro does not configure them. Hooks of the project would be missing, and
    plugins that the project disables would run.

    Upstream: "Task.execute reads PACKAGE_NAME in the worker, where it is None if the
    worker was spawned, so that the project is never configured there. Send it along."
    """
    os.environ[PACKAGE_VARIABLE] = package_name()


def limit_distances() -> None:
    """Make scikit-learn compute distances between rows in blocks of 64 MiB.

    An environment variable that is set already is left as it is.

    Reason: blocks of 1 GiB, of which there are three at a time. Nearest neighbours of
    5,000 long texts among 20,000 took 1.4 GiB, and take 0.1 in the same time.
    """
    os.environ.setdefault("SKLEARN_WORKING_MEMORY", "64")


def limit_mlflow(timeout_seconds: float) -> None:
    """Make MLflow wait seconds, not minutes, for a server, and log less about it.

    Environment variables that are set already are left as they are.

    Reason: a server that went away stopped a run for 258 s.

    Args:
        timeout_seconds: How long one request may take.
    """
    variables = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(max(1, math.ceil(timeout_seconds))),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        # A server may ask to retry after minutes.
        "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
        # There would be a bar for each of many small files, between lines of the log.
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        # MLflow prints addresses with their passwords.
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    for name, value in variables.items():
        os.environ.setdefault(name, value)

    # A warning for each retry, and a traceback for what the end of the run says.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


@contextmanager
def answers_within(seconds: float) -> Iterator[None]:
    """Limit how long this thread waits for the answers of servers in the block, in all.

    Time for computing and for sending does not count. So a block may send large files,
    which end on their own after a time without progress.

    Reason: the limit of ``requests`` counts anew with each byte. A server that sends a
    byte each second stopped a run for ever, and one with an endless answer took 2.7 GB
    of memory. Only the socket is a place that all reads go through: headers,
    redirects and retries are read by other code than bodies.

    Args:
        seconds: How long to wait. Each 100 kB that arrive give back one second.

    Raises:
        TimeoutError: When it is over, at each further read; libraries make their own
            errors of it.
    """
    _limit_reads()
    before = getattr(_answers, "left", None)
    _answers.left = _Left(seconds, MAX_ANSWERS)
    try:
        yield
    finally:
        _answers.left = before


@dataclass
class _Left:
    """What is left of the limits of a block."""

    seconds: float
    size: int

    def count(self, seconds: float, size: int) -> None:
        """Count a read."""
        self.seconds -= max(0.0, seconds - size / BYTES_PER_SECOND)
        self.size -= size


@cache
def _limit_reads() -> None:
    """Make reads from sockets count, in threads that have limits."""
    read = socket.SocketIO.readinto

    def read_and_count(self: socket.SocketIO, buffer: Any) -> int | None:
        left: _Left | None = getattr(_answers, "left", None)
        if left is None:
            return read(self, buffer)
        if left.seconds <= 0 or left.size <= 0:
            raise TimeoutError("the answers of the server take too long")

        connection: socket.socket = vars(self)["_sock"]
        limit = connection.gettimeout()
        connection.settimeout(min(limit or left.seconds, left.seconds))
        start, size = time.monotonic(), 0
        try:
            size = read(self, buffer) or 0
            return size
        finally:
            left.count(time.monotonic() - start, size)
            connection.settimeout(limit)

    socket.SocketIO.readinto = read_and_count  # type: ignore[method-assign, assignment]


def limit_sqlite_waiting(seconds: float) -> None:
    """Make MLflow wait less for a locked SQLite database, in this thread.

    Imports MLflow's database code, which takes half a second: to be called only where
    the store may be SQLite. A later call holds from the next request on.

    Reason: MLflow waits 20 seconds in each request without a setting for it. It begins
    each session with a statement that says so, whose text is replaced here. Tried and
    worse: a listener of SQLAlchemy, called for each statement (2,220 times in a run of
    three models); an authorizer of SQLite on each connection, called for each column
    that a statement reads (15,192 times for 2,708 statements), and final.

    Upstream: "Read SQLite's busy_timeout, 20 s since mlflow#6490, from an environment
    variable, as the size of the pool is."

    Args:
        seconds: How long one request may wait.
    """
    _replace_pragma()
    _sqlite_waiting.seconds = seconds


@cache
def _replace_pragma() -> None:
    """Replace MLflow's statement about waiting by one with the limit of the thread."""
    from mlflow.store.db import utils
    from sqlalchemy import sql

    def text(statement: str) -> Any:
        if statement.startswith("PRAGMA busy_timeout"):
            seconds = getattr(_sqlite_waiting, "seconds", SQLITE_WAITING_DEFAULT)
            statement = f"PRAGMA busy_timeout = {1000 * seconds:.0f}"
        return sql.text(statement)

    vars(utils)["sql"] = SimpleNamespace(**{**vars(sql), "text": text})
