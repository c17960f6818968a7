"""What ``parameters.yml`` may say, checked without importing any estimator.

``estimators.py`` checks the rest, such as arguments of classes, before a run.
"""

import logging
import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from kedro_dynamic.config.allowlist import check_arguments, check_class_path
from kedro_dynamic.config.errors import VERBATIM, ConfigurationError, parse

logger = logging.getLogger(__name__)


FILE = "parameters.yml"


# The leaderboard's own row.
BASELINE = "baseline"


# Of names, those of files are made: they have at most 255 letters.
NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


def _empty_if_none(value: object) -> object:
    """Take a key with nothing after it, which is None in YAML, as an empty mapping."""
    return {} if value is None else value


def _check_name(name: object) -> str:
    """Refuse a name that cannot become a part of names of Kedro's."""
    if name == BASELINE:
        raise ValueError(f"the leaderboard's own row is called '{BASELINE}'; rename it")
    if isinstance(name, str) and NAME.fullmatch(name):
        return name
    write = re.sub(r"\W+", "_", str(name), flags=re.ASCII).strip("_").lower()[:90]
    write = write if NAME.fullmatch(write) else f"model_{write}".rstrip("_")
    raise ValueError(
        "a name is at most 100 lower-case letters, digits and underscores, beginning "
        f"with a letter; write '{write}'"
    )


def _bounds(value: Any) -> Any:
    """Refuse what is not [lowest, highest], both finite; texts are of ``--params``."""
    try:
        low, high = map(float, value)
    except (TypeError, ValueError):
        low, high = math.nan, math.nan
    if not -math.inf < low <= high < math.inf or isinstance(value, str):
        raise ValueError("write it as [lowest, highest]")
    return value


class Schema(BaseModel):
    """Unknown keys are errors, and what was read does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Dimension(Schema):
    """The values that one argument may take: exactly one of the three kinds."""

    integers: Annotated[tuple[int, int], BeforeValidator(_bounds)] | None = Field(
        default=None, alias="int"
    )
    """Lowest and highest whole number."""

    reals: Annotated[tuple[float, float], BeforeValidator(_bounds)] | None = Field(
        default=None, alias="float"
    )
    """Lowest and highest number."""

    categorical: Annotated[list[Any], Field(min_length=1)] | None = None
    """The choices: numbers, texts, or lists such as the layers of a neural net."""

    log: bool = False
    """Look as often between 0.1 and 1 as between 1 and 10."""

    @model_validator(mode="after")
    def _check(self) -> "Dimension":
        kinds = (self.integers, self.reals, self.categorical)
        given = [kind for kind in kinds if kind is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of int, float, categorical")
        if self.log and (self.categorical or float(given[0][0]) <= 0):
            raise ValueError("'log: true' needs numbers, all of them above 0")
        return self


class ModelSpec(Schema):
    """One model: an entry below ``models:``."""

    class_path: Annotated[str, AfterValidator(check_class_path)] = Field(alias="class")
    """Import path of a scikit-learn compatible estimator, or of what builds one."""

    model_kwargs: Annotated[
        dict[str, Any], BeforeValidator(_empty_if_none), AfterValidator(check_arguments)
    ] = {}
    """Arguments; one may be ``{class:, model_kwargs:}`` itself. A name with two
    underscores, such as ``estimator__depth``, is a parameter of a part."""

    search_space: Annotated[
        dict[str, Dimension],
        BeforeValidator(_empty_if_none),
        AfterValidator(check_arguments),
    ] = {}
    """Where tuning looks for better arguments, by their names."""

    enabled: bool = True
    """False takes the model out of every pipeline."""

    def with_arguments(self, arguments: Mapping[str, Any]) -> "ModelSpec":
        """Return the model with other arguments; those not given stay as they are."""
        kwargs = {**self.model_kwargs, **arguments}
        return self.model_copy(update={"model_kwargs": kwargs})


class TransformerSpec(ModelSpec):
    """What makes features of data: its class has ``transform``, not ``predict``."""


class DataSpec(Schema):
    """What to predict, and from what."""

    target_column: str = Field(min_length=1)
    train_fraction: float = Field(default=0.8, gt=0, lt=1)
    drop: list[str] = []
    """Columns that are no features, such as ids and dates."""

    encode: Literal["auto", "scale", "none"] = "auto"
    """auto fills gaps and one-hot encodes texts; scale also scales numbers."""


class ComparisonSpec(Schema):
    """How models are compared."""

    scoring: Annotated[
        list[str],
        Field(min_length=1),
        BeforeValidator(lambda one: [one] if isinstance(one, str) else one),
    ] = ["auto"]
    """Names of scikit-learn's scores; the first one decides."""

    folds: int = Field(default=5, ge=0)
    """Of cross-validation within the training part; 0 leaves it out."""

    @model_validator(mode="after")
    def _check(self) -> "ComparisonSpec":
        if self.folds == 1:
            raise ValueError("folds is 0 or at least 2, not 1")
        return self


class ProjectSpec(BaseModel):
    """All of ``parameters.yml`` that the engine reads; other keys are the user's."""

    data: DataSpec
    comparison: ComparisonSpec
    random_state: int = Field(ge=0, lt=2**32)
    models: Annotated[
        dict[Annotated[str, BeforeValidator(_check_name)], ModelSpec],
        BeforeValidator(_empty_if_none),
    ]


def file_of(key: str) -> str:
    """Return the file that a parameter stands in: a family's are in one of its own."""
    top = key.partition(".")[0].partition(":")[0]
    return FILE if top in ProjectSpec.model_fields else f"parameters_{top}.yml"


def warn_of_near_misses(parameters: Mapping[str, Any]) -> None:
    """Warn of keys at the top, which are the user's own, that look like misspelt ones.

    Not of those that are no more alike than ``model_uri`` and ``models``.
    """
    known = list(ProjectSpec.model_fields)
    for key in map(str, parameters):
        near = get_close_matches(key, known, n=1, cutoff=0.75)
        if near and key not in known:
            told = f"{FILE}: nothing reads the key '{key}'; did you mean '{near[0]}'?"
            logger.warning(told, extra=VERBATIM)


def read_parameters(parameters: Mapping[str, Any]) -> ProjectSpec:
    """Check the parameters and return them, of the models those that are enabled.

    Raises:
        ConfigurationError: Lists every problem found, each with its key.
    """
    spec = parse(ProjectSpec, dict(parameters), FILE)
    models = {name: model for name, model in spec.models.items() if model.enabled}
    if not models:
        raise ConfigurationError.listing(
            FILE, ["models: none is enabled; give at least one model by name"]
        )
    return spec.model_copy(update={"models": models})
