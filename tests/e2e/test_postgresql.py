"""Studies and tracking in PostgreSQL, which several machines can share."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import InstalledProject, free_port
from e2e.test_dask import RUNNER

ASK = """
import mlflow
import optuna

mlflow.set_tracking_uri("{address}/postgres")
runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
print("RUNS", len(runs), len(children), {{run.info.status for run in runs}})
studies = optuna.get_all_study_summaries("{address}/studies")
print("STUDIES", len(studies), sum(study.n_trials for study in studies))
"""


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[str]:
    """Start a PostgreSQL server; yield its address."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
    if initdb is None:
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    folder, port = Path(f"/tmp/iris-postgresql-{os.getpid()}"), free_port()
    # It refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    folder.mkdir()
    if user:
        shutil.chown(folder, "nobody")
    tools, data = Path(os.path.realpath(initdb)).parent, folder / "data"
    server = ["-o", f"-p {port} -h 127.0.0.1 -k {folder}", "-l", folder / "log", "-w"]

    def call(*command: object) -> None:
        tool, *words = map(str, command)
        subprocess.run([tools / tool, *words], check=True, cwd=folder, user=user)

    try:
        call("initdb", "-D", data, "-U", "me", "--auth=trust", "--no-sync")
        call("pg_ctl", "start", "-D", data, *server)
        try:
            # MLflow and Optuna each have a table alembic_version.
            call("createdb", "-h", "127.0.0.1", "-p", port, "-U", "me", "studies")
            yield f"postgresql+psycopg2://me@127.0.0.1:{port}"
        finally:
            call("pg_ctl", "stop", "-D", data, "-m", "immediate")
    finally:
        shutil.rmtree(folder)


def test_studies_and_tracking(project: InstalledProject, postgresql: str) -> None:
    project.environment.install("psycopg2-binary>=2.9")
    for name in ("mlflow.yml", "parameters_benchmark.yml"):
        path = project.path / "conf/base" / name
        text = path.read_text().replace("sqlite:///mlflow.db", f"{postgresql}/postgres")
        text = text.replace(
            "sqlite:///data/06_models/studies.db", f"{postgresql}/studies"
        )
        text = text.replace("models: []", "models: [decision_tree]")
        path.write_text(text.replace("trials: 20", "trials: 2"))
    command = ["kedro", "run", RUNNER, "--runner-params=workers=2"]
    for _ in range(2):  # the second run resumes the studies of the first
        project.run(*command, "--pipelines=benchmark.iris")
    assert not list(project.path.rglob("*.db"))
    printed = project.run("python", "-c", ASK.format(address=postgresql)).stdout
    assert "RUNS 6 4 {'FINISHED'}" in printed
    assert "STUDIES 1 2" in printed
