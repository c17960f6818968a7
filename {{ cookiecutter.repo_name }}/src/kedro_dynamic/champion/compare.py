"""TODO."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from kedro.io import DataCatalog
from mlflow.entities.model_registry import ModelVersion

from kedro_dynamic.champion.recipe import FILE, Parts, Recipe, data_digest
from kedro_dynamic.champion.registry import Verdict, champion_name
from kedro_dynamic.config.errors import ConfigurationError, one_line
from kedro_dynamic.config.schema import ComparisonSpec, DataSpec
from kedro_dynamic.tracking.payload import ModelOutcome

MAX_PARTS = 50  # of the test rows, where there are no folds


class CannotFitError(Exception):
    """The recipe cannot be fitted to any part of the data."""


@dataclass(frozen=True)
class Candidate:
    """The best model of a run, and the score that decides."""

    run: ModelOutcome
    recipe: Recipe
    metric: str
    parts: Parts

    def judge(self, champion: ModelVersion, margin: float) -> Verdict:
        """Tell whether it beats the champion's recipe on today's data, and why."""
        uri = f"runs:/{champion.run_id}/{FILE}"
        recipe = Recipe.model_validate_json(mlflow.artifacts.load_text(uri))
        scores = self.recipe.scores
        if recipe.model_copy(update={"scores": scores}) == self.recipe:
            again = f"{fmean(scores[self.metric]):.3f} again"
            return False, f"{again}: the same model on the same data"
        new, holder = scores[self.metric], champion_name(champion)
        # Its version was fitted to them, and takes no rows without.
        if gone := [one for one in recipe.columns if one not in self.recipe.columns]:
            return True, f"promoted: {holder} needs '{gone[0]}', no column any more"
        try:
            old = self._scores_of(recipe)
        except CannotFitError as error:
            return True, f"promoted: {holder} cannot be fitted to this data: {error}"
        if not all(map(math.isfinite, old)):
            return True, f"promoted: the score of {holder} is no finite number"
        differences = [one - other for one, other in zip(new, old, strict=True)]
        folds, name = self.recipe.comparison.folds, self.run.name
        return decide(differences, margin, fmean(new), fmean(old), name, folds)

    def _scores_of(self, recipe: Recipe) -> list[float]:
        """Return another recipe's scores on the folds that this one was judged on."""

        def folds(of: Recipe) -> tuple[object, ...]:
            count = len(of.scores.get(self.metric, []))
            return of.digest, of.comparison.folds, of.random_state, count

        if folds(recipe) == folds(self.recipe):
            return recipe.scores[self.metric]
        return score_again(recipe, self.recipe, self.metric, self.parts)


def find_candidate(
    models: Sequence[ModelOutcome], catalog: DataCatalog, metric: str | None
) -> Candidate | None:
    """Return the best of the leaderboard by a score, finite numbers only."""
    leaderboard = catalog["leaderboard"].load()
    parameters = catalog["parameters"].load()
    comparison = ComparisonSpec.model_validate(parameters["comparison"])
    kind = "validation_" if comparison.folds else "test_"
    names = [name for name in map(str, leaderboard) if name.startswith(kind)]
    column = f"{kind}{metric}" if metric else names[0]
    finished = {model.name: model for model in models if model.status == "FINISHED"}
    # In the order of the leaderboard, whose first is the best of equals.
    rivals = [finished[name] for name in leaderboard["model"] if name in finished]
    rivals = [one for one in rivals if math.isfinite(one.metrics.get(column, math.nan))]
    if not rivals:
        return None
    best = max(rivals, key=lambda model: model.metrics[column])
    X_train, y_train, X_test, y_test = (
        catalog[name].load() for name in ("X_train", "y_train", "X_test", "y_test")
    )
    parts = X_train, y_train.iloc[:, 0], X_test, y_test.iloc[:, 0]
    scores = catalog[f"{best.namespace}.validation"].load()
    if not scores:
        fitted_model = catalog[f"{best.namespace}.fitted_model"].load()
        tested = (name.removeprefix(kind) for name in names)
        scores = {one: scores_by_rows(fitted_model, one, *parts[2:]) for one in tested}
    recipe = Recipe(
        model=best.entry.model_copy(update={"search_space": {}}),
        data=DataSpec.model_validate(parameters["data"]),
        comparison=comparison,
        random_state=parameters["random_state"],
        columns=[*map(str, X_train), str(parts[1].name)],
        digest=data_digest(parts),
        scores=scores,
    )
    return Candidate(best, recipe, column.removeprefix(kind), parts)


def scores_by_rows(
    fitted_model: Any, metric: str, X: pd.DataFrame, y: "pd.Series[Any]"
) -> list[float]:
    """Return what each part of the rows says of a score; their mean is the score.

    By the jackknife, which takes any score: a part says how much is lost without it.
    """
    from sklearn.metrics import get_scorer

    scorer = get_scorer(metric)
    parts = min(len(y), MAX_PARTS)
    rows = np.arange(len(y)) % parts
    without = [
        float(scorer(fitted_model, X[rows != part], y[rows != part]))
        for part in range(parts)
    ]
    whole, mean = float(scorer(fitted_model, X, y)), fmean(without)
    return [whole + (parts - 1) * (mean - score) for score in without]


def score_again(
    recipe: Recipe, today: Recipe, metric: str, parts: Parts
) -> list[float]:
    """Return a recipe's scores on today's folds, or without any by the test rows.

    Raises:
        CannotFitError: If it fits to none of them; other errors as they are.
    """
    from sklearn.base import clone
    from sklearn.metrics import get_scorer

    from kedro_dynamic.models.estimators import build_model
    from kedro_dynamic.models.folds import make_folds

    # What the champion was not to look at, it is not shown today.
    without: Any = {"columns": recipe.data.drop, "errors": "ignore"}
    X, y = parts[0].drop(**without), parts[1]
    try:
        model = build_model(recipe.model, recipe.data, X, y, today.random_state)
    except ConfigurationError as error:  # a classifier where the target is a number now
        raise CannotFitError(one_line(error)) from error
    pairs: list[Parts] = [(X, y, parts[2].drop(**without), parts[3])]
    if count := today.comparison.folds:
        rows = make_folds(count, y, model, today.random_state).split(X, y)
        pairs = [(X.iloc[i], y.iloc[i], X.iloc[j], y.iloc[j]) for i, j in rows]
    scores, errors = [], []
    for X_fit, y_fit, X_rest, y_rest in pairs:
        try:
            fitted = clone(model).fit(X_fit, y_fit)
        except Exception as error:
            errors.append(error)
        else:
            if not count:
                return scores_by_rows(fitted, metric, X_rest, y_rest)
            scores.append(float(get_scorer(metric)(fitted, X_rest, y_rest)))
    if errors:
        raise errors[0] if scores else CannotFitError(one_line(errors[0]))
    return scores


def decide(
    differences: Sequence[float],
    margin: float,
    new: float,
    old: float,
    name: str,
    folds: int = 0,
) -> Verdict:
    """Tell whether paired differences are more than the margin, and than chance makes.

    By the corrected t-test of Nadeau and Bengio (2003): folds share most of their
    training rows, which a plain standard error does not know.
    """
    mean, count = fmean(differences), len(differences)
    if not mean > 0:  # no number, neither
        return False, f"{new:.3f} of {name} does not beat {old:.3f} ({mean:+.3f})"
    beats = f"{old:.3f} by {mean:.3f}"
    if not mean > margin:
        return False, f"{new:.3f} of {name} beats {beats}, the margin is {margin}"
    if count == 1:
        return True, f"promoted: {new:.3f} beats {beats}"
    from scipy.stats import t

    shared = 1 / (folds - 1) if folds else 0
    error = math.sqrt(variance(differences) * (1 / count + shared))
    chance = float(t.ppf(0.95, count - 1)) * error
    if not mean > chance:
        return False, f"{new:.3f} of {name} beats {beats}, chance may make {chance:.3f}"
    return True, f"promoted: {new:.3f} beats {beats}, chance may make {chance:.3f}"
