"""The engine: the same in every project; nobody needs to read it to use it.

What a pipeline needs of it:

- ``dynamic_pipelines``: the registry, built from the configuration in force.
- ``read_parameters``: ``parameters.yml``, checked; ``ModelSpec``, ``DataSpec``,
  ``ComparisonSpec``: its parts, as Kedro's typed parameters, and ``TransformerSpec``;
  ``parse``, ``Schema``: the same for a schema of one's own. ``BASELINE``: the
  leaderboard's own row.
- ``keep_going``: nodes that go on past a failed model; ``is_failure``: such a model.
- ``build_model``: encoder and estimator as one, ``build_estimator``: the estimator
  alone, ``Estimator``: its type.
- ``select_columns``: features and target of a table that models can learn from.
- ``validate``, ``held_out_scores``, ``summarize``: cross-validation, scores on other
  rows, the first as the leaderboard has it; ``compared_task``: what the models are for.
- ``tune``, ``TuningSpec``: a study of a model's ``search_space``.
- ``ConfigurationError``, ``DataError``, ``did_you_mean``: errors that users can mend.
- ``bind``, ``log_model_kwargs``: training and inference as one servable model;
  ``fingerprints`` of rows, ``was_trained_on``: those that such a model learned from.
- ``score_predictions``: scores with intervals of labels predicted elsewhere.
"""

import multiprocessing
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kedro.framework import project

from .checks import select_columns
from .console import silence_noise
from .errors import ConfigurationError, DataError, did_you_mean, parse
from .estimators import Estimator, build_estimator
from .failures import is_failure, keep_going
from .judging import fingerprints, score_predictions, was_trained_on
from .registry import dynamic_pipelines
from .schema import (
    BASELINE,
    ComparisonSpec,
    DataSpec,
    ModelSpec,
    Schema,
    TransformerSpec,
    read_parameters,
)
from .tuning import TuningSpec, tune
from .validation import (
    build_model,
    compared_task,
    held_out_scores,
    summarize,
    validate,
)

if TYPE_CHECKING:
    from .serving import bind, log_model_kwargs

__all__ = [
    "BASELINE",
    "ComparisonSpec",
    "ConfigurationError",
    "DataError",
    "DataSpec",
    "Estimator",
    "ModelSpec",
    "Schema",
    "TransformerSpec",
    "TuningSpec",
    "bind",
    "build_estimator",
    "build_model",
    "compared_task",
    "did_you_mean",
    "dynamic_pipelines",
    "fingerprints",
    "held_out_scores",
    "is_failure",
    "keep_going",
    "log_model_kwargs",
    "parse",
    "read_parameters",
    "score_predictions",
    "select_columns",
    "summarize",
    "tune",
    "validate",
    "was_trained_on",
]


def __getattr__(name: str) -> Any:
    # Imported when asked for: MLflow takes time.
    if name in ("bind", "log_model_kwargs"):
        return getattr(import_module(f"{__name__}.serving"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


silence_noise()

# Kedro leaves workers that ParallelRunner spawns without the project's settings: its
# hooks would be missing, and plugins that it disables would run. The first thing such
# a worker does is to import this package.
if multiprocessing.parent_process() and project.PACKAGE_NAME is None:
    project.settings.configure(f"{__name__.partition('.')[0]}.settings")
