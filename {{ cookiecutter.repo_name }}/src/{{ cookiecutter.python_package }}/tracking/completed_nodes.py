"""When the nodes of a run complete, as the log of Kedro's runner tells it."""

import logging
import threading

# By the name of the logger. Threads share its level, and a filter that refuses a record
# would keep it from the next one: hence one filter for all of them.
_filters: dict[str, "_RunnerFilter"] = {}
_changing = threading.Lock()


class CompletedNodes:
    """Notes when each node of a run completes, whatever the user wants to see of it.

    The log of Kedro's runner is the one place where the main process learns that from
    every runner: hooks of ``ParallelRunner`` run in its workers.
    """

    def __init__(self, logger: str) -> None:
        """Take the name of the runner's logger: Kedro names it after its module."""
        self.times: dict[str, float] = {}
        self._logger = logger
        self._thread = threading.get_ident()

    def start(self) -> None:
        """Begin to listen."""
        with _changing:
            if self._logger not in _filters:
                _filters[self._logger] = _RunnerFilter(self._logger)
            _filters[self._logger].listeners.append(self)

    def stop(self) -> None:
        """Listen no more."""
        with _changing:
            shared = _filters.get(self._logger)
            if shared and self in shared.listeners:
                shared.listeners.remove(self)
                if not shared.listeners:
                    shared.remove()
                    del _filters[self._logger]

    def note(self, record: logging.LogRecord) -> None:
        """Take the name of the node from a record of this thread's runner."""
        if record.msg == "Completed node: %s" and record.thread == self._thread:
            (node,) = record.args  # type: ignore[misc]
            self.times[str(node)] = record.created


class _RunnerFilter(logging.Filter):
    """Hears what the runner logs, and passes on what the user's level lets through."""

    def __init__(self, logger: str) -> None:
        super().__init__()
        self.listeners: list[CompletedNodes] = []
        self._logger = logging.getLogger(logger)
        self._level = self._logger.level
        self._shown = self._logger.getEffectiveLevel()
        if self._shown > logging.INFO:
            self._logger.setLevel(logging.INFO)
        self._logger.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        for listener in self.listeners:
            listener.note(record)
        return record.levelno >= self._shown

    def remove(self) -> None:
        """Leave the logger as it was."""
        self._logger.removeFilter(self)
        self._logger.setLevel(self._level)
