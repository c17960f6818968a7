"""Checks before a run, and plain words for datasets that fail in it.

These checks import estimators or look for data, so registration, which every command
waits for, leaves them to the run.
"""

import os
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import BrokenExecutor
from typing import Any

import click
from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines
from kedro.io import DataCatalog, DatasetError
from kedro.io.core import is_parameter
from kedro.pipeline import Pipeline

from kedro_dynamic.catalog.entries import entry_of, in_which_file
from kedro_dynamic.catalog.files import (
    has_data,
    local_path,
    shared_files,
    shown_dataset,
    shown_path,
)
from kedro_dynamic.catalog.metadata import read_metadata
from kedro_dynamic.config.errors import (
    ConfigurationError,
    DataError,
    did_you_mean,
)
from kedro_dynamic.config.project import package_name
from kedro_dynamic.config.schema import FILE, ComparisonSpec, ModelSpec, file_of

# Names that are paths to other folders, or addresses.
ELSEWHERE = re.compile(r"\.\.[/\\]|^[/\\]|:/")


def check_pipelines_exist() -> None:
    """Reject a ``kedro run`` of pipelines that are not registered.

    Raises:
        ConfigurationError: Names the pipeline and the nearest one that exists.
    """
    options = _command_options()
    requested = options.get("pipelines") or options.get("pipeline") or []
    if isinstance(requested, str):
        requested = [requested]

    for name in requested:
        if name not in pipelines:
            registered = list(pipelines)
            hint = did_you_mean(name, registered) or f": {registered}"
            raise ConfigurationError(f"There is no pipeline '{name}'{hint}")


def validate_default_pipeline_only(context: KedroContext) -> None:
    """Make a ``kedro run`` without pipeline names validate only its own parameters.

    Kedro would assemble every registered pipeline to validate the parameters of each.
    """
    if _command_options().get("pipelines") == []:
        # Private: Kedro offers no public way to say which pipelines are validated.
        context._pipelines_to_validate = ["__default__"]


def make_datasets(catalog: DataCatalog, names: Iterable[str]) -> None:
    """Make datasets from their entries.

    Raises:
        ConfigurationError: Names the first entry that no dataset can be made from.
    """
    for name in names:
        try:
            catalog.get(name)
        except DatasetError as error:
            raise explain(error, catalog, name, "made") from error


def check_run(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Check that models can be built, data exists and outputs are saved.

    Args:
        pipeline: The nodes that are run.
        catalog: The catalog of the run.

    Raises:
        ConfigurationError: Lists the problems of the first kind that is found.
    """
    _check_names(pipeline)
    _check_entries(pipeline, catalog)
    _check_outputs_are_saved(pipeline, catalog)
    _check_files_differ(pipeline, catalog)

    parameters: dict[str, Any] = {}
    missing = []
    for name in sorted(pipeline.inputs()):
        if name.startswith("params:"):
            parameters[name.removeprefix("params:")] = catalog[name].load()
        else:
            missing += _missing_data(catalog, name)

    problems = _parameter_problems(parameters)
    if problems:
        files = sorted({file_of(problem) for problem in problems})
        raise ConfigurationError.listing(" and ".join(files), problems)
    if missing:
        raise ConfigurationError("\n  ".join(["Data is missing:", *missing]))


def check_champion_metric(
    pipeline: Pipeline, catalog: DataCatalog, metric: str
) -> None:
    """Check that the score by which the champion is chosen is computed.

    Args:
        pipeline: The nodes that are run.
        catalog: The catalog of the run.
        metric: The name in ``tracking.yml``.

    Raises:
        ConfigurationError: If ``comparison.scoring`` does not name it.
    """
    from kedro_dynamic.models.scores import AUTO_NAMES

    for name in sorted(pipeline.inputs()):
        spec = catalog[name].load() if name.startswith("params:") else None
        if not isinstance(spec, ComparisonSpec):
            continue
        names = sorted(AUTO_NAMES) if spec.scoring == ["auto"] else spec.scoring
        if metric not in names:
            raise ConfigurationError.listing(
                "tracking.yml",
                [
                    f"champion.metric: '{metric}' is not in comparison.scoring "
                    f"({', '.join(spec.scoring)}); add it there, or write "
                    "'metric: null' for the first score"
                ],
            )


def explain(
    error: Exception, catalog: DataCatalog, dataset: str, action: str
) -> Exception:
    """Return an error that says in plain words why a dataset or a worker failed.

    Args:
        error: What was raised while the dataset was made, read or written.
        catalog: The catalog that it belongs to.
        dataset: Its name; empty where nobody knows it, as in the main process for
            errors of worker processes.
        action: What was being done with it: ``made``, ``read`` or ``written``.

    Returns:
        A ConfigurationError; or the error itself, if it is not about a dataset or comes
        from code of the project, where its traceback says more.
    """
    if isinstance(error, BrokenExecutor):
        return ConfigurationError(
            "A worker process was killed, most often because memory had run out. Add "
            "--only-missing-outputs and --runner-params=max_workers=2 to the command, "
            "to continue with fewer processes"
        )
    if not isinstance(error, DatasetError | OSError):
        return error

    if not dataset:
        # It may come from a file that the code of a node opened.
        if isinstance(error, OSError):
            return error
        return ConfigurationError(str(error).strip())

    if action == "made":
        problem = f"{dataset}: {_first_line(error.__cause__ or error)}"
    else:
        cause = _first_cause(error)
        if _is_of_project(catalog, dataset) and not isinstance(cause, OSError):
            return error
        shown = shown_dataset(catalog, dataset)
        problem = f"{shown} cannot be {action}: {_one_line(cause)}"
        if isinstance(cause, UnicodeDecodeError):
            problem += "; save it as UTF-8, or give load_args: {encoding: ...}"

    file = in_which_file(entry_of(catalog, dataset) or dataset)
    return ConfigurationError(f"{problem.rstrip('.:')}{file}")


def name_tables(
    error: Exception, inputs: Mapping[str, Any], catalog: DataCatalog
) -> None:
    """Say in an error of the data which tables the node was given.

    Args:
        error: What the node raised; other errors than a DataError are left alone.
        inputs: What the node was given, by name of the dataset.
        catalog: The catalog that they belong to.
    """
    if not isinstance(error, DataError):
        return

    data = {name: value for name, value in inputs.items() if not is_parameter(name)}
    tables = [name for name, value in data.items() if hasattr(value, "columns")]
    error.name_tables([shown_dataset(catalog, name) for name in tables or data])


def _command_options() -> dict[str, Any]:
    """Return the options of the command; in a notebook there are none."""
    command = click.get_current_context(silent=True)
    return command.params if command else {}


def _check_names(pipeline: Pipeline) -> None:
    """Reject names that would lead out of the folder of a pattern's files.

    Parameters name tables, and a pattern puts names into paths, also of pickles.
    """
    for name in sorted(pipeline.datasets()):
        if ELSEWHERE.search(name):
            raise ConfigurationError(
                f"'{name}' is not the name of a dataset, since its file would be "
                f"elsewhere; {FILE} names tables as data.table and predict.table"
            )


def _check_entries(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Check that each entry that the pipeline uses makes datasets."""
    # One dataset for each pattern is enough.
    samples = {entry_of(catalog, name): name for name in pipeline.datasets()}
    samples.pop("", None)
    make_datasets(catalog, samples.values())


def _check_outputs_are_saved(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Reject a catalog that would not save what models make."""
    needed: set[str] = set()
    for node in pipeline.nodes:
        data = {
            name for name in [*node.inputs, *node.outputs] if not is_parameter(name)
        }
        # Data without a namespace may stay in memory, unless models make it.
        if any("." in name for name in data):
            needed |= data

    examples: dict[str, str] = {}
    for name in sorted(needed):
        if name not in catalog:
            examples.setdefault(_pattern_for(name), name)

    problems = [
        f"{name}: matches no entry and no pattern, so it would not be saved; "
        f"add '{pattern}'"
        for pattern, name in examples.items()
    ]
    if problems:
        raise ConfigurationError.listing("The catalog", problems)


def _pattern_for(name: str) -> str:
    """Return a pattern for a dataset and those of its kind in other namespaces."""
    parts = name.split(".")
    if len(parts) < 3:
        return name
    return ".".join([parts[0], "{namespace}", parts[-1]])


def _check_files_differ(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Reject outputs, of whatever pipelines, that would overwrite each other."""
    outputs = pipeline.all_outputs()
    own_entries = {entry_of(catalog, name) for name in outputs} - {""}
    resolver = catalog.config_resolver
    all_entries = {*resolver.config, *resolver.list_patterns()}

    shared = shared_files(catalog, outputs | own_entries | all_entries)
    suspects = {name for names in shared for name in names}
    if suspects.isdisjoint(outputs | own_entries):
        return  # the outputs of all pipelines are only known once they are assembled

    for registered in pipelines.values():
        outputs |= registered.all_outputs()
    problems = []
    for names in shared_files(catalog, outputs):
        first, shown = names[0], ", ".join(names[:9])
        problems.append(
            f"{shown_path(catalog, first)}: the file of {shown}; "
            f"give each its own{in_which_file(entry_of(catalog, first))}"
        )
    if problems:
        raise ConfigurationError.listing("The catalog", problems)


def _missing_data(catalog: DataCatalog, name: str) -> list[str]:
    """Return what to do about an input of the run, if it does not exist."""
    if name not in catalog:
        hint = did_you_mean(name, list(catalog.keys()))
        return [
            f"{name}: the catalog lacks such an entry{hint}; {FILE} names tables as "
            "data.table and predict.table"
        ]
    command = read_metadata(catalog, name).made_by
    path = local_path(catalog, name)
    if not command and not path:
        return []  # not every dataset knows whether it exists
    if has_data(catalog, name) or (path and os.path.exists(path)):
        return []

    if command:
        return [f"{name}: does not exist yet; '{command}' makes it"]
    return [f"{name}: put it at {shown_path(catalog, name)}, or correct the catalog"]


def _parameter_problems(parameters: dict[str, Any]) -> list[str]:
    """Return what is wrong with the models and scores among the parameters."""
    from kedro_dynamic.models.estimators import find_problems
    from kedro_dynamic.models.score_checks import (
        find_impossible_scores,
        find_unknown_scores,
    )
    from kedro_dynamic.models.scoring import find_mixed_tasks

    problems: list[str] = []
    compared = {}
    for key, spec in parameters.items():
        if isinstance(spec, ModelSpec):
            problems += find_problems(spec, key)
            if key.startswith("models."):
                compared[key.removeprefix("models.")] = spec

    names = []
    for spec in parameters.values():
        if isinstance(spec, ComparisonSpec):
            problems += find_unknown_scores(spec)
            names = [name for name in spec.scoring if name != "auto"]

    # Whether models can be compared is known once they can be built.
    problems = problems or find_mixed_tasks(compared)
    return problems or find_impossible_scores(names, compared)


def _first_cause(error: BaseException) -> BaseException:
    """Return the error that a dataset met, which Kedro wraps in its own."""
    while isinstance(error, DatasetError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _is_of_project(catalog: DataCatalog, name: str) -> bool:
    """Return True if the class of a dataset is defined in the project."""
    module = type(catalog.get(name)).__module__
    return module.partition(".")[0] == package_name()


def _first_line(error: BaseException) -> str:
    """Return what an error says, without the advice in Kedro's further lines."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _one_line(error: BaseException) -> str:
    """Return what an error says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
