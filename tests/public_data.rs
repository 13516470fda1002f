//! Public customer tables and logs, through the command line, against published and reference results.

#[path = "front_door/folder.rs"]
mod folder;

use std::collections::BTreeSet;

use folder::{FIGURES_OF_A_CLASSIFIER, Folder, fields, public_data};
use serde_json::Value;

#[test]
fn telco_customers_are_scored_as_well_as_the_reference_models_do() {
    let Some(file) = public_data("telco_ibm/Telco-Customer-Churn.csv") else { return };
    let file = file.to_str().expect("UTF-8");
    let folder = Folder::new();
    let table = ["--task", "churn", "--table", file, "--id", "customerID"];
    let json = folder.tend(&[&["train"], &table[..], &["--target", "Churn", "--json"]].concat()).json();
    for key in FIGURES_OF_A_CLASSIFIER.into_iter().chain(["folds"]) {
        assert!(!json[key].is_null(), "no {key} in {json}");
    }
    assert_eq!((&json["rows"], &json["positives"], &json["folds"]), (&7_043.into(), &1_869.into(), &5.into()));
    let figure = |key: &str| json[key].as_f64().expect("a number");
    assert!(figure("auc") >= 0.840, "found AUC {}, expected 0.840 or more", figure("auc"));
    let error = figure("expected_calibration_error");
    assert!(error < 0.03, "found a calibration error of {error}, expected below 0.03");

    folder.succeed(&[&["score"], &table[..], &["--out", "scores.csv"]].concat());
    let scores = folder.table("scores.csv");
    let columns =
        ["customer_id", "churn_probability", "risk_band", "reason_1", "reason_2", "reason_3", "model_version"];
    assert_eq!(scores.columns, columns);
    let text = std::fs::read_to_string(file).expect("the table");
    let ids: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(scores.texts("customer_id"), ids, "one line a customer, in the order of the table");
    assert!(scores.numbers("churn_probability").iter().all(|value| (0.0..=1.0).contains(value)));
}

/// What `tend check` says of a public customer table.
fn checked(file: &std::path::Path, target: &str, more: &[&str]) -> Value {
    let file = file.to_str().expect("UTF-8");
    Folder::new().tend(&[&["check", "--table", file, "--target", target, "--json"], more].concat()).json()
}

#[test]
fn how_long_the_call_took_is_named_as_known_only_afterwards() {
    let Some(file) = public_data("bank_marketing/bank-additional-full.csv.gz") else { return };
    let json = checked(&file, "y", &[]);
    assert_eq!((&json["rows"], &json["positives"], &json["positive"]), (&41_188.into(), &4_640.into(), &"yes".into()));
    let suspects: Vec<&str> = json["suspects"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(suspects.len(), 1, "{suspects:?}");
    assert!(suspects[0].starts_with("duration: tells the target alone (AUC 0."), "{suspects:?}");
    assert!(suspects[0].contains("--exclude duration"), "{suspects:?}");
    let without = checked(&file, "y", &["--exclude", "duration"]);
    assert!(without["suspects"].as_array().expect("a list").is_empty(), "{without}");
}

#[test]
fn what_honestly_tells_who_leaves_is_not_named() {
    for (name, target, id) in [
        ("telco_ibm/Telco-Customer-Churn.csv", "Churn", &["--id", "customerID"][..]),
        ("mlc_churn/mlc_churn.csv", "churn", &[]),
    ] {
        let Some(file) = public_data(name) else { continue };
        let json = checked(&file, target, id);
        for list in ["suspects", "left_out", "constant"] {
            assert!(json[list].as_array().expect("a list").is_empty(), "{name}: {json}");
        }
    }
}

/// Checks a figure to a tolerance.
fn assert_near(name: &str, found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{name}: found {found}, expected {expected} within {tolerance}");
}

/// Purchase days of each customer of the CDNOW sample after the last day of September 1997, by customer.
fn later_purchase_days(log: &str) -> Vec<(String, f64)> {
    let mut days: Vec<(String, BTreeSet<String>)> = Vec::new();
    for row in log.lines().skip(1).map(fields) {
        if days.last().is_none_or(|(id, _)| *id != row[1]) {
            days.push((row[1].clone(), BTreeSet::new()));
        }
        if row[2].as_str() > "1997-09-30" {
            days.last_mut().expect("pushed above").1.insert(row[2].clone());
        }
    }
    days.into_iter().map(|(id, days)| (id, days.len() as f64)).collect()
}

// Parameters, likelihoods and hold-out figures: Fader, Hardie and Lee (2005) and the reference numbers of the
// packages that follow it.
#[test]
fn cdnow_gives_the_published_parameters_and_hold_out_figures() {
    let Some(file) = public_data("cdnow/cdnow_sample.csv") else { return };
    let path = file.to_str().expect("UTF-8");
    let folder = Folder::new();
    let log = [
        "--task",
        "clv",
        "--transactions",
        path,
        "--id",
        "sample_id",
        "--time",
        "date",
        "--amount",
        "spend",
        "--until",
        "1997-09-30",
    ];
    let json =
        folder.tend(&[&["train"], &log[..], &["--unit", "week", "--family", "bg-nbd", "--json"]].concat()).json();
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("found {value} in {json}"));
    let expected = [("r", 0.2426), ("alpha", 4.4136), ("a", 0.7929), ("b", 2.4259)];
    for (name, value) in expected {
        assert_near(name, number(&json["parameters"][name]), value, 0.000_051);
    }
    assert_near("log likelihood", number(&json["log_likelihood"]), -9_582.429, 0.001);
    for (name, value) in [("p", 6.249_574), ("q", 3.744_225), ("v", 15.443_516)] {
        assert_near(name, number(&json["spend"][name]), value, 0.001);
    }
    assert_near("spend log likelihood", number(&json["spend"]["log_likelihood"]), -4_055.917_7, 0.000_1);

    folder.succeed(&[&["score"], &log[..], &["--horizon", "39w", "--out", "clv.csv"]].concat());
    let scores = folder.table("clv.csv");
    let columns = [
        "customer_id",
        "expected_purchases",
        "probability_alive",
        "expected_average_spend",
        "predicted_clv",
        "model_version",
    ];
    assert_eq!(scores.columns, columns);
    let actual = later_purchase_days(&std::fs::read_to_string(path).expect("the log"));
    let ids: Vec<&str> = actual.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(scores.texts("customer_id"), ids);
    let predicted = scores.numbers("expected_purchases");
    let gaps: Vec<f64> = predicted.iter().zip(&actual).map(|(predicted, (_, actual))| predicted - actual).collect();
    let mean = |of: fn(f64) -> f64| gaps.iter().copied().map(of).sum::<f64>() / gaps.len() as f64;
    assert_eq!(actual.iter().map(|(_, days)| days).sum::<f64>(), 1_882.0);
    assert_near("predicted purchases", predicted.iter().sum(), 1_653.4, 0.05);
    assert_near("mean absolute error", mean(f64::abs), 0.785_5, 0.000_051);
    assert_near("root mean squared error", mean(|gap| gap * gap).sqrt(), 1.608, 0.000_51);
    let spend = scores.numbers("expected_average_spend");
    for (place, expected) in [24.65, 18.91, 35.17, 35.17, 35.17].into_iter().enumerate() {
        assert_near("average spend", spend[place], expected, 0.005_1);
    }
}

// Parameters and likelihoods: as quoted by the lifetimes package, BTYD and CLVTools.
#[test]
fn every_family_is_trained_from_the_transaction_log() {
    let Some(file) = public_data("cdnow/cdnow_sample.csv") else { return };
    let path = file.to_str().expect("UTF-8");
    let folder = Folder::new();
    let log = ["--task", "clv", "--transactions", path, "--id", "sample_id", "--time", "date", "--amount", "spend"];
    let log = [&log[..], &["--until", "1997-09-30"]].concat();
    let train = |family: &str, unit: &str| {
        folder.tend(&[&["train"], &log[..], &["--unit", unit, "--family", family, "--json"]].concat()).json()
    };
    for (family, expected, log_likelihood) in [
        ("mbg-nbd", [("r", 0.524_843), ("alpha", 6.183_085), ("a", 0.891_359), ("b", 1.614_002)], -9_582.135_7),
        ("pareto-nbd", [("r", 0.553_277), ("alpha", 10.577_684), ("s", 0.606_240), ("beta", 11.668_735)], -9_594.976_2),
    ] {
        let json = train(family, "week");
        assert_eq!(json["family"], family);
        for (name, value) in expected {
            let found = json["parameters"][name].as_f64().unwrap_or_else(|| panic!("no {name} in {json}"));
            assert_near(name, found, value, 5e-5 * value);
            assert!(json["standard_errors"][name].as_f64().is_some_and(|error| error > 0.0), "{json}");
        }
        assert_near(family, json["log_likelihood"].as_f64().expect("a number"), log_likelihood, 5e-5);
        folder.succeed(&[&["score"], &log[..], &["--horizon", "39w", "--intervals", "--out", "clv.csv"]].concat());
        let scores = folder.table("clv.csv");
        let (low, high) = (scores.numbers("expected_purchases_low"), scores.numbers("expected_purchases_high"));
        for (place, expected) in scores.numbers("expected_purchases").into_iter().enumerate() {
            assert!(low[place] <= expected && expected <= high[place], "{} {expected} {}", low[place], high[place]);
        }
        if family == "pareto-nbd" {
            let actual = later_purchase_days(&std::fs::read_to_string(path).expect("the log"));
            let gaps = scores.numbers("expected_purchases").into_iter().zip(&actual);
            let mae = gaps.map(|(expected, (_, actual))| (expected - actual).abs()).sum::<f64>() / actual.len() as f64;
            assert_near("mean absolute error", mae, 0.754_5, 0.000_051);
        }
    }
    let json = train("auto", "week");
    println!("{}", json["families"]);
    let families = json["families"].as_array().expect("the contest");
    assert_eq!(families.len(), 3);
    assert!(families.iter().any(|one| one["family"] == json["family"]), "{json}");
    let json = train("bg-bb", "week");
    assert_eq!(json["family"], "bg-bb");
    println!("{} {}", json["parameters"], json["hold_out"]["purchases"]);
    let bias = json["hold_out"]["purchases"]["total_bias"].as_f64().expect("a number");
    assert!(bias.abs() < 0.25, "{bias}");
}
