//! `tend evaluate`: what a published model is worth on held-out or new rows.

use std::path::PathBuf;

use anyhow::Context;
use tend_models::quantities::Moment;
use tend_models::scorecard::Task;
use tend_training::evaluate::Campaign;
use tend_training::run::{
    ActionReadout, Evaluation, ProjectRun, TableToJudge, Target, evaluate_project, evaluate_table, readouts,
};

use super::contracts::is_of_contracts;
use super::project::{Project, currency};
use super::train::{CampaignArgs, TaskName, describe_held_out, describe_hold_out, describe_product};
use super::usage_error;

/// What to evaluate.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The task whose model is judged.
    #[arg(long)]
    task: TaskName,
    /// The version; without it the champion.
    #[arg(long)]
    version: Option<String>,
    /// A customer table: one row a customer.
    #[arg(long, visible_alias = "test", requires = "target", conflicts_with = "as_of")]
    table: Option<PathBuf>,
    /// The target column of the customer table.
    #[arg(long, requires = "table")]
    target: Option<String>,
    /// The value of the target that counts as positive.
    #[arg(long, requires = "table")]
    positive: Option<String>,
    /// The column with the customers' ids.
    #[arg(long, requires = "table")]
    id: Option<String>,
    /// Uses only what was known before this date; the newest outcome known there is judged.
    #[arg(long)]
    as_of: Option<Moment>,
    #[command(flatten)]
    campaign: CampaignArgs,
}

/// Judges the model and tells the figures.
pub fn run(project: &Project, args: &Args) -> anyhow::Result<()> {
    let task = Task::from(args.task);
    if task == Task::Uplift {
        return read_out(project, args);
    }
    if task == Task::Segments {
        return Err(usage_error("segments cannot be judged; expected --task churn, upsell, clv or uplift"));
    }
    let evaluation = match (&args.table, &args.target) {
        (Some(_), _) if task == Task::Clv => {
            return Err(usage_error("a customer table judges --task churn or --task upsell"));
        }
        (Some(file), Some(column)) => {
            let campaign = args.campaign.over(Campaign::default())?;
            let target = Target { column: column.clone(), positive: args.positive.clone() };
            let (header, model) = project.model(task, args.version.as_deref())?;
            evaluate_table(&header, &model, &TableToJudge { file, id: args.id.as_deref(), target, campaign })?
        }
        _ => evaluate_histories(project, args, task)?,
    };
    if project.json {
        return project.print_json(&evaluation);
    }
    describe(&evaluation);
    Ok(())
}

fn evaluate_histories(project: &Project, args: &Args, task: Task) -> anyhow::Result<Evaluation> {
    let mut recipe = project.recipe()?;
    recipe.campaign = args.campaign.over(recipe.campaign)?;
    let (header, model) = project.model(task, args.version.as_deref())?;
    let timelines = project.ingest(&recipe)?.timelines;
    let as_of = args.as_of.or_else(|| timelines.known_until()).context("found no rows to judge")?;
    let run = ProjectRun { recipe: &recipe, timelines: &timelines, as_of };
    Ok(evaluate_project(&run, &header, &model)?)
}

/// Treated against controls, by action and by the stage that the customers were in before the contact.
fn read_out(project: &Project, args: &Args) -> anyhow::Result<()> {
    if args.table.is_some() {
        return Err(usage_error("--task uplift reads out the contacts of a project; expected no --table"));
    }
    let mut recipe = project.recipe()?;
    recipe.campaign = args.campaign.over(recipe.campaign)?;
    let book = project.book(project.ingest(&recipe)?.timelines)?;
    let as_of = args.as_of.or_else(|| book.timelines.known_until()).context("found no contacts to read out")?;
    let run = ProjectRun { recipe: &recipe, timelines: &book.timelines, as_of };
    let mut bound = book.scorer.bind(&book.timelines);
    let cost_of = |action: &str| book.policy().actions().find(|one| one.id == action).map(|one| one.cost);
    let mut stage_of = |customer, moment| book.decide(&mut bound, customer, moment).1.stage;
    let found = readouts(&run, &mut stage_of, &cost_of);
    if project.json {
        return project.print_json(&serde_json::json!({"task": Task::Uplift, "readouts": found}));
    }
    println!("treated against controls, contacts whose {} days after were over on {as_of}", recipe.uplift.horizon_days);
    found.iter().for_each(|readout| describe_readout(readout, currency(&recipe)));
    Ok(())
}

fn describe_readout(found: &ActionReadout, currency: &str) {
    let ActionReadout { action, stage, cost, readout, .. } = found;
    let percent = |share: f64| format!("{:+.1} %", 100.0 * share);
    let lift = match (readout.lift, readout.lift_interval()) {
        (Some(lift), Some(ends)) => {
            format!("lift {} ({} to {})", percent(lift.value), percent(ends.low), percent(ends.high))
        }
        _ => "no outcome among controls".to_owned(),
    };
    let still = match readout.customers_still_needed {
        _ if readout.is_sure => "sure at 5 %".to_owned(),
        Some(needed) => format!("{needed} more customers needed to be sure"),
        None => "no difference to find".to_owned(),
    };
    let money = readout.money.interval();
    println!(
        "  {action}, {stage}: {} treated {:.4}, {} controls {:.4}, {lift}, {:.0} {currency} ({:.0} to {:.0}) after {cost} a \
         contact, {still}",
        readout.treated.customers,
        readout.treated.mean(),
        readout.control.customers,
        readout.control.mean(),
        readout.money.value,
        money.low,
        money.high
    );
}

fn describe(evaluation: &Evaluation) {
    let Evaluation { task, version, family, moment, .. } = evaluation;
    let moment = moment.as_ref().map_or_else(String::new, |moment| format!(", as known before {moment}"));
    println!("{task} version {version}: {family}{moment}");
    if let Some(held_out) = &evaluation.held_out {
        describe_held_out(held_out, evaluation.detail.as_ref());
    }
    evaluation.products.iter().for_each(describe_product);
    let counted = if is_of_contracts(family) { "renewals" } else { "purchase days" };
    evaluation.hold_out.iter().for_each(|hold_out| describe_hold_out(hold_out, counted));
    if evaluation.seen_in_training == Some(true) {
        println!("  the model learned from outcomes of this window: the figures flatter it");
    }
}
