"""A section of the report."""

from dataclasses import dataclass, field


@dataclass
class Picture:
    """A plot, as an SVG element or as an image of any type."""

    title: str
    alt: str
    """What it shows, with the values, for those who cannot see it."""

    svg: str = ""
    address: str = ""
    """A ``data:`` address of an image, if there is no SVG."""


@dataclass
class Section:
    """A section of the page: a table, plots, facts by name, or all of them."""

    title: str
    text: str = ""
    columns: list[tuple[str, bool]] = field(default_factory=list)
    """Their names, and whether they hold numbers."""

    rows: list[list[str]] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)
    """What is shown below the name in the first cell of a row."""

    badges: dict[str, str] = field(default_factory=dict)
    """What is shown beside the name in the first cell of a row."""

    pictures: list[Picture] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
