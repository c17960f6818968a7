"""Sessions that an orchestrator starts share one run in MLflow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from kedro.pipeline import Node, Pipeline
from kedro_dynamic.runs import parts
from kedro_dynamic.runs.parts import find_parts, orchestrated_run
from mlflow import MlflowClient

from library.mlflow_store import new_store

NODES = {
    "split": Node(len, "raw", "split_made", name="split"),
    "fit_a": Node(len, "split_made", "a", name="fit_a"),
    "fit_b": Node(len, "split_made", "b", name="fit_b"),
    "compare": Node(pow, ["a", "b"], "leaderboard", name="compare"),
    "advise": Node(len, "split_made", "advice", name="advise"),
}


@dataclass
class Orchestrator:
    """Runs nodes of the pipeline ``__default__``, each call as a session does."""

    client: MlflowClient
    folder: Path

    def start(self, *names: str, **params: str) -> tuple[parts.Parts, str]:
        """Begin a session of some nodes; return its part, and the ID of the run."""
        pipeline = Pipeline([NODES[name] for name in names])
        part = find_parts({"pipeline_names": None, **params}, pipeline, self.folder)
        assert part
        run_id = part.find_run(self.client, "0")
        run_id = run_id or self.client.create_run("0").info.run_id
        part.begin(self.client, run_id)
        return part, run_id

    def run(self, *names: str, error: str = "", **params: str) -> tuple[str, str]:
        """Run a session of some nodes; return the ID of its run, and the status."""
        part, run_id = self.start(*names, **params)
        return run_id, part.end(self.client, run_id, error)


@pytest.fixture
def orchestrator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Orchestrator:
    """Return an orchestrator with a run of its own, and a store."""
    monkeypatch.setenv("KEDRO_DYNAMIC_RUN_ID", "monday")
    pipelines = {"__default__": Pipeline(NODES.values()), "fit": Pipeline([])}
    monkeypatch.setattr(parts, "pipelines", pipelines)
    return Orchestrator(MlflowClient(new_store(tmp_path)), tmp_path)


def test_the_last_node_ends_the_run_of_all_sessions(
    orchestrator: Orchestrator,
) -> None:
    names = ["split", "fit_a", "advise", "fit_b", "compare"]
    runs = [orchestrator.run(name) for name in names]
    assert len({run_id for run_id, _ in runs}) == 1
    assert [status for _, status in runs] == ["RUNNING"] * 4 + ["FINISHED"]


def test_sessions_of_several_nodes(orchestrator: Orchestrator) -> None:
    assert orchestrator.run("split", "advise")[1] == "RUNNING"
    assert orchestrator.run("fit_a", "fit_b", "compare")[1] == "FINISHED"


def test_a_run_has_failed_until_what_failed_is_done(
    orchestrator: Orchestrator,
) -> None:
    first, _ = orchestrator.run("split")
    assert orchestrator.run("fit_a", error="ValueError: no") == (first, "FAILED")
    tags = orchestrator.client.get_run(first).data.tags
    assert tags["kedro_dynamic.node.fit_a"] == "ValueError: no"
    # A sibling, which began before or begins now.
    assert orchestrator.run("fit_b") == (first, "FAILED")
    assert orchestrator.run("advise") == (first, "FAILED")
    assert orchestrator.run("fit_a") == (first, "RUNNING")
    assert orchestrator.run("compare") == (first, "FINISHED")


def test_nodes_that_are_run_again_need_those_after_them(
    orchestrator: Orchestrator,
) -> None:
    for name in ("split", "advise", "fit_a", "fit_b"):
        first, _ = orchestrator.run(name)
    # While the run is not over, it goes on.
    assert orchestrator.run("split") == (first, "RUNNING")
    assert orchestrator.run("compare") == (first, "RUNNING")
    assert orchestrator.run("advise") == (first, "FINISHED")
    # What was logged of a run that is over stays as it is.
    second, status = orchestrator.run("fit_a")
    assert (second != first, status) == (True, "RUNNING")
    assert orchestrator.run("compare") == (second, "FINISHED")


def test_other_runs_are_apart(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = orchestrator.run("split")
    assert orchestrator.run("fit_a")[0] == first
    assert orchestrator.run("fit_a", env="prod")[0] != first
    monkeypatch.setenv("KEDRO_DYNAMIC_RUN_ID", "tuesday")
    assert orchestrator.run("fit_a")[0] != first
    monkeypatch.delenv("KEDRO_DYNAMIC_RUN_ID")
    assert orchestrated_run() == ""
    assert find_parts({}, Pipeline([NODES["split"]]), orchestrator.folder) is None
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "iris")
    monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", "scheduled__2026-11-30")
    assert orchestrated_run() == "iris scheduled__2026-11-30"
    assert orchestrator.run("fit_a")[0] != first
    # A task that runs everything needs no others.
    assert find_parts({}, Pipeline(NODES.values()), orchestrator.folder) is None
