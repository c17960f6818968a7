"""Commands measured by time and peak memory, and the table of what was measured."""

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
    """A measured value with the peak memory that it took."""

    value: float
    """Seconds, unless the row of the table has another unit."""

    mib: float
    output: str = ""


Side = Callable[[], Measured]


def in_turn(*sides: Side) -> list[Measured]:
    """Measure all sides in each round; return the median and highest peak of each."""
    rounds = [[side() for side in sides] for _ in range(ROUNDS)]
    return [middle(of_side) for of_side in zip(*rounds, strict=True)]


def middle(rounds: Sequence[Measured]) -> Measured:
    """Return the median and the highest peak of all rounds."""
    value = median(measured.value for measured in rounds)
    peak = max(measured.mib for measured in rounds)
    return Measured(value, peak, rounds[-1].output)


def per_model(few: Side, many: Side, count: int) -> Side:
    """Return a side that measures what each of ``count`` more models adds.

    The start of the command does not count.
    """

    def measure() -> Measured:
        small, large = few(), many()
        return replace(large, value=(large.value - small.value) / count)

    return measure


def kedro(project: Path, *arguments: str) -> Measured:
    """Run a command of Kedro in a project."""
    return python(project, "-m", "kedro", *arguments)


def python(folder: Path, *arguments: str, executable: str = sys.executable) -> Measured:
    """Run Python in a folder; its error ends the benchmark."""
    with started(folder, *arguments, executable=executable) as process:
        process.wait()
    if process.status:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{process.output}")
    return Measured(process.seconds, process.mib, process.output)


@dataclass
class Process:
    """A running command. Its processes are in a session of their own."""

    popen: subprocess.Popen[bytes]
    started: float = field(default_factory=time.perf_counter)
    seconds: float = 0
    status: int | None = None
    mib: float = 0
    """Peak memory so far, of the largest process."""

    output: str = ""
    """Everything that it has printed, after it has ended."""

    def wait(self) -> None:
        """Wait for the end. The system reports the peak of the main process exactly."""
        if self.status is None:
            _, status, usage = os.wait4(self.popen.pid, 0)
            self.seconds = time.perf_counter() - self.started
            self.status = self.popen.returncode = os.waitstatus_to_exitcode(status)
            # Linux counts kibibytes, macOS bytes.
            unit = 2**20 if sys.platform == "darwin" else 2**10
            self.mib = max(self.mib, usage.ru_maxrss / unit)

    def look(self) -> None:
        """Read the peak memory of each process so far, where there is /proc."""
        for folder in Path("/proc").glob("[0-9]*"):
            # A process may end in between.
            with suppress(OSError, ValueError, IndexError):
                session = folder.joinpath("stat").read_text().rpartition(")")[2]
                if int(session.split()[3]) == self.popen.pid:
                    status = folder.joinpath("status").read_text()
                    peak = status.partition("VmHWM:")[2].split()[0]
                    self.mib = max(self.mib, int(peak) / 2**10)


@contextmanager
def started(
    folder: Path, *arguments: str, executable: str = sys.executable
) -> Iterator[Process]:
    """Start Python in a folder; in the end, stop it with all processes it started."""
    over = threading.Event()
    with tempfile.TemporaryFile() as log:
        popen = subprocess.Popen(
            [executable, *arguments],
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
    """Return a free port, below those that Kedro-Viz refuses."""
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
    """The measured rows, printed as they come, and paragraphs below them."""

    HEAD = (
        "| what | project | against | | ratio | MiB | MiB, against |\n"
        "| --- | ---: | --- | ---: | ---: | ---: | ---: |"
    )

    def __init__(self) -> None:
        """Make an empty table."""
        self.rows: list[str] = []
        self.below: list[str] = []

    def row(
        self,
        title: str,
        project: Measured,
        against: str,
        alternative: Measured,
        unit: str = "",
    ) -> None:
        """Add a row; without a unit, values are seconds."""
        cells = [
            title,
            shown(project.value, unit),
            against,
            shown(alternative.value, unit),
            f"{project.value / alternative.value:.2f}",
            f"{project.mib:,.0f}",
            f"{alternative.mib:,.0f}",
        ]
        if not self.rows:
            print(self.HEAD)
        self.rows.append(f"| {' | '.join(cells)} |")
        print(self.rows[-1], flush=True)

    def text(self) -> str:
        """Return the table."""
        return "\n".join([self.HEAD, *self.rows])

    def note(self, text: str) -> None:
        """Add a paragraph, list or table below the rows."""
        self.below.append(text)
        print(f"\n{text}\n", flush=True)


def shown(value: float, unit: str = "") -> str:
    """Return a number for people; without a unit, it is seconds."""
    if not unit:
        value, unit = (value, "s") if value >= 0.5 else (value * 1000, "ms")
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}"
