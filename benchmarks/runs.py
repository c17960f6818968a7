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
    each_more,
    in_turn,
    kedro,
    python,
)
from projects import (
    boosted,
    copy,
    edit,
    learn_digits,
    make_plain,
    package_of,
    set_models,
    trees,
)

MANY = 1000
# As large, a model takes about a second to fit; a sixth of it for five folds and all.
SECOND = 24


def start(table: Table, project: Path, folder: Path) -> None:
    """Measure short commands, and say which imports they wait for."""
    mine = copy(project, folder / "mine", families=True)
    plain = make_plain(copy(project, folder / "plain"))
    for command in ("info", "registry list", "catalog list-patterns"):
        sides = in_turn(*(_kedro(one, command) for one in (mine, plain)))
        name = f"`kedro {command}`, with all families"
        table.row(name, sides[0], "plain Kedro, 3 models", sides[1])
    timed = python(mine, "-X", "importtime", "-m", "kedro", "registry", "list")
    seconds: defaultdict[str, float] = defaultdict(float)
    for own, name in re.findall(r"import time: +(\d+) \| +\d+ \| +(\w+)", timed.output):
        seconds[name] += int(own) / 1e6
    slowest = sorted(seconds, key=seconds.__getitem__, reverse=True)[:5]
    table.note(
        "What `kedro registry list` waits for, the five packages that take longest to "
        "import, without what they import of others:\n\n"
        + "\n".join(f"- {name}: {seconds[name]:.2f} s" for name in slowest)
    )


def registry(table: Table, project: Path, folder: Path, *counts: int) -> None:
    """Measure dynamic pipelines against code that is written out."""
    for count in counts or (3, 100, MANY):
        mine = copy(project, folder / f"mine_{count}")
        # There is a store, and a champion, before the first run that counts.
        set_models(mine, trees(3))
        kedro(mine, "run")
        set_models(mine, trees(count))
        plain = make_plain(copy(mine, folder / f"plain_{count}"))
        what, written = f"{count:,} models", "plain Kedro, written out"
        listed = [_kedro(one, "registry list") for one in (mine, plain)]
        sides = in_turn(*listed)
        table.row(f"`kedro registry list`, {what}", sides[0], written, sides[1])
        if count >= MANY:
            naive = make_plain(copy(mine, folder / f"naive_{count}"), naive=True)
            sides = in_turn(listed[0], _kedro(naive, "registry list"))
            against = "plain Kedro, pipelines added up by `sum`"
            table.row(f"`kedro registry list`, {what}", sides[0], against, sides[1])
        sides = in_turn(*(_kedro(one, "run") for one in (mine, plain)))
        table.row(f"`kedro run`, {what}", sides[0], written, sides[1])


def cost(
    table: Table, project: Path, folder: Path, cheap: int = 100, slow: int = 10
) -> None:
    """Measure what each model adds to a run, and to a loop without Kedro."""
    few = 3
    for kind, count in (("cheap", cheap), ("one-second", slow)):
        sides: list[tuple[Side, Side]] = []
        for size in (few, few + count):
            mine = copy(project, folder / f"{kind}_{size}")
            if kind == "one-second":
                learn_digits(mine)
            models = trees(size) if kind == "cheap" else boosted(size, SECOND // 6)
            set_models(mine, models, folds=5)
            loop = partial(python, HERE, "bare.py", "loop", str(mine))
            sides.append((_kedro(mine, "run"), loop))
        ours, bare = (
            each_more(small, large, count) for small, large in zip(*sides, strict=True)
        )
        measured = in_turn(ours, bare)
        what = f"what each of {count} more {kind} models adds, 5 folds"
        table.row(what, measured[0], "a loop of scikit-learn", measured[1])


def tracking(table: Table, project: Path, folder: Path, *counts: int) -> None:
    """Measure runs that are tracked against those that are not."""
    for count in counts or (3, 100, MANY):
        on, off = (copy(project, folder / f"{one}_{count}") for one in ("on", "off"))
        switch = {"pipelines": ["__default__"], "disable_autologging": False}
        edit(off, "mlflow.yml", below="tracking", disable_tracking=switch)
        set_models(off, trees(count))
        # The store as it is where the champion is a weak model, and where it is not.
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

        kept, new = partial(run, "good", "kept:"), partial(run, "weak", "promoted:")
        untracked, *tracked = in_turn(_kedro(off, "run"), kept, new)
        for champion, measured in zip(("kept", "new"), tracked, strict=True):
            what = f"`kedro run`, {count:,} models, champion {champion}"
            table.row(what, measured, "without tracking", untracked)


def runners(table: Table, project: Path, folder: Path, count: int = 40) -> None:
    """Measure runners that use both cores against Kedro's usual one."""
    mine = copy(project, folder / "mine")
    learn_digits(mine)
    set_models(mine, boosted(count, SECOND))
    dask = f"{package_of(mine).name}.engine.dask_runner.DaskRunner"
    options = {
        "SequentialRunner": "",
        "ThreadRunner": "--runner=ThreadRunner",
        "ParallelRunner": "--runner=ParallelRunner",
        "Dask, 2 workers": f"--runner={dask} --runner-params=workers=2",
    }
    sides = [_kedro(mine, f"run {option}") for option in options.values()]
    one, *others = in_turn(*sides)
    for name, measured in zip([*options][1:], others, strict=True):
        what = f"{name}: {count} one-second fits"
        table.row(what, measured, "SequentialRunner", one)


def report(table: Table, project: Path, folder: Path, *counts: int) -> None:
    """Measure runs that write a report against those that do not."""
    for count in counts or (3, 100):
        mine, without = (copy(project, folder / f"{one}_{count}") for one in "ab")
        for one in (mine, without):
            set_models(one, trees(count))
        with package_of(without).joinpath("engine/report.py").open("a") as code:
            code.write('\n\ndef write_report(*_):\n    return ""\n')
        sides = in_turn(*(_kedro(one, "run") for one in (mine, without)))
        assert (mine / "data/08_reporting/report.html").exists()
        assert not (without / "data/08_reporting/report.html").exists()
        what = f"`kedro run`, {count:,} models, with its report"
        table.row(what, sides[0], "without the report", sides[1])


def _kedro(project: Path, command: str) -> Side:
    """Return a command of Kedro to measure."""
    return partial(kedro, project, *command.split())
