"""The programs that are compared: each fits, scores and explains in a process of its own, and says what that cost.

    python programs.py NAME ROWS.pickle FORECASTS.npy

is one of the peers in its process; `forecasts` starts it, or tend.
"""

import ctypes
import json
import os
import pathlib
import resource
import statistics
import struct
import subprocess
import sys
import time

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")}
os.environ.update(ONE_THREAD)

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from tables import is_category, run  # noqa: E402

PRODUCT = "product"
NAMES = ("tend", PRODUCT, "lightgbm", "xgboost", "histgb", "catboost")
SHOWN = {PRODUCT: "tend (product)", "tend": "tend (boosting alone)", "histgb": "HistGradientBoosting"}
SHOWN |= {"lightgbm": "LightGBM", "xgboost": "XGBoost", "catboost": "CatBoost"}
EXPLAIN_ROWS = 500
LEAST_CPU_SECONDS = 1.0
# HistGradientBoosting takes no more levels; columns with more are given to it as numbers.
MOST_HISTGB_LEVELS = 254
FLOAT64, RAW_SCORE = 1, 1


def forecasts(name, build, folder, train, test, settings):
    """The probability of each test row, and what it cost. Without settings everybody has defaults."""
    if name == "tend":
        return run_boosting(build / "examples/boosting_peer", folder, train, test, settings)
    if name == PRODUCT:
        return run_product(build / "tend", pathlib.Path(folder), train, test)
    path, out = os.path.join(folder, "peer.pickle"), os.path.join(folder, "peer.npy")
    pd.to_pickle((train, test, settings), path)
    command = [sys.executable, __file__, name, path, out]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return np.load(out), json.loads(found.stdout.splitlines()[-1])


def run_boosting(binary, folder, train, test, settings):
    levels = {name: sorted(train[0][name].dropna().unique()) for name in train[0] if is_category(train[0][name])}
    paths = [os.path.join(folder, name) for name in ("train.bin", "test.bin", "out.bin")]
    write_table(paths[0], *train, levels)
    write_table(paths[1], *test, levels)
    if settings:
        # Its least rows of a leaf are LightGBM's, and every tree sees all rows and features.
        same = {"learning_rate": 0.1, "row_share": 1, "feature_share": 1, "min_leaf_rows": 20}
        settings = {**settings, **same, "explain_rows": EXPLAIN_ROWS}
    arguments = [f"{name}={value}" for name, value in settings.items()]
    found = subprocess.run([binary, *paths, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
    return np.fromfile(paths[2], "<f8"), json.loads(found)


def write_table(path, table, labels, levels):
    """As boosting_peer reads it; `levels` names those of each category, in the order of their codes."""
    columns, kinds = [], []
    for name in table.columns:
        if name in levels:
            codes = pd.Categorical(table[name], categories=levels[name]).codes.astype("f8")
            columns.append(np.where(codes < 0, np.nan, codes))
            kinds.append(len(levels[name]))
        else:
            columns.append(table[name].to_numpy("f8"))
            kinds.append(-1)
    with open(path, "wb") as file:
        file.write(struct.pack(f"<{2 + len(kinds)}q", len(labels), len(kinds), *kinds))
        file.write(np.column_stack(columns).astype("<f8").tobytes())
        file.write(labels.astype("u1").tobytes())


def run_product(tend, folder, train, test):
    """What a user gets: `tend train` on the table, then `tend score`."""
    for name, (table, labels) in (("train", train), ("test", test)):
        table.assign(happened=np.where(labels, "yes", "no")).to_csv(folder / f"{name}.csv", index=False)
    files = {"train": folder / "train.csv", "test": folder / "test.csv", "out": folder / "scores.csv"}
    shared = ("--task", "churn", "--project", folder, "--threads", 1)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    # With rows of its own to test on it does not cross-validate; they take no part in the fit.
    run(tend, "train", *shared, "--table", files["train"], "--target", "happened", "--test", files["test"])
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    run(tend, "score", *shared, "--table", files["test"], "--out", files["out"])
    return pd.read_csv(files["out"])["churn_probability"].to_numpy(), {"fit_cpu_s": seconds}


def peer(name, path, out):
    (train, labels), (test, _), settings = pd.read_pickle(path)
    categories = [column for column in train if is_category(train[column])]
    for column in categories:
        levels = sorted(train[column].dropna().unique())
        train[column] = pd.Categorical(train[column], categories=levels)
        test[column] = pd.Categorical(test[column], categories=levels)
        if name == "histgb" and len(levels) > MOST_HISTGB_LEVELS:
            train[column], test[column] = [part[column].cat.codes.astype("f8") for part in (train, test)]
    if name == "histgb":
        # Its bins need two values.
        told = [column for column in train if train[column].nunique() > 1]
        train, test = train[told], test[told]
    if not categories:
        train, test = train.to_numpy("f8"), test.to_numpy("f8")
    elif name == "catboost":
        train[categories], test[categories] = train[categories].astype(str), test[categories].astype(str)
    model = classifier(name, categories, settings)
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before, start = memory_mb("VmRSS:"), time.process_time()
    model.fit(train, labels)
    found = {"fit_cpu_s": time.process_time() - start, "fit_memory_mb": memory_mb("VmHWM:") - before}
    np.save(out, model.predict_proba(test)[:, 1])
    if settings:
        # Of LightGBM the booster is asked, without what its scikit-learn form adds.
        score = model.booster_.predict if name == "lightgbm" else model.predict_proba
        found["score_rows_per_cpu_s"] = rows_per_second(len(test), lambda: score(test))
    if settings and name == "lightgbm":
        rows = test[:EXPLAIN_ROWS]
        found["explain_rows_per_cpu_s"] = rows_per_second(len(rows), lambda: score(rows, pred_contrib=True))
        found["one_row_us"] = microseconds_of_one_row(model.booster_, test, path + ".so")
        import lleaves

        model.booster_.save_model(path + ".txt")
        compiled = lleaves.Model(model_file=path + ".txt")
        compiled.compile()
        found["lleaves_rows_per_cpu_s"] = rows_per_second(len(test), lambda: compiled.predict(test, n_jobs=1))
    print(json.dumps(found))


def classifier(name, categories, settings):
    """At its defaults, but for one thread and the settings, if any."""
    trees, leaves = settings.get("trees"), settings.get("leaves")
    if name == "lightgbm":
        import lightgbm

        given = {"n_estimators": trees, "num_leaves": leaves} if settings else {}
        return lightgbm.LGBMClassifier(n_jobs=1, verbose=-1, **given)
    if name == "xgboost":
        import xgboost

        given = {"n_estimators": trees, "max_leaves": leaves, "max_depth": 0, "grow_policy": "lossguide"}
        given = {**given, "learning_rate": 0.1} if settings else {}
        return xgboost.XGBClassifier(n_jobs=1, enable_categorical=True, **given)
    if name == "catboost":
        import catboost

        # Its trees are of equal depth: 5 is 32 leaves.
        given = {"iterations": trees, "depth": 5, "learning_rate": 0.1} if settings else {}
        files = {"allow_writing_files": False, "cat_features": categories}
        return catboost.CatBoostClassifier(thread_count=1, verbose=0, **files, **given)
    from sklearn.ensemble import HistGradientBoostingClassifier

    given = {"max_iter": trees, "max_leaf_nodes": leaves, "early_stopping": False} if settings else {}
    return HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0, **given)


def microseconds_of_one_row(booster, rows, library):
    """Of LightGBM's fastest call, in a loop in C, so that no Python lies between the rows."""
    from lightgbm import basic

    source = pathlib.Path(__file__).with_name("single_row.c")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    every_row = ctypes.CDLL(library).predict_every_row
    every_row.restype = ctypes.c_double
    config, width = ctypes.c_void_p(), ctypes.c_int32(rows.shape[1])
    init = basic._LIB.LGBM_BoosterPredictForMatSingleRowFastInit
    basic._safe_call(init(booster._handle, RAW_SCORE, 0, -1, FLOAT64, width, b"num_threads=1", ctypes.byref(config)))
    one = ctypes.cast(basic._LIB.LGBM_BoosterPredictForMatSingleRowFast, ctypes.c_void_p)
    rows = np.ascontiguousarray(rows)
    given = (one, config, rows.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(len(rows)), ctypes.c_int64(rows.shape[1]))
    found, expected = every_row(*given), booster.predict(rows, raw_score=True).sum()
    assert abs(found - expected) < 1e-6 * len(rows), f"one by one {found}, together {expected}"
    return 1e6 / rows_per_second(len(rows), lambda: every_row(*given))


def rows_per_second(rows, step):
    """The median of at least three runs."""
    each, start = [], time.process_time()
    while len(each) < 3 or time.process_time() - start < LEAST_CPU_SECONDS:
        before = time.process_time()
        step()
        each.append(rows / (time.process_time() - before))
    return statistics.median(each)


def memory_mb(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


if __name__ == "__main__":
    peer(*sys.argv[1:])
