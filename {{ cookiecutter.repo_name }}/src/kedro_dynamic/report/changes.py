"""What changed since the previous report: causes and their effects."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd

from kedro_dynamic.models.scores import (
    display_column,
    display_stored,
    score_columns,
    score_of_column,
)
from kedro_dynamic.models.snippets import ARROW, DEFAULT, display_change
from kedro_dynamic.tracking.payload import Payload

# Smaller changes of a score are not worth a line.
SMALLEST_CHANGE = 0.0005
MAX_CHANGES = 10

ARGUMENT = "model_kwargs."
# The page carries what the next one compares with.
RESULTS = re.compile(r'<meta name="results" content="([^"]*)">')

Results = dict[str, Any]


def collect_results(payload: Payload, leaderboard: pd.DataFrame) -> Results:
    """Return what a run has made of what, as JSON can hold it.

    Args:
        payload: What the run has made.
        leaderboard: Its leaderboard.
    """
    columns = score_columns(leaderboard)
    column = columns[0] if columns else ""
    models = {}
    for model in payload.models:
        models[model.name] = {
            "score": model.metrics.get(column),
            "arguments": arguments_of(model.params),
        }
    return {
        "column": column,
        "models": models,
        "settings": payload.params,
        "data": {entry["path"]: entry["digest"] for entry in payload.data},
    }


def read_results(page: Path) -> Results | None:
    """Return the results that a page carries; None if there is none with results."""
    try:
        found = RESULTS.search(page.read_text("utf-8"))
        results = json.loads(unescape(found.group(1))) if found else None
    except (OSError, ValueError):
        return None
    return results if isinstance(results, dict) and results else None


def arguments_of(params: dict[str, str]) -> dict[str, str]:
    """Return the class and the arguments of a model among the parameters of its run."""
    return {
        name.removeprefix(ARGUMENT): value
        for name, value in params.items()
        if name == "class" or name.startswith(ARGUMENT)
    }


def describe_changes(before: Results | None, now: Results) -> str:
    """Return a sentence on what differs from the previous report: causes and effects.

    Args:
        before: The results of the previous report; the sentence is empty without any.
        now: Those of this run.
    """
    if before is None:
        return ""
    changes = [
        f"{path} changed"
        for path, digest in now["data"].items()
        if before["data"].get(path, digest) != digest
    ]
    changes += _differences(before["settings"], now["settings"])

    old_models, new_models = before["models"], now["models"]
    same_score = before["column"] == now["column"]
    for name in [*new_models, *(old_models.keys() - new_models.keys())]:
        if name not in old_models:
            changes.append(f"{name} is new")
        elif name not in new_models:
            changes.append(f"{name} is gone")
        else:
            old, new = old_models[name], new_models[name]
            parts = _differences(old["arguments"], new["arguments"])
            if same_score:
                effect = _effect(now["column"], old["score"], new["score"])
                parts += [effect] if effect else []
            if parts:
                changes.append(f"{name}: {', '.join(parts)}")
    if not changes:
        return "Data, parameters and scores are those of the previous report."
    more = len(changes) - MAX_CHANGES
    if more > 0:
        changes = [*changes[:MAX_CHANGES], f"and {more} more changes"]
    score = f" ({display_column(now['column'])})" if now["column"] else ""
    return f"Since the previous report{score}: {'; '.join(changes)}."


def _differences(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Return which values differ, such as ``C`` and both values."""
    names = [*new, *(old.keys() - new.keys())]
    return [
        display_change(name, old.get(name, DEFAULT), new.get(name, DEFAULT))
        for name in names
        if old.get(name) != new.get(name)
    ]


def _effect(column: str, old: float | None, new: float | None) -> str:
    """Return how a score has changed; "" if it has not."""
    if old is None or new is None:
        if old == new:
            return ""
        return "does not fail any more" if old is None else "failed"
    if abs(new - old) < SMALLEST_CHANGE:
        return ""
    score = score_of_column(column)
    return ARROW.join(display_stored(score, value) for value in (old, new))
