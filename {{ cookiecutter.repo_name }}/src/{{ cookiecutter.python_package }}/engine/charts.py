"""Draws the simple figures of plotly as SVG, which needs no script of 4.6 MB.

Only what a report needs: dots with error bars, lines, bars and heat maps. The template
draws; here is where things are.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

WIDTH, ROW, HEIGHT = 640.0, 26.0, 260.0
LEFT, TOP, RIGHT, BOTTOM = 60.0, 14.0, 16.0, 44.0
LETTER = 8.0  # roughly the width of one
MAX_NAME, MAX_ROWS = 30, 40


@dataclass
class Axis:
    """Numbers along one side of a chart."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where a value is."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[tuple[float, str]]:
        """Return about five round numbers, with their places."""
        rough = (self.high - self.low) / 5
        power = 10 ** math.floor(math.log10(rough))
        step = next(one * power for one in (1, 2, 5, 10) if one * power >= rough)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        numbers = (number * step for number in range(first, last + 1))
        return [(self.at(number), f"{number:.6g}") for number in numbers]


@dataclass
class Chart:
    """What the template draws; all places in units of the picture."""

    title: str
    height: float = HEIGHT
    width: float = WIDTH
    left: float = LEFT
    x_title: str = ""
    x_ticks: list[tuple[float, str]] = field(default_factory=list)
    y_ticks: list[tuple[float, str]] = field(default_factory=list)
    series: list[dict[str, Any]] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)


def charts_of(figure: Any) -> list[Chart]:
    """Return a chart for each part of a figure that can be drawn simply."""
    parts: dict[str, list[Any]] = {}
    for trace in figure.data:
        parts.setdefault(getattr(trace, "xaxis", None) or "x", []).append(trace)
    notes = [note.text for note in figure.layout.annotations or []]
    titles = notes if len(notes) == len(parts) > 1 else [""] * len(parts)
    charts = []
    for (axis, traces), title in zip(parts.items(), titles, strict=True):
        if traces[0].type == "heatmap":
            charts.append(_heat_map(traces[0]))
        elif traces[0].type in ("scatter", "bar"):
            named = figure.layout[f"xaxis{axis[1:]}"].title.text
            charts.append(_series_chart(traces, title, named or ""))
    return charts


def _series_chart(traces: list[Any], title: str, x_title: str) -> Chart:
    """Place dots, lines or bars; texts on the y axis become rows."""
    rows = list(dict.fromkeys(y for t in traces for y in t.y if isinstance(y, str)))
    if len(rows) > MAX_ROWS:
        x_title += f" (the first {MAX_ROWS} of {len(rows)})"
        rows = rows[:MAX_ROWS]
    left, height = _left(rows) if rows else LEFT, HEIGHT
    if rows:
        height = TOP + BOTTOM + ROW * len(rows)
    bars = traces[0].type == "bar"
    x_axis = Axis(
        *_span([_low_high(t, "x") for t in traces], bars), left, WIDTH - RIGHT
    )
    chart = Chart(title, height, left=left, x_title=x_title, x_ticks=x_axis.ticks())
    if rows:
        places = {name: TOP + ROW * (i + 0.5) for i, name in enumerate(rows)}
        chart.y_ticks = [(place, _short(name)) for name, place in places.items()]
    else:
        y_axis = Axis(*_span([_low_high(t, "y") for t in traces]), height - BOTTOM, TOP)
        chart.y_ticks = y_axis.ticks()
    numbers = {name: i for i, name in enumerate(dict.fromkeys(t.name for t in traces))}
    for trace in traces:
        points = [
            (x_axis.at(x), places[y] if rows else y_axis.at(y), f"{y}: {x:.4g}")
            for x, y in zip(trace.x, trace.y, strict=True)
            if _finite(x) and (y in places if rows else _finite(y))
        ]
        chart.series.append(
            {
                "name": trace.name or "",
                "color": numbers[trace.name] % 6,
                "points": points,
                "zero": x_axis.at(0) if bars else None,
                "errors": _errors(trace, x_axis, places) if rows else [],
                "line": not rows and "lines" in (trace.mode or "lines+markers"),
                "dashed": bool(trace.type == "scatter" and trace.line.dash == "dot"),
                "hollow": "open" in str(getattr(trace.marker, "symbol", "")),
            }
        )
    return chart


def _heat_map(trace: Any) -> Chart:
    """Place the cells of a matrix, darker where the value is higher."""
    matrix = np.array(trace.z, dtype=float)
    names = [[str(name) for name in axis] for axis in (trace.x, trace.y)]
    left = _left(names[1])
    wide = (WIDTH - RIGHT - left) / matrix.shape[1]
    chart = Chart("", TOP + BOTTOM + ROW * matrix.shape[0], left=left)
    low, high = np.nanmin(matrix), np.nanmax(matrix)
    letters = int(wide / LETTER)
    chart.x_ticks = [
        (left + wide * (i + 0.5), _short(name, letters))
        for i, name in enumerate(names[0])
    ]
    chart.y_ticks = [
        (TOP + ROW * (i + 0.5), _short(name)) for i, name in enumerate(names[1])
    ]
    for (row, column), value in np.ndenumerate(matrix):
        if math.isfinite(value):
            share = (value - low) / (high - low) if high > low else 0.5
            chart.cells.append(
                {
                    "x": left + wide * column,
                    "y": TOP + ROW * row,
                    "width": wide,
                    "height": ROW,
                    "share": round(float(share), 2),
                    "text": f"{value:.3f}".rstrip("0").rstrip("."),
                }
            )
    return chart


def _errors(trace: Any, axis: Axis, places: dict[str, float]) -> list[Any]:
    """Return the ends of error bars, and their rows."""
    if trace.type != "scatter" or trace.error_x.array is None:
        return []
    triples = zip(trace.x, trace.error_x.array, trace.y, strict=True)
    return [
        (axis.at(x - error), axis.at(x + error), places[y])
        for x, error, y in triples
        if _finite(x) and _finite(error) and y in places
    ]


def _low_high(trace: Any, side: str) -> tuple[float, float]:
    """Return the ends of what a trace covers, error bars included."""
    values = np.array([one if _finite(one) else math.nan for one in trace[side]], float)
    bars = getattr(trace, f"error_{side}").array
    error = np.nan_to_num(np.array(bars, float)) if bars is not None else 0.0
    if not np.isfinite(values).any():
        return math.nan, math.nan
    return float(np.nanmin(values - error)), float(np.nanmax(values + error))


def _span(ends: list[tuple[float, float]], zero: bool = False) -> tuple[float, float]:
    """Return a range that has room for all values."""
    flat = [one for pair in ends for one in pair if math.isfinite(one)] + [0.0] * zero
    low, high = min(flat, default=0.0), max(flat, default=1.0)
    room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return low - room, high + room


def _left(names: list[str]) -> float:
    """Return the room that names on the left need."""
    return 20 + LETTER * max(len(_short(name)) for name in names)


def _short(name: str, letters: int = MAX_NAME) -> str:
    """Return a name that fits."""
    return (
        name
        if len(name) <= letters
        else f"{name[: letters - 1]}\N{HORIZONTAL ELLIPSIS}"
    )


def _finite(value: Any) -> bool:
    """Tell whether a value is a number that has a place."""
    return isinstance(value, int | float | np.number) and math.isfinite(value)
