"""Compares tend with LightGBM, XGBoost, CatBoost, HistGradientBoosting and lleaves: accuracy and CPU time.

    python compare.py accuracy --build FOLDER --data FOLDER [--only telco_ibm tend ...]
    python compare.py speed --build FOLDER [--rows 200000] [--width 40] [--rounds 3] [--only tend lightgbm ...]

The build's folder holds `tend` and `examples/boosting_peer`. `accuracy` reads public tables, which README.md names,
and makes two of its own; `speed` makes its rows. `--only` takes names of tables and of programs: all of a kind of which
none is named. One thread each, every fit in a process of its own.
"""

import argparse
import importlib.metadata
import pathlib
import statistics
import sys
import tempfile

import programs
from tables import TABLES, numbers_alone

# Sets the number of threads first.
import numpy as np

SPEED_TEST_ROWS = 50_000


def figures(forecasts, happened):
    from sklearn.metrics import log_loss, roc_auc_score

    # Ten bins of equal counts.
    bins = np.array_split(np.argsort(forecasts, kind="stable"), 10)
    gaps = [len(own) * abs(forecasts[own].mean() - happened[own].mean()) for own in bins]
    return roc_auc_score(happened, forecasts), log_loss(happened, forecasts), sum(gaps) / len(happened)


def accuracy(args):
    print("| table | program | AUC | log loss | calibration error | CPU s a fit |\n|---|---|---|---|---|---|")
    for name in wanted(args.only, TABLES):
        with tempfile.TemporaryDirectory() as folder:
            args.scratch = pathlib.Path(folder)
            case = TABLES[name](args)
        labels = [happened for _, (_, happened) in case.splits]
        if case.truth is not None:
            tell(name, "the truth", [case.truth], labels)
        for program in wanted(args.only, programs.NAMES):
            told, seconds = [], []
            for train, test in case.splits:
                with tempfile.TemporaryDirectory() as folder:
                    forecasts, cost = programs.forecasts(program, args.build, folder, train, test, {})
                told.append(forecasts)
                seconds.append(cost["fit_cpu_s"])
            tell(name, programs.SHOWN[program], told, labels, f"{statistics.median(seconds):.2f}")


def tell(table, program, forecasts, labels, seconds=""):
    each = [figures(told, happened)[:2] for told, happened in zip(forecasts, labels)]
    auc, loss = np.mean(each, axis=0)
    error = figures(np.concatenate(forecasts), np.concatenate(labels))[2]
    print(f"| {table} | {program} | {auc:.4f} | {loss:.4f} | {error:.4f} | {seconds} |", flush=True)


def speed(args):
    rows, labels = numbers_alone(args.rows + SPEED_TEST_ROWS, args.width)
    train, test = [(rows.iloc[part], labels[part]) for part in (slice(args.rows), slice(args.rows, None))]
    settings = {"trees": args.trees, "leaves": args.leaves}
    timed = [name for name in wanted(args.only, programs.NAMES) if name != programs.PRODUCT]
    costs, told = {program: [] for program in timed}, {}
    for _ in range(args.rounds):
        for program, found in costs.items():
            with tempfile.TemporaryDirectory() as folder:
                forecasts, cost = programs.forecasts(program, args.build, folder, train, test, settings)
            found.append(cost)
            told[program] = figures(forecasts, test[1])
    print(f"{args.rows} x {args.width}, {args.trees} trees of {args.leaves} leaves, {args.rounds} rounds\n")
    print("| program | fit, CPU s | memory added, MB | rows scored a CPU s | one row, us | rows explained a CPU s | AUC |")
    print("|---|---|---|---|---|---|---|")
    for program, found in costs.items():
        median = {key: statistics.median(cost[key] for cost in found) for key in found[0]}
        cell = lambda key, form: format(median[key], form) if key in median else ""
        cells = [cell("fit_cpu_s", ".2f"), cell("fit_memory_mb", ".0f"), cell("score_rows_per_cpu_s", ",.0f")]
        cells += [cell("one_row_us", ".2f"), cell("explain_rows_per_cpu_s", ",.0f"), f"{told[program][0]:.4f}"]
        print(f"| {programs.SHOWN[program]} | {' | '.join(cells)} |")
        if "lleaves_rows_per_cpu_s" in median:
            print(f"| lleaves, of LightGBM's trees | | | {median['lleaves_rows_per_cpu_s']:,.0f} | | | |")


def wanted(only, names):
    """Those of the names that are asked for; all where none is."""
    return [name for name in names if name in only] or list(names)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("accuracy")
    one.add_argument("--data", type=pathlib.Path, required=True)
    one.add_argument("--folds", type=int, default=5)
    one.add_argument("--rows", type=int, default=200_000, help="training rows of known_truth")
    one.add_argument("--test-rows", type=int, default=100_000, help="test rows of known_truth")
    one.set_defaults(run=accuracy)
    other = commands.add_parser("speed")
    other.add_argument("--rows", type=int, default=200_000)
    other.add_argument("--width", type=int, default=40)
    other.add_argument("--trees", type=int, default=200)
    other.add_argument("--leaves", type=int, default=31)
    other.add_argument("--rounds", type=int, default=3)
    other.set_defaults(run=speed)
    for command in (one, other):
        command.add_argument("--build", type=pathlib.Path, required=True)
        command.add_argument("--only", nargs="+", choices=(*TABLES, *programs.NAMES), default=())
    args = parser.parse_args()
    args.build = args.build.resolve()
    names = ("lightgbm", "xgboost-cpu", "catboost", "scikit-learn", "lleaves")
    print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in names), file=sys.stderr)
    args.run(args)


if __name__ == "__main__":
    main()
