"""What all benchmarks share: commands with time and peak memory, and the table."""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

ROUNDS = 5
HOST = "127.0.0.1"
HERE = Path(__file__).parent
SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True)
class Measured:
    """What was measured: seconds, unless the row says otherwise; and peak memory."""

    value: float
    mib: float
    output: str = ""


Side = Callable[[], Measured]


def in_turn(*sides: Side) -> list[Measured]:
    """Measure all sides in each round; return the median and highest peak of each."""
    measured = [[side() for side in sides] for _ in range(ROUNDS)]
    return [middle(found) for found in zip(*measured, strict=True)]


def middle(found: Sequence[Measured]) -> Measured:
    """Return the median and the highest peak of all rounds."""
    peak = max(one.mib for one in found)
    return Measured(median(one.value for one in found), peak, found[-1].output)


def each_more(few: Side, many: Side, more: int) -> Side:
    """Return what each of so many more models adds: the start does not count."""

    def measure() -> Measured:
        small, large = few(), many()
        return replace(large, value=(large.value - small.value) / more)

    return measure


def kedro(project: Path, *arguments: str) -> Measured:
    """Run a command of Kedro in a project."""
    return python(project, "-m", "kedro", *arguments)


def python(folder: Path, *arguments: str) -> Measured:
    """Run Python in a folder; an error of it ends the benchmark."""
    with started(folder, *arguments) as process:
        process.wait()
    if process.status:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{process.output}")
    return Measured(process.seconds, process.mib, process.output)


@dataclass
class Process:
    """A command at work. Its processes are a session of their own, and watched."""

    popen: subprocess.Popen[bytes]
    started: float = field(default_factory=time.perf_counter)
    seconds: float = 0
    status: int | None = None
    mib: float = 0
    """Peak memory so far, of the largest process."""

    output: str = ""
    """What it has printed, once it is over."""

    def wait(self) -> None:
        """Wait for the end; of the main process, the system knows the peak exactly."""
        if self.status is None:
            _, status, usage = os.wait4(self.popen.pid, 0)
            self.seconds = time.perf_counter() - self.started
            self.status = self.popen.returncode = os.waitstatus_to_exitcode(status)
            # Linux counts kibibytes, macOS bytes.
            unit = 2**20 if sys.platform == "darwin" else 2**10
            self.mib = max(self.mib, usage.ru_maxrss / unit)

    def look(self) -> None:
        """Look how much memory each process has taken at most, where there is /proc."""
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, ValueError, IndexError):  # one that has just ended
                session = folder.joinpath("stat").read_text().rpartition(")")[2]
                if int(session.split()[3]) == self.popen.pid:
                    status = folder.joinpath("status").read_text()
                    peak = status.partition("VmHWM:")[2].split()[0]
                    self.mib = max(self.mib, int(peak) / 2**10)


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[Process]:
    """Start Python in a folder, and end it, and all that it has started, at last."""
    over = threading.Event()
    with tempfile.TemporaryFile() as log:
        popen = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "DO_NOT_TRACK": "1", "COLUMNS": "300"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        process = Process(popen)

        def watch() -> None:
            while not over.wait(SECONDS_BETWEEN_LOOKS):
                process.look()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield process
        finally:
            over.set()
            thread.join()
            process.look()
            with suppress(ProcessLookupError):
                os.killpg(popen.pid, signal.SIGTERM)
            process.wait()
            log.seek(0)
            process.output = log.read().decode(errors="replace")


def free_port() -> int:
    """Return a port that nothing listens on; Kedro-Viz refuses the highest."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as listener, suppress(OSError):
            listener.bind((HOST, port))
            return port
    raise OSError("no free port found")


def wait_for(server: Process, port: int, path: str, timeout: float = 600) -> float:
    """Wait until a server answers; return the seconds since it was started."""
    look = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while not os.waitid(os.P_PID, server.popen.pid, look):
        with suppress(OSError):
            connection = HTTPConnection(HOST, port, timeout=timeout)
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return time.perf_counter() - server.started
        if time.perf_counter() - server.started > timeout:
            break
        time.sleep(0.05)
    raise RuntimeError(f"nothing answers at {path}")


class Table:
    """The rows that were measured, printed as they come, and what stands below."""

    HEAD = (
        "| what | project | against | | ratio | MiB | MiB, against |\n"
        "| --- | ---: | --- | ---: | ---: | ---: | ---: |"
    )

    def __init__(self) -> None:
        """Begin without rows."""
        self.rows: list[str] = []
        self.below: list[str] = []

    def row(
        self,
        what: str,
        project: Measured,
        against: str,
        other: Measured,
        unit: str = "",
    ) -> None:
        """Add a row; without a unit, values are seconds."""
        ratio = f"{project.value / other.value:.2f}"
        mine, others = (shown(one.value, unit) for one in (project, other))
        sizes = (f"{one.mib:,.0f}" for one in (project, other))
        cells: Sequence[str] = (what, mine, against, others, ratio, *sizes)
        if not self.rows:
            print(self.HEAD)
        self.rows.append(f"| {' | '.join(cells)} |")
        print(self.rows[-1], flush=True)

    def text(self) -> str:
        """Return the table."""
        return "\n".join([self.HEAD, *self.rows])

    def note(self, text: str) -> None:
        """Add a paragraph, list or table that goes below."""
        self.below.append(text)
        print(f"\n{text}\n", flush=True)


def shown(value: float, unit: str = "") -> str:
    """Return a number for people; without a unit, of seconds."""
    if not unit:
        value, unit = (value, "s") if value >= 0.5 else (value * 1000, "ms")
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}"
