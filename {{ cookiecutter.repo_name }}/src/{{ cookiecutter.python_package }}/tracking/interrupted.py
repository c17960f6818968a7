"""Finds runs whose process has died, which MLflow would keep as running."""

import os
import platform

from mlflow import MlflowClient

from ..atomic_files import is_alive

PROCESS = "kedro_process"


def tag_process(client: MlflowClient, run_id: str) -> None:
    """Note on a run which process of which machine it belongs to."""
    client.set_tag(run_id, PROCESS, f"{os.getpid()}@{platform.node()}")


def close_interrupted(client: MlflowClient, experiment_id: str) -> None:
    """Mark as KILLED the runs of this machine whose process has died.

    Args:
        client: Of the store.
        experiment_id: Where to look.
    """
    running = "attributes.status = 'RUNNING'"
    mine = f"{running} AND tags.{PROCESS} LIKE '%@{platform.node()}'"
    for parent in client.search_runs([experiment_id], mine):
        if not is_alive(int(parent.data.tags[PROCESS].partition("@")[0])):
            its = f"{running} AND tags.mlflow.parentRunId = '{parent.info.run_id}'"
            for run in [*client.search_runs([experiment_id], its), parent]:
                client.set_terminated(run.info.run_id, "KILLED")
