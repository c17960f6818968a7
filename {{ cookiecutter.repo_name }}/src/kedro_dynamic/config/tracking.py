"""TODO."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from kedro_dynamic.config.schema import Schema


class ChampionRule(Schema):
    """The rule by which the champion changes."""

    metric: str | None = None
    """A score of ``comparison.scoring``; None is the first one."""

    margin: float = Field(default=0.0, ge=0)
    """A new model must beat the champion by more than this."""


class TrackingConfig(Schema):
    """What ``tracking.yml`` may say."""

    on_unreachable: Annotated[
        Literal["local", "fail", "off"],
        # YAML 1.1 reads a bare `off` as False.
        BeforeValidator(lambda value: "off" if value is False else value),
    ] = "local"
    timeout_seconds: float = Field(default=5, gt=0)
    champion: ChampionRule = ChampionRule()
