"""Draws the simple figures of plotly as SVG, which needs no script of 4.6 MB.

Only what a report needs: dots with error bars, lines, bars and heat maps. The template
draws; here is where things are.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

WIDTH, ROW, HEIGHT = 640.0, 26.0, 260.0


TOP, RIGHT, BOTTOM = 14.0, 16.0, 44.0


LETTER = 8.0  # roughly the width of one


MAX_NAME, MAX_ROWS = 30, 40


Array = np.ndarray[Any, Any]


@dataclass
class Axis:
    """Numbers, or names by their numbers, along one side of a chart."""

    low: float
    high: float
    start: float
    end: float
    names: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, names: Iterable[Any], start: float, room: float, most: int) -> Self:
        """Give each name so much room, and at most so many letters."""
        short = [
            name if len(name) <= most else f"{name[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
            for name in map(str, names)
        ]
        return cls(-0.5, len(short) - 0.5, start, start + room * len(short), short)

    @classmethod
    def around(cls, values: Array, start: float, end: float) -> Self:
        """Make one that has room for all values that are finite."""
        known = values[np.isfinite(values)].tolist() or [0.0, 1.0]
        low, high = min(known), max(known)
        room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
        return cls(low - room, high + room, start, end)

    def at(self, value: float) -> float:
        """Return where a value is."""
        share = (value - self.low) / (self.high - self.low)
        return round(float(self.start + share * (self.end - self.start)), 1)

    def ticks(self) -> list[tuple[float, str]]:
        """Return all names, or about five round numbers, with their places."""
        if self.names:
            return [(self.at(number), name) for number, name in enumerate(self.names)]
        rough = (self.high - self.low) / 5
        power = 10 ** math.floor(math.log10(rough))
        step = next(one * power for one in (1, 2, 5, 10) if one * power >= rough)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        numbers = (number * step for number in range(first, last + 1))
        return [(self.at(number), f"{number:.6g}") for number in numbers]


@dataclass
class Chart:
    """What the template draws; all places in units of the picture."""

    x: Axis
    y: Axis
    title: str = ""
    x_title: str = ""
    series: list[dict[str, Any]] = field(default_factory=list)
    cells: list[tuple[int, int, float, str]] = field(default_factory=list)
    """Number of column and row, share of the highest value, and text."""

    width: float = WIDTH

    @property
    def height(self) -> float:
        """Return the height that the y axis needs, with what is below."""
        return max(self.y.start, self.y.end) + BOTTOM


def charts_of(figure: Any) -> list[Chart]:
    """Return a chart for each part of a figure that can be drawn simply."""
    parts: dict[str, list[Any]] = {}
    for trace in figure.data:
        parts.setdefault(getattr(trace, "xaxis", None) or "x", []).append(trace)
    # Names of facets, in the order of their axes, are column=value; those of a grid are
    # of its rows and columns.
    notes = [one.text.partition("=") for one in figure.layout.annotations or []]
    axes = sorted(parts, key=lambda axis: int(axis[1:] or 1))
    titles = {}
    if len(notes) == len(axes) > 1 and len({name for name, is_, _ in notes if is_}) < 2:
        names = (value if is_ else name for name, is_, value in notes)
        titles = dict(zip(axes, names, strict=True))
    charts = []
    for axis, traces in parts.items():
        kind, title = traces[0].type, titles.get(axis, "")
        is_bars = kind == "bar" and traces[0].orientation == "h"
        if kind == "heatmap":
            charts.append(_heat_map(traces[0]))
        elif is_bars or kind in ("scatter", "scattergl"):
            named = figure.layout[f"xaxis{axis[1:]}"].title.text
            charts.append(_series_chart(traces, title, named or ""))
    return charts


def _series_chart(traces: list[Any], title: str, x_title: str) -> Chart:
    """Place dots, lines or bars; texts on the y axis become rows."""
    rows = list(dict.fromkeys(y for t in traces for y in t.y if isinstance(y, str)))
    if len(rows) > MAX_ROWS:
        x_title += f" (the first {MAX_ROWS} of {len(rows)})"
        rows = rows[:MAX_ROWS]
    tables = [_numbers(trace, rows) for trace in traces]
    x, y, error = np.concatenate(tables).T
    bars = traces[0].type == "bar"
    ends = np.concatenate([x - error, x + error, [0.0] * bars])
    y_axis = Axis.around(y, HEIGHT - BOTTOM, TOP)
    if rows:
        y_axis = Axis.of(rows, TOP, ROW, MAX_NAME)
    x_axis = Axis.around(ends, _left(y_axis), WIDTH - RIGHT)
    chart = Chart(x_axis, y_axis, title, x_title)
    numbers = {name: i for i, name in enumerate(dict.fromkeys(t.name for t in traces))}
    for trace, table in zip(traces, tables, strict=True):
        points = [
            (x, y, error, f"{name}: {x:.4g}")
            for (x, y, error), name in zip(table, trace.y, strict=True)
            if math.isfinite(x + y)
        ]
        chart.series.append(
            {
                "name": trace.name or "",
                "color": numbers[trace.name] % 6,
                "points": points,
                "bars": bars,
                "line": not (rows or bars) and "lines" in (trace.mode or "lines"),
                "hollow": "open" in str(getattr(trace.marker, "symbol", "")),
            }
        )
    return chart


def _heat_map(trace: Any) -> Chart:
    """Place the cells of a matrix, darker where the value is higher."""
    matrix = np.array(trace.z, dtype=float)
    low, high = np.nanmin(matrix), np.nanmax(matrix)
    y_axis = Axis.of(trace.y, TOP, ROW, MAX_NAME)
    wide = (WIDTH - RIGHT - _left(y_axis)) / matrix.shape[1]
    chart = Chart(Axis.of(trace.x, _left(y_axis), wide, int(wide / LETTER)), y_axis)
    for (row, column), value in np.ndenumerate(matrix):
        if math.isfinite(value):
            share = (value - low) / (high - low) if high > low else 0.5
            text = f"{value:.3f}".rstrip("0").rstrip(".")
            chart.cells.append((column, row, round(share, 2), text))
    return chart


def _numbers(trace: Any, rows: list[str]) -> Array:
    """Return x, y and the error of x of each point; NaN marks what cannot be placed."""
    ys = [rows.index(y) if y in rows else None for y in trace.y] if rows else trace.y
    columns = [[_number(one) for one in column] for column in (trace.x, ys)]
    errors = trace.error_x.array
    errors = np.zeros(len(ys)) if errors is None else [*map(_number, errors)]
    return np.transpose([*columns, np.nan_to_num(errors)])


def _number(value: Any) -> float:
    """Return a value as a number; NaN if it is none, or not finite."""
    is_number = isinstance(value, int | float | np.number) and math.isfinite(value)
    return float(value) if is_number else math.nan


def _left(y_axis: Axis) -> float:
    """Return the room that names on the left need."""
    return 20 + LETTER * max(map(len, y_axis.names), default=5)
