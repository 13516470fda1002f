//! `tend demo`: the main job on a simulated company, from nothing but the program.

use std::path::PathBuf;

use anyhow::Context;
use tend::decision::{Decision, LEAVE_ALONE, Policy, PolicyKind};
use tend::simulate::{SimulateParams, simulate};
use tend_models::scorecard::Scorecard;
use tend_training::ingest::TableReceived;
use tend_training::report::{
    ActionCount, DataReceived, DecisionSummary, RejectedRows, Report, Section, TableRows, render,
};
use tend_training::run::{ProjectRun, Trained, sections};

use super::decide::write_worklist;
use super::project::{Project, currency};
use super::train::train_all;

/// Which company to simulate.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many customers.
    #[arg(long, default_value_t = 20_000)]
    customers: usize,
    /// The seed.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// The folder to work in.
    #[arg(long, default_value = "demo")]
    dir: PathBuf,
}

const RECIPE: &str = r#"# The demonstration's recipe.
[company]
currency = "EUR"

[tables.customers]
file = "data/customers.parquet"
[tables.transactions]
file = "data/transactions.parquet"
[tables.subscriptions]
file = "data/subscriptions.parquet"
[tables.events]
file = "data/events.parquet"
[tables.products]
file = "data/products.parquet"
[tables.contacts]
file = "data/contacts.parquet"
[tables.consents]
file = "data/consents.parquet"
"#;

/// Simulates, trains, scores, decides, and says what to look at.
pub fn run(args: &Args, json: bool) -> anyhow::Result<()> {
    let project = Project { folder: args.dir.clone(), json };
    eprintln!("simulating {} customers", args.customers);
    let company = simulate(&SimulateParams { customers: args.customers, seed: args.seed, ..SimulateParams::default() });
    company.write(&args.dir.join("data"))?;
    std::fs::write(args.dir.join("tend.toml"), RECIPE)?;
    std::fs::write(args.dir.join("policy.toml"), Policy::default_toml(PolicyKind::Shop))?;

    let mut recipe = project.recipe()?;
    recipe.training.seed = args.seed;
    let ingested = project.ingest(&recipe)?;
    let as_of = ingested.timelines.known_until().context("the simulation is empty")?;
    let run = ProjectRun { recipe: &recipe, timelines: &ingested.timelines, as_of };
    let mut trained = train_all(&run)?;
    for model in &mut trained {
        model.publish(&project.registry(), currency(&recipe))?;
    }

    eprintln!("deciding");
    let book = project.book(ingested.timelines)?;
    let judged = book.decide_all(as_of, &book.customers_at(as_of));
    let listed = write_worklist(&args.dir.join("worklist.csv"), &judged, false)?;
    let report = report(&trained, &ingested.received, &judged, &as_of.to_string(), currency(&recipe));
    std::fs::write(args.dir.join("report.html"), render(&report))?;
    if json {
        let figures: Vec<_> = trained.iter().map(|model| &model.figures).collect();
        return project
            .print_json(&serde_json::json!({"customers": judged.len(), "listed": listed, "models": figures}));
    }
    print_summary(args, &trained, &judged, listed, currency(&recipe));
    Ok(())
}

fn report(
    trained: &[Trained],
    received: &[TableReceived],
    judged: &[(Scorecard, Decision)],
    as_of: &str,
    currency: &str,
) -> Report {
    let mut all = vec![Section::Decisions(decisions(judged, as_of, currency))];
    all.extend(trained.iter().flat_map(|model| sections(model, currency)));
    let table = |table: &TableReceived| TableRows {
        table: table.table.clone(),
        rows_read: table.rows as u64,
        rows_kept: table.kept() as u64,
        rejects: table
            .rejected
            .iter()
            .map(|(reason, rows)| RejectedRows { reason: reason.clone(), rows: *rows as u64 })
            .collect(),
    };
    all.push(Section::Data(DataReceived {
        period: format!("everything before {as_of}"),
        tables: received.iter().map(table).collect(),
    }));
    Report { title: "tend: the customers and what to do".to_owned(), generated_for: as_of.to_owned(), sections: all }
}

fn decisions(judged: &[(Scorecard, Decision)], as_of: &str, currency: &str) -> DecisionSummary {
    let mut counts = std::collections::BTreeMap::<(&str, &str), (u64, f64)>::new();
    for (_, decision) in judged {
        let count = counts.entry((&decision.stage, &decision.action)).or_default();
        count.0 += 1;
        count.1 += decision.expected_gain;
    }
    let action = |((stage, action), (customers, expected_gain)): (&(&str, &str), &(u64, f64))| ActionCount {
        stage: (*stage).to_owned(),
        action: (*action).to_owned(),
        customers: *customers,
        expected_gain: *expected_gain,
    };
    DecisionSummary {
        period: format!("as of {as_of}"),
        currency: currency.to_owned(),
        actions: counts.iter().map(action).collect(),
    }
}

fn print_summary(args: &Args, trained: &[Trained], judged: &[(Scorecard, Decision)], listed: usize, currency: &str) {
    let at_stake: f64 = judged
        .iter()
        .filter_map(|(scorecard, _)| Some(scorecard.churn_probability?.get() * scorecard.value?.predicted_clv.get()))
        .sum();
    let gain: f64 = judged.iter().map(|(_, decision)| decision.expected_gain).sum();
    let alone = judged.iter().filter(|(_, decision)| decision.action == LEAVE_ALONE).count();
    let dir = args.dir.display();
    println!("{} customers; {at_stake:.0} {currency} of future margin is at risk of leaving.", judged.len());
    println!(
        "{listed} customers are worth an action, expected gain {gain:.0} {currency}; {alone} are best left alone."
    );
    for model in trained {
        if let Some(held_out) = &model.figures.held_out {
            let auc = held_out.auc.map_or_else(String::new, |auc| format!(", AUC {auc:.3}"));
            println!(
                "The {} model ({}) was tested on {} customers{auc}.",
                model.figures.task, model.figures.family, held_out.rows
            );
        }
    }
    println!(
        "\nLook at:\n  {dir}/worklist.csv  whom to act on first, and why\n  {dir}/report.html   how good the models are"
    );
    println!("Then serve it: tend serve --project {dir}");
}
