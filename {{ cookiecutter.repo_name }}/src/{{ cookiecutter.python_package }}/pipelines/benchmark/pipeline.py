"""The pipelines of the benchmark: every data set by every model, as it is and tuned."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from kedro.pipeline import Node, Pipeline

from kedro_dynamic import (
    ConfigurationError,
    DataSpec,
    Schema,
    TuningSpec,
    did_you_mean,
    keep_going,
    parse,
    read_parameters,
    tune_model,
)


from ..models.nodes import split_data
from ..models.pipeline import (
    COMPARISON,
    DATA,
    SEED,
    SPLIT,
    leaderboard_node,
    model_nodes,
)
from . import nodes

FILE = "parameters_benchmark.yml"
TUNING = "params:benchmark.tuning"
KINDS = ("baseline", "tuned")
TRAINING = ["X_train", "y_train", SEED]


class BenchmarkSpec(Schema):
    """All that stands below ``benchmark:``."""

    datasets: dict[str, DataSpec | None]
    """By name; one without an entry is left out, for environments to do so."""

    models: tuple[str, ...] = ()
    """Names of models in ``parameters.yml``; without any, all that are enabled."""

    tuning: TuningSpec


def create_pipelines(
    parameters: dict[str, Any],
) -> dict[str, Pipeline | Callable[[], Pipeline]]:
    """Build the family's pipelines by the name they are registered under.

    Args:
        parameters: As in ``parameters.yml`` and ``parameters_benchmark.yml``.

    Raises:
        ConfigurationError: Lists all that is wrong with ``parameters_benchmark.yml``.
    """
    if "benchmark" not in parameters:
        return {}
    spec = parse(BenchmarkSpec, parameters["benchmark"], FILE, "benchmark")
    known = list(read_parameters(parameters).models)
    if unknown := [name for name in spec.models if name not in known]:
        raise ConfigurationError.listing(
            FILE,
            [
                f"benchmark.models: '{name}' is no enabled model of parameters.yml"
                f"{did_you_mean(name, known)}"
                for name in unknown
            ],
        )
    datasets = [name for name, data in spec.datasets.items() if data]
    models = list(spec.models) or known
    one = cache(partial(create_dataset_pipeline, models=models, cell=create_cell()))
    return {
        "benchmark": lambda: Pipeline([*map(one, datasets), compare_all(datasets)]),
        **{f"benchmark.{name}": partial(one, name) for name in datasets},
    }


def create_dataset_pipeline(
    dataset: str, models: list[str], cell: Pipeline
) -> Pipeline:
    """Build the pipeline that compares models on one data set.

    Args:
        dataset: Its name in ``parameters_benchmark.yml``.
        models: Names of the models in ``parameters.yml``.
        cell: From ``create_cell``.
    """
    space, data = f"benchmark.{dataset}", f"params:benchmark.datasets.{dataset}"
    shared = {DATA: data, **{key: key for key in (COMPARISON, SEED, TUNING)}}
    split = Pipeline(
        [Node(split_data, ["raw", DATA, SEED], SPLIT, name="split_data")],
        namespace=space,
        parameters={DATA: data, SEED: SEED},
        tags=dataset,
    )
    parts = {part: f"{space}.{part}" for part in SPLIT}
    # Tags before the namespace: with it, Kedro would make each node three times.
    cell = Pipeline(cell, tags=dataset)
    of_models = (
        Pipeline(
            Pipeline(cell, tags=model),
            namespace=f"{space}.{model}",
            inputs=parts,
            parameters={**shared, "params:model": f"params:models.{model}"},
        )
        for model in models
    )
    return Pipeline([split, *nodes_around(dataset, models), *of_models])


def nodes_around(dataset: str, models: list[str]) -> list[Node]:
    """Build the nodes that sum up what the models do on a data set.

    Args:
        dataset: Its name in ``parameters_benchmark.yml``.
        models: Names of the models in ``parameters.yml``.
    """
    space, data = f"benchmark.{dataset}", f"params:benchmark.datasets.{dataset}"
    cells = [f"{model}.{kind}" for model in models for kind in KINDS]

    def of_tuned(function: Callable[..., Any], taken: str, made: str) -> Node:
        return Node(
            function,
            {model: f"{space}.{model}.tuned.{taken}" for model in models},
            f"{space}.{made}",
            name=function.__name__,
            namespace=space,
            tags=dataset,
        )

    return [
        leaderboard_node({cell: f"{space}.{cell}" for cell in cells}, data, space),
        of_tuned(
            nodes.collect_learning_curves, "learning_curve", "learning_curves_plot"
        ),
        of_tuned(nodes.collect_trials, "trials", "trials"),
    ]


def compare_all(datasets: list[str]) -> Node:
    """Build the node that compares models over the data sets of these names."""
    return Node(
        nodes.compare_datasets,
        {name: f"benchmark.{name}.leaderboard" for name in datasets},
        ["benchmark.scores", "benchmark.heat_map", "benchmark.ranks"],
        name="compare_datasets",
        namespace="benchmark",
        tags="benchmark",
    )


def create_cell() -> Pipeline:
    """Return the nodes of a model on a data set: as configured, and tuned."""
    parameters = {COMPARISON, DATA, SEED, "params:model"}
    tuned = ["params:model", DATA, COMPARISON, TUNING, *TRAINING]
    measured = ["entry", DATA, COMPARISON, *TRAINING]
    curve = "learning_curve"
    study = [
        Node(tune_model, tuned, ["entry", "trials"], name="tune_model"),
        Node(nodes.learning_curve, measured, curve, name=curve),
    ]
    kinds = {
        "baseline": (model_nodes(), parameters),
        "tuned": ([*study, *model_nodes("entry")], parameters | {TUNING}),
    }
    return Pipeline(
        [
            Pipeline(
                keep_going(Pipeline(part)),
                namespace=kind,
                inputs=set(SPLIT),
                parameters=taken,
                tags=kind,
            )
            for kind, (part, taken) in kinds.items()
        ]
    )
