//! Lifetime value of contracts through the front door: published cohorts, a customer table, and a project's subscriptions.

#[path = "front_door/folder.rs"]
mod folder;

use folder::Folder;
use serde_json::Value;
use tend::decision::{Policy, PolicyKind};

/// Customers left of 1,000 at the end of each year; Fader and Hardie (2007), High End and Regular, years 0 to 7.
const COHORTS: [(&str, [u32; 8]); 2] =
    [("high end", [1000, 869, 743, 653, 593, 551, 517, 491]), ("regular", [1000, 631, 468, 382, 326, 289, 262, 241])];

fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: found {found}, expected {expected}");
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// One row a year.
fn cohort_table(survivors: &[u32]) -> String {
    let rows: String = survivors.iter().enumerate().map(|(year, left)| format!("{year},{left}\n")).collect();
    format!("year,customers\n{rows}")
}

/// One row a customer of the same cohort.
fn customer_table(survivors: &[u32]) -> String {
    let mut table = "id,years,cancelled\n".to_owned();
    let mut id = 0;
    let mut add = |years: usize, cancelled: &str, customers: u32| {
        for _ in 0..customers {
            table += &format!("c{id},{years},{cancelled}\n");
            id += 1;
        }
    };
    for (year, pair) in survivors.windows(2).enumerate() {
        add(year + 1, "yes", pair[0] - pair[1]);
    }
    add(survivors.len() - 1, "no", survivors[survivors.len() - 1]);
    table
}

#[test]
fn published_cohorts_give_the_published_fit_and_lifetime() {
    let expected = [(0.668_088, 3.806_095, -1611.158), (0.704_077, 1.182_043, -1680.265)];
    for ((name, survivors), (alpha, beta, log_likelihood)) in COHORTS.into_iter().zip(expected) {
        let folder = Folder::new();
        folder.write("cohort.csv", cohort_table(&survivors));
        folder.write("customers.csv", customer_table(&survivors));
        let train = ["train", "--json", "--task", "clv", "--family", "sbg", "--unit", "year", "--table"];
        let cohort: &[&str] = &["cohort.csv", "--period", "year", "--survivors", "customers"];
        let customers: &[&str] = &["customers.csv", "--tenure", "years", "--target", "cancelled"];
        for columns in [cohort, customers] {
            let found = folder.tend(&[&train[..], columns].concat()).json();
            assert_eq!(found["family"], "sbg", "{found}");
            assert_near(number(&found["parameters"]["alpha"]), alpha, 2e-6, name);
            assert_near(number(&found["parameters"]["beta"]), beta, 6e-6, name);
            assert_near(number(&found["log_likelihood"]), log_likelihood, 5e-4, name);
            let [low, high] = ["low", "high"].map(|end| number(&found["intervals_80"]["beta"][end]));
            assert!(low < beta && beta < high && high < 2.0 * beta, "{found}");
        }
    }
}

#[test]
fn customers_of_a_table_get_the_published_residual_lifetime() {
    let folder = Folder::new();
    folder.write("cohort.csv", cohort_table(&COHORTS[0].1));
    folder.succeed(&[
        "train",
        "--task",
        "clv",
        "--family",
        "sbg",
        "--unit",
        "year",
        "--table",
        "cohort.csv",
        "--survivors",
        "customers",
    ]);
    folder.write("on.csv", "id,years,mrr\na,0,10\nb,1,10\nc,2,10\nd,3,20\ne,4,10\nf,7,10\n");
    let score = ["score", "--task", "clv", "--table", "on.csv", "--id", "id", "--tenure", "years", "--revenue", "mrr"];
    folder.succeed(&[&score[..], &["--horizon", "36m", "--out", "scores.csv"]].concat());
    let scores = folder.table("scores.csv");
    assert_eq!(scores.texts("customer_id"), ["a", "b", "c", "d", "e", "f"]);
    // Fader and Hardie (2010), 10 % a year, before the renewals 1 to 5 and 8; to the rounding of its parameters.
    let lifetimes = scores.numbers("discounted_expected_residual_lifetime");
    for (found, expected) in lifetimes.iter().zip([5.415, 5.902, 6.294, 6.620, 6.897, 7.530]) {
        assert_near(*found, expected, 7e-4, "lifetime");
    }
    let [low, high] =
        ["low", "high"].map(|end| scores.numbers(&format!("discounted_expected_residual_lifetime_{end}")));
    assert!(lifetimes.iter().zip(low.iter().zip(&high)).all(|(middle, (low, high))| low < middle && middle < high));
    // Three renewals fall into 36 months: 3 x 12 x 10 a year, at a margin of 30 %.
    let survival =
        |years: i32| (0..years).map(|t| (3.806_095 + f64::from(t)) / (4.474_183 + f64::from(t))).product::<f64>();
    let expected: f64 = (1..=3).map(|t| survival(t) / 1.1_f64.powi(t - 1)).sum::<f64>() * 120.0 * 0.3;
    assert_near(scores.numbers("predicted_clv")[0], expected, 1e-3, "value");
    assert_near(scores.numbers("expected_purchases")[0], (1..=3).map(survival).sum(), 1e-5, "renewals");
}

#[test]
fn several_cohorts_and_the_best_family_are_found() {
    let folder = Folder::new();
    let mut table = "joined,month,customers\n".to_owned();
    for (cohort, periods) in [("2025-01", 30), ("2025-07", 24), ("2026-01", 18)] {
        for month in 0..=periods {
            // Every customer's risk grows with age: (1 - θ)^(t^1.6), averaged over three kinds of customers.
            let left: f64 =
                [0.003_f64, 0.01, 0.03].iter().map(|rate| 3_000.0 * (-rate * f64::from(month).powf(1.6)).exp()).sum();
            table += &format!("{cohort},{month},{}\n", left.round());
        }
    }
    folder.write("cohorts.csv", table);
    let columns = ["--survivors", "customers", "--period", "month", "--cohort", "joined"];
    let train = ["train", "--json", "--task", "clv", "--table", "cohorts.csv"];
    let found = folder.tend(&[&train[..], &columns].concat()).json();
    assert_eq!(found["family"], "bdw", "{found}");
    assert_eq!(found["contracts"], 27_000);
    assert!(number(&found["parameters"]["c"]) > 1.3, "{found}");
    let tried: Vec<f64> =
        found["tried"].as_array().unwrap().iter().map(|one| number(&one["hold_out_log_likelihood"])).collect();
    assert!(tried.len() == 2 && (tried[1] - tried[0]).abs() < 2.0, "the last third alone does not tell: {found}");
    assert!(
        folder.read("registry/clv/1/report.html").contains("Who leaves at a renewal"),
        "the report tells of renewals"
    );
}

#[test]
fn tables_of_contracts_that_make_no_sense_are_refused() {
    let folder = Folder::new();
    folder.write("grows.csv", "customers\n100\n80\n90\n");
    folder.write("gap.csv", "month,customers\n0,100\n2,80\n3,70\n");
    folder.write("half.csv", "id,months,left\na,1.5,yes\nb,2,no\n");
    folder.write("at_once.csv", "id,months,left\na,0,yes\nb,1,yes\nc,2,no\nd,2,no\n");
    let train = ["train", "--task", "clv", "--family", "sbg", "--table"];
    let survivors: &[&str] = &["--survivors", "customers"];
    let tenure: &[&str] = &["--tenure", "months", "--target", "left"];
    for (file, columns, says) in [
        ("grows.csv", survivors, "period 2: found 90 customers still on after 80"),
        ("gap.csv", &["--survivors", "customers", "--period", "month"], "has period 2 where period 1 was expected"),
        ("half.csv", tenure, "row 2: `months` is 1.5; expected a whole number of periods"),
        ("at_once.csv", tenure, "take --family beta-geometric"),
    ] {
        let answer = folder.tend(&[&train[..], &[file], columns].concat());
        assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{answer}");
        answer.assert_says(&[says]);
    }
    let auto = ["train", "--json", "--task", "clv", "--table", "at_once.csv"];
    assert_eq!(folder.tend(&[&auto[..], tenure].concat()).json()["family"], "beta-geometric");
    for wrong in [
        &["train", "--task", "clv", "--table", "grows.csv"][..],
        &["score", "--task", "clv", "--table", "grows.csv", "--out", "s.csv", "--horizon", "x"],
    ] {
        assert_eq!(folder.tend(wrong).code, 2);
    }
}

/// Subscriptions of customers who differ in how readily they leave: each month one of `1 / risk` leaves. The price rises
/// by a tenth after a year.
fn subscriptions(customers: u64) -> String {
    let mut table = "customer_id,product_id,start_date,end_date,mrr,bill_period_months\n".to_owned();
    let mut luck = 88_172_645_463_325_252_u64;
    let mut draw = || {
        // Xorshift (Marsaglia, 2003).
        luck ^= luck << 13;
        luck ^= luck >> 7;
        luck ^= luck << 17;
        (luck >> 11) as f64 / (1_u64 << 53) as f64
    };
    let month = |months: u64| format!("{}-{:02}-05", 2022 + months / 12, months % 12 + 1);
    for customer in 0..customers {
        let start = customer % 30;
        let risk = [0.01, 0.04, 0.15][customer as usize % 3];
        let mut end = start + 1;
        while end < 48 && draw() > risk {
            end += 1;
        }
        let risen = start + 12;
        if end > risen {
            table += &format!("c{customer},basic,{},{},20,1\n", month(start), month(risen));
            let end = if end < 48 { month(end) } else { String::new() };
            table += &format!("c{customer},basic,{},{end},22,1\n", month(risen));
        } else {
            table += &format!("c{customer},basic,{},{},20,1\n", month(start), month(end));
        }
    }
    table
}

#[test]
fn a_project_with_subscriptions_alone_values_its_subscribers() {
    let folder = Folder::new();
    folder.write("subscriptions.csv", subscriptions(6_000));
    folder.write("tend.toml", "[tables.subscriptions]\nfile = \"subscriptions.csv\"\n");
    folder.write_policy();
    let found = folder.tend(&["train", "--json", "--task", "clv", "--as-of", "2025-06-15"]).json();
    assert!(["sbg", "bdw"].contains(&found["family"].as_str().unwrap()), "{found}");
    // The mean risk of a first decision is a fifteenth.
    let first = &found["steps"][0];
    assert_near(number(&first["expected"]), 1.0 - 0.2 / 3.0, 0.02, "first retention");
    let total_bias = number(&found["hold_out"]["purchases"]["total_bias"]);
    assert!(total_bias.abs() < 0.03, "{found}");
    assert!(number(&found["hold_out"]["spend"]["total_bias"]).abs() < 0.06, "{found}");
    assert!(number(&found["price"]["annual_factor"]) > 1.01, "{found}");

    folder.succeed(&["score", "--task", "clv", "--as-of", "2025-06-15", "--out", "scores.csv"]);
    let scores = folder.table("scores.csv");
    let (values, renewals) = (scores.numbers("predicted_clv"), scores.numbers("expected_purchases"));
    let (low, high) = (scores.numbers("predicted_clv_low"), scores.numbers("predicted_clv_high"));
    assert!(!values.is_empty() && values.len() < 6_000, "only those who are still on: {}", values.len());
    for row in 0..values.len() {
        assert!(renewals[row] > 0.0 && renewals[row] < 12.0, "{:?}", scores.rows[row]);
        assert!(low[row] < values[row] && values[row] < high[row], "{:?}", scores.rows[row]);
        // A year of renewals at 22 a month with a margin of 30 %: the discount takes less than a tenth.
        let undiscounted = renewals[row] * 22.0 * 0.3;
        assert!(values[row] > 0.9 * undiscounted && values[row] < 1.1 * undiscounted, "{:?}", scores.rows[row]);
    }
    assert!(scores.texts("next_renewal").iter().all(|next| ("2025-06-15".."2025-07-15").contains(next)));

    let judged = folder.tend(&["evaluate", "--json", "--task", "clv", "--as-of", "2025-12-15"]).json();
    assert!(number(&judged["hold_out"]["purchases"]["total_bias"]).abs() < 0.05, "{judged}");
    let named = folder.tend(&["train", "--json", "--task", "clv", "--family", "beta-geometric"]);
    assert_eq!(named.code, 1, "{named}");
    named.assert_says(&["expected sbg or bdw, or no family"]);
}

/// A customers table for [`subscriptions`]: one attribute is the customer's kind, which the risk to leave follows.
fn kinds(customers: u64) -> String {
    let rows: String = (0..customers)
        .map(|customer| {
            let start = customer % 30;
            let kind = ["loyal", "usual", "restless"][customer as usize % 3];
            format!("c{customer},{}-{:02}-05,{kind}\n", 2022 + start / 12, start % 12 + 1)
        })
        .collect();
    format!("customer_id,created_at,kind\n{rows}")
}

#[test]
fn customers_are_known_by_their_features_where_these_tell_who_renews() {
    let folder = Folder::new();
    folder.write("subscriptions.csv", subscriptions(6_000));
    folder.write("customers.csv", kinds(6_000));
    let tables = "[tables.subscriptions]\nfile = \"subscriptions.csv\"\n[tables.customers]\nfile = \"customers.csv\"\n";
    folder.write("tend.toml", tables);
    folder.write("policy.toml", Policy::default_toml(PolicyKind::Subscription));
    let found = folder.tend(&["train", "--json", "--task", "clv", "--as-of", "2025-06-15"]).json();
    let hazard = &found["hazard"];
    assert_eq!(hazard["is_used"], true, "{found}");
    assert!(number(&hazard["log_likelihood"]) > number(&hazard["log_likelihood_of_family"]) + 20.0, "{hazard}");
    // The kinds never change, so what is known of them never fades by much.
    assert!(number(&hazard["memory"]) >= 0.8, "{hazard}");
    assert!(number(&found["hold_out"]["purchases"]["total_bias"]).abs() < 0.04, "{found}");

    folder.succeed(&["score", "--task", "clv", "--as-of", "2025-06-15", "--out", "scores.csv"]);
    let scores = folder.table("scores.csv");
    let retention = scores.numbers("retention_probability");
    let ids = scores.texts("customer_id");
    let mean_of = |kind: usize| {
        let of_kind = |id: &&str| id[1..].parse::<usize>().expect("a number") % 3 == kind;
        let found: Vec<f64> =
            ids.iter().zip(&retention).filter(|(id, _)| of_kind(id)).map(|(_, found)| *found).collect();
        found.iter().sum::<f64>() / found.len() as f64
    };
    for (kind, risk) in [0.01, 0.04, 0.15].into_iter().enumerate() {
        assert_near(mean_of(kind), 1.0 - risk, 0.025, "retention of a kind");
    }
    // The same numbers in the table of all scores, through the policy.
    folder.succeed(&["score", "--as-of", "2025-06-15", "--out", "all.csv"]);
    let all = folder.table("all.csv");
    let place = all.texts("customer_id").iter().position(|id| *id == ids[0]).expect("a customer of both");
    assert_near(all.numbers("predicted_clv")[place], scores.numbers("predicted_clv")[0], 1e-9, "value");
}
