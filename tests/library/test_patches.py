"""Changes to the process: what they do, and whether they are still needed.

A test whose name begins with `test_needed` fails when a library no longer does what a
patch is there for. Then delete the patch.
"""

from __future__ import annotations

import gc
import importlib.util
import inspect
import logging
import os
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import mlflow.environment_variables
import parse
import pytest
import requests
from fsspec.implementations.local import LocalFileSystem
from kedro.framework.hooks.manager import (
    _create_hook_manager,
    _register_hooks_entry_points,
)
from kedro.io import DataCatalog, MemoryDataset
from kedro.logging import RichHandler as KedroHandler
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro.runner.task import Task
from kedro_dynamic import patches
from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
from omegaconf import OmegaConf
from rich.console import Console
from rich.errors import MarkupError
from rich.logging import RichHandler
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

from library.mlflow_store import new_store

# Prints by Rich, as Kedro's log does, and by Python. Waits in between, for the test to
# close the pipe.
PRINTING = """
import sys
from rich import get_console
from kedro_dynamic import patches

patches.ignore_broken_pipes()
patches.replace_unencodable_characters()
for number in range(3):
    get_console().print(f"line {number} \\N{PLUS-MINUS SIGN}", highlight=False)
    sys.stdin.readline()
print("plain", flush=True)
sys.exit(3)
"""


def unpatched(name: str) -> ModuleType:
    """Return a copy of a module, as it is before anything of it is replaced."""
    spec = importlib.util.find_spec(name)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def increment(value: int) -> int:
    return value + 1


def chain(length: int) -> Pipeline:
    """Return a pipeline of nodes, each of which needs the output of the one before."""
    nodes = [
        Node(increment, f"value_{number}", f"value_{number + 1}", name=f"step_{number}")
        for number in range(length)
    ]
    return Pipeline(nodes)


def run(pipeline: Pipeline) -> None:
    """Run a pipeline without hooks."""
    SequentialRunner().run(pipeline, DataCatalog({"value_0": MemoryDataset(0)}))


def test_inputs_and_outputs_are_found_once(searched: list[Pipeline]) -> None:
    pipeline = patches.cache_inputs_outputs(chain(9))
    run(pipeline)
    assert sum(found is pipeline for found in searched) == 2
    part = pipeline.filter(to_nodes=["step_3"])
    searched.clear()
    run(part)
    assert sum(found is part for found in searched) == 2


def test_needed_because_kedro_finds_inputs_and_outputs_for_each_node(
    searched: list[Pipeline],
) -> None:
    pipeline = chain(9)
    run(pipeline)
    assert sum(found is pipeline for found in searched) > 9


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the patterns that are compiled from now on."""
    patterns: list[str] = []
    make = parse.Parser.__init__

    def note(self: Any, pattern: str, *args: Any, **kwargs: Any) -> None:
        patterns.append(pattern)
        make(self, pattern, *args, **kwargs)

    monkeypatch.setattr(parse.Parser, "__init__", note)
    return patterns


PATTERNS = {"{name}_table": {"type": "MemoryDataset"}}


def test_patterns_are_compiled_once(
    compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = unpatched("kedro.io.catalog_config_resolver")
    monkeypatch.setattr(patches, "catalog_config_resolver", module)
    patches.match_patterns_fast()
    resolver = module.CatalogConfigResolver(PATTERNS)
    for name in ("a_table", "b_table", "A_TABLE"):
        assert resolver.match_dataset_pattern(name) == "{name}_table"
    assert resolver.match_dataset_pattern("a_model") is None
    assert compiled == ["{name}_table"]


def test_needed_because_kedro_compiles_patterns_for_each_name(
    compiled: list[str],
) -> None:
    module = unpatched("kedro.io.catalog_config_resolver")
    resolver = module.CatalogConfigResolver(PATTERNS)
    compiled.clear()
    for name in ("a_table", "b_table", "c_table"):
        resolver.match_dataset_pattern(name)
    assert len(compiled) >= 3


def test_needed_because_fsspec_writes_in_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with LocalFileSystem().open(str(path), "wb"):
        assert path.read_text() == ""


def test_needed_because_the_garbage_collector_looks_often() -> None:
    code = "import gc; print(gc.get_threshold()[0])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert int(done.stdout) < patches.GARBAGE_THRESHOLD / 2


def test_garbage_is_collected_rarely() -> None:
    before = gc.get_threshold()
    patches.collect_garbage_rarely()
    threshold = gc.get_threshold()
    gc.set_threshold(*before)
    assert threshold[0] == patches.GARBAGE_THRESHOLD


def test_only_noise_is_silenced(caplog: pytest.LogCaptureFixture) -> None:
    patches.silence_noise()
    for name in patches.NOISY_LOGGERS:
        logger = logging.getLogger(name)
        for noise in patches.NOISE:
            logger.warning("%s and so on", noise)
        logger.warning("a finding")
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["a finding"] * len(patches.NOISY_LOGGERS)


@pytest.mark.parametrize(
    ("module", "noise"),
    zip(
        (
            "mlflow.pyfunc.utils.data_validation",
            "fastapi.responses",
            "kedro.config.omegaconf_config",
            "mlflow.pyfunc",
            "kedro_mlflow.pipeline.pipeline_ml",
            "kedro.runner.runner",
            "kedro.io.catalog_config_resolver",
        ),
        patches.NOISE,
        strict=True,
    ),
)
def test_needed_because_a_library_warns_of_itself(module: str, noise: str) -> None:
    source = Path(str(import_module(module).__file__)).read_text("utf-8")
    assert noise in source


@pytest.mark.parametrize("message", ["[/b]", "a [/b] label"])
def test_needed_because_the_log_takes_words_in_brackets_for_markup(
    message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = unpatched("rich.logging").RichHandler.render_message
    monkeypatch.setattr(RichHandler, "render_message", render)
    handler, record = KedroHandler(), logging.makeLogRecord({"msg": message})
    with pytest.raises(MarkupError):
        handler.render_message(record, message)
    patches.log_faulty_markup()
    assert str(handler.render_message(record, message)) == message
    assert str(handler.render_message(record, "[bold]x[/bold]")) == "x"


def printed(encoding: str, *, is_read: bool) -> tuple[list[str], int, str]:
    """Print in another process, and read all lines or only the first.

    Returns:
        The lines that were read, the exit code, and what was written to stderr.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", PRINTING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        text=True,
        encoding=encoding,
    )
    assert process.stdout
    # Kedro logs where its configuration of the log is.
    for line in iter(process.stdout.readline, ""):
        if line.startswith("line"):
            break
    lines = [line.strip()]
    if not is_read:
        process.stdout.close()
        process.stdout = None
    output, errors = process.communicate("\n" * 3)
    return [*lines, *(output or "").splitlines()], process.returncode, errors


def test_a_run_goes_on_when_nobody_reads_its_output() -> None:
    lines = ["line 0 \N{PLUS-MINUS SIGN}"]
    assert printed("utf-8", is_read=False) == (lines, 3, "")


def test_characters_that_the_output_lacks_are_replaced() -> None:
    lines = ["line 0 ?", "line 1 ?", "line 2 ?", "plain"]
    assert printed("ascii", is_read=True) == (lines, 3, "")


def test_needed_because_rich_ends_the_process_at_a_broken_pipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    console = unpatched("rich.console").Console()
    # Rich redirects the file.
    with (tmp_path / "output").open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        with pytest.raises(SystemExit):
            console.on_broken_pipe()


def test_needed_because_rich_keeps_what_it_could_not_print(tmp_path: Path) -> None:
    with (tmp_path / "output").open("w", encoding="ascii") as file:
        console = Console(file=file)
        for line in ("\N{PLUS-MINUS SIGN}", "plain"):
            with pytest.raises(UnicodeEncodeError):
                console.print(line)


def test_needed_because_kedro_reads_the_package_name_in_the_worker() -> None:
    source = inspect.getsource(Task.execute)
    assert "from kedro.framework.project import LOGGING, PACKAGE_NAME" in source


def test_variables_that_are_set_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    patches.limit_mlflow(0.5)
    variables = mlflow.environment_variables
    assert variables.MLFLOW_HTTP_REQUEST_TIMEOUT.get() == 77
    assert variables.MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() == 1
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_TIMEOUT")
    patches.limit_mlflow(0.5)
    assert variables.MLFLOW_HTTP_REQUEST_TIMEOUT.get() == 1


def test_needed_because_distances_are_computed_in_large_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SKLEARN_WORKING_MEMORY", raising=False)
    code = "import sklearn; print(sklearn.get_config()['working_memory'])"
    command = [sys.executable, "-c", code]
    assert int(subprocess.check_output(command)) == 1024
    patches.limit_distances()
    assert int(subprocess.check_output(command)) == 64


def test_needed_because_mlflow_waits_for_minutes() -> None:
    variables = mlflow.environment_variables
    assert variables.MLFLOW_HTTP_REQUEST_MAX_RETRIES.default > 1
    assert variables.MLFLOW_HTTP_REQUEST_TIMEOUT.default > 60
    assert variables.MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER.default
    assert variables.MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.default
    assert not variables.MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT.default


@pytest.fixture
def limit_of_five_seconds() -> Iterator[None]:
    """Leave the limit that other tests expect."""
    yield
    patches.limit_sqlite_waiting(5)


@pytest.mark.usefixtures("limit_of_five_seconds")
def test_mlflow_waits_for_sqlite_as_long_as_its_thread_says(tmp_path: Path) -> None:
    store = MlflowClient(new_store(tmp_path))._tracking_client.store

    def waiting() -> int:
        with store.ManagedSessionMaker() as session:
            return int(session.execute(text("PRAGMA busy_timeout")).scalar())

    for seconds in (0.2, 7, 5):
        patches.limit_sqlite_waiting(seconds)
        assert waiting() == 1000 * seconds
    with ThreadPoolExecutor() as another_thread:
        another_thread.submit(patches.limit_sqlite_waiting, 1).result()
        assert another_thread.submit(waiting).result() == 1000
    assert waiting() == 5000


def test_only_mlflow_waits_less() -> None:
    patches.limit_sqlite_waiting(5)
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("PRAGMA busy_timeout = 20000"))
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 20000


def test_needed_because_mlflow_waits_20_seconds_for_sqlite() -> None:
    utils = unpatched("mlflow.store.db.utils")
    sessions = sessionmaker(bind=create_engine("sqlite://"))
    with utils._get_managed_session_maker(sessions, "sqlite")() as session:
        assert session.execute(text("PRAGMA busy_timeout")).scalar() == 20000


def test_progress_is_logged_unless_a_level_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logger = logging.getLogger("kedro_dynamic")
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    patches.log_progress()
    assert logger.level == logging.INFO
    monkeypatch.setattr(logger, "level", logging.ERROR)
    patches.log_progress()
    assert logger.level == logging.ERROR


def test_the_hook_of_the_plugin_stays_off_whatever_a_project_disables() -> None:
    hook = "kedro_mlflow.framework.hooks.mlflow_hook"
    plugin = import_module(hook)

    def hooks_of_the_plugin() -> list[object]:
        manager = _create_hook_manager()
        _register_hooks_entry_points(manager, ("kedro_telemetry",))
        return [one for one in manager.get_plugins() if isinstance(one, MlflowHook)]

    vars(plugin)["mlflow_hook"] = MlflowHook()
    assert len(hooks_of_the_plugin()) == 1  # without it, the change is not needed
    patches.replace_plugin_hook()
    assert hooks_of_the_plugin() == []


def test_resolvers_of_the_plugin_are_there_before_its_hook() -> None:
    OmegaConf.clear_resolver("km.random_name")
    patches.register_resolvers()
    name = OmegaConf.create({"name": "${km.random_name:}"})["name"]
    assert re.fullmatch(r"\w+-\w+-\d+", name)


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Run a server that answers each connection in its own way."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                answer(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def drip(connection: socket.socket, begin: bytes) -> None:
    """Begin an answer, and send a byte of it every few milliseconds."""
    connection.recv(2**16)
    connection.sendall(begin)
    for _ in range(1_000):
        connection.sendall(b"a")
        time.sleep(0.02)


def pour(connection: socket.socket) -> None:
    """Send an answer without an end."""
    connection.recv(2**16)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n{")
    while True:
        connection.sendall(b" " * 2**16)


DRIPS = {
    "status": b"HTT",
    "headers": b"HTTP/1.1 200 OK\r\nX-Name: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 5000\r\n\r\n",
    "retry": b"HTTP/1.1 503 Busy\r\nContent-Length: 5000\r\n\r\n",
}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make MLflow wait a second for each part of an answer, and retry once."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("part", DRIPS)
def test_a_server_that_drips_is_given_up(part: str) -> None:
    with server(partial(drip, begin=DRIPS[part])) as uri:
        client, start = MlflowClient(uri), time.monotonic()
        with patches.answers_within(0.2), pytest.raises(MlflowException):
            client.search_experiments()
        # The deadline is that of all requests of a block.
        with patches.answers_within(0.2):
            for _ in range(10):
                with pytest.raises(MlflowException):
                    client.search_experiments()
        assert time.monotonic() - start < 5


@pytest.mark.usefixtures("short")
def test_an_answer_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "MAX_ANSWERS", 2**20)
    with server(pour) as uri, patches.answers_within(60):
        with pytest.raises(MlflowException):
            MlflowClient(uri).search_experiments()
        # Outside of the block, and in other threads, nothing is limited.
        left = patches._answers.left
        assert -(2**17) < left.size <= 0
    assert patches._answers.left is None


@pytest.mark.usefixtures("short")
def test_an_upload_without_progress_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(bytes(2**24))

    def read_nothing(connection: socket.socket) -> None:
        time.sleep(10)

    start = time.monotonic()
    with server(read_nothing) as uri, pytest.raises(Exception, match="imed out"):
        HttpArtifactRepository(uri).log_artifact(str(tmp_path / "large.bin"))
    assert time.monotonic() - start < 8


def test_large_and_slow_downloads_have_the_time_they_need() -> None:
    content = bytes(10**6)

    def send_slowly(connection: socket.socket) -> None:
        connection.recv(2**16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        for start in range(0, 10**6, 10**5):
            time.sleep(0.05)
            connection.sendall(content[start : start + 10**5])

    with server(send_slowly) as uri, patches.answers_within(0.2):
        assert requests.get(uri, timeout=1).content == content
