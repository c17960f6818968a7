"""The pipelines of the models: split, then for each model the same three nodes."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from kedro.pipeline import Node, Pipeline

from kedro_dynamic import keep_going, read_parameters

from .leaderboard import compare_models
from .nodes import fit_model, score_model, split_data, validate_model

SPLIT = ["X_train", "X_test", "y_train", "y_test"]
DATA, COMPARISON, SEED = "params:data", "params:comparison", "params:random_state"
TRAINING = ["X_train", "y_train", SEED]


def model_nodes(entry: str = "params:model") -> list[Node]:
    """Return the nodes that every model has, in a namespace of its own.

    A node that is added here joins them all, also in the benchmark; what it makes needs
    a pattern in catalog.yml, and one in catalog_benchmark.yml.

    Args:
        entry: The dataset that says what the model is.
    """
    validated, fitted = [entry, DATA, COMPARISON, *TRAINING], [entry, DATA, *TRAINING]
    scored = ["fitted_model", "validation", COMPARISON, "X_test", "y_test"]
    scores = ["model_score", "metrics"]
    return [
        Node(validate_model, validated, "validation", name="validate_model"),
        Node(fit_model, fitted, "fitted_model", name="fit_model"),
        Node(score_model, scored, scores, name="score_model"),
    ]


def create_pipelines(
    parameters: dict[str, Any],
) -> dict[str, Pipeline | Callable[[], Pipeline]]:
    """Build the family's pipelines by the name they are registered under.

    Args:
        parameters: As in ``parameters.yml``, which says which models there are.

    Raises:
        ConfigurationError: Lists all that is wrong with ``parameters.yml``.
    """
    names = list(read_parameters(parameters).models)
    one_model = Pipeline(keep_going(Pipeline(model_nodes())), tags="models")
    split = Pipeline(
        [Node(split_data, ["example_iris_data", DATA, SEED], SPLIT, name="split_data")],
        tags="models",
    )

    @cache
    def model(name: str) -> Pipeline:
        return Pipeline(
            one_model,
            namespace=f"models.{name}",
            inputs=set(SPLIT),
            parameters={
                "params:model": f"params:models.{name}",
                **{key: key for key in (DATA, COMPARISON, SEED)},
            },
        )

    def models() -> Pipeline:
        # One Pipeline of all parts: adding them up one by one takes quadratic time.
        spaces = {name: f"models.{name}" for name in names}
        return Pipeline([*map(model, names), rank(spaces)])

    def alone(name: str) -> Pipeline:
        # With the split, so that it runs on a fresh checkout.
        return Pipeline([split, model(name)])

    return {
        "__default__": lambda: Pipeline([split, models()]),
        "split_data": split,
        "models": models,
        **{f"models.{name}": partial(alone, name) for name in names},
    }


def rank(models: dict[str, str], data: str = DATA, space: str = "") -> Node:
    """Build the node that ranks models.

    Args:
        models: The namespace of each model, by its name on the leaderboard.
        data: The parameter that says what the data is.
        space: The namespace of split and leaderboard, if they have one.
    """
    at = f"{space}." if space else ""
    return Node(
        compare_models,
        inputs={
            "models": "params:models",
            "data": data,
            "comparison": COMPARISON,
            "random_state": SEED,
            **{part: f"{at}{part}" for part in SPLIT},
            **{f"{name}_score": f"{its}.model_score" for name, its in models.items()},
            **{f"{name}_metrics": f"{its}.metrics" for name, its in models.items()},
        },
        outputs=[f"{at}leaderboard", f"{at}leaderboard_plot"],
        name="compare_models",
        # From the start: elsewhere Kedro warns of names with dots.
        namespace=space or "models",
        tags=space.partition(".")[2] or "models",
    )
