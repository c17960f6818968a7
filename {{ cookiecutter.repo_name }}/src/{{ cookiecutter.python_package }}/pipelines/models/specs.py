"""The schema of ``parameters.yml``: what a model's entry may say.

Checking the shape imports no estimator, so that thousands of models register at once;
``estimators.py`` checks the rest before a run.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...errors import ConfigurationError, did_you_mean, empty_if_none, schema_problems
from .search_space import Dimension
from .trust import class_problems, read_trusted

NAME = re.compile(r"[a-z][a-z0-9_]*")
# The leaderboard's own row, see leaderboard.py.
BASELINE = "baseline"


class CheckedSpec(BaseModel):
    """What parameters say, where checking all of it takes imports: before a run."""

    def find_problems(self, key: str) -> list[str]:
        """Return what the schema cannot tell, one line per problem.

        Args:
            key: Path of the entry, such as ``models.linear_svm``.
        """
        raise NotImplementedError


class ModelSpec(CheckedSpec):
    """One model: an entry below ``models:``."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    class_path: str = Field(alias="class", min_length=1)
    """Import path of a scikit-learn compatible estimator, or of what builds one."""

    model_kwargs: Annotated[dict[str, Any], empty_if_none(dict)] = {}
    """Arguments for the class; what is left out keeps its default. A name with two
    underscores, such as ``estimator__depth``, is a parameter of a part."""

    search_space: Annotated[dict[str, Dimension], empty_if_none(dict)] = {}
    """Where tuning looks for better arguments, by their names."""

    enabled: bool = True
    """False takes the model out of every pipeline."""

    def find_problems(self, key: str) -> list[str]:
        """Check that the model can be built, without building it."""
        from .estimators import find_problems

        return find_problems(self, key)


class RunSpec(BaseModel):
    """The parameters that all models share."""

    model_config = ConfigDict(strict=True)

    train_fraction: float = Field(gt=0, lt=1)
    random_state: int = Field(ge=0, lt=2**32)
    target_column: str = Field(min_length=1)
    on_model_error: Literal["continue", "raise"] = "continue"

    features: Literal["numbers", "any"] = "numbers"
    """With "any", missing values and texts in features are left to the models."""


def enabled_models(parameters: Mapping[str, Any]) -> list[str]:
    """Check the parameters' shape and return the names of the models to build.

    Args:
        parameters: All parameters, as read from ``parameters.yml``.

    Returns:
        The names of the enabled models, in the order of the file.

    Raises:
        ConfigurationError: Lists every problem found, each with its key.
    """
    problems = schema_problems(RunSpec, parameters)
    trusted, trust_problems = read_trusted(parameters)
    problems += trust_problems
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
                *_model_name_problems(name),
                *schema_problems(ModelSpec, entry, prefix=f"models.{name}"),
            ]
            if not entry_problems:
                model = ModelSpec.model_validate(entry)
                if not trust_problems:
                    entry_problems = class_problems(
                        model.class_path, f"models.{name}.class", trusted
                    )
                if model.enabled:
                    enabled.append(name)
            problems += entry_problems
        if not problems and not enabled:
            problems.append("models: every model has 'enabled: false'; enable one")
    if problems:
        raise ConfigurationError.listing("parameters.yml", problems)
    return enabled


def name_problems(name: object, key: str, kind: str) -> list[str]:
    """Return what is wrong with a name, which becomes a part of names of Kedro's.

    Args:
        name: The name, as YAML reads it.
        key: Path of its entry, such as ``models.linear_svm``.
        kind: A word to put before a name that does not begin with a letter.
    """
    if isinstance(name, str) and NAME.fullmatch(name):
        return []
    suggestion = re.sub(r"\W+", "_", str(name), flags=re.ASCII).strip("_").lower()
    if not NAME.fullmatch(suggestion):
        suggestion = f"{kind}_{suggestion}".rstrip("_")
    return [
        f"{key}: a name is lower-case letters, digits and underscores, "
        f"beginning with a letter; write '{suggestion}'"
    ]


def _model_name_problems(name: object) -> list[str]:
    """Return what is wrong with the name of a model."""
    if name == BASELINE:
        return [
            f"models.{name}: the leaderboard's own baseline has this name; "
            f"write another, such as '{BASELINE}_model'"
        ]
    return name_problems(name, f"models.{name}", "model")
