"""Compares a candidate with the champion on the same rows, by paired differences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities.model_registry import ModelVersion

from kedro_dynamic.champion.recipe import RECIPE_FILE, Recipe, Split
from kedro_dynamic.champion.registry import Verdict, champion_name
from kedro_dynamic.config.errors import ConfigurationError, one_line
from kedro_dynamic.models.scores import display_number, display_score, display_value
from kedro_dynamic.models.significance import Sizes, chance_margin
from kedro_dynamic.models.split import fold_pairs
from kedro_dynamic.tracking.payload import ModelPayload


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

    Both are recipes with fixed arguments, also if these were found by tuning. No fold
    validates on the rows that studies see, so tuning does not favour a candidate.

    Args:
        candidate: The best model of a run.
        champion: The version that is champion; its run has its recipe.
        margin: The candidate must be better by more than this.

    Returns:
        Whether the candidate wins, and why.
    """
    champion_recipe = load_recipe(champion)
    new = candidate.recipe.score(candidate.metric)
    if _is_same_model(champion_recipe, candidate.recipe):
        shown = display_score(candidate.metric, new)
        return Verdict(False, f"{shown} again: the same model on the same data")

    # The champion's files were fitted to all columns and take no rows without them.
    name = champion_name(champion)
    columns = candidate.recipe.columns
    gone = [column for column in champion_recipe.columns if column not in columns]
    if gone:
        reason = f"{name} needs '{gone[0]}', which is not a column any more"
        return Verdict(True, f"promoted: {reason}")

    try:
        champion_recipe = _score_today(champion_recipe, candidate)
    except CannotFitError as error:
        reason = f"{name} cannot be fitted to this data: {error}"
        return Verdict(True, f"promoted: {reason}")

    old = champion_recipe.score(candidate.metric)
    if not math.isfinite(old):
        return Verdict(True, f"promoted: the score of {name} is not a finite number")
    return _decide(candidate, champion_recipe, margin)


def _decide(candidate: Candidate, champion: Recipe, margin: float) -> Verdict:
    """Decide by the scores of both recipes on the same rows."""
    recipe, metric = candidate.recipe, candidate.metric
    pairs = zip(recipe.scores[metric], champion.scores[metric], strict=True)
    differences = [new - old for new, old in pairs]
    scores = recipe.score(metric), champion.score(metric)
    name = candidate.model.name
    pairs_of_rows = fold_pairs(candidate.split.folds)
    if pairs_of_rows:
        sizes = [(len(training), len(test)) for training, test in pairs_of_rows]
        return decide_by_folds(differences, sizes, *scores, margin, name, metric)
    y_test = candidate.split.y_test
    return decide_by_resamples(differences, *scores, margin, name, y_test, metric)


def load_recipe(champion: ModelVersion) -> Recipe:
    """Return the recipe of a registered version."""
    uri = f"runs:/{champion.run_id}/{RECIPE_FILE}"
    return Recipe.model_validate_json(mlflow.artifacts.load_text(uri))


def _is_same_model(champion: Recipe, candidate: Recipe) -> bool:
    """Return True if two recipes differ in their scores at most."""
    scores = {"scores": candidate.scores, "test_scores": candidate.test_scores}
    return champion.model_copy(update=scores) == candidate


def _score_today(champion: Recipe, candidate: Candidate) -> Recipe:
    """Return the champion's recipe with scores on the rows of the candidate's."""
    today, metric = candidate.recipe, candidate.metric
    if _rows_key(champion, metric) == _rows_key(today, metric):
        return champion
    return score_again(champion, today, metric, candidate.split)


def _rows_key(recipe: Recipe, metric: str) -> tuple[object, ...]:
    """Return a key of the rows that a recipe was scored on."""
    count = len(recipe.scores.get(metric, []))
    positive_label = recipe.data.positive_label
    return recipe.split_digest, recipe.random_state, positive_label, count


def score_again(recipe: Recipe, today: Recipe, metric: str, split: Split) -> Recipe:
    """Fit a recipe again and score it on today's folds, or else on the test rows.

    Args:
        recipe: The recipe of the champion.
        today: The recipe of a candidate, which has the seed of today.
        metric: Name of the score.
        split: The data and folds of today.

    Returns:
        The recipe with its scores of today.

    Raises:
        CannotFitError: If the recipe fits to none of the folds; other errors as they
            are.
    """
    from kedro_dynamic.models.bootstrap import score_resamples
    from kedro_dynamic.models.estimators import build_model

    # Columns that are features today, but were not when the recipe was made.
    no_features = [*recipe.data.drop, recipe.data.group_column]
    dropped: Any = {"columns": no_features, "errors": "ignore"}
    X_train, y_train = split.X_train.drop(**dropped), split.y_train
    X_test, y_test = split.X_test.drop(**dropped), split.y_test

    seed = today.random_state
    try:
        model = build_model(recipe.model, recipe.data, X_train, y_train, seed)
    except ConfigurationError as error:  # a classifier where the target is a number now
        raise CannotFitError(one_line(error)) from error

    scorer = scorer_of(today, metric, y_train)
    pairs = fold_pairs(split.folds)
    if pairs:
        scores = _score_folds(model, scorer, X_train, y_train, pairs)
        return recipe.model_copy(update={"scores": {metric: scores}, "test_scores": {}})

    try:
        fitted_model: Any = model.fit(X_train, y_train)
    except Exception as error:
        raise CannotFitError(one_line(error)) from error
    score, scores = score_resamples(fitted_model, scorer, X_test, y_test)
    update = {"scores": {metric: scores}, "test_scores": {metric: score}}
    return recipe.model_copy(update=update)


def scorer_of(recipe: Recipe, metric: str, y_train: "pd.Series[Any]") -> Any:
    """Return the scorer of a score, for the positive class of a recipe."""
    from kedro_dynamic.models.estimators import build_estimator
    from kedro_dynamic.models.scoring import build_scorers

    comparison = recipe.comparison.model_copy(update={"scoring": [metric]})
    estimator = build_estimator(recipe.model, recipe.random_state)
    return build_scorers(recipe.data, comparison, y_train, estimator)[metric]


def _score_folds(
    model: Any,
    scorer: Any,
    X: pd.DataFrame,
    y: "pd.Series[Any]",
    folds: Sequence[tuple[Any, Any]],
) -> list[float]:
    """Fit and score a model on each fold: pairs of row numbers to fit and to score."""
    from sklearn.base import clone

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


def decide_by_folds(
    differences: Sequence[float],
    sizes: Sizes,
    new: float,
    old: float,
    margin: float,
    name: str,
    metric: str = "",
) -> Verdict:
    """Decide by the corrected t-test of Nadeau and Bengio (2003).

    Folds share most of their training rows, which a plain standard error does not take
    into account.

    Args:
        differences: Score of the candidate less that of the champion, on each fold.
        sizes: The numbers of training rows and of validation rows of each fold.
        new: Score of the candidate.
        old: Score of the champion.
        margin: The candidate must be better by more than this.
        name: Name of the candidate.
        metric: Name of the score.
    """
    chance = chance_margin(differences, sizes)
    return _decide_by_chance(new, old, margin, chance, name, metric)


def decide_by_resamples(
    differences: Sequence[float],
    new: float,
    old: float,
    margin: float,
    name: str,
    y_test: "pd.Series[Any]",
    metric: str = "",
) -> Verdict:
    """Decide by a paired bootstrap: is the 5 % quantile of the differences above 0?

    Args:
        differences: Score of the candidate less that of the champion, on each resample
            of the test rows; NaN where one of the two is undefined.
        new: Score of the candidate on all test rows.
        old: Score of the champion on all test rows.
        margin: The candidate must be better by more than this.
        name: Name of the candidate.
        y_test: Target of the test rows.
        metric: Name of the score.
    """
    if y_test.nunique() < 2:
        reason = f"{name} cannot be compared: the test set has one row or one class"
        return Verdict(False, reason)

    defined = [difference for difference in differences if math.isfinite(difference)]
    count = len(differences)
    if len(defined) < count / 2:
        undefined = f"the score is undefined on {count - len(defined)} of {count}"
        reason = f"{name} cannot be compared: {undefined} resamples of the test rows"
        return Verdict(False, reason)

    quantile = float(np.quantile(defined, 0.05, method="inverted_cdf"))
    return _decide_by_chance(new, old, margin, new - old - quantile, name, metric)


def _decide_by_chance(
    new: float, old: float, margin: float, chance: float, name: str, metric: str
) -> Verdict:
    """Decide if a difference exceeds the margin and what chance explains of it."""
    difference = new - old
    new_shown = display_score(metric, new)
    old_shown = display_number(display_value(metric, old))
    if not difference > 0:  # NaN included
        shown = display_number(display_value(metric, difference), signed=True)
        reason = f"{new_shown} of {name} does not beat {old_shown} ({shown})"
        return Verdict(False, reason)

    beats = f"{old_shown} by {display_number(difference)}"
    if not difference > margin:
        reason = f"{new_shown} of {name} beats {beats}, the margin is {margin}"
        return Verdict(False, reason)

    explained = f"chance explains up to {display_number(chance)}"
    if not difference > chance:
        return Verdict(False, f"{new_shown} of {name} beats {beats}, {explained}")
    return Verdict(True, f"promoted: {new_shown} beats {beats}, {explained}")
