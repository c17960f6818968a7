"""Dynamic pipelines, tracking, a champion and a report for Kedro projects.

A project imports ``kedro_dynamic.settings`` in its ``settings.py`` and returns
``dynamic_pipelines()`` in its ``pipeline_registry.py``. Its pipelines use:

- ``read_parameters``: ``parameters.yml``, checked. ``ModelSpec``, ``TransformerSpec``,
  ``DataSpec``, ``ComparisonSpec``, ``TuningSpec`` and ``PredictSpec``: its parts, as
  Kedro's typed parameters. ``Schema``, ``Name`` and ``parse``: the same for a schema of
  the project's own.
- ``check_table``: whether something is a table of pandas with rows. ``select_rows`` and
  ``select_columns``: features and target of a table that models can learn from.
  ``split_rows`` and ``make_folds``: which rows test, validate and tune, also by groups
  and times (``groups_and_times``). ``fold_pairs``: the rows of each fold.
  ``advise_on_table``: what may make its scores flatter.
- ``read_columns``: what each column holds, and how it is read. ``show_unread_cells``:
  which cells of new rows a model cannot read.
- ``build_model``: encoder and estimator as one. ``build_estimator``: the estimator
  alone. ``Estimator``: its type.
- ``build_scorers``: scikit-learn's scorers. ``cross_validate_model`` and
  ``score_fitted_model``: scores on folds, and on other rows. ``score_resamples``: on
  resamples of other rows.
  ``summarize_folds`` and ``score_interval``: their columns on the leaderboard.
  ``display_name``, ``display_value`` and ``display_number``: how they are shown.
  ``score_columns`` and ``score_of_column``: which columns of a leaderboard hold them,
  and of which score.
  ``infer_task``: classification or regression.
- ``find_baseline``: the best answer without features. ``BASELINE``: the name of its
  row. ``add_notes``: which models chance may have put where they are.
  ``measure_gains``, ``changed_arguments`` and ``describe_gains``: by how much tuning
  improves models, with which arguments, and that in a sentence.
  ``plot_leaderboard``: their scores, as a figure. ``plot_heat_map``: those on many
  data sets. ``plot_confusion``: which classes are taken for which.
  ``plot_reliability``: how often labels are right at which probability.
- ``tune_model``: a study of a model's ``search_space``.
- ``keep_going``: nodes that continue after a model failed. ``is_failure``: what
  such a node returns in its place.
- ``bind_inference`` and ``log_model_kwargs``: training and inference as one servable
  model.
  ``fingerprints``, ``was_trained_on`` and ``score_predictions``: which rows it may be
  judged by, and how good it is on them. ``check_same_rows``: whether texts and labels
  are of the same rows.
- ``read_text_parameters``: the parameters below ``text``, checked, and
  ``TokenizerSpec``, a part of them. ``check_columns``, ``label_values``,
  ``check_labels`` and ``row_keys``: what a raw table of texts has.
  ``split_texts``: training set and test set. ``clean_texts``, ``choose_features``,
  ``fit_vectorizer`` and ``fit_classifier``: from texts to a fitted classifier.
  ``EdgeTfidfVectorizer``: sequences of characters, also at the edges of a text.
  ``find_telling_words``: what speaks for each label.
  ``spread_probabilities``: the probabilities in its answers as columns.
  ``score_labels``: how good it is for each label. ``make_champion``: the champion set
  by hand.
- ``class_probabilities``, ``shown_probability`` and ``registered_version``: what the
  champion knows besides its predictions.
- ``ConfigurationError``, ``DataError``, ``did_you_mean`` and ``find_unknown_columns``:
  errors for the user.

Names are imported when they are first used: MLflow and scikit-learn take seconds.
"""

import multiprocessing
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .config.library import PACKAGE_VARIABLE, VERSION

if TYPE_CHECKING:
    from .champion.registry import make_champion as make_champion
    from .config.errors import ConfigurationError as ConfigurationError
    from .config.errors import DataError as DataError
    from .config.errors import did_you_mean as did_you_mean
    from .config.errors import find_unknown_columns as find_unknown_columns
    from .config.errors import parse as parse
    from .config.schema import BASELINE as BASELINE
    from .config.schema import ComparisonSpec as ComparisonSpec
    from .config.schema import DataSpec as DataSpec
    from .config.schema import ModelSpec as ModelSpec
    from .config.schema import Name as Name
    from .config.schema import PredictSpec as PredictSpec
    from .config.schema import Schema as Schema
    from .config.schema import TransformerSpec as TransformerSpec
    from .config.schema import TuningSpec as TuningSpec
    from .config.schema import read_parameters as read_parameters
    from .config.text import TokenizerSpec as TokenizerSpec
    from .config.text import read_text_parameters as read_text_parameters
    from .models.advice.console import advise_on_table as advise_on_table
    from .models.baseline import find_baseline as find_baseline
    from .models.bootstrap import score_interval as score_interval
    from .models.bootstrap import score_resamples as score_resamples
    from .models.columns.console import show_unread_cells as show_unread_cells
    from .models.columns.kinds import read_columns as read_columns
    from .models.data_checks import check_table as check_table
    from .models.data_checks import select_columns as select_columns
    from .models.data_checks import select_rows as select_rows
    from .models.estimators import Estimator as Estimator
    from .models.estimators import build_estimator as build_estimator
    from .models.estimators import build_model as build_model
    from .models.gains import changed_arguments as changed_arguments
    from .models.gains import describe_gains as describe_gains
    from .models.gains import measure_gains as measure_gains
    from .models.held_out import check_same_rows as check_same_rows
    from .models.held_out import fingerprints as fingerprints
    from .models.held_out import score_labels as score_labels
    from .models.held_out import score_predictions as score_predictions
    from .models.held_out import spread_probabilities as spread_probabilities
    from .models.held_out import was_trained_on as was_trained_on
    from .models.scores import display_name as display_name
    from .models.scores import display_number as display_number
    from .models.scores import display_value as display_value
    from .models.scores import score_columns as score_columns
    from .models.scores import score_of_column as score_of_column
    from .models.scoring import build_scorers as build_scorers
    from .models.scoring import cross_validate_model as cross_validate_model
    from .models.scoring import infer_task as infer_task
    from .models.scoring import score_fitted_model as score_fitted_model
    from .models.scoring import summarize_folds as summarize_folds
    from .models.significance import add_notes as add_notes
    from .models.split import fold_pairs as fold_pairs
    from .models.split import groups_and_times as groups_and_times
    from .models.split import make_folds as make_folds
    from .models.split import split_rows as split_rows
    from .models.text_tables import check_columns as check_columns
    from .models.text_tables import check_labels as check_labels
    from .models.text_tables import label_values as label_values
    from .models.text_tables import row_keys as row_keys
    from .models.text_tables import split_texts as split_texts
    from .models.texts import choose_features as choose_features
    from .models.texts import clean_texts as clean_texts
    from .models.texts import find_telling_words as find_telling_words
    from .models.texts import fit_classifier as fit_classifier
    from .models.texts import fit_vectorizer as fit_vectorizer
    from .models.tuning import tune_model as tune_model
    from .models.vectorizers import EdgeTfidfVectorizer as EdgeTfidfVectorizer
    from .registry.dynamic import dynamic_pipelines as dynamic_pipelines
    from .report.plots import plot_confusion as plot_confusion
    from .report.plots import plot_heat_map as plot_heat_map
    from .report.plots import plot_leaderboard as plot_leaderboard
    from .report.plots import plot_reliability as plot_reliability
    from .runs.failures import is_failure as is_failure
    from .runs.failures import keep_going as keep_going
    from .serving.answers import class_probabilities as class_probabilities
    from .serving.answers import registered_version as registered_version
    from .serving.answers import shown_probability as shown_probability
    from .serving.binding import bind_inference as bind_inference
    from .serving.binding import log_model_kwargs as log_model_kwargs

# The module of each public name.
_MODULES = {
    "champion.registry": ["make_champion"],
    "config.errors": [
        "ConfigurationError",
        "DataError",
        "did_you_mean",
        "find_unknown_columns",
        "parse",
    ],
    "config.schema": [
        "BASELINE",
        "ComparisonSpec",
        "DataSpec",
        "ModelSpec",
        "Name",
        "PredictSpec",
        "Schema",
        "TransformerSpec",
        "TuningSpec",
        "read_parameters",
    ],
    "config.text": ["TokenizerSpec", "read_text_parameters"],
    "models.advice.console": ["advise_on_table"],
    "models.baseline": ["find_baseline"],
    "models.bootstrap": ["score_interval", "score_resamples"],
    "models.columns.console": ["show_unread_cells"],
    "models.columns.kinds": ["read_columns"],
    "models.data_checks": ["check_table", "select_columns", "select_rows"],
    "models.estimators": ["Estimator", "build_estimator", "build_model"],
    "models.gains": ["changed_arguments", "describe_gains", "measure_gains"],
    "models.held_out": [
        "check_same_rows",
        "fingerprints",
        "score_labels",
        "score_predictions",
        "spread_probabilities",
        "was_trained_on",
    ],
    "models.scores": [
        "display_name",
        "display_number",
        "display_value",
        "score_columns",
        "score_of_column",
    ],
    "models.scoring": [
        "build_scorers",
        "cross_validate_model",
        "infer_task",
        "score_fitted_model",
        "summarize_folds",
    ],
    "models.significance": ["add_notes"],
    "models.split": [
        "fold_pairs",
        "groups_and_times",
        "make_folds",
        "split_rows",
    ],
    "models.text_tables": [
        "check_columns",
        "check_labels",
        "label_values",
        "row_keys",
        "split_texts",
    ],
    "models.texts": [
        "choose_features",
        "clean_texts",
        "find_telling_words",
        "fit_classifier",
        "fit_vectorizer",
    ],
    "models.tuning": ["tune_model"],
    "models.vectorizers": ["EdgeTfidfVectorizer"],
    "registry.dynamic": ["dynamic_pipelines"],
    "report.plots": [
        "plot_confusion",
        "plot_heat_map",
        "plot_leaderboard",
        "plot_reliability",
    ],
    "runs.failures": ["is_failure", "keep_going"],
    "serving.answers": [
        "class_probabilities",
        "registered_version",
        "shown_probability",
    ],
    "serving.binding": ["bind_inference", "log_model_kwargs"],
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_HOMES)
__version__ = VERSION


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


# Kedro does not configure the processes that ParallelRunner spawns: without this, the
# project's hooks would be missing there, and plugins that it disables would run. Where
# a model is served, Kedro need not be installed.
if multiprocessing.parent_process() and PACKAGE_VARIABLE in os.environ:
    from kedro.framework import project

    if project.PACKAGE_NAME is None:
        project.settings.configure(f"{os.environ[PACKAGE_VARIABLE]}.settings")
