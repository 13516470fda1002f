//! The command line as scripts use it: exit codes, what goes to stdout, names of keys and columns, and no half files.

#[path = "front_door/folder.rs"]
mod folder;

use std::collections::BTreeSet;

use folder::Folder;
use serde_json::Value;

/// A customer table of which the target follows one column, with some noise.
fn customer_table() -> String {
    let row = |place: u64| {
        let tickets = place * 7 % 10;
        let left = if (tickets * 13 + place * 29 % 50) > 90 { "yes" } else { "no" };
        format!("c{place},{tickets},{},{left}\n", ["web", "shop"][place as usize % 2])
    };
    let rows: String = (0..400).map(row).collect();
    format!("account,tickets,channel,left\n{rows}")
}

/// A folder with the customer table.
fn with_table() -> Folder {
    let folder = Folder::new();
    folder.write("table.csv", customer_table());
    folder
}

const TRAIN_TABLE: [&str; 9] =
    ["train", "--task", "churn", "--table", "table.csv", "--id", "account", "--target", "left"];

/// A simulated shop, set up by `tend init`.
fn shop(customers: &str) -> Folder {
    let folder = Folder::new();
    folder.succeed(&["simulate", "--customers", customers, "--seed", "7", "--out", "data"]);
    folder.succeed(&["init", "--data", "data"]);
    folder
}

#[test]
fn a_command_that_is_used_wrongly_exits_with_2_and_answers_nothing() {
    let cases: [&[&str]; 35] = [
        &[],
        &["tidy"],
        &["init", "--dat", "data"],
        &["check", "everything"],
        &["simulate", "--customers", "10"],
        &["simulate", "--customers", "ten", "--out", "data"],
        &["demo", "--customers", "-1"],
        &["train", "--task", "everything"],
        &["train", "--as-of", "yesterday"],
        &["train", "--task", "churn", "--table", "table.csv"],
        &["train", "--table", "table.csv", "--target", "left"],
        &["train", "--task", "clv", "--transactions", "log.csv"],
        &["train", "--task", "churn", "--transactions", "log.csv", "--time", "day", "--amount", "paid"],
        &["train", "--task", "clv", "--table", "table.csv", "--target", "left"],
        &["train", "--test", "test.csv"],
        &["train", "--base-rate", "0.1"],
        &["train", "--task", "churn", "--table", "table.csv", "--target", "left", "--base-rate", "1.5"],
        &["train", "--task", "churn", "--table", "table.csv", "--target", "left", "--test", "t.csv", "--folds", "3"],
        &["train", "--threads", "0"],
        &["evaluate"],
        &["evaluate", "--task", "segments"],
        &["evaluate", "--task", "churn", "--table", "table.csv"],
        &["explain"],
        &["explain", "--customer", "c1", "--table", "table.csv"],
        &["explain", "--customer", "c1", "--task", "clv"],
        &["score"],
        &["score", "--task", "clv", "--table", "table.csv", "--out", "scores.csv"],
        &[
            "score",
            "--task",
            "churn",
            "--transactions",
            "log.csv",
            "--time",
            "day",
            "--amount",
            "paid",
            "--out",
            "s.csv",
        ],
        &["score", "--table", "table.csv", "--out", "scores.csv"],
        &[
            "score",
            "--transactions",
            "log.csv",
            "--time",
            "day",
            "--amount",
            "paid",
            "--horizon",
            "5y",
            "--out",
            "s.csv",
        ],
        &["decide", "--as-of", "soon"],
        &["models"],
        &["models", "show", "everything"],
        &["models", "promote", "churn"],
        &["serve", "--addr", "somewhere"],
    ];
    let folder = with_table();
    for arguments in cases {
        let answer = folder.tend(arguments);
        assert_eq!(answer.code, 2, "tend {}: {answer}", arguments.join(" "));
        assert!(answer.stdout.is_empty() && !answer.stderr.is_empty(), "tend {}: {answer}", arguments.join(" "));
    }
    assert_eq!(folder.files(), ["table.csv"]);
}

#[test]
fn a_command_that_fails_exits_with_1_and_leaves_no_file() {
    let cases: [(&[&str], &str); 18] = [
        (&["init"], "data: cannot be listed; name the folder of your tables with --data"),
        (&["init", "--data", "."], "found no .csv, .csv.gz or .parquet file"),
        (&["check"], "tend.toml: cannot be read"),
        (&["train"], "write one with `tend init`"),
        (&["train", "--task", "churn", "--table", "none.csv", "--target", "left"], "none.csv: cannot be read"),
        (
            &["train", "--task", "clv", "--transactions", "none.csv", "--time", "day", "--amount", "paid"],
            "none.csv: cannot be read",
        ),
        (&["score", "--out", "scores.csv"], "tend.toml: cannot be read"),
        (&["score", "--task", "churn", "--table", "none.csv", "--out", "scores.csv"], "no churn model is published"),
        (
            &["score", "--transactions", "none.csv", "--time", "day", "--amount", "paid", "--out", "scores.csv"],
            "no clv model is published",
        ),
        (&["evaluate", "--task", "churn"], "tend.toml: cannot be read"),
        (&["evaluate", "--task", "churn", "--table", "none.csv", "--target", "left"], "no churn model is published"),
        (&["explain", "--customer", "c1"], "tend.toml: cannot be read"),
        (&["decide"], "tend.toml: cannot be read"),
        (&["models", "show", "churn"], "no version is the champion"),
        (&["models", "show", "churn", "3"], "no such version; see `tend models list`"),
        (&["models", "promote", "churn", "3"], "no version 3"),
        (&["models", "rollback", "churn"], "has had no champion before"),
        (&["serve"], "timelines.tend: "),
    ];
    let folder = Folder::new();
    for (arguments, expected) in cases {
        for json in [&[][..], &["--json"]] {
            let answer = folder.tend(&[arguments, json].concat());
            assert_eq!(answer.code, 1, "tend {}: {answer}", arguments.join(" "));
            assert!(
                answer.stderr.contains(expected),
                "tend {}: expected {expected:?} in {answer}",
                arguments.join(" ")
            );
            assert_eq!(answer.stdout, "", "tend {}", arguments.join(" "));
            assert_eq!(folder.files(), [""; 0], "tend {}", arguments.join(" "));
        }
    }
}

#[test]
fn output_that_cannot_be_written_leaves_nothing_behind() {
    let folder = with_table();
    folder.succeed(&TRAIN_TABLE);
    let before = folder.files();
    let score = ["score", "--task", "churn", "--table", "table.csv", "--id", "account", "--out"];
    let cases = [("scores.txt", "expected .csv"), ("table.csv/scores.csv", "cannot be written")];
    for (out, expected) in cases {
        let answer = folder.tend(&[&score[..], &[out]].concat());
        assert!(answer.code == 1 && answer.stderr.contains(expected), "{out}: {answer}");
        assert_eq!(folder.files(), before, "{out}");
    }
    folder.write("table.csv", customer_table().replacen("c7,9,", "c7,nine,", 1));
    let answer = folder.tend(&[&score[..], &["scores.csv"]].concat());
    assert!(answer.code == 1 && answer.stderr.contains("row 9: `tickets` is \"nine\""), "{answer}");
    assert_eq!(folder.files(), before);
}

#[test]
fn every_command_answers_with_one_json_object_and_progress_elsewhere() {
    let folder = Folder::new();
    let simulated = folder.tend(&["simulate", "--customers", "600", "--out", "data", "--json"]).json();
    assert_eq!(simulated["customers"], 600);
    let begun = folder.tend(&["init", "--data", "data", "--json"]).json();
    let tables = ["customers", "transactions", "subscriptions", "events", "products", "contacts", "consents"];
    assert_eq!(begun["tables"], serde_json::json!(tables));
    let checked = folder.tend(&["check", "--json"]).json();
    assert_eq!(checked["customers"], 600);
    for table in checked["tables"].as_array().expect("tables") {
        assert_eq!(table["rejected"], serde_json::json!({}), "{table}");
    }
    let trained = folder.tend(&["train", "--json"]);
    assert!(trained.stderr.contains("training churn"), "{trained}");
    let tasks: Vec<Value> =
        trained.json()["models"].as_array().expect("models").iter().map(|model| model["task"].clone()).collect();
    assert!(tasks.contains(&"churn".into()) && tasks.contains(&"clv".into()), "{tasks:?}");
    assert_eq!(folder.tend(&["score", "--out", "scores.csv", "--json"]).json()["customers"], 600);
    assert_eq!(folder.tend(&["decide", "--json"]).json()["customers"], 600);
    let listed = folder.tend(&["models", "list", "--json"]).json();
    assert_eq!(listed["models"].as_array().expect("models").len(), tasks.len());
    let shown = folder.tend(&["models", "show", "churn", "--json"]).json();
    assert_eq!((&shown["task"], &shown["version"]), (&"churn".into(), &"1".into()));
    assert_eq!(folder.tend(&["models", "promote", "churn", "1", "--json"]).json()["champion"], "1");
    folder.succeed(&["train", "--task", "churn"]);
    assert_eq!(folder.tend(&["models", "rollback", "churn", "--json"]).json()["champion"], "1");
    let verified = folder.tend(&["models", "verify", "--json"]).json();
    let whole = |model: &Value| model["is_whole"] == true;
    assert!(verified["models"].as_array().expect("models").iter().all(whole), "{verified}");
}

#[test]
fn scores_and_decisions_have_the_columns_that_scripts_rely_on() {
    let folder = shop("600");
    folder.succeed(&["train"]);
    folder.succeed(&["score", "--out", "scores.csv"]);
    let scores = folder.table("scores.csv");
    let names: BTreeSet<&str> = scores.columns.iter().map(String::as_str).collect();
    let known = [
        "customer_id",
        "churn_probability",
        "risk_band",
        "expected_purchases",
        "probability_alive",
        "expected_average_spend",
        "predicted_clv",
        "reason_1",
        "reason_2",
        "reason_3",
        "model_version",
    ];
    for name in known {
        assert!(names.contains(name), "no {name} in {:?}", scores.columns);
    }
    assert_eq!(scores.rows.len(), 600, "one line a customer");
    let ids: BTreeSet<&str> = scores.texts("customer_id").into_iter().collect();
    assert_eq!(ids.len(), 600, "each customer once");

    folder.succeed(&["decide", "--out", "worklist.csv"]);
    let columns = [
        "customer_id",
        "stage",
        "action",
        "channel",
        "expected_gain",
        "at_stake",
        "effect",
        "effect_source",
        "cost",
        "probability",
        "reason",
        "deadline",
    ];
    let worklist = folder.table("worklist.csv");
    assert_eq!(worklist.columns, columns);
    assert!(worklist.numbers("expected_gain").is_sorted_by(|one, next| one >= next), "largest gain first");
    folder.succeed(&["decide", "--all", "--out", "all.csv"]);
    assert_eq!(folder.table("all.csv").rows.len(), 600);
}

#[test]
fn a_demo_of_few_customers_writes_its_worklist_and_report() {
    let folder = Folder::new();
    let answer = folder.succeed(&["demo", "--customers", "60", "--dir", "demo"]);
    assert!(answer.stdout.contains("demo/worklist.csv") && answer.stdout.contains("demo/report.html"), "{answer}");
    assert!(folder.read("demo/worklist.csv").starts_with("customer_id,stage,action,"));
    assert!(folder.read("demo/report.html").starts_with("<!DOCTYPE html>"));
    let json = folder.tend(&["demo", "--customers", "60", "--dir", "other", "--json"]).json();
    assert_eq!(json["customers"], 60);
}

#[test]
fn models_are_listed_shown_promoted_rolled_back_and_verified() {
    let folder = with_table();
    assert_eq!(folder.succeed(&["models", "list"]).stdout, "", "nothing is published");
    for version in ["1", "2"] {
        let json = folder.tend(&[&TRAIN_TABLE[..], &["--json"]].concat()).json();
        assert_eq!(json["version"], version);
    }
    let stars = || -> Vec<String> {
        let listed = folder.succeed(&["models", "list"]).stdout;
        listed.lines().map(|line| line.split_whitespace().take(3).collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(stars()[1], "* churn 2");
    assert!(folder.succeed(&["models", "show", "churn", "1"]).stdout.starts_with("# churn model ("));
    folder.succeed(&["models", "promote", "churn", "1"]);
    assert_eq!(stars()[0], "* churn 1");
    folder.succeed(&["models", "rollback", "churn"]);
    assert_eq!(stars()[1], "* churn 2");
    assert_eq!(folder.succeed(&["models", "verify"]).stdout, "churn 1: whole\nchurn 2: whole\n");

    let model = "registry/churn/1/model.tend";
    let mut bytes = std::fs::read(folder.path(model)).expect("a model");
    *bytes.last_mut().expect("not empty") ^= 1;
    folder.write(model, bytes);
    let answer = folder.tend(&["models", "verify"]);
    assert!(answer.code == 1 && answer.stdout.contains("churn 2: whole"), "{answer}");
    assert!(answer.stderr.contains("1 versions are not usable"), "{answer}");
    assert_eq!(folder.tend(&["models", "promote", "churn", "1"]).code, 1);
    assert_eq!(stars()[1], "* churn 2", "a damaged version does not become champion");
}

#[test]
fn the_same_command_trains_the_same_model() {
    let folder = with_table();
    folder.succeed(&TRAIN_TABLE);
    folder.succeed(&TRAIN_TABLE);
    let payload = |version: &str| {
        let bytes = std::fs::read(folder.path(&format!("registry/churn/{version}/model.tend"))).expect("a model");
        let header = u32::from_le_bytes(bytes[12..16].try_into().expect("four bytes")) as usize;
        bytes[48 + header..].to_vec()
    };
    assert_eq!(payload("1"), payload("2"));
}

#[test]
fn a_reader_who_leaves_early_is_no_fault() {
    let columns: String = (0..3_000).map(|place| format!("c{place},")).collect();
    let folder = Folder::new();
    folder.write("wide.csv", format!("{columns}left\n{}yes\n{}no\n", ",".repeat(3_000), ",".repeat(3_000)));
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_tend"))
        .args(["check", "--table", "wide.csv", "--target", "left"])
        .current_dir(folder.path("."))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !told.contains("panic"), "{}: {told}", output.status);
}
