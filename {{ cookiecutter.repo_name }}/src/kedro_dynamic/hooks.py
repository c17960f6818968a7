"""The story of a run: one hook, whose steps stand in the order in which they happen."""

import atexit
import threading
from collections.abc import Generator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.framework.project import settings
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from kedro_dynamic import patches
from kedro_dynamic.champion.pipelines import promote_pipeline
from kedro_dynamic.champion.promote import promote
from kedro_dynamic.champion.registry import Outcome, check_inputs
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.project import put_path_in_force
from kedro_dynamic.report.explain import add_plots
from kedro_dynamic.report.page import last_good_report, write_report
from kedro_dynamic.runs import failures, preflight, results
from kedro_dynamic.runs.console import print_verdict
from kedro_dynamic.runs.parts import orchestrated_run
from kedro_dynamic.runs.progress import log_done
from kedro_dynamic.runs.run import (
    Run,
    begin_run,
    find_run,
    interrupted_runs,
    open_runs,
)
from kedro_dynamic.runs.worker import own_outputs
from kedro_dynamic.serving.binding import check_artifacts, completed_trainings
from kedro_dynamic.tracking.description import add_verdict, describe, links
from kedro_dynamic.tracking.lineage import source_of
from kedro_dynamic.tracking.parent_run import (
    attempt,
    close_parent_run,
    end_part,
    open_parent_run,
    report_problem,
    resume_in_thread,
    write_to_mlflow,
)
from kedro_dynamic.tracking.payload import Payload, collect
from kedro_dynamic.tracking.store import (
    Store,
    connect,
    name_metrics,
    read_tracking_config,
)

# How long a run waits for a store before its nodes, and again after them: so many times
# as long as one answer may take.
PATIENCE = 3


class RunHook(threading.local):
    """Checks, records, tracks and reports runs.

    Its methods around a whole run are wrappers, called before and after those of all
    other hooks. So files that other hooks write count as part of the run, and the run
    is recorded even if one of them raises.

    Attributes:
        store: Where the runs of this thread's session are tracked.
        dataset: The dataset that this thread is loading or saving, and which of both.
    """

    store: Store
    dataset = ("", "")

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Set MLflow up, with a store that can be used."""
        put_path_in_force(context.project_path)
        end_interrupted_runs()
        preflight.validate_default_pipeline_only(context)
        preflight.check_pipelines_exist()
        patches.name_package_for_workers()
        config = read_tracking_config(context)
        if orchestrated_run():
            # The local store may be gone with the container of a task.
            config = config.model_copy(update={"on_unreachable": "fail"})
        patches.limit_mlflow(config.timeout_seconds)
        patches.limit_sqlite_waiting(config.timeout_seconds)
        with patches.answers_within(PATIENCE * config.timeout_seconds):
            self.store = connect(context, config)

    @hook_impl(tryfirst=True)
    def after_catalog_created(self, catalog: DataCatalog) -> None:
        """Make the datasets that have an entry of their own."""
        preflight.make_datasets(catalog, catalog.keys())
        name_metrics(catalog)

    @hook_impl(wrapper=True, tryfirst=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> Generator[None]:
        """Begin a run, unless something is wrong with it or another hook refuses it."""
        end_interrupted_runs()
        patches.cache_inputs_outputs(pipeline)
        wait = settings.get("WAIT_FOR_OTHER_RUNS", True)
        run = begin_run(run_params, pipeline, catalog, self.store, wait=wait)
        try:
            preflight.check_run(pipeline, catalog)
            metric = run.store.config.champion.metric
            if metric:
                preflight.check_champion_metric(pipeline, catalog, metric)
            check_artifacts(run.whole, catalog)
            if not run.store.problem:
                with answers_within(run):
                    check_inputs(pipeline, catalog)
            yield
            run.source_tags, run.source_files = source_of(run.root)
            with answers_within(run):
                open_parent_run(run)
            run.prepare_outputs()
        except BaseException:
            _close(run, "FAILED")
            raise

    @hook_impl(trylast=True)
    def before_node_run(
        self,
        node: Node,
        catalog: DataCatalog,
        inputs: dict[str, Any],
        is_async: bool,
        run_id: str,
    ) -> None:
        """Make a node of a model return its failure instead of raising it.

        Called last: other hooks may replace the function, as by one that tries again.
        """
        self.dataset = ("", "")
        own_outputs()
        tell = partial(
            tell_hooks,
            node=node,
            catalog=catalog,
            inputs=inputs,
            is_async=is_async,
            run_id=run_id,
        )
        failures.catch_failures(node, tell)
        run = find_run(catalog)
        if run is not None:
            run.progress.begin(node)
            with answers_within(run):
                resume_in_thread(run)

    @hook_impl
    def on_node_error(
        self,
        error: Exception,
        node: Node,
        inputs: dict[str, Any],
        catalog: DataCatalog,
    ) -> None:
        """Say in an error of the data which tables the node was given."""
        failures.restore_function(node)
        preflight.name_tables(error, inputs, catalog)

    @hook_impl
    def after_node_run(
        self, node: Node, outputs: dict[str, Any], catalog: DataCatalog
    ) -> None:
        """Count a node as done; save nothing where its model failed."""
        failures.restore_function(node)
        has_failed = failures.save_failures(outputs, catalog)
        run = find_run(catalog)
        if run is not None:
            run.progress.advance(node, has_failed=has_failed)
        else:  # in a worker process of ParallelRunner
            log_done(node, has_failed=has_failed)

    @hook_impl
    def before_dataset_loaded(self, dataset_name: str) -> None:
        """Note which dataset an error would be about."""
        self.dataset = (dataset_name, "read")

    @hook_impl
    def before_dataset_saved(self, dataset_name: str) -> None:
        """Note which dataset an error would be about."""
        self.dataset = (dataset_name, "written")

    @hook_impl(wrapper=True, tryfirst=True)
    def after_pipeline_run(self, catalog: DataCatalog) -> Generator[None]:
        """Show, track and report what a run has made; fail if models have failed."""
        try:
            yield
        finally:
            run = find_run(catalog)
            if run is not None:
                finish(run)

    @hook_impl(wrapper=True, tryfirst=True)
    def on_pipeline_error(
        self, error: Exception, catalog: DataCatalog
    ) -> Generator[None]:
        """Track and report what a run made before its error, and explain the error."""
        explained = preflight.explain(error, catalog, *self.dataset)
        self.dataset = ("", "")
        try:
            yield
        finally:
            run = find_run(catalog)
            if run is not None:
                finish(run, explained)
        if explained is not error:
            raise explained from error


def finish(run: Run, error: Exception | None = None) -> None:
    """End a run: show, track, set the champion, write the report, raise failures."""
    try:
        run.progress.stop()
        with answers_within(run):
            is_part = end_part(run, error)
        if is_part:
            if error is None:
                show_results(run)
            return

        if error is None and run.ran_nothing():
            run.restore_provenance()
            print_verdict("The runner ran no node, so nothing was made.")
            close_parent_run(run, "KILLED")
            return

        payload = collect(run, error)
        describe(run, payload)
        add_plots(run, payload)
        with answers_within(run, len(payload.models)):
            write_to_mlflow(run, payload)
            verdict, champion = payload.headline, ""
            if error is None:
                verdict, champion = set_champions(run, payload)
                show_results(run, champion)

            # A mistake in data or configuration leaves the last report alone.
            is_users_error = isinstance(error, ConfigurationError)
            report = (
                "" if is_users_error else write_report(run, payload, verdict, champion)
            )
            work = partial(add_verdict, run, payload, report, verdict, champion)
            attempt(run, payload, work)
            close_parent_run(run, payload.status)

        print_verdict(verdict)
        places = {"report": report, **links(run, report)}
        if payload.status == "FAILED":
            places["last good"] = last_good_report(run)
        results.show_places(run, places, with_files=error is None)
        report_problem(run, only_warn=payload.status == "FAILED")
        if error is None:
            failures.raise_failures(run.params, run.pipeline, run.catalog)
    finally:
        _close(run, "FAILED")  # in MLflow it is open where a step above has failed


def tell_hooks(error: BaseException, **arguments: Any) -> None:
    """Call ``on_node_error`` of the project's hooks for an error that is not raised.

    Args:
        error: What a node of a model raised.
        arguments: The other arguments of ``on_node_error``.
    """
    manager = _create_hook_manager()  # private, but no hook gets Kedro's own
    for hook in settings.HOOKS:
        if not isinstance(hook, RunHook):
            manager.register(hook)
    manager.hook.on_node_error(error=error, **arguments)


def set_champions(run: Run, payload: Payload) -> Outcome:
    """Compare what a run has made with the champions; return what the run means."""
    outcome = attempt(run, payload, partial(promote, run, payload))
    sentence, champion = outcome or ("", "")
    sentences = [sentence]
    for training in completed_trainings(run.pipeline):
        outcome = attempt(run, payload, partial(promote_pipeline, run, training))
        sentences.append(outcome.sentence if outcome else "")
    return Outcome(" ".join(filter(None, sentences)) or payload.headline, champion)


def show_results(run: Run, champion: str = "") -> None:
    """Print the tables of a run, and warnings about them."""
    results.show_tables(run, champion)
    results.warn_of_edges(run)
    results.warn_of_outdated(run)


def answers_within(run: Run, models: int = 0) -> AbstractContextManager[None]:
    """Limit how long a run waits for its store in a block, by a second more per model.

    Args:
        run: The run.
        models: How many models are written.
    """
    seconds = PATIENCE * run.store.config.timeout_seconds + models
    return patches.answers_within(seconds)


def end_interrupted_runs() -> None:
    """End the runs of this thread that Ctrl-C ended: no hook was told."""
    for run in interrupted_runs():
        _close(run, "KILLED")


# MLflow itself would mark what Ctrl-C left open as finished.
@atexit.register
def end_open_runs() -> None:
    """End the runs that are open when the process ends."""
    for run in open_runs():
        _close(run, "KILLED")


def _close(run: Run, status: str) -> None:
    """End a run that is still open, and let other runs continue."""
    with answers_within(run):
        close_parent_run(run, status)
    run.close(ended=status != "KILLED")
