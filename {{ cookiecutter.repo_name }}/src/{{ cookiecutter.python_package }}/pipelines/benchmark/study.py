"""Runs an Optuna study: resumed where it stopped, by any number of processes.

A study has as many slots as it shall have trials. Whoever adds a trial takes the first
free slot, which also seeds it; that of a killed process is free again. So the table has
exactly one trial per slot, the same ones in one run, in many, or after interruptions.

This module imports Optuna, so it is itself imported only where it is needed.
"""

import hashlib
import json
import logging
import time
import warnings
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from datetime import datetime
from typing import Any

import numpy as np
import optuna
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ...errors import VERBATIM, ConfigurationError
from ..models.digest import data_digest
from ..models.estimators import build_estimator
from ..models.specs import ModelSpec
from .datasets import StudiesPlace
from .search import as_fixed, suggest
from .specs import ADDRESS, FILE
from .validation import Validation, with_parameters

logger = logging.getLogger(__name__)

# A process that is killed leaves a running trial. It is lost once it has given no sign
# of life for the grace period. In seconds.
HEARTBEAT = 5
GRACE_PERIOD = 20

NO_SLOT = -1

# Seconds between two lines of the log about one study.
REPORT_EVERY = 30


def run_study(
    place: StudiesPlace, model: ModelSpec, validation: Validation
) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:
    """Bring a study to its number of trials.

    Args:
        place: Where it is, and what its name begins with.
        model: The model with a ``search_space``.
        validation: Scores parameters, and says how many trials there shall be.

    Returns:
        One row per trial, and the parameters of each by its number, which is its slot.
    """
    # Each trial is in the table, with its error if it has one.
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    # Of the heartbeat. To restore the filters would undo those of another thread.
    warnings.simplefilter("ignore", ExperimentalWarning)
    study = _Study(place, model, validation)
    study.run()
    trials = study.finished()
    rows = [
        {
            "number": _slot(trial),
            "state": trial.state.name,
            "value": trial.value,
            "std": trial.user_attrs.get("std"),
            "seconds": trial.duration.total_seconds() if trial.duration else None,
            "baseline": trial.user_attrs.get("baseline", False),
            "error": trial.user_attrs.get("error"),
            **trial.user_attrs.get("parameters", {}),
        }
        for trial in trials
    ]
    parameters = {
        _slot(trial): dict(trial.user_attrs.get("parameters", {})) for trial in trials
    }
    return rows, parameters


class _Study:
    """A study in its storage, and how it goes on."""

    def __init__(self, place: StudiesPlace, model: ModelSpec, validation: Validation):
        kind = model.class_path.rpartition(".")[2]
        self._name = f"{place.name}.{kind}.{_digest(model, validation)}"
        self._model = model
        self._validation = validation
        self._goal = validation.tuning.trials
        address = validation.tuning.storage or place.address
        # To see how many trials there are and to begin one must not be two steps.
        self._lock = _lock(address)
        self._beginning = ExitStack()
        self._fixed = _fixed_parameters(model, validation.random_state)
        with self._lock:
            self._study = optuna.create_study(
                storage=_open(address),
                study_name=self._name,
                direction="maximize",
                load_if_exists=True,
            )

    def run(self) -> None:
        """Add trials until the goal or the timeout, and wait for other processes."""
        start = reported = time.monotonic()
        before = len(self.finished())
        timeout = self._validation.tuning.timeout or float("inf")
        more = True
        while more:
            while self._add_trial() and time.monotonic() - start < timeout:
                if time.monotonic() - reported > REPORT_EVERY:
                    reported = time.monotonic()
                    self._report("Tuning")
            # What a killed process leaves may be to do again.
            more = self._wait() and time.monotonic() - start < timeout
        done = self.finished()
        self._report(
            "Tuned",
            f", {len(done) - before} of them new, {time.monotonic() - start:.1f} s",
        )
        failed = [trial for trial in done if trial.state == TrialState.FAIL]
        if failed:
            logger.warning(
                "%s: %d of %d trials failed, the last one with %s",
                self._name,
                len(failed),
                len(done),
                failed[-1].user_attrs["error"],
                extra=VERBATIM,
            )

    def finished(self) -> list[FrozenTrial]:
        """Return the trials that have ended, well or not, one per slot, in order."""
        ended = {
            _slot(trial): trial
            for trial in self._trials()
            if trial.state.is_finished() and 0 <= _slot(trial) < self._goal
        }
        return [ended[slot] for slot in sorted(ended)]

    def _trials(self) -> list[FrozenTrial]:
        """Return the trials that hold a slot: begun, and not known to be lost."""
        return [
            trial
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state != TrialState.WAITING
            and not _was_killed(trial)
            and not trial.user_attrs.get("surplus")
        ]

    def _add_trial(self) -> bool:
        """Run a trial, unless no slot is free; tell whether there was one."""
        with ExitStack() as self._beginning:
            self._beginning.enter_context(self._lock)
            taken = set(map(_slot, self._trials()))
            free = next((one for one in range(self._goal) if one not in taken), None)
            if free is None:
                return False
            # A process that was killed here has left a trial to begin.
            if not self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
                self._enqueue(free)
            self._study.optimize(self._objective, n_trials=1, catch=(Exception,))
        return True

    def _objective(self, trial: optuna.Trial) -> float:
        """Return the mean score of the parameters that the trial chooses."""
        # It has begun: others may see it, and begin the next one.
        self._beginning.close()
        slot = trial.user_attrs.get("slot", NO_SLOT)
        earlier = {_slot(one) for one in self._trials() if one.number < trial.number}
        if slot == NO_SLOT or slot in earlier:
            # Another machine took it in the same moment.
            trial.set_user_attr("surplus", True)
            raise optuna.TrialPruned
        tuning = self._validation.tuning
        # A seed per slot: trials of two processes, or before and after an interruption,
        # would otherwise begin with the same choices.
        seeds = np.random.SeedSequence([tuning.random_state, slot])
        self._study.sampler = optuna.samplers.TPESampler(
            seed=int(seeds.generate_state(1)[0])
        )
        space = self._model.search_space
        if trial.user_attrs.get("baseline"):
            space = {name: space[name] for name in self._fixed}
        # Without a reason a failed trial counts as killed, and would begin again.
        try:
            parameters = suggest(trial, space)
            trial.set_user_attr("parameters", parameters)
            scores = self._validation.scores(with_parameters(self._model, parameters))
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}"
            trial.set_user_attr("error", reason)
            raise RuntimeError(reason) from error  # Optuna would let an exit pass
        trial.set_user_attr("std", float(scores.std()))
        return float(scores.mean())

    def _enqueue(self, slot: int) -> None:
        """Let the next trial take a slot; the first is for the model as configured."""
        if slot:
            self._study.enqueue_trial({}, user_attrs={"slot": slot})
            return
        choices = {
            key: value for fixed in self._fixed.values() for key, value in fixed.items()
        }
        self._study.enqueue_trial(choices, user_attrs={"slot": 0, "baseline": True})

    def _wait(self) -> bool:
        """Wait until trials of other processes have ended, or their process has.

        Returns:
            Whether there were any.
        """
        told = False
        while running := self._study.get_trials(
            deepcopy=False, states=(TrialState.RUNNING,)
        ):
            if not told:
                logger.info(
                    "%s: other processes are at work on %d trials. If they were "
                    "killed, their trials begin again after %d s.",
                    self._name,
                    len(running),
                    GRACE_PERIOD,
                )
                told = True
            time.sleep(0.5)
            optuna.storages.fail_stale_trials(self._study)
            for trial in filter(_never_began, running):
                with suppress(ValueError):  # another process has seen it, too
                    self._study.tell(trial.number, state=TrialState.FAIL)
        return told

    def _report(self, verb: str, more: str = "") -> None:
        """Say how far the study is."""
        done = self.finished()
        values = [trial.value for trial in done if trial.value is not None]
        first = [trial.value for trial in done if trial.user_attrs.get("baseline")]
        logger.info(
            "%s %s: %s %s, of the baseline %s; %d of %d trials%s",
            verb,
            self._name,
            self._validation.tuning.scoring,
            f"{max(values):.4f}" if values else "unknown",
            f"{first[0]:.4f}" if first and first[0] is not None else "unknown",
            len(done),
            self._goal,
            more,
        )


def _slot(trial: FrozenTrial) -> int:
    """Return which of the study's trials it is, counted from 0."""
    return int(trial.user_attrs.get("slot", NO_SLOT))


def _was_killed(trial: FrozenTrial) -> bool:
    """Tell whether a trial has failed without an error of its own."""
    return trial.state == TrialState.FAIL and "error" not in trial.user_attrs


def _never_began(trial: FrozenTrial) -> bool:
    """Tell whether a process was killed before it gave its first sign of life."""
    begun = trial.datetime_start
    return (
        "parameters" not in trial.user_attrs
        and begun is not None
        and (datetime.now() - begun).total_seconds() > GRACE_PERIOD
    )


def _lock(address: str) -> AbstractContextManager[Any]:
    """Return a lock that processes at one SQLite file share; databases need none."""
    path = address.removeprefix("sqlite:///")
    return nullcontext() if path == address else FileLock(f"{path}.lock")


def _open(address: str) -> RDBStorage:
    """Open the storage of studies.

    Raises:
        ConfigurationError: If there is none at this address.
    """
    # Seconds that a process waits for another one to end its writing.
    waiting = {"timeout": 60} if address.startswith("sqlite") else {}
    try:
        return RDBStorage(
            address,
            engine_kwargs={"connect_args": waiting},
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE_PERIOD,
        )
    except (ArgumentError, NoSuchModuleError, ImportError, SQLAlchemyError) as error:
        # Not the address: it may hold a password.
        missing = getattr(error.__cause__ or error, "name", None)
        problem = (
            f"needs a driver that is not installed: {missing}"
            if missing
            else f"cannot be opened ({type(error).__name__}); write the {ADDRESS}"
        )
        raise ConfigurationError.listing(
            FILE, [f"benchmark.tuning.storage: {problem}"]
        ) from error


def _digest(model: ModelSpec, validation: Validation) -> str:
    """Return a digest of all that makes values of two trials comparable."""
    tuning = validation.tuning
    facts = [
        model.model_dump(by_alias=True, exclude={"enabled"}),
        tuning.model_dump(include={"folds", "scoring", "random_state"}),
        validation.random_state,
        data_digest(validation.X_train, validation.y_train),
    ]
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _fixed_parameters(model: ModelSpec, random_state: int) -> dict[str, dict[str, Any]]:
    """Return, for each parameter, the choices by which a trial comes to the baseline.

    A parameter whose value there is not in the search space is left out.
    """
    values = {**build_estimator(model, random_state).get_params(), **model.model_kwargs}
    return {
        name: fixed
        for name, dimension in model.search_space.items()
        if name in values
        and (fixed := as_fixed(name, dimension, values[name])) is not None
    }
