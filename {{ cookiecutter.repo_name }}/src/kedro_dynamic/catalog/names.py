"""Which dataset of a model is called what: the contract with the project's catalog.

A model's datasets share a namespace, such as ``models.linear_svm``, and each is named
for what it holds: ``models.linear_svm.fitted_model``.
"""

# The split of a table.
X_TRAIN, Y_TRAIN = "X_train", "y_train"
X_TEST, Y_TEST = "X_test", "y_test"
FOLDS = "folds"

# How the columns of the table are read.
COLUMNS = "columns"

LEADERBOARD = "leaderboard"
LEARNING_CURVES = "learning_curves"

# The datasets of a model.
ENTRY = "entry"
VALIDATION = "validation"
FITTED_MODEL = "fitted_model"
METRICS = "metrics"
MODEL_SCORE = "model_score"


def dataset_name(namespace: str, kind: str) -> str:
    """Return the name of a dataset, such as ``models.linear_svm.metrics``."""
    return f"{namespace}.{kind}" if namespace else kind


def split_name(name: str) -> tuple[str, str]:
    """Return the namespace of a dataset and what it holds."""
    namespace, _, kind = name.rpartition(".")
    return namespace, kind


def model_name(namespace: str) -> str:
    """Return the name of a model, which is its namespace without the family."""
    return namespace.partition(".")[2]
