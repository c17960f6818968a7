"""The engine's hooks: checks before a run, progress in it, its results after it."""

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
from .errors import ConfigurationError, DataError
from .failures import is_failure
from .files import discard, local_path, outdated, remove_leftovers, shown_path
from .registry import project_path
from .schema import ComparisonSpec, ModelSpec, file_of

logger = logging.getLogger(__name__)

# What says whether a model has failed, the smallest first: its metrics, or in a run of
# some nodes what there is instead.
SIGNS = ("metrics", "validation", "fitted_model")


class CheckHook:
    """Checks before a run what registration cannot check cheaply."""

    # First, so that no MLflow run is opened for a run that cannot start.
    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Check that models can be built, data exists, and outputs will be saved."""
        _check_catalog(pipeline, catalog)
        specs: dict[str, Any] = {}
        missing = []
        for name in sorted(pipeline.inputs()):
            if name.startswith("params:"):
                specs[name.removeprefix("params:")] = catalog[name].load()
            else:
                missing += _missing(catalog, name)
        problems = _problems(specs)
        if problems:
            files = sorted({file_of(line) for line in problems})
            raise ConfigurationError.listing(" and ".join(files), problems)
        if missing:
            raise ConfigurationError("\n  ".join(["Data is missing:", *missing]))

    @hook_impl
    def on_node_error(self, error: Exception, node: Node, catalog: DataCatalog) -> None:
        """Name the data that a node has refused: the node was not told."""
        if isinstance(error, DataError):
            tables = [name for name in node.inputs if not name.startswith("params:")]
            places = {name: shown_path(catalog, name) for name in tables}
            error.name_data(
                " and ".join(f"{path} ({name})" for name, path in places.items())
            )


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
            if title := metadata(catalog, name).get("console"):
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
    def after_node_run(self, outputs: dict[str, Any], catalog: DataCatalog) -> None:
        """Save nothing where a model failed and its dataset cannot hold the error."""
        for name in [name for name, value in outputs.items() if is_failure(value)]:
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
        errors = failed_models(pipeline, catalog)
        if not errors:
            return
        discard(catalog, _outputs_of(errors, pipeline))
        count = len(_signs(pipeline))
        few = "All" if len(errors) == count else f"{len(errors)} of"
        lines = [f"{namespace}: {error}" for namespace, error in errors.items()]
        again = kedro_command(run_params, only_missing=True)
        raise ModelsFailed(
            "\n  ".join([f"{few} {count} models failed:", *lines])
            + f"\nAll else is saved. Run just what is missing with\n  {again}"
        )


def failed_models(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, str]:
    """Return the error of each model that failed, by its namespace."""
    errors = {}
    for namespace, sign in _signs(pipeline).items():
        if catalog.exists(sign) and is_failure(value := catalog[sign].load()):
            errors[namespace] = value["error"]
    return errors


def metadata(catalog: DataCatalog, name: str) -> dict[str, Any]:
    """Return what the catalog says of a dataset for others than Kedro."""
    return getattr(catalog.get(name), "metadata", None) or {}


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


def _problems(specs: dict[str, Any]) -> list[str]:
    """Return what is wrong with models and scores, by the parameters of a run."""
    from .estimators import find_problems
    from .validation import check_models, check_scoring

    models = {key: one for key, one in specs.items() if isinstance(one, ModelSpec)}
    problems = [line for key, one in models.items() for line in find_problems(one, key)]
    for spec in specs.values():
        if isinstance(spec, ComparisonSpec):
            problems += check_scoring(spec)
    if not problems:
        compared = {
            key.removeprefix("models."): one
            for key, one in models.items()
            if key.startswith("models.")
        }
        problems = check_models(compared)
    return problems


def _check_catalog(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a catalog that would not keep what the models make."""
    names = {
        name
        for node in pipeline.nodes
        if node.namespace
        for name in (*node.inputs, *node.outputs)
        if not name.startswith("params:") and name not in catalog
    }
    patterns: dict[str, str] = {}
    for name in sorted(names):
        family, *namespace, dataset = name.split(".")
        pattern = ".".join([family, "{namespace}", dataset]) if namespace else name
        patterns.setdefault(pattern, name)
    if patterns:
        raise ConfigurationError.listing(
            "The catalog",
            [
                f"{name}: matches no entry and no pattern, so it would not be saved; "
                f"add '{pattern}'"
                for pattern, name in patterns.items()
            ],
        )


def _missing(catalog: DataCatalog, name: str) -> list[str]:
    """Return what to do about a dataset that the run needs, if it is not there."""
    command, path = metadata(catalog, name).get("made_by"), local_path(catalog, name)
    # Not every dataset knows whether it exists.
    if not (command or path) or (path and path.exists()) or catalog.exists(name):
        return []
    if command:
        return [f"{name}: does not exist yet; '{command}' makes it"]
    return [f"{name}: put it at {shown_path(catalog, name)}, or correct the catalog"]
