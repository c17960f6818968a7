"""Pipelines that are assembled when they are first looked into."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cached_property
from typing import Any

from kedro.pipeline import Node, Pipeline


class LazyPipeline(Pipeline):
    """A pipeline that is assembled when it is first looked into.

    Kedro reads the whole registry to list names or to run one pipeline; assembling a
    thousand pipelines takes most of a second.
    """

    _building = threading.RLock()

    def __init__(self, build: Callable[[], Pipeline]):
        self._build: Callable[[], Pipeline] | None = build

    def __getattr__(self, name: str) -> Any:
        # Called for attributes that are missing: first, for all that Pipeline's own
        # __init__ would have set.
        with self._building:
            build = vars(self).get("_build")
            if build and name not in vars(self):
                vars(self).update(vars(build()), _build=None)
        if name not in vars(self):
            raise AttributeError(f"'Pipeline' object has no attribute '{name}'")
        return vars(self)[name]

    def __reduce__(self) -> tuple[type[Pipeline], tuple[list[Node]]]:
        return Pipeline, (self.nodes,)

    def __sub__(self, part: Pipeline) -> Pipeline:
        if self._has_transcoded_names:
            # Only Kedro itself can match transcoded names, such as table@spark.
            return super().__sub__(part)
        return _Remainder(self, part)

    def only_nodes_with_namespaces(self, node_namespaces: list[str]) -> Pipeline:
        """Return the nodes in namespaces, as Kedro does, found in an index."""
        if len(node_namespaces) != 1 or node_namespaces[0] not in self._by_namespace:
            return super().only_nodes_with_namespaces(node_namespaces)
        return Pipeline(self._by_namespace[node_namespaces[0]])

    @cached_property
    def _by_namespace(self) -> dict[str, list[Node]]:
        """The nodes in each namespace, and in those that it is a part of."""
        by_namespace = defaultdict(list)
        for node in self.nodes:
            # A node without a namespace has the prefix "".
            for namespace in filter(None, node.namespace_prefixes):
                by_namespace[namespace].append(node)
        return dict(by_namespace)

    @cached_property
    def _consumers(self) -> Counter[str]:
        """How many nodes take each dataset."""
        return _count_consumers(self)

    @cached_property
    def _free_inputs(self) -> set[str]:
        """What the nodes take and do not make."""
        return self.inputs()

    @cached_property
    def _has_transcoded_names(self) -> bool:
        return any("@" in name for name in self.datasets())


class _Remainder(LazyPipeline):
    """A pipeline without the nodes of a part, whose inputs are known at once.

    Kedro-Viz subtracts each namespace from the pipeline to see what connects the two.
    With a thousand namespaces, assembling each remainder would take many minutes.
    """

    def __init__(self, pipeline: LazyPipeline, part: Pipeline):
        super().__init__(lambda: Pipeline.__sub__(pipeline, part))
        self._pipeline = pipeline
        self._part = part

    def inputs(self) -> set[str]:
        """Return the names of the datasets that are taken and not made."""
        before, in_part = self._pipeline._consumers, _count_consumers(self._part)
        # Without the part, nothing makes its outputs.
        candidates = self._pipeline._free_inputs | self._part.all_outputs()
        return {name for name in candidates if before[name] > in_part[name]}


def _count_consumers(pipeline: Pipeline) -> Counter[str]:
    """Count how many nodes take each dataset."""
    consumers = Counter[str]()
    for node in pipeline.nodes:
        consumers.update(set(node.inputs))
    return consumers
