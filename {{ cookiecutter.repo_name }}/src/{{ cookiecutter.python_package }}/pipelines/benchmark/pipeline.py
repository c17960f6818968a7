"""The benchmark's pipelines: every model on every data set, as configured and tuned."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from kedro.pipeline import Node, Pipeline

from kedro_dynamic import (
    ConfigurationError,
    DataSpec,
    Name,
    Schema,
    TuningSpec,
    did_you_mean,
    keep_going,
    parse,
    read_parameters,
)

from ..models.pipeline import (
    COLUMNS,
    COMPARISON,
    DATA,
    SEED,
    SPLIT,
    TO_VALIDATE,
    TUNING,
    advice_node,
    leaderboard_inputs,
    model_nodes,
    split_nodes,
    tuning_node,
)
from .nodes import collect_rows, compare_datasets, learning_curve, rank_models

FILE = "parameters_benchmark.yml"
BENCHMARK_TUNING = "params:benchmark.tuning"
# What each model has, and the table of all models.
COLLECTED = {"trials": "trials", "learning_curve": "learning_curves"}


class BenchmarkSpec(Schema):
    """The section ``benchmark`` of ``parameters_benchmark.yml``."""

    datasets: dict[Name, DataSpec | None]
    """Data sets by name. An environment removes one by setting it to null."""

    models: tuple[str, ...] = ()
    """Names of models in ``parameters.yml``; if empty, all enabled models."""

    tuning: TuningSpec


def create_pipelines(
    parameters: dict[str, Any],
) -> dict[str, Pipeline | Callable[[], Pipeline]]:
    """Create a pipeline for each data set, and one that also compares the data sets.

    They are returned as functions that build them. So commands that only list the
    pipelines stay fast, even with a thousand models and data sets.

    Args:
        parameters: The content of ``parameters.yml`` and ``parameters_benchmark.yml``.

    Returns:
        The pipelines, by the names under which Kedro registers them.

    Raises:
        ConfigurationError: Lists everything that is wrong in
            ``parameters_benchmark.yml``.
    """
    if "benchmark" not in parameters:
        return {}
    spec = parse(BenchmarkSpec, parameters["benchmark"], FILE, "benchmark")
    models = _models_to_compare(spec, list(read_parameters(parameters).models))
    datasets = [name for name, data in spec.datasets.items() if data]

    @cache  # Each data set is in two of the pipelines.
    def create_dataset(dataset: str) -> Pipeline:
        return create_dataset_pipeline(dataset, models)

    def create_benchmark() -> Pipeline:
        parts = [create_dataset(dataset) for dataset in datasets]
        # Not a sum: adding pipelines one by one takes time that grows quadratically.
        return Pipeline([*parts, compare_datasets_node(datasets)])

    pipelines: dict[str, Pipeline | Callable[[], Pipeline]] = {
        "benchmark": create_benchmark
    }
    for dataset in datasets:
        pipelines[f"benchmark.{dataset}"] = partial(create_dataset, dataset)
    return pipelines


def create_dataset_pipeline(dataset: str, models: list[str]) -> Pipeline:
    """Create the pipeline that compares models on one data set.

    Args:
        dataset: Name of the data set in ``parameters_benchmark.yml``.
        models: Names of the models in ``parameters.yml``.
    """
    namespace = f"benchmark.{dataset}"
    data = f"params:benchmark.datasets.{dataset}"
    shared = {name: f"{namespace}.{name}" for name in (*SPLIT, COLUMNS)}
    nodes = split_nodes(f"{namespace}.raw", data, namespace, is_tuned=True)
    split = Pipeline([*nodes, advice_node(data, namespace)], tags=dataset)

    configured_nodes = keep_going(Pipeline(model_nodes()))
    tuned_nodes = keep_going(Pipeline([*tuning_nodes(), *model_nodes("entry")]))
    pipelines = []
    for model in models:
        parameters = {
            "params:model": f"params:models.{model}",
            DATA: data,
            COMPARISON: COMPARISON,
            SEED: SEED,
        }
        configured_pipeline = Pipeline(
            configured_nodes,
            namespace=f"{namespace}.{model}.baseline",
            inputs=shared,
            parameters=parameters,
            tags=[dataset, model, "baseline"],
        )
        tuned_pipeline = Pipeline(
            tuned_nodes,
            namespace=f"{namespace}.{model}.tuned",
            inputs=shared,
            parameters={**parameters, TUNING: BENCHMARK_TUNING},
            tags=[dataset, model, "tuned"],
        )
        pipelines += [configured_pipeline, tuned_pipeline]

    return Pipeline([split, *pipelines, *summary_nodes(dataset, models)])


def tuning_nodes() -> list[Node]:
    """Create the nodes that tune a model and measure the result's learning curve."""
    return [
        tuning_node(),
        Node(
            func=learning_curve,
            inputs=["entry", *TO_VALIDATE],
            outputs="learning_curve",
            name="learning_curve",
        ),
    ]


def summary_nodes(dataset: str, models: list[str]) -> list[Node]:
    """Create the nodes that put the results of all models on a data set together.

    Kedro-Viz draws an output that no other node reads outside the box of the data set.
    So ``rank_models`` also takes tables that it does not use.

    Args:
        dataset: Name of the data set in ``parameters_benchmark.yml``.
        models: Names of the models in ``parameters.yml``.
    """
    namespace = f"benchmark.{dataset}"
    # A model is on the leaderboard twice, as configured and as tuned.
    ranked, unused = {}, {"advice": f"{namespace}.advice"}
    for model in models:
        ranked[f"{model}.baseline"] = f"{namespace}.{model}.baseline"
        ranked[f"{model}.tuned"] = f"{namespace}.{model}.tuned"

    nodes = []
    for kind, table in COLLECTED.items():
        unused[table] = f"{namespace}.{table}"
        nodes.append(
            Node(
                func=collect_rows,
                inputs={model: f"{namespace}.{model}.tuned.{kind}" for model in models},
                outputs=f"{namespace}.{table}",
                name=f"collect_{table}",
                namespace=namespace,
                tags=dataset,
            )
        )
    data = f"params:benchmark.datasets.{dataset}"
    entries = {f"{name}_entry": f"{namespace}.{name}.tuned.entry" for name in models}
    ranking = Node(
        func=rank_models,
        inputs=leaderboard_inputs(ranked, data, namespace) | entries | unused,
        outputs=f"{namespace}.leaderboard",
        name="rank_models",
        namespace=namespace,
        tags=dataset,
    )
    return [*nodes, ranking]


def compare_datasets_node(datasets: list[str]) -> Node:
    """Create the node that compares the models over all data sets.

    Args:
        datasets: Names of the data sets in ``parameters_benchmark.yml``.
    """
    return Node(
        func=compare_datasets,
        inputs={dataset: f"benchmark.{dataset}.leaderboard" for dataset in datasets},
        outputs=[
            f"benchmark.{name}"
            for name in ("scores", "heat_map", "ranks", "conclusion")
        ],
        name="compare_datasets",
        namespace="benchmark",
        tags="benchmark",
    )


def _models_to_compare(spec: BenchmarkSpec, enabled_models: list[str]) -> list[str]:
    """Return the models that the benchmark names, or else all enabled models."""
    unknown = [name for name in spec.models if name not in enabled_models]
    if unknown:
        raise ConfigurationError.listing(
            FILE,
            [
                f"benchmark.models: '{name}' is not an enabled model in parameters.yml"
                f"{did_you_mean(name, enabled_models)}"
                for name in unknown
            ],
        )
    return list(spec.models) or enabled_models
