"""The project's hooks: checks before a run, progress in it, and its leaderboard."""

from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from .console import RunProgress, print_leaderboard, print_table
from .errors import ConfigurationError, file_of
from .files import local_path, shown_path
from .pipelines.models.specs import CheckedSpec


class ProjectHooks:
    """Checks what registration cannot check cheaply, and shows what a run has made."""

    # First, so that no MLflow run is opened for a run that cannot start.
    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Check that models can be built, data exists, and outputs will be saved.

        Raises:
            ConfigurationError: Lists all that is wrong with the models, or the data
                that is missing and the commands that make it, or what no entry of the
                catalog would keep.
        """
        _check_catalog(pipeline, catalog)
        problems, files, missing = [], set(), []
        for name in sorted(pipeline.inputs()):
            if not name.startswith("params:"):
                missing += _missing(catalog, name)
            elif isinstance(spec := catalog[name].load(), CheckedSpec):
                key = name.removeprefix("params:")
                if found := spec.find_problems(key):
                    problems += found
                    files.add(file_of("parameters", key))
        if problems:
            raise ConfigurationError.listing(" and ".join(sorted(files)), problems)
        if missing:
            raise ConfigurationError("\n  ".join(["Data is missing:", *missing]))

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Show the leaderboards that the run ends with, and what the catalog marks."""
        for name in sorted(pipeline.outputs()):
            if name.rpartition(".")[2] == "leaderboard":
                print_leaderboard(catalog, name)
            if title := _metadata(catalog, name).get("console"):
                print_table(title, catalog[name].load())


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
    def after_node_run(self) -> None:
        """Move the progress bar on."""
        self._progress.advance()

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Stop the progress bar."""
        self._progress.stop()

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self) -> None:
        """Stop the progress bar."""
        self._progress.stop()


def _check_catalog(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a catalog that would not keep what the dynamic pipelines make.

    Raises:
        ConfigurationError: Names each dataset and the pattern to add.
    """
    names = {
        name
        for node in pipeline.nodes
        if node.namespace
        for name in (*node.inputs, *node.outputs)
        if not name.startswith("params:")
    }
    lost = sorted(name for name in names if name not in catalog)
    if lost:
        problems = [
            f"{name}: matches no entry and no pattern, so it would not be saved; "
            f"add '{_pattern(name)}'"
            for name in lost
        ]
        files = sorted({file_of("catalog", name) for name in lost})
        raise ConfigurationError.listing(" and ".join(files), problems)


def _missing(catalog: DataCatalog, name: str) -> list[str]:
    """Return what to do about a dataset that the run needs, if it is not there."""
    command, path = _metadata(catalog, name).get("made_by"), local_path(catalog, name)
    # Not every dataset knows whether it exists.
    if not (command or path) or (path and path.exists()) or catalog.exists(name):
        return []
    if command:
        return [f"{name}: does not exist yet; '{command}' makes it"]
    return [f"{name}: put it at {shown_path(catalog, name)}, or correct the catalog"]


def _metadata(catalog: DataCatalog, name: str) -> dict[str, Any]:
    """Return what the catalog says of a dataset for others than Kedro."""
    return getattr(catalog.get(name), "metadata", None) or {}


def _pattern(name: str) -> str:
    """Return the factory pattern that would catch a dataset."""
    family, *namespace, dataset = name.split(".")
    return ".".join([family, "{namespace}", dataset] if namespace else [name])
