"""Tasks of this project: ``nox -s tests``, ``lint``, ``format``, ``serve``."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "tests"]

PACKAGE = "{{ cookiecutter.python_package }}"

# Prints the variables by which MLflow finds the store that the project's runs go to.
ENVIRONMENT = """
import json
import os
from pathlib import Path

import mlflow
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

bootstrap_project(Path.cwd())
with KedroSession.create() as session:
    session.load_context()
    os.environ["MLFLOW_TRACKING_URI"] = mlflow.get_tracking_uri()
    os.environ["MLFLOW_REGISTRY_URI"] = mlflow.get_registry_uri()
print(json.dumps(dict(os.environ)))
"""


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments after ``--`` go to pytest."""
    session.install("-e", ".[dev]")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style and types."""
    session.install("-e", ".[dev]")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")


@nox.session(name="format")
def format_code(session: nox.Session) -> None:
    """Format the code and mend what ruff can mend."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")


@nox.session
def serve(session: nox.Session) -> None:
    """Serve a champion, ask it its own example, stop it: ``nox -s serve -- NAME``."""
    session.install("-e", ".")
    name = session.posargs[0] if session.posargs else PACKAGE
    model, port = f"models:/{name}@champion", 5001
    said = session.run("python", "-c", ENVIRONMENT, silent=True).splitlines()
    env = json.loads(next(line for line in reversed(said) if line.startswith("{")))
    example = Path(session.create_tmp(), "serving_input_example.json")
    session.run(
        *("mlflow", "artifacts", "download", "--dst-path", str(example.parent)),
        *("--artifact-uri", f"{model}/{example.name}"),
        env=env,
        silent=True,
    )
    options = f"--env-manager local --host 127.0.0.1 --port {port}".split()
    command = ["mlflow", "models", "serve", "--model-uri", model, *options]
    server = subprocess.Popen([Path(session.bin, command[0]), *command[1:]], env=env)
    try:
        answer = ask(server, f"http://127.0.0.1:{port}", example.read_bytes())
    finally:
        server.terminate()
        server.wait()
    session.log(f"asked     {example.read_text()}")
    session.log(f"answered  {json.dumps(answer)}")


def ask(server: "subprocess.Popen[bytes]", url: str, question: bytes) -> object:
    """Wait until a model server is there, and return its answer."""
    request = urllib.request.Request(
        f"{url}/invocations", question, {"Content-Type": "application/json"}
    )
    for _ in range(120):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.URLError as error:
            if isinstance(error, urllib.error.HTTPError):
                raise
            time.sleep(0.5)
    raise SystemExit(f"{url} does not answer")
