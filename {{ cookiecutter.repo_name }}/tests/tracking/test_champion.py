"""The rule by which the champion changes, on a registry of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import mlflow
import pandas as pd
import pytest
from kedro.io import DataCatalog
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_iris

from {{ cookiecutter.python_package }}.pipelines.models.nodes import (
    fit_model,
    score_model,
    split_data,
)
from {{ cookiecutter.python_package }}.pipelines.models.specs import ModelSpec
from {{ cookiecutter.python_package }}.tracking.best_model import register_best
from {{ cookiecutter.python_package }}.tracking.champion import (
    ALIAS,
    Candidate,
    crown,
)
from {{ cookiecutter.python_package }}.tracking.config import (
    ChampionConfig,
    TrackingConfig,
    read_config,
)
from {{ cookiecutter.python_package }}.tracking.model_files import serialization
from {{ cookiecutter.python_package }}.tracking.runs import ModelRun
from {{ cookiecutter.python_package }}.tracking.server import store_lock


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    """Return a client of a new store, with a run open."""
    folder = tmp_path_factory.mktemp("store")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.create_experiment("flowers", artifact_location=folder.as_uri())
    mlflow.set_experiment("flowers")
    with mlflow.start_run():
        yield MlflowClient()
    mlflow.set_tracking_uri(before)


@pytest.fixture
def game(client: MlflowClient, request: pytest.FixtureRequest) -> "Game":
    """Return a game for a title of its own."""
    return Game(client, request.node.name)


@dataclass
class Game:
    """Trees of several depths compete to be champion."""

    client: MlflowClient
    title: str

    def play(self, seed: int = 3, margin: float = 0, **depths: int) -> str:
        """Fit a tree of each depth, and let the best one compete."""
        X_train, X_test, y_train, y_test = split_data(
            load_iris(as_frame=True).frame, 0.8, seed, "target"
        )
        catalog = DataCatalog()
        catalog["X_test"], catalog["y_test"] = X_test, y_test
        run = mlflow.active_run()
        assert run
        models = []
        for name, depth in depths.items():
            spec = ModelSpec.model_validate(
                {
                    "class": "sklearn.tree.DecisionTreeClassifier",
                    "model_kwargs": {"max_depth": depth},
                }
            )
            fitted_model = fit_model(spec, X_train, y_train, 3)
            _, metrics = score_model(fitted_model, X_test, y_test)
            catalog[f"models.{name}.fitted_model"] = fitted_model
            child = ModelRun(f"models.{name}", spec, 0, 0, metrics=metrics)
            child.run_id = run.info.run_id
            models.append(child)
        catalog["leaderboard"] = pd.DataFrame({"model": list(depths)})
        config = TrackingConfig.model_validate({"champion": {"margin": margin}})
        return register_best(self.client, self.title, models, config, catalog)

    def champion(self) -> str:
        """Return version and model of the champion."""
        version = self.client.get_model_version_by_alias(self.title, ALIAS)
        return f"{version.version} {version.tags['model']}"


def test_the_first_champion_is_the_best_model(game: Game) -> None:
    assert game.play(stump=1, tree=3) == "tree (first)"
    assert game.champion() == "1 tree"
    loaded = mlflow.pyfunc.load_model(f"models:/{game.title}@champion")
    assert loaded.metadata.signature.outputs
    assert loaded.metadata.flavors["sklearn"]["serialization_format"] == "skops"


def test_an_equal_does_not_replace_the_champion(game: Game) -> None:
    game.play(tree=3)
    assert game.play(same=3).startswith("tree (kept: ")
    assert game.champion() == "1 tree"


def test_a_better_model_does_if_it_beats_the_margin(game: Game) -> None:
    game.play(stump=1)
    assert game.play(margin=0.9, tree=3).startswith("stump (kept: ")
    assert game.play(tree=3).startswith("tree (promoted: ")
    assert game.champion() == "3 tree"


def test_on_other_data_the_champion_is_scored_again(game: Game) -> None:
    game.play(tree=3)
    # Many rows of this test part were training rows of the champion.
    assert game.play(seed=4, stump=1).startswith("tree (kept: ")


def test_of_equals_the_first_of_the_leaderboard_wins(game: Game) -> None:
    assert game.play(b=3, a=3) == "b (first)"


def candidate(client: MlflowClient, title: str, score: float) -> Candidate:
    """Return a new version with a score."""
    with suppress(MlflowException):
        client.create_registered_model(title)
    version = client.create_model_version(title, source="file:///none").version
    return Candidate(title, version, f"of {score}", score, test_data="same")


def promote(client: MlflowClient, one: Candidate) -> str:
    return crown(client, one, ChampionConfig(), score_again=lambda _: 0.0)


def test_a_champion_of_another_run_meanwhile_is_seen(client: MlflowClient) -> None:
    title = "meanwhile"
    others = [candidate(client, title, 0.1), candidate(client, title, 0.9)]
    assert promote(client, others.pop(0)) == "of 0.1 (first)"

    class Slow(MlflowClient):
        """A client after whose first look another run crowns a better model."""

        def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
            found = super().get_model_version_by_alias(name, alias)
            if others:
                other = others.pop()
                client.set_model_version_tag(name, other.version, "model", other.model)
                client.set_model_version_tag(name, other.version, "model_score", "0.9")
                client.set_model_version_tag(name, other.version, "test_data", "same")
                client.set_registered_model_alias(name, alias, other.version)
            return found

    verdict = promote(Slow(), candidate(client, title, 0.5))
    assert verdict == "of 0.9 (kept: 0.500 of of 0.5 does not beat 0.900)"
    assert client.get_model_version_by_alias(title, ALIAS).tags["model"] == "of 0.9"


def test_processes_take_turns_at_a_local_store(client: MlflowClient) -> None:
    title = "turns"
    one = candidate(client, title, 0.1)
    with ThreadPoolExecutor(1) as pool:
        with store_lock(mlflow.get_registry_uri()):
            verdict = pool.submit(promote, client, one)
            with pytest.raises(TimeoutError):
                verdict.result(timeout=0.5)
            assert not client.get_registered_model(title).aliases
        assert verdict.result(timeout=10) == "of 0.1 (first)"


def test_what_skops_cannot_store_is_pickled() -> None:
    assert serialization(lambda: None) == {  # type: ignore[arg-type]
        "serialization_format": "cloudpickle"
    }


def test_off_is_not_false() -> None:
    assert read_config({"on_unreachable": False}).on_unreachable == "off"
