"""Compares a candidate with the champion on the same rows, by paired differences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import shorten
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from kedro_dynamic.champion.recipe import (
    RECIPE_FILE,
    Recipe,
    Split,
    own_code_digest,
    recipe_entry,
)
from kedro_dynamic.champion.registry import NOT_FOUND, Verdict, champion_name
from kedro_dynamic.config.errors import ConfigurationError, one_line
from kedro_dynamic.models.scores import (
    display_number,
    display_score,
    display_stored,
)
from kedro_dynamic.models.significance import (
    FEW_ROWS,
    chance_margin,
    lowest_by_chance,
)
from kedro_dynamic.models.split import fold_pairs
from kedro_dynamic.tracking.payload import ModelPayload, refitted_model

# How long the reason may be that a champion cannot be fitted.
WIDTH = 160


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
    fit_digest: str = ""
    """Digest of the code of the node that fits models."""

    shown: str = ""
    """The score for people, beside that of the baseline."""

    beats_baseline: bool = True
    """True if it is better than the baseline by more than chance."""

    models: Sequence[ModelPayload] = ()
    """All models of the run that have a score."""

    def find_same(self, champion: Recipe) -> ModelPayload | None:
        """Return the model of the run that has a champion's recipe."""
        for model in self.models:
            update = {"model": recipe_entry(model.spec)}
            if self.recipe.model_copy(update=update).makes_the_same(champion):
                return model
        return None


def compare(candidate: Candidate, champion: ModelVersion, margin: float) -> Verdict:
    """Compare a candidate with the champion on the data of today.

    Both are recipes with fixed arguments, also if these were found by tuning. No fold
    validates on the rows that studies see, so tuning does not favour a candidate.

    Args:
        candidate: The best model of a run.
        champion: The version that is champion; its run has its recipe.
        margin: The candidate must be better by more than this.

    Returns:
        Whether the candidate wins, and why. If the champion stays, and its files were
        fitted to other data or by other code, also its recipe on the data of today.
    """
    fitted_recipe = load_recipe(champion)
    if fitted_recipe is None:
        reason = f"the run of {champion_name(champion)} is gone from MLflow"
        return _win_uncontested(candidate, reason)

    recipe = _follow_today(fitted_recipe, candidate)
    changes = _what_changed(fitted_recipe, recipe)
    name, metric = champion_name(champion), candidate.metric
    if recipe.makes_the_same(candidate.recipe):
        recipe = candidate.recipe
        again = "the same model" if changes else "the same model on the same data"
        verdict = Verdict(False, f"{again}, {candidate.shown}")
    else:
        try:
            if not recipe.scores:
                recipe = score_again(recipe, candidate.recipe, metric, candidate.split)
        except CannotFitError as error:
            reason = shorten(f"{name} cannot be fitted to this data: {error}", WIDTH)
            return _win_uncontested(candidate, reason)
        verdict = _decide_by_baseline(candidate) or _decide(
            candidate, recipe, name, margin
        )
    if verdict.wins:
        return verdict

    same = candidate.find_same(recipe)
    verdict = verdict._replace(champion=same.name if same else "")
    names = {model.name for model in candidate.models} - {candidate.model.name}
    if not same and name in names:
        reason = f"{verdict.reason} ({name} of this run differs from it)"
        verdict = verdict._replace(reason=reason)
    if not changes:
        return verdict
    model = same or refitted_model(name, dict(recipe))
    refit = replace(candidate, model=model, recipe=recipe)
    reason = f"its {changes} changed; {verdict.reason}"
    return verdict._replace(reason=reason, refit=refit)


def _win_uncontested(candidate: Candidate, reason: str) -> Verdict:
    """Return who wins without a champion: the candidate, if it beats the baseline."""
    verdict = Verdict(True, f"{candidate.shown}; {reason}")
    return _decide_by_baseline(candidate) or verdict


def _decide_by_baseline(candidate: Candidate) -> Verdict | None:
    """Keep the champion if the candidate does not beat the baseline."""
    if candidate.beats_baseline:
        return None
    best = f"{candidate.model.name} has {candidate.shown}"
    return Verdict(False, f"no model of this run beats the baseline: {best}")


def _decide(
    candidate: Candidate, champion: Recipe, champion_name: str, margin: float
) -> Verdict:
    """Decide by the scores of both recipes on the same rows."""
    recipe, metric = candidate.recipe, candidate.metric
    scores = recipe.score(metric), champion.score(metric)
    name = candidate.model.name
    if name == champion_name:  # with other arguments
        name += " of this run"
    for model_name, score in zip((name, champion_name), scores, strict=True):
        if not math.isfinite(score):
            reason = f"the score of {model_name} is not a finite number"
            return Verdict(False, f"{name} cannot be compared: {reason}")

    pairs = zip(recipe.scores[metric], champion.scores[metric], strict=True)
    differences = [new - old for new, old in pairs]
    pairs_of_rows = fold_pairs(candidate.split.folds)
    if pairs_of_rows:
        sizes = [(len(training), len(test)) for training, test in pairs_of_rows]
        chance = chance_margin(differences, sizes)
        return decide_by_chance(*scores, margin, chance, name, metric)
    y_test = candidate.split.y_test
    return decide_by_resamples(differences, *scores, margin, name, y_test, metric)


def load_recipe(champion: ModelVersion) -> Recipe | None:
    """Return the recipe of a registered version; None if its run is gone."""
    client = MlflowClient()
    try:
        files = client.list_artifacts(str(champion.run_id))
    except MlflowException as error:
        if error.error_code in NOT_FOUND:
            return None
        raise
    if RECIPE_FILE not in {file.path for file in files}:
        return None
    uri = f"runs:/{champion.run_id}/{RECIPE_FILE}"
    return Recipe.model_validate_json(mlflow.artifacts.load_text(uri))


def _follow_today(champion: Recipe, candidate: Candidate) -> Recipe:
    """Return the champion's recipe for the data, the seed and the code of today.

    The model is the champion's, with its encoding. The columns are those of today, so a
    column that is dropped today leaves the champion, too.
    """
    today, metric = candidate.recipe, candidate.metric
    own = {"encode": champion.data.encode, "prepare": champion.data.prepare}
    data = today.data.model_copy(update=own)
    update = {
        "data": data,
        "random_state": today.random_state,
        "columns": today.columns,
        "data_digest": today.data_digest,
        "code_digest": own_code_digest(champion.model, data, candidate.fit_digest),
    }
    recipe = champion.model_copy(update=update)
    has_same_rows = _rows_key(champion, metric) == _rows_key(today, metric)
    if has_same_rows and champion.code_digest == recipe.code_digest:
        return recipe
    return recipe.model_copy(update={"scores": {}, "split_digest": today.split_digest})


def _what_changed(fitted: Recipe, today: Recipe) -> str:
    """Return what differs from what a champion's files were made from."""
    changes = []
    if fitted.data_digest != today.data_digest:
        changes.append("data")
    if fitted.code_digest != today.code_digest:
        changes.append("code")
    return " and ".join(changes)


def _rows_key(recipe: Recipe, metric: str) -> tuple[object, ...]:
    """Return a key of the rows that a recipe was scored on."""
    count = len(recipe.scores.get(metric, []))
    positive_label = recipe.data.positive_label
    digests = recipe.split_digest, recipe.data_digest
    return *digests, recipe.random_state, positive_label, count


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

    X_train, y_train, X_test, y_test, _ = split
    seed = today.random_state
    try:
        model = build_model(recipe.model, recipe.data, X_train, y_train, seed)
    except ConfigurationError as error:  # a classifier where the target is a number now
        fault = str(error).splitlines()[-1].partition(";")[0]
        raise CannotFitError(fault.strip()) from error

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

    chance = new - old - lowest_by_chance(defined, len(y_test))
    return decide_by_chance(new, old, margin, chance, name, metric)


def decide_by_chance(
    new: float, old: float, margin: float, chance: float, name: str, metric: str = ""
) -> Verdict:
    """Decide if a difference exceeds the margin and what chance explains of it.

    Args:
        new: Score of the candidate.
        old: Score of the champion.
        margin: The candidate must be better by more than this.
        chance: And by more than this, which chance explains.
        name: Name of the candidate.
        metric: Name of the score.
    """
    difference = new - old
    old_shown = display_stored(metric, old)
    scores = f"{display_score(metric, new)} against {old_shown}"
    reason = f"{name} scored {scores}"
    if not difference > 0:  # NaN included
        return Verdict(False, f"{reason}, the same" if difference == 0 else reason)
    if not difference > margin:
        return Verdict(False, f"{reason}, within the margin ({margin})")
    if math.isinf(chance):
        few = f"fewer than {FEW_ROWS} rows differ by the same everywhere"
        return Verdict(False, f"{name} cannot be compared: {few}")
    explained = f"chance ({display_number(chance)})"
    if not difference > chance:
        return Verdict(False, f"{reason}, within {explained}")
    return Verdict(True, f"{scores}, beyond {explained}")
