"""What a run does about failures: of models in it, and of processes before it."""

from typing import Any

import click
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from .dynamic_registry import project_path
from .files import discard, discard_outdated, remove_leftovers
from .tracking.command import kedro_command

# What holds the errors of a model that failed.
TO_BE_READ = ("metrics", "trials")


class ModelsFailed(click.ClickException):
    """Some models of a run failed; everything else of it is done."""


class RecoveryHook:
    """Takes up where a run was stopped, and makes failed models an error of the run."""

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Remove half-written files, and what was made before something missing."""
        remove_leftovers(project_path() / "data")
        if run_params["only_missing_outputs"]:
            _discard_failed(pipeline, catalog)
            discard_outdated(pipeline, catalog)

    # Last of all: everything else about the run has been written.
    @hook_impl(trylast=True)
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Fail if models have failed.

        Raises:
            ModelsFailed: Names them, and the command that runs just them again.
        """
        errors = failed_models(pipeline, catalog)
        if not errors:
            return
        _discard_failed(pipeline, catalog)
        count = len(_metrics(pipeline))
        few = "All" if len(errors) == count else f"{len(errors)} of"
        again = kedro_command({**run_params, "only_missing_outputs": True})
        raise ModelsFailed(
            "\n  ".join(
                [
                    f"{few} {count} models failed:",
                    *(f"{namespace}: {error}" for namespace, error in errors.items()),
                ]
            )
            + f"\nAll else is saved. Run just what is missing with\n  {again}"
        )


def failed_models(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, str]:
    """Return the error of each model that failed, by its namespace."""
    there = (name for name in _metrics(pipeline) if catalog.exists(name))
    values = {name: catalog[name].load() for name in there}
    return {
        name.removesuffix(".metrics"): value["error"]
        for name, value in values.items()
        if "error" in value
    }


def _metrics(pipeline: Pipeline) -> list[str]:
    """Return the datasets with the metrics, or the error, of the run's models."""
    return sorted(name for name in pipeline.all_outputs() if name.endswith(".metrics"))


def _discard_failed(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Delete the files that stand where those of models would be."""
    failed = failed_models(pipeline, catalog)
    for name in pipeline.all_outputs():
        namespace, _, made = name.rpartition(".")
        if namespace in failed and made not in TO_BE_READ:
            discard(catalog, name)
