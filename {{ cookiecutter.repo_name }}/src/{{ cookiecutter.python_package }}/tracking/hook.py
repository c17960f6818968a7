"""The hook that tracks runs: kedro-mlflow's, and what it lacks."""

import atexit
import logging
import os
import threading
from pathlib import Path
from typing import Any

import mlflow
from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
from kedro_mlflow.config.resolvers import resolve_random_name
from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow import MlflowClient
from omegaconf import OmegaConf
from rich import get_console

from ..errors import VERBATIM, ConfigurationError, schema_problems
from ..redaction import hide_secrets, redact
from . import runs
from .best_model import register_best
from .champion import check_models
from .command import kedro_command, runner_logger, runner_path
from .completed_nodes import CompletedNodes
from .config import TrackingConfig, read_config
from .data import log_inputs, log_outputs
from .interrupted import close_interrupted, tag_process
from .model_files import PACKAGE
from .pipeline_model import check_artifacts, log_pipeline, promote_pipeline
from .server import (
    LOCAL_STORE,
    SQLITE,
    anchor,
    answers,
    check_address,
    create_store,
    limit_mlflow_retries,
)
from .values import flatten, text

logger = logging.getLogger(__name__)

# The MLflow run of each Kedro run under way, and the process that writes to it. By the
# catalog's id: Kedro's run_id is the time in milliseconds, which two threads may share.
_open_runs: dict[int, tuple[str, int]] = {}
# Sessions in threads set up and write in turn: stores do not expect two to create the
# same dataset or alias at once, and a champion is compared before it is replaced.
_writing = threading.Lock()


class TrackingHook(MlflowHook, threading.local):  # type: ignore[misc]
    """kedro-mlflow's hook, with a run per model, a champion, and no waiting.

    The plugin opens and closes the parent run and logs a ``PipelineML``. All else is
    written at the end of the run, by the main process. State is per thread, so that
    sessions in several threads do not mix.
    """

    def __init__(self) -> None:
        super().__init__()
        self._config = TrackingConfig()
        self._uri = ""
        self._off = False
        self._in_callers_run = False
        self._completed = CompletedNodes("")

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Set MLflow up, with a store that answers.

        Raises:
            ConfigurationError: If none does, and ``on_unreachable`` is ``fail``.
        """
        self._abandon()
        try:
            self._config = read_config(context.config_loader["tracking"])
        except MissingConfigException:
            self._config = TrackingConfig()
        # For mlflow.yml, which the plugin would read later.
        OmegaConf.register_new_resolver(
            "km.random_name", resolve_random_name, replace=True, use_cache=True
        )
        config = context.config_loader["mlflow"]
        if problems := schema_problems(KedroMlflowConfig, config):
            raise ConfigurationError.listing("mlflow.yml", problems)
        self._off = False
        limit_mlflow_retries()
        with _writing:
            # A run that the caller has opened decides where everything goes.
            self._in_callers_run = mlflow.active_run() is not None
            if not self._in_callers_run:
                self._choose_store(config, context.project_path)
            context.config_loader["mlflow"] = config
            super().after_context_created(context)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Open the parent run.

        Raises:
            ConfigurationError: If the pipeline loads a model that does not exist, or
                would log one that is not whole.
        """
        self.run_id = ""
        if not self._off:
            check_models(pipeline, catalog)
            if isinstance(pipeline, PipelineML):
                check_artifacts(pipeline, catalog)
            # Tags: of the runner its class alone, and no passwords.
            tags = {
                "runner": runner_path(run_params),
                "runtime_params": text(
                    flatten(hide_secrets(run_params["runtime_params"] or {})) or ""
                ),
            }
            try:
                super().before_pipeline_run({**run_params, **tags}, pipeline, catalog)
                self._tag_process()
            except Exception as error:
                self.run_id = ""
                self._ignore_if_unreachable(error)
        if self.run_id:
            _open_runs[id(catalog)] = (self.run_id, os.getpid())
            self._completed = CompletedNodes(runner_logger(run_params))
            self._completed.start()
            if "ParallelRunner" in run_params["runner"]:
                # What a node itself logs in a worker goes to the parent run.
                os.environ["MLFLOW_RUN_ID"] = self.run_id

    @hook_impl
    def before_node_run(self, catalog: DataCatalog) -> None:
        """Let what a node itself logs in a thread go to the parent run.

        Parameters are not logged here, but at the end, all at once.
        """
        mlflow_run_id, process = _open_runs.get(id(catalog), ("", 0))
        if process == os.getpid() and not mlflow.active_run():
            try:
                mlflow.start_run(run_id=mlflow_run_id)
            except Exception as error:
                _open_runs.pop(id(catalog), None)
                logger.debug("No MLflow run in this thread: %s", error)

    @hook_impl
    def on_node_error(self, error: Exception, node: Node) -> None:
        """Note which node failed: ``on_pipeline_error`` is not told."""
        runs.note_failed_node(error, node.name)

    @hook_impl
    def on_pipeline_error(
        self,
        error: Exception,
        run_params: dict[str, Any],
        pipeline: Pipeline,
        catalog: DataCatalog,
    ) -> None:
        """Write what was finished, and close the parent run as failed."""
        if self._close(catalog):
            try:
                with _writing:
                    self._record(run_params, pipeline, catalog, error)
            except Exception as tracking_error:
                # The error of the run itself is what people must see.
                reason = redact(str(tracking_error))
                logger.warning("Not tracked: %s", reason, extra=VERBATIM)
            self._end("FAILED")

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Write the runs of all models, crown the champion, close the parent run."""
        if self._close(catalog):
            try:
                with _writing:
                    failed = self._record(run_params, pipeline, catalog)
                    if isinstance(pipeline, PipelineML):
                        self._log_pipeline(pipeline, catalog)
                        # Logged already: what is left to the plugin is the run's end.
                        pipeline = pipeline.training
                if failed:
                    self._end("FAILED")
                super().after_pipeline_run(run_params, pipeline, catalog)
            except Exception as error:
                self._end("FAILED")
                self._ignore_if_unreachable(error)

    def _choose_store(self, config: dict[str, Any], project_path: Path) -> None:
        """Write the address of a store that answers into the content of mlflow.yml."""
        local = anchor(LOCAL_STORE, project_path)
        server = config.setdefault("server", {})
        uri = server.get("mlflow_tracking_uri") or os.getenv("MLFLOW_TRACKING_URI")
        self._uri = anchor(uri or local, project_path)
        if problems := check_address(self._uri):
            raise ConfigurationError.listing("mlflow.yml", problems)
        if not answers(self._uri, self._config.timeout_seconds):
            self._fall_back(local)
            server["mlflow_registry_uri"] = None
        server["mlflow_tracking_uri"] = self._uri
        if self._uri.startswith(SQLITE):
            experiment = config.setdefault("tracking", {}).setdefault("experiment", {})
            options = experiment.setdefault("create_experiment_kwargs", {})
            options.setdefault(
                "artifact_location", (project_path / "mlartifacts").as_uri()
            )
            create_store(self._uri)

    def _fall_back(self, local: str) -> None:
        """Do without the server, as configured."""
        address = redact(self._uri)
        if self._config.on_unreachable == "fail":
            raise ConfigurationError.listing(
                "mlflow.yml",
                [
                    f"server.mlflow_tracking_uri: {address} does not answer; start the "
                    "server, or write 'on_unreachable: local' in tracking.yml"
                ],
            )
        self._off = self._config.on_unreachable == "off"
        instead = "not tracked" if self._off else f"tracked in {local} instead"
        logger.warning(
            "The tracking server %s does not answer: this run is %s.", address, instead
        )
        self._uri = local

    def _ignore_if_unreachable(self, error: Exception) -> None:
        """Pass over an error if the server went away, else raise it."""
        if answers(self._uri, self._config.timeout_seconds):
            raise error
        logger.warning(
            "The tracking server %s stopped answering: MLflow lacks this run, or part "
            "of it. The results are in the data folder.",
            redact(self._uri),
        )

    def _tag_process(self) -> None:
        """Say which process the run is of, and close those of processes that died."""
        if self.run_id:
            client = self._client()
            tag_process(client, self.run_id)
            close_interrupted(client, client.get_run(self.run_id).info.experiment_id)

    def _client(self) -> MlflowClient:
        """Return a client of the store and registry that the plugin has settled on."""
        server = self.mlflow_config.server
        return MlflowClient(server.mlflow_tracking_uri, server.mlflow_registry_uri)

    def _close(self, catalog: DataCatalog) -> bool:
        """End what began with the run; tell whether it is tracked."""
        self._completed.stop()
        if os.getenv("MLFLOW_RUN_ID") == self.run_id:
            os.environ.pop("MLFLOW_RUN_ID", None)
        return _open_runs.pop(id(catalog), None) is not None

    def _abandon(self) -> None:
        """End a run of this thread that was interrupted, by Ctrl-C in a notebook."""
        run = mlflow.active_run()
        for catalog_id, (run_id, _) in list(_open_runs.items()):
            if run and run.info.run_id == run_id == self.run_id:
                del _open_runs[catalog_id]
                self._completed.stop()
                self._end("KILLED")

    def _end(self, status: str) -> None:
        """End the parent run, unless the caller opened it."""
        if self._in_callers_run:
            return
        try:
            mlflow.end_run(status)
        except Exception as error:
            logger.debug("Not closed: %s", error)

    def _record(
        self,
        run_params: dict[str, Any],
        pipeline: Pipeline,
        catalog: DataCatalog,
        error: Exception | None = None,
    ) -> bool:
        """Write everything there is to know of the run; tell whether models failed."""
        client = self._client()
        parent = client.get_run(self.run_id)
        models = runs.model_runs(
            pipeline,
            catalog,
            self._completed.times,
            error,
            only_missing=run_params["only_missing_outputs"],
        )
        commit = runs.git_commit(run_params["project_path"])
        separate = len(models) <= self._config.max_child_runs
        errors = {}
        if separate:
            runs.log_children(client, parent, models, commit, run_params)
        else:
            logger.info(
                "%d models are more than max_child_runs in tracking.yml: their metrics "
                "and errors are in the parent run.",
                len(models),
            )
            for model in models:
                model.run_id = parent.info.run_id
                if model.status == "FAILED":
                    errors[f"{model.name}.error"] = model.error
        runs.log_batch(
            client,
            parent.info.run_id,
            metrics={
                f"{model.name}.{key}": value
                for model in models
                for key, value in model.metrics.items()
                if key == "model_score" or not separate
            },
            params=runs.pipeline_parameters(pipeline, catalog),
            tags={
                **commit,
                **errors,
                "kedro_command": kedro_command(run_params),
                **({"error": f"{type(error).__name__}: {error}"} if error else {}),
            },
        )
        if error is None:
            log_inputs(pipeline, catalog)
            log_outputs(client, parent.info.run_id, pipeline, catalog)
            # Cells of the benchmark are no candidates: they are of other data.
            rivals = [model for model in models if model.family == "models"]
            if rivals and "leaderboard" in pipeline.all_outputs():
                verdict = register_best(client, PACKAGE, rivals, self._config, catalog)
                self._print_champion(verdict)
        return any(model.status == "FAILED" for model in models)

    def _log_pipeline(self, pipeline: PipelineML, catalog: DataCatalog) -> None:
        """Log the inference pipeline, and let it compete to be champion."""
        client, rule = self._client(), self._config.champion
        logged = log_pipeline(pipeline, catalog)
        if verdict := promote_pipeline(client, logged, pipeline, catalog, rule):
            self._print_champion(verdict)

    def _print_champion(self, verdict: str) -> None:
        """Say which model is champion, below the leaderboard."""
        get_console().print(
            f"champion     {verdict}", style="dim", highlight=False, soft_wrap=True
        )


@atexit.register
def _end_interrupted_runs() -> None:
    """Mark what Ctrl-C left open; MLflow itself would mark it as finished."""
    for _, process in _open_runs.values():
        if process == os.getpid() and mlflow.active_run():
            mlflow.end_run("KILLED")
