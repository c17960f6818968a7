"""The engine's hooks in a run and after it: progress, results, failures."""

import logging
import os
from collections.abc import Container
from typing import Any

import click
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline

from .command import kedro_command
from .console import RunProgress, print_places, print_table
from .failures import KEEP_GOING, KeepGoing, is_failure
from .files import discard, local_path, outdated, remove_leftovers, url_of
from .preflight import metadata
from .registry import project_path

logger = logging.getLogger(__name__)

# What says whether a model has failed, the smallest first: its metrics, or in a run of
# some nodes what there is instead.
SIGNS = ("metrics", "validation", "fitted_model")


class ProgressHook:
    """Shows how far a run is."""

    def __init__(self) -> None:
        self._progress = RunProgress()

    # Last, when no other hook can refuse the run: nobody would take the bar away.
    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline
    ) -> None:
        """Show the progress bar."""
        # ParallelRunner's workers share the terminal but not the bar.
        if "ParallelRunner" not in run_params["runner"]:
            self._progress.start(len(pipeline.nodes))

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Say which node is done."""
        logger.info("Done: %s", node.name)
        self._progress.advance()

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Stop the progress bar."""
        self._progress.stop()

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self) -> None:
        """Stop the progress bar."""
        self._progress.stop()


class ResultHook:
    """Shows what a run has made."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Print the tables that the catalog marks with ``console``, and the places."""
        # Not those of data sets that the run goes on to compare.
        for name in sorted(pipeline.outputs()):
            title = metadata(catalog, name).get("console")
            if title and catalog.exists(name):
                table = catalog[name].load()
                print_table(" of ".join([title, *name.split(".")[1:-1]]), table)
        root = project_path()
        paths = (local_path(catalog, name) for name in pipeline.all_outputs())
        inside = {path.parent for path in paths if path and path.is_relative_to(root)}
        # The layers of the data: further down there may be a folder per data set.
        layers = {root.joinpath(*path.relative_to(root).parts[:2]) for path in inside}
        print_places(
            {
                "files": ", ".join(sorted(map(os.path.relpath, layers))),
                "full log": "level INFO for kedro in conf/logging.yml",
            }
        )


class ModelsFailed(click.ClickException):
    """Some models of a run failed; everything else of it is done."""


class FailureHook:
    """Takes up where a run was stopped, and makes failed models an error of the run."""

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Remove half-written files, and what was made before something missing."""
        remove_leftovers(project_path() / "data")
        if run_params["only_missing_outputs"]:
            failed = failed_models(pipeline, catalog)
            discard(catalog, _outputs_of(failed, pipeline))
            discard(catalog, outdated(pipeline, catalog))

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Let a node return a failure instead of raising it, if it is to keep going."""
        if KEEP_GOING in node.tags:
            # Private, for there is no public way to tell "x" from ["x"].
            node.func = KeepGoing(node.func, node._outputs)

    @hook_impl
    def on_node_error(self, node: Node) -> None:
        """Give a node its function back."""
        if isinstance(node.func, KeepGoing):
            node.func = node.func.function

    @hook_impl
    def after_node_run(
        self, node: Node, outputs: dict[str, Any], catalog: DataCatalog
    ) -> None:
        """Save nothing where a model failed and its dataset cannot hold the error."""
        self.on_node_error(node)
        for name, failure in [*outputs.items()]:
            if not is_failure(failure):
                continue
            try:
                catalog.save(name, outputs.pop(name))
            except DatasetError:  # a plot or a table: the one before is not of this run
                discard(catalog, [name])

    # Last of all: everything else about the run has been written.
    @hook_impl(trylast=True)
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Fail if models have failed, naming the command that runs just them again."""
        failed = failed_models(pipeline, catalog)
        errors = _lacking(pipeline, catalog) | failed
        if not errors:
            return
        discard(catalog, _outputs_of(failed, pipeline))
        count = len(_signs(pipeline))
        lines = [f"{namespace}: {error}" for namespace, error in errors.items()]
        again = kedro_command(run_params, only_missing=True)
        raise ModelsFailed(
            "\n  ".join([f"{len(errors)} of {count} models failed:", *lines])
            + f"\nAll else is saved. Run just what is missing with\n  {again}"
        )


def failed_models(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, str]:
    """Return the error of each model that failed, by its namespace."""
    errors = {}
    for namespace, sign in _signs(pipeline).items():
        if catalog.exists(sign) and is_failure(value := catalog[sign].load()):
            errors[namespace] = value["error"]
    return errors


def _lacking(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, str]:
    """Return, by namespace of a model, that a plot or table of it was not made."""
    signs = _signs(pipeline)
    return {
        namespace: f"'{last}' was not made; the log says why"
        for namespace, _, last in (
            name.rpartition(".")
            for name in sorted(pipeline.all_outputs())
            if url_of(catalog, name) and not catalog.exists(name)
        )
        if namespace in signs
    }


def _signs(pipeline: Pipeline) -> dict[str, str]:
    """Return, by namespace of a model, the dataset that says whether it failed."""
    signs: dict[str, str] = {}
    for kind in reversed(SIGNS):
        for name in sorted(pipeline.all_outputs()):
            namespace, _, last = name.rpartition(".")
            if last == kind and namespace:
                signs[namespace] = name
    return signs


def _outputs_of(failed: Container[str], pipeline: Pipeline) -> list[str]:
    """Return what stands where models failed, but for the signs that say so."""
    signs = set(_signs(pipeline).values())
    names = sorted(pipeline.all_outputs() - signs)
    return [name for name in names if name.rpartition(".")[0] in failed]
