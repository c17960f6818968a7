"""The ``metadata`` of catalog entries: its schema, and how to read it.

Kedro ignores these keys. This library reads from them where the data of an entry is
shown, and which command makes it.
"""

from difflib import get_close_matches
from inspect import signature
from typing import Annotated, Any, Literal

from kedro.io import DataCatalog
from pydantic import AfterValidator, ConfigDict, Field

from kedro_dynamic.config.errors import parse
from kedro_dynamic.config.schema import Schema

# The least similarity of a misspelt key: `repotr` has 0.83, but `port`, which may be a
# key of the project's own, has 0.80.
SIMILARITY = 0.82


def _check_key(key: str) -> str:
    """Reject keys that look like misspelt ones; all others are the project's own."""
    known = [field.alias or name for name, field in Metadata.model_fields.items()]
    nearest = get_close_matches(key.lower(), known, n=1, cutoff=SIMILARITY)
    if nearest:
        raise ValueError(f"unknown key; did you mean '{nearest[0]}'?")
    return key


class Metadata(Schema):
    """What the ``metadata`` of a catalog entry may say.

    Other keys are allowed unless they look like one of these: they belong to the
    project or to other plugins.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Annotated[str, AfterValidator(_check_key)], Any]

    console: str | None = None
    """Print the table after a run, under this title."""

    report: str | None = None
    """Show the data in the report, in the section of this title."""

    verdict: bool = False
    """The text is the verdict of the run: console, report and MLflow begin with it."""

    mlflow: Literal["metrics", "artifact"] | None = None
    """Log the numbers of a dictionary as metrics, or the data as a file."""

    made_by: str | None = None
    """The command that makes the data, for the message if it is missing."""

    registered_by: str = "kedro run"
    """The command that registers the model, for the message if it is missing."""

    kedro_viz: Any = Field(default=None, alias="kedro-viz")
    """What Kedro-Viz reads."""


def read_metadata(catalog: DataCatalog, name: str) -> Metadata:
    """Return the metadata of a dataset, with defaults if its entry has none."""
    metadata = getattr(catalog.get(name), "metadata", None) or {}
    return parse(Metadata, metadata, "The catalog", f"{name}.metadata")


def is_image(dataset: Any) -> bool:
    """Return True if a dataset holds an image, such as a plot of matplotlib.

    Such a dataset cannot be loaded. Its ``preview``, for Kedro-Viz, is the image.
    """
    preview = getattr(dataset, "preview", None)
    if preview is None:
        return False
    return "ImagePreview" in str(signature(preview).return_annotation)


def section_title(title: str, name: str) -> str:
    """Return the title under which an output is shown.

    Args:
        title: What the entry of the output says, such as ``Leaderboard``.
        name: Name of the output, such as ``benchmark.iris.leaderboard``.

    Returns:
        The title and what the namespace adds to it: ``Leaderboard of iris``.
    """
    return " of ".join([title, *name.split(".")[1:-1]])
