"""The summary at the end of a run: tables, advice, and where things are."""

import logging
import os
from typing import Any

import pandas as pd

from kedro_dynamic.catalog.files import has_data, local_path
from kedro_dynamic.catalog.metadata import read_metadata, section_title
from kedro_dynamic.catalog.names import ENTRY, METRICS, model_name, split_name
from kedro_dynamic.config.errors import VERBATIM
from kedro_dynamic.config.schema import FILE
from kedro_dynamic.models.advice.models import find_edges
from kedro_dynamic.runs.console import print_places, print_table
from kedro_dynamic.runs.failures import is_failure
from kedro_dynamic.runs.provenance import name_some
from kedro_dynamic.runs.run import Run

logger = logging.getLogger(__name__)


def show_tables(run: Run, champion: str = "") -> None:
    """Print the tables that the catalog marks with ``console``.

    If the run makes no leaderboard, also print the scores of its models.

    Args:
        run: The run.
        champion: Name of the model that is champion.
    """
    # Only what no other node takes: not the leaderboards that the run compares.
    for name in sorted(run.pipeline.outputs()):
        title = read_metadata(run.catalog, name).console
        if title and has_data(run.catalog, name):
            table = run.catalog[name].load()
            print_table(section_title(title, name), table, champion)

    scores = _scores(run)
    if scores:
        print_table("Scores", pd.DataFrame(scores))


def _scores(run: Run) -> list[dict[str, Any]]:
    """Return the metrics of the models that the run does not compare."""
    scores = []
    for name in sorted(run.pipeline.outputs()):
        namespace, kind = split_name(name)
        if kind == METRICS and has_data(run.catalog, name):
            metrics = run.catalog[name].load()
            if not is_failure(metrics):
                scores.append({"model": model_name(namespace), **metrics})
    return scores


def warn_of_outdated(run: Run) -> None:
    """Warn of files that the run took, and that it would make differently itself."""
    if run.plan.disputed:
        logger.warning(
            "Files that this run took were made with other parameters, data or code "
            "(%s). So MLflow is not told what its results were made from, and no "
            "champion is set. 'kedro run --only-missing-outputs' makes them again",
            name_some(run.plan.culprits),
            extra=VERBATIM,
        )


def warn_of_edges(run: Run) -> None:
    """Warn of each tuned model whose best arguments may lie beyond its search space."""
    parameters = run.pipeline.inputs()
    for name in sorted(run.pipeline.all_outputs()):
        namespace, kind = split_name(name)
        # Data sets of the benchmark share the models' search spaces.
        parameter = f"params:{namespace}"
        if kind != ENTRY or parameter not in parameters or not run.plan.made(name):
            continue
        entry = run.catalog[name].load()
        if is_failure(entry):
            continue
        model = run.catalog[parameter].load()
        for advice in find_edges(model_name(namespace), model, entry["model_kwargs"]):
            message = f"{advice.message} Write into {FILE}: {advice.write}"
            logger.warning(message, extra=VERBATIM)


def show_places(run: Run, places: dict[str, str], *, with_files: bool) -> None:
    """Print where files, log and report are.

    Args:
        run: The run.
        places: Names of things, and where each is; those that are "" are left out.
        with_files: True if the run has ended well, so that its files are whole.
    """
    if with_files:
        layers = ", ".join(_layers(run))
        is_full = logging.getLogger("kedro").isEnabledFor(logging.INFO)
        log = "" if is_full else "level INFO for kedro in conf/logging.yml"
        places = {"files": layers, "full log": log, **places}
    print_places({name: place for name, place in places.items() if place})


def _layers(run: Run) -> list[str]:
    """Return the layers of the data that a run writes to, such as data/06_models."""
    layers = set()
    for name in run.pipeline.all_outputs():
        path = local_path(run.catalog, name)
        if path is not None and path.parent.is_relative_to(run.root):
            # Further down there may be a folder for each data set.
            parts = path.parent.relative_to(run.root).parts[:2]
            layers.add(os.path.relpath(run.root.joinpath(*parts)))
    return sorted(layers)
