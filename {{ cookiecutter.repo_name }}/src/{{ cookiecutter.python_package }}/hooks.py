"""The project's hooks: checks before a run, progress in it, and its leaderboard."""

from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from .console import RunProgress, print_leaderboard, print_table
from .errors import ConfigurationError, parameters_file
from .pipelines.models.estimators import find_problems
from .pipelines.models.specs import ModelSpec


class ProjectHooks:
    """Checks what registration cannot check cheaply, and reports on the console."""

    def __init__(self) -> None:
        self._progress = RunProgress()

    @hook_impl
    def after_catalog_created(self, catalog: DataCatalog) -> None:
        """Refuse a catalog that would not keep what the dynamic pipelines make.

        Raises:
            ConfigurationError: Names each dataset and the pattern to add.
        """
        lost = [
            f"{name}: matches no entry and no pattern, so it would not be saved; "
            f"add '{_pattern(name)}'"
            for name in sorted(pipelines.get("models", Pipeline([])).datasets())
            if not name.startswith("params:") and name not in catalog
        ]
        if lost:
            raise ConfigurationError.listing("catalog.yml", lost)

    # First, so that no MLflow run is opened for a run that cannot start.
    @hook_impl(tryfirst=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Check that models can be built and data is there, before any of it is read.

        Raises:
            ConfigurationError: Lists all that is wrong with the models, or the data
                that is missing and the commands that make it.
        """
        problems, files, missing = [], set(), []
        for name in sorted(pipeline.inputs()):
            if not name.startswith("params:"):
                if command := _made_by(catalog, name):
                    missing.append(f"{name}: does not exist yet; '{command}' makes it")
            elif isinstance(model := catalog[name].load(), ModelSpec):
                key = name.removeprefix("params:")
                if found := find_problems(model, key):
                    problems += found
                    files.add(parameters_file(key))
        if problems:
            raise ConfigurationError.listing(" and ".join(sorted(files)), problems)
        if missing:
            raise ConfigurationError("\n  ".join(["Data is missing:", *missing]))
        # ParallelRunner's workers share the terminal but not the bar.
        if "ParallelRunner" not in run_params["runner"]:
            self._progress.start(len(pipeline.nodes))

    @hook_impl
    def after_node_run(self) -> None:
        """Move the progress bar on."""
        self._progress.advance()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Give the console back."""
        self._progress.stop()

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Show the leaderboard, if the run made one, and what the catalog marks."""
        self._progress.stop()
        if "leaderboard" in pipeline.outputs():
            print_leaderboard(catalog)
        for name in sorted(pipeline.outputs()):
            if title := _metadata(catalog, name).get("console"):
                print_table(title, catalog[name].load())


def _made_by(catalog: DataCatalog, name: str) -> str:
    """Return the command that makes a dataset, if it is not there yet."""
    command = str(_metadata(catalog, name).get("made_by", ""))
    return command if command and not catalog.exists(name) else ""


def _metadata(catalog: DataCatalog, name: str) -> dict[str, Any]:
    """Return what the catalog says of a dataset for others than Kedro."""
    return getattr(catalog.get(name), "metadata", None) or {}


def _pattern(name: str) -> str:
    """Return the factory pattern that would catch a dataset."""
    family, *namespace, dataset = name.split(".")
    return ".".join([family, "{namespace}", dataset] if namespace else [name])
