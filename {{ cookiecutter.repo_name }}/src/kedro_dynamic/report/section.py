"""A section of the report."""

from dataclasses import dataclass, field

from kedro_dynamic.report.charts import Chart


@dataclass
class Section:
    """A section of the page: a table, charts, facts by name, or all of them."""

    title: str
    text: str = ""
    columns: list[tuple[str, bool]] = field(default_factory=list)
    """Their names, and whether they hold numbers."""

    rows: list[list[str]] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
