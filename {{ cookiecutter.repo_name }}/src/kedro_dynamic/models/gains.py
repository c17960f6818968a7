"""What tuning gains: by how much, with which arguments, and that in sentences."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.config.schema import ModelSpec

from .scores import display_name, display_stored, score_columns, score_of_column
from .significance import comparable_scores, least_gain
from .snippets import ARROW, DEFAULT, display_change

MAX_GAINS = 6


def measure_gains(
    leaderboard: pd.DataFrame,
    pairs: Mapping[str, str],
    results: dict[str, Any],
    folds: pd.DataFrame,
    test_rows: int,
) -> pd.DataFrame:
    """Measure by how much the score that decides is better after tuning.

    Args:
        leaderboard: A row per model.
        pairs: The rows of models as configured, by those of the same models as tuned.
        results: ``<model>_validation`` and ``<model>_resamples`` of each row.
        folds: The folds of the training rows.
        test_rows: The number of test rows, which count without folds.

    Returns:
        ``gain``, the mean difference, and ``gain_low``, by how much at least in 95 of
        100 cases, with the tuned model as index. Pairs without both scores are left
        out.
    """
    gains = pd.DataFrame(columns=["gain", "gain_low"], dtype=float)
    columns = score_columns(leaderboard)
    if not columns:
        return gains

    scored = leaderboard["model"][leaderboard[columns[0]].notna()]
    for tuned, configured in pairs.items():
        if {tuned, configured} <= {*scored}:
            scores = comparable_scores(columns[0], [tuned, configured], results)
            gain = np.mean(scores[tuned]) - np.mean(scores[configured])
            least = least_gain(scores[tuned], scores[configured], folds, test_rows)
            gains.loc[tuned] = gain, least
    return gains


def changed_arguments(before: Any, after: Any) -> str:
    """Return the arguments that differ between two entries of a model.

    Args:
        before: The model's entry, as in ``parameters.yml``.
        after: The entry from ``tune_model``.

    Returns:
        Such as ``C 0.025`` and the new value, with an arrow between them.
    """
    old = ModelSpec.model_validate(before).model_kwargs
    new = ModelSpec.model_validate(after).model_kwargs
    return ", ".join(
        display_change(name, old.get(name, DEFAULT), value)
        for name, value in new.items()
        if old.get(name) != value
    )


def describe_gains(leaderboards: Mapping[str, pd.DataFrame]) -> str:
    """Return where tuning has improved models by more than chance, in a sentence.

    Args:
        leaderboards: The leaderboard of each data set, by its name, with the columns
            from ``measure_gains``, and ``found`` from ``changed_arguments``.
    """
    gains, count = {}, 0
    for dataset, leaderboard in leaderboards.items():
        if "gain" not in leaderboard:
            continue
        column = score_columns(leaderboard)[0]
        score = score_of_column(column)
        count += int(leaderboard["gain"].notna().sum())
        for row in leaderboard[leaderboard["gain_low"] > 0].to_dict("records"):
            model = row["model"].rpartition(".")[0]
            after = row[column]
            values = [after - row["gain"], after]
            shown = ARROW.join(display_stored(score, value) for value in values)
            found = f", {row['found']}" if isinstance(row["found"], str) else ""
            text = f"{model} on {dataset} ({display_name(score)} {shown}{found})"
            gains[text] = row["gain"] / abs(after)

    if not gains:
        return f"Tuning improved none of {count} models by more than chance."
    largest = sorted(gains, key=lambda text: gains[text], reverse=True)[:MAX_GAINS]
    if len(gains) > MAX_GAINS:
        largest.append(f"and {len(gains) - MAX_GAINS} more")
    return (
        f"Tuning improved {len(gains)} of {count} models by more than chance: "
        f"{'; '.join(largest)}."
    )
