"""The compared features in DuckDB SQL: from the Parquet files to a table in memory, one row a customer."""

import duckdb

WINDOWS_DAYS = (7, 30, 90, 180, 365)
DAY_SECONDS = 86_400
# A smaller sum of money is what rounding leaves of amounts that cancel: a ratio to it is unknown.
LEAST_SPEND = 0.005


def build(data: str, moment: int, categories: list[str]) -> duckdb.DuckDBPyConnection:
    """A database in memory with the table `features`; `moment` is in seconds since 1970, categories as texts."""
    base = duckdb.connect()
    base.execute("SET preserve_insertion_order = false")
    base.execute(sql(data, moment, categories))
    return base


def sql(data: str, moment: int, categories: list[str]) -> str:
    """One statement: lines to days, days to customers, lines to categories of customers, joined to the customers."""
    spend_in = ",\n".join(
        f"coalesce(sum(spend) FILTER (age <= {window * DAY_SECONDS}), 0) AS spend_{window}d" for window in WINDOWS_DAYS
    )
    purchases_in = ",\n".join(
        f"count(*) FILTER (bought AND age <= {window * DAY_SECONDS}) AS purchases_{window}d" for window in WINDOWS_DAYS
    )
    category_spend = ",\n".join(
        f"greatest(coalesce(sum(amount) FILTER (category = '{name}'), 0), 0) AS spend_{name}" for name in categories
    )
    category_last = ",\n".join(
        f"epoch_us(max(event_time) FILTER (category = '{name}' AND amount >= 0)) // 1000000 AS last_{name}"
        for name in categories
    )
    total = " + ".join(f"spend_{name}" for name in categories)
    shares = ",\n".join(f"spend_{name} / total AS spend_share_{name}" for name in categories)
    days_since = ",\n".join(
        f"({moment} - last_{name}) / {DAY_SECONDS}.0 AS days_since_{name}" for name in categories
    )
    bought = " + ".join(f"(last_{name} IS NOT NULL)::INTEGER" for name in categories)
    entropy = " + ".join(
        f"CASE WHEN spend_{name} > 0 THEN -(spend_{name} / total) * ln(spend_{name} / total) ELSE 0 END"
        for name in categories
    )
    windows = ",\n".join(
        [f"coalesce(purchases_{window}d, 0) AS purchases_{window}d" for window in WINDOWS_DAYS]
        + [f"coalesce(spend_{window}d, 0) AS spend_{window}d" for window in WINDOWS_DAYS]
    )
    trends = ",\n".join(
        f"CASE WHEN {what}_{long}d >= {LEAST_SPEND} THEN ({what}_{short}d / {short}) / ({what}_{long}d / {long}) END"
        f" AS {name}_trend_{short}_{long}"
        for what, name in (("spend", "spend"), ("purchases", "purchase"))
        for short, long in ((30, 90), (90, 365))
    )
    return f"""
CREATE TABLE features AS
WITH lines AS (
    SELECT customer_id, event_time, amount, category
    FROM read_parquet('{data}/transactions.parquet')
    WHERE event_time < make_timestamp({moment * 1_000_000})
),
days AS (
    SELECT customer_id, epoch_us(min(event_time)) // 1000000 AS first_at,
        sum(amount) AS spend, bool_or(amount >= 0) AS bought
    FROM lines GROUP BY customer_id, event_time::DATE
),
gaps AS (
    SELECT customer_id, first_at, spend, bought, {moment} - first_at AS age,
        first_at - lag(CASE WHEN bought THEN first_at END IGNORE NULLS)
            OVER (PARTITION BY customer_id ORDER BY first_at) AS gap
    FROM days
),
by_day AS (
    SELECT customer_id,
        min(first_at) FILTER (bought) AS first_at, max(first_at) FILTER (bought) AS last_at,
        {purchases_in}, count(*) FILTER (bought) AS purchases_ever,
        {spend_in}, sum(spend) AS spend_ever,
        greatest(max(spend) FILTER (bought), 0) AS largest,
        arg_max(spend, first_at) FILTER (bought) AS last_spend,
        avg(gap) FILTER (bought) / {DAY_SECONDS} AS mean_gap_days,
        stddev_samp(gap) FILTER (bought) / avg(gap) FILTER (bought) AS gap_variation
    FROM gaps GROUP BY customer_id
),
by_category AS (
    SELECT customer_id, count(*) AS lines, count(*) FILTER (amount < 0) AS returned,
        {category_spend}, {category_last}
    FROM lines GROUP BY customer_id
),
totals AS (SELECT *, CASE WHEN {total} >= {LEAST_SPEND} THEN {total} END AS total FROM by_category)
SELECT customer_id,
    ({moment} - epoch_us(created_at) / 1000000) / {DAY_SECONDS} AS tenure_days,
    ({moment} - last_at) / {DAY_SECONDS} AS days_since_last_purchase,
    ({moment} - first_at) / {DAY_SECONDS} AS days_since_first_purchase,
    {windows},
    coalesce(purchases_ever, 0) AS purchases_ever, coalesce(spend_ever, 0) AS spend_ever,
    {trends},
    spend_ever / nullif(purchases_ever, 0) AS average_purchase,
    largest AS largest_purchase, last_spend AS last_purchase,
    CASE WHEN purchases_ever > 0 THEN returned / lines END AS return_share,
    mean_gap_days, gap_variation, ({moment} - last_at) / {DAY_SECONDS} / mean_gap_days AS gap_ratio,
    {bought} AS categories_bought,
    CASE WHEN total > 0 THEN exp({entropy}) END AS category_diversity,
    {shares}, {days_since}
FROM read_parquet('{data}/customers.parquet')
LEFT JOIN by_day USING (customer_id)
LEFT JOIN totals USING (customer_id)
WHERE created_at < make_timestamp({moment * 1_000_000})
"""
