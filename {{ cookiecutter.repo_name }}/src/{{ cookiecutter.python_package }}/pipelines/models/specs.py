"""The schema of ``parameters.yml``: what a model's entry may say.

Checking the shape imports no estimator, so that thousands of models register at once;
``estimators.py`` checks the rest before a run.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ...errors import ConfigurationError, did_you_mean, schema_problems

MODEL_NAME = re.compile(r"[a-z][a-z0-9_]*")
# The leaderboard's own row, see leaderboard.py.
BASELINE = "baseline"


class ModelSpec(BaseModel):
    """One model: an entry below ``models:``."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    class_path: str = Field(alias="class", min_length=1)
    """Import path of a scikit-learn compatible estimator, or of what builds one."""

    # `model_kwargs:` with nothing after it is None in YAML.
    model_kwargs: Annotated[
        dict[str, Any], BeforeValidator(lambda kwargs: {} if kwargs is None else kwargs)
    ] = {}
    """Arguments for the class; what is left out keeps its default."""

    enabled: bool = True
    """False takes the model out of every pipeline."""


class SplitSpec(BaseModel):
    """The parameters of the train-test split."""

    model_config = ConfigDict(strict=True)

    train_fraction: float = Field(gt=0, lt=1)
    random_state: int = Field(ge=0, lt=2**32)
    target_column: str = Field(min_length=1)


def enabled_models(parameters: Mapping[str, Any]) -> list[str]:
    """Check the parameters' shape and return the names of the models to build.

    Args:
        parameters: All parameters, as read from ``parameters.yml``.

    Returns:
        The names of the enabled models, in the order of the file.

    Raises:
        ConfigurationError: Lists every problem found, each with its key.
    """
    problems = schema_problems(SplitSpec, parameters)
    models = parameters.get("models")
    enabled = []
    if "models" not in parameters:
        problems.append(
            f"models: missing{did_you_mean('models', [str(key) for key in parameters])}"
        )
    elif models is None or models == {}:
        problems.append("models: empty; give at least one model by name")
    elif not isinstance(models, dict):
        problems.append("models: not a mapping; give each model a name, and its entry")
    else:
        for name, entry in models.items():
            entry_problems = [
                *_name_problems(name),
                *schema_problems(ModelSpec, entry, prefix=f"models.{name}"),
            ]
            problems += entry_problems
            if not entry_problems and ModelSpec.model_validate(entry).enabled:
                enabled.append(name)
        if not problems and not enabled:
            problems.append("models: every model has 'enabled: false'; enable one")
    if problems:
        raise ConfigurationError.listing("parameters.yml", problems)
    return enabled


def _name_problems(name: object) -> list[str]:
    """Return what is wrong with the name of a model."""
    if name == BASELINE:
        return [
            f"models.{name}: the leaderboard's own baseline has this name; "
            f"write another, such as '{BASELINE}_model'"
        ]
    if isinstance(name, str) and MODEL_NAME.fullmatch(name):
        return []
    suggestion = re.sub(r"\W+", "_", str(name), flags=re.ASCII).strip("_").lower()
    if not MODEL_NAME.fullmatch(suggestion):
        suggestion = f"model_{suggestion}".rstrip("_")
    return [
        f"models.{name}: a name is lower-case letters, digits and underscores, "
        f"beginning with a letter; write '{suggestion}'"
    ]
