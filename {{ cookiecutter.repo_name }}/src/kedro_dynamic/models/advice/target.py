"""Targets that are not what they look like."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from kedro_dynamic.models.advice.rows import NODES
from kedro_dynamic.models.advice.view import Advice, View
from kedro_dynamic.models.snippets import in_yaml
from kedro_dynamic.models.target import MANY_CLASSES

MAJORITY = 0.8

FEW_ROWS = 5


def find_majority(view: View) -> Iterator[Advice]:
    """Yield that accuracy decides, though most rows are of one class."""
    if not view.is_classification or view.decides != "accuracy":
        return
    shares = view.y_train.value_counts(normalize=True)
    if shares.iloc[0] <= MAJORITY:
        return
    scoring = ["balanced_accuracy", "f1_macro"]
    if len(shares) == 2:
        scoring = ["average_precision", "roc_auc"]
    yield Advice(
        "most-rows-of-one-class",
        f"{shares.iloc[0]:.1%} of the rows have the {view.y_train.name} "
        f"'{shares.index[0]}': a model that always says so has this accuracy.",
        f"scoring: {in_yaml(scoring)}",
    )


def find_spellings(view: View) -> Iterator[Advice]:
    """Yield classes that differ only by case or spaces."""
    if not view.is_classification:
        return
    labels = pd.Series(
        [label for label in view.y_train.unique() if isinstance(label, str)],
        dtype=object,
    )
    plain = labels.map(lambda label: " ".join(label.split()).casefold())
    is_repeated = plain.duplicated(keep=False)
    if not is_repeated.any():
        return
    group = sorted(labels[plain == plain[is_repeated].iloc[0]])
    column = f"table[{view.y_train.name!r}]"
    quoted = " and ".join(repr(label) for label in group)
    yield Advice(
        "spellings-of-one-class",
        f"The classes {quoted} of {view.y_train.name} differ only by case or spaces.",
        f"{column} = {column}.str.split().str.join(' ').str.lower()  "
        f"# first line of split_data in {NODES}",
    )


def find_numeric_classes(view: View) -> Iterator[Advice]:
    """Yield that classifiers are to predict what is a quantity."""
    y = view.y_train
    if not view.is_classification or not pd.api.types.is_numeric_dtype(y):
        return
    counts = y.value_counts()
    if len(counts) <= MANY_CLASSES:
        return
    # Classes that are numbered have successive numbers, and rows of each.
    is_numbered = counts.index.max() - counts.index.min() + 1 == len(counts)
    is_rare = float(np.mean(counts < FEW_ROWS)) >= 0.1
    if is_numbered and not is_rare:
        return
    yield Advice(
        "quantity-as-classes",
        f"{y.name} has {len(counts)} different numbers, and the models take each for a "
        "class of its own. To predict a quantity, use regressors.",
        "class: sklearn.ensemble.HistGradientBoostingRegressor",
    )
