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

logger = logging.getLogger(__name__)


class KeepGoing:
    """A node's function that returns a failure where the function itself raises.

    Name, documentation and type hints are the function's: so Kedro's typed parameters
    work, and Kedro-Viz shows the code that a person has written.
    """

    def __init__(self, function: Callable[..., Any], outputs: Any):
        update_wrapper(self, function)
        self._function, self._outputs = function, outputs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        failures = [value for value in (*args, *kwargs.values()) if is_failure(value)]
        if failures:
            return self._spread(failures[0])
        try:
            return self._function(*args, **kwargs)
        except ConfigurationError:
            raise  # it is not this model's alone
        except (Exception, SystemExit) as error:  # of which a worker would die unheard
            what = getattr(self._function, "__name__", "a node")  # a partial has none
            return self._spread(note_failure(error, what))

    def _spread(self, failure: dict[str, str]) -> Any:
        """Return a failure in the place of every output."""
        match self._outputs:
            case list():
                return [failure] * len(self._outputs)
            case dict():
                return dict.fromkeys(self._outputs, failure)
        return failure

    def __reduce__(self) -> tuple[type["KeepGoing"], tuple[Any, Any]]:
        return KeepGoing, (self._function, self._outputs)


def keep_going(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline whose nodes return failures instead of raising them."""
    copies = [node.tag([]) for node in pipeline.nodes]
    for node in copies:
        # Private, for there is no public way to tell "x" from ["x"].
        node.func = KeepGoing(node.func, node._outputs)
    return Pipeline(copies)


def is_failure(value: object) -> bool:
    """Tell whether a value is the error of a model that failed."""
    return isinstance(value, dict) and set(value) == {"error", "traceback"}


def note_failure(error: BaseException, what: str) -> dict[str, str]:
    """Log an error, and make a failure of it."""
    reason = one_line(error)
    logger.error("%s failed, the others go on: %s", what, reason, extra=VERBATIM)
    lines = "".join(traceback.format_exception(error))
    return {"error": reason, "traceback": redact(lines)}
