"""The tables that the programs are compared on: public ones in folds, simulated ones whose truth is known."""

import dataclasses
import gzip
import os
import subprocess

import numpy as np
import pandas as pd

LEVELS = (3, 8, 25, 120, 400, 900)
COMPANY_CUSTOMERS = 20_000
ACTIVE_WITHIN_DAYS = 365


@dataclasses.dataclass
class Case:
    """What is fitted and judged: pairs of training and test rows, each a table with its labels."""

    splits: list
    # The true probability of each test row, where it is known.
    truth: np.ndarray | None = None


def telco_ibm(args):
    table = pd.read_csv(args.data / "telco_ibm/Telco-Customer-Churn.csv").drop(columns="customerID")
    table["TotalCharges"] = pd.to_numeric(table["TotalCharges"], errors="coerce")
    return folds(table, table.pop("Churn") == "Yes", args.folds)


def mlc_churn(args):
    table = pd.read_csv(args.data / "mlc_churn/mlc_churn.csv")
    return folds(table, table.pop("churn") == "yes", args.folds)


def bank_marketing(args):
    with gzip.open(args.data / "bank_marketing/bank-additional-full.csv.gz", "rt") as file:
        table = pd.read_csv(file, sep=None, engine="python")
    # How long the call took is known only after it.
    table = table.drop(columns="duration")
    return folds(table, table.pop("y") == "yes", args.folds)


def known_truth(args):
    """34 numbers and 6 categories of up to 900 levels, whose log-odds are known; fitted on 200,000 rows."""
    random = np.random.default_rng(2)
    numbers, log_odds = numbers_and_log_odds(random, args.rows + args.test_rows, 34)
    table = pd.DataFrame(numbers, columns=[f"number_{place}" for place in range(34)])
    for place, count in enumerate(LEVELS):
        # The level of rank r is drawn about 1 / r as often as the first, with a floor so that none is unheard of.
        share = 1 / np.arange(1, count + 1) + 1 / count
        level = random.choice(count, size=len(table), p=share / share.sum())
        log_odds += random.normal(scale=0.4, size=count)[level]
        table[f"category_{place}"] = pd.Series(level).map(lambda level: f"level {level:03}")
        if count == 8:
            log_odds += random.normal(scale=0.5, size=count)[level] * np.nan_to_num(numbers[:, 7])
    truth = 1 / (1 + np.exp(-log_odds))
    labels = random.random(len(table)) < truth
    parts = [slice(args.rows), slice(args.rows, None)]
    split = [(table.iloc[part].reset_index(drop=True), labels[part]) for part in parts]
    return Case([split], truth[args.rows :])


def company(args):
    """A company of `tend simulate`: fitted on the features of one moment, judged on those of a later one.

    Who buys nothing in the 90 days from a moment has churned. The windows of both moments do not overlap, and all that
    is fitted on was known at the later moment.
    """
    folder = args.scratch / "company"
    tend = args.build / "tend"
    run(tend, "simulate", "--customers", COMPANY_CUSTOMERS, "--seed", 42, "--out", folder)
    run(tend, "init", "--data", folder, "--project", args.scratch)
    truth = pd.read_parquet(folder / "truth/churn.parquet").set_index("customer_id")
    later, horizon = pd.Timestamp(truth["moment"].iloc[0]), pd.Timedelta(days=int(truth["horizon_days"].iloc[0]))
    bought = pd.read_parquet(folder / "transactions.parquet")
    bought = bought[~bought["is_return"]]
    parts = []
    for moment in (later - pd.DateOffset(years=1), later):
        file = args.scratch / f"{moment:%Y-%m-%d}.csv"
        run(tend, "features", "--project", args.scratch, "--as-of", f"{moment:%Y-%m-%d}", "--out", file)
        table = pd.read_csv(file)
        # Who has not bought for a year has gone already.
        table = table[table["days_since_last_purchase"] < ACTIVE_WITHIN_DAYS].reset_index(drop=True)
        window = bought[(bought["event_time"] >= moment) & (bought["event_time"] < moment + horizon)]
        ids = table.pop("customer_id")
        parts.append((table, ~ids.isin(window["customer_id"]).to_numpy()))
    # Those of the earlier moment alone: a longer history bears more features.
    parts[1] = (parts[1][0][parts[0][0].columns], parts[1][1])
    known = truth.loc[ids]
    assert (known["churned"].to_numpy() == parts[1][1]).all(), "labels differ from the truth's"
    return Case([parts], known["probability"].to_numpy())


TABLES = {
    "telco_ibm": telco_ibm,
    "mlc_churn": mlc_churn,
    "bank_marketing": bank_marketing,
    "known_truth": known_truth,
    "company": company,
}


def folds(table, labels, count):
    from sklearn.model_selection import StratifiedKFold

    labels = labels.to_numpy()
    shuffled = StratifiedKFold(count, shuffle=True, random_state=0).split(table, labels)
    part = lambda rows: (table.iloc[rows].reset_index(drop=True), labels[rows])
    return Case([[part(rows) for rows in split] for split in shuffled])


def numbers_and_log_odds(random, rows, width):
    """A quarter of the numbers are whole, 2 % of all unknown; the log-odds have steps and interactions.

    They depend on what is seen alone: an unknown number counts as 0.
    """
    table = random.normal(size=(rows, width))
    whole = width - width // 4
    table[:, whole:] = np.round(table[:, whole:] * 3)
    table[random.random(table.shape) < 0.02] = np.nan
    seen = np.nan_to_num(table)
    log_odds = seen[:, 0] + 0.7 * seen[:, 1] * seen[:, 2] + np.sin(2 * seen[:, 3]) - 0.6
    log_odds += 0.5 * (seen[:, 4] > 0.5) * seen[:, 5] + 0.1 * seen[:, whole + 1] * (seen[:, 6] > 0)
    return table, log_odds


def numbers_alone(rows, width):
    random = np.random.default_rng(1)
    table, log_odds = numbers_and_log_odds(random, rows, width)
    labels = random.random(rows) < 1 / (1 + np.exp(-log_odds))
    return pd.DataFrame(table, columns=[f"feature_{place}" for place in range(width)]), labels


def is_category(column):
    return not pd.api.types.is_numeric_dtype(column)


def run(program, *arguments):
    """Answers are not kept; what goes wrong is told by the program itself."""
    quiet = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run([program, *map(str, arguments)], env=quiet, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{program} {' '.join(map(str, arguments))}\n{done.stderr}")
