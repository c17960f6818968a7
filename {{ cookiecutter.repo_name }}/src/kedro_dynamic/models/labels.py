"""A classifier for estimators that take numbers as classes, such as xgboost's.

This module imports scikit-learn, so it is itself imported only where it is needed.
"""

from typing import Any

from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.preprocessing import LabelEncoder

from kedro_dynamic.config.library import Versioned


class LabelEncodedClassifier(
    Versioned,
    ClassifierMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """A classifier that numbers the labels for the one inside it, such as xgboost's."""

    def __init__(self, estimator: Any):
        self.estimator = estimator

    def fit(self, X: Any, y: Any) -> "LabelEncodedClassifier":
        """Fit a copy of the estimator to features X and the numbers of labels y."""
        self.encoder_ = LabelEncoder().fit(y)
        self.classes_ = self.encoder_.classes_
        self.estimator_ = clone(self.estimator).fit(X, self.encoder_.transform(y))
        return self

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the estimator and its parameters, by its own names for them."""
        own = {"estimator": self.estimator}
        return own | self.estimator.get_params() if deep else own

    def set_params(self, **params: Any) -> "LabelEncodedClassifier":
        """Set the estimator, or its parameters."""
        self.estimator = params.pop("estimator", self.estimator)
        self.estimator.set_params(**params)
        return self

    def predict(self, X: Any) -> Any:
        """Return one label per row of X."""
        return self.encoder_.inverse_transform(self.estimator_.predict(X))

    def predict_proba(self, X: Any) -> Any:
        """Return one row per row of X, with the probability of each of ``classes_``."""
        return self.estimator_.predict_proba(X)
