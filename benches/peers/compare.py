"""Compares tend's boosting with LightGBM, XGBoost, CatBoost, HistGradientBoosting and lleaves: accuracy and CPU time.

    python compare.py accuracy --tend BINARY --data FOLDER [--folds 5] [--programs tend ...]
    python compare.py speed --tend BINARY [--rows 200000] [--trees 300] [--leaves 31] [--rounds 3] [--programs ...]

BINARY is what `cargo build --release -p tend-training --example boosting_peer` made. `accuracy` reads the public tables
that README.md names from FOLDER; `speed` makes its own rows. One thread each, every fit in a process of its own. CPU
seconds are those of the process during the step alone; memory is what the fit adds to that of its rows at its peak.
"""

import argparse
import gzip
import importlib.metadata
import json
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")}
os.environ.update(ONE_THREAD)

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

PROGRAMS = ("tend", "lightgbm", "xgboost", "histgb", "catboost")
TEST_ROWS = 50_000
EXPLAIN_ROWS = 500
LEAST_CPU_SECONDS = 1.0


def telco_ibm(folder):
    table = pd.read_csv(folder / "telco_ibm/Telco-Customer-Churn.csv").drop(columns="customerID")
    table["TotalCharges"] = pd.to_numeric(table["TotalCharges"], errors="coerce")
    return table, (table.pop("Churn") == "Yes").to_numpy()


def mlc_churn(folder):
    table = pd.read_csv(folder / "mlc_churn/mlc_churn.csv")
    return table, (table.pop("churn") == "yes").to_numpy()


def bank_marketing(folder):
    with gzip.open(folder / "bank_marketing/bank-additional-full.csv.gz", "rt") as file:
        table = pd.read_csv(file, sep=None, engine="python")
    # How long the call took is known only after it.
    table = table.drop(columns="duration")
    return table, (table.pop("y") == "yes").to_numpy()


SETS = {"telco_ibm": telco_ibm, "mlc_churn": mlc_churn, "bank_marketing": bank_marketing}


def simulated(rows, seed=1):
    """Forty numbers, ten of them whole, 2 % of all unknown, that log-odds follow with steps and interactions."""
    random = np.random.default_rng(seed)
    table = random.normal(size=(rows, 40))
    table[:, 30:] = np.round(table[:, 30:] * 3)
    log_odds = table[:, 0] + 0.7 * table[:, 1] * table[:, 2] + np.sin(2 * table[:, 3]) - 0.6
    log_odds += 0.5 * (table[:, 4] > 0.5) * table[:, 5] + 0.1 * table[:, 31] * (table[:, 6] > 0)
    table[random.random(table.shape) < 0.02] = np.nan
    return table, random.random(rows) < 1 / (1 + np.exp(-log_odds))


def is_category(column):
    return not pd.api.types.is_numeric_dtype(column)


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


def run_tend(binary, folder, train, test, settings):
    levels = {name: sorted(train[0][name].dropna().unique()) for name in train[0] if is_category(train[0][name])}
    paths = [os.path.join(folder, name) for name in ("train.bin", "test.bin", "out.bin")]
    write_table(paths[0], *train, levels)
    write_table(paths[1], *test, levels)
    arguments = [f"{name}={value}" for name, value in settings.items()]
    found = subprocess.run([binary, *paths, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
    return np.fromfile(paths[2], "<f8"), json.loads(found)


def run_peer(name, folder, train, test, settings):
    """In a process of its own, so that its memory and its CPU time are its own."""
    path, out = os.path.join(folder, "peer.pickle"), os.path.join(folder, "peer.npy")
    pd.to_pickle((train, test, settings), path)
    found = subprocess.run([sys.executable, __file__, "peer", name, path, out], check=True, stdout=subprocess.PIPE, text=True)
    return np.load(out), json.loads(found.stdout.splitlines()[-1])


def peer(name, path, out):
    (train, labels), (test, _), settings = pd.read_pickle(path)
    categories = [column for column in train if is_category(train[column])]
    for column in categories:
        levels = sorted(train[column].dropna().unique())
        train[column] = pd.Categorical(train[column], categories=levels)
        test[column] = pd.Categorical(test[column], categories=levels)
    if not categories:
        train, test = train.to_numpy(), test.to_numpy()
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


def figures(forecasts, happened):
    from sklearn.metrics import log_loss, roc_auc_score

    # Ten bins of equal counts.
    bins = np.array_split(np.argsort(forecasts, kind="stable"), 10)
    gaps = [len(own) * abs(forecasts[own].mean() - happened[own].mean()) for own in bins]
    return roc_auc_score(happened, forecasts), log_loss(happened, forecasts), sum(gaps) / len(happened)


def accuracy(args):
    from sklearn.model_selection import StratifiedKFold

    print("| table | program | AUC | log loss | calibration error | CPU s a fit |\n|---|---|---|---|---|---|")
    for name, read in SETS.items():
        table, labels = read(args.data)
        folds = list(StratifiedKFold(args.folds, shuffle=True, random_state=0).split(table, labels))
        for program in args.programs:
            each, seconds = [], []
            forecasts = np.zeros(len(labels))
            for train, test in folds:
                parts = [(table.iloc[rows].reset_index(drop=True), labels[rows]) for rows in (train, test)]
                with tempfile.TemporaryDirectory() as folder:
                    if program == "tend":
                        forecasts[test], cost = run_tend(args.tend, folder, *parts, {})
                    else:
                        forecasts[test], cost = run_peer(program, folder, *parts, {})
                each.append(figures(forecasts[test], labels[test])[:2])
                seconds.append(cost["fit_cpu_s"])
            auc, loss = np.mean(each, axis=0)
            error = figures(forecasts, labels)[2]
            cost = statistics.median(seconds)
            print(f"| {name} | {program} | {auc:.4f} | {loss:.4f} | {error:.4f} | {cost:.2f} |", flush=True)


def speed(args):
    rows, labels = simulated(args.rows + TEST_ROWS)
    rows = pd.DataFrame(rows, columns=[f"feature_{place}" for place in range(40)])
    train, test = [(rows.iloc[part], labels[part]) for part in (slice(args.rows), slice(args.rows, None))]
    same = {"trees": args.trees, "leaves": args.leaves}
    tend = {**same, "learning_rate": 0.1, "row_share": 1, "feature_share": 1, "explain_rows": EXPLAIN_ROWS}
    costs = {program: [] for program in args.programs}
    told = {}
    for _ in range(args.rounds):
        for program, found in costs.items():
            with tempfile.TemporaryDirectory() as folder:
                if program == "tend":
                    forecasts, cost = run_tend(args.tend, folder, train, test, tend)
                else:
                    forecasts, cost = run_peer(program, folder, train, test, same)
            found.append(cost)
            told[program] = figures(forecasts, test[1])
    print(f"{args.rows} x 40, {args.trees} trees of {args.leaves} leaves, {args.rounds} rounds\n")
    print("| program | fit, CPU s | memory added, MB | rows scored a CPU s | rows explained a CPU s | AUC | log loss |")
    print("|---|---|---|---|---|---|---|")
    for program, found in costs.items():
        median = {key: statistics.median(cost[key] for cost in found) for key in found[0]}
        explained = median.get("explain_rows_per_cpu_s")
        auc, loss, _ = told[program]
        cells = [f"{median['fit_cpu_s']:.2f}", f"{median['fit_memory_mb']:.0f}", f"{median['score_rows_per_cpu_s']:,.0f}"]
        cells += [f"{explained:,.0f}" if explained else "", f"{auc:.4f}", f"{loss:.4f}"]
        print(f"| {program} | {' | '.join(cells)} |")
        if "lleaves_rows_per_cpu_s" in median:
            print(f"| lleaves, of LightGBM's trees | | | {median['lleaves_rows_per_cpu_s']:,.0f} | | | |")


def main():
    if sys.argv[1:2] == ["peer"]:
        return peer(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("accuracy")
    one.add_argument("--data", type=pathlib.Path, required=True)
    one.add_argument("--folds", type=int, default=5)
    one.set_defaults(run=accuracy)
    other = commands.add_parser("speed")
    other.add_argument("--rows", type=int, default=200_000)
    other.add_argument("--trees", type=int, default=300)
    other.add_argument("--leaves", type=int, default=31)
    other.add_argument("--rounds", type=int, default=3)
    other.set_defaults(run=speed)
    for command in (one, other):
        command.add_argument("--tend", required=True)
        command.add_argument("--programs", nargs="+", choices=PROGRAMS, default=PROGRAMS)
    args = parser.parse_args()
    versions = {name: importlib.metadata.version(name) for name in ("lightgbm", "catboost", "scikit-learn", "lleaves")}
    print(", ".join(f"{name} {version}" for name, version in versions.items()), file=sys.stderr)
    args.run(args)


if __name__ == "__main__":
    main()
