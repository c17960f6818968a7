"""Pipelines that are assembled when they are looked into."""

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
        self._flow: tuple[Counter[str], set[str]] | None = None

    def __getattr__(self, name: str) -> Any:
        # Only called for what is missing: first of all, what Pipeline.__init__ sets.
        with self._building:
            build = vars(self).get("_build")
            if build and name not in vars(self):
                vars(self).update(vars(build()), _build=None)
        if name not in vars(self):
            raise AttributeError(f"'Pipeline' object has no attribute '{name}'")
        return vars(self)[name]

    def __reduce__(self) -> tuple[type[Pipeline], tuple[list[Node]]]:
        return Pipeline, (self.nodes,)

    def __sub__(self, other: Pipeline) -> Pipeline:
        if self._flow is None:
            self._flow = _consumers(self), self.all_outputs()
        if any("@" in name for name in self._flow[1]):
            # Transcoded names, such as table@spark, take Kedro's own look.
            return super().__sub__(other)
        return _Remainder(self, other, *self._flow)


class _Remainder(LazyPipeline):
    """A pipeline without the nodes of another, whose inputs are known at once.

    Kedro-Viz takes each namespace out of the whole to see what connects the two. With a
    thousand namespaces, assembling what is left each time would take it many minutes.
    """

    def __init__(
        self, whole: Pipeline, part: Pipeline, taken: Counter[str], made: set[str]
    ):
        super().__init__(lambda: Pipeline.__sub__(whole, part))
        self._part, self._taken, self._made = part, taken, made

    def inputs(self) -> set[str]:
        """Return the names of the datasets that are taken and not made."""
        by_part = _consumers(self._part)
        # Those of which the part is not the only consumer.
        needed = {name for name, count in self._taken.items() if count > by_part[name]}
        return needed - (self._made - self._part.all_outputs())


def _consumers(pipeline: Pipeline) -> Counter[str]:
    """Count how many nodes take each dataset."""
    return Counter(name for node in pipeline.nodes for name in set(node.inputs))
