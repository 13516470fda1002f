//! `tend features` through its front door: which columns and rows, and values worked out by hand.
#![cfg(feature = "train")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

const CUSTOMERS: &str = "\
customer_id,created_at,country
ann,2026-01-01,NL
ben,2026-01-05,
cem,2026-03-01,DE
";
/// Ann buys on days 10, 20 and 50 of the year, returns a part of the last, and buys after the moment.
const TRANSACTIONS: &str = "\
customer_id,event_time,amount,category
ann,2026-01-10,10,books
ann,2026-01-10,5,toys
ann,2026-01-20,20,books
ann,2026-02-19,40,toys
ann,2026-02-21,-15,toys
ann,2026-03-05,99,books
";

/// The rows of the table by customer: values by column.
fn features_as_of(folder: &Path, moment: &str) -> HashMap<String, HashMap<String, String>> {
    let out = folder.join("features.csv");
    tend(folder, &["features", "--as-of", moment, "--out", out.to_str().expect("a plain path")]);
    let text = fs::read_to_string(out).expect("the table was written");
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().expect("a header");
    assert_eq!(header[0], "customer_id");
    lines.map(|cells| (cells[0].clone(), header.iter().cloned().zip(cells).collect())).collect()
}

fn tend(folder: &Path, arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_tend"))
        .arg("--project")
        .arg(folder)
        .args(arguments)
        .output()
        .expect("tend runs");
    assert!(output.status.success(), "tend {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder for the tables");
    fs::write(data.join("customers.csv"), CUSTOMERS).expect("written");
    fs::write(data.join("transactions.csv"), TRANSACTIONS).expect("written");
    tend(folder.path(), &["init", "--data", data.to_str().expect("a plain path")]);
    folder
}

#[test]
fn features_are_those_worked_out_by_hand() {
    let folder = project();
    let rows = features_as_of(folder.path(), "2026-03-01");
    let ann = &rows["ann"];
    // Purchase days: 15 on 10 January, 20 on 20 January, 40 on 19 February; the return of 15 lies 8 days back.
    let expected = [
        ("tenure_days", 59.0),
        ("days_since_last_purchase", 10.0),
        ("days_since_first_purchase", 50.0),
        ("purchases_7d", 0.0),
        ("purchases_30d", 1.0),
        ("purchases_90d", 3.0),
        ("purchases_ever", 3.0),
        ("spend_7d", 0.0),
        ("spend_30d", 25.0),
        ("spend_ever", 60.0),
        ("spend_trend_30_90", (25.0 / 30.0) / (60.0 / 90.0)),
        ("average_purchase", 20.0),
        ("largest_purchase", 40.0),
        ("last_purchase", 40.0),
        ("return_share", 0.2),
        ("mean_gap_days", 20.0),
        ("gap_variation", 200.0_f64.sqrt() / 20.0),
        ("gap_ratio", 0.5),
        ("categories_bought", 2.0),
        ("category_diversity", 2.0),
        ("spend_share_books", 0.5),
        ("days_since_books", 40.0),
    ];
    for (name, expected) in expected {
        let found: f64 = ann[name].parse().unwrap_or_else(|error| panic!("{name} is {:?}: {error}", ann[name]));
        assert!((found - expected).abs() < 1e-12, "{name}: found {found}, expected {expected}");
    }
    assert_eq!(ann["country"], "NL");
}

#[test]
fn what_is_unknown_is_empty_and_customers_of_later_are_left_out() {
    let folder = project();
    let rows = features_as_of(folder.path(), "2026-03-01");
    let mut customers: Vec<&String> = rows.keys().collect();
    customers.sort();
    assert_eq!(customers, ["ann", "ben"], "cem came to be at the moment itself, not before it");
    let ben = &rows["ben"];
    assert_eq!(ben["country"], "");
    assert_eq!(ben["mean_gap_days"], "");
    assert_eq!(ben["purchases_ever"].parse::<f64>(), Ok(0.0));
}

#[test]
fn a_category_that_the_plan_does_not_name_is_still_a_text() {
    let folder = project();
    let data = folder.path().join("data/customers.csv");
    let mut customers = String::from(CUSTOMERS);
    // Thirty countries with two customers each leave no level for the countries of ann and cem.
    for number in 0..60 {
        customers.push_str(&format!("extra{number},2026-01-02,X{:02}\n", number / 2));
    }
    fs::write(data, customers).expect("written");
    let rows = features_as_of(folder.path(), "2026-03-01");
    assert_eq!(rows["extra7"]["country"], "X03");
    assert_eq!(rows["ann"]["country"], "another value");
}

#[test]
fn an_ignored_column_is_not_read_and_one_that_is_not_there_is_an_error() {
    let folder = project();
    let recipe = folder.path().join("tend.toml");
    let before = fs::read_to_string(&recipe).expect("written by init");
    let ignoring =
        |column: &str| before.replace("[tables.customers]", &format!("[tables.customers]\nignore = [{column:?}]"));
    fs::write(&recipe, ignoring("country")).expect("written");
    let rows = features_as_of(folder.path(), "2026-03-01");
    assert!(!rows["ann"].contains_key("country"), "found {:?}", rows["ann"]);
    fs::write(&recipe, ignoring("land")).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_tend"))
        .arg("--project")
        .arg(folder.path())
        .arg("check")
        .output()
        .expect("tend runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("`land` is missing"), "found {said}");
}
