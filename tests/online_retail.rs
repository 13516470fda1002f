//! A real shop's invoices, with missing customers and cancellations: from `tend init` to a worklist without an edit.

#[path = "front_door/folder.rs"]
mod folder;

use std::fs;
use std::path::Path;

use folder::{Folder, public_data};
use serde_json::json;
use tend_models::timeline::open_timelines;

const CUSTOMERS: usize = 4_372;
/// Those with more than cancellations.
const BUYERS: usize = 4_339;
/// Those of them who bought in the last 365 days, and so have not left already.
const ACTIVE: usize = 4_265;
/// What the customers paid, cancelled lines taken off, in pounds.
const NET_SPEND: f64 = 8_300_065.81;

/// A project with this one file, as `tend init` sets it up.
fn begun(file: &Path) -> Folder {
    let folder = Folder::new();
    folder.make_folder("data");
    let name = file.file_name().expect("a file").to_str().expect("UTF-8");
    fs::copy(file, folder.path(&format!("data/{name}"))).expect("a copy");
    let answer = folder.succeed(&["init", "--data", &folder.path("data")]);
    assert!(answer.stdout.contains("for 1 tables"), "{answer}");
    assert!(folder.read("tend.toml").contains("\ncancelled_prefix = \"C\"\n"), "{}", folder.read("tend.toml"));
    folder
}

/// Checks that the customers and what they spent arrived in the timelines.
fn assert_arrived(folder: &Folder, lines: usize) {
    let timelines = open_timelines(folder.path("timelines.tend").as_ref()).expect("a timelines file");
    assert_eq!((timelines.len(), timelines.purchases.len()), (CUSTOMERS, lines));
    let spend: f64 = timelines.purchases.amount.iter().sum();
    assert!((spend - NET_SPEND).abs() < 0.01, "found {spend}, expected {NET_SPEND}");
}

/// Trains churn and lifetime value, scores and decides, and checks what comes out.
fn assert_trains_scores_and_decides(folder: &Folder) {
    let churn = folder.tend(&["train", "--task", "churn", "--json"]).json();
    assert_eq!((&churn["rows"], &churn["positives"]), (&json!(3_370), &json!(1_449)));
    let auc = churn["auc"].as_f64().expect("an AUC");
    assert!(auc > 0.72, "found AUC {auc}, expected above 0.72");

    let clv = folder.tend(&["train", "--task", "clv", "--json"]).json();
    assert_eq!(clv["customers"], BUYERS);
    let likelihood = clv["log_likelihood"].as_f64().expect("a log likelihood");
    assert!((likelihood + 61_829.585).abs() < 0.01, "found log likelihood {likelihood}");

    folder.succeed(&["score", "--out", &folder.path("scores.csv")]);
    let scores = folder.table("scores.csv");
    assert_eq!(scores.rows.len(), CUSTOMERS);
    let known =
        |column: &str| scores.numbers(column).into_iter().filter(|value| value.is_finite()).collect::<Vec<f64>>();
    for (column, customers) in [("churn_probability", ACTIVE), ("probability_alive", BUYERS)] {
        let values = known(column);
        assert_eq!(values.len(), customers, "customers with a {column}");
        assert!(values.iter().all(|value| (0.0..=1.0).contains(value)), "{column} beyond 0 to 1");
    }
    assert_eq!(known("predicted_clv").len(), BUYERS);

    let decided = folder.tend(&["decide", "--json", "--out", &folder.path("worklist.csv")]).json();
    assert_eq!(decided["customers"], CUSTOMERS);
    let listed = folder.table("worklist.csv").rows.len();
    assert_eq!(decided["listed"], listed);
    assert!((1..CUSTOMERS).contains(&listed), "found {listed} on the list");
}

#[test]
fn invoice_lines_go_from_init_to_a_worklist() {
    let Some(file) = public_data("online_retail/onlineretail_2010_2011_lines.parquet") else { return };
    let folder = begun(&file);
    let answer = folder.succeed(&["check"]);
    for line in [
        "transactions: 541909 rows read, 406829 kept\n",
        "  rejected: 135080 rows, empty customer id\n",
        "  noted: 9288 rows, cancellations, netted (8905 of them kept)\n",
        "  noted: 1338 rows, returns, netted (0 of them kept)\n",
        "135080 rows rejected; each is in rejects.csv\n",
    ] {
        assert!(answer.stdout.contains(line), "expected {line:?} in {answer}");
    }
    assert_eq!(folder.read("rejects.csv").lines().count(), 1 + 135_080);
    assert_arrived(&folder, 406_829);
    assert_trains_scores_and_decides(&folder);
}

#[test]
fn orders_go_from_init_to_a_worklist() {
    let Some(file) = public_data("online_retail/orders_2010_2011.csv.gz") else { return };
    let folder = begun(&file);
    let checked = folder.tend(&["check", "--json"]).json();
    assert_eq!((&checked["from"], &checked["until"]), (&json!("2010-12-01"), &json!("2011-12-10")));
    let table = &checked["tables"][0];
    assert_eq!((&table["rows"], &table["rejected"]), (&json!(22_190), &json!({})));
    assert_eq!(table["notes"], json!({"cancellations, netted": {"rows": 3_654, "kept": 3_654}}));
    assert!(!folder.has("rejects.csv"));
    assert_arrived(&folder, 22_190);
    assert_trains_scores_and_decides(&folder);
}

#[test]
fn a_task_that_the_orders_do_not_allow_is_left_out_and_says_why() {
    let Some(file) = public_data("online_retail/orders_2010_2011.csv.gz") else { return };
    let folder = begun(&file);
    let why = "found no category, no product and no subscription; expected one of them";
    let alone = folder.tend(&["train", "--task", "upsell"]);
    assert!(alone.code == 1 && alone.stderr.contains(why), "{alone}");
    let all = folder.tend(&["train", "--json"]);
    assert!(all.stderr.contains(&format!("training upsell\n  left out: {why}")), "{all}");
    let trained: Vec<_> =
        all.json()["models"].as_array().expect("models").iter().map(|one| one["task"].clone()).collect();
    assert_eq!(trained, ["churn", "clv", "segments"]);
}
