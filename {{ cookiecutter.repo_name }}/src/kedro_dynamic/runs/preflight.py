"""What is checked before a run, and cannot be checked cheaply at registration."""

import re
from collections.abc import Generator, Iterable
from itertools import chain
from typing import Any

import click
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog, DatasetError
from kedro.io.core import is_parameter
from kedro.pipeline import Node, Pipeline

from kedro_dynamic.catalog.entries import (
    config_of,
    entry_of,
    local_path,
    shared_files,
    shown_path,
)
from kedro_dynamic.catalog.metadata import read_metadata
from kedro_dynamic.config.allowlist import check_model_uri
from kedro_dynamic.config.errors import (
    ConfigurationError,
    DataError,
    did_you_mean,
    redact,
)
from kedro_dynamic.config.schema import ComparisonSpec, ModelSpec, file_of
from kedro_dynamic.registry.config_loader import project_path, where


class CheckHook:
    """Checks before a run what registration cannot check cheaply."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Refuse pipelines that there are not; let Kedro look at those that are run."""
        command = click.get_current_context(silent=True)
        options = command.params if command else {}
        if options.get("pipelines") == []:
            # Private: where a run names no pipelines, Kedro would assemble all of them
            # to validate the parameters of each.
            context._pipelines_to_validate = ["__default__"]
        asked = options.get("pipelines") or options.get("pipeline") or []
        for name in [asked] if isinstance(asked, str) else asked:
            if name not in pipelines:
                hint = did_you_mean(name, known := [*pipelines]) or f": {known}"
                raise ConfigurationError(f"There is no pipeline '{name}'{hint}")

    @hook_impl(tryfirst=True)
    def after_catalog_created(self, catalog: DataCatalog) -> None:
        """Make the datasets that have an entry of their own; the plugin would, too."""
        _make(catalog, catalog.keys())

    # First, so that no MLflow run is opened for a run that cannot start.
    @hook_impl(tryfirst=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Check that models can be built, data exists, and outputs will be saved."""
        _check_catalog(pipeline, catalog)
        _check_files(pipeline, catalog)
        specs: dict[str, Any] = {}
        missing = []
        for name in sorted(pipeline.inputs()):
            if name.startswith("params:"):
                specs[name.removeprefix("params:")] = catalog[name].load()
            else:
                _check_origin(catalog, name, str(run_params.get("runtime_params")))
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
            named = [f"{shown_path(catalog, name)} ({name})" for name in tables]
            error.name_data(" and ".join(named))

    @hook_impl(wrapper=True, tryfirst=True)
    def on_pipeline_error(
        self, error: Exception, catalog: DataCatalog
    ) -> Generator[None]:
        """Say in plain words, after all others, which file was not read or written."""
        yield
        _explain(error, catalog)


def _problems(specs: dict[str, Any]) -> list[str]:
    """Return what is wrong with models and scores, by the parameters of a run."""
    from kedro_dynamic.models.estimators import find_problems
    from kedro_dynamic.models.scoring import check_models, check_scoring

    models = {key: one for key, one in specs.items() if isinstance(one, ModelSpec)}
    problems = [line for key, one in models.items() for line in find_problems(one, key)]
    for spec in specs.values():
        if isinstance(spec, ComparisonSpec):
            problems += check_scoring(spec)
    compared = {
        key.removeprefix("models."): one
        for key, one in models.items()
        if key.startswith("models.")
    }
    return problems or check_models(compared)


def _check_catalog(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a catalog that would not keep what the models make, or not at all."""
    made = {entry_of(catalog, name): name for name in pipeline.datasets()}
    _make(catalog, made.values())
    names: set[str] = set()
    for node in pipeline.nodes:
        data = {one for one in (*node.inputs, *node.outputs) if not is_parameter(one)}
        # Where none of the data is of a namespace, it may stay in memory.
        if any("." in name for name in data):
            names |= data
    patterns: dict[str, str] = {}
    for name in sorted(name for name in names if name not in catalog):
        pattern = re.sub(r"(?<=\.).+(?=\.)", "{namespace}", name)
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


def _check_files(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse outputs of any pipelines that have one file: each would be the other."""
    outputs, resolver = pipeline.all_outputs(), catalog.config_resolver
    mine = outputs.union(filter(None, (entry_of(catalog, one) for one in outputs)))
    entries = {*resolver.config, *resolver.list_patterns()}
    shared = shared_files(catalog, mine | entries)
    if mine.isdisjoint(chain(*shared)):
        return  # assembling all pipelines takes a suspicion
    outputs.update(*(one.all_outputs() for one in pipelines.values()))
    problems = [
        f"{shown_path(catalog, first)}: the file of {', '.join([first, *others][:9])}; "
        f"give each its own{where(entry_of(catalog, first))}"
        for first, *others in shared_files(catalog, outputs)
    ]
    if problems:
        raise ConfigurationError.listing("The catalog", problems)


def _check_origin(catalog: DataCatalog, name: str, params: str) -> None:
    """Refuse a model of others that the parameters of this run name."""
    entry = config_of(catalog, name)
    uri = {**entry, **(entry.get("load_args") or {})}.get("model_uri")
    if isinstance(uri, str) and uri in params:
        check_model_uri(uri, project_path())


def _make(catalog: DataCatalog, names: Iterable[str]) -> None:
    """Make datasets of their entries."""
    for name in names:
        try:
            catalog.get(name)
        except DatasetError as error:
            _explain(error, catalog)
            raise


def _explain(error: Exception, catalog: DataCatalog) -> None:
    """Raise in plain words what no dataset could be made of, or not read or written."""
    first, _, rest = (text := str(error).strip()).partition("\n")
    if failed := re.match(
        r"(.+?): Failed while (load|sav)ing .* kedro_datasets", first
    ):
        name, reason = failed[1], " ".join(rest.split())
        done = "read" if failed[2] == "load" else "written"
        problem = f"{shown_path(catalog, name)} ({name}) cannot be {done}: {reason}"
        if "codec can't decode" in reason:
            problem += "; save it as UTF-8, or give load_args: {encoding: ...}"
    elif made := re.search(r"ataset '(.+?)'(:$| must | of type )", text, re.MULTILINE):
        name, reason = made[1], first if made[2] != ":" else rest.partition("\n")[0]
        problem = f"{name}: {reason}"
    else:  # another error, or one of a class of one's own: its traceback says more
        return
    problem = f"{problem.rstrip('.:')}{where(entry_of(catalog, name) or name)}"
    raise DataError(redact(problem)) from error


def _missing(catalog: DataCatalog, name: str) -> list[str]:
    """Return what to do about a dataset that the run needs, if it is not there."""
    command = read_metadata(catalog, name).made_by
    path = local_path(catalog, name)
    # Not every dataset knows whether it exists.
    if not (command or path) or (path and path.exists()) or catalog.exists(name):
        return []
    if command:
        return [f"{name}: does not exist yet; '{command}' makes it"]
    return [f"{name}: put it at {shown_path(catalog, name)}, or correct the catalog"]
