"""From a ``search_space`` to Optuna's suggestions, and back."""

from collections.abc import Mapping
from typing import Any

from optuna import Trial

from ..models.search_space import Dimension


def suggest(trial: Trial, space: Mapping[str, Dimension]) -> dict[str, Any]:
    """Let a trial choose a value for every parameter.

    Args:
        trial: Optuna's trial.
        space: The values that are possible, by name of the parameter.
    """
    return {name: _suggest(trial, name, one) for name, one in space.items()}


def as_fixed(name: str, dimension: Dimension, value: object) -> dict[str, Any] | None:
    """Return the choices by which a trial comes to a value; None if it cannot.

    Args:
        name: Name of the parameter.
        dimension: Its possible values.
        value: The value, for instance the default of the class.
    """
    match dimension:
        case Dimension(categorical=list() as choices):
            fits = any(value == one and type(value) is type(one) for one in choices)
        case Dimension(layers=None):
            low, high = dimension.integers or dimension.reals or (0, 0)
            fits = (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and low <= value <= high
                and (dimension.integers is None or value == int(value))
            )
        case _:
            return _layers_as_fixed(name, dimension, value)
    return {name: value} if fits else None


def _suggest(trial: Trial, name: str, dimension: Dimension) -> Any:
    """Let a trial choose a value."""
    log = dimension.log
    match dimension:
        case Dimension(integers=(low, high)):
            return trial.suggest_int(name, low, high, log=log)
        case Dimension(reals=(low, high)):
            return trial.suggest_float(name, low, high, log=log)
        case Dimension(categorical=list() as choices):
            return trial.suggest_categorical(name, choices)
    assert dimension.layers
    count = trial.suggest_int(f"{name}.count", *dimension.layers.count)
    # Widths of layers that do not exist are never asked for.
    return [
        trial.suggest_int(f"{name}.units_{i}", *dimension.layers.units, log=log)
        for i in range(count)
    ]


def _layers_as_fixed(
    name: str, dimension: Dimension, value: object
) -> dict[str, Any] | None:
    """Return the choices for the widths of hidden layers."""
    assert dimension.layers
    units = [value] if isinstance(value, int) else value
    (fewest, most), (least, widest) = dimension.layers.count, dimension.layers.units
    if (
        isinstance(units, list | tuple)
        and fewest <= len(units) <= most
        and all(isinstance(one, int) and least <= one <= widest for one in units)
    ):
        widths = {f"{name}.units_{i}": one for i, one in enumerate(units)}
        return {f"{name}.count": len(units), **widths}
    return None
