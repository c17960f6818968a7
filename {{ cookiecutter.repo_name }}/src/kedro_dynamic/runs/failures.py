"""A model that fails does not stop the others.

Where it fails, a dictionary of its error takes the place of all that the node makes,
and of what the nodes after it make. A hook makes an error of the run of it, at the end.
"""

import logging
import traceback
from collections.abc import Callable, Container
from functools import update_wrapper
from typing import Any

import click
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline

from kedro_dynamic.catalog.entries import config_of, discard
from kedro_dynamic.config.errors import VERBATIM, ConfigurationError, one_line, redact
from kedro_dynamic.runs.command import kedro_command

# The tag of nodes that return failures instead of raising them.
KEEP_GOING = "keep_going"


# What says whether a model has failed, the smallest first: its metrics, or in a run of
# some nodes what there is instead.
SIGNS = ("metrics", "validation", "fitted_model")


logger = logging.getLogger(__name__)


class KeepGoing:
    """A node's function that returns a failure where the function itself raises."""

    def __init__(self, function: Callable[..., Any], outputs: Any):
        update_wrapper(self, function)
        self.function, self._outputs = function, outputs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, unless what it is given is a failure already."""
        failures = [value for value in (*args, *kwargs.values()) if is_failure(value)]
        if failures:
            return self._spread(failures[0])
        try:
            return self.function(*args, **kwargs)
        except ConfigurationError:
            raise  # it is not this model's alone
        except (Exception, SystemExit) as error:  # of which a worker would die unheard
            what = getattr(self.function, "__name__", "a node")  # a partial has none
            return self._spread(note_failure(error, what))

    def _spread(self, failure: dict[str, str]) -> Any:
        """Return a failure in the place of every output."""
        match self._outputs:
            case list():
                return [failure] * len(self._outputs)
            case dict():
                return dict.fromkeys(self._outputs, failure)
        return failure


def keep_going(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline whose nodes return failures instead of raising them.

    A tag says so: a hook wraps their functions while they run, and only then, so
    that Kedro-Viz, ``%load_node`` and typed parameters see what a person has written.
    """
    return Pipeline(pipeline, tags=KEEP_GOING)


def is_failure(value: object) -> bool:
    """Tell whether a value is the error of a model that failed."""
    return isinstance(value, dict) and set(value) == {"error", "traceback"}


def note_failure(error: BaseException, what: str) -> dict[str, str]:
    """Log an error, and make a failure of it."""
    reason = one_line(error)
    logger.error("%s failed, the others go on: %s", what, reason, extra=VERBATIM)
    lines = "".join(traceback.format_exception(error))
    return {"error": reason, "traceback": redact(lines)}


class ModelsFailed(click.ClickException):
    """Some models of a run failed; everything else of it is done."""


class FailureHook:
    """Makes failed models an error of the run, at its end."""

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
        # All but its metrics: an error is no model, and others come after it.
        errors_of = outputs_of(failed, pipeline)
        discard(catalog, [one for one in errors_of if not one.endswith(SIGNS[0])])
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
            if config_of(catalog, name).get("filepath") and not catalog.exists(name)
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


def outputs_of(failed: Container[str], pipeline: Pipeline) -> list[str]:
    """Return what stands where models failed."""
    names = sorted(pipeline.all_outputs())
    return [name for name in names if name.rpartition(".")[0] in failed]
