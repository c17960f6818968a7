"""What a run shows while it runs: a progress bar, and lines about its nodes."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kedro.pipeline import Node, Pipeline
from rich import get_console
from rich import progress as rich_progress
from rich.markup import escape

from kedro_dynamic.catalog.names import model_name
from kedro_dynamic.runs.console import show_or_warn

SECONDS_BETWEEN_LINES = 30

logger = logging.getLogger(__name__)


class Progress:
    """The progress bar of a run, and a line in the log for each node."""

    def __init__(self) -> None:
        self.done = 0  # nodes, without those of worker processes of ParallelRunner
        self._bar: rich_progress.Progress | None = None

    @show_or_warn()
    def start(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        """Show the bar.

        Kedro's log goes through the same console, so its lines stay above the bar.
        """
        console = get_console()
        # ParallelRunner's workers share the terminal, but not the bar.
        is_shared = "ParallelRunner" in run_params["runner"]
        if is_shared or not console.is_terminal:
            return

        # No refresh from a thread: a fork while the thread holds a lock could hang.
        self._bar = rich_progress.Progress(
            console=console, transient=True, auto_refresh=False
        )
        self._bar.add_task("Nodes", total=len(pipeline.nodes))
        self._bar.start()

    @show_or_warn()
    def begin(self, node: Node) -> None:
        """Name the model, or else the node, that is running."""
        if self._bar is not None:
            description = model_name(node.namespace or "") or node.name
            self._bar.update(self._bar.task_ids[0], description=escape(description))
            self._bar.refresh()

    @show_or_warn()
    def advance(self, node: Node, *, has_failed: bool = False) -> None:
        """Count a node as done."""
        self.done += 1
        log_done(node, has_failed=has_failed)
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0])
            self._bar.refresh()

    @show_or_warn()
    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def log_done(node: Node, *, has_failed: bool = False) -> None:
    """Log that a node is done, or failed: the end of the run says why."""
    if has_failed:
        logger.error("Failed, the others go on: %s", node.name)
    else:
        logger.info("Done: %s", node.name)


@contextmanager
def log_while_running(name: str) -> Iterator[None]:
    """Log every 30 s that a node is still running, until the block ends.

    This happens in the process of the node, which may be a worker.
    """
    is_over = threading.Event()

    def log() -> None:
        seconds = 0
        while not is_over.wait(SECONDS_BETWEEN_LINES):
            seconds += SECONDS_BETWEEN_LINES
            logger.info("Still running after %s s: %s", seconds, name)

    thread = threading.Thread(target=log, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
