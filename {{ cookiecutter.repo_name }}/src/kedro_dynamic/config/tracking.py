"""What ``tracking.yml`` may say."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from kedro_dynamic.config.schema import Schema


class ChampionRule(Schema):
    """When a new model replaces the champion."""

    metric: str | None = None
    """A score of ``comparison.scoring``; None is the first one."""

    margin: float = Field(default=0.0, ge=0)
    """The new model must be better by more than this."""

    any_data: bool = False
    """True lets runs compete whose data are not those of the project or champion."""


class TrackingConfig(Schema):
    """All of ``tracking.yml``."""

    on_unreachable: Annotated[
        Literal["local", "fail", "off"],
        # YAML 1.1 reads a bare `off` as False.
        BeforeValidator(lambda value: "off" if value is False else value),
    ] = "local"
    """What a run does without MLflow's store: track in a local file, fail, or go on."""

    timeout_seconds: float = Field(default=5, gt=0)
    """How long the store may take to answer. In all, a run waits three times as long
    for it before its nodes, and again after them."""

    champion: ChampionRule = ChampionRule()
