"""The pipelines of the benchmark: every data set by every model, as it is and tuned."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from kedro.pipeline import Node, Pipeline

from {{ cookiecutter.python_package }}.engine import (
    ConfigurationError,
    DataSpec,
    Schema,
    TuningSpec,
    did_you_mean,
    keep_going,
    parse,
    read_parameters,
    tune,
)

from ..models.leaderboard import compare_models
from ..models.nodes import split_data
from ..models.pipeline import COMPARISON, DATA, SEED, SPLIT, TRAINING, model_nodes
from .nodes import (
    collect_trials,
    compare_datasets,
    learning_curve,
    plot_learning_curves,
)

FILE = "parameters_benchmark.yml"
TUNING = "params:benchmark.tuning"
KINDS = ("baseline", "tuned")
# What the leaderboard takes of a model, by the ending it knows it by.
RESULTS = {"score": "model_score", "metrics": "metrics"}


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
    space = f"benchmark.{dataset}"
    # In a namespace from the start: elsewhere Kedro warns of names with dots.
    at: Any = {"namespace": space, "tags": dataset}
    return [
        Node(
            compare_models,
            {
                "models": "params:models",
                "data": f"params:benchmark.datasets.{dataset}",
                "comparison": COMPARISON,
                "random_state": SEED,
                **{part: f"{space}.{part}" for part in SPLIT},
                **{
                    f"{model}.{kind}_{key}": f"{space}.{model}.{kind}.{name}"
                    for model in models
                    for kind in KINDS
                    for key, name in RESULTS.items()
                },
            },
            [f"{space}.leaderboard", f"{space}.leaderboard_plot"],
            name="compare_models",
            **at,
        ),
        Node(
            plot_learning_curves,
            {model: f"{space}.{model}.tuned.learning_curve" for model in models},
            f"{space}.learning_curves_plot",
            name="plot_learning_curves",
            **at,
        ),
        Node(
            collect_trials,
            {model: f"{space}.{model}.tuned.trials" for model in models},
            f"{space}.trials",
            name="collect_trials",
            **at,
        ),
    ]


def compare_all(datasets: list[str]) -> Node:
    """Build the node that compares models over the data sets of these names."""
    return Node(
        compare_datasets,
        {name: f"benchmark.{name}.leaderboard" for name in datasets},
        ["benchmark.scores", "benchmark.heat_map", "benchmark.ranks"],
        name="compare_datasets",
        namespace="benchmark",
        tags="benchmark",
    )


def create_cell() -> Pipeline:
    """Return the nodes of a model on a data set: as configured, and tuned."""
    parameters = {COMPARISON, DATA, SEED, "params:model"}
    study = [
        Node(
            tune,
            ["params:model", DATA, COMPARISON, TUNING, *TRAINING],
            ["entry", "trials"],
            name="tune_model",
        ),
        Node(
            learning_curve,
            ["entry", DATA, COMPARISON, *TRAINING],
            "learning_curve",
            name="learning_curve",
        ),
    ]
    kinds = {
        "baseline": (model_nodes(), parameters),
        "tuned": ([*study, *model_nodes("entry")], parameters | {TUNING}),
    }
    return Pipeline(
        [
            Pipeline(
                keep_going(Pipeline(nodes)),
                namespace=kind,
                inputs=set(SPLIT),
                parameters=taken,
                tags=kind,
            )
            for kind, (nodes, taken) in kinds.items()
        ]
    )
