"""The schema of ``search_space``: between which values a parameter is looked for."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

KINDS = ("int", "float", "categorical", "layers")

Choice = bool | int | float | str | None


def _ordered(bounds: object) -> object:
    """Refuse bounds that are not a pair, the lower one first."""
    match bounds:
        case [int() | float() as low, int() | float() as high] if low <= high:
            return bounds
        case [str(), str()]:  # of --params; pydantic makes numbers of them
            return bounds
    raise PydanticCustomError("bounds", "write it as [lowest, highest]")


Integers = Annotated[tuple[int, int], BeforeValidator(_ordered)]
Reals = Annotated[tuple[float, float], BeforeValidator(_ordered)]


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
