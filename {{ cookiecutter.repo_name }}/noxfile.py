"""Tasks of the project: ``nox -s tests``, ``lint``, ``format``, ``serve``, ``site``."""

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "tests"]

PACKAGE = "{{ cookiecutter.python_package }}"

# Serves a model, sends it the example that it was logged with, and stops it.
SERVE = """
import os
import subprocess
import sys

import mlflow
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

bootstrap_project(os.getcwd())
with KedroSession.create() as session:
    session.load_context()  # points MLflow at the store that the project tracks in
os.environ["MLFLOW_TRACKING_URI"] = mlflow.get_tracking_uri()
os.environ["MLFLOW_REGISTRY_URI"] = mlflow.get_registry_uri()

model = sys.argv[1]
url = "http://127.0.0.1:5001/invocations"
example = mlflow.artifacts.download_artifacts(f"{model}/serving_input_example.json")
serve = ["mlflow", "models", "serve", "--model-uri", model, "--env-manager", "local"]
server = subprocess.Popen([*serve, "--host", "127.0.0.1", "--port", "5001"])
curl = ["curl", "--silent", "--fail-with-body", "--retry", "60"]
curl += ["--retry-delay", "1", "--retry-connrefused", "--data", f"@{example}"]
try:
    print(open(example).read(), flush=True)
    subprocess.run([*curl, "-H", "Content-Type: application/json", url], check=True)
finally:
    server.terminate()
    server.wait()
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
    """Fix what ruff can fix, and format the code."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")


@nox.session
def serve(session: nox.Session) -> None:
    """Serve a champion, query it and stop it: ``nox -s serve -- NAME``."""
    session.install("-e", ".")
    name = session.posargs[0] if session.posargs else PACKAGE
    session.run("python", "-c", SERVE, f"models:/{name}@champion")


@nox.session
def site(session: nox.Session) -> None:
    """Build the graph as a static site in ``build``, and serve it on this machine."""
    session.install("-e", ".")
    session.run("kedro", "viz", "build", "--include-previews")
    port = session.posargs[0] if session.posargs else "4142"
    session.log(f"Open http://127.0.0.1:{port}; stop it with Ctrl-C")
    server = ("python", "-m", "http.server", "--bind", "127.0.0.1")
    session.run(*server, "--directory", "build", port)
