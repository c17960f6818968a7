"""Tuning: an Optuna study of the arguments in a model's ``search_space``.

A study sees only the rows that the split keeps for tuning, and no model is validated on
these. So the luck of the best trial is not part of any score on the leaderboard.
Trials are stored in a database, so a study resumes where it stopped, and several
processes can work on one study. Optuna is imported where it is used, as importing it
takes 0.5 s.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from statistics import fmean
from typing import Any

import pandas as pd

from kedro_dynamic.config.addresses import anchor, is_sqlite, sqlite_path
from kedro_dynamic.config.errors import (
    VERBATIM,
    ConfigurationError,
    DataError,
    one_line,
    redact,
)
from kedro_dynamic.config.project import project_path
from kedro_dynamic.config.schema import (
    ComparisonSpec,
    DataSpec,
    Dimension,
    ModelSpec,
    TuningSpec,
)
from kedro_dynamic.config.source import digest_named_code
from kedro_dynamic.models.columns.kinds import readings_of
from kedro_dynamic.models.estimators import build_model
from kedro_dynamic.models.scoring import build_scorers, score_on_folds
from kedro_dynamic.models.split import TUNING, check_length, tuning_pairs, tuning_rows

logger = logging.getLogger(__name__)

# Trials where neither the model nor the benchmark says how many.
DEFAULT_TRIALS = 20


class TrialFailedError(Exception):
    """A model failed in a trial: the study continues with the next trial."""


def tune_model(
    model: ModelSpec,
    tuning: TuningSpec,
    data: DataSpec,
    comparison: ComparisonSpec,
    X_train: pd.DataFrame,
    y_train: pd.DataFrame,
    folds: pd.DataFrame,
    random_state: int,
    columns: pd.DataFrame | None = None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Search a model's ``search_space`` for better arguments, on rows kept for tuning.

    No model is validated on these. The first trial is the model as configured.

    Args:
        model: The model, its ``search_space`` and the number of its ``trials``.
        tuning: Says how long a study may take, and where trials are stored.
        data: Says if features are encoded, and which class is the positive one.
        comparison: Names the score to maximise, its first one.
        X_train: Features, one row per sample.
        y_train: The target, one column, same rows.
        folds: The folds of these rows, which say which of them are for tuning.
        random_state: Seed of the search and of models that take one.
        columns: How each column is read; see ``build_model``.

    Returns:
        The best model found, as an entry for ``parameters.yml``. And one dict per
        finished trial: ``number``, ``state``, ``value`` (mean score over the folds),
        ``seconds``, ``arguments`` and ``error``.

    Raises:
        ConfigurationError: If the database cannot be opened, or no row is for tuning.
        ValueError: If all trials failed.
    """
    X, y, folds = _rows_of_study(X_train, y_train.iloc[:, 0], folds)
    pairs = tuning_pairs(folds)
    name = _study_name(model, data, comparison, random_state, X, y, folds, columns)
    goal = _number_of_trials(model, tuning)

    def mean_score(arguments: dict[str, Any]) -> float:
        candidate = model.with_arguments(arguments)
        estimator = build_model(candidate, data, X, y, random_state, columns)
        # By all training rows: of fewer, the rarer class may be another one.
        scorers = build_scorers(data, comparison, y_train.iloc[:, 0], estimator)
        scores = score_on_folds(estimator, scorers, X, y, pairs)
        return fmean(next(iter(scores.values())))

    with _open_study(tuning.storage, name) as study:
        earlier = len(_finished_trials(study))
        _run_trials(
            study, model.search_space, mean_score, goal, tuning.timeout, random_state
        )
        trials = _finished_trials(study)

    # Processes that share the study may each have added a trial beyond the goal.
    rows = [_trial_row(trial, model.search_space) for trial in trials[:goal]]
    logger.info("Study %s: %d trials, %d new", name, len(rows), len(trials) - earlier)
    return _best_entry(model, rows), rows


def _number_of_trials(model: ModelSpec, tuning: TuningSpec) -> int:
    """Return how many trials a study has; without a search space it is one."""
    if not model.search_space:
        return 1
    return tuning.trials or model.trials or DEFAULT_TRIALS


def _rows_of_study(
    X: pd.DataFrame, y: "pd.Series[Any]", folds: pd.DataFrame
) -> tuple[pd.DataFrame, "pd.Series[Any]", pd.DataFrame]:
    """Return the rows that are kept for tuning: features, target and folds."""
    check_length(folds, X)
    rows = tuning_rows(folds)
    if not len(rows):
        raise DataError(
            f"no row of the table of folds is kept for tuning; write '{TUNING}' into "
            "its column 'fold', or give make_folds 'is_tuned=True'"
        )
    return X.iloc[rows], y.iloc[rows], folds.iloc[rows]


def _run_trials(
    study: Any,
    search_space: dict[str, Dimension],
    mean_score: Callable[[dict[str, Any]], float],
    goal: int,
    timeout: float,
    seed: int,
) -> None:
    """Run trials until the study has as many as its goal, or the time is over."""
    from optuna.samplers import TPESampler
    from optuna.study import MaxTrialsCallback
    from optuna.trial import TrialState

    def run_trial(trial: Any, dimensions: dict[str, Dimension]) -> float:
        # A new sampler repeats its first choices, so with one seed every process would
        # try the same arguments. A trial's number is unique in the study.
        study.sampler = TPESampler(seed=(seed + trial.number) % 2**32)
        try:
            arguments = {
                argument: _suggest(trial, argument, dimension)
                for argument, dimension in dimensions.items()
            }
            trial.set_user_attr("arguments", arguments)
            return mean_score(arguments)
        except ConfigurationError:
            raise  # It ends the run: the next trials would fail for the same reason.
        except (Exception, SystemExit) as error:
            trial.set_user_attr("error", one_line(error))
            logger.warning("A trial failed: %s", error, extra=VERBATIM)
            raise TrialFailedError from error

    deadline = time.monotonic() + timeout
    tried = [trial.user_attrs.get("arguments") for trial in _finished_trials(study)]
    if {} not in tried:
        # Not enqueued: the configured values may lie outside of the search space.
        run_as_configured = partial(run_trial, dimensions={})
        study.optimize(run_as_configured, n_trials=1, catch=TrialFailedError)

    ended_states = (TrialState.COMPLETE, TrialState.FAIL)
    ended = study.get_trials(deepcopy=False, states=ended_states)
    interrupted = [trial for trial in ended if not _is_finished(trial)]
    if len(ended) - len(interrupted) >= goal:
        return

    # n_trials would count the trials of this process only; the callback counts those of
    # all processes. It also counts trials that were interrupted, which Optuna
    # marks as failed.
    limit = goal + len(interrupted)
    study.optimize(
        partial(run_trial, dimensions=search_space),
        timeout=max(0.0, deadline - time.monotonic()),
        callbacks=[MaxTrialsCallback(limit, states=ended_states)],
        catch=TrialFailedError,
    )


def _suggest(trial: Any, argument: str, dimension: Dimension) -> Any:
    """Return the value of an argument that Optuna suggests for a trial."""
    match dimension:
        case Dimension(integers=(low, high)):
            return trial.suggest_int(argument, low, high, log=dimension.log)
        case Dimension(reals=(low, high)):
            return trial.suggest_float(argument, low, high, log=dimension.log)
    choices = _choices_of(dimension)
    return choices[trial.suggest_categorical(argument, list(choices))]


def _choices_of(dimension: Dimension) -> dict[str, Any]:
    """Return choices by their text as JSON, since Optuna's storages take no lists.

    JSON itself would turn the keys of a mapping, such as classes, into texts.
    """
    return {json.dumps(choice): choice for choice in dimension.categorical or []}


def _finished_trials(study: Any) -> list[Any]:
    """Return the finished trials of a study, in the order of their numbers."""
    return [trial for trial in study.get_trials(deepcopy=False) if _is_finished(trial)]


def _is_finished(trial: Any) -> bool:
    """Return True if a trial has a score or an error.

    The trial of a killed process has neither and is running forever. A trial that ended
    with Ctrl-C or a configuration error has failed, but without an error of its own.
    """
    has_result = trial.value is not None or "error" in trial.user_attrs
    return bool(trial.state.is_finished() and has_result)


def _trial_row(trial: Any, search_space: dict[str, Dimension]) -> dict[str, Any]:
    """Return a finished trial as a row of the table of trials."""
    arguments = dict(trial.user_attrs.get("arguments", {}))
    for argument, chosen in trial.params.items():
        choices = _choices_of(search_space[argument])
        if choices:
            arguments[argument] = choices[chosen]
    return {
        "number": trial.number,
        "state": trial.state.name,
        "value": trial.value,
        "seconds": trial.duration.total_seconds() if trial.duration else None,
        "arguments": arguments,
        "error": trial.user_attrs.get("error"),
    }


def _best_entry(model: ModelSpec, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the model with the arguments of the best trial, as an entry."""
    scored = [row for row in rows if row["value"] is not None]
    if not scored:
        last_error = rows[-1]["error"]
        raise ValueError(f"all {len(rows)} trials failed, the last with {last_error}")

    best_row = max(scored, key=lambda row: row["value"])
    best_model = model.with_arguments(best_row["arguments"])
    return {"class": best_model.class_path, "model_kwargs": best_model.model_kwargs}


def _study_name(
    model: ModelSpec,
    data: DataSpec,
    comparison: ComparisonSpec,
    random_state: int,
    X: pd.DataFrame,
    y: "pd.Series[Any]",
    folds: pd.DataFrame,
    columns: pd.DataFrame | None,
) -> str:
    """Return a name shared by exactly the studies whose scores are comparable."""
    facts = [
        model.model_dump(by_alias=True, exclude={"enabled", "trials"}),
        data.model_dump(),
        comparison.scoring,
        random_state,
        list(map(str, X.columns)),
        {} if columns is None else readings_of(columns),
        *(int(pd.util.hash_pandas_object(part).sum()) for part in (X, y, folds)),
    ]
    text = json.dumps(facts, sort_keys=True, default=str)
    # Trials of a class of the project's own are of its code.
    text += digest_named_code(text)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    class_name = model.class_path.rpartition(".")[2]
    return f"{class_name}.{digest}"


@contextmanager
def _open_study(address: str, name: str) -> Iterator[Any]:
    """Open a study, and close the connections to its database afterwards.

    Raises:
        ConfigurationError: If no database is at this address.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        storage = _connect(address)
    except (SQLAlchemyError, ImportError) as error:
        # The message does not quote the address, which may contain a password.
        reason = redact(str(error).splitlines()[0])
        raise ConfigurationError(
            "tuning.storage: the database of the trials cannot be opened "
            f"({type(error).__name__}: {reason}); write the address of a database, "
            "such as postgresql://host/studies"
        ) from error
    try:
        yield optuna.create_study(
            storage=storage, study_name=name, direction="maximize", load_if_exists=True
        )
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _connect(address: str) -> Any:
    """Connect to the database of the trials; create its tables if there are none."""
    from filelock import FileLock
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    engine_kwargs: dict[str, Any] = {}
    lock: AbstractContextManager[Any] = nullcontext()
    if is_sqlite(address):
        address = anchor(address, project_path())
        path = sqlite_path(address)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two processes that start together would both create the tables.
        lock = FileLock(f"{path}.lock")
        # Seconds that a process waits while another one writes.
        engine_kwargs = {"connect_args": {"timeout": 60}}

    with lock:
        try:
            return RDBStorage(address, engine_kwargs=engine_kwargs)
        except (SQLAlchemyError, RuntimeError):
            # A worker on another machine may be creating the tables at this moment.
            time.sleep(3)
            return RDBStorage(address, engine_kwargs=engine_kwargs)
