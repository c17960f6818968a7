"""The report: one page on what a run has made, readable without internet."""

import os
import time
from pathlib import Path
from typing import Any

import pandas as pd

from kedro_dynamic.catalog.metadata import read_metadata, section_title
from kedro_dynamic.catalog.names import COLUMNS, LEADERBOARD, split_name
from kedro_dynamic.config.project import package_name
from kedro_dynamic.models.scores import (
    display_column,
    display_number,
    display_value,
    score_columns,
    score_of_column,
)
from kedro_dynamic.report.charts import charts_of
from kedro_dynamic.report.explain import explain
from kedro_dynamic.report.section import Section
from kedro_dynamic.runs.console import MAX_ROWS, format_rows, show_or_warn
from kedro_dynamic.runs.run import Run, load_leaderboard
from kedro_dynamic.tracking.payload import Payload

# Smaller changes of a score are not worth a line.
SMALLEST_CHANGE = 0.0005
MAX_CHANGES = 10


def write_report(run: Run, payload: Payload, verdict: str | None) -> str:
    """Write the page of a run beside its other reports.

    Args:
        run: The run.
        payload: What the run has made.
        verdict: A line about the champion, if the run has set or kept one.

    Returns:
        The path of the page, relative to the working directory; empty if the run made
        nothing to show.
    """
    sections = _output_sections(run)
    story = [f"Champion: {verdict}"] if verdict else []

    leaderboard = load_leaderboard(run)
    if leaderboard is not None and run.plan.made(LEADERBOARD):
        changes = describe_changes(run.leaderboard_before, leaderboard)
        story += [changes] if changes else []
        best = _best_model(leaderboard, payload)
        if best:
            with show_or_warn(f"The report does not explain {best}"):
                sections += explain(best, run.catalog)

    errors = {
        model.name: model.tags["error"]
        for model in payload.models
        if "error" in model.tags
    }
    if errors:
        sections.append(Section("Failed", facts=errors))
    if not sections:
        return ""

    sections.append(Section("How this was made", facts=_facts(run, payload)))
    path = _path(run)
    title = package_name().replace("_", " ").capitalize()
    with show_or_warn("The report was not written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_render(title=title, story=story, parts=sections), "utf-8")
        return os.path.relpath(path)
    return ""


def describe_changes(before: pd.DataFrame | None, now: pd.DataFrame) -> str:
    """Return a sentence on what differs from the leaderboard before.

    Models are compared by the score that decides; empty if there was no leaderboard
    before, or one of another score.
    """
    score = next(iter(score_columns(now)), None)
    if before is None or score is None or score not in before:
        return ""
    old = before.set_index("model")[score]
    new = now.set_index("model")[score]

    changes = [f"{name} is new" for name in new.index.difference(old.index)]
    changes += [f"{name} is gone" for name in old.index.difference(new.index)]
    both = old.index.intersection(new.index)
    fails, failed = new[both].isna(), old[both].isna()
    changes += [f"{name} failed" for name in both[fails & ~failed]]
    changes += [f"{name} does not fail any more" for name in both[failed & ~fails]]
    differences = display_value(score_of_column(score), new - old).dropna()
    changes += [
        f"{name} {display_number(difference, signed=True)}"
        for name, difference in differences.items()
        if abs(difference) >= SMALLEST_CHANGE
    ]
    label = display_column(score)
    if not changes and (differences != 0).any():
        return f"Since the previous run, no {label} has changed by {SMALLEST_CHANGE}."
    if not changes:
        return f"Since the previous run, no {label} has changed."
    return f"Since the previous run, {label}: {', '.join(changes[:MAX_CHANGES])}."


def _best_model(leaderboard: pd.DataFrame, payload: Payload) -> str:
    """Return the first model of the leaderboard that has not failed."""
    finished = {model.name for model in payload.models if model.status == "FINISHED"}
    return next((name for name in leaderboard["model"] if name in finished), "")


def _output_sections(run: Run) -> list[Section]:
    """Return a section for each output that the catalog marks with ``report``.

    The metadata says the title; entries with the same title share a section.
    """
    sections: dict[str, Section] = {}
    outputs = [name for node in run.pipeline.nodes for name in node.outputs]

    def place(name: str) -> tuple[bool, int, str]:
        # What sums up comes first, then what it sums up; how columns are read is last.
        return split_name(name)[1] == COLUMNS, name.count("."), name

    for name in sorted(outputs, key=place):
        title = read_metadata(run.catalog, name).report
        if not title or not run.plan.made(name):
            continue
        title = section_title(title, name)
        section = sections.setdefault(title, Section(title))
        with show_or_warn(f"The report lacks {name}"):
            _add_output(section, run.catalog[name].load())
    return [section for section in sections.values() if section.rows or section.charts]


def _add_output(section: Section, value: Any) -> None:
    """Add the best rows of a table, scores, or a figure of plotly to a section."""
    if isinstance(value, dict):
        value = _scores_table(value)
    if isinstance(value, pd.DataFrame):
        section.columns, section.rows = format_rows(value)
        if len(value) > MAX_ROWS:
            section.text = f"{MAX_ROWS} of {len(value)} rows; all are in the file"
    elif hasattr(value, "data"):
        charts = charts_of(value)
        if not charts:
            raise ValueError("no dots, lines, horizontal bars or heat map")
        section.charts += charts


def _scores_table(scores: dict[str, Any]) -> pd.DataFrame:
    """Return scores as rows, each with its interval if there is one."""
    rows = []
    for name, value in scores.items():
        if name.endswith(("_low", "_high")):
            continue
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        if f"{name}_low" in scores:
            low, high = scores[f"{name}_low"], scores[f"{name}_high"]
            shown += f" ({low:.3f} to {high:.3f})"
        rows.append([name.replace("_", " "), shown])
    return pd.DataFrame(rows, columns=["score", "value"])


def _facts(run: Run, payload: Payload) -> dict[str, str]:
    """Return what the run was made from."""
    tags = payload.tags
    start = time.localtime(payload.start / 1000)
    facts = {
        "Command": tags["kedro_command"],
        "At": time.strftime("%Y-%m-%d %H:%M", start),
    }
    commit = tags.get("mlflow.source.git.commit")
    if commit:
        is_dirty = tags["git.dirty"] == "true"
        changes = " with uncommitted changes" if is_dirty else ""
        facts["Commit"] = f"{commit[:12]}{changes}"
    for data in payload.data:
        facts[data["name"]] = f"{data['path']} (digest {data['digest'][:12]})"
    if payload.id and not run.mlflow.problem:
        facts["Run in MLflow"] = payload.id
    return facts


def _path(run: Run) -> Path:
    """Return where the page of a run is: runs of other pipelines have their own."""
    # Kedro passes the names in any order.
    names = "+".join(sorted(run.name.replace(".", "_").split("+")))
    suffix = "" if names == "__default__" else f"_{names}"
    return run.root / "data" / "08_reporting" / f"report{suffix}.html"


def _render(**content: Any) -> str:
    """Return the page as HTML."""
    from jinja2 import Environment, FileSystemLoader

    pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    return pages.get_template("report.html.j2").render(content)
