"""A Kedro run under way, as tests need it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import Mock

import mlflow
import pytest
from kedro.framework.session import KedroSession
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro_dynamic.config.tracking import TrackingConfig
from kedro_dynamic.runs.provenance import Plan, Provenance
from kedro_dynamic.runs.run import Run
from mlflow import MlflowClient

Result = TypeVar("Result")

RUN_PARAMS = {
    "only_missing_outputs": False,
    "runner": "SequentialRunner",
    "runtime_params": {},
    "pipeline_names": [],
}


def make_run(
    pipeline: Pipeline,
    catalog: DataCatalog,
    root: Path,
    client: MlflowClient | None = None,
    **params: Any,
) -> Run:
    """Return a run that has begun; in MLflow it is the active run, if there is one."""
    store = Mock(
        config=TrackingConfig(), in_callers_run=False, problem="", address="store"
    )
    plan = Plan(pipeline, catalog, root)
    provenance = Provenance(root)
    given = RUN_PARAMS | params
    run = Run(given, pipeline, catalog, root, plan, Mock(), provenance, store)
    with provenance.open() as opened:
        opened.begin(plan, only_missing=False)
    run.mlflow.client = client
    active = mlflow.active_run()
    if client is not None and active is not None:
        run.mlflow.id = active.info.run_id
        run.mlflow.experiment_id = active.info.experiment_id
    return run


class Left(BaseException):
    """Leaves a session, as Ctrl-C does: no hook is called."""


def in_session(work: Callable[[], Result]) -> Result:
    """Return what some work returns that is done within ``KedroSession.run``."""
    results: list[Result] = []

    def leave() -> None:
        results.append(work())
        raise Left

    session = Mock(_run_called=False, load_context=leave)
    session.store = {"session_id": "1"}
    with pytest.raises(Left):
        KedroSession.run(session)
    return results[0]
