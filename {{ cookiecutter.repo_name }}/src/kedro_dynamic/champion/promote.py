"""Promotes the best model of a run to champion, if it beats the current one.

Its files are logged only then: importing skops alone takes over a second.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import mlflow
import pandas as pd
from kedro.io import DataCatalog
from mlflow import MlflowClient

from kedro_dynamic.catalog.names import (
    FITTED_MODEL,
    FOLDS,
    LEADERBOARD,
    VALIDATION,
    X_TEST,
    X_TRAIN,
    Y_TEST,
    Y_TRAIN,
    dataset_name,
)
from kedro_dynamic.champion.compare import (
    Candidate,
    compare,
    score_again,
    scorer_of,
)
from kedro_dynamic.champion.identity import identity_of, why_apart
from kedro_dynamic.champion.recipe import (
    RECIPE_FILE,
    Recipe,
    Split,
    own_code_digest,
    recipe_entry,
    split_digest,
    table_digest,
)
from kedro_dynamic.champion.registry import (
    Outcome,
    current_champion,
    register_version,
    set_champion,
    stay_apart,
)
from kedro_dynamic.champion.serialize import log_model
from kedro_dynamic.config.errors import VERBATIM, one_line
from kedro_dynamic.config.project import package_name
from kedro_dynamic.config.schema import ComparisonSpec, DataSpec
from kedro_dynamic.config.tracking import ChampionRule
from kedro_dynamic.models.baseline import find_baseline
from kedro_dynamic.models.bootstrap import score_resamples
from kedro_dynamic.models.estimators import build_estimator, build_model, task_of
from kedro_dynamic.models.scores import (
    describe_score,
    find_positive_label,
    score_columns,
)
from kedro_dynamic.models.significance import is_better, level_with_chance
from kedro_dynamic.models.split import fold_pairs
from kedro_dynamic.runs.makers import registered_nodes
from kedro_dynamic.runs.provenance import code_digest, name_some
from kedro_dynamic.runs.run import Run
from kedro_dynamic.tracking.payload import MAX_LENGTH, ModelPayload, Payload
from kedro_dynamic.tracking.writer import find_child_run

OUTDATED = (
    "The champion stays as before: files of other parameters, data or code were taken "
    "({})."
)
NO_CHAMPION = "No model beats the baseline: {} has {}. None is registered."

logger = logging.getLogger(__name__)


def promote(run: Run, payload: Payload, client: MlflowClient) -> Outcome | None:
    """Compare what a run has made with the champion, which it replaces if it is better.

    Args:
        run: The run, whose pipeline has ended.
        payload: What became of each model of the run.
        client: Client of the store.

    Returns:
        The champion, and why; None if the run has made nothing that could be champion.
    """
    rule: ChampionRule = run.store.config.champion
    if not payload.models or LEADERBOARD not in run.pipeline.all_outputs():
        return None

    if LEADERBOARD in run.plan.outdated:
        return Outcome(OUTDATED.format(name_some(run.plan.culprits)))
    candidates = find_candidates(payload.models, run.catalog, rule.metric)
    if not candidates:
        score = f"score '{rule.metric}'" if rule.metric else "score"
        reason = f"no model of this run has a finite {score}"
        return Outcome(f"The champion stays as before: {reason}.")
    champion = current_champion(client, package_name())
    table = _data_of(run.catalog).table
    apart = why_apart(run, {"params:data", table}, table, champion)
    if apart:
        return stay_apart(champion, apart, payload.headline)
    candidate = find_best(candidates, run)
    if champion is None and not candidate.beats_baseline:
        return Outcome(NO_CHAMPION.format(candidate.model.name, candidate.shown))
    return _promote_model(run, payload, client, candidate, rule.margin)


def find_candidates(
    models: Sequence[ModelPayload], catalog: DataCatalog, metric: str | None
) -> list[tuple[ModelPayload, str]]:
    """Return the models of the leaderboard that have a score.

    Args:
        models: What became of each model of the run.
        catalog: Catalog with the leaderboard and the folds.
        metric: Name of the score; None for the first one of the leaderboard.

    Returns:
        The models that have finished with a finite score, the best one first and equals
        in the order of the leaderboard, each with the name of the score.
    """
    leaderboard = catalog[LEADERBOARD].load()
    prefix = _score_prefix(catalog[FOLDS].load())
    scored = [name for name in score_columns(leaderboard) if name.startswith(prefix)]
    if not scored:  # all models have failed, and the baseline, too
        return []
    column = f"{prefix}{metric}" if metric else scored[0]

    finished = {model.name: model for model in models if model.status == "FINISHED"}
    candidates = []
    for name in leaderboard["model"]:
        score = finished[name].metrics.get(column) if name in finished else None
        if score is not None and math.isfinite(score):
            candidates.append(finished[name])
    candidates.sort(key=lambda model: model.metrics[column], reverse=True)
    return [(model, column.removeprefix(prefix)) for model in candidates]


def _score_prefix(folds: pd.DataFrame) -> str:
    """Return how the columns of the scores begin that decide."""
    return "validation_" if fold_pairs(folds) else "test_"


def find_best(candidates: Sequence[tuple[ModelPayload, str]], run: Run) -> Candidate:
    """Return the first candidate that beats the baseline by more than chance.

    Args:
        candidates: From ``find_candidates``, at least one.
        run: The run, whose catalog has the parameters, the split and the models.

    Returns:
        The candidate; the first of all if none beats the baseline.
    """
    catalog = run.catalog
    split = Split(
        X_train=catalog[X_TRAIN].load(),
        y_train=catalog[Y_TRAIN].load().iloc[:, 0],
        X_test=catalog[X_TEST].load(),
        y_test=catalog[Y_TEST].load().iloc[:, 0],
        folds=catalog[FOLDS].load(),
    )
    data = _data_of(catalog)
    digests = split_digest(split), table_digest(split, data)
    leaderboard, prefix = catalog[LEADERBOARD].load(), _score_prefix(split.folds)
    models = [model for model, _ in candidates]
    baseline_scores = None
    for model, metric in candidates:
        made = _make_candidate(model, metric, run, split, digests)
        score = made.recipe.score(metric)
        shown = describe_score(leaderboard, f"{prefix}{metric}", score)
        candidate = replace(made, models=models, shown=shown)
        if baseline_scores is None:
            first, baseline_scores = candidate, _score_baseline(candidate)
        scores = candidate.recipe.scores[metric]
        rows = len(split.y_test)
        if not baseline_scores or is_better(scores, baseline_scores, split.folds, rows):
            return candidate
    return replace(first, beats_baseline=False)


def _data_of(catalog: DataCatalog) -> DataSpec:
    """Return what the parameters say of the data."""
    return DataSpec.model_validate(catalog["parameters"].load()["data"])


def _make_candidate(
    model: ModelPayload,
    metric: str,
    run: Run,
    split: Split,
    digests: tuple[str, str],
) -> Candidate:
    """Return a model with its recipe."""
    catalog = run.catalog
    parameters = catalog["parameters"].load()
    data = _data_of(catalog)
    entry = recipe_entry(model.spec)
    fitted_model_name = dataset_name(model.namespace, FITTED_MODEL)
    fit_digest = _digest_of_fitting(run, fitted_model_name)
    recipe = Recipe(
        model=entry,
        data=data,
        comparison=ComparisonSpec.model_validate(parameters["comparison"]),
        random_state=parameters["random_state"],
        columns=[*map(str, split.X_train), str(split.y_train.name)],
        split_digest=digests[0],
        scores=catalog[dataset_name(model.namespace, VALIDATION)].load(),
        data_digest=digests[1],
        code_digest=own_code_digest(entry, data, fit_digest),
    )
    if not recipe.scores:
        fitted_model = catalog[fitted_model_name].load()
        scorer = scorer_of(recipe, metric, split.y_train)
        X_test, y_test = split.X_test, split.y_test
        score, scores = score_resamples(fitted_model, scorer, X_test, y_test)
        update = {"scores": {metric: scores}, "test_scores": {metric: score}}
        recipe = recipe.model_copy(update=update)
    return Candidate(model, recipe, metric, split, fit_digest)


def _digest_of_fitting(run: Run, fitted_model: str) -> str:
    """Return the digest of the code of the node that fits a model.

    A run of some nodes may lack it.
    """
    for nodes in chain([run.pipeline.nodes], registered_nodes(run.params)):
        for node in nodes:
            if fitted_model in node.outputs:
                return code_digest(node)
    return ""


def _score_baseline(candidate: Candidate) -> list[float]:
    """Return the baseline's scores on a candidate's rows; empty if there are none."""
    recipe, metric, split = candidate.recipe, candidate.metric, candidate.split
    comparison = recipe.comparison.model_copy(update={"scoring": [metric]})
    estimator = build_estimator(recipe.model, recipe.random_state)
    is_classification = task_of(estimator) != "regression"
    try:
        model = find_baseline(recipe.data, comparison, split.y_train, is_classification)
        # Features that are ignored need no encoding.
        data = recipe.data.model_copy(update={"encode": "none"})
        baseline = recipe.model_copy(update={"model": model, "data": data})
        scores = score_again(baseline, recipe, metric, split).scores[metric]
        y_train, y_test, folds = split.y_train, split.y_test, split.folds
        return level_with_chance(metric, scores, data, y_train, y_test, folds)
    except Exception as error:  # A score it cannot have does not hold models back.
        logger.warning("No baseline: %s", one_line(error), extra=VERBATIM)
        return []


def _promote_model(
    run: Run,
    payload: Payload,
    client: MlflowClient,
    candidate: Candidate,
    margin: float,
) -> Outcome:
    """Compare the best model of a run with the champion; log the files of the winner.

    Those of the champion, too, if they were fitted to other data or by other code.
    """

    def register(refit: Candidate | None) -> str:
        return _register_model(run, payload, client, refit or candidate)

    return set_champion(
        client,
        package_name(),
        candidate.model.name,
        partial(compare, candidate, margin=margin),
        register,
        candidate.shown,
    )


def _fitted_model(run: Run, candidate: Candidate) -> Any:
    """Return a model that the run has fitted, or fit that of a champion here."""
    if candidate.model.namespace:
        return run.catalog[dataset_name(candidate.model.namespace, FITTED_MODEL)].load()
    recipe = candidate.recipe
    rows = candidate.split.X_train, candidate.split.y_train
    estimator: Any = build_model(recipe.model, recipe.data, *rows, recipe.random_state)
    return estimator.fit(*rows)


def _register_model(
    run: Run,
    payload: Payload,
    client: MlflowClient,
    candidate: Candidate,
) -> str:
    """Log the files of a model to its run, and register them; return the version."""
    model, recipe = candidate.model, candidate.recipe
    fitted_model = _fitted_model(run, candidate)
    find_child_run(client, run.mlflow.experiment_id, model, payload)

    client.log_text(model.id, recipe.model_dump_json(by_alias=True), RECIPE_FILE)
    split = candidate.split
    positive_label = find_positive_label(split.y_train, recipe.data.positive_label)
    data = recipe.data
    left_out = [*data.drop, *filter(None, [data.group_column])]
    try:
        with mlflow.start_run(model.id, nested=True):
            info = log_model(
                fitted_model, split.X_test, positive_label, left_out, model.name
            )
    finally:  # logging opened the run again, and an error would end it as failed
        client.set_terminated(model.id, model.status, model.end)

    facts = {
        "model": model.name,
        "metric": candidate.metric,
        "score": f"{recipe.score(candidate.metric):.6g}",
        "folds": str(len(fold_pairs(candidate.split.folds))),
        "split_digest": recipe.split_digest,
        "data_digest": recipe.data_digest,
        "columns": ", ".join(recipe.columns)[:MAX_LENGTH],
    }
    facts |= identity_of(run, recipe.data.table)
    return register_version(client, package_name(), info, model.id, facts)
