"""Which nodes of the project make a dataset, whether a run has them or not."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kedro.framework.project import pipelines
from kedro.pipeline import Node, Pipeline


def registered_nodes(run_params: Mapping[str, Any]) -> Iterator[list[Node]]:
    """Yield the nodes of a run's pipelines and the default one, then of each other one.

    Args:
        run_params: What Kedro tells hooks of the run.
    """
    names = dict.fromkeys([*(run_params.get("pipeline_names") or []), "__default__"])
    near = [name for name in names if name in pipelines]
    yield [node for name in near for node in pipelines[name].nodes]
    for name in pipelines:
        if name not in near:
            yield pipelines[name].nodes


def find_makers(
    datasets: Iterable[str], registered: Iterable[list[Node]], are_made: set[str]
) -> Pipeline:
    """Return the nodes that make some datasets, and all that these are made from.

    Args:
        datasets: Names of the datasets.
        registered: From ``registered_nodes``. All but the first are looked into only
            as long as something is missing.
        are_made: The datasets that some node must have made.
    """
    makers: dict[str, Node] = {}
    found: dict[str, Node] = {}
    for nodes in registered:
        for node in nodes:
            for name in node.outputs:
                makers.setdefault(name, node)

        wanted = [*datasets, *(name for node in found.values() for name in node.inputs)]
        while wanted:
            maker = makers.get(wanted.pop())
            if maker is not None and maker.name not in found:
                found[maker.name] = maker
                wanted += maker.inputs
        if are_made <= {name for node in found.values() for name in node.outputs}:
            break
    return Pipeline(found.values())
