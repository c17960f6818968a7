"""What people read on MLflow's pages: names, scores of the whole, descriptions."""

from contextlib import suppress

import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from ..record import plans
from ..trust import PACKAGE
from .outcome import KedroRun, ModelOutcome, Outcome

NOTE = "mlflow.note.content"
ABOUT = {
    # So MLflow opens it on its runs, once *Model training* is chosen on the left.
    "mlflow.experimentKind": "custom_model_development",
    NOTE: "A run for each `kedro run`, and below it one for each model. All on a page: "
    "click the newest run, then *Artifacts*, then `report.html`. The best model so far "
    f"is `models:/{PACKAGE}@champion`.",
}


def introduce(client: MlflowClient, experiment_id: str) -> None:
    """Say what kind an experiment is of, and describe it, where nobody has."""
    with suppress(MlflowException):  # it may be for others to describe
        known = client.get_experiment(experiment_id).tags
        for key in ABOUT.keys() - known.keys():
            client.set_experiment_tag(experiment_id, key, ABOUT[key])


def describe(run: KedroRun, outcome: Outcome) -> None:
    """Add to what MLflow is told of a run: best model, its score, counts, notes."""
    told, best = [], _best(run, {one.namespace: one for one in outcome.models})
    for model, score in best:
        told.append(f"**{model.name}** is best: {score} {model.metrics[score]:.3f}")
    if len(best) == 1:
        outcome.tags["winner"] = model.name
        outcome.metrics[score] = model.metrics[score]
        if outcome.name == run.name:  # nobody has named it
            name = f"{run.name.strip('_')}: {model.name} {model.metrics[score]:.3f}"
            outcome.name = outcome.tags["mlflow.runName"] = name
    if outcome.models:
        failed = [one.name for one in outcome.models if one.status == "FAILED"]
        counts = {"models": len(outcome.models), "models_failed": len(failed)}
        outcome.metrics |= counts
        told += [f"{count} {what.replace('_', ' ')}" for what, count in counts.items()]
    outcome.tags[NOTE] = "\n\n".join([*told, f"`{outcome.tags['kedro_command']}`"])
    for one in outcome.models:
        what = f"`{one.entry.class_path}` on {one.tags.get('data', 'data')}"
        one.tags[NOTE] = f"{what}\n\n`{one.tags['kedro_command']}`"


def _best(
    run: KedroRun, models: dict[str, ModelOutcome]
) -> list[tuple[ModelOutcome, str]]:
    """Return the first model of each leaderboard of a run, and the score it is for."""
    best, plan = [], plans[id(run.catalog)]
    made = [(node, name) for node in run.pipeline.nodes for name in node.outputs]
    for node, name in made:
        if name.rpartition(".")[2] == "leaderboard" and plan.made(name):
            board: pd.DataFrame = run.catalog[name].load()
            known = (
                models.get(f"{node.namespace}.{one}") for one in board.get("model", [])
            )
            first = next(filter(None, known), None)
            if first and board.columns[1] in first.metrics:
                best.append((first, board.columns[1]))
    return best
