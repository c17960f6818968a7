"""Failures of models, which do not stop the other models of a run.

A node that raises returns a failure instead: a dict that describes the error. Nodes
that need its outputs pass the failure on. At the end of the run the failures become an
error.
"""

import traceback
from collections.abc import Callable, Container
from functools import update_wrapper
from typing import Any

import click
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline

from kedro_dynamic.catalog.entries import config_of
from kedro_dynamic.catalog.files import discard, filepath_of, has_data
from kedro_dynamic.catalog.names import FITTED_MODEL, METRICS, VALIDATION, split_name
from kedro_dynamic.config.errors import ConfigurationError, one_line, redact
from kedro_dynamic.runs.command import kedro_command
from kedro_dynamic.runs.progress import log_while_running

# The tag of nodes that return failures instead of raising errors.
KEEP_GOING = "keep_going"

# Outputs that show whether a model failed, cheapest to load first. A run of some nodes
# may lack the metrics.
STATUS_OUTPUTS = (METRICS, VALIDATION, FITTED_MODEL)


class ModelsFailed(click.ClickException):
    """Some models of a run failed; everything else is done."""


class FailureCatcher:
    """Calls the function of a node and returns a failure where the function raises.

    Args:
        function: The function of the node.
        outputs: What the node declares as its outputs: a name, a list of names, or a
            dict of names by key.
        name: Name of the node.
        tell: Called with each error that becomes a failure.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        outputs: Any,
        name: str = "a node",
        tell: Callable[[BaseException], None] = lambda _: None,
    ):
        update_wrapper(self, function)
        self.function = function
        self._outputs = outputs
        self._name = name
        self._tell = tell

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function unless one of its arguments is a failure.

        Raises:
            ConfigurationError: If the function raises it: it concerns all models.
        """
        for value in (*args, *kwargs.values()):
            if is_failure(value):
                return self._replace_outputs(value)

        try:
            with log_while_running(self._name):
                return self.function(*args, **kwargs)
        except ConfigurationError:
            raise
        # SystemExit would end a worker process without a message.
        except (Exception, SystemExit) as error:
            self._tell(error)
            return self._replace_outputs(describe_failure(error))

    def _replace_outputs(self, failure: dict[str, str]) -> Any:
        """Return the failure in place of every output."""
        if isinstance(self._outputs, list):
            return [failure] * len(self._outputs)
        if isinstance(self._outputs, dict):
            return dict.fromkeys(self._outputs, failure)
        return failure


def keep_going(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline whose nodes return failures instead of raising errors.

    The nodes get a tag, and their functions are replaced only while the nodes run. So
    Kedro-Viz, ``%load_node`` and typed parameters see the functions themselves.

    Args:
        pipeline: The pipeline of one model.
    """
    return Pipeline(pipeline, tags=KEEP_GOING)


def is_failure(value: object) -> bool:
    """Return True if a value describes the error of a model that failed."""
    return isinstance(value, dict) and set(value) == {"error", "traceback"}


def describe_failure(error: BaseException) -> dict[str, str]:
    """Return the failure that describes an error.

    Args:
        error: What a node raised.

    Returns:
        The dict that replaces the outputs of the node: ``error`` is one line,
        ``traceback`` the whole. Passwords in addresses are hidden.
    """
    lines = "".join(traceback.format_exception(error))
    return {"error": one_line(error), "traceback": redact(lines)}


def catch_failures(
    node: Node, tell: Callable[[BaseException], None] = lambda _: None
) -> None:
    """Make a node return failures until ``restore_function``, if it has the tag.

    Args:
        node: The node. Its function is replaced.
        tell: Called with each error that becomes a failure.
    """
    if KEEP_GOING in node.tags:
        # Private: no public attribute distinguishes "x" from ["x"], and Kedro's setter
        # of func raises an AttributeError if another hook has used it for this node.
        node._func = FailureCatcher(node.func, node._outputs, node.name, tell)


def restore_function(node: Node) -> None:
    """Give a node its own function back."""
    if isinstance(node.func, FailureCatcher):
        node._func = node.func.function


def save_failures(outputs: dict[str, Any], catalog: DataCatalog) -> bool:
    """Save the failures among the outputs of a node, and remove them from the outputs.

    A plot or a table cannot hold a failure. Its old file is deleted, since another run
    made it.

    Args:
        outputs: The outputs of a node by name, before Kedro saves them. Changed.
        catalog: The catalog of the run.

    Returns:
        True if there were any.
    """
    failures = {name: value for name, value in outputs.items() if is_failure(value)}
    for name, failure in failures.items():
        del outputs[name]
        try:
            catalog.save(name, failure)
        except DatasetError:
            discard(catalog, [name])
    return bool(failures)


def failed_models(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, str]:
    """Return the error of each model that failed, by the namespace of the model."""
    errors = {}
    for namespace, name in _status_outputs(pipeline).items():
        if not has_data(catalog, name):
            continue
        value = catalog[name].load()
        if is_failure(value):
            errors[namespace] = value["error"]
    return errors


def discard_failed_models(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Delete all outputs of the models that failed, so that they are made again."""
    failed = failed_models(pipeline, catalog)
    discard(catalog, _outputs_of(failed, pipeline))


def raise_failures(
    run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
) -> None:
    """Raise an error if models of a finished run failed.

    Deletes the outputs of these models except the metrics, which hold the errors.

    Args:
        run_params: What Kedro tells hooks of the run.
        pipeline: The pipeline that was run.
        catalog: The catalog of the run.

    Raises:
        ModelsFailed: Names each failed model, and the command that runs them again.
    """
    failed = failed_models(pipeline, catalog)
    errors = _missing_outputs(pipeline, catalog) | failed
    if not errors:
        return

    outputs = _outputs_of(failed, pipeline)
    discard(catalog, [name for name in outputs if split_name(name)[1] != METRICS])

    count = len(_status_outputs(pipeline))
    lines = [f"{len(errors)} of {count} models failed:"]
    lines += [f"{namespace}: {error}" for namespace, error in errors.items()]
    command = kedro_command(run_params, only_missing=True)
    raise ModelsFailed(
        "\n  ".join(lines)
        + f"\nEverything else is saved. Run what is missing with\n  {command}"
    )


def _missing_outputs(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, str]:
    """Return an error for each model that lacks a file, by namespace."""
    models = _status_outputs(pipeline)
    errors = {}
    for name in sorted(pipeline.all_outputs()):
        namespace, kind = split_name(name)
        if namespace not in models or not filepath_of(config_of(catalog, name)):
            continue
        if not has_data(catalog, name):
            errors[namespace] = f"'{kind}' was not made; the log says why"
    return errors


def _status_outputs(pipeline: Pipeline) -> dict[str, str]:
    """Return the output that shows whether a model failed, by namespace."""
    by_namespace: dict[str, str] = {}
    names = sorted(pipeline.all_outputs())
    for wanted in STATUS_OUTPUTS:
        for name in names:
            namespace, kind = split_name(name)
            if namespace and kind == wanted:
                by_namespace.setdefault(namespace, name)
    return by_namespace


def _outputs_of(namespaces: Container[str], pipeline: Pipeline) -> list[str]:
    """Return the names of all outputs in these namespaces."""
    names = sorted(pipeline.all_outputs())
    return [name for name in names if split_name(name)[0] in namespaces]
