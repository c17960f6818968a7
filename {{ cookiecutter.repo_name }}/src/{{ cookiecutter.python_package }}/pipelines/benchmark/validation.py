"""Cross-validation on the training part: what tuning goes by."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..models.estimators import build_estimator
from ..models.specs import ModelSpec
from .specs import TuningSpec


@dataclass(frozen=True)
class Validation:
    """Scores models on folds of the training part."""

    tuning: TuningSpec
    encoder: Any
    """Of the whole training part; a copy of it is fitted again in each fold."""

    X_train: pd.DataFrame
    y_train: pd.DataFrame
    random_state: int
    """Seed for models that take one."""

    def pipeline(self, model: ModelSpec) -> Any:
        """Return encoder and model as one unfitted estimator.

        Each fold fits its own encoder, so that nothing of its validation rows is known.
        """
        from sklearn.base import clone
        from sklearn.pipeline import make_pipeline

        return make_pipeline(
            clone(self.encoder), build_estimator(model, self.random_state)
        )

    def folds(self) -> Any:
        """Return the folds: shuffled, classes with their shares, the same each time."""
        from sklearn.model_selection import StratifiedKFold

        return StratifiedKFold(
            self.tuning.folds, shuffle=True, random_state=self.tuning.random_state
        )

    def scores(self, model: ModelSpec) -> Any:
        """Return the score on each fold, an array of floats; higher is better.

        Raises:
            ValueError: If the model cannot be fitted or scored, or a score is NaN.
        """
        from sklearn.model_selection import cross_val_score

        with warnings.catch_warnings():
            # Of unfortunate parameters: the score says so.
            warnings.simplefilter("ignore")
            scores = cross_val_score(
                self.pipeline(model),
                self.X_train,
                self.y_train.iloc[:, 0],
                cv=self.folds(),
                scoring=self.tuning.scoring,
                error_score="raise",
            )
        if np.isnan(scores).any():
            raise ValueError(f"{self.tuning.scoring} is not a number")
        return scores


def with_parameters(model: ModelSpec, parameters: dict[str, Any]) -> ModelSpec:
    """Return a model with other arguments; those not given stay as they are."""
    kwargs = {**model.model_kwargs, **parameters}
    return model.model_copy(update={"model_kwargs": kwargs})
