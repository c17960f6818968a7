"""The champion: the registered version in use, replaced only by a better one."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

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
from kedro_dynamic.tracking.sqlite import store_lock

ALIAS = "champion"


NOT_FOUND = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


# Whether a candidate wins, and why.
Verdict = tuple[bool, str]


def crown(
    client: MlflowClient,
    title: str,
    name: str,
    judge: Callable[[ModelVersion], Verdict],
    register: Callable[[], str],
) -> str:
    """Make a candidate champion if it beats the current one; return a line about it.

    An error of ``judge`` keeps the current one; ``register`` returns the new version.
    """
    while True:
        current, wins, reason = current_champion(client, title), True, "first"
        if current is not None:
            try:
                holder = champion_name(current)
                gone = True, f"promoted: the files of {holder} are gone"
                wins, reason = gone if _gone(client, current) else judge(current)
            except Exception as error:
                failed = f"comparing it with {name} failed: {one_line(error)}"
                wins, reason = False, failed
            if not wins:
                return f"{holder} (kept: {reason})"
        with store_lock(mlflow.get_registry_uri()):
            # Has another run crowned another one meanwhile?
            now = current_champion(client, title)
            if getattr(now, "version", "") == getattr(current, "version", ""):
                client.set_registered_model_alias(title, ALIAS, register())
                return f"{name} ({reason})"


def register_version(
    client: MlflowClient,
    title: str,
    info: ModelInfo,
    run_id: str,
    facts: dict[str, str],
) -> str:
    """Register a logged model, with facts as its tags; return its version."""
    with suppress(MlflowException):  # it exists; if not, the next call says why
        description = f"The best so far is `models:/{title}@{ALIAS}`."
        client.create_registered_model(title, description=description)
    registered = client.create_model_version(
        title,
        info.model_uri,
        run_id,
        tags=facts,
        description="\n".join(f"- {key}: **{one}**" for key, one in facts.items()),
        model_id=info.model_id,
    )
    return str(registered.version)


def current_champion(client: MlflowClient, title: str) -> ModelVersion | None:
    """Return the version that is champion, or None when there is none yet."""
    try:
        return client.get_model_version_by_alias(title, ALIAS)
    except MlflowException as error:
        if error.error_code in NOT_FOUND:
            return None
        raise


def champion_name(champion: ModelVersion) -> str:
    """Return what people call a champion."""
    return str(champion.tags.get("model", f"version {champion.version}"))


def check_inputs(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a pipeline that loads a model from MLflow which does not exist.

    Raises:
        ConfigurationError: Names the model and the command that makes it.
    """
    for name in sorted(pipeline.inputs()):
        dataset = catalog.get(name)
        if not isinstance(dataset, MlflowAbstractModelDataSet):
            continue
        command = read_metadata(catalog, name).registered_by
        try:
            get_model_info(dataset.model_uri)
        except Exception as error:
            problem = f"cannot be read: {one_line(error)}."
            if getattr(error, "error_code", "") in NOT_FOUND:
                problem = f"is not there, or its files are gone; '{command}' makes it."
            raise ConfigurationError(
                f"{name}: {dataset.model_uri} {problem}"
            ) from error


def _gone(client: MlflowClient, champion: ModelVersion) -> bool:
    """Tell whether a version's files were on this machine, and have been deleted."""
    uri = client.get_model_version_download_uri(champion.name, champion.version)
    if not uri.startswith("file:"):
        return False
    return not Path(local_file_uri_to_path(uri)).exists()  # type: ignore[no-untyped-call]
