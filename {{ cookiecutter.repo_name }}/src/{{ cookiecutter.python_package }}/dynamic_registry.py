"""The registry's glue: pipelines built from whatever configuration is in force.

Kedro reads the registry from many places, most of them before or without any hook
(parameter validation, ``kedro registry list``, plain ``kedro viz``, the inspection
snapshot, the server). So nothing here waits for a hook: a config loader notes itself
when it is created, and the registered pipelines are built from it when they are read.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader
from kedro.framework.context.context import _convert_paths_to_absolute_posix
from kedro.framework.project import settings
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.utils import find_kedro_project, is_kedro_project
from omegaconf.errors import OmegaConfBaseException

from .config_files import check_growth, find_files, unreadable
from .errors import ConfigurationError

# Thread-local, not a ContextVar: which context a notebook's cell runs in is up to its
# kernel, but all cells share a thread.
_in_force = threading.local()


class ProjectConfigLoader(OmegaConfigLoader):
    """Kedro's config loader, noting itself as the configuration in force.

    A session creates its loader in the thread that runs it, before it reads any
    pipeline, so two sessions in two threads never see each other's configuration.
    """

    # Kedro's resolvers belong to the process, not to a loader: without turns, a session
    # would see the globals and --params of another thread's.
    _turn = threading.RLock()

    def __init__(self, *args: Any, **kwargs: Any):
        with self._turn:
            super().__init__(*args, **kwargs)
        self.pipelines: dict[str, Pipeline] | None = None
        _in_force.config_loader = self

    def __getitem__(self, key: str) -> dict[str, Any]:
        with self._turn:
            # Kedro registers ${runtime_params:...} at each reading, but not this one.
            self._register_globals_resolver()
            files = self._files(key)
            check_growth(files)
            try:
                config = super().__getitem__(key)
                # Numbers that are too long to be written cannot be spoken of either.
                repr(config)
            except (MissingConfigException, ConfigurationError, KeyError):
                raise
            except Exception as error:  # whatever readers of YAML raise
                raise unreadable(key, files, error) from error
            return config

    def _files(self, key: str) -> list[Path]:
        """Return the files of a configuration; none if it is not in a folder here."""
        folders = [self.base_env, self.env or self.default_run_env]
        return find_files(
            [Path(self.conf_source, folder) for folder in dict.fromkeys(folders)],
            self.config_patterns.get(key, []),
        )

    @staticmethod
    def _soft_merge(
        config: dict[str, Any], env_config: dict[str, Any], env_path: str | None = None
    ) -> dict[str, Any]:
        # Most runs have nothing to merge, and merging takes 0.2 s per 1,000 models.
        if not env_config:
            return config
        try:
            merged: dict[str, Any] = OmegaConfigLoader._soft_merge(config, env_config)
        except OmegaConfBaseException as error:
            clash = _clash(config, env_config) or str(error)
            raise ConfigurationError(
                f"The files in {env_path} do not fit those of the base environment, "
                f"into which they are merged key by key: {clash}"
            ) from error
        return merged


def _clash(base: object, other: object, path: str = "") -> str:
    """Say where of two configurations one has a list and the other a mapping."""
    if isinstance(base, dict) and isinstance(other, dict):
        clashes = (
            _clash(base[key], value, f"{path}.{key}" if path else str(key))
            for key, value in other.items()
            if key in base
        )
        return next(filter(None, clashes), "")
    if isinstance(base, dict) and isinstance(other, list):
        return f"{path}: a list, where base has a mapping"
    if isinstance(base, list) and isinstance(other, dict):
        return f"{path}: a mapping, where base has a list"
    return ""


class DynamicPipelines(Mapping[str, Pipeline]):
    """Read-only mapping of name to pipeline that follows the configuration in force.

    Args:
        create_pipelines: Builds all pipelines by name, given the data catalog. Called
            once per config loader.
    """

    def __init__(self, create_pipelines: Callable[[DataCatalog], dict[str, Pipeline]]):
        self._create_pipelines = create_pipelines
        self._without_session: ProjectConfigLoader | None = None

    def _pipelines(self) -> dict[str, Pipeline]:
        # An unread config loader is an empty mapping, hence falsy: test for None.
        config_loader = getattr(_in_force, "config_loader", None)
        if config_loader is None:
            if self._without_session is None:
                self._without_session = _create_config_loader()
            config_loader = self._without_session
        if config_loader.pipelines is None:
            config_loader.pipelines = self._create_pipelines(
                create_catalog(config_loader)
            )
        return config_loader.pipelines

    def __getitem__(self, name: str) -> Pipeline:
        return self._pipelines()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pipelines())

    def __len__(self) -> int:
        return len(self._pipelines())


class LazyPipeline(Pipeline):
    """A pipeline that is assembled when it is first looked into.

    Kedro reads the whole registry to list names or to run one pipeline; assembling a
    thousand pipelines takes most of a second.

    Args:
        build: Assembles the pipeline.
    """

    _building = threading.RLock()

    def __init__(self, build: Callable[[], Pipeline]):
        self._build: Callable[[], Pipeline] | None = build
        self._flow: tuple[Counter[str], set[str]] | None = None

    def __getattr__(self, name: str) -> Any:
        # Only called for what is missing: first of all, what Pipeline.__init__ sets.
        with self._building:
            build = vars(self).get("_build")
            if build and name not in vars(self):
                vars(self).update(vars(build()), _build=None)
        if name not in vars(self):
            raise AttributeError(f"'Pipeline' object has no attribute '{name}'")
        return vars(self)[name]

    def __reduce__(self) -> tuple[type[Pipeline], tuple[list[Node]]]:
        return Pipeline, (self.nodes,)

    def __sub__(self, other: Pipeline) -> Pipeline:
        if self._flow is None:
            self._flow = _consumers(self), self.all_outputs()
        if any("@" in name for name in self._flow[1]):
            # Transcoded names, such as table@spark, take Kedro's own look.
            return super().__sub__(other)
        return Remainder(self, other, *self._flow)


class Remainder(LazyPipeline):
    """A pipeline without the nodes of another; of it, the inputs are known at once.

    Kedro-Viz takes each namespace out of the whole to see what connects the two. With a
    thousand namespaces, assembling what is left each time would take it many minutes.

    Args:
        whole: The pipeline.
        part: The nodes to leave out.
        consumers: How many nodes of the whole take each dataset.
        outputs: What the whole makes.
    """

    def __init__(
        self,
        whole: Pipeline,
        part: Pipeline,
        consumers: Counter[str],
        outputs: set[str],
    ):
        super().__init__(lambda: Pipeline.__sub__(whole, part))
        self._part, self._taken, self._made = part, consumers, outputs

    def inputs(self) -> set[str]:
        """Return the names of the datasets that are taken and not made."""
        by_part = _consumers(self._part)
        # Those of which the part is not the only consumer.
        needed = {name for name, count in self._taken.items() if count > by_part[name]}
        return needed - (self._made - self._part.all_outputs())


def project_path() -> Path:
    """Return the root folder of the project that the configuration in force is of.

    A packaged project has none: then paths begin at the working directory.
    """
    candidates = [Path(__file__).resolve().parents[2]]
    config_loader = getattr(_in_force, "config_loader", None)
    if config_loader is not None:
        candidates.insert(0, Path(config_loader.conf_source).resolve().parent)
    for candidate in candidates:
        if is_kedro_project(candidate):
            return candidate
    return find_kedro_project(Path.cwd()) or Path.cwd()


def create_catalog(config_loader: OmegaConfigLoader) -> DataCatalog:
    """Make the data catalog that pipelines are built with.

    Nothing is loaded: Kedro creates a dataset when it is first used.

    Args:
        config_loader: Where the catalog, credentials and parameters come from.

    Returns:
        The catalog of the project, with ``parameters`` in it.
    """
    try:
        credentials = config_loader["credentials"]
    except MissingConfigException:
        credentials = {}
    # Private, because Kedro offers no public way to what its own context does.
    config = _convert_paths_to_absolute_posix(project_path(), config_loader["catalog"])
    catalog = DataCatalog.from_config(config, credentials)
    catalog["parameters"] = config_loader["parameters"]
    return catalog


def _create_config_loader() -> ProjectConfigLoader:
    """Make a config loader for commands that read pipelines without a session."""
    config_loader: ProjectConfigLoader = settings.CONFIG_LOADER_CLASS(
        conf_source=str(project_path() / settings.CONF_SOURCE),
        env=os.getenv("KEDRO_ENV"),
        **settings.CONFIG_LOADER_ARGS,
    )
    # Only a session puts a configuration in force.
    vars(_in_force).pop("config_loader", None)
    return config_loader


def _consumers(pipeline: Pipeline) -> Counter[str]:
    """Count how many nodes take each dataset."""
    return Counter(name for node in pipeline.nodes for name in set(node.inputs))
