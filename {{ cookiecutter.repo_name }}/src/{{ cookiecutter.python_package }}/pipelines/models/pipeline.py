"""The pipelines of the models: the split, the same nodes per model, the leaderboard.

A model with trials is tuned first.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from kedro.pipeline import Node, Pipeline

from kedro_dynamic import (
    advise_on_table,
    keep_going,
    read_columns,
    read_parameters,
    tune_model,
)

from .leaderboard import compare_models
from .nodes import fit_model, score_model, split_data, split_for_tuning, validate_model

SPLIT = ["X_train", "X_test", "y_train", "y_test", "folds"]
COLUMNS = "columns"
MODELS = "params:models"
DATA = "params:data"
COMPARISON = "params:comparison"
FOLDS = "params:comparison.folds"
TUNING = "params:tuning"
SEED = "params:random_state"
# What the nodes of all models share.
PARAMETERS = {DATA, COMPARISON, TUNING, SEED}
TRAINING_ROWS = ["X_train", "y_train", "folds"]
# What a node takes, after the model's entry, to validate it.
TO_VALIDATE = [DATA, COMPARISON, *TRAINING_ROWS, SEED, COLUMNS]


def model_nodes(entry: str = "params:model") -> list[Node]:
    """Create the nodes that every model has, also in the benchmark.

    To do something for every model, add a node here. Its outputs need a pattern in
    ``catalog.yml``, and those of the benchmark one in ``catalog_benchmark.yml``.

    Args:
        entry: Name of the dataset that holds the model's entry in ``parameters.yml``.
    """
    return [
        Node(
            func=validate_model,
            inputs=[entry, *TO_VALIDATE],
            outputs="validation",
            name="validate_model",
        ),
        Node(
            func=fit_model,
            inputs=[entry, DATA, "X_train", "y_train", SEED, COLUMNS],
            outputs="fitted_model",
            name="fit_model",
        ),
        Node(
            func=score_model,
            inputs=[
                "fitted_model",
                "validation",
                DATA,
                COMPARISON,
                "X_test",
                "y_train",
                "y_test",
            ],
            outputs=["model_score", "metrics", "resamples"],
            name="score_model",
        ),
    ]


def tuning_node() -> Node:
    """Create the node that searches a model's arguments, for models and benchmark.

    Its output ``entry`` is the best model, like an entry in ``parameters.yml``. It
    takes the place of the model in the nodes from ``model_nodes``.
    """
    return Node(
        func=tune_model,
        inputs=["params:model", TUNING, *TO_VALIDATE],
        outputs=["entry", "trials"],
        name="tune_model",
    )


def split_nodes(
    table: str,
    data: str = DATA,
    namespace: str = "",
    is_tuned: bool = False,
) -> list[Node]:
    """Create the nodes that split a table, and decide how its columns are read.

    Args:
        table: Name of the table's catalog entry.
        data: Name of the parameter that describes the data.
        namespace: The namespace of the split, if it has one.
        is_tuned: True keeps rows for tuning.
    """
    prefix = f"{namespace}." if namespace else ""
    split_node = Node(
        func=split_for_tuning if is_tuned else split_data,
        inputs=[table, data, FOLDS, SEED],
        outputs=[prefix + name for name in SPLIT],
        name="split_data",
        namespace=namespace or None,
    )
    columns_node = Node(
        func=read_columns,
        inputs=[f"{prefix}X_train", data],
        outputs=prefix + COLUMNS,
        name="read_columns",
        namespace=namespace or None,
    )
    return [split_node, columns_node]


def advice_node(data: str = DATA, namespace: str = "") -> Node:
    """Create the node that looks for what makes the scores on a split flatter.

    Args:
        data: Name of the parameter that describes the data.
        namespace: The namespace of the split, if it has one.
    """
    prefix = f"{namespace}." if namespace else ""
    rows = [prefix + name for name in ("X_train", "X_test", "y_train", "y_test")]
    return Node(
        func=advise_on_table,
        inputs=[*rows, data, COMPARISON, MODELS],
        outputs=f"{prefix}advice",
        name="advise_on_table",
        namespace=namespace or None,
    )


def create_pipelines(
    parameters: dict[str, Any],
) -> dict[str, Pipeline | Callable[[], Pipeline]]:
    """Create the pipelines that split the data, fit the models and compare them.

    Pipelines of models are returned as functions that build them. So commands that only
    list the pipelines stay fast, even with a thousand models.

    Args:
        parameters: The content of ``parameters.yml``.

    Returns:
        The pipelines, by the names under which Kedro registers them.

    Raises:
        ConfigurationError: Lists everything that is wrong in ``parameters.yml``.
    """
    spec = read_parameters(parameters)
    names = list(spec.models)
    is_tuned = any(model.trials for model in spec.models.values())
    split = Pipeline(split_nodes(spec.data.table, is_tuned=is_tuned), tags="models")
    advised_split = Pipeline([split, Pipeline([advice_node()], tags="models")])
    configured = Pipeline(keep_going(Pipeline(model_nodes())), tags="models")
    with_tuning = Pipeline([tuning_node(), *model_nodes("entry")])
    tuned = Pipeline(keep_going(with_tuning), tags="models")

    @cache  # Each model is in several of the pipelines.
    def create_model(name: str) -> Pipeline:
        nodes = tuned if spec.models[name].trials else configured
        shared = {key: key for key in nodes.inputs() & PARAMETERS}
        return Pipeline(
            nodes,
            namespace=f"models.{name}",
            inputs={*SPLIT, COLUMNS},
            parameters={"params:model": f"params:models.{name}", **shared},
        )

    def create_all_models() -> Pipeline:
        parts = [create_model(name) for name in names]
        leaderboard = leaderboard_node({name: f"models.{name}" for name in names})
        # Not a sum: adding pipelines one by one takes time that grows quadratically.
        return Pipeline([*parts, leaderboard])

    def create_default() -> Pipeline:
        return Pipeline([advised_split, create_all_models()])

    def create_single_model(name: str) -> Pipeline:
        # The split is part of it, so that it runs in a project without any results. The
        # advice is not: it is about all models, and Kedro-Viz keeps a copy of what a
        # node takes for each pipeline that the node is in.
        return Pipeline([split, create_model(name)])

    pipelines: dict[str, Pipeline | Callable[[], Pipeline]] = {
        "__default__": create_default,
        "split_data": advised_split,
        "models": create_all_models,
    }
    for name in names:
        pipelines[f"models.{name}"] = partial(create_single_model, name)
    return pipelines


def leaderboard_node(namespaces: dict[str, str]) -> Node:
    """Create the node that ranks models.

    Args:
        namespaces: The namespace of each model, by its name on the leaderboard.
    """
    return Node(
        func=compare_models,
        inputs=leaderboard_inputs(namespaces),
        outputs=["leaderboard", "leaderboard_plot"],
        name="compare_models",
        # Without a namespace, Kedro would warn about the dots in the inputs.
        namespace="models",
        tags="models",
    )


def leaderboard_inputs(
    namespaces: dict[str, str], data: str = DATA, namespace: str = ""
) -> dict[str, str]:
    """Return the datasets that ``compare_models`` takes, by the names of its arguments.

    Args:
        namespaces: The namespace of each model, by its name on the leaderboard.
        data: Name of the parameter that describes the data.
        namespace: The namespace of the split, if it has one.
    """
    inputs = {
        "models": MODELS,
        "data": data,
        "comparison": COMPARISON,
        "random_state": SEED,
    }
    prefix = f"{namespace}." if namespace else ""
    for name in SPLIT:
        inputs[name] = prefix + name
    for name, model_namespace in namespaces.items():
        # The score is not used. But Kedro-Viz draws an output that no other node reads
        # outside the box of its model.
        inputs[f"{name}_score"] = f"{model_namespace}.model_score"
        for kind in ("validation", "resamples", "metrics"):
            inputs[f"{name}_{kind}"] = f"{model_namespace}.{kind}"
    return inputs
