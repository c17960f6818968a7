"""What is checked before a run, and cannot be checked cheaply at registration."""

from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from .errors import ConfigurationError, DataError
from .files import local_path, shown_path
from .schema import ComparisonSpec, ModelSpec, file_of


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


def metadata(catalog: DataCatalog, name: str) -> dict[str, Any]:
    """Return what the catalog says of a dataset for others than Kedro."""
    return getattr(catalog.get(name), "metadata", None) or {}


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
