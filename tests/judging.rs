//! `tend evaluate`, `tend explain`, and training's own test rows, base rate and threads, through the command line.

#[path = "front_door/folder.rs"]
mod folder;

use std::fs::File;
use std::io::Read;

use flate2::read::GzDecoder;
use folder::{FIGURES_OF_A_CLASSIFIER, Folder, public_data};
use serde_json::Value;

/// A customer of a company where few leave, with the true probability of it.
struct Customer {
    tickets: u32,
    channel: &'static str,
    left: bool,
}

/// Customers of known truth: leaving depends on tickets and on the channel. About one in twenty leaves.
fn customers(count: usize, seed: u64) -> Vec<Customer> {
    let mut state = seed;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..count)
        .map(|_| {
            let (tickets, is_web) = ((10.0 * random()) as u32, random() < 0.5);
            let log_odds = -5.3 + 0.4 * f64::from(tickets) + if is_web { 0.8 } else { 0.0 };
            let left = random() < 1.0 / (1.0 + (-log_odds).exp());
            Customer { tickets, channel: if is_web { "web" } else { "shop" }, left }
        })
        .collect()
}

fn csv<'a>(customers: impl Iterator<Item = &'a Customer>) -> String {
    let row = |(place, one): (usize, &Customer)| {
        format!("c{place},{},{},{}\n", one.tickets, one.channel, if one.left { "yes" } else { "no" })
    };
    format!("account,tickets,channel,left\n{}", customers.enumerate().map(row).collect::<String>())
}

fn rate(customers: &[Customer]) -> f64 {
    customers.iter().filter(|one| one.left).count() as f64 / customers.len() as f64
}

/// All who left, and as many who stayed.
fn balanced(customers: &[Customer]) -> String {
    let leavers = customers.iter().filter(|one| one.left);
    let stayers = customers.iter().filter(|one| !one.left).take(leavers.clone().count());
    csv(leavers.chain(stayers))
}

const TRAIN: [&str; 7] = ["train", "--task", "churn", "--id", "account", "--target", "left"];

fn figure(json: &Value, key: &str) -> f64 {
    json[key].as_f64().unwrap_or_else(|| panic!("no number {key} in {json}"))
}

#[test]
fn a_re_sampled_table_gives_probabilities_and_figures_of_the_real_rate() {
    let folder = Folder::new();
    let population = customers(20_000, 11);
    let real = rate(&population);
    assert!((0.03..0.12).contains(&real), "{real}");
    folder.write("balanced.csv", balanced(&population));
    folder.write("population.csv", csv(population.iter()));
    let real_rate = format!("{real}");
    let trained =
        folder.tend(&[&TRAIN[..], &["--table", "balanced.csv", "--base-rate", &real_rate, "--json"]].concat()).json();
    assert_eq!(trained["base_rate"], real);

    folder.succeed(&[
        "score",
        "--task",
        "churn",
        "--table",
        "population.csv",
        "--id",
        "account",
        "--out",
        "scores.csv",
    ]);
    let scores = folder.table("scores.csv").numbers("churn_probability");
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    assert!((mean / real - 1.0).abs() < 0.1, "found a mean prediction of {mean}, expected {real} within 10 %");

    // The figures of re-sampled rows are those of rows as they are.
    let judged = folder
        .tend(&[
            "evaluate",
            "--task",
            "churn",
            "--table",
            "population.csv",
            "--target",
            "left",
            "--id",
            "account",
            "--json",
        ])
        .json();
    for (key, tolerance) in [("auc", 0.03), ("log_loss", 0.03), ("brier", 0.01), ("average_precision", 0.06)] {
        let (found, expected) = (figure(&trained, key), figure(&judged, key));
        assert!((found - expected).abs() < tolerance, "{key}: found {found}, on the population {expected}");
    }
    let card = folder.succeed(&["models", "show", "churn"]).stdout;
    assert!(card.contains("re-sampled"), "{card}");
}

#[test]
fn re_sampled_bank_customers_get_probabilities_of_the_real_rate() {
    let Some(file) = public_data("bank_marketing/bank-additional-full.csv.gz") else { return };
    let mut text = String::new();
    GzDecoder::new(File::open(file).expect("the table")).read_to_string(&mut text).expect("text");
    let mut lines = text.lines();
    let header = format!("account,{}\n", lines.next().expect("a header"));
    let rows: Vec<String> = lines.enumerate().map(|(place, line)| format!("c{place},{line}\n")).collect();
    let subscribed = |row: &&String| row.trim_end().ends_with(",yes");
    // Calls are in the order of time: every second one is for training, so that both halves are of all years.
    let train: Vec<&String> = rows.iter().step_by(2).collect();
    let others: Vec<&String> = rows.iter().skip(1).step_by(2).collect();
    let real = train.iter().copied().filter(subscribed).count() as f64 / train.len() as f64;
    assert!((0.10..0.13).contains(&real), "{real}");
    let yes: Vec<&str> = train.iter().copied().filter(subscribed).map(String::as_str).collect();
    let no: Vec<&str> = train.iter().copied().filter(|row| !subscribed(row)).map(String::as_str).collect();
    // Evenly over all of them, the latest too.
    let half = (0..yes.len()).map(|place| no[place * no.len() / yes.len()]);
    let folder = Folder::new();
    folder.write("balanced.csv", header.clone() + &yes.iter().copied().chain(half).collect::<String>());
    folder.write("others.csv", header + &others.iter().map(|row| row.as_str()).collect::<String>());
    let table = ["--task", "upsell", "--id", "account"];
    let rate = format!("{real}");
    let more = ["--target", "y", "--exclude", "duration", "--base-rate", &rate, "--json"];
    let trained = folder.tend(&[&["train", "--table", "balanced.csv"], &table[..], &more].concat()).json();
    assert_eq!(2 * trained["positives"].as_u64().expect("a count"), trained["rows"].as_u64().expect("a count"));

    folder.succeed(&[&["score", "--table", "others.csv"], &table[..], &["--out", "scores.csv"]].concat());
    let scores = folder.table("scores.csv").numbers("propensity");
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    let expected = others.iter().copied().filter(subscribed).count() as f64 / others.len() as f64;
    assert!((mean / expected - 1.0).abs() < 0.1, "found a mean of {mean} on other customers, expected {expected}");
    println!("re-sampled to a half, a mean of {mean} on other customers, of whom {expected} subscribed");
}

#[test]
fn rows_of_its_own_are_what_figures_are_taken_on() {
    let folder = Folder::new();
    folder.write("train.csv", csv(customers(3_000, 3).iter()));
    let held_out = customers(1_500, 4);
    folder.write("test.csv", csv(held_out.iter()));
    let train = [&TRAIN[..], &["--table", "train.csv", "--test", "test.csv", "--json"]].concat();
    let trained = folder.tend(&train).json();
    let positives = held_out.iter().filter(|one| one.left).count();
    assert_eq!((&trained["rows"], &trained["positives"]), (&1_500.into(), &positives.into()));
    assert!(trained["folds"].is_null(), "{trained}");

    // The published model itself was tested, so that judging it again gives the same figures.
    let evaluate = ["evaluate", "--task", "churn", "--table", "test.csv", "--target", "left", "--json"];
    let judged = folder.tend(&evaluate).json();
    let more = ["brier_decomposition", "empc", "empc_fraction", "intervals"];
    for key in FIGURES_OF_A_CLASSIFIER.into_iter().chain(more) {
        assert!(!judged[key].is_null(), "no {key} in {judged}");
        assert_eq!(judged[key], trained[key], "{key}");
    }
    assert_eq!(folder.tend(&[&evaluate[..], &["--version", "1"]].concat()).json()["auc"], trained["auc"]);
    let answer = folder.tend(&[&evaluate[..], &["--version", "7"]].concat());
    assert!(answer.code == 1 && answer.stderr.contains("has no version 7"), "{answer}");
}

#[test]
fn figures_come_with_intervals_in_all_three_places() {
    let folder = Folder::new();
    folder.write("train.csv", csv(customers(2_000, 5).iter()));
    let trained = folder.tend(&[&TRAIN[..], &["--table", "train.csv", "--json"]].concat()).json();
    for key in ["auc", "average_precision", "log_loss", "expected_calibration_error", "top_decile_lift"] {
        let (low, high) = (figure(&trained["intervals"][key], "low"), figure(&trained["intervals"][key], "high"));
        assert!(low < high, "{key}: {low} {high}");
    }
    let auc = figure(&trained, "auc");
    let ends = &trained["intervals"]["auc"];
    assert!(figure(ends, "low") < auc && auc < figure(ends, "high"), "{trained}");
    assert_eq!(trained["intervals"]["gains"].as_array().expect("gains").len(), 5);
    let metrics: Value = serde_json::from_str(&folder.read("registry/churn/1/metrics.json")).expect("JSON");
    assert_eq!(metrics["intervals"], trained["intervals"]);
    assert!(folder.read("registry/churn/1/card.md").contains("| figure | value | 95 % interval |"));
    assert!(folder.read("registry/churn/1/report.html").contains("95%: "));
}

#[test]
fn the_company_s_own_values_decide_what_a_campaign_earns() {
    let folder = Folder::new();
    folder.write("train.csv", csv(customers(2_000, 6).iter()));
    let empc = |more: &[&str]| {
        let json = folder.tend(&[&TRAIN[..], &["--table", "train.csv", "--json"], more].concat()).json();
        (figure(&json, "empc"), json["campaign"]["customer_value"].clone())
    };
    let (assumed, value) = empc(&[]);
    assert_eq!(value, 200.0);
    let (own, value) = empc(&["--customer-value", "2000", "--offer-cost", "100", "--contact-cost", "10"]);
    assert_eq!(value, 2000.0);
    // Ten times the money everywhere is ten times the profit.
    assert!((own / assumed - 10.0).abs() < 1e-9, "{own} {assumed}");
    let wrong = folder.tend(&[&TRAIN[..], &["--table", "train.csv", "--offer-cost", "300"]].concat());
    assert!(wrong.code == 2 && wrong.stderr.contains("offer-cost is 300"), "{wrong}");
}

#[test]
fn the_number_of_threads_changes_no_figure() {
    let folder = Folder::new();
    folder.write("train.csv", csv(customers(1_200, 8).iter()));
    let with = |threads: &str| {
        let mut json =
            folder.tend(&[&TRAIN[..], &["--table", "train.csv", "--json", "--threads", threads]].concat()).json();
        json["version"] = Value::Null;
        json
    };
    assert_eq!(with("1"), with("3"));
}

#[test]
fn an_explanation_adds_up_and_is_of_the_probability_that_is_scored() {
    let folder = Folder::new();
    folder.write("train.csv", csv(customers(2_000, 9).iter()));
    folder.succeed(&[&TRAIN[..], &["--table", "train.csv"]].concat());
    folder.succeed(&["score", "--task", "churn", "--table", "train.csv", "--id", "account", "--out", "scores.csv"]);
    let scores = folder.table("scores.csv");
    let place = 17;
    let explain = ["explain", "--table", "train.csv", "--id", "account", "--customer"];
    let json = folder.tend(&[&explain[..], &["c17", "--json"]].concat()).json();
    assert_eq!((&json["customer_id"], &json["task"]), (&"c17".into(), &"churn".into()));
    let probability = figure(&json, "probability");
    let scored = scores.numbers("churn_probability")[place];
    assert!((probability - scored).abs() < 1e-9, "explained {probability}, scored {scored}");
    let parts: Vec<f64> =
        json["features"].as_array().expect("features").iter().map(|part| figure(part, "contribution")).collect();
    assert!(parts.is_sorted_by(|one, next| one.abs() >= next.abs()), "{parts:?}");
    let together = figure(&json, "base") + parts.iter().sum::<f64>();
    let raw = figure(&json, "raw_probability");
    assert!((together - (raw / (1.0 - raw)).ln()).abs() < 1e-9, "{json}");
    let first = json["reasons"].as_array().expect("reasons").first().cloned().unwrap_or_default();
    assert_eq!(first.as_str().unwrap_or_default(), scores.texts("reason_1")[place]);

    let text = folder.succeed(&[&explain[..], &["c17"]].concat()).stdout;
    assert!(text.starts_with("c17: churn probability ") && text.contains("  base\n"), "{text}");
    let unknown = folder.tend(&[&explain[..], &["nobody"]].concat());
    assert!(unknown.code == 1 && unknown.stderr.contains("no customer \"nobody\" in train.csv"), "{unknown}");
}

#[test]
fn a_project_is_judged_at_the_newest_known_outcome_and_its_customers_are_explained() {
    let folder = Folder::new();
    folder.succeed(&["simulate", "--customers", "1500", "--seed", "7", "--out", "data"]);
    folder.succeed(&["init", "--data", "data"]);
    folder.succeed(&["train"]);
    let metrics = |task: &str| -> Value {
        serde_json::from_str(&folder.read(&format!("registry/{task}/1/metrics.json"))).expect("JSON")
    };
    let judged = folder.tend(&["evaluate", "--task", "churn", "--json"]).json();
    for key in ["rows", "positives", "auc", "log_loss", "empc", "intervals"] {
        assert_eq!(judged[key], metrics("churn")[key], "{key}");
    }
    assert_eq!(judged["seen_in_training"], false);
    let moment = judged["moment"].as_str().expect("a date").to_owned();

    // A moment earlier is one that the model was tuned on.
    let earlier = folder.tend(&["evaluate", "--task", "churn", "--as-of", &moment[..10], "--json"]).json();
    assert_eq!(earlier["seen_in_training"], true, "{earlier}");
    assert!(earlier["moment"].as_str() < Some(&moment), "{earlier}");

    let upsell = folder.tend(&["evaluate", "--task", "upsell", "--json"]).json();
    let sorted = |json: &Value| {
        let mut products = json["products"].as_array().expect("products").clone();
        products.sort_by_key(|product| product["product"].to_string());
        products
    };
    assert_eq!(sorted(&upsell), sorted(&metrics("upsell")));
    let value = folder.tend(&["evaluate", "--task", "clv", "--json"]).json();
    assert!(figure(&value["hold_out"]["purchases"], "actual_total") > 0.0, "{value}");
    assert_eq!(value["seen_in_training"], true);

    folder.succeed(&["score", "--out", "scores.csv"]);
    let scores = folder.table("scores.csv");
    let place = scores.numbers("churn_probability").iter().position(|scored| !scored.is_nan()).expect("one at risk");
    let id = scores.texts("customer_id")[place];
    let explained = folder.tend(&["explain", "--customer", id, "--json"]).json();
    let scored = scores.numbers("churn_probability")[place];
    assert!((figure(&explained, "probability") - scored).abs() < 1e-9, "{explained}");
    let gone = scores.numbers("churn_probability").iter().position(|scored| scored.is_nan());
    if let Some(gone) = gone {
        let answer = folder.tend(&["explain", "--customer", scores.texts("customer_id")[gone]]);
        assert!(answer.code == 1 && answer.stderr.contains("has no churn probability"), "{answer}");
    }
    let product = folder.tend(&["explain", "--customer", id, "--task", "upsell", "--json"]).json();
    assert!(product["product"].is_string(), "{product}");
}
