"""What commands and runs cost: against plain Kedro, bare scikit-learn, no tracking."""

import re
import shutil
from collections import defaultdict
from functools import partial
from pathlib import Path

from measure import (
    HERE,
    Measured,
    Side,
    Table,
    in_turn,
    kedro,
    per_model,
    python,
)
from projects import (
    boosted,
    copy,
    edit,
    learn_digits,
    make_plain,
    set_models,
    trees,
)

MANY = 1000
# Trees of a model that takes about a second to fit once, on the digits.
SECOND = 24


def start(table: Table, project: Path, folder: Path) -> None:
    """Measure short commands, and list the imports that take longest."""
    dynamic = copy(project, folder / "dynamic", families=True)
    plain = make_plain(copy(project, folder / "plain"))
    for command in ("info", "registry list", "catalog list-patterns"):
        sides = in_turn(_kedro(dynamic, command), _kedro(plain, command))
        title = f"`kedro {command}`, with all families"
        table.row(title, sides[0], "plain Kedro, 3 models", sides[1])

    timed = python(dynamic, "-X", "importtime", "-m", "kedro", "registry", "list")
    seconds: defaultdict[str, float] = defaultdict(float)
    line = r"import time: +(\d+) \| +\d+ \| +(\w+)"
    for microseconds, name in re.findall(line, timed.output):
        seconds[name] += int(microseconds) / 1e6
    slowest = sorted(seconds, key=seconds.__getitem__, reverse=True)[:5]
    table.note(
        "The five packages whose import `kedro registry list` waits for longest, each "
        "without the packages that it imports:\n\n"
        + "\n".join(f"- {name}: {seconds[name]:.2f} s" for name in slowest)
    )


def registry(table: Table, project: Path, folder: Path, *counts: int) -> None:
    """Measure dynamic pipelines against pipelines that are written out."""
    for count in counts or (3, 100, MANY):
        dynamic = copy(project, folder / f"dynamic_{count}")
        # The first run makes the store and a champion.
        set_models(dynamic, trees(3))
        kedro(dynamic, "run")
        set_models(dynamic, trees(count))
        plain = make_plain(copy(dynamic, folder / f"plain_{count}"))

        list_dynamic = _kedro(dynamic, "registry list")
        sides = in_turn(list_dynamic, _kedro(plain, "registry list"))
        title = f"`kedro registry list`, {count:,} models"
        table.row(title, sides[0], "plain Kedro, written out", sides[1])
        if count >= MANY:
            naive = make_plain(copy(dynamic, folder / f"naive_{count}"), naive=True)
            sides = in_turn(list_dynamic, _kedro(naive, "registry list"))
            against = "plain Kedro, pipelines added up by `sum`"
            table.row(title, sides[0], against, sides[1])

        sides = in_turn(_kedro(dynamic, "run"), _kedro(plain, "run"))
        title = f"`kedro run`, {count:,} models"
        table.row(title, sides[0], "plain Kedro, written out", sides[1])


def cost(
    table: Table, project: Path, folder: Path, cheap: int = 100, slow: int = 10
) -> None:
    """Measure what each model adds to a run, and to a loop without Kedro."""
    few = 3
    for kind, count in (("cheap", cheap), ("one-second", slow)):
        sides: list[tuple[Side, Side]] = []
        for size in (few, few + count):
            side = copy(project, folder / f"{kind}_{size}")
            if kind == "one-second":
                learn_digits(side)
                # Five folds and the whole are six fits.
                models = boosted(size, SECOND // 6)
            else:
                models = trees(size)
            set_models(side, models, folds=5)
            loop = partial(python, HERE, "bare.py", "loop", str(side))
            sides.append((_kedro(side, "run"), loop))

        small, large = sides
        dynamic, bare = in_turn(
            per_model(small[0], large[0], count), per_model(small[1], large[1], count)
        )
        title = f"what each of {count} more {kind} models adds, 5 folds"
        table.row(title, dynamic, "a loop of scikit-learn", bare)


def tracking(table: Table, project: Path, folder: Path, *counts: int) -> None:
    """Measure runs that are tracked against runs that are not."""
    for count in counts or (3, 100, MANY):
        on = copy(project, folder / f"on_{count}")
        off = copy(project, folder / f"off_{count}")
        switch = {"pipelines": ["__default__"], "disable_autologging": False}
        edit(off, "mlflow.yml", below="tracking", disable_tracking=switch)
        set_models(off, trees(count))
        # One store whose champion is a weak model, and one whose champion stays.
        for store, models in (("weak", trees(1)), ("good", trees(count))):
            set_models(on, models)
            kedro(on, "run")
            shutil.copy(on / "mlflow.db", folder / f"{store}_{count}.db")

        def run(
            store: str, verdict: str, on: Path = on, count: int = count
        ) -> Measured:
            shutil.copy(folder / f"{store}_{count}.db", on / "mlflow.db")
            measured = kedro(on, "run")
            if verdict not in measured.output:
                raise RuntimeError(f"The champion is not {verdict}\n{measured.output}")
            return measured

        kept, new = partial(run, "good", "Keep "), partial(run, "weak", " replaces ")
        untracked, *tracked = in_turn(_kedro(off, "run"), kept, new)
        for champion, measured in zip(("kept", "new"), tracked, strict=True):
            title = f"`kedro run`, {count:,} models, champion {champion}"
            table.row(title, measured, "without tracking", untracked)


def runners(table: Table, project: Path, folder: Path, count: int = 40) -> None:
    """Measure runners that use both cores against Kedro's default runner."""
    side = copy(project, folder / "project")
    learn_digits(side)
    set_models(side, boosted(count, SECOND))
    dask = "kedro_dynamic.runners.DaskRunner"
    options = {
        "SequentialRunner": "",
        "ThreadRunner": "--runner=ThreadRunner",
        "ParallelRunner": "--runner=ParallelRunner",
        "Dask, 2 workers": f"--runner={dask} --runner-params=workers=2",
    }
    commands = [_kedro(side, f"run {option}") for option in options.values()]
    sequential, *parallel = in_turn(*commands)
    for name, measured in zip([*options][1:], parallel, strict=True):
        title = f"{name}: {count} one-second fits"
        table.row(title, measured, "SequentialRunner", sequential)


def report(table: Table, project: Path, folder: Path, *counts: int) -> None:
    """Measure runs that write a report against runs that do not."""
    for count in counts or (3, 100):
        reporting = copy(project, folder / f"reporting_{count}")
        set_models(reporting, trees(count))
        without = copy(reporting, folder / f"without_{count}", families=True)
        with (without / "src/kedro_dynamic/report/page.py").open("a") as module:
            module.write('\n\ndef write_report(*_):\n    return ""\n')

        sides = in_turn(_kedro(reporting, "run"), _kedro(without, "run"))
        assert (reporting / "data/08_reporting/report.html").exists()
        assert not (without / "data/08_reporting/report.html").exists()
        title = f"`kedro run`, {count:,} models, with its report"
        table.row(title, sides[0], "without the report", sides[1])


def _kedro(project: Path, command: str) -> Side:
    """Return a command of Kedro to measure."""
    return partial(kedro, project, *command.split())
