"""The pipelines of the ``benchmark`` family."""

from functools import cache, partial

from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from ...dynamic_registry import LazyPipeline
from ..models.failures import fit_or_fail
from ..models.nodes import fit_model
from .comparison import compare_datasets, compare_on_dataset
from .curves import measure_learning_curve, plot_learning_curves
from .evaluation import collect_reports, evaluate, fit_tuned
from .failures import evaluate_or_fail, fit_tuned_or_fail
from .preparation import encode, split_dataset
from .specs import datasets_and_models
from .tuning import tune_model

SPLIT = ["X_train", "X_test", "y_train", "y_test"]
ENCODED = ["encoded_train", "encoded_test", "y_train", "y_test"]
DATASET = "params:dataset"
SEED = "params:random_state"
TUNING = "params:benchmark.tuning"

# What every data set begins with.
PREPARATION = Pipeline(
    [
        Node(
            split_dataset,
            inputs=["raw", DATASET, TUNING, SEED],
            outputs=SPLIT,
            name="split_dataset",
            tags="split",
        ),
        Node(
            encode,
            inputs=["X_train", "X_test"],
            outputs=["encoder", "encoded_train", "encoded_test"],
            name="encode",
            tags="split",
        ),
    ]
)


def create_pipelines(catalog: DataCatalog) -> dict[str, Pipeline]:
    """Build the family's pipelines by the name they are registered under.

    Args:
        catalog: Its ``parameters`` say which data sets and models there are. Without
            ``benchmark`` in them there is no pipeline.

    Raises:
        ConfigurationError: Lists all that is wrong with ``parameters_benchmark.yml``.
    """
    parameters = catalog["parameters"].load()
    if "benchmark" not in parameters:
        return {}
    datasets, models = datasets_and_models(parameters)
    cell = create_cell_template(parameters.get("on_model_error", "continue"))
    one = cache(partial(create_dataset_pipeline, models=models, cell=cell))
    return {
        "benchmark": LazyPipeline(
            # One Pipeline of all parts: adding them up one by one takes quadratic time.
            lambda: Pipeline([*map(one, datasets), create_overview_pipeline(datasets)])
        ),
        **{f"benchmark.{name}": LazyPipeline(partial(one, name)) for name in datasets},
    }


def create_dataset_pipeline(
    dataset: str, models: list[str], cell: Pipeline
) -> Pipeline:
    """Build the pipeline that compares models on one data set.

    Args:
        dataset: Its name in ``parameters_benchmark.yml``.
        models: Names of the models in ``parameters.yml``.
        cell: From ``create_cell_template``.
    """
    space = f"benchmark.{dataset}"
    preparation = Pipeline(
        PREPARATION,
        namespace=space,
        parameters={
            DATASET: f"params:benchmark.datasets.{dataset}",
            SEED: SEED,
            TUNING: TUNING,
        },
        tags=dataset,
    )
    # They take in all that is reported of models. What nobody takes, Kedro-Viz draws
    # beside a namespace, also a collapsed one.
    comparison = [
        Node(
            compare_on_dataset,
            inputs={
                "tuning": TUNING,
                "X_train": f"{space}.encoded_train",
                "X_test": f"{space}.encoded_test",
                "y_train": f"{space}.y_train",
                "y_test": f"{space}.y_test",
                "random_state": SEED,
                **{f"{one}_metrics": f"{space}.{one}.metrics" for one in models},
            },
            outputs=[f"{space}.leaderboard", f"{space}.leaderboard_plot"],
            name="compare_models",
            namespace=space,
            tags=["report", dataset],
        ),
        Node(
            plot_learning_curves,
            inputs={
                "tuning": TUNING,
                **{f"{one}_curve": f"{space}.{one}.learning_curve" for one in models},
            },
            outputs=f"{space}.learning_curves_plot",
            name="plot_learning_curves",
            namespace=space,
            tags=["report", dataset],
        ),
        Node(
            collect_reports,
            inputs={
                report: f"{space}.{report}"
                for one in models
                for report in (f"{one}.baseline_report", f"{one}.report")
            },
            outputs=f"{space}.reports",
            name="collect_reports",
            namespace=space,
            tags=["report", dataset],
        ),
    ]
    cells = [create_cell_pipeline(dataset, model, cell) for model in models]
    return Pipeline([preparation, *cells, *comparison])


def create_cell_template(on_model_error: str) -> Pipeline:
    """Build the nodes that every model has on every data set.

    Args:
        on_model_error: ``continue`` with the other models, or ``raise`` at once.
    """
    goes_on = on_model_error == "continue"
    return Pipeline(
        [
            Node(
                fit_or_fail if goes_on else fit_model,
                inputs=["params:model", "encoded_train", "y_train", SEED],
                outputs="baseline_model",
                name="fit_baseline",
                tags="baseline",
            ),
            Node(
                evaluate_or_fail if goes_on else evaluate,
                inputs=["baseline_model", DATASET, TUNING, *ENCODED],
                outputs=["baseline_metrics", "baseline_report"],
                name="evaluate_baseline",
                tags="baseline",
            ),
            Node(
                tune_model,
                inputs=[
                    "params:model",
                    TUNING,
                    "studies",
                    "encoder",
                    "X_train",
                    "y_train",
                    SEED,
                ],
                outputs=["tuned_parameters", "trials"],
                name="tune_model",
                tags="tune",
            ),
            Node(
                fit_tuned_or_fail if goes_on else fit_tuned,
                inputs=[
                    "params:model",
                    "tuned_parameters",
                    "encoded_train",
                    "y_train",
                    SEED,
                ],
                outputs="fitted_model",
                name="fit_tuned",
                tags="train",
            ),
            Node(
                evaluate_or_fail if goes_on else evaluate,
                inputs=[
                    "fitted_model",
                    DATASET,
                    TUNING,
                    *ENCODED,
                    "baseline_metrics",
                    "trials",
                ],
                outputs=["metrics", "report"],
                name="evaluate_tuned",
                tags="report",
            ),
            Node(
                measure_learning_curve,
                inputs=[
                    "params:model",
                    "tuned_parameters",
                    TUNING,
                    "encoder",
                    "X_train",
                    "y_train",
                    SEED,
                ],
                outputs="learning_curve",
                name="measure_learning_curve",
                tags="report",
            ),
        ]
    )


def create_cell_pipeline(dataset: str, model: str, cell: Pipeline) -> Pipeline:
    """Build the pipeline of one model on one data set.

    Args:
        dataset: Its name in ``parameters_benchmark.yml``.
        model: Its name in ``parameters.yml``.
        cell: From ``create_cell_template``.
    """
    space = f"benchmark.{dataset}"
    shared = {*PREPARATION.all_outputs(), "studies"} & cell.inputs()
    return Pipeline(
        cell,
        namespace=f"{space}.{model}",
        inputs={name: f"{space}.{name}" for name in shared},
        parameters={
            "params:model": f"params:models.{model}",
            DATASET: f"params:benchmark.datasets.{dataset}",
            SEED: SEED,
            TUNING: TUNING,
        },
        tags=[dataset, model],
    )


def create_overview_pipeline(datasets: list[str]) -> Pipeline:
    """Build the pipeline that compares models over all data sets.

    Args:
        datasets: Their names in ``parameters_benchmark.yml``.
    """
    return Pipeline(
        [
            Node(
                compare_datasets,
                inputs={
                    f"{name}_leaderboard": f"benchmark.{name}.leaderboard"
                    for name in datasets
                },
                outputs=["benchmark.scores", "benchmark.heat_map", "benchmark.ranks"],
                name="compare_datasets",
                namespace="benchmark",
                tags="report",
            )
        ]
    )
