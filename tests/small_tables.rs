//! A customer table of a few hundred rows, through the command line: a simple model with wide intervals, no refusal.

#[path = "front_door/folder.rs"]
mod folder;

use folder::{Folder, fields, public_data};
use serde_json::Value;

fn figure(json: &Value, key: &str) -> f64 {
    json[key].as_f64().unwrap_or_else(|| panic!("no number {key} in {json}"))
}

/// The Telco customers with this answer, as lines, evenly spaced.
fn telco<'a>(lines: &'a [&'a str], churned: &str, count: usize) -> Vec<&'a str> {
    let all: Vec<&str> =
        lines.iter().copied().filter(|line| fields(line).last().is_some_and(|last| last == churned)).collect();
    all.iter().copied().step_by(all.len() / count).take(count).collect()
}

#[test]
fn three_hundred_customers_of_whom_thirty_left_train_a_model_that_says_how_unsure_it_is() {
    let Some(file) = public_data("telco_ibm/Telco-Customer-Churn.csv") else { return };
    let text = std::fs::read_to_string(file).expect("the table");
    let lines: Vec<&str> = text.lines().collect();
    let folder = Folder::new();
    let small = [&lines[..1], &telco(&lines, "No", 270), &telco(&lines, "Yes", 30)].concat().join("\n");
    folder.write("small.csv", small + "\n");
    folder.write("all.csv", &text);
    let table = ["--task", "churn", "--id", "customerID", "--target", "Churn", "--json"];
    let trained = folder.tend(&[&["train", "--table", "small.csv"], &table[..]].concat()).json();
    assert_eq!((&trained["rows"], &trained["positives"]), (&300.into(), &30.into()));
    assert_ne!(trained["family"], "blend");
    let ends = &trained["intervals"]["auc"];
    let width = figure(ends, "high") - figure(ends, "low");
    assert!(width > 0.08, "found an interval of {width} from 30 positives");
    let error = figure(&trained, "expected_calibration_error");
    assert!(error < 0.08, "found a calibration error of {error}");

    // What it learned holds for the thousands of customers it never saw, which reference models order with .84.
    let judged = folder.tend(&[&["evaluate", "--table", "all.csv"], &table[..]].concat()).json();
    let auc = figure(&judged, "auc");
    assert!(auc > 0.76, "found AUC {auc} on all customers");
    let within = figure(ends, "low") - 0.02..=figure(ends, "high") + 0.02;
    assert!(within.contains(&auc), "AUC {auc} on all customers, {within:?} by cross-validation");
}

#[test]
fn a_thorough_run_tells_what_it_tried() {
    let Some(file) = public_data("telco_ibm/Telco-Customer-Churn.csv") else { return };
    let text = std::fs::read_to_string(file).expect("the table");
    let folder = Folder::new();
    folder.write("some.csv", text.lines().take(900).map(|line| format!("{line}\n")).collect::<String>());
    let train = ["train", "--task", "churn", "--table", "some.csv", "--id", "customerID", "--target", "Churn"];
    let trained = folder.tend(&[&train[..], &["--effort", "thorough", "--folds", "2", "--json"]].concat()).json();
    let tried = trained["tried"].as_array().expect("what was tried");
    assert!(tried.len() > 20, "{tried:?}");
    for family in ["logistic", "forest", "boosting"] {
        let chosen = tried.iter().filter(|trial| trial["family"] == family && trial["is_chosen"] == true).count();
        assert_eq!(chosen, 1, "{family}: {tried:?}");
    }
    let metrics: Value = serde_json::from_str(&folder.read("registry/churn/1/metrics.json")).expect("JSON");
    assert_eq!(metrics["tried"], trained["tried"]);
    assert!(folder.read("registry/churn/1/report.html").contains("what was tried"));

    let usual = folder.tend(&[&train[..], &["--folds", "2", "--json"]].concat()).json();
    assert!(usual["tried"].is_null(), "{usual}");
    let wrong = folder.tend(&[&train[..], &["--effort", "most"]].concat());
    assert!(wrong.code == 2 && wrong.stderr.contains("quick, standard, thorough"), "{wrong}");
    folder.write("tend.toml", "[training]\neffort = \"most\"\n");
    let wrong = folder.tend(&["train"]);
    assert!(wrong.code != 0 && wrong.stderr.contains("`quick`, `standard`, `thorough`"), "{wrong}");
}
