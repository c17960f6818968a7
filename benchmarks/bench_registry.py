"""How much dynamic pipelines cost: many models, against few and against static code.

Usage: ``python bench_registry.py PROJECT [MODELS]``, in the environment that the
rendered project is installed in; ``nox -s bench`` does both. Prints a Markdown table.
Commands are run alternately, side by side, and the best time of each side counts.
"""

import sys
import tempfile
from pathlib import Path

import yaml
from measure import best, copy, header, report, write_models

ROUNDS = 3


def main() -> None:
    """Measure and print the table."""
    project = Path(sys.argv[1]).resolve()
    models = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    with tempfile.TemporaryDirectory() as folder:
        few = copy(project, Path(folder, "few"))
        many = copy(project, Path(folder, "many"))
        static = copy(project, Path(folder, "static"))
        write_models(many, models)
        write_models(static, models)
        write_static_code(static, models)

        header()
        report(
            f"`kedro registry list`, {models} models against 3",
            *best([few, many], "registry", "list", rounds=ROUNDS),
        )
        report(
            f"`kedro run`, {models} models against static code",
            *best([static, many], "run", rounds=1),
        )


def write_static_code(project: Path, count: int) -> None:
    """Replace what is dynamic: every node and catalog entry is written out."""
    (package,) = (project / "src").iterdir()
    lines = [
        "from kedro.pipeline import Node, Pipeline",
        "from .pipelines.models.leaderboard import compare_models",
        "from .pipelines.models.nodes import fit_model, score_model, split_data",
        "SPLIT = ['X_train', 'X_test', 'y_train', 'y_test']",
        "def register_pipelines():",
        "    return {'__default__': Pipeline([",
        "        Node(split_data, ['example_iris_data', 'params:train_fraction',",
        "            'params:random_state', 'params:target_column'], SPLIT),",
    ]
    metrics = ""
    file = project / "conf/base/catalog.yml"
    catalog = yaml.safe_load(file.read_text())
    for i in range(count):
        name = f"tree_{i:04}"
        space = f"models.{name}"
        lines += [
            f"        Node(fit_model, ['params:{space}', 'X_train', 'y_train',",
            f"            'params:random_state'], '{space}.fitted_model',",
            f"            name='fit_{name}', namespace='{space}'),",
            f"        Node(score_model, ['{space}.fitted_model', 'X_test', 'y_test'],",
            f"            ['{space}.model_score', '{space}.metrics'],",
            f"            name='score_{name}', namespace='{space}'),",
        ]
        metrics += f", '{name}_metrics': '{space}.metrics'"
        for pattern in [key for key in catalog if "{namespace}" in key]:
            entry = yaml.safe_dump(catalog[pattern]).replace("{namespace}", name)
            catalog[pattern.replace("{namespace}", name)] = yaml.safe_load(entry)
    lines += [
        "        Node(compare_models, {**{part: part for part in SPLIT},",
        f"            'random_state': 'params:random_state'{metrics}}},",
        "            ['leaderboard', 'leaderboard_plot'], namespace='models'),",
        "    ])}",
    ]
    written_out = {key: entry for key, entry in catalog.items() if "{" not in key}
    file.write_text(yaml.safe_dump(written_out, sort_keys=False))
    (package / "pipeline_registry.py").write_text("\n".join(lines) + "\n")
    # Both sides are tracked, so that tracking does not count.
    settings = package / "settings.py"
    text = settings.read_text()
    for dynamic, static in {
        "CONFIG_LOADER_CLASS = ProjectConfigLoader": "",
        "HOOKS = (RecoveryHook(), DataHooks(), TrackingHook(), ProjectHooks(), "
        "ProgressHook())": "HOOKS = (TrackingHook(),)",
    }.items():
        if dynamic not in text:
            sys.exit(f"settings.py no longer has {dynamic!r}: adapt this benchmark.")
        text = text.replace(dynamic, static)
    settings.write_text(text)


if __name__ == "__main__":
    main()
