"""What ``parameters.yml`` may say, checked without importing any estimator.

``models/estimators.py`` checks the rest, such as arguments of classes, before a run.
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
    ValidationInfo,
    model_validator,
)

from kedro_dynamic.config.addresses import SQLITE
from kedro_dynamic.config.allowlist import check_arguments, check_class_path
from kedro_dynamic.config.errors import (
    VERBATIM,
    ConfigurationError,
    did_you_mean,
    parse,
)

logger = logging.getLogger(__name__)

FILE = "parameters.yml"

# The baseline's row in the leaderboard.
BASELINE = "baseline"

# What a column may hold.
KINDS = ("number", "date", "category", "many", "text", "dropped")

# Model names become file names, which file systems limit to 255 characters.
NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


def _empty_if_none(value: object) -> object:
    """Return an empty mapping for a key without a value, which is None in YAML."""
    return {} if value is None else value


def _check_is_not_baseline(name: str) -> str:
    """Reject a model with the name of the leaderboard's own row."""
    if name == BASELINE:
        raise ValueError(f"the leaderboard's own row is called '{BASELINE}'; rename it")
    return name


def _check_name(name: object) -> str:
    """Reject names that Kedro cannot use for datasets and namespaces."""
    if isinstance(name, str) and NAME.fullmatch(name):
        return name

    valid = re.sub(r"\W+", "_", str(name), flags=re.ASCII).strip("_").lower()[:90]
    if not NAME.fullmatch(valid):
        valid = f"model_{valid}".rstrip("_")
    raise ValueError(
        "a name is at most 100 lower-case letters, digits and underscores, beginning "
        f"with a letter; write '{valid}'"
    )


# The name of something that has datasets and files of its own.
Name = Annotated[str, BeforeValidator(_check_name)]


def _check_bounds(value: Any) -> Any:
    """Reject bounds that are not finite or not in order."""
    try:
        low, high = map(float, value)
    except (TypeError, ValueError):
        low, high = math.nan, math.nan
    # "15", as --params would give it, are two numbers to `map`, too.
    if isinstance(value, str) or not -math.inf < low <= high < math.inf:
        raise ValueError("write it as [lowest, highest]")
    return value


Bounds = BeforeValidator(_check_bounds)


def _check_trials(trials: int, info: ValidationInfo) -> int:
    """Reject trials without a search space, unless that has problems of its own."""
    if trials and info.data.get("search_space") == {}:
        raise ValueError(
            f"{trials}, but the model lacks a search_space to try arguments from; add "
            "one, or write 'trials: 0'"
        )
    return trials


def _check_kind(kind: str) -> str:
    """Reject what is neither a kind of column nor a format of dates."""
    if kind in KINDS or "%" in kind:
        return kind
    hint = did_you_mean(kind, KINDS)
    raise ValueError(
        f"'{kind}' is not a kind of column{hint}; write one of {', '.join(KINDS)}, or "
        "a format of dates such as '%d/%m/%Y'"
    )


def _check_encode(encode: object) -> object:
    """Reject a value of earlier versions."""
    if encode == "scale":
        raise ValueError("'auto' scales numbers, too; write 'encode: auto'")
    return encode


class Schema(BaseModel):
    """A part of a configuration file: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Dimension(Schema):
    """The values that tuning may give to one argument: exactly one of three kinds."""

    integers: Annotated[tuple[int, int], Bounds] | None = Field(
        default=None, alias="int"
    )
    """Lowest and highest whole number."""

    reals: Annotated[tuple[float, float], Bounds] | None = Field(
        default=None, alias="float"
    )
    """Lowest and highest number."""

    categorical: (
        Annotated[list[Any], Field(min_length=1), AfterValidator(check_arguments)]
        | None
    ) = None
    """The choices: numbers, texts, or lists such as the layers of a neural net."""

    log: bool = False
    """Search on a logarithmic scale: as much from 0.1 to 1 as from 1 to 10."""

    @model_validator(mode="after")
    def _check(self) -> "Dimension":
        """Reject none or several kinds, and logarithms that do not exist."""
        kinds = (self.integers, self.reals, self.categorical)
        chosen = [kind for kind in kinds if kind is not None]
        if len(chosen) != 1:
            raise ValueError("give exactly one of int, float, categorical")
        if self.log and (self.categorical or float(chosen[0][0]) <= 0):
            raise ValueError("'log: true' needs numbers, all of them above 0")
        return self


class ModelSpec(Schema):
    """A model: an entry below ``models:``."""

    class_path: Annotated[str, AfterValidator(check_class_path)] = Field(alias="class")
    """Import path of a scikit-learn compatible estimator, or of what builds one."""

    model_kwargs: Annotated[
        dict[str, Any], BeforeValidator(_empty_if_none), AfterValidator(check_arguments)
    ] = {}
    """Arguments; each of them may be ``{class: ..., model_kwargs: ...}`` itself. A name
    with two underscores, such as ``estimator__depth``, sets a parameter of a part."""

    search_space: Annotated[
        dict[str, Dimension],
        BeforeValidator(_empty_if_none),
        AfterValidator(check_arguments),
    ] = {}
    """Where tuning looks for better arguments, by their names."""

    trials: Annotated[int, Field(ge=0), AfterValidator(_check_trials)] = 0
    """How many arguments from the search space are tried before the model is validated;
    0: none. Those of earlier runs count."""

    enabled: bool = True
    """False removes the model from every pipeline."""

    def with_arguments(self, arguments: Mapping[str, Any]) -> "ModelSpec":
        """Return the model with some arguments replaced, which are checked."""
        entry = self.model_dump(by_alias=True, exclude_unset=True)
        kwargs = {**self.model_kwargs, **arguments}
        return self.model_validate({**entry, "model_kwargs": kwargs})


class TransformerSpec(ModelSpec):
    """What turns data into features: a class with ``transform`` and no ``predict``."""


class DataSpec(Schema):
    """What to predict, and from what."""

    table: str = Field(default="table", min_length=1)
    """The table's entry in ``catalog.yml``. A data set of a benchmark has its own."""

    target_column: str = Field(min_length=1)
    train_fraction: float = Field(default=0.8, gt=0, lt=1)
    drop: list[str] = []
    """Columns that are not features, such as ids."""

    group_column: str | None = None
    """Rows with one value of it stay together, such as those of a customer. It is not
    a feature."""

    time_column: str | None = None
    """Models are trained on earlier rows and tested on later ones. It is a feature
    unless it is dropped."""

    positive_label: bool | int | float | str | None = None
    """Of two classes, the one that precision, recall and f1 are about; None is the
    rarer one."""

    missing_target: Literal["error", "drop"] = "error"
    """drop leaves out the rows without a target."""

    columns: dict[str, Annotated[str, AfterValidator(_check_kind)]] = {}
    """How to read a column where the automatic reading is wrong: a kind or, for dates,
    their format, such as ``%d/%m/%Y``."""

    prepare: Annotated[str, AfterValidator(check_class_path)] | None = None
    """Import path of a function of the project that adds or changes columns of rows. It
    is the first step of each model, so that new rows are prepared alike."""

    encode: Annotated[Literal["auto", "none"], BeforeValidator(_check_encode)] = "auto"
    """``auto`` turns each column into scaled numbers, also dates, categories and texts;
    ``none`` leaves the columns to the models."""

    @model_validator(mode="after")
    def _check(self) -> "DataSpec":
        if self.group_column and self.time_column:
            raise ValueError(
                "group_column and time_column cannot be combined; write "
                "'group_column: null' or 'time_column: null'"
            )
        return self


class ComparisonSpec(Schema):
    """How models are compared."""

    scoring: Annotated[
        list[str],
        Field(min_length=1),
        BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    ] = ["auto"]
    """Names of scikit-learn's scores; the first one decides."""

    folds: int = Field(default=5, ge=0)
    """Folds of the cross-validation within the training set; 0 skips it."""

    plots: Literal["best", "all"] = "best"
    """``all`` adds the plots of every model to its run in MLflow."""

    @model_validator(mode="after")
    def _check(self) -> "ComparisonSpec":
        """Reject a single fold, which would leave nothing to train on."""
        if self.folds == 1:
            raise ValueError("folds is 0 or at least 2, not 1")
        return self


class PredictSpec(Schema):
    """New rows to predict."""

    table: str = Field(min_length=1)
    """Their entry in ``catalog.yml``."""

    class_probabilities: bool = False
    """True adds the probability of every class, a column for each."""


class TuningSpec(Schema):
    """How models are tuned."""

    trials: int | None = Field(default=None, gt=0)
    """Trials of every model that is tuned; None: as many as its own entry says."""

    timeout: float = Field(default=600, gt=0)
    """Seconds after which a run starts no further trial of a model."""

    storage: str = f"{SQLITE}data/06_models/studies.db"
    """SQLAlchemy address of the database that stores the trials.

    A relative SQLite path starts at the root of the project.
    """


class ProjectSpec(BaseModel):
    """What the library reads of ``parameters.yml``; other keys are the owner's."""

    data: DataSpec
    comparison: ComparisonSpec
    tuning: Annotated[TuningSpec, BeforeValidator(_empty_if_none)] = TuningSpec()
    random_state: int = Field(ge=0, lt=2**32)
    models: Annotated[
        dict[Annotated[Name, AfterValidator(_check_is_not_baseline)], ModelSpec],
        BeforeValidator(_empty_if_none),
    ]
    predict: PredictSpec | None = None


def file_of(key: str) -> str:
    """Return the file that a parameter stands in; each family has a file of its own."""
    top = key.partition(".")[0].partition(":")[0]
    return FILE if top in ProjectSpec.model_fields else f"parameters_{top}.yml"


def warn_of_near_misses(parameters: Mapping[str, Any]) -> None:
    """Warn of keys of the project's own at the top that look like misspelt ones."""
    known = list(ProjectSpec.model_fields)
    for key in map(str, parameters):
        # `model_uri` and `models` have 0.67.
        nearest = get_close_matches(key, known, n=1, cutoff=0.75)
        if nearest and key not in known:
            hint = f"did you mean '{nearest[0]}'?"
            message = f"{FILE}: nothing reads the key '{key}'; {hint}"
            logger.warning(message, extra=VERBATIM)


def read_parameters(parameters: Mapping[str, Any]) -> ProjectSpec:
    """Check the parameters and return them, without models that are not enabled.

    Raises:
        ConfigurationError: Lists every problem with its key.
    """
    spec = parse(ProjectSpec, dict(parameters), FILE)
    models = {name: model for name, model in spec.models.items() if model.enabled}
    if not models:
        raise ConfigurationError.listing(
            FILE, ["models: none is enabled; give at least one model by name"]
        )
    return spec.model_copy(update={"models": models})
