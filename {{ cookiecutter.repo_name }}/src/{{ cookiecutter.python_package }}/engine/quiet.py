"""Leaves warnings out that libraries raise about themselves: nobody can act on them.

MLflow overrules filters of the module ``warnings``, so the log is filtered instead.
"""

import logging

NOISE = (
    "Add type hints to the `predict` method",
    "ORJSONResponse is deprecated",
    "Passing a Python object as `python_model`",  # as kedro-mlflow does
    "is no longer a 'PipelineML' object",  # in part, for a hint or a picture
    "Config from the dataset pattern",  # at each look, where conf/ has a catch-all
)


def _is_worth_reading(record: logging.LogRecord) -> bool:
    """Tell whether a record is none of the warnings above."""
    return not any(noise in record.getMessage() for noise in NOISE)


def silence_noise() -> None:
    """Filter the loggers that those warnings come from."""
    plugin = "kedro_mlflow.pipeline.pipeline_ml"
    catalog = "kedro.io.catalog_config_resolver"
    for name in ("py.warnings", "mlflow.pyfunc", plugin, catalog):
        logging.getLogger(name).addFilter(_is_worth_reading)
