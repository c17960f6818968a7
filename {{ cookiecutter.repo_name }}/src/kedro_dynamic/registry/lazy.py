"""Pipelines that are assembled when they are first looked into."""

import threading
from collections import Counter
from collections.abc import Callable
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
        # How many nodes take each dataset, and which are made: for subtractions.
        self._consumers: Counter[str] | None = None
        self._products: set[str] = set()

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
        if self._consumers is None:
            self._consumers = _count_consumers(self)
            self._products = self.all_outputs()
        if any("@" in name for name in self._products):
            # Only Kedro itself can match transcoded names, such as table@spark.
            return super().__sub__(part)
        return _Remainder(self, part, self._consumers, self._products)


class _Remainder(LazyPipeline):
    """A pipeline without the nodes of a part, whose inputs are known at once.

    Kedro-Viz subtracts each namespace from the pipeline to see what connects the two.
    With a thousand namespaces, assembling each remainder would take many minutes.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        part: Pipeline,
        consumers: Counter[str],
        products: set[str],
    ):
        super().__init__(lambda: Pipeline.__sub__(pipeline, part))
        self._part = part
        self._consumers_before = consumers
        self._products_before = products

    def inputs(self) -> set[str]:
        """Return the names of the datasets that are taken and not made."""
        consumers_in_part = _count_consumers(self._part)
        taken = {
            name
            for name, count in self._consumers_before.items()
            if count > consumers_in_part[name]
        }
        made = self._products_before - self._part.all_outputs()
        return taken - made


def _count_consumers(pipeline: Pipeline) -> Counter[str]:
    """Count how many nodes take each dataset."""
    consumers = Counter[str]()
    for node in pipeline.nodes:
        consumers.update(set(node.inputs))
    return consumers
