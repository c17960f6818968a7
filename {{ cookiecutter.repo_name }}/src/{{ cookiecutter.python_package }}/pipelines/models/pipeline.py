"""The pipelines of the ``models`` family."""

from collections.abc import Sequence
from functools import cache, partial

from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from ...dynamic_registry import LazyPipeline
from .failures import fit_or_fail, score_or_fail
from .leaderboard import compare_models
from .nodes import fit_model, score_model, split_data
from .specs import enabled_models

SPLIT = ["X_train", "X_test", "y_train", "y_test"]


def create_pipelines(catalog: DataCatalog) -> dict[str, Pipeline]:
    """Build the family's pipelines by the name they are registered under.

    Args:
        catalog: Its ``parameters`` say which models there are.

    Raises:
        ConfigurationError: Lists all that is wrong with ``parameters.yml``.
    """
    parameters = catalog["parameters"].load()
    names = enabled_models(parameters)
    split = create_split_pipeline([name for name in ["features"] if name in parameters])
    one_model = create_model_template(parameters.get("on_model_error", "continue"))
    model = cache(partial(create_model_pipeline, one_model=one_model))
    models = LazyPipeline(
        # One Pipeline of all parts: adding them up one by one takes quadratic time.
        lambda: Pipeline([*map(model, names), create_comparison_pipeline(names)])
    )

    def alone(name: str) -> Pipeline:
        # With the split, so that it runs on a fresh checkout.
        return Pipeline([split, model(name)])

    return {
        "__default__": LazyPipeline(lambda: Pipeline([split, models])),
        "split_data": split,
        "models": models,
        **{f"models.{name}": LazyPipeline(partial(alone, name)) for name in names},
    }


def create_pipeline(catalog: DataCatalog) -> Pipeline:
    """Build the pipeline that fits, scores and compares all models."""
    return create_pipelines(catalog)["models"]


def create_split_pipeline(options: Sequence[str] = ()) -> Pipeline:
    """Build the pipeline that splits the data into a training and a test part.

    Args:
        options: Those parameters with a default that ``parameters.yml`` has.
    """
    return Pipeline(
        [
            Node(
                split_data,
                inputs=[
                    "example_iris_data",
                    "params:train_fraction",
                    "params:random_state",
                    "params:target_column",
                    *(f"params:{name}" for name in options),
                ],
                outputs=SPLIT,
                name="split_data",
            )
        ]
    )


def create_model_template(on_model_error: str) -> Pipeline:
    """Build the nodes that every model has, each in a namespace of its own.

    Args:
        on_model_error: ``continue`` with the other models, or ``raise`` at once.
    """
    goes_on = on_model_error == "continue"
    return Pipeline(
        [
            Node(
                fit_or_fail if goes_on else fit_model,
                inputs=["params:model", "X_train", "y_train", "params:random_state"],
                outputs="fitted_model",
                name="fit_model",
            ),
            Node(
                score_or_fail if goes_on else score_model,
                inputs=["fitted_model", "X_test", "y_test"],
                outputs=["model_score", "metrics"],
                name="score_model",
            ),
        ]
    )


def create_model_pipeline(name: str, one_model: Pipeline) -> Pipeline:
    """Build the pipeline that fits and scores one model.

    Args:
        name: Name of the model in ``parameters.yml``.
        one_model: From ``create_model_template``.
    """
    return Pipeline(
        one_model,
        namespace=f"models.{name}",
        inputs=set(SPLIT),
        parameters={
            "params:model": f"params:models.{name}",
            "params:random_state": "params:random_state",
        },
    )


def create_comparison_pipeline(names: list[str]) -> Pipeline:
    """Build the pipeline that ranks the models.

    Args:
        names: Names of the models in ``parameters.yml``.
    """
    return Pipeline(
        [
            Node(
                compare_models,
                inputs={
                    **{part: part for part in SPLIT},
                    "random_state": "params:random_state",
                    **{f"{name}_metrics": f"models.{name}.metrics" for name in names},
                },
                outputs=["leaderboard", "leaderboard_plot"],
                name="compare_models",
                namespace="models",
            )
        ]
    )
