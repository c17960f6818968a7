"""The rule by which the champion changes."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any
from unittest.mock import Mock

import mlflow
import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro_dynamic import (
    ComparisonSpec,
    DataSpec,
    ModelSpec,
    build_model,
    cross_validate_model,
)
from kedro_dynamic.champion import registry as registry_module
from kedro_dynamic.champion.compare import (
    Candidate,
    compare,
    decide_by_chance,
    decide_by_resamples,
)
from kedro_dynamic.champion.promote import find_best, find_candidates
from kedro_dynamic.champion.recipe import (
    RECIPE_FILE,
    Recipe,
    Split,
    own_code_digest,
    split_digest,
    table_digest,
)
from kedro_dynamic.champion.registry import (
    ALIAS,
    Verdict,
    current_champion,
    set_champion,
)
from kedro_dynamic.models.bootstrap import RESAMPLES, score_resamples
from kedro_dynamic.models.scores import make_scorers
from kedro_dynamic.models.significance import chance_margin
from kedro_dynamic.models.split import make_folds
from kedro_dynamic.tracking.payload import ModelPayload
from kedro_dynamic.tracking.sqlite import store_lock
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from sklearn.dummy import DummyClassifier

from library.a_run import make_run
from library.mlflow_store import open_run

SEED = 3
RANDOM = np.random.default_rng(SEED)
SIZE = RANDOM.normal(size=120)
TABLE = pd.DataFrame({"size": SIZE, "other": RANDOM.normal(size=120)})
KIND = pd.Series(np.where(SIZE + RANDOM.normal(scale=0.3, size=120) > 0, "a", "b"))
FOLDS = make_folds(TABLE[:90], KIND[:90], folds=5, random_state=SEED)
SPLIT = Split(TABLE[:90], KIND[:90], TABLE[90:], KIND[90:], FOLDS)
WITHOUT_FOLDS = SPLIT._replace(folds=pd.DataFrame({"fold": [None] * 90}))
SIZES = [(72, 18)] * 5
DATA = DataSpec(target_column="kind")


def spec(depth: int = 3, **kwargs: Any) -> ModelSpec:
    """Return the entry of a tree; one of depth 0 cannot be fitted."""
    return ModelSpec.model_validate(
        {
            "class": "sklearn.tree.DecisionTreeClassifier",
            "model_kwargs": {"max_depth": depth, **kwargs},
        }
    )


def payload_of(namespace: str, entry: ModelSpec) -> ModelPayload:
    """Return what a run says of a model."""
    name = namespace.partition(".")[2]
    return ModelPayload(name=name, start=0, end=0, namespace=namespace, spec=entry)


def candidate(
    name: str, *scores: float, digest: str = "", folds: int = 5, **changes: Any
) -> Candidate:
    """Return a candidate with these scores on today's data, or on other data."""
    entry = changes.get("model", spec())
    data = changes.get("data", DATA)
    recipe = Recipe(
        model=entry,
        data=data,
        comparison=ComparisonSpec(folds=folds),
        random_state=SEED,
        columns=changes.get("columns", ["size", "kind"]),
        split_digest=digest or split_digest(SPLIT),
        scores={"accuracy": list(scores)},
        data_digest=digest or table_digest(SPLIT, DATA),
        code_digest=own_code_digest(entry, data, changes.get("code", "")),
    )
    model = payload_of(f"models.{name}", recipe.model)
    shown = f"accuracy {recipe.score('accuracy'):.3f}"
    return Candidate(model, recipe, "accuracy", SPLIT, changes.get("code", ""), shown)


@dataclass
class Registry:
    """A registered model whose champion candidates may replace."""

    client: MlflowClient
    name: str
    margin: float = 0.0
    files: Path = Path(__file__).parent

    def enter(self, candidate: Candidate, recipe: str = "") -> str:
        """Compare a candidate with the champion; return what is said about it.

        Args:
            candidate: What may become champion.
            recipe: Text that its run has as its recipe, instead of its own.
        """

        def register(refit: Candidate | None) -> str:
            winner = refit or candidate
            run_id = self.client.create_run("1").info.run_id
            text = recipe or winner.recipe.model_dump_json(by_alias=True)
            self.client.log_text(run_id, text, RECIPE_FILE)
            with suppress(MlflowException):
                self.client.create_registered_model(self.name)
            tags = {"model": winner.model.name}
            version = self.client.create_model_version(
                self.name, self.files.as_uri(), run_id, tags=tags
            )
            return str(version.version)

        def compare_with(champion: ModelVersion) -> Verdict:
            return compare(candidate, champion, self.margin)

        name = candidate.model.name
        outcome = set_champion(self.client, self.name, name, compare_with, register)
        return outcome.sentence

    @property
    def champion(self) -> str:
        """Return the name of the champion."""
        version = self.client.get_model_version_by_alias(self.name, ALIAS)
        return str(version.tags["model"])


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    """Return a client of a new store."""
    with open_run(tmp_path_factory.mktemp("store")) as client:
        yield client


@pytest.fixture
def registry(client: MlflowClient, request: pytest.FixtureRequest) -> Registry:
    """Return a registered model that no other test uses."""
    return Registry(client, request.node.name)


LOW, HIGH = (0.80, 0.81, 0.79, 0.80, 0.80), (0.90, 0.91, 0.90, 0.89, 0.90)


def test_the_first_is_champion_until_a_better_one_comes(registry: Registry) -> None:
    assert registry.enter(candidate("old", *LOW)) == "old is the first champion."
    better = candidate("new", *HIGH, model=spec(4))
    assert registry.enter(better).startswith(
        "new replaces old: 0.900 against 0.800, beyond chance (0.0"
    )
    worse = candidate("third", *LOW, model=spec(5))
    assert registry.enter(worse) == ("Keep new: third scored 0.800 against 0.900.")
    assert registry.champion == "new"

    same = payload_of("models.new", spec(4))
    assert registry.enter(replace(worse, models=[worse.model, same])) == (
        "Keep new: third scored 0.800 against 0.900."
    )
    # A model of the run that only has its name has another score.
    named = payload_of("models.new", spec(5))
    assert registry.enter(replace(worse, models=[worse.model, named])) == (
        "Keep new: third scored 0.800 against 0.900 (new of this run differs from it)."
    )


def test_the_same_again_is_kept(registry: Registry) -> None:
    registry.enter(candidate("old", *LOW))
    again = registry.enter(candidate("renamed", *HIGH))
    assert again == "Keep old: the same model on the same data, accuracy 0.900."


def test_a_margin_has_to_be_beaten(registry: Registry) -> None:
    registry.enter(candidate("old", *LOW))
    registry.margin = 0.2
    verdict = registry.enter(candidate("new", *HIGH, model=spec(4)))
    assert (
        verdict == "Keep old: new scored 0.900 against 0.800, within the margin (0.2)."
    )


def test_chance_does_not_make_a_champion(registry: Registry) -> None:
    registry.enter(candidate("old", *LOW))
    lucky = candidate("new", 0.99, 0.81, 0.78, 0.80, 0.80, model=spec(4))
    verdict = registry.enter(lucky)
    assert verdict.startswith("Keep old: new scored 0.836 against 0.800, within chance")
    assert registry.champion == "old"


def test_equal_models_are_hardly_ever_promoted() -> None:
    from sklearn.model_selection import KFold
    from sklearn.tree import DecisionTreeClassifier

    promoted = 0
    for seed in range(100):
        noise = np.random.default_rng(seed)
        X, y = noise.normal(size=(60, 2)), noise.permutation([0, 1] * 30)
        differences = []
        for train, test in KFold(5).split(X):
            right = []
            for random_state in (seed, seed + 1000):
                tree = DecisionTreeClassifier(
                    splitter="random", random_state=random_state
                )
                predicted = tree.fit(X[train], y[train]).predict(X[test])
                right.append(float((predicted == y[test]).mean()))
            differences.append(right[0] - right[1])
        chance = chance_margin(differences, SIZES)
        promoted += decide_by_chance(fmean(differences), 0, 0, chance, "").wins
    assert promoted <= 5


def test_on_other_data_the_champion_is_made_again(registry: Registry) -> None:
    # What its columns were does not count: those of today do.
    data = DataSpec(target_column="kind", drop=["other"])
    gone: dict[str, Any] = {"data": data, "columns": ["petal", "kind"]}
    registry.enter(candidate("old", *[0.1] * 5, digest="other data", **gone))
    X, y = SPLIT.X_train, SPLIT.y_train
    comparison = ComparisonSpec(folds=5)
    scores = cross_validate_model(spec(), DATA, comparison, X, y, FOLDS, SEED)
    mean = np.mean(scores["accuracy"])
    new = candidate("new", *LOW, model=spec(4))
    assert registry.enter(new).startswith(
        "Keep old, registered anew: its data changed; new scored 0.800 against "
        f"{mean:.3f}"
    )
    # Its files are of today now.
    assert registry.champion == "old"
    assert registry.enter(new).startswith("Keep old: new scored 0.800 against")


@pytest.mark.parametrize(
    ("change", "what"),
    [({"digest": "renamed classes"}, "data"), ({"code": "other"}, "code")],
    ids=["data", "code"],
)
def test_the_files_follow_data_and_code(
    registry: Registry, change: dict[str, Any], what: str
) -> None:
    registry.enter(candidate("tree", *HIGH, **change))
    again = candidate("tree", *LOW)
    assert registry.enter(again) == (
        f"Keep tree, registered anew: its {what} changed; the same model, accuracy "
        "0.800."
    )
    assert registry.enter(again) == (
        "Keep tree: the same model on the same data, accuracy 0.800."
    )
    # Also where no model of today is worth registering.
    registry.enter(candidate("tree", *HIGH, **change))
    worse = replace(candidate("bad", *LOW, model=spec(1)), beats_baseline=False)
    assert registry.enter(worse) == (
        f"Keep tree, registered anew: its {what} changed; "
        "no model of this run beats the baseline: bad has accuracy 0.800."
    )


def test_a_table_has_a_digest_of_its_own() -> None:
    rows = pd.concat([SPLIT.X_train, SPLIT.X_test])
    target = pd.concat([SPLIT.y_train, SPLIT.y_test])
    of_today = table_digest(SPLIT, DATA)
    # Another seed splits the same rows otherwise.
    split = Split(rows[30:], target[30:], rows[:30], target[:30], FOLDS)
    assert table_digest(split, DATA) == of_today
    renamed = SPLIT._replace(y_test=SPLIT.y_test.map({"a": "A", "b": "b"}))
    assert table_digest(renamed, DATA) != of_today
    other_unit = SPLIT._replace(X_train=SPLIT.X_train * 2.54)
    assert table_digest(other_unit, DATA) != of_today
    shuffled = SPLIT._replace(y_train=SPLIT.y_train.sample(frac=1, random_state=1))
    assert table_digest(shuffled, DATA) != of_today
    fewer = SPLIT._replace(
        X_train=SPLIT.X_train[["size"]], X_test=SPLIT.X_test[["size"]]
    )
    assert table_digest(fewer, DATA) != of_today
    read = DataSpec(target_column="kind", columns={"size": "category"})
    assert table_digest(SPLIT, read) != of_today


def test_the_digest_of_code_has_classes_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "iris"
    package.mkdir()
    (package / "__init__.py").touch()
    module = package / "trees.py"
    module.write_text("class Tree: pass")
    monkeypatch.syspath_prepend(str(tmp_path))
    model = ModelSpec.model_validate(
        {"class": "sklearn.x.Y", "model_kwargs": {"a": [{"class": "iris.trees.Tree"}]}}
    )
    before = own_code_digest(model, DATA, "")
    module.write_text("class Tree: depth = 1")
    assert own_code_digest(model, DATA, "") != before
    prepared = DataSpec(target_column="kind", prepare="iris.trees.prepare")
    assert own_code_digest(spec(), prepared, "") != own_code_digest(spec(), DATA, "")


def test_arguments_survive_json(registry: Registry) -> None:
    arguments: dict[str, Any] = {
        "class_weight": {0: 1, True: 2, "b": 3},
        "missing_values": math.nan,
    }
    entry = spec(**arguments)
    recipe = candidate("odd", *LOW, model=entry).recipe
    text = recipe.model_dump_json(by_alias=True)
    assert "class_weight" in json.loads(text)["model"]["model_kwargs"]
    read = Recipe.model_validate_json(text)
    weights = {0: 1, True: 2, "b": 3}
    assert read.model.model_kwargs["class_weight"] == weights
    assert math.isnan(read.model.model_kwargs["missing_values"])
    registry.enter(candidate("odd", *LOW, model=entry))
    assert "the same model on the same data" in registry.enter(
        candidate("odd", *LOW, model=entry)
    )


def scored_on_test_rows(
    name: str, split: Split = WITHOUT_FOLDS, **changes: Any
) -> Candidate:
    """Return a tree that is scored on the test rows, without folds."""
    data = DataSpec(target_column="kind")
    entry = spec(**changes)
    model: Any = build_model(entry, data, *SPLIT[:2], SEED)
    fitted_model = model.fit(*SPLIT[:2])
    scorer = make_scorers(["accuracy"])["accuracy"]
    score, scores = score_resamples(fitted_model, scorer, *split[2:4])
    recipe = Recipe(
        model=entry,
        data=data,
        comparison=ComparisonSpec(folds=0),
        random_state=SEED,
        columns=["size", "other", "kind"],
        split_digest=split_digest(split),
        scores={"accuracy": scores},
        test_scores={"accuracy": score},
        data_digest=table_digest(split, data),
        code_digest=own_code_digest(entry, data, ""),
    )
    payload, shown = payload_of(f"models.{name}", entry), f"accuracy {score:.3f}"
    return Candidate(payload, recipe, "accuracy", split, "", shown)


# A tree of one split, which may be on the column that says nothing about the class.
BLIND: dict[str, Any] = {"max_features": 1, "splitter": "random", "max_leaf_nodes": 2}


def test_without_folds_the_test_rows_decide(registry: Registry) -> None:
    registry.enter(scored_on_test_rows("blind", **BLIND))
    better, blind = scored_on_test_rows("tree"), scored_on_test_rows("blind", **BLIND)
    new, old = better.recipe.score("accuracy"), blind.recipe.score("accuracy")
    resampled = better.recipe.scores["accuracy"]
    assert len(resampled) == RESAMPLES
    assert new == pytest.approx(np.mean(resampled), abs=0.02)

    verdict = registry.enter(better)
    beats = f"{new:.3f} against {old:.3f}, beyond chance (0."
    assert verdict.startswith(f"tree replaces blind: {beats}")
    assert registry.enter(blind).startswith("Keep tree: ")
    again = f"the same model on the same data, accuracy {new:.3f}"
    assert registry.enter(better) == f"Keep tree: {again}."


def test_without_folds_a_champion_of_other_data_is_fitted_again(
    registry: Registry,
) -> None:
    old = scored_on_test_rows("old")
    wrong = {"scores": {"accuracy": [0.1] * 50}, "split_digest": "other data"}
    recipe = old.recipe.model_copy(update={**wrong, "test_scores": {"accuracy": 0.1}})
    registry.enter(replace(old, recipe=recipe, split=WITHOUT_FOLDS))
    score = old.recipe.score("accuracy")
    # It makes the same predictions, so they are equal on each resample.
    verdict = registry.enter(scored_on_test_rows("equal", min_samples_leaf=1))
    assert verdict == (
        f"Keep old: equal scored {score:.3f} against {score:.3f}, the same."
    )


@pytest.mark.parametrize(
    "rows", [SPLIT.y_test == "a", SPLIT.y_test.index == 90], ids=["class", "row"]
)
def test_a_test_set_of_one_class_or_row_never_promotes(
    registry: Registry, rows: Any
) -> None:
    split = WITHOUT_FOLDS._replace(X_test=SPLIT.X_test[rows], y_test=SPLIT.y_test[rows])
    registry.enter(scored_on_test_rows("blind", split=split, **BLIND))
    verdict = registry.enter(scored_on_test_rows("tree", split=split))
    reason = "tree cannot be compared: the test set has one row or one class"
    assert verdict == f"Keep blind: {reason}."


def test_a_score_that_is_not_a_number_never_wins() -> None:
    for differences in ([math.nan] * 5, [0.1, 0.1, math.nan]):
        chance = chance_margin(differences, SIZES)
        assert not decide_by_chance(math.nan, 0.5, 0, chance, "x").wins


@pytest.mark.parametrize("name", ["old", "new"])
def test_nothing_is_promoted_by_a_score_that_is_not_finite(
    registry: Registry, name: str
) -> None:
    scores = {"old": LOW, "new": HIGH} | {name: (math.nan, *HIGH[1:])}
    registry.enter(candidate("old", *scores["old"]))
    verdict = registry.enter(candidate("new", *scores["new"], model=spec(4)))
    reason = f"new cannot be compared: the score of {name} is not a finite number"
    assert verdict == f"Keep old: {reason}."


def test_few_rows_without_variance_promote_nothing() -> None:
    reason = "new cannot be compared: fewer than 20 rows differ by the same everywhere"
    chance = chance_margin([1.0] * 5, [(12, 3)] * 5)
    of_folds = decide_by_chance(1, 0, 0, chance, "new")
    assert of_folds == Verdict(False, reason)
    y_test = pd.Series(["a", "b"] * 2)
    of_rows = decide_by_resamples([1.0] * 200, 1, 0, 0, "new", y_test)
    assert of_rows == Verdict(False, reason)
    chance = chance_margin([1.0] * 5, SIZES)
    assert decide_by_chance(1, 0, 0, chance, "new").wins


def test_a_champion_whose_run_is_gone_is_replaced(registry: Registry) -> None:
    registry.enter(candidate("old", *HIGH))
    champion = current_champion(registry.client, registry.name)
    assert champion
    # As `mlflow gc` leaves it: the version without its run.
    delete_run_for_good(str(champion.run_id))
    worse = candidate("bad", *LOW)
    kept = registry.enter(replace(worse, beats_baseline=False))
    assert kept == (
        "Keep old: no model of this run beats the baseline: bad has accuracy 0.800."
    )
    assert registry.enter(worse) == (
        "bad replaces old: accuracy 0.800; the run of old is gone from MLflow."
    )


def delete_run_for_good(run_id: str) -> None:
    """Delete a run as `mlflow gc` does."""
    from mlflow.tracking._tracking_service.utils import _get_store

    _get_store()._hard_delete_run(run_id)


@pytest.mark.parametrize(
    "unfit",
    [
        {"model": spec(0)},
        {"model": ModelSpec.model_validate({"class": "sklearn.linear_model.Ridge"})},
    ],
    ids=["no fold can be fitted", "a regressor where there are classes"],
)
def test_a_champion_that_cannot_be_fitted_is_replaced(
    registry: Registry, unfit: dict[str, Any]
) -> None:
    registry.enter(candidate("old", *HIGH, digest="other data", **unfit))
    verdict = registry.enter(candidate("new", *LOW))
    assert re.match(
        r"new replaces old: accuracy 0\.\d+; old cannot be fitted to this data: ",
        verdict,
    )
    assert "parameters.yml has a problem" not in verdict


@pytest.mark.parametrize(
    "recipe",
    [
        "no recipe",
        candidate("x", *LOW, digest="other data")
        .recipe.model_dump_json(by_alias=True)
        .replace("sklearn.tree", "sklearn.gone"),
        candidate(
            "x", *LOW, digest="other data", model=spec(min_samples_leafs=1)
        ).recipe.model_dump_json(by_alias=True),
    ],
    ids=["a file", "an import", "an argument"],
)
def test_an_error_while_comparing_keeps_the_champion(
    registry: Registry, recipe: str
) -> None:
    registry.enter(candidate("old", *LOW), recipe)
    verdict = registry.enter(candidate("new", *HIGH, model=spec(4)))
    assert verdict.startswith("Keep old: comparing it with new failed: ")
    assert registry.champion == "old"


def test_a_champion_whose_files_are_gone_is_replaced(registry: Registry) -> None:
    registry.files = Path("/not/here")
    registry.enter(candidate("old", *HIGH))
    # Its recipe is still there.
    verdict = registry.enter(candidate("new", *LOW, model=spec(4)))
    assert verdict == "new replaces old: the files of old are gone."


def test_a_champion_of_another_run_meanwhile_is_seen(registry: Registry) -> None:
    registry.enter(candidate("slow", *LOW))
    waiting = [candidate("other", *HIGH, model=spec(4))]

    class Slow(MlflowClient):
        """A client after whose first look another run sets a better champion."""

        def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
            found = super().get_model_version_by_alias(name, alias)
            if waiting:
                registry.client = MlflowClient()
                registry.enter(waiting.pop())
            return found

    registry.client = Slow()
    verdict = registry.enter(
        candidate("late", *(score + 0.08 for score in LOW), model=spec(5))
    )
    assert verdict.startswith("Keep other: ")


def test_processes_take_turns_at_a_local_store(registry: Registry) -> None:
    with ThreadPoolExecutor(1) as pool:
        with store_lock(mlflow.get_registry_uri()):
            verdict = pool.submit(registry.enter, candidate("old", *LOW))
            with pytest.raises(TimeoutError):
                verdict.result(timeout=0.3)
            assert current_champion(registry.client, registry.name) is None
        assert verdict.result(timeout=10) == "old is the first champion."


@pytest.mark.parametrize(
    ("metric", "folds", "best"),
    [(None, 5, "b"), ("f1", 5, "a"), (None, 0, "a"), ("r2", 5, None)],
)
def test_the_best_of_the_leaderboard_by_the_score_that_decides(
    metric: str | None, folds: int, best: str | None
) -> None:
    rows: list[dict[str, Any]] = [
        {"model": "nan", "validation_accuracy": math.nan, "validation_f1": math.nan},
        {"model": "failed", "validation_accuracy": 1.0, "validation_f1": 1.0},
        {"model": "b", "validation_accuracy": 0.9, "validation_f1": 0.5},
        {"model": "a", "validation_accuracy": 0.9, "validation_f1": 0.6},
        {"model": "baseline", "validation_accuracy": 1.0, "validation_f1": 1.0},
    ]
    tests = {"b": 0.7, "a": 0.8}
    for row in rows:
        row["test_accuracy"] = tests.get(str(row["model"]), math.nan)
    models = []
    catalog = DataCatalog()
    for row in rows[:-1]:
        name = str(row["model"])
        model = payload_of(f"models.{name}", spec())
        model.metrics = {key: row[key] for key in row if key != "model"}
        model.status = "FAILED" if name == "failed" else "FINISHED"
        models.append(model)
    models.append(payload_of("benchmark.wine.b", spec()))
    catalog["leaderboard"] = pd.DataFrame(rows)
    catalog["folds"] = (SPLIT if folds else WITHOUT_FOLDS).folds
    found = find_candidates(models, catalog, metric)
    names = {name for _, name in found}
    assert names == ({metric or "accuracy"} if best else set())
    assert (found[0][0].name if found else None) == best


def test_nothing_has_a_score_if_the_baseline_has_failed_too() -> None:
    catalog = DataCatalog()
    catalog["leaderboard"] = pd.DataFrame({"model": ["a", "baseline"], "error": "no"})
    catalog["folds"] = SPLIT.folds
    assert find_candidates([], catalog, None) == []


@pytest.mark.parametrize("folds", [5, 0])
def test_only_a_model_that_beats_the_baseline_can_be_champion(
    folds: int, tmp_path: Path
) -> None:
    split = SPLIT if folds else WITHOUT_FOLDS
    catalog = DataCatalog()
    for name, part in split._asdict().items():
        catalog[name] = part.to_frame("kind") if isinstance(part, pd.Series) else part
    catalog["parameters"] = {
        "data": {"target_column": "kind"},
        "comparison": {"folds": folds},
        "random_state": SEED,
    }
    catalog["leaderboard"] = pd.DataFrame({"model": [*"ab"]})
    fitted_models: dict[str, Any] = {
        "dummy": DummyClassifier(),
        "tree": build_model(spec(), DataSpec(target_column="kind"), *SPLIT[:2], SEED),
    }
    validation = {
        "dummy": {"accuracy": [0.5, 0.6, 0.5, 0.5, 0.5]},
        "tree": {"accuracy": list(HIGH)},
    }
    for name, model in fitted_models.items():
        catalog[f"models.{name}.fitted_model"] = model.fit(*SPLIT[:2])
        catalog[f"models.{name}.validation"] = validation[name] if folds else {}
    dummy, tree = (
        (payload_of(f"models.{name}", spec()), "accuracy") for name in fitted_models
    )
    run = make_run(Pipeline([]), catalog, tmp_path)
    assert not find_best([dummy], run).beats_baseline
    found = find_best([dummy, tree], run)
    assert (found.model.name, found.beats_baseline) == ("tree", True)
    assert len(found.recipe.scores["accuracy"]) == (folds or RESAMPLES)
    if not folds:
        predicted = fitted_models["tree"].predict(SPLIT.X_test)
        right = (SPLIT.y_test == predicted).mean()
        assert found.recipe.score("accuracy") == pytest.approx(right)


def test_losses_are_positive_in_what_is_said() -> None:
    rmse = "neg_root_mean_squared_error"
    low, high = -27_922.6, -20_000.4
    verdict = decide_by_chance(high, low, 0, 0, "x", rmse)
    beats = "RMSE 20,000 against 27,923, beyond chance (0.000)"
    assert verdict == Verdict(True, beats)
    verdict = decide_by_chance(low, high, 0, 0, "x", rmse)
    assert verdict.reason == "x scored RMSE 27,923 against 20,000"


def test_keeping_a_champion_imports_nothing_large(registry: Registry) -> None:
    registry.enter(candidate("old", *HIGH))
    loaded = {name for name in sys.modules if name.startswith("skops")}
    registry.enter(candidate("new", *LOW, model=spec(4)))
    assert {name for name in sys.modules if name.startswith("skops")} == loaded


def test_only_files_of_this_machine_can_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_path = registry_module.local_file_uri_to_path

    def as_on_windows(uri: str) -> str:
        if not uri.startswith("file:"):
            raise OSError(f"Bad URL: {uri}")
        return str(to_path(uri))

    monkeypatch.setattr(registry_module, "local_file_uri_to_path", as_on_windows)
    addresses = ["s3://bucket/model", tmp_path.as_uri(), f"{tmp_path.as_uri()}/no"]
    client = Mock()
    client.get_model_version_download_uri.side_effect = addresses
    deleted = [registry_module._files_are_deleted(client, Mock()) for _ in addresses]
    assert deleted == [False, False, True]
