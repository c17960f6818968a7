"""Promotes the inference pipeline of a run, if it answers better than the champion.

Both answer as they do for users: the logged models are loaded, and predict rows that
neither of them was trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from kedro.framework.project import pipelines
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.models.model import ModelInfo

from kedro_dynamic.champion.compare import decide_by_resamples
from kedro_dynamic.champion.identity import identity_of, origins_of, why_apart
from kedro_dynamic.champion.registry import (
    Outcome,
    Verdict,
    current_champion,
    register_version,
    set_champion,
    stay_apart,
)
from kedro_dynamic.champion.serialize import log_pipeline
from kedro_dynamic.models.bootstrap import resample_rows
from kedro_dynamic.models.held_out import (
    score_on_samples,
    spread_probabilities,
    was_trained_on,
)
from kedro_dynamic.models.scores import display_named
from kedro_dynamic.runs.provenance import name_some
from kedro_dynamic.runs.run import Run

# What `score_on_samples` calls the scores that may decide.
NAMES = {
    "neg_log_loss": "log_loss",
    "accuracy": "accuracy",
    "f1_macro": "f1_macro",
    "roc_auc_ovr": "auc",
}

# The pipeline that sets the champion by hand.
PROMOTE = "promote"


@dataclass(frozen=True)
class Contest:
    """The rows that models are compared on, and the score that decides."""

    questions: pd.DataFrame
    truth: "pd.Series[Any]"
    scoring: str

    def answers_of(self, model_uri: str) -> tuple[Any, pd.DataFrame]:
        """Return a logged model, and its answers with a column for each label."""
        model = mlflow.pyfunc.load_model(model_uri)
        answers = model.predict(self.questions).reset_index(drop=True)
        return model, spread_probabilities(answers)

    def score(
        self, answers: Sequence[pd.DataFrame], samples: Sequence[Any]
    ) -> tuple[str, list[list[float]]]:
        """Return the name of the score, and the scores of some answers on samples."""
        scores = [score_on_samples(self.truth, each, samples) for each in answers]
        metric = self.scoring
        if not all(NAMES[metric] in each for each in scores):
            metric = "accuracy"  # a champion of old lacks probabilities
        sign = -1 if metric.startswith("neg_") else 1
        return metric, [
            [sign * score for score in each[NAMES[metric]]] for each in scores
        ]

    def compare(
        self,
        answers: tuple[pd.DataFrame, pd.DataFrame],
        rows: Any,
        margin: float,
        name: str,
    ) -> Verdict:
        """Compare the answers of a candidate and of the champion on some rows."""
        samples = [rows, *(rows[sample] for sample in resample_rows(len(rows)))]
        metric, ((new, *news), (old, *olds)) = self.score(answers, samples)
        differences = np.subtract(news, olds).tolist()
        y = self.truth.iloc[rows]
        return decide_by_resamples(differences, new, old, margin, name, y, metric)


def promote_pipeline(
    run: Run, pipeline: PipelineML, client: MlflowClient
) -> Outcome | None:
    """Log an inference pipeline, and compare it with the champion if there are tests.

    The dataset ``test_<input_name>`` has the rows that were held out; its column
    ``label`` has their true labels.

    Args:
        run: The run.
        pipeline: The training pipeline, which knows its inference pipeline.
        client: Client of the store.

    Returns:
        The champion, and why; None without tests, or without a registered model.
    """
    registered_name = pipeline.log_model_kwargs.get("registered_model_name")
    test_name = f"test_{pipeline.input_name}"
    is_tested = test_name in pipeline.all_outputs()
    no_rows = pd.DataFrame({"label": []})
    test = run.catalog[test_name].load() if is_tested else no_rows

    info = log_pipeline(pipeline, run.catalog, test.drop(columns="label"))
    if not (registered_name and is_tested):
        return None
    outcome = _set_champion(run, pipeline, client, test, info, registered_name)
    if outcome.champion == _name(registered_name) or PROMOTE not in pipelines:
        return outcome
    command = f"kedro run --pipelines {PROMOTE} --params model_uri={info.model_uri}"
    return outcome._replace(sentence=f"{outcome.sentence} To set it: {command}")


def _set_champion(
    run: Run,
    pipeline: PipelineML,
    client: MlflowClient,
    test: pd.DataFrame,
    info: ModelInfo,
    registered_name: str,
) -> Outcome:
    """Compare a logged model with the champion, which it replaces if it is better."""
    table = run.plan.keys.get(pipeline.input_name, pipeline.input_name)
    champion = current_champion(client, registered_name)
    apart = _why_apart(run, pipeline, table, champion)
    if apart:
        return stay_apart(champion, apart)

    questions = test.drop(columns="label")
    truth = test["label"].reset_index(drop=True)
    contest = Contest(questions, truth, getattr(pipeline, "scoring", "accuracy"))
    _, new = contest.answers_of(info.model_uri)
    accuracy = float((new["label"] == truth).mean())
    majority = truth.value_counts(normalize=True).max()
    if accuracy < majority:
        below = f"accuracy {accuracy:.3f} is below the majority, {majority:.3f}"
        return stay_apart(champion, below)
    name = _name(registered_name)
    metric, ((score,),) = contest.score([new], [np.arange(len(test))])

    def compare(champion: ModelVersion) -> Verdict:
        uri = f"models:/{registered_name}/{champion.version}"
        model, old = contest.answers_of(uri)
        rows = np.flatnonzero(~was_trained_on(model, questions))
        where = f"on {len(rows)} of {len(test)} test rows, new to both"
        if not len(rows):
            return Verdict(False, f"{name} cannot be compared {where}")
        margin = run.store.config.champion.margin
        verdict = contest.compare((new, old), rows, margin, name)
        return Verdict(verdict.wins, f"{verdict.reason}, {where}")

    def register(_: Any) -> str:
        facts = {"metric": metric, "score": f"{score:.6g}"}
        facts |= identity_of(run, table)
        return register_version(client, registered_name, info, run.mlflow.id, facts)

    named = [display_named(metric, score), display_named("accuracy", accuracy)]
    scores = ", ".join(dict.fromkeys(named))
    shown = f"{scores} (the majority {majority:.3f}), on {len(test):,} test rows"
    return set_champion(client, registered_name, name, compare, register, shown)


def _name(registered_name: str) -> str:
    """Return what people call the model of a run."""
    return f"{registered_name} of this run"


def _why_apart(
    run: Run, pipeline: PipelineML, table: str, champion: ModelVersion | None
) -> str:
    """Return why an inference pipeline does not compete with a champion."""
    outdated = sorted(run.plan.outdated.keys() & pipeline.datasets())
    if outdated:
        named = name_some(sorted({run.plan.outdated[name] for name in outdated}))
        return f"files of other parameters, data or code were taken ({named})"
    if champion is None:
        return ""
    return why_apart(run, origins_of(run, pipeline.input_name), table, champion)
