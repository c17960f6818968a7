"""The report as people see it, on a wide screen and a phone, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from e2e.browser import looking
from e2e.conftest import InstalledProject

REGRESSION = """\
data: {table: example_iris_data, target_column: petal_width}
models:
  broken: {class: sklearn.linear_model.Lasso, model_kwargs: {alpha: -1}}
"""
# Returns what is wrong with a page, in words.
LOOK = """() => {
  const wrong = [], page = document.documentElement
  if (page.scrollWidth > innerWidth) wrong.push('the page scrolls sideways')
  let above = 0
  for (const heading of document.querySelectorAll('h1, h2, h3')) {
    const level = +heading.tagName[1]
    if (level > above + 1) wrong.push(`${heading.textContent} is a level too low`)
    above = level
  }
  for (const drawing of document.querySelectorAll('svg')) {
    const label = drawing.parentElement.getAttribute('aria-label') || ''
    if (!label.trim()) wrong.push('a label is missing')
    const whole = drawing.getBoundingClientRect()
    const texts = [...drawing.querySelectorAll('text')].filter(one => one.textContent)
    const boxes = texts.map(one => [one.textContent, one.getBoundingClientRect()])
    boxes.forEach(([text, box], number) => {
      if (box.left < whole.left - 1 || box.right > whole.right + 1 ||
          box.top < whole.top - 1 || box.bottom > whole.bottom + 1)
        wrong.push(`${text} is cut off`)
      for (const [other, its] of boxes.slice(number + 1))
        if (box.left < its.right - 1 && its.left < box.right - 1 &&
            box.top < its.bottom - 3 && its.top < box.bottom - 3)
          wrong.push(`${text} overlaps ${other}`)
    })
  }
  return wrong
}"""


@pytest.fixture(scope="module")
def reports(
    installed: InstalledProject, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """Return the reports of runs of all kinds."""
    folder = tmp_path_factory.mktemp("reports")
    project = installed.copy(folder / "iris")
    project.run("kedro", "run")
    trials = "--params=benchmark.tuning.trials=2"
    project.run("kedro", "run", "--pipelines=benchmark.iris", trials)
    project.run("kedro", "run", "--pipelines=etl")
    project.run("kedro", "run", "--pipelines=training")

    # Many regressors with long names, one of which fails, not tracked.
    regression = installed.copy(folder / "other")
    linear = "{class: sklearn.linear_model.LinearRegression}"
    models = "".join(f"  {'long_' * 8}{number}: {linear}\n" for number in range(24))
    (regression.path / "conf/base/parameters.yml").write_text(
        f"random_state: 3\ncomparison: {{}}\n{REGRESSION}{models}"
    )
    (regression.path / "conf/base/parameters_benchmark.yml").unlink()
    tracking = regression.path / "conf/base/mlflow.yml"
    off = "  disable_tracking:\n    pipelines: [__default__]\n"
    tracking.write_text(tracking.read_text().replace("  disable_tracking:\n", off))
    assert "long_23" in regression.run("kedro", "run", check=False).stdout
    return sorted(folder.glob("*/data/08_reporting/report*.html"))


def test_pages_are_whole_readable_and_offline(
    reports: list[Path], tmp_path: Path
) -> None:
    assert len(reports) == 4
    for report in reports:
        text = report.read_text("utf-8")
        assert len(text) < 1_000_000
        assert "<figure>" in text
        for width in (1280, 390):
            for scheme in ("light", "dark"):
                with looking(width, scheme) as page:
                    page.goto(report.as_uri())
                    page.screenshot(
                        path=tmp_path / f"{report.stem}_{width}_{scheme}.png",
                        full_page=True,
                    )
                    assert page.evaluate(LOOK) == [], (report, width, scheme)
                    violations = Axe().run(page).response["violations"]
                    assert violations == [], (report, width, scheme)
    regression = reports[-1].read_text("utf-8")
    assert "Errors of long_" in regression
    assert "broken" in regression
    tracked = ["Run in MLflow" in report.read_text("utf-8") for report in reports]
    assert tracked == [True, True, True, False]
