"""The hook that tracks runs: kedro-mlflow's, and what it lacks."""

import atexit
import logging
import os
import threading
from contextlib import suppress
from typing import Any

import mlflow
from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow import MlflowClient

from kedro_dynamic.champion.promote import promote
from kedro_dynamic.champion.registry import check_inputs
from kedro_dynamic.config.errors import (
    VERBATIM,
    ConfigurationError,
    one_line,
    parse,
    redact,
)
from kedro_dynamic.config.tracking import TrackingConfig
from kedro_dynamic.registry.config_loader import project_path
from kedro_dynamic.report.page import write_report
from kedro_dynamic.runs.command import kedro_command
from kedro_dynamic.runs.console import print_places
from kedro_dynamic.tracking import store
from kedro_dynamic.tracking import writer as write
from kedro_dynamic.tracking.collect import collect
from kedro_dynamic.tracking.lineage import source_of
from kedro_dynamic.tracking.payload import KedroRun, introduce
from kedro_dynamic.tracking.sqlite import limit_waiting

logger = logging.getLogger(__name__)


# The runs under way, by the id of their catalog: two threads may share Kedro's run_id.
_open_runs: dict[int, KedroRun] = {}


# Sessions in threads set up and write in turn: stores do not expect two to create the
# same dataset or alias at once.
_writing = threading.Lock()


class TrackingHook(MlflowHook, threading.local):  # type: ignore[misc]
    """kedro-mlflow's hook, with a run per model, a champion, and no waiting.

    The plugin opens the parent run. All else is written at the end of the run, by the
    main process. State is per thread, so that sessions in several threads do not mix.
    """

    _config = TrackingConfig()
    _plugin = KedroMlflowConfig()
    _uri = ""
    _problem = ""  # why the store cannot be written to
    _in_callers_run = False

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Set MLflow up, with a store that can be used."""
        self._abandon()
        self._config = parse(TrackingConfig, _read(context, "tracking"), "tracking.yml")
        config = _read(context, "mlflow")
        self._plugin = parse(KedroMlflowConfig, config, "mlflow.yml")
        store.limit_mlflow(self._config.timeout_seconds)
        with _writing:
            # A run that the caller has opened decides where everything goes.
            self._in_callers_run = mlflow.active_run() is not None
            if self._in_callers_run:
                super().after_context_created(context)
                self._uri, self._problem = mlflow.get_tracking_uri(), ""
                return

            def set_up() -> None:
                context.config_loader["mlflow"] = config
                MlflowHook.after_context_created(self, context)

            root = context.project_path
            self._uri, self._problem = store.connect(config, root, self._config, set_up)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Open the parent run, unless what it needs of MLflow or for it is missing."""
        self.run_id = ""
        if not self._problem:
            check_inputs(pipeline, catalog)
        if isinstance(pipeline, PipelineML):
            from kedro_dynamic.serving.binding import check_artifacts

            check_artifacts(pipeline, catalog)
        run = KedroRun(run_params, pipeline, catalog)
        is_tracked = run.name not in self._plugin.tracking.disable_tracking.pipelines
        run.problem = self._problem if is_tracked else ""
        run.tags, run.files = source_of(project_path())
        if is_tracked and not run.problem:
            try:
                self._open(run)
            except Exception as error:
                run.id, run.problem = self.run_id, one_line(error)  # may be there
                self._end("FAILED", run.problem)
                store.refuse(self._uri, run.problem, self._config)
        _open_runs[id(catalog)] = run

    def _open(self, run: KedroRun) -> None:
        """Let the plugin open the run in MLflow."""
        # Tags: of the runner its class alone, and no passwords.
        tags = {
            "runner": run.params["runner"].strip("<").partition(" ")[0],
            "runtime_params": redact(str(run.params["runtime_params"] or "")),
        }
        super().before_pipeline_run({**run.params, **tags}, run.pipeline, run.catalog)
        uris = self.mlflow_config.server
        run.client = MlflowClient(uris.mlflow_tracking_uri, uris.mlflow_registry_uri)
        run.id = self.run_id
        info = run.client.get_run(run.id).info
        run.experiment_id, run.title = info.experiment_id, info.run_name
        introduce(run.client, run.experiment_id)
        store.close_interrupted(run.client, run.id)
        if "ParallelRunner" in run.params["runner"]:
            # What a node itself logs in a worker goes to the parent run.
            os.environ["MLFLOW_RUN_ID"] = run.id

    @hook_impl
    def before_node_run(self, catalog: DataCatalog) -> None:
        """Let what a node itself logs in a thread go to the parent run."""
        run = _open_runs.get(id(catalog))
        if run and run.process == os.getpid() and not mlflow.active_run():
            # If the store is gone, the end will say so.
            run.attempt(lambda _: mlflow.start_run(run_id=run.id))

    @hook_impl
    def on_pipeline_error(self, error: Exception, catalog: DataCatalog) -> None:
        """Write what was finished, and close the parent run as failed."""
        self._finish(catalog, error)

    @hook_impl
    def after_pipeline_run(self, catalog: DataCatalog) -> None:
        """Write the runs of all models, crown the champion, close the parent run."""
        self._finish(catalog)

    def _finish(self, catalog: DataCatalog, error: Exception | None = None) -> None:
        """Write everything there is to know of a run, and close it."""
        if (run := _open_runs.pop(id(catalog), None)) is None:
            return
        if run.id and os.getenv("MLFLOW_RUN_ID") == run.id:
            os.environ.pop("MLFLOW_RUN_ID")
        verdict, outcome, rule = None, collect(run, error), self._config.champion
        outcome.stays_open = self._in_callers_run
        with _writing:
            write.deliver(
                run, outcome, self._uri, self._plugin.tracking.experiment.name
            )
            if error is None:
                verdict = run.attempt(
                    lambda client: promote(run, client, outcome.models, rule)
                )
            if report := write_report(run, outcome, verdict):
                run.attempt(lambda client: client.log_artifact(run.id, report))
            self._end(outcome.status, run.problem)
        places = {"champion": verdict, "report": report}
        print_places({what: place for what, place in places.items() if place})
        if run.problem:
            self._lose(run, only_warn=error is not None)

    def _lose(self, run: KedroRun, only_warn: bool) -> None:
        """Say what MLflow could not take, and what writes it later."""
        later = kedro_command(run.params, only_missing=True)
        message = (
            f"MLflow at {redact(self._uri)} lacks this run, or part of it "
            f"({run.problem}). What it made is in the data folder; once MLflow can be "
            f"used, '{later}' writes the rest."
        )
        if self._config.on_unreachable == "fail" and not only_warn:
            raise ConfigurationError(message)
        logger.warning(message, extra=VERBATIM)

    def _end(self, status: str, problem: str = "") -> None:
        """End the parent run, unless the caller opened it; without waiting again."""
        if not self._in_callers_run:
            # Where it has failed before, it is not waited for again.
            brief = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "1"} if problem else {}
            if problem:
                limit_waiting(0.1)
            with store.impatience(**brief), suppress(Exception):
                mlflow.end_run(status)

    def _abandon(self) -> None:
        """End a run of this thread that was interrupted, by Ctrl-C in a notebook."""
        active = mlflow.active_run()
        for catalog_id, run in list(_open_runs.items()):
            if active and active.info.run_id == run.id == self.run_id:
                del _open_runs[catalog_id]
                self._end("KILLED")


def _read(context: KedroContext, name: str) -> dict[str, Any]:
    """Return a configuration, empty if the project has no file of that name."""
    try:
        return dict(context.config_loader[name])
    except (MissingConfigException, KeyError):
        return {}


@atexit.register
def _end_interrupted_runs() -> None:
    """Mark what Ctrl-C left open; MLflow itself would mark it as finished."""
    for run in _open_runs.values():
        if run.process == os.getpid() and mlflow.active_run():
            mlflow.end_run("KILLED")
