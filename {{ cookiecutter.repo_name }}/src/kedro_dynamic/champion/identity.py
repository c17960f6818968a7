"""What a champion belongs to: a project, a table and its columns.

Scores on other rows, or of other columns, say nothing of who is better. So a run on
other data does not compete with the champion, unless ``tracking.yml`` says so.
"""

from mlflow.entities.model_registry import ModelVersion

from kedro_dynamic.config.process import HOST
from kedro_dynamic.config.project import loader_in_force
from kedro_dynamic.registry.config_loader import ProjectConfigLoader
from kedro_dynamic.runs.makers import find_makers, registered_nodes
from kedro_dynamic.runs.run import Run
from kedro_dynamic.tracking.lineage import origin_of

PROJECT, TABLE = "project", "table"
ASK = "to let this run compete, write 'any_data: true' below 'champion' in tracking.yml"


def identity_of(run: Run, table: str) -> dict[str, str]:
    """Return what a champion of a run belongs to, as tags of its version.

    Args:
        run: The run.
        table: Name of its table, or the file with it.
    """
    return {PROJECT: _project_of(run), TABLE: table}


def why_apart(
    run: Run, data: set[str], table: str, champion: ModelVersion | None
) -> str:
    """Return why a run does not compete with a champion; "" if it does.

    Args:
        run: The run.
        data: The parameters and catalog entries that say what the data are.
        table: Name of its table, or the file with it.
        champion: The champion, if there is one.
    """
    if run.store.config.champion.any_data:
        return ""

    loader = loader_in_force()
    if isinstance(loader, ProjectConfigLoader):
        deviations = loader.find_deviations(sorted(data))
        if deviations:
            named = ", ".join(deviations).replace("params:", "")
            return f"the data of this run differ by --env or --params ({named}); {ASK}"

    if champion is None:
        return ""
    champions_table = champion.tags.get(TABLE, table)
    if champions_table != table:
        return f"it is of the table {champions_table}, this run of {table}; {ASK}"
    if run.store.is_local:  # all its champions are the project's, even if it moved
        return ""
    project = _project_of(run)
    champions_project = champion.tags.get(PROJECT, project)
    if champions_project != project:
        return f"it is of the project {champions_project}; {ASK}"
    return ""


def origins_of(run: Run, dataset: str) -> set[str]:
    """Return the parameters and the raw data that a dataset is made from."""
    registered = registered_nodes(run.params)
    return find_makers([dataset], registered, {dataset}).inputs()


def _project_of(run: Run) -> str:
    """Return the repository of a project, or else its folder on this machine."""
    return origin_of(run.root) or f"{HOST}:{run.root}"
