"""Compares a candidate with the champion on the same rows, by paired differences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities.model_registry import ModelVersion

from kedro_dynamic.champion.recipe import RECIPE_FILE, Recipe, Split
from kedro_dynamic.champion.registry import Verdict, champion_name
from kedro_dynamic.config.errors import ConfigurationError, one_line
from kedro_dynamic.tracking.payload import ModelPayload

# Parts of the test rows, where there are no folds.
MAX_PARTS = 50


class CannotFitError(Exception):
    """A recipe cannot be fitted to any part of the data."""


@dataclass(frozen=True)
class Candidate:
    """The best model of a run, which may replace the champion."""

    model: ModelPayload
    recipe: Recipe
    metric: str
    """Name of the score that decides."""

    split: Split


def compare(candidate: Candidate, champion: ModelVersion, margin: float) -> Verdict:
    """Compare a candidate with the champion on the data of today.

    Args:
        candidate: The best model of a run.
        champion: The version that is champion; its run has its recipe.
        margin: The candidate must be better by more than this.

    Returns:
        Whether the candidate wins, and why.
    """
    metric = candidate.metric
    candidate_scores = candidate.recipe.scores[metric]
    champion_recipe = load_recipe(champion)
    if _is_same_model(champion_recipe, candidate.recipe):
        score = fmean(candidate_scores)
        return Verdict(False, f"{score:.3f} again: the same model on the same data")

    # The champion's files were fitted to all columns and take no rows without them.
    name = champion_name(champion)
    columns = candidate.recipe.columns
    gone = [column for column in champion_recipe.columns if column not in columns]
    if gone:
        reason = f"{name} needs '{gone[0]}', which is not a column any more"
        return Verdict(True, f"promoted: {reason}")

    try:
        champion_scores = _scores_of_today(champion_recipe, candidate)
    except CannotFitError as error:
        reason = f"{name} cannot be fitted to this data: {error}"
        return Verdict(True, f"promoted: {reason}")

    if not all(math.isfinite(score) for score in champion_scores):
        return Verdict(True, f"promoted: the score of {name} is not a finite number")

    pairs = zip(candidate_scores, champion_scores, strict=True)
    differences = [new - old for new, old in pairs]
    return decide(
        differences,
        margin,
        fmean(candidate_scores),
        fmean(champion_scores),
        candidate.model.name,
        candidate.recipe.comparison.folds,
    )


def load_recipe(champion: ModelVersion) -> Recipe:
    """Return the recipe of a registered version."""
    uri = f"runs:/{champion.run_id}/{RECIPE_FILE}"
    return Recipe.model_validate_json(mlflow.artifacts.load_text(uri))


def _is_same_model(champion: Recipe, candidate: Recipe) -> bool:
    """Return True if two recipes differ in their scores at most."""
    return champion.model_copy(update={"scores": candidate.scores}) == candidate


def _scores_of_today(champion: Recipe, candidate: Candidate) -> list[float]:
    """Return the champion's scores on the rows that the candidate was scored on."""
    today, metric = candidate.recipe, candidate.metric
    if _scored_on(champion, metric) == _scored_on(today, metric):
        return champion.scores[metric]
    return score_again(champion, today, metric, candidate.split)


def _scored_on(recipe: Recipe, metric: str) -> tuple[object, ...]:
    """Return what is equal for recipes whose scores are of the same rows."""
    count = len(recipe.scores.get(metric, []))
    folds = recipe.comparison.folds
    return recipe.split_digest, folds, recipe.random_state, count


def score_again(
    recipe: Recipe, today: Recipe, metric: str, split: Split
) -> list[float]:
    """Fit a recipe again and score it on today's folds, or else on the test rows.

    Args:
        recipe: The recipe of the champion.
        today: The recipe of a candidate, which says what the folds of today are.
        metric: Name of the score.
        split: The data of today.

    Raises:
        CannotFitError: If the recipe fits to none of the folds; other errors as they
            are.
    """
    from kedro_dynamic.models.estimators import build_model
    from kedro_dynamic.models.folds import make_folds

    # Columns that are features today, but were not when the recipe was made.
    dropped: Any = {"columns": recipe.data.drop, "errors": "ignore"}
    X_train, y_train = split.X_train.drop(**dropped), split.y_train
    X_test, y_test = split.X_test.drop(**dropped), split.y_test

    seed, folds = today.random_state, today.comparison.folds
    try:
        model = build_model(recipe.model, recipe.data, X_train, y_train, seed)
    except ConfigurationError as error:  # a classifier where the target is a number now
        raise CannotFitError(one_line(error)) from error

    if folds:
        rows = make_folds(folds, y_train, model, seed).split(X_train, y_train)
        return _score_folds(model, metric, X_train, y_train, list(rows))
    try:
        fitted_model: Any = model.fit(X_train, y_train)
    except Exception as error:
        raise CannotFitError(one_line(error)) from error
    return score_parts(fitted_model, metric, X_test, y_test)


def _score_folds(
    model: Any,
    metric: str,
    X: pd.DataFrame,
    y: "pd.Series[Any]",
    folds: Sequence[tuple[Any, Any]],
) -> list[float]:
    """Fit and score a model on each fold: pairs of row numbers to fit and to score."""
    from sklearn.base import clone
    from sklearn.metrics import get_scorer

    scorer = get_scorer(metric)
    scores, errors = [], []
    for fit_rows, score_rows in folds:
        try:
            fitted_model = clone(model).fit(X.iloc[fit_rows], y.iloc[fit_rows])
        except Exception as error:
            errors.append(error)
        else:
            score = scorer(fitted_model, X.iloc[score_rows], y.iloc[score_rows])
            scores.append(float(score))

    if errors and scores:
        raise errors[0]
    if errors:
        raise CannotFitError(one_line(errors[0]))
    return scores


def score_parts(
    fitted_model: Any, metric: str, X: pd.DataFrame, y: "pd.Series[Any]"
) -> list[float]:
    """Return how much each part of the rows contributes to a score, by the jackknife.

    The mean of what is returned is the score.
    """
    from sklearn.metrics import get_scorer

    scorer = get_scorer(metric)
    count = min(len(y), MAX_PARTS)
    part_of_row = np.arange(len(y)) % count
    scores_without = []
    for part in range(count):
        rows = part_of_row != part
        scores_without.append(float(scorer(fitted_model, X[rows], y[rows])))

    score, mean = float(scorer(fitted_model, X, y)), fmean(scores_without)
    return [score + (count - 1) * (mean - without) for without in scores_without]


def decide(
    differences: Sequence[float],
    margin: float,
    new: float,
    old: float,
    name: str,
    folds: int = 0,
) -> Verdict:
    """Decide whether paired differences exceed the margin and what chance explains.

    By the corrected t-test of Nadeau and Bengio (2003): folds share most of their
    training rows, which a plain standard error does not take into account.

    Args:
        differences: Score of the candidate less that of the champion, per fold.
        margin: The mean must be above this.
        new: Score of the candidate, to be shown.
        old: Score of the champion, to be shown.
        name: Name of the candidate, to be shown.
        folds: Number of folds; 0 if the differences are not of folds.
    """
    mean, count = fmean(differences), len(differences)
    if not mean > 0:  # NaN included
        reason = f"{new:.3f} of {name} does not beat {old:.3f} ({mean:+.3f})"
        return Verdict(False, reason)

    beats = f"{old:.3f} by {mean:.3f}"
    if not mean > margin:
        return Verdict(
            False, f"{new:.3f} of {name} beats {beats}, the margin is {margin}"
        )
    if count == 1:
        return Verdict(True, f"promoted: {new:.3f} beats {beats}")

    from scipy.stats import t

    shared = 1 / (folds - 1) if folds else 0
    error = math.sqrt(variance(differences) * (1 / count + shared))
    chance = float(t.ppf(0.95, count - 1)) * error
    explained = f"chance explains up to {chance:.3f}"
    if not mean > chance:
        return Verdict(False, f"{new:.3f} of {name} beats {beats}, {explained}")
    return Verdict(True, f"promoted: {new:.3f} beats {beats}, {explained}")
