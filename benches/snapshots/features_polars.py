"""The compared features in lazy Polars with the streaming engine: from the Parquet files to a frame, one row a customer."""

import polars as pl

WINDOWS_DAYS = (7, 30, 90, 180, 365)
DAY_SECONDS = 86_400
# A smaller sum of money is what rounding leaves of amounts that cancel: a ratio to it is unknown.
LEAST_SPEND = 0.005


def build(data: str, moment: int, categories: list[str]) -> pl.DataFrame:
    """The matrix of features; `moment` is in seconds since 1970, categories as texts."""
    return query(data, moment, categories).collect(engine="streaming")


def query(data: str, moment: int, categories: list[str]) -> pl.LazyFrame:
    """Lines to days, days to customers, lines to categories of customers, joined to the customers."""
    lines = (
        pl.scan_parquet(f"{data}/transactions.parquet")
        .select("customer_id", pl.col("event_time").dt.epoch("s").alias("at"), "amount", "category")
        .filter(pl.col("at") < moment)
    )
    customers = (
        pl.scan_parquet(f"{data}/customers.parquet")
        .select("customer_id", pl.col("created_at").dt.epoch("s"))
        .filter(pl.col("created_at") < moment)
    )
    joined = customers.join(by_day(lines, moment), on="customer_id", how="left").join(
        by_category(lines, categories), on="customer_id", how="left"
    )
    return joined.select(final(moment, categories))


def by_day(lines: pl.LazyFrame, moment: int) -> pl.LazyFrame:
    days = (
        lines.group_by("customer_id", pl.col("at").floordiv(DAY_SECONDS).alias("day"))
        .agg(
            pl.col("at").min().alias("first_at"),
            pl.col("amount").sum().alias("spend"),
            (pl.col("amount") >= 0).any().alias("bought"),
        )
        .with_columns((moment - pl.col("first_at")).alias("age"))
    )
    bought = pl.col("bought")
    within = lambda window: pl.col("age") <= window * DAY_SECONDS
    spend = days.group_by("customer_id").agg(
        *(pl.col("spend").filter(within(window)).sum().alias(f"spend_{window}d") for window in WINDOWS_DAYS),
        pl.col("spend").sum().alias("spend_ever"),
        *(
            (bought & within(window)).sum().alias(f"purchases_{window}d") for window in WINDOWS_DAYS
        ),
        bought.sum().alias("purchases_ever"),
    )
    same = pl.col("customer_id") == pl.col("customer_id").shift(1)
    visits = (
        days.filter(bought)
        .sort("customer_id", "first_at")
        .with_columns(pl.when(same).then(pl.col("first_at") - pl.col("first_at").shift(1)).alias("gap"))
        .group_by("customer_id")
        .agg(
            pl.col("first_at").min().alias("first_at"),
            pl.col("first_at").max().alias("last_at"),
            pl.col("spend").max().clip(lower_bound=0).alias("largest_purchase"),
            pl.col("spend").sort_by("first_at").last().alias("last_purchase"),
            pl.col("gap").mean().alias("mean_gap"),
            pl.col("gap").std().alias("gap_deviation"),
        )
    )
    return spend.join(visits, on="customer_id", how="left")


def by_category(lines: pl.LazyFrame, categories: list[str]) -> pl.LazyFrame:
    amount = pl.col("amount")
    is_category = lambda name: pl.col("category") == name
    return lines.group_by("customer_id").agg(
        pl.len().alias("lines"),
        (amount < 0).sum().alias("returned"),
        *(amount.filter(is_category(name)).sum().clip(lower_bound=0).alias(f"spend_{name}") for name in categories),
        *(pl.col("at").filter(is_category(name) & (amount >= 0)).max().alias(f"last_{name}") for name in categories),
    )


def final(moment: int, categories: list[str]) -> list[pl.Expr]:
    days_since = lambda column: (moment - pl.col(column)) / DAY_SECONDS
    ever = pl.col("purchases_ever")
    total = pl.sum_horizontal(f"spend_{name}" for name in categories)
    total = pl.when(total >= LEAST_SPEND).then(total)
    share = lambda name: pl.col(f"spend_{name}") / total
    trend = lambda what, short, long: pl.when(pl.col(f"{what}_{long}d") >= LEAST_SPEND).then(
        (pl.col(f"{what}_{short}d") / short) / (pl.col(f"{what}_{long}d") / long)
    )
    mean_gap_days = pl.col("mean_gap") / DAY_SECONDS
    entropy = pl.sum_horizontal(
        pl.when(pl.col(f"spend_{name}") > 0).then(-share(name) * share(name).log()) for name in categories
    )
    return [
        pl.col("customer_id"),
        days_since("created_at").alias("tenure_days"),
        days_since("last_at").alias("days_since_last_purchase"),
        days_since("first_at").alias("days_since_first_purchase"),
        *(pl.col(f"purchases_{window}d").fill_null(0) for window in WINDOWS_DAYS),
        *(pl.col(f"spend_{window}d").fill_null(0) for window in WINDOWS_DAYS),
        ever.fill_null(0),
        pl.col("spend_ever").fill_null(0),
        *(trend("spend", short, long).alias(f"spend_trend_{short}_{long}") for short, long in ((30, 90), (90, 365))),
        *(
            trend("purchases", short, long).alias(f"purchase_trend_{short}_{long}")
            for short, long in ((30, 90), (90, 365))
        ),
        pl.when(ever > 0).then(pl.col("spend_ever") / ever).alias("average_purchase"),
        pl.col("largest_purchase"),
        pl.col("last_purchase"),
        pl.when(ever > 0).then(pl.col("returned") / pl.col("lines")).alias("return_share"),
        mean_gap_days.alias("mean_gap_days"),
        (pl.col("gap_deviation") / pl.col("mean_gap")).alias("gap_variation"),
        (days_since("last_at") / mean_gap_days).alias("gap_ratio"),
        pl.sum_horizontal(pl.col(f"last_{name}").is_not_null() for name in categories).alias("categories_bought"),
        pl.when(total > 0).then(entropy.exp()).alias("category_diversity"),
        *(share(name).alias(f"spend_share_{name}") for name in categories),
        *(days_since(f"last_{name}").alias(f"days_since_{name}") for name in categories),
    ]
