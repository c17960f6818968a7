"""Every change that the library makes to the process, with its reason."""

import atexit
import gc
import logging
import math
import os
from functools import cache, lru_cache
from typing import Any

import fsspec
import parse
from kedro.io import catalog_config_resolver
from kedro.pipeline import Pipeline

from kedro_dynamic.catalog.atomic import AtomicFileSystem
from kedro_dynamic.config.project import PACKAGE_VARIABLE, package_name
from kedro_dynamic.tracking.sqlite import limit_waiting


def apply() -> None:
    """Apply the changes that last as long as the process."""
    silence_noise()
    write_atomically()
    match_patterns_fast()
    # Looking for unused objects, and once more at the end, took a third of a run.
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
    # conf/logging.yml silences warnings until the plugins are imported.
    logging.getLogger("py.warnings").setLevel(logging.WARNING)


def name_package_for_workers() -> None:
    """Name the project's package to processes that ParallelRunner spawns.

    Kedro does not configure them.
    """
    os.environ[PACKAGE_VARIABLE] = package_name()


def limit_mlflow(timeout_seconds: float) -> None:
    """Make MLflow wait seconds, not minutes, for a store that goes away, and quietly.

    Variables that are set already count for more.
    """
    limit_waiting(timeout_seconds)
    seconds = str(max(1, math.ceil(timeout_seconds)))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", seconds)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    # It could ask for minutes.
    os.environ.setdefault("MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER", "false")
    # A bar for each of many small files, in the middle of the log, helps nobody.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow prints addresses, passwords included, and urllib3 warns of each retry; what
    # a database raises is said once, at the end.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


def cache_inputs_outputs(pipeline: Pipeline) -> Pipeline:
    """Let a pipeline that is run, or a part of it, find its inputs and outputs once.

    Kedro's runners look for them after each node: time grew with their number squared.
    """
    inputs, outputs, part = pipeline.inputs, pipeline.outputs, pipeline.filter
    vars(pipeline).update(
        inputs=cache(lambda: frozenset(inputs())),
        outputs=cache(lambda: frozenset(outputs())),
        # Runs of what is missing filter what they are given.
        filter=lambda *by, **how: cache_inputs_outputs(part(*by, **how)),
    )
    return pipeline


# Warnings that libraries raise about themselves: nobody can act on them.
NOISE = (
    "Add type hints to the `predict` method",
    "ORJSONResponse is deprecated",
    "Passing a Python object as `python_model`",  # as kedro-mlflow does
    "is no longer a 'PipelineML' object",  # in part, for a hint or a picture
    "Config from the dataset pattern",  # at each look, where conf/ has a catch-all
)


def silence_noise() -> None:
    """Filter the log, since MLflow overrules filters of the module ``warnings``."""

    def is_worth_reading(record: logging.LogRecord) -> bool:
        return not any(noise in record.getMessage() for noise in NOISE)

    plugin = "kedro_mlflow.pipeline.pipeline_ml"
    catalog = "kedro.io.catalog_config_resolver"
    for name in ("py.warnings", "mlflow.pyfunc", plugin, catalog):
        logging.getLogger(name).addFilter(is_worth_reading)


def write_atomically() -> None:
    """Let every dataset of the catalog that writes to this machine's disk do so."""
    for protocol in AtomicFileSystem.protocol:
        fsspec.register_implementation(protocol, AtomicFileSystem, clobber=True)


def match_patterns_fast() -> None:
    """Let Kedro compile each pattern once, not for each name: a millisecond each time.

    Private, for its resolver of patterns cannot be replaced.
    """
    compiled = cache(parse.compile)

    @lru_cache(maxsize=8)  # one name is matched for each value of its entry
    def match(pattern: str, name: str) -> Any:
        end = pattern.rpartition("}")[2].lower()
        return compiled(pattern).parse(name) if name.lower().endswith(end) else None

    vars(catalog_config_resolver)["parse"] = match
