"""What ``tracking.yml`` may say."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..errors import ConfigurationError, schema_problems


class ChampionConfig(BaseModel):
    """The rule by which the champion changes."""

    model_config = ConfigDict(extra="forbid")

    # Higher is better in each of them.
    metric: Literal["model_score", "accuracy", "f1_macro", "r2"] = "model_score"
    margin: float = Field(default=0.0, ge=0)


class TrackingConfig(BaseModel):
    """The project's own tracking options."""

    model_config = ConfigDict(extra="forbid")

    on_unreachable: Literal["local", "fail", "off"] = "local"
    timeout_seconds: float = Field(default=5, gt=0)
    max_child_runs: int = Field(default=200, ge=0)
    log_models: Literal["champion", "all"] = "champion"
    champion: ChampionConfig = ChampionConfig()


def read_config(config: Mapping[str, Any]) -> TrackingConfig:
    """Check the options.

    Raises:
        ConfigurationError: Lists every problem found, each with its key.
    """
    # YAML 1.1 reads a bare `off` as False.
    options = dict(config)
    if options.get("on_unreachable") is False:
        options["on_unreachable"] = "off"
    if problems := schema_problems(TrackingConfig, options):
        raise ConfigurationError.listing("tracking.yml", problems)
    return TrackingConfig.model_validate(options)
