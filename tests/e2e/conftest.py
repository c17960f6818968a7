"""Projects rendered by `kedro new`, installed in an environment of their own."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import Project
from filelock import FileLock


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    path: Path

    @property
    def bin(self) -> Path:
        """The folder of its commands."""
        return self.path / ("Scripts" if os.name == "nt" else "bin")

    @classmethod
    def create(cls, path: Path) -> Environment:
        """Create an empty environment, with uv if there is one."""
        if uv := shutil.which("uv"):
            subprocess.run(
                [uv, "venv", "--quiet", f"--python={sys.executable}", path], check=True
            )
        else:
            subprocess.run([sys.executable, "-m", "venv", path], check=True)
        return cls(path)

    def install(self, *requirements: str, cwd: Path | None = None) -> None:
        """Install packages into the environment."""
        if uv := shutil.which("uv"):
            command = [uv, "pip", "install", "--quiet"]
            command += [f"--python={self.path}"]
        else:
            command = [str(self.bin / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*command, *requirements], cwd=cwd, check=True)


@dataclass(frozen=True)
class InstalledProject(Project):
    """A rendered project and the environment that it is installed in."""

    environment: Environment
    variables: dict[str, str] = field(default_factory=dict)

    def run(
        self,
        *command: str,
        cwd: Path | None = None,
        check: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment; stdout and stderr are one text.

        Args:
            command: Name of the command and its arguments.
            cwd: Where to run it, by default the project's root.
            check: Fail the test, showing the output, if the command fails.
            env: Variables to set for this command.
        """
        done = subprocess.run(
            [str(self.environment.bin / command[0]), *command[1:]],
            cwd=cwd or self.path,
            env=self.env(env),
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,
        )
        if check and done.returncode != 0:
            pytest.fail(f"{' '.join(command)} exited {done.returncode}:\n{done.stdout}")
        return done

    @contextmanager
    def background(
        self, *command: str, log: Path, cwd: Path | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command of the environment until the block ends, its output in a file.

        Args:
            command: Name of the command and its arguments.
            log: File for stdout and stderr.
            cwd: Where to run it, by default the project's root.
        """
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(self.environment.bin / command[0]), *command[1:]],
                cwd=cwd or self.path,
                env=self.env(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A group of its own, so that the processes it starts end with it.
                start_new_session=True,
            )
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                process.wait(timeout=30)

    def env(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment variables of a command.

        Args:
            env: Variables to set besides.
        """
        # With these, uv would install into nox's environment.
        of_nox = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "UV_PYTHON")
        inherited = {
            name: value for name, value in os.environ.items() if name not in of_nox
        }
        path = f"{self.environment.bin}{os.pathsep}{os.environ['PATH']}"
        # Wide enough that log lines are not wrapped.
        columns = {"COLUMNS": "300"}
        return inherited | {"PATH": path} | columns | self.variables | dict(env or {})

    def copy(self, path: Path) -> InstalledProject:
        """Copy the project to a folder, and return the copy."""
        shutil.copytree(self.path, path)
        return InstalledProject(path, self.package, self.environment, self.variables)


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    # The system would choose a port that Kedro-Viz rejects as too high.
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port found")


def wait_for(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path
) -> None:
    """Wait until a background process is ready, or fail the test and show its output.

    Args:
        ready: Returns True when it is ready.
        process: The process, which must not end before.
        log: File with its output.
    """
    deadline = time.monotonic() + 120
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"{process.args!r} is not ready:\n{log.read_text()}")
        time.sleep(0.1)


def render(starter: Path, folder: Path, name: str, pipelines: str = "all") -> Project:
    """Render the starter with `kedro new`."""
    answers = folder / "answers.yml"
    values = {"project_name": name, "pipelines": pipelines, "output_dir": str(folder)}
    answers.write_text(json.dumps(values))
    subprocess.run(
        [
            sys.executable,
            "-m",
            "kedro",
            "new",
            f"--starter={starter}",
            f"--config={answers}",
        ],
        check=True,
        capture_output=True,
    )
    slug = name.lower()
    return Project(folder / slug.replace(" ", "-"), slug.replace(" ", "_"))


def build_wheel(starter: Path, folder: Path) -> Path:
    """Build the starter's wheel in a folder and return its path."""
    environment = Environment.create(folder / "build")
    environment.install("build[uv]")
    python = str(environment.bin / "python")
    command = [python, "-m", "build", "--wheel", f"--outdir={folder}", str(starter)]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def environment(installed: InstalledProject) -> Environment:
    """Return the environment that rendered projects run in."""
    return installed.environment


@pytest.fixture(scope="session")
def installed(
    starter: Path, tmp_path_factory: pytest.TempPathFactory
) -> InstalledProject:
    """Return a rendered and installed project that has never run.

    It is made once for all processes of a test run, so tests change only copies of it.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    shared = tmp_path_factory.getbasetemp().parent / f"installed-{run}"
    with FileLock(f"{shared}.lock"):
        environment = Environment(shared / "venv")
        if not (shared / "ready").exists():
            shared.mkdir()
            project = render(starter, shared, "Iris")
            environment = Environment.create(environment.path)
            environment.install("-e", ".[dev,dask]", cwd=project.path)
            (shared / "ready").touch()
    return InstalledProject(shared / "iris", "iris", environment)


@pytest.fixture
def project(installed: InstalledProject, tmp_path: Path) -> InstalledProject:
    """Return a fresh copy of the project, for one test to run and change."""
    return installed.copy(tmp_path / "iris")
