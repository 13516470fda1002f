//! Lifecycle metrics against SQLite: the same tables, the definitions written a second time, as queries.

#[path = "front_door/folder.rs"]
mod folder;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;

use flate2::read::GzDecoder;
use folder::{Folder, public_data};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use rusqlite::{Connection, params};
use serde_json::Value;
use tend_models::quantities::Moment;

const DAY: i64 = 86_400;

/// Figures and their queries, customers being active for 365 days after a purchase. `spans` holds when a customer was active; `period` has number, start and end; `edge` the
/// monthly revenue of each customer just before each edge of a period, `edge.i` being the period that it ends.
const QUERIES: [(&str, &str); 27] = [
    ("customers_at_start", "SELECT i, count(DISTINCT c) FROM period LEFT JOIN spans ON s < a AND e >= a GROUP BY i"),
    ("customers_at_end", "SELECT i, count(DISTINCT c) FROM period LEFT JOIN spans ON s < b AND e >= b GROUP BY i"),
    ("new_customers", "SELECT i, count(c) FROM period LEFT JOIN spans ON g = 1 AND s >= a AND s < b GROUP BY i"),
    ("won_back_customers", "SELECT i, count(c) FROM period LEFT JOIN spans ON g > 1 AND s >= a AND s < b GROUP BY i"),
    ("lost_customers", "SELECT i, count(c) FROM period LEFT JOIN spans ON e >= a AND e < b GROUP BY i"),
    (
        "retention_rate",
        "SELECT i, 1.0 * count(DISTINCT now.c) / nullif(count(DISTINCT was.c), 0) FROM period
         LEFT JOIN spans was ON was.s < a AND was.e >= a
         LEFT JOIN spans now ON now.c = was.c AND now.s < b AND now.e >= b GROUP BY i",
    ),
    ("buyers", "SELECT i, count(DISTINCT c) FROM period LEFT JOIN tx ON t >= a AND t < b AND amount > 0 GROUP BY i"),
    (
        "returning_buyers",
        "SELECT i, count(DISTINCT tx.c) FROM period LEFT JOIN tx ON t >= a AND t < b AND amount > 0
         AND EXISTS (SELECT 1 FROM tx was WHERE was.c = tx.c AND was.t < a AND was.amount > 0) GROUP BY i",
    ),
    ("orders", "SELECT i, count(DISTINCT c || ':' || (t / 86400)) FROM period LEFT JOIN tx ON t >= a AND t < b AND amount > 0 GROUP BY i"),
    ("revenue", "SELECT i, total(amount) FROM period LEFT JOIN tx ON t >= a AND t < b GROUP BY i"),
    ("returned", "SELECT i, -total(amount) FROM period LEFT JOIN tx ON t >= a AND t < b AND amount <= 0 GROUP BY i"),
    (
        "average_order_value",
        "SELECT i, total(amount) / nullif(count(DISTINCT CASE WHEN amount > 0 THEN c || ':' || (t / 86400) END), 0)
         FROM period LEFT JOIN tx ON t >= a AND t < b GROUP BY i",
    ),
    (
        "purchase_interval",
        "SELECT i, avg(gap) FROM period LEFT JOIN (SELECT c, d, d - lag(d) OVER (PARTITION BY c ORDER BY d) AS gap
         FROM (SELECT DISTINCT c, t / 86400 AS d FROM tx WHERE amount > 0)) ON d * 86400 >= a AND d * 86400 < b GROUP BY i",
    ),
    (
        "second_purchase_rate",
        "SELECT i, CASE WHEN b <= (SELECT as_of FROM today) - 90 * 86400
         THEN 1.0 * count(CASE WHEN second - first <= 90 THEN 1 END) / nullif(count(first), 0) END
         FROM period LEFT JOIN (SELECT c, min(d) AS first, max(CASE WHEN n = 2 THEN d END) AS second
         FROM (SELECT c, d, row_number() OVER (PARTITION BY c ORDER BY d) AS n
         FROM (SELECT DISTINCT c, t / 86400 AS d FROM tx WHERE amount > 0)) GROUP BY c)
         ON first * 86400 >= a AND first * 86400 < b GROUP BY i",
    ),
    (
        "cross_sell_rate",
        "SELECT i, 1.0 * count(DISTINCT fresh.c) / nullif(count(DISTINCT tx.c), 0) FROM period
         LEFT JOIN tx ON tx.t >= a AND tx.t < b AND tx.amount > 0
         AND EXISTS (SELECT 1 FROM tx was WHERE was.c = tx.c AND was.t < a AND was.amount > 0)
         LEFT JOIN (SELECT c, category, min(t) AS t FROM tx WHERE amount > 0 AND category IS NOT NULL
         GROUP BY c, category) fresh
         ON fresh.c = tx.c AND fresh.t >= a AND fresh.t < b GROUP BY i",
    ),
    (
        "net_revenue_retention_year",
        "SELECT i, sum(now) / nullif(sum(was), 0) FROM period LEFT JOIN year USING (i) WHERE was IS NULL OR was > 0 GROUP BY i",
    ),
    (
        "gross_revenue_retention_year",
        "SELECT i, sum(min(max(now, 0), was)) / nullif(sum(was), 0) FROM period LEFT JOIN year USING (i)
         WHERE was IS NULL OR was > 0 GROUP BY i",
    ),
    ("subscribers_at_start", "SELECT i, count(CASE WHEN was > 0 THEN 1 END) FROM move GROUP BY i"),
    ("subscribers_at_end", "SELECT i, count(CASE WHEN now > 0 THEN 1 END) FROM move GROUP BY i"),
    ("subscribers_new", "SELECT i, count(CASE WHEN was = 0 AND now > 0 AND NOT ever THEN 1 END) FROM move GROUP BY i"),
    ("subscribers_won_back", "SELECT i, count(CASE WHEN was = 0 AND now > 0 AND ever THEN 1 END) FROM move GROUP BY i"),
    ("subscribers_lost", "SELECT i, count(CASE WHEN was > 0 AND now = 0 THEN 1 END) FROM move GROUP BY i"),
    ("mrr_at_end", "SELECT i, total(now) FROM move GROUP BY i"),
    ("mrr_expansion", "SELECT i, total(CASE WHEN was > 0 AND now > was THEN now - was END) FROM move GROUP BY i"),
    ("mrr_contraction", "SELECT i, total(CASE WHEN now > 0 AND now < was THEN was - now END) FROM move GROUP BY i"),
    ("mrr_churned", "SELECT i, total(CASE WHEN now = 0 THEN was END) FROM move GROUP BY i"),
    (
        "net_revenue_retention",
        "SELECT i, total(CASE WHEN was > 0 THEN now END) / nullif(total(was), 0) FROM move GROUP BY i",
    ),
];

/// What the queries read besides the tables themselves.
const VIEWS: &str = "
    CREATE TABLE spans AS
    WITH raw AS (
        SELECT c, t AS s, t + 365 * 86400 AS e FROM tx WHERE amount > 0
        UNION ALL SELECT c, s, coalesce(e, 1e15) FROM sub WHERE coalesce(e, 1e15) > s),
    edges AS (SELECT *, max(e) OVER (PARTITION BY c ORDER BY s, e ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        AS before FROM raw),
    islands AS (SELECT *, sum(before IS NULL OR s > before) OVER (PARTITION BY c ORDER BY s, e) AS g FROM edges)
    SELECT c, g, min(s) AS s, max(e) AS e FROM islands GROUP BY c, g;
    CREATE TABLE year AS
    SELECT i, c, total(CASE WHEN t >= b - 730 * 86400 AND t < b - 365 * 86400 THEN amount END) AS was,
        total(CASE WHEN t >= b - 365 * 86400 AND t < b THEN amount END) AS now
    FROM period JOIN tx ON t >= b - 730 * 86400 AND t < b GROUP BY i, c;
    CREATE TABLE edge AS
    SELECT i, customer.c, total(CASE WHEN s < b AND (e IS NULL OR e >= b) THEN mrr END) AS mrr
    FROM period JOIN (SELECT DISTINCT c FROM sub) customer JOIN sub ON sub.c = customer.c GROUP BY i, customer.c;
    CREATE TABLE move AS
    SELECT now.i, now.c, coalesce(was.mrr, 0) AS was, now.mrr AS now,
        EXISTS (SELECT 1 FROM edge old WHERE old.c = now.c AND old.i < now.i AND old.mrr > 0) AS ever
    FROM edge now LEFT JOIN edge was ON was.c = now.c AND was.i = now.i - 1;
    CREATE INDEX tx_c ON tx (c, t);
";

fn seconds(moment: &Value) -> i64 {
    moment.as_str().expect("a date").parse::<Moment>().expect("a date").seconds()
}

/// The periods that tend told, in a database that has no tables yet.
fn database(metrics: &Value) -> Connection {
    let connection = Connection::open_in_memory().expect("a database");
    connection
        .execute_batch(
            "CREATE TABLE tx (c TEXT, t INTEGER, amount REAL, category TEXT);
             CREATE TABLE sub (c TEXT, s INTEGER, e INTEGER, mrr REAL);
             CREATE TABLE period (i INTEGER, a INTEGER, b INTEGER);
             CREATE TABLE today (as_of INTEGER);",
        )
        .expect("tables");
    connection.execute("INSERT INTO today VALUES (?)", [seconds(&metrics["as_of"])]).expect("today");
    for (place, period) in metrics["periods"].as_array().expect("periods").iter().enumerate() {
        let row = params![place as i64, seconds(&period["from"]), seconds(&period["until"])];
        connection.execute("INSERT INTO period VALUES (?, ?, ?)", row).expect("a period");
    }
    connection
}

/// Compares every figure that has a query, in every period, to less than half a cent or 1e-9.
fn assert_agree(metrics: &Value, connection: &Connection, expected_figures: usize) {
    connection.execute_batch(VIEWS).expect("views");
    let figures: BTreeMap<&str, &Value> = metrics["groups"][0]["figures"]
        .as_array()
        .expect("figures")
        .iter()
        .map(|figure| (figure["name"].as_str().expect("a name"), figure))
        .collect();
    let periods = metrics["periods"].as_array().expect("periods");
    let mut compared = 0;
    for (name, query) in QUERIES {
        let Some(figure) = figures.get(name) else { continue };
        compared += 1;
        let mut statement = connection.prepare(query).unwrap_or_else(|error| panic!("{name}: {error}"));
        let rows = statement.query_map([], |row| Ok((row.get::<_, u32>(0)? as usize, row.get::<_, Option<f64>>(1)?)));
        let found: BTreeMap<usize, Option<f64>> = rows.expect("rows").map(|row| row.expect("a row")).collect();
        for (place, period) in periods.iter().enumerate() {
            let (ours, theirs) = (figure["values"][place].as_f64(), found.get(&place).copied().flatten());
            let is_money = figure["unit"].as_str().expect("a unit").starts_with("money");
            let tolerance = if is_money { 0.005 } else { 1e-9 };
            let agree = match (ours, theirs) {
                (Some(ours), Some(theirs)) => (ours - theirs).abs() < tolerance,
                (ours, theirs) => ours == theirs,
            };
            assert!(agree, "{name} in {}: tend says {ours:?}, SQL says {theirs:?}", period["name"]);
        }
    }
    assert_eq!(compared, expected_figures, "figures with a query; tend told {:?}", figures.keys());
}

/// Random rows of a company, as CSV and in the database at once.
struct Company {
    transactions: String,
    subscriptions: String,
    rows: Vec<(String, i64, f64, String)>,
    plans: Vec<(String, i64, Option<i64>, f64)>,
}

/// 2024-01-01.
const FIRST_DAY: i64 = 19_723;
const DAYS: i64 = 800;

fn date(day: i64) -> String {
    Moment::from_day(day).to_string()
}

impl Company {
    /// A shop has purchases, a telecom subscriptions, a software company both.
    fn new(seed: u8, shop: bool, subscriptions: bool) -> Self {
        let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        let mut below = move |bound: i64| (random.next_u64() % bound.unsigned_abs()) as i64;
        let mut company = Self {
            transactions: "customer_id,event_time,amount,category\n".into(),
            subscriptions: "customer_id,product_id,start_date,end_date,mrr\n".into(),
            rows: Vec::new(),
            plans: Vec::new(),
        };
        for customer in 0..400 {
            let id = format!("K{customer:04}");
            if shop {
                // Purchases crowd on few days, so that several fall on one day; one in nine is a return.
                for _ in 0..below(14) {
                    let second = below(24 * 60) * 60;
                    let at = (FIRST_DAY + below(DAYS)) * DAY + second;
                    let cents = if below(9) == 0 { -below(2_000) - 1 } else { below(9_000) + 1 };
                    company.buy(&id, at, cents as f64 / 100.0, ["coffee", "tea", "cups"][below(3) as usize]);
                }
            }
            if subscriptions {
                let mut start = FIRST_DAY + below(500);
                for _ in 0..below(4) {
                    // Some plans follow at once on the last one, some overlap it, some come after a gap.
                    let end = start + below(260);
                    let runs = below(4) == 0;
                    company.subscribe(&id, start, (!runs).then_some(end), (below(5_000) + 500) as f64 / 100.0);
                    start = end + [0, -9, 45][below(3) as usize];
                }
            }
        }
        company
    }

    fn buy(&mut self, id: &str, at: i64, amount: f64, category: &str) {
        let (day, second) = (at.div_euclid(DAY), at.rem_euclid(DAY));
        let time = format!("{}T{:02}:{:02}:00Z", date(day), second / 3600, second / 60 % 60);
        writeln!(self.transactions, "{id},{time},{amount},{category}").expect("a text");
        self.rows.push((id.to_owned(), at, amount, category.to_owned()));
    }

    fn subscribe(&mut self, id: &str, start: i64, end: Option<i64>, mrr: f64) {
        writeln!(self.subscriptions, "{id},plan,{},{},{mrr}", date(start), end.map_or_else(String::new, date))
            .expect("a text");
        self.plans.push((id.to_owned(), start * DAY, end.map(|day| day * DAY), mrr));
    }

    /// What tend says, and the same rows in a database.
    fn told(&self) -> (Value, Connection) {
        let folder = Folder::new();
        let mut recipe = String::new();
        for (table, text, rows) in [
            ("transactions", &self.transactions, self.rows.len()),
            ("subscriptions", &self.subscriptions, self.plans.len()),
        ] {
            if rows > 0 {
                folder.write(&format!("{table}.csv"), text);
                writeln!(recipe, "[tables.{table}]\nfile = \"{table}.csv\"").expect("a text");
            }
        }
        folder.write("tend.toml", recipe);
        let as_of = date(FIRST_DAY + DAYS);
        let metrics = folder.succeed(&["metrics", "--as-of", &as_of, "--json"]).json();
        let connection = database(&metrics);
        for (customer, at, amount, category) in &self.rows {
            connection
                .execute("INSERT INTO tx VALUES (?, ?, ?, ?)", params![customer, at, amount, category])
                .expect("a row");
        }
        let today = (FIRST_DAY + DAYS) * DAY;
        for (customer, start, end, mrr) in self.plans.iter().filter(|plan| plan.1 < today) {
            let end = end.filter(|&end| end < today);
            connection
                .execute("INSERT INTO sub VALUES (?, ?, ?, ?)", params![customer, start, end, mrr])
                .expect("a row");
        }
        (metrics, connection)
    }
}

#[test]
fn a_shops_metrics_are_those_of_sql() {
    let (metrics, connection) = Company::new(1, true, false).told();
    assert_agree(&metrics, &connection, 17);
}

#[test]
fn a_telecoms_metrics_are_those_of_sql() {
    let (metrics, connection) = Company::new(2, false, true).told();
    assert_agree(&metrics, &connection, 16);
}

#[test]
fn a_software_companys_metrics_are_those_of_sql() {
    let (metrics, connection) = Company::new(3, true, true).told();
    assert_agree(&metrics, &connection, 27);
}

#[test]
fn a_real_shops_metrics_are_those_of_sql() {
    let Some(file) = public_data("online_retail/orders_2010_2011.csv.gz") else { return };
    let folder = Folder::new();
    folder.make_folder("data");
    std::fs::copy(&file, folder.path("data/orders.csv.gz")).expect("a copy");
    folder.succeed(&["init", "--data", &folder.path("data")]);
    let metrics = folder.succeed(&["metrics", "--json"]).json();
    let connection = database(&metrics);
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(&file).expect("a file")).read_to_string(&mut text).expect("UTF-8");
    connection.execute_batch("BEGIN").expect("a transaction");
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let at: Moment = format!("{}Z", fields[2]).parse().expect("a time");
        let amount: f64 = fields[6].parse().expect("an amount");
        let row = params![fields[0], at.seconds(), amount, None::<String>];
        connection.execute("INSERT INTO tx VALUES (?, ?, ?, ?)", row).expect("a row");
    }
    connection.execute_batch("COMMIT").expect("a transaction");
    assert_agree(&metrics, &connection, 17);
}

/// A policy whose stages are told by the calendar alone, so that SQL can tell them too.
const STAGES: &str = r#"
[[stage]]
name = "new"
label = "New"
when = "!has(feature.days_since_last_purchase) || tenure_days <= 60"

[[stage]]
name = "gone"
label = "Gone"
when = "days_since_last_purchase > 120"

[[stage]]
name = "here"
label = "Here"
when = "true"
"#;

#[test]
fn stages_of_the_past_are_those_that_a_run_of_then_gives_and_their_flows_add_up() {
    let folder = Folder::new();
    let company = Company::new(4, true, false);
    folder.write("transactions.csv", &company.transactions);
    folder.write("tend.toml", "[tables.transactions]\nfile = \"transactions.csv\"\n");
    folder.write("policy.toml", STAGES);
    let as_of = date(FIRST_DAY + DAYS);
    folder.succeed(&["train", "--task", "clv", "--as-of", &as_of]);
    let told = folder.succeed(&["metrics", "--as-of", &as_of, "--stages", "--by", "stage", "--json"]).json();
    let flow = &told["stage_flow"];
    let counts = |counts: &Value| -> Vec<u64> {
        counts.as_array().expect("counts").iter().map(|count| count.as_u64().expect("a count")).collect()
    };
    let stages = flow["stages"].as_array().expect("stages");
    assert_eq!(stages.len(), 3, "{flow}");
    for stage in stages {
        let [customers, entered, left] = ["customers", "entered", "left"].map(|name| counts(&stage[name]));
        for step in 0..entered.len() {
            assert_eq!(customers[step] + entered[step] - left[step], customers[step + 1], "{stage}");
        }
        assert!(entered.iter().sum::<u64>() > 0, "nobody ever came: {stage}");
    }
    // A run at the moment itself, which reads nothing later, puts everybody in the same stage.
    let last = flow["moments"].as_array().expect("moments").last().expect("a moment").as_str().expect("a date");
    folder.succeed(&["score", "--as-of", last, "--out", &folder.path("scores.csv")]);
    let scores = folder.read("scores.csv");
    let column = scores.lines().next().expect("a header").split(',').position(|name| name == "stage").expect("stages");
    for stage in stages {
        let then = scores.lines().skip(1).filter(|line| line.split(',').nth(column) == stage["name"].as_str()).count();
        assert_eq!(counts(&stage["customers"]).last(), Some(&(then as u64)), "{stage} on {last}");
    }
    // What all customers do is what those of the stages do together.
    let all = folder.succeed(&["metrics", "--as-of", &as_of, "--json"]).json();
    for name in ["customers_at_start", "new_customers", "lost_customers", "orders", "revenue"] {
        let values = |group: &Value| -> Vec<f64> {
            let figures = group["figures"].as_array().expect("figures");
            let figure = figures.iter().find(|figure| figure["name"] == name).unwrap_or_else(|| panic!("{name}"));
            figure["values"].as_array().expect("values").iter().map(|value| value.as_f64().expect("a value")).collect()
        };
        let mut sums = vec![0.0; all["periods"].as_array().expect("periods").len()];
        for group in told["groups"].as_array().expect("groups") {
            sums.iter_mut().zip(values(group)).for_each(|(sum, value)| *sum += value);
        }
        for (ours, all) in sums.iter().zip(values(&all["groups"][0])) {
            assert!((ours - all).abs() < 0.005, "{name}: {ours} in groups, {all} together");
        }
    }
}
