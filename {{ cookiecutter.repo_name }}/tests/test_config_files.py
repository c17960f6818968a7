"""Files that cannot be read: the error says which one, where in it, and why."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.project import pipelines

from {{ cookiecutter.python_package }}.config_files import check_growth
from {{ cookiecutter.python_package }}.errors import ConfigurationError

Load = Callable[..., Any]

LAUGHS = "\n".join(
    ["_a0: &a0 [1, 1]", *(f"_a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40))]
)
MERGED_LAUGHS = "\n".join(
    [
        "_a0: &a0 {k: 1}",
        *(f"_a{i}: &a{i} {'{'}<<: [*a{i - 1}, *a{i - 1}]{'}'}" for i in range(1, 40)),
    ]
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("models: &m {a: *m}", "it contains itself, or is nested too deeply"),
        ("models: &m [*m]", "it contains itself, or is nested too deeply"),
        (f"models: {'[' * 2000}", "it contains itself, or is nested too deeply"),
        (LAUGHS, "is too large: with its references (*) written out, it has more than"),
        (MERGED_LAUGHS, "is too large: with its references (*) written out"),
        ("models: *nobody", "line 1, column 9: found undefined alias 'nobody'"),
        ("models:\n  <<: 3", "line 2, column 7: expected a mapping or list of mapp"),
        ("a: 1\na: 2", "line 2, column 1: found duplicate key a"),
        ("models: {? [a]: b}", "line 1, column 12: found unhashable key"),
        ("a:\n\tb: c", "line 2, column 1: found character '\\t' that cannot start"),
        ("models: !!python/name:os.system", "could not determine a constructor"),
        ("models: ${models}", "models: Recursive interpolation detected"),
        ("models:\n  a: ${b}", "models.a: Interpolation key 'b' not found"),
        ("models: ${oc.env:HOME}", "models: Unsupported interpolation type oc.env"),
        ("models: !!set {a, b}", "models: Value 'set' is not a supported"),
        ("~: 1", "Incompatible key type 'NoneType'"),
        (f"random_state: {'9' * 5000}", "Exceeds the limit (4300 digits)"),
        (f"random_state: 0x{'f' * 5000}", "Exceeds the limit (4300 digits)"),
        ("- models", "it is not a mapping; write 'key: value'"),
        ("3", "Invalid loaded object type: int"),
        ("a: \x00", "unacceptable character #x0000"),
    ],
)
def test_a_text_that_cannot_be_read(
    project: Path, load_config: Load, text: str, problem: str
) -> None:
    file = project / "conf/other/parameters.yml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    start = time.perf_counter()
    load_config(env="other")
    with pytest.raises(ConfigurationError) as error:
        dict(pipelines)
    assert time.perf_counter() - start < 20
    assert error.value.message.startswith(str(file))
    assert problem in error.value.message


def test_thousands_of_entries_may_share_what_they_say(
    project: Path, load_config: Load
) -> None:
    shared = "_model: &model {type: pickle.PickleDataset, metadata: {a: {b: c}}}"
    entries = (f"d{i}:\n  <<: *model\n  filepath: {i}.pkl" for i in range(3000))
    file = project / "conf/base/catalog_more.yml"
    file.write_text("\n".join([shared, *entries]))
    start = time.perf_counter()
    check_growth([file])
    assert time.perf_counter() - start < 2
    assert load_config()["catalog"]["d2999"]["type"] == "pickle.PickleDataset"


def test_a_deep_text_that_refers_to_itself_a_lot_is_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "catalog.yml"
    file.write_text(f"a: &a [1]\nb: [{', '.join(['*a'] * 100)}]\nc: {'[' * 100_000}")
    check_growth([file])


def test_bytes_that_are_no_text(project: Path, load_config: Load) -> None:
    file = project / "conf/base/catalog.yml"
    file.write_bytes(b"a: \xff\xfe")
    with pytest.raises(ConfigurationError, match=r"catalog\.yml cannot be read: 'utf"):
        load_config()["catalog"]


def test_a_fault_of_two_files_names_what_they_are_about(load_config: Load) -> None:
    params = {"models": "${nobody}"}
    with pytest.raises(ConfigurationError, match=r"models: Interpolation key 'nobody'"):
        load_config(runtime_params=params)["parameters"]


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"train_fraction": {"a": 1}}, "train_fraction: Input should be a valid num"),
        ({"models": []}, "models: a list, where base has a mapping"),
        (
            {"models": {"linear_svm": [1]}},
            "models.linear_svm: a list, where base has a mapping",
        ),
    ],
)
def test_what_does_not_fit_the_base_environment(
    load_config: Load, write_parameters: Load, parameters: Any, problem: str
) -> None:
    write_parameters("other", **parameters)
    load_config(env="other")
    with pytest.raises(ConfigurationError) as error:
        dict(pipelines)
    assert problem in error.value.message


def test_a_long_value_is_not_repeated_whole(
    load_config: Load, write_parameters: Load
) -> None:
    write_parameters("other", train_fraction="x" * 10_000)
    load_config(env="other")
    with pytest.raises(ConfigurationError) as error:
        dict(pipelines)
    assert len(error.value.message) < 500


def test_anchors_and_merge_keys_are_fine(project: Path, load_config: Load) -> None:
    file = project / "conf/other/parameters.yml"
    file.parent.mkdir()
    file.write_text(
        "models:\n"
        "  a: &a {class: sklearn.svm.SVC, model_kwargs: &kwargs {C: 1}}\n"
        + "".join(
            f"  b{i}: \n    <<: *a\n    model_kwargs: {'{'}<<: *kwargs, C: {i}{'}'}\n"
            for i in range(1, 300)
        )
    )
    load_config(env="other")
    assert {"models.b1", "models.b299"} <= set(pipelines)
