//! What the models make of a simulated company, against the truth that only the simulation knows.

use std::collections::HashMap;

use tend::simulate::{SimColumn, SimTable, SimulateParams, simulate};
use tend_models::features::{FeaturePlan, SnapshotMaker};
use tend_models::quantities::Moment;
use tend_models::scorecard::Task;
use tend_models::timeline::Timelines;
use tend_training::evaluate::auc;
use tend_training::ingest::ingest;
use tend_training::recipe::Recipe;
use tend_training::run::{ProjectRun, Trained, train_project};

/// Customers: with fewer, what a model can learn of them is what keeps it from the truth.
const CUSTOMERS: usize = 40_000;

/// True churn probabilities and outcomes by customer, and the moment they are of.
fn truth(table: &SimTable) -> (Moment, HashMap<String, (f64, bool)>) {
    let column = |name: &str| table.column(name).unwrap_or_else(|| panic!("truth/churn has no column {name}"));
    let (SimColumn::Coded { levels, codes }, SimColumn::Number(probability), SimColumn::Flag(churned)) =
        (column("customer_id"), column("probability"), column("churned"))
    else {
        panic!("truth/churn has other kinds of columns")
    };
    let moment = match column("moment") {
        SimColumn::Date(days) => Moment::from_day(i64::from(days[0])),
        SimColumn::Time(seconds) => Moment::from_seconds(seconds[0]),
        other => panic!("moment is {other:?}"),
    };
    let rows = codes.iter().zip(probability.iter().zip(churned));
    (moment, rows.map(|(code, (&p, &left))| (levels[*code as usize].clone(), (p, left))).collect())
}

/// The AUC of recency alone and of the true probability, for the customers that the churn model is tested on.
fn bounds(timelines: &Timelines, moment: Moment, truth: &HashMap<String, (f64, bool)>) -> (usize, f64, f64) {
    let plan = FeaturePlan::for_timelines(timelines, moment);
    let recency = plan.place("days_since_last_purchase").expect("there are purchases");
    let mut maker = SnapshotMaker::new(&plan, timelines);
    let mut row = vec![0.0; plan.width()];
    let (mut silent, mut probability, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for customer in 0..timelines.len() {
        let history = timelines.timeline(customer).before(moment);
        if !history.exists() {
            continue;
        }
        maker.fill(&history, &mut row);
        if row[recency] <= 365.0 {
            let (p, churned) = truth[timelines.ids.get(customer)];
            silent.push(row[recency]);
            probability.push(p);
            left.push(churned);
        }
    }
    let auc = |scores: &[f64]| auc(scores, &left).expect("same lengths").expect("both outcomes");
    (left.len(), auc(&silent), auc(&probability))
}

fn trained(recipe: &Recipe, timelines: &Timelines, task: Task) -> Trained {
    let as_of = timelines.known_until().expect("there are rows");
    train_project(&ProjectRun { recipe, timelines, as_of }, task).unwrap_or_else(|error| panic!("{task}: {error}"))
}

#[test]
fn the_models_come_near_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let company = simulate(&SimulateParams { customers: CUSTOMERS, seed: 11, ..SimulateParams::default() });
    let (moment, truth) = truth(company.table("truth/churn").unwrap());
    let end = company.end;
    company.write(folder.path()).unwrap();
    let names = ["customers", "transactions", "subscriptions", "events", "products", "contacts"];
    let tables: String = names.iter().map(|name| format!("[tables.{name}]\nfile = \"{name}.parquet\"\n")).collect();
    std::fs::write(folder.path().join("tend.toml"), tables).unwrap();
    let recipe = Recipe::read(&folder.path().join("tend.toml")).unwrap();
    let timelines = ingest(&recipe, end.plus_days(1), None).unwrap().timelines;

    let (rows, recency, possible) = bounds(&timelines, moment, &truth);
    let churn = trained(&recipe, &timelines, Task::Churn).figures.held_out.unwrap();
    assert_eq!(churn.rows, rows, "the truth is of other customers than the figures");
    let reached = (churn.auc.unwrap() - recency) / (possible - recency);
    assert!(
        reached >= 0.9,
        "churn AUC {:?} is {:.1} % of the way from recency ({recency:.4}) to the truth ({possible:.4})",
        churn.auc,
        100.0 * reached
    );
    assert!(churn.expected_calibration_error < 0.02, "calibration error {}", churn.expected_calibration_error);

    let value = trained(&recipe, &timelines, Task::Clv).figures.value.unwrap();
    let hold_out = value.hold_out.unwrap();
    let spend = hold_out.spend.unwrap();
    let bias = spend.predicted_total / spend.actual_total - 1.0;
    assert!(
        bias.abs() < 0.05,
        "spend of {} days: {} predicted, {} actual",
        hold_out.days,
        spend.predicted_total,
        spend.actual_total
    );
}
