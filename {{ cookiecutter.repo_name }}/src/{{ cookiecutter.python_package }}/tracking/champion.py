"""The champion: the registered version in use, replaced only by a better one."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import mlflow
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro_mlflow.io.models.mlflow_abstract_model_dataset import (
    MlflowAbstractModelDataSet,
)
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import get_model_info

from ..errors import VERBATIM, ConfigurationError
from .config import ChampionConfig
from .server import store_lock

logger = logging.getLogger(__name__)

ALIAS = "champion"
NOT_FOUND = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


@dataclass(frozen=True)
class Candidate:
    """A version that has just been registered."""

    name: str
    """Name it is registered under."""

    version: str
    model: str
    """What people call the model."""

    score: float
    """Value of the metric that decides; higher is better."""

    test_data: str
    """Digest of the data it was scored on, from ``data_digest``."""


def crown(
    client: MlflowClient,
    candidate: Candidate,
    rule: ChampionConfig,
    score_again: Callable[[ModelVersion], float],
) -> str:
    """Make a candidate champion if it beats the current one.

    Runs that end at once take turns, so that the better one remains.

    Args:
        client: Of the registry.
        candidate: The new version.
        rule: By which metric and by how much it must win.
        score_again: Scores a version on the test data of this run. Scores on different
            data do not compare, so the champion is scored again where the recorded
            value is of other data.

    Returns:
        One line for people: which model is champion, and why.
    """
    facts = {
        "model": candidate.model,
        rule.metric: candidate.score,
        "test_data": candidate.test_data,
    }
    for key, value in facts.items():
        client.set_model_version_tag(candidate.name, candidate.version, key, str(value))
    with store_lock(mlflow.get_registry_uri()):
        while True:
            current = current_champion(client, candidate.name)
            wins, verdict = _judge(current, candidate, rule, score_again)
            if not wins:
                return verdict
            # Where no lock keeps other machines out: has one crowned another meanwhile?
            latest = current_champion(client, candidate.name)
            if _version(latest) == _version(current):
                break
        client.set_registered_model_alias(candidate.name, ALIAS, candidate.version)
    return verdict


def current_champion(client: MlflowClient, name: str) -> ModelVersion | None:
    """Return the version that is champion, or None when there is none yet."""
    try:
        return client.get_model_version_by_alias(name, ALIAS)
    except MlflowException as error:
        if error.error_code in NOT_FOUND:
            return None
        raise


def check_models(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a pipeline that loads a model from MLflow which does not exist.

    Raises:
        ConfigurationError: Names the model and the command that makes it.
    """
    for name in sorted(pipeline.inputs()):
        dataset = catalog.get(name)
        if not isinstance(dataset, MlflowAbstractModelDataSet):
            continue
        try:
            get_model_info(dataset.model_uri)
        except MlflowException as error:
            if error.error_code not in NOT_FOUND:
                raise
            command = (dataset.metadata or {}).get("registered_by", "kedro run")
            raise ConfigurationError(
                f"{name}: {dataset.model_uri} does not exist yet; '{command}' makes it."
            ) from error


def _judge(
    current: ModelVersion | None,
    candidate: Candidate,
    rule: ChampionConfig,
    score_again: Callable[[ModelVersion], float],
) -> tuple[bool, str]:
    """Tell whether a candidate beats the current champion, and say so for people."""
    if current is None:
        return True, f"{candidate.model} (first)"
    to_beat = _score_to_beat(current, candidate, rule.metric, score_again)
    if to_beat is None:
        reason = "the one before does not run on this data"
    elif candidate.score > to_beat + rule.margin:
        reason = f"{candidate.score:.3f} beats {to_beat:.3f}"
    else:
        held_by = current.tags.get("model", f"version {current.version}")
        return False, (
            f"{held_by} (kept: {candidate.score:.3f} of {candidate.model} does not "
            f"beat {to_beat:.3f})"
        )
    return True, f"{candidate.model} (promoted: {reason})"


def _version(champion: ModelVersion | None) -> str | None:
    """Return the version of a champion, if there is one."""
    return str(champion.version) if champion else None


def _score_to_beat(
    champion: ModelVersion,
    candidate: Candidate,
    metric: str,
    score_again: Callable[[ModelVersion], float],
) -> float | None:
    """Return the champion's score on the candidate's test data.

    None if it cannot be scored, for instance because columns have changed.
    """
    tags: Mapping[str, str] = champion.tags
    if tags.get("test_data") == candidate.test_data and metric in tags:
        return float(tags[metric])
    try:
        return score_again(champion)
    except Exception as error:
        logger.info("The champion cannot be scored: %s", error, extra=VERBATIM)
        return None
