"""A study: looks for the arguments of a model that do best in cross-validation.

Trials are kept in a database, so that a study goes on where it stopped, and several
processes can work on one. Optuna is imported where it is used.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

from kedro_dynamic.config.errors import VERBATIM, ConfigurationError, one_line, redact
from kedro_dynamic.config.schema import (
    ComparisonSpec,
    DataSpec,
    Dimension,
    ModelSpec,
    Schema,
)
from kedro_dynamic.models.scoring import cross_validate_model
from kedro_dynamic.registry.config_loader import project_path

logger = logging.getLogger(__name__)


SQLITE = "sqlite:///"


class TuningSpec(Schema):
    """How models are tuned."""

    trials: int = Field(default=20, gt=0)
    """Of a model on a data set; those of earlier runs count."""

    timeout: float = Field(default=600, gt=0)
    """Seconds for them, in one run."""

    folds: int = Field(default=5, ge=2)

    storage: str = f"{SQLITE}data/06_models/studies.db"
    """Address of a database, as SQLAlchemy writes it; a file's is of the project."""


def tune_model(
    model: ModelSpec,
    data: DataSpec,
    comparison: ComparisonSpec,
    tuning: TuningSpec,
    X_train: pd.DataFrame,
    y_train: pd.DataFrame,
    random_state: int,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Look for better arguments within a model's ``search_space``: a node's function.

    Returns:
        The best model found, as an entry for ``parameters.yml``; and a row per trial,
        the first being the model as configured, so that what is found is never worse on
        the folds of the study. These are others than those of ``comparison``.

    Raises:
        ValueError: If every trial failed.
    """
    folds = comparison.model_copy(update={"folds": tuning.folds})
    seed = (random_state + 1) % 2**32
    X, y = X_train, y_train.iloc[:, 0]
    name = _study_name(model, data, folds, seed, X, y)

    def value(arguments: dict[str, Any]) -> float:
        candidate = model.with_arguments(arguments)
        scores = cross_validate_model(candidate, data, folds, X, y, seed)
        values = next(iter(scores.values()))
        return sum(values) / len(values)

    with _open(tuning.storage, name) as study:
        trials, end = _finished(study), time.monotonic() + tuning.timeout
        before, goal = len(trials), tuning.trials if model.search_space else 1
        while len(trials) < goal and (not trials or time.monotonic() < end):
            _add_trial(study, model, value, seed)
            trials = _finished(study)
    rows = [
        {
            "number": trial.number,
            "state": trial.state.name,
            "value": trial.value,
            "seconds": trial.duration.total_seconds() if trial.duration else None,
            "arguments": trial.user_attrs.get("arguments", {}),
            "error": trial.user_attrs.get("error"),
        }
        for trial in trials[:goal]
    ]
    done = [row for row in rows if row["value"] is not None]
    new = len(trials) - before
    logger.info("Study %s: %d trials, %d new", name, len(rows), new)
    if not done:
        raise ValueError(f"each of {len(rows)} trials failed: {rows[-1]['error']}")
    best = model.with_arguments(max(done, key=lambda row: row["value"])["arguments"])
    entry = {"class": best.class_path, "model_kwargs": best.model_kwargs}
    return entry, rows


def _add_trial(study: Any, model: ModelSpec, value: Any, seed: int) -> None:
    """Run one trial more; one that fails is recorded with its error."""
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    # A seed per trial: a sampler that is made anew would repeat its first choices.
    study.sampler = TPESampler(seed=(seed + len(trials)) % 2**32)
    trial = study.ask()
    try:
        # Not one that a killed process has begun: it has no value to be compared with.
        tried = [one.user_attrs.get("arguments") for one in _finished(study)]
        space = model.search_space if {} in tried else {}
        arguments = {name: _suggest(trial, name, one) for name, one in space.items()}
        trial.set_user_attr("arguments", arguments)
        study.tell(trial, value(arguments))
    except ConfigurationError:
        study.tell(trial, state=TrialState.FAIL)
        raise
    except (Exception, SystemExit) as error:
        trial.set_user_attr("error", one_line(error))
        study.tell(trial, state=TrialState.FAIL)
        logger.warning("A trial failed: %s", error, extra=VERBATIM)


def _suggest(trial: Any, name: str, dimension: Dimension) -> Any:
    """Let a trial choose a value."""
    match dimension:
        case Dimension(integers=(low, high)):
            return trial.suggest_int(name, low, high, log=dimension.log)
        case Dimension(reals=(low, high)):
            return trial.suggest_float(name, low, high, log=dimension.log)
    # As texts, since Optuna's storages take no lists.
    choices = [json.dumps(choice) for choice in dimension.categorical or []]
    return json.loads(trial.suggest_categorical(name, choices))


def _finished(study: Any) -> list[Any]:
    """Return the trials that have ended, well or not; one of a killed process has not.

    That a model's configuration was at fault is no trial of it.
    """
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.value is not None or "error" in trial.user_attrs
    ]


def _study_name(
    model: ModelSpec,
    data: DataSpec,
    folds: ComparisonSpec,
    seed: int,
    X: pd.DataFrame,
    y: "pd.Series[Any]",
) -> str:
    """Return a name that is the same where values of two trials compare."""
    facts = [
        model.model_dump(by_alias=True, exclude={"enabled"}),
        data.encode,
        folds.model_dump(),
        seed,
        list(map(str, X.columns)),
        int(pd.util.hash_pandas_object(X).sum()),
        int(pd.util.hash_pandas_object(y).sum()),
    ]
    text = json.dumps(facts, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{model.class_path.rpartition('.')[2]}.{digest}"


@contextmanager
def _open(address: str, name: str) -> Iterator[Any]:
    """Open a study; on leaving, close its connections, which would stay open else.

    Raises:
        ConfigurationError: If there is no database at this address.
    """
    import optuna
    from filelock import FileLock
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    waiting: dict[str, Any] = {}
    lock: AbstractContextManager[Any] = nullcontext()
    if address.startswith(SQLITE):
        path = Path(project_path(), address.removeprefix(SQLITE))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two processes at once would create the same tables, and wait when they write.
        address, lock = f"{SQLITE}{path.as_posix()}", FileLock(f"{path}.lock")
        waiting = {"connect_args": {"timeout": 60}}
    try:
        with lock:
            try:
                storage = optuna.storages.RDBStorage(address, engine_kwargs=waiting)
            except (SQLAlchemyError, RuntimeError):
                # Workers of other machines may just be creating the tables.
                time.sleep(3)
                storage = optuna.storages.RDBStorage(address, engine_kwargs=waiting)
    except (SQLAlchemyError, ImportError) as error:
        # Not the address: it may hold a password.
        raise ConfigurationError(
            "parameters_benchmark.yml: benchmark.tuning.storage cannot be opened "
            f"({type(error).__name__}: {redact(str(error).splitlines()[0])}); write "
            "the address of a database, such as postgresql://host/studies"
        ) from error
    try:
        yield optuna.create_study(
            storage=storage, study_name=name, direction="maximize", load_if_exists=True
        )
    finally:
        storage.remove_session()
        storage.engine.dispose()
