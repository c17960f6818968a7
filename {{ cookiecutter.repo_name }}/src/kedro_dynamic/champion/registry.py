"""The champion in MLflow's model registry: the version with the alias ``champion``."""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

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
from mlflow.models.model import ModelInfo
from mlflow.utils.file_utils import local_file_uri_to_path

from kedro_dynamic.catalog.metadata import read_metadata
from kedro_dynamic.config.errors import ConfigurationError, one_line
from kedro_dynamic.serving.answers import registered_version
from kedro_dynamic.tracking.sqlite import store_lock

ALIAS = "champion"

logger = logging.getLogger(__name__)

# How stores answer when a version, an alias or a registered model does not exist.
NOT_FOUND = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


class Verdict(NamedTuple):
    """Whether a candidate replaces the champion, and why."""

    wins: bool
    reason: str
    refit: Any = None
    """If the champion stays and its files are outdated: the same model, as a
    ``Candidate``, to be fitted today."""

    champion: str = ""
    """If the champion stays and is a model of the run: the name of that model."""


class Outcome(NamedTuple):
    """What a run means: who is champion, and a sentence that says why.

    The console, the report and MLflow all show this sentence.
    """

    sentence: str
    champion: str = ""
    """Name of the run's model that is champion; "" if none is."""


def set_champion(
    client: MlflowClient,
    registered_name: str,
    candidate_name: str,
    compare: Callable[[ModelVersion], Verdict],
    register: Callable[[Any], str],
    score: str = "",
) -> Outcome:
    """Make a candidate champion if there is none yet or if it beats the current one.

    Args:
        client: Client of the store.
        registered_name: Name of the registered model.
        candidate_name: What people call the candidate.
        compare: Compares the candidate with a champion. An error keeps the champion.
        register: Registers the candidate, or what a verdict has as ``refit``; returns
            the version.
        score: The score of the candidate, for the sentence about a first champion.

    Returns:
        The champion, and why it is champion.
    """
    while True:
        champion = current_champion(client, registered_name)

        if champion is None:
            verdict = Verdict(True, score)
        else:
            verdict = _compare(client, champion, candidate_name, compare)
            if not verdict.wins and verdict.refit is None:
                name = champion_name(champion)
                return Outcome(f"Keep {name}: {verdict.reason}.", verdict.champion)

        # Comparing may take minutes: other runs wait only while one registers.
        with store_lock(mlflow.get_registry_uri()):
            latest = current_champion(client, registered_name)
            if _version(latest) == _version(champion):
                version = register(verdict.refit)
                client.set_registered_model_alias(registered_name, ALIAS, version)
                return _describe(champion, candidate_name, verdict)

        # Another run has changed the champion meanwhile: compare with the new one.


def _describe(
    champion: ModelVersion | None, candidate_name: str, verdict: Verdict
) -> Outcome:
    """Return the outcome of registering a version."""
    if champion is None:
        first = f"{candidate_name} is the first champion"
        reason = f": {verdict.reason}" if verdict.reason else ""
        return Outcome(f"{first}{reason}.", candidate_name)
    name = champion_name(champion)
    if verdict.wins:
        replaced = f"{candidate_name} replaces {name}"
        return Outcome(f"{replaced}: {verdict.reason}.", candidate_name)
    kept = f"Keep {name}, registered anew: {verdict.reason}."
    return Outcome(kept, verdict.champion)


def stay_apart(
    champion: ModelVersion | None, reason: str, headline: str = ""
) -> Outcome:
    """Return what it means that a run does not compete with a champion.

    No model of the run is called champion, also if one has the champion's name.

    Args:
        champion: The champion, if there is one.
        reason: Why the run does not compete.
        headline: What the run means apart from that.
    """
    stays = "The champion stays as before" if champion else "No champion is set"
    return Outcome(f"{headline} {stays}: {reason}.".strip())


def _compare(
    client: MlflowClient,
    champion: ModelVersion,
    candidate_name: str,
    compare: Callable[[ModelVersion], Verdict],
) -> Verdict:
    """Compare a candidate with the champion; an error keeps the champion."""
    try:
        if _files_are_deleted(client, champion):
            return Verdict(True, f"the files of {champion_name(champion)} are gone")
        return compare(champion)
    except Exception as error:
        failed = f"comparing it with {candidate_name} failed: {one_line(error)}"
        return Verdict(False, failed)


def _version(champion: ModelVersion | None) -> str:
    """Return the version of a champion; "" if there is none."""
    return "" if champion is None else str(champion.version)


def register_version(
    client: MlflowClient,
    registered_name: str,
    info: ModelInfo,
    run_id: str,
    facts: dict[str, str],
) -> str:
    """Register a logged model and return its version.

    Args:
        client: Client of the store.
        registered_name: Name of the registered model, which is created if needed.
        info: What MLflow returned when the model was logged.
        run_id: The run that the model was logged to.
        facts: Tags of the version, which its description lists too.
    """
    # If it fails for another reason than that it exists, the next call says why.
    with suppress(MlflowException):
        description = f"The best so far is `models:/{registered_name}@{ALIAS}`."
        client.create_registered_model(registered_name, description=description)

    lines = [f"- {key}: **{value}**" for key, value in facts.items()]
    version = client.create_model_version(
        registered_name,
        info.model_uri,
        run_id,
        tags=facts,
        description="\n".join(lines),
        model_id=info.model_id,
    )
    return str(version.version)


def make_champion(model: Any, registered_name: str) -> None:
    """Make a logged model champion, whatever the present one is.

    Args:
        model: The model, as MLflow's flavor ``pyfunc`` loads it.
        registered_name: Name of the registered model.
    """
    client = MlflowClient()
    info = get_model_info(f"models:/{model.metadata.model_id}")
    with store_lock(mlflow.get_registry_uri()):
        name, _, version = registered_version(model).rpartition(" ")
        if name != registered_name:
            facts = {"promoted": "by hand"}
            run_id = model.metadata.run_id
            version = register_version(client, registered_name, info, run_id, facts)
        client.set_registered_model_alias(registered_name, ALIAS, version)
    logger.info("Version %s of %s is the champion", version, registered_name)


def current_champion(client: MlflowClient, registered_name: str) -> ModelVersion | None:
    """Return the version that is champion, or None if there is none yet."""
    try:
        return client.get_model_version_by_alias(registered_name, ALIAS)
    except MlflowException as error:
        if error.error_code in NOT_FOUND:
            return None
        raise


def champion_name(champion: ModelVersion) -> str:
    """Return what people call a champion: its model's name, or else its version."""
    return str(champion.tags.get("model", f"version {champion.version}"))


def check_inputs(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Reject a pipeline that loads a model from MLflow which does not exist.

    Raises:
        ConfigurationError: If a model cannot be read; names the model and the command
            that makes it.
    """
    for name in sorted(pipeline.inputs()):
        dataset = catalog.get(name)
        if not isinstance(dataset, MlflowAbstractModelDataSet):
            continue
        try:
            get_model_info(dataset.model_uri)
        except Exception as error:
            problem = f"cannot be read: {one_line(error)}."
            if getattr(error, "error_code", "") in NOT_FOUND:
                command = read_metadata(catalog, name).registered_by
                problem = (
                    f"does not exist, or its files are gone; '{command}' makes it."
                )
            message = f"{name}: {dataset.model_uri} {problem}"
            raise ConfigurationError(message) from error


def _files_are_deleted(client: MlflowClient, champion: ModelVersion) -> bool:
    """Return True if the files of a version were on this machine and are deleted."""
    uri = client.get_model_version_download_uri(champion.name, champion.version)
    if not uri.startswith("file:"):
        return False
    return not Path(local_file_uri_to_path(uri)).exists()  # type: ignore[no-untyped-call]
