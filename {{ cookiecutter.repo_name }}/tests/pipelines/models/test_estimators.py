"""From an import path to an estimator."""

import pytest
from sklearn.datasets import load_iris
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from {{ cookiecutter.python_package }}.pipelines.models.estimators import (
    build_estimator,
    find_problems,
    import_factory,
)
from {{ cookiecutter.python_package }}.pipelines.models.labels import (
    LabelEncodedClassifier,
)
from {{ cookiecutter.python_package }}.pipelines.models.specs import ModelSpec


def scaled_tree(max_depth: int) -> Pipeline:
    return make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=max_depth))


def spec(class_path: str, **model_kwargs: object) -> ModelSpec:
    return ModelSpec.model_validate({"class": class_path, "model_kwargs": model_kwargs})


def test_arguments_and_seed_reach_the_estimator() -> None:
    tree = spec("sklearn.tree.DecisionTreeClassifier", max_depth=3)
    params = build_estimator(tree, random_state=7).get_params()
    assert (params["max_depth"], params["random_state"]) == (3, 7)


def test_a_seed_of_its_own_is_kept() -> None:
    tree = spec("sklearn.tree.DecisionTreeClassifier", random_state=1)
    assert build_estimator(tree, random_state=7).get_params()["random_state"] == 1


def test_a_function_may_build_a_pipeline_and_its_steps_are_seeded() -> None:
    function = spec(f"{__name__}.scaled_tree", max_depth=2)
    assert find_problems(function, "models.scaled") == []
    params = build_estimator(function, random_state=7).get_params()
    assert params["decisiontreeclassifier__random_state"] == 7


@pytest.mark.parametrize(
    ("class_path", "problem"),
    [
        ("sklearn.svm.SVCC", "did you mean 'sklearn.svm.SVC'?"),
        ("sklearn.smv.SVC", "did you mean the module 'svm'?"),
        ("sklern.svm.SVC", "did you mean the module 'sklearn'?"),
        ("SVC", "is no import path"),
        ("..SVC", "is no import path"),
        ("os.system", "is no estimator"),
        ("os.path", "is no estimator"),
        ("sklearn.preprocessing.StandardScaler", "is no estimator"),
    ],
)
def test_what_is_no_estimator_is_not_called(class_path: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"'{class_path}'") as error:
        import_factory(class_path)
    assert problem in str(error.value)


def test_numbered_classes_get_their_labels_back() -> None:
    X, y = load_iris(as_frame=True, return_X_y=True)
    labels = y.map({0: "setosa", 1: "versicolor", 2: "virginica"})
    model = LabelEncodedClassifier(DecisionTreeClassifier()).fit(X, labels)
    assert model.score(X, labels) == 1
    assert list(model.classes_) == ["setosa", "versicolor", "virginica"]
    assert model.estimator_.classes_.tolist() == [0, 1, 2]
    assert model.predict_proba(X).shape == (150, 3)


def test_arguments_that_the_class_does_not_take() -> None:
    svm = spec("sklearn.svm.SVC", kernal="linear", zzz=1)
    assert find_problems(svm, "models.svm") == [
        "models.svm.model_kwargs.kernal: SVC takes no such argument; "
        "did you mean 'kernel'?",
        "models.svm.model_kwargs.zzz: SVC takes no such argument",
    ]


def test_arguments_that_the_function_needs() -> None:
    assert find_problems(spec(f"{__name__}.scaled_tree"), "models.scaled") == [
        "models.scaled.model_kwargs.max_depth: missing, scaled_tree needs it"
    ]
