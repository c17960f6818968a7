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
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow import MlflowClient

from ..console import print_places
from ..errors import VERBATIM, ConfigurationError, one_line, parse, redact
from . import runs, store, write
from .champion import TrackingConfig, check_inputs
from .models import promote

logger = logging.getLogger(__name__)

# The Kedro runs under way, by the id of their catalog: Kedro's run_id is the time in
# milliseconds, which two threads may share.
_open_runs: dict[int, runs.KedroRun] = {}
# Sessions in threads set up and write in turn: stores do not expect two to create the
# same dataset or alias at once.
_writing = threading.Lock()


class TrackingHook(MlflowHook, threading.local):  # type: ignore[misc]
    """kedro-mlflow's hook, with a run per model, a champion, and no waiting.

    The plugin opens the parent run. All else is written at the end of the run, by the
    main process. State is per thread, so that sessions in several threads do not mix.
    """

    def __init__(self) -> None:
        super().__init__()
        self._config = TrackingConfig()
        self._uri = ""
        self._off = False
        self._in_callers_run = False

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Set MLflow up, with a store that can be used."""
        self._abandon()
        self._config = parse(TrackingConfig, _read(context, "tracking"), "tracking.yml")
        config = _read(context, "mlflow")
        parse(KedroMlflowConfig, config, "mlflow.yml")
        store.limit_mlflow()
        self._off = False
        with _writing:
            # A run that the caller has opened decides where everything goes.
            self._in_callers_run = mlflow.active_run() is not None
            if self._in_callers_run:
                super().after_context_created(context)
                return
            server = config.setdefault("server", {})
            uri = server.get("mlflow_tracking_uri") or os.getenv("MLFLOW_TRACKING_URI")
            local = store.anchor(store.LOCAL_STORE, context.project_path)
            try:
                self._uri = store.anchor(uri or local, context.project_path)
                self._connect(context, config)
            except Exception as error:
                self._fall_back(error, local)
                mlflow.set_tracking_uri(local)
                if not self._off:
                    self._uri, server["mlflow_registry_uri"] = local, None
                    self._connect(context, config)

    def _connect(self, context: KedroContext, config: dict[str, Any]) -> None:
        """Let the plugin set MLflow up, with the store at the address."""
        timeout = self._config.timeout_seconds
        store.configure(config, self._uri, context.project_path, timeout)
        context.config_loader["mlflow"] = config
        super().after_context_created(context)

    def _fall_back(self, error: Exception, local: str) -> None:
        """Do without the store, as configured."""
        problem = f"{redact(self._uri)} cannot be used ({one_line(error)})"
        if self._config.on_unreachable == "fail":
            advice = (
                "start the server, or write 'on_unreachable: local' in tracking.yml"
            )
            raise ConfigurationError.listing(
                "mlflow.yml", [f"server.mlflow_tracking_uri: {problem}; {advice}"]
            ) from None
        self._off = self._config.on_unreachable == "off" or self._uri == local
        instead = "not tracked" if self._off else f"tracked in {local} instead"
        logger.warning("%s: this run is %s.", problem, instead, extra=VERBATIM)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Open the parent run, unless what it needs of MLflow or for it is missing."""
        self.run_id = ""
        check_inputs(pipeline, catalog)
        if self._off:
            return
        if isinstance(pipeline, PipelineML):
            from ..serving import check_artifacts

            check_artifacts(pipeline, catalog)
        for name in run_params.get("pipeline_names") or ():
            if isinstance(pipelines[name], PipelineML) > isinstance(pipeline, PipelineML):
                logger.warning("A part of '%s' runs, so no model is logged", name)
        before = runs.snapshot(pipeline, catalog)
        # Tags: of the runner its class alone, and no passwords.
        tags = {
            "runner": run_params["runner"].strip("<").partition(" ")[0],
            "runtime_params": write.text(run_params["runtime_params"] or ""),
        }
        try:
            super().before_pipeline_run({**run_params, **tags}, pipeline, catalog)
            if not self.run_id:  # the plugin has been told to leave this pipeline out
                return
            uris = self.mlflow_config.server
            client = MlflowClient(uris.mlflow_tracking_uri, uris.mlflow_registry_uri)
            store.close_interrupted(client, self.run_id)
        except Exception as error:
            self._end("FAILED")
            self._lose(error)
            return
        _open_runs[id(catalog)] = runs.KedroRun(
            client, self.run_id, run_params, pipeline, catalog, before
        )
        if "ParallelRunner" in run_params["runner"]:
            # What a node itself logs in a worker goes to the parent run.
            os.environ["MLFLOW_RUN_ID"] = self.run_id

    @hook_impl
    def before_node_run(self, catalog: DataCatalog) -> None:
        """Let what a node itself logs in a thread go to the parent run."""
        run = _open_runs.get(id(catalog))
        if run and run.process == os.getpid() and not mlflow.active_run():
            with suppress(Exception):  # the store is gone, which the end will say
                mlflow.start_run(run_id=run.id)

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
        if os.getenv("MLFLOW_RUN_ID") == run.id:
            os.environ.pop("MLFLOW_RUN_ID")
        status, lost, verdict = "FAILED" if error else "FINISHED", None, None
        try:
            with _writing:
                models = runs.record(run, error)
                if any(model.status == "FAILED" for model in models):
                    status = "FAILED"
                if error is None:
                    write.log_data(run.client, run.id, run.pipeline, catalog)
                    verdict = promote(run, models, self._config.champion)
        except Exception as tracking_error:
            lost = tracking_error
        self._end(status)
        if verdict:
            print_places({"champion": verdict})
        if lost:
            self._lose(lost, only_warn=error is not None)

    def _lose(self, error: Exception, only_warn: bool = False) -> None:
        """Say that MLflow could not take all."""
        message = (
            f"MLflow at {redact(self._uri)} lacks this run, or part of it "
            f"({one_line(error)}); what it made is in the data folder."
        )
        if self._config.on_unreachable == "fail" and not only_warn:
            raise ConfigurationError(message) from error
        logger.warning(message, extra=VERBATIM)

    def _end(self, status: str) -> None:
        """End the parent run, unless the caller opened it."""
        if not self._in_callers_run:
            with suppress(Exception):
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
