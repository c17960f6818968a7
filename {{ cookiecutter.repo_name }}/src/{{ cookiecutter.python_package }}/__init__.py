"""Dynamic pipelines, built from ``parameters.yml``."""

import logging
import multiprocessing

from kedro.framework import project

__version__ = "0.1.0"

# Warnings that libraries raise about themselves: nobody here can act on them. MLflow
# overrules filters of the module `warnings`, so they are left out of the log instead.
NOISY_WARNINGS = (
    "Add type hints to the `predict` method",
    "ORJSONResponse is deprecated",
    "Passing a Python object as `python_model`",  # as kedro-mlflow does
    "is no longer a 'PipelineML' object",  # in part, for a hint or a picture
)


def _is_worth_reading(record: logging.LogRecord) -> bool:
    """Tell whether a record is none of the warnings above."""
    return not any(noise in record.getMessage() for noise in NOISY_WARNINGS)


logging.getLogger("py.warnings").addFilter(_is_worth_reading)
logging.getLogger("mlflow.pyfunc").addFilter(_is_worth_reading)
logging.getLogger("kedro_mlflow.pipeline.pipeline_ml").addFilter(_is_worth_reading)

# Kedro leaves workers that ParallelRunner spawns without the project's settings: its
# hooks would be missing, and plugins that it disables would run. The first thing such
# a worker does is to import this package.
if multiprocessing.parent_process() and project.PACKAGE_NAME is None:
    project.settings.configure(f"{__name__}.settings")
