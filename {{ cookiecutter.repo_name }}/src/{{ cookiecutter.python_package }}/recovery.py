"""What a run does about failures: of models in it, and of processes before it."""

from collections.abc import Container
from typing import Any

import click
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from .atomic_files import remove_leftovers
from .dynamic_registry import project_path
from .files import discard, discard_outdated, discard_to_remake
from .pipelines.models.failures import FailedModel
from .tracking.command import kedro_command

# What holds the errors of a model that failed.
TO_BE_READ = ("metrics", "baseline_metrics", "trials")
# Where a failure shows, in a model as it is fitted or tuned and in one before tuning.
# The model itself, which may be large, is looked at only where there are no metrics.
SIGNS = (("metrics", "fitted_model"), ("baseline_metrics", "baseline_model"))


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
            errors = failed_models(pipeline, catalog)
            discard_to_remake(catalog, _of_failed(pipeline, errors))
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
        for name in _of_failed(pipeline, errors):
            discard(catalog, name)
        count = len(_namespaces(pipeline))
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
    outputs, errors = pipeline.all_outputs(), {}
    for namespace in _namespaces(pipeline):
        # A model may do when it is tuned, though it failed as it was before.
        signs = SIGNS[:1] if f"{namespace}.metrics" in outputs else SIGNS
        for kinds in signs:
            names = (f"{namespace}.{kind}" for kind in kinds)
            there = (name for name in names if name in outputs and catalog.exists(name))
            if name := next(there, None):
                value = catalog[name].load()
                if isinstance(value, FailedModel):
                    value = value.metrics()
                if isinstance(value, dict) and "error" in value:
                    errors[namespace] = value["error"]
    return errors


def _namespaces(pipeline: Pipeline) -> list[str]:
    """Return the namespaces of the models that the run fits or scores."""
    names = (name.rpartition(".") for name in pipeline.all_outputs())
    kinds = [kind for sign in SIGNS for kind in sign]
    return sorted({namespace for namespace, _, kind in names if kind in kinds} - {""})


def _of_failed(pipeline: Pipeline, failed: Container[str]) -> list[str]:
    """Return the datasets that stand where those of failed models would be."""
    names = (name.rpartition(".") for name in pipeline.all_outputs())
    return [
        f"{namespace}.{kind}"
        for namespace, _, kind in names
        if namespace in failed and kind not in TO_BE_READ
    ]
