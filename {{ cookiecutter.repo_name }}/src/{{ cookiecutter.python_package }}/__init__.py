"""Dynamic pipelines, built from ``parameters.yml``."""

import logging

__version__ = "0.1.0"

# Importing kedro-mlflow warns of its own class; its user cannot act on that. MLflow
# overrules filters of the module `warnings`, so it is left out of the log instead.
logging.getLogger("py.warnings").addFilter(
    lambda record: "Add type hints to the `predict` method" not in record.getMessage()
)
