"""How the inference pipeline is logged to MLflow: to be served on any machine."""

from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

PACKAGE = __name__.partition(".")[0]
REGISTERED_MODEL = f"{PACKAGE}_sentiment"

# What the nodes and their package import; click and OmegaConf come with Kedro.
REQUIREMENTS = (
    "kedro",
    "kedro-datasets",
    "kedro-mlflow",
    "mlflow",
    "numpy",
    "pandas",
    "pydantic",
    "pyyaml",
    "scikit-learn",
    "scipy",
)


def log_model_kwargs(class_path: str) -> dict[str, Any]:
    """Return the arguments for ``mlflow.pyfunc.log_model``.

    Args:
        class_path: Import path of the classifier, whose distribution is needed too.
    """
    return {
        "name": "model",
        "registered_model_name": REGISTERED_MODEL,
        # Explicit: what MLflow infers has no outputs, and lets a request change
        # parameters, which others that are answered at the same time would feel.
        "signature": ModelSignature(
            inputs=Schema([ColSpec(DataType.string, "text")]),
            outputs=Schema(
                [
                    ColSpec(DataType.string, "label"),
                    ColSpec(DataType.double, "probability"),
                ]
            ),
        ),
        "input_example": pd.DataFrame({"text": ["A quiet film, and a great one."]}),
        # Functions are pickled by name, and no registry has this package.
        "code_paths": [str(Path(__file__).parents[2])],
        "pip_requirements": [
            f"{name}=={version(name)}"
            for name in sorted({*REQUIREMENTS, *_distributions(class_path)})
        ],
    }


def _distributions(class_path: str) -> list[str]:
    """Return the distributions that a class comes from, if it is not this package."""
    module = class_path.partition(".")[0]
    if module in (PACKAGE, "sklearn"):
        return []
    try:
        version(module)
    except PackageNotFoundError:
        return packages_distributions().get(module, [])
    return [module]
