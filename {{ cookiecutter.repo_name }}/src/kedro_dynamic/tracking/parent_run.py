"""The run in MLflow that a Kedro run is tracked in: opened, written, closed."""

import logging
import os
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import mlflow
from kedro_mlflow.io.catalog.switch_catalog_logging import switch_catalog_logging
from mlflow import MlflowClient

from kedro_dynamic.catalog.names import METRICS, dataset_name
from kedro_dynamic.config.errors import VERBATIM, ConfigurationError, one_line, redact
from kedro_dynamic.runs.parts import FINISHED
from kedro_dynamic.runs.run import Run
from kedro_dynamic.tracking.description import describe_experiment
from kedro_dynamic.tracking.payload import MAX_LENGTH, Payload
from kedro_dynamic.tracking.store import Store, close_interrupted, impatience, writing
from kedro_dynamic.tracking.writer import write_run

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

RUN_VARIABLE = "MLFLOW_RUN_ID"

# What Kedro tells hooks of the nodes that a run selects.
SELECTION = (
    *("node_names", "tags", "namespaces"),
    *("from_nodes", "to_nodes", "from_inputs", "to_outputs"),
)


def open_parent_run(run: Run) -> None:
    """Open the run in MLflow, in the local store if the configured one fails.

    Raises:
        ConfigurationError: If the store fails and tracking.yml says that this is an
            error.
    """
    store: Store = run.store
    if run.name in store.plugin.tracking.disable_tracking.pipelines:
        switch_catalog_logging(run.catalog, False)
        return
    if store.problem:
        run.mlflow.problem = store.problem
        return
    may_join = not store.in_callers_run and run.parts is None
    if may_join and mlflow.active_run() is not None:  # of a hook of the project
        store.join_active_run()
    while run.mlflow.client is None and not run.mlflow.problem:
        try:
            _open(run)
        except Exception as error:
            problem = one_line(error)
            run.mlflow.client = None
            _end_active_run(store, "FAILED", is_broken=True)
            store.raise_if_required(problem)
            if not store.switch_to_local(problem):
                run.mlflow.problem = problem


def _open(run: Run) -> None:
    """Open the run, which kedro-mlflow does, or the one that it is a part of."""
    hook = run.store.hook
    config = hook.mlflow_config
    server = config.server
    client = MlflowClient(server.mlflow_tracking_uri, server.mlflow_registry_uri)
    params = _params_for_plugin(run)
    if run.parts is None:
        hook.before_pipeline_run(params, run.pipeline, run.catalog)
    else:
        experiment = config.tracking.experiment._experiment
        with run.parts.lock:
            run_id = run.parts.find_run(client, experiment.experiment_id)
            config.tracking.run.id = run_id
            hook.before_pipeline_run(params, run.pipeline, run.catalog)
            run.parts.begin(client, hook.run_id)

    run.mlflow.client, run.mlflow.id = client, hook.run_id
    info = client.get_run(run.mlflow.id).info
    run.mlflow.experiment_id, run.mlflow.title = info.experiment_id, info.run_name
    describe_experiment(client, info.experiment_id)
    if run.parts is None:
        close_interrupted(client, run.mlflow.id)
    else:
        run.start = info.start_time / 1000
    if "ParallelRunner" in run.params["runner"]:
        # What a node itself logs in a worker process goes to the parent run.
        os.environ[RUN_VARIABLE] = run.mlflow.id


def _params_for_plugin(run: Run) -> dict[str, object]:
    """Return what the plugin makes tags of."""
    params = {
        **run.params,
        # The class alone.
        "runner": run.params["runner"].strip("<").partition(" ")[0],
        # No passwords.
        "runtime_params": redact(str(run.params["runtime_params"] or "")),
    }
    if run.parts is not None:
        # The run is of all nodes, whichever this session has.
        params |= dict.fromkeys(SELECTION)
    return params


def end_part(run: Run, error: Exception | None) -> bool:
    """End a part of a run that an orchestrator runs in several sessions.

    Args:
        run: The run. It goes on as the run of all parts if they are done.
        error: What ended it early, if anything did.

    Returns:
        True if other parts are to come, so that there is nothing more to do.
    """
    if run.parts is None or run.mlflow.client is None:
        return False
    reason = one_line(error)[:MAX_LENGTH] if error else ""
    status = run.parts.end(run.mlflow.client, run.mlflow.id, reason)
    if status == FINISHED:
        run.become_whole()
        return False
    close_parent_run(run, status)
    return True


def resume_in_thread(run: Run) -> None:
    """Make the parent run active in a thread, for what a node itself logs."""
    is_tracked = run.mlflow.client is not None and not run.mlflow.problem
    if not is_tracked or mlflow.active_run():
        return
    try:
        mlflow.start_run(run_id=run.mlflow.id)
    except Exception as error:
        # So later nodes do not wait for the store, too. At its end, the run moves.
        run.mlflow.problem = one_line(error)


def write_to_mlflow(run: Run, payload: Payload) -> None:
    """Write the whole run, to the local store if the store in use fails."""
    client, experiment_id = run.mlflow.client, run.mlflow.experiment_id
    if client is not None and not run.mlflow.problem:
        try:
            with writing:
                stays_open = run.store.in_callers_run
                write_run(client, experiment_id, payload, stays_open=stays_open)
        except Exception as error:
            run.mlflow.problem = one_line(error)
    if client is not None and run.mlflow.problem:
        _move_to_local_store(run, payload)

    for model in payload.models:
        run.logged_runs[dataset_name(model.namespace, METRICS)] = model.id


def attempt(
    run: Run, payload: Payload, work: Callable[[MlflowClient], Result]
) -> Result | None:
    """Return what some work with MLflow returns, once the run is written.

    If the store fails, the run moves to the local store and the work is done there.
    None if the run is not tracked, if both stores fail, or if the work itself fails.
    """
    while run.mlflow.client is not None and not run.mlflow.problem:
        try:
            with writing:
                return work(run.mlflow.client)
        except Exception as error:
            if not is_of_mlflow(error):
                message = "The champion stays as it was: %s"
                logger.warning(message, one_line(error), extra=VERBATIM)
                return None
            run.mlflow.problem = one_line(error)
        _move_to_local_store(run, payload)
    return None


def is_of_mlflow(error: BaseException) -> bool:
    """Return True if an error comes out of MLflow, rather than of data or a model."""
    if isinstance(error, ConnectionError):
        return True
    frames = traceback.walk_tb(error.__traceback__)
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in frames]
    return any(module.partition(".")[0] == "mlflow" for module in modules)


def _move_to_local_store(run: Run, payload: Payload) -> None:
    """Write a run whose store failed to the local store, as a whole."""
    store: Store = run.store
    if store.in_callers_run or not store.may_use_local:
        return
    with writing:
        _end_active_run(store, "FAILED", is_broken=True)
        if not store.switch_to_local(run.mlflow.problem):
            return
        for part in (payload, *payload.models):
            part.id = ""
        config = store.hook.mlflow_config
        run.mlflow.experiment_id = config.tracking.experiment._experiment.experiment_id
        client = MlflowClient(store.uri, store.uri)
        try:
            write_run(client, run.mlflow.experiment_id, payload, stays_open=False)
            mlflow.start_run(run_id=payload.id)
        except Exception as error:
            run.mlflow.problem = one_line(error)
        else:
            run.mlflow.client, run.mlflow.id = client, payload.id
            run.mlflow.problem = ""


def close_parent_run(run: Run, status: str) -> None:
    """Close the run in MLflow if it is open, unless the caller opened it."""
    if os.environ.get(RUN_VARIABLE) == run.mlflow.id != "":
        del os.environ[RUN_VARIABLE]
    if run.mlflow.client is not None:
        _end_active_run(run.store, status, is_broken=bool(run.mlflow.problem))
        run.mlflow.client = None


def report_problem(run: Run, *, only_warn: bool) -> None:
    """Say that MLflow lacks the run, or a part of it.

    Args:
        run: The run.
        only_warn: True where the run has failed anyway.

    Raises:
        ConfigurationError: If tracking.yml says that this is an error.
    """
    if not run.mlflow.problem:
        return
    message = (
        f"MLflow at {redact(run.store.uri)} lacks this run, or part of it "
        f"({run.mlflow.problem}). What it made is in the data folder."
    )
    if run.store.config.on_unreachable == "fail" and not only_warn:
        raise ConfigurationError(message)
    logger.warning(message, extra=VERBATIM)


def _end_active_run(store: Store, status: str, *, is_broken: bool) -> None:
    """End MLflow's active run; a store that failed before is asked only briefly."""
    if store.in_callers_run:
        return
    variables = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "1"} if is_broken else {}
    with impatience(**variables), suppress(Exception):
        mlflow.end_run(status)
