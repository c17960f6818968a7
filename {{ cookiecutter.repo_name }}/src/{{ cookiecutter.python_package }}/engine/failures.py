"""A model that fails does not stop the others.

Where it fails, a dictionary of its error takes the place of all that the node makes,
and of what the nodes after it make. ``hooks.py`` makes an error of the run of it, at
the end.
"""

import logging
import traceback
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from kedro.pipeline import Pipeline

from .errors import VERBATIM, ConfigurationError, one_line, redact

# The tag of nodes that return failures instead of raising them.
KEEP_GOING = "keep_going"

logger = logging.getLogger(__name__)


class KeepGoing:
    """A node's function that returns a failure where the function itself raises."""

    def __init__(self, function: Callable[..., Any], outputs: Any):
        update_wrapper(self, function)
        self.function, self._outputs = function, outputs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        failures = [value for value in (*args, *kwargs.values()) if is_failure(value)]
        if failures:
            return self._spread(failures[0])
        try:
            return self.function(*args, **kwargs)
        except ConfigurationError:
            raise  # it is not this model's alone
        except (Exception, SystemExit) as error:  # of which a worker would die unheard
            what = getattr(self.function, "__name__", "a node")  # a partial has none
            return self._spread(note_failure(error, what))

    def _spread(self, failure: dict[str, str]) -> Any:
        """Return a failure in the place of every output."""
        match self._outputs:
            case list():
                return [failure] * len(self._outputs)
            case dict():
                return dict.fromkeys(self._outputs, failure)
        return failure


def keep_going(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline whose nodes return failures instead of raising them.

    A tag says so: ``hooks.py`` wraps their functions while they run, and only then, so
    that Kedro-Viz, ``%load_node`` and typed parameters see what a person has written.
    """
    return Pipeline(pipeline, tags=KEEP_GOING)


def is_failure(value: object) -> bool:
    """Tell whether a value is the error of a model that failed."""
    return isinstance(value, dict) and set(value) == {"error", "traceback"}


def note_failure(error: BaseException, what: str) -> dict[str, str]:
    """Log an error, and make a failure of it."""
    reason = one_line(error)
    logger.error("%s failed, the others go on: %s", what, reason, extra=VERBATIM)
    lines = "".join(traceback.format_exception(error))
    return {"error": reason, "traceback": redact(lines)}
