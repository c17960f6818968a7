"""The configuration files, side by side."""

from collections import Counter
from pathlib import Path

import yaml

CONF = Path(__file__).parents[1] / "conf"


def test_no_two_catalog_files_of_an_environment_define_the_same() -> None:
    # Kedro merges them in any order, and says nothing of keys that begin with "_".
    defined = Counter(
        f"{file.parent.name}: {key}"
        for file in CONF.glob("*/catalog*.yml")
        for key in yaml.safe_load(file.read_text())
    )
    assert not [key for key, files in defined.items() if files > 1]
