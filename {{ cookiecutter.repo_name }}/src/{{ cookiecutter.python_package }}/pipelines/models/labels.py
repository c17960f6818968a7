"""Lets classifiers that know only the classes 0, 1, 2, ... take any labels.

This module imports scikit-learn, so it is itself imported only where it is needed.
"""

from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.preprocessing import LabelEncoder


class LabelEncodedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that numbers the labels for the one inside it.

    Args:
        estimator: A classifier for the classes 0 to n - 1, such as xgboost's.
    """

    def __init__(self, estimator: Any):
        self.estimator = estimator

    def fit(self, X: pd.DataFrame, y: "pd.Series[Any]") -> "LabelEncodedClassifier":
        """Fit a copy of the estimator to features X and the numbers of labels y."""
        self.encoder_ = LabelEncoder().fit(y)
        self.classes_ = self.encoder_.classes_
        self.estimator_ = clone(self.estimator).fit(X, self.encoder_.transform(y))
        return self

    def predict(self, X: pd.DataFrame) -> Any:
        """Return one label per row of X."""
        return self.encoder_.inverse_transform(self.estimator_.predict(X))

    def predict_proba(self, X: pd.DataFrame) -> Any:
        """Return one row per row of X, with the probability of each of ``classes_``."""
        return self.estimator_.predict_proba(X)
