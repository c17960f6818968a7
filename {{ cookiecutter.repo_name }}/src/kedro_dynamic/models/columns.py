"""The encoder, and parts of fitted models that scikit-learn lacks.

This module imports scikit-learn, so it is itself imported only where it is needed.
"""

from typing import TYPE_CHECKING, Any

import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

from kedro_dynamic.config.library import Versioned

if TYPE_CHECKING:  # a served model imports this module without pydantic
    from kedro_dynamic.config.schema import DataSpec


def with_encoder(estimator: Any, data: "DataSpec", X: pd.DataFrame) -> Any:
    """Return encoder and estimator as one, to be fitted and used on raw rows.

    Gaps in numbers are filled by the median; a text becomes a column of 0 and 1 per
    category, a gap in it being one more, and categories that the training rows do not
    have are 0 in all of them. What it learns, it learns from the rows it is fitted to.
    """
    if data.encode == "none":
        return estimator
    numbers: Any = SimpleImputer(strategy="median", keep_empty_features=True)
    if data.encode == "scale":
        numbers = make_pipeline(numbers, StandardScaler())
    numeric = list(X.select_dtypes("number"))
    texts = [name for name in X if name not in numeric]
    if not texts:
        return make_pipeline(numbers, estimator)
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer(
        [("numbers", numbers, numeric), ("texts", categories, texts)],
        sparse_threshold=0,
    )
    return make_pipeline(columns, estimator)


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
