"""The schema of ``parameters_text.yml``."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ...errors import ConfigurationError, did_you_mean, schema_problems
from ..models.specs import ModelSpec
from ..models.trust import class_problems, read_trusted


class SplitsSpec(BaseModel):
    """The raw files there are, by the name of their split."""

    model_config = ConfigDict(extra="forbid")

    labelled: list[str] = []
    unlabelled: list[str] = []


class TextSpec(BaseModel):
    """All that stands below ``text:``."""

    # Strict: nodes get what is written, not what could be made of it.
    model_config = ConfigDict(extra="forbid", strict=True)

    splits: SplitsSpec
    text_column: str = Field(min_length=1)
    label_column: str = Field(min_length=1)
    labels: dict[str, list[str | int]] = Field(min_length=2, max_length=2)
    vocabulary_size: int = Field(gt=0)
    test_fraction: float = Field(gt=0, lt=1)
    batch_size: int = Field(gt=0)
    model: ModelSpec


def read_spec(parameters: Mapping[str, Any]) -> TextSpec:
    """Check the parameters of the text pipelines.

    Args:
        parameters: All parameters of the project.

    Raises:
        ConfigurationError: Lists every problem found, each with its key.
    """
    trusted, problems = read_trusted(parameters)
    if problems:
        raise ConfigurationError.listing("parameters.yml", problems)
    problems = (
        schema_problems(TextSpec, parameters["text"], prefix="text")
        if "text" in parameters
        else ["text: missing"]
    )
    if not problems:
        spec = TextSpec.model_validate(parameters["text"])
        known = spec.splits.labelled + spec.splits.unlabelled
        # One fault, where --params split=... has set both.
        unknown = {
            str(parameters.get(key)): key
            for key in ("scored_split", "split")
            if parameters.get(key) not in known
        }
        problems = [
            f"{key}: there is no split '{split}' in text.splits"
            f"{did_you_mean(split, known)}; known: {', '.join(known)}"
            for split, key in unknown.items()
        ]
        problems += _label_problems(spec.labels)
        problems += class_problems(spec.model.class_path, "text.model.class", trusted)
    if problems:
        raise ConfigurationError.listing("parameters_text.yml", problems)
    return spec


def _label_problems(labels: Mapping[str, Sequence[str | int]]) -> list[str]:
    """Return which values of the raw data would mean two labels."""
    (first, ones), (second, others) = labels.items()
    return [
        f"text.labels: '{value}' means both '{first}' and '{second}'; leave it at one"
        for value in sorted(set(map(str, ones)).intersection(map(str, others)))
    ]
