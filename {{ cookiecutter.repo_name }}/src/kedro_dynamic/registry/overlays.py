"""What environments and ``--params`` may write over the files of ``base``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

ARGUMENTS = ("model_kwargs", "search_space", "trials")


class OverlayLoader(OmegaConfigLoader):
    """Kedro's config loader, whose environments may build on what base says.

    The catalog of an environment may use the templates of base, whose names begin with
    ``_``. An entry whose ``class`` is replaced loses the arguments of the old class.
    """

    def _read_raw_config(self, key: str) -> tuple[Any, ...]:
        """Read the files of base and of the environment, before they are merged."""
        base, env, *rest = super()._read_raw_config(key)
        if key == "parameters":
            params = self.runtime_params or {}
            base = _drop_replaced(base, [*env.values(), params])
            env = _drop_replaced(env, [params])
        elif env:
            templates: dict[str, Any] = {}
            for config in base.values():
                entries: Any = OmegaConf.to_container(config, resolve=False)
                names = [name for name in entries if str(name).startswith("_")]
                templates |= {name: entries[name] for name in names}
            env = {Path(self.base_env): OmegaConf.create(templates), **env}
        return base, env, *rest


def _drop_replaced(
    configs: dict[Path, Any], overlays: list[Mapping[str, Any]]
) -> dict[Path, Any]:
    """Return parameters without the arguments of classes that overlays replace."""
    overlays = [overlay for overlay in overlays if overlay]
    if not overlays:  # which is so in most runs
        return configs
    plain = {
        path: OmegaConf.to_container(config, resolve=False)
        for path, config in configs.items()
    }
    for overlay in overlays:
        for config in plain.values():
            _drop_arguments(config, overlay)
    return {path: OmegaConf.create(config) for path, config in plain.items()}


def _drop_arguments(entries: Any, overlay: Mapping[str, Any]) -> None:
    """Drop the arguments of each entry whose ``class`` an overlay changes."""
    for key, value in overlay.items():
        entry = entries.get(key)
        if not isinstance(entry, dict) or not isinstance(value, Mapping):
            continue
        if value.get("class", entry.get("class")) != entry.get("class"):
            for argument in ARGUMENTS:
                entry.pop(argument, None)
        _drop_arguments(entry, value)
