"""The schema of ``search_space``: between which values a parameter is looked for."""

import math
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

KINDS = ("int", "float", "categorical", "layers")

Choice = bool | int | float | str | None


NOT_BOUNDS = PydanticCustomError("bounds", "write it as [lowest, highest]")


def _pair(bounds: object) -> object:
    """Refuse what is not a pair of numbers; in --params, numbers are texts."""
    match bounds:
        case [bool(), _] | [_, bool()]:
            raise NOT_BOUNDS
        case [int() | float() | str(), int() | float() | str()]:
            return bounds
    raise NOT_BOUNDS


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    """Refuse bounds that are not finite, the lower one first."""
    if -math.inf < bounds[0] <= bounds[1] < math.inf:
        return bounds
    raise NOT_BOUNDS


Integers = Annotated[tuple[int, int], BeforeValidator(_pair), AfterValidator(_ordered)]
Reals = Annotated[tuple[float, float], BeforeValidator(_pair), AfterValidator(_ordered)]


class Layers(BaseModel):
    """The hidden layers of a neural net: how many, and how wide each may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: Integers
    units: Integers


class Dimension(BaseModel):
    """The values that one parameter may take: exactly one of the four kinds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    integers: Integers | None = Field(default=None, alias="int")
    """Lowest and highest whole number."""

    reals: Reals | None = Field(default=None, alias="float")
    """Lowest and highest number."""

    categorical: Annotated[list[Choice], Field(min_length=1)] | None = None
    """The choices."""

    layers: Layers | None = None
    """For ``hidden_layer_sizes`` and the like: widths beyond ``count`` do not exist."""

    log: bool = False
    """Look as often between 0.1 and 1 as between 1 and 10; also for ``units``."""

    @model_validator(mode="after")
    def _check(self) -> "Dimension":
        given = [
            kind
            for kind, value in zip(
                KINDS,
                (self.integers, self.reals, self.categorical, self.layers),
                strict=True,
            )
            if value is not None
        ]
        if len(given) != 1:
            raise PydanticCustomError("kind", f"give exactly one of {', '.join(KINDS)}")
        if self.log and (given == ["categorical"] or self._lowest() <= 0):
            raise PydanticCustomError(
                "log", "'log: true' needs numbers, all of them above 0"
            )
        return self

    def _lowest(self) -> float:
        """Return the lowest number that is possible."""
        bounds = self.integers or self.reals or (self.layers and self.layers.units)
        return bounds[0] if bounds else 0
