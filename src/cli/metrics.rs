//! `tend metrics`: who came, stayed, left and came back, and what they brought, period by period.

use std::path::PathBuf;

use clap::ValueEnum;
use tend::lifecycle::{Lifecycle, lifecycle, moving};
use tend::metrics::{
    Calendar, Figure, GroupMetrics, Grouping, LifecycleMetrics, MetricsRequest, Unit, Voice, lifecycle_metrics,
};
use tend::whereabouts::StageFlow;
use tend_models::quantities::Moment;
use tend_training::recipe::Recipe;
use tend_training::tables::{OutColumn, write_table};

use super::project::{Project, currency};

/// Periods shown on a terminal.
const SHOWN_PERIODS: usize = 6;
/// Cohorts and ages shown on a terminal.
const SHOWN_COHORTS: usize = 12;

/// What to compute.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The length of a period.
    #[arg(long, value_enum, default_value_t = Every::Month)]
    every: Every,
    /// Divides customers by `cohort`, `product`, `category`, or one of their attributes such as acquisition_channel;
    /// or, by the models and the policy, by the `stage` or the `segment` that they are in when a period begins.
    #[arg(long, default_value = "none")]
    by: Grouping,
    /// Also tells how many customers were in each stage of the policy, and how they moved between the stages.
    #[arg(long)]
    stages: bool,
    /// Uses rows known before this date; without it all rows.
    #[arg(long)]
    as_of: Option<Moment>,
    /// Writes every period and figure to this file, .csv or .parquet.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Every {
    Week,
    Month,
    Quarter,
}

/// Computes and shows the metrics.
pub fn run(project: &Project, args: &Args) -> anyhow::Result<()> {
    let recipe = project.recipe()?;
    let timelines = project.ingest(&recipe)?.timelines;
    let as_of = args.as_of.or_else(|| timelines.known_until()).unwrap_or(Moment::from_seconds(0));
    let request = request(&recipe, args, as_of);
    // Models and a policy are needed only to say where customers are.
    let told = if args.stages || moving(&request.grouping, &timelines).is_some() {
        lifecycle(&project.book(timelines)?, &request, args.stages)?
    } else {
        Lifecycle { metrics: lifecycle_metrics(&timelines, &request)?, stage_flow: None }
    };
    if let Some(out) = &args.out {
        write_table(out, columns(&told.metrics))?;
        eprintln!("every period is in {}", out.display());
    }
    if project.json {
        return project.print_json(&told);
    }
    println!("As known before {as_of}. Money in {}.", currency(&recipe));
    for group in &told.metrics.groups {
        print_group(&told.metrics, group);
    }
    if let Some(flow) = &told.stage_flow {
        print_flow(flow);
    }
    Ok(())
}

fn request(recipe: &Recipe, args: &Args, as_of: Moment) -> MetricsRequest {
    let usual = Voice::default();
    MetricsRequest {
        as_of,
        calendar: match args.every {
            Every::Week => Calendar::Week,
            Every::Month => Calendar::Month,
            Every::Quarter => Calendar::Quarter,
        },
        active_within_days: recipe.churn.active_within_days,
        margin: recipe.clv.margin,
        grouping: args.by.clone(),
        voice: Voice {
            nps_event: recipe.metrics.nps_event.clone().unwrap_or(usual.nps_event),
            csat_event: recipe.metrics.csat_event.clone().unwrap_or(usual.csat_event),
            complaint_events: recipe.metrics.complaint_events.clone().unwrap_or(usual.complaint_events),
        },
    }
}

/// One row a group, period and figure: the shape that other tools pivot.
fn columns(metrics: &LifecycleMetrics) -> Vec<(String, OutColumn)> {
    let rows: Vec<(&str, usize, &Figure)> = metrics
        .groups
        .iter()
        .flat_map(|group| group.figures.iter().map(move |figure| (group.group.as_str(), figure)))
        .flat_map(|(group, figure)| (0..metrics.periods.len()).map(move |period| (group, period, figure)))
        .collect();
    let text = |of: fn(&(&str, usize, &Figure)) -> String| OutColumn::Text(rows.iter().map(of).collect());
    vec![
        ("group".to_owned(), text(|(group, _, _)| (*group).to_owned())),
        (
            "period".to_owned(),
            OutColumn::Text(rows.iter().map(|(_, period, _)| metrics.periods[*period].name.clone()).collect()),
        ),
        ("figure".to_owned(), text(|(_, _, figure)| figure.name.to_owned())),
        (
            "value".to_owned(),
            OutColumn::Number(
                rows.iter().map(|(_, place, figure)| figure.values[*place].unwrap_or(f64::NAN)).collect(),
            ),
        ),
        ("definition".to_owned(), text(|(_, _, figure)| figure.definition.clone())),
    ]
}

fn print_group(metrics: &LifecycleMetrics, group: &GroupMetrics) {
    let first = metrics.periods.len().saturating_sub(SHOWN_PERIODS);
    if metrics.groups.len() > 1 {
        println!("\n{} = {}", metrics.grouped_by, group.group);
    }
    print!("\n{:<36}", "");
    metrics.periods[first..].iter().for_each(|period| print!("{:>12}", period.name));
    println!();
    for figure in &group.figures {
        print!("{:<36}", figure.label);
        figure.values[first..].iter().for_each(|value| print!("{:>12}", shown(*value, figure.unit)));
        println!("  {}", figure.definition);
    }
    print_cohorts(group);
    let shown = group.notices.len().saturating_sub(SHOWN_PERIODS);
    group.notices[shown..].iter().for_each(|notice| println!("{notice}"));
}

/// The cohorts' retention, by age.
fn print_cohorts(group: &GroupMetrics) {
    if group.cohorts.is_empty() {
        return;
    }
    let first = group.cohorts.len().saturating_sub(SHOWN_COHORTS);
    println!("\nOf each cohort (first active in the period), the share who bought or subscribed, by age in periods");
    print!("{:<12}{:>10}", "cohort", "customers");
    (0..SHOWN_COHORTS).for_each(|age| print!("{age:>8}"));
    println!("{:>20}", "payback in periods");
    for cohort in &group.cohorts[first..] {
        print!("{:<12}{:>10}", cohort.period, cohort.customers);
        for age in 0..SHOWN_COHORTS {
            let share = cohort.retained.get(age).map_or_else(String::new, |share| format!("{:.1} %", 100.0 * share));
            print!("{share:>8}");
        }
        let payback = match (cohort.payback_periods, cohort.acquisition_cost) {
            (Some(periods), _) => periods.to_string(),
            (None, Some(_)) => "not yet".to_owned(),
            (None, None) => "-".to_owned(),
        };
        println!("{payback:>20}");
    }
}

/// How many customers were in each stage, and where they went.
fn print_flow(flow: &StageFlow) {
    let first = flow.moments.len().saturating_sub(SHOWN_PERIODS);
    println!("\nCustomers in each stage, as known then; half of those who enter have left after the median stay");
    print!("{:<24}", "stage");
    flow.moments[first..].iter().for_each(|moment| print!("{:>12}", moment.to_string()));
    println!("{:>24}", "median stay in periods");
    for stage in &flow.stages {
        print!("{:<24}", stage.label);
        stage.customers[first..].iter().for_each(|customers| print!("{customers:>12}"));
        println!("{:>24}", stage.median_periods.map_or_else(|| "longer".to_owned(), |periods| periods.to_string()));
    }
    println!(
        "\nOf those in a stage (rows), the share in each stage a period later, {} to {}",
        flow.moments[0],
        flow.moments[flow.moments.len() - 1]
    );
    print!("{:<24}", "from");
    flow.stages.iter().for_each(|stage| print!("{:>14}", stage.label));
    println!();
    let rows = flow.stages.iter().map(|stage| stage.label.as_str()).chain(["Not yet a customer"]);
    for (label, moves) in rows.zip(&flow.moves) {
        let all: u64 = moves.iter().sum();
        print!("{label:<24}");
        for customers in moves {
            let share =
                if all == 0 { "-".to_owned() } else { format!("{:.1} %", 100.0 * *customers as f64 / all as f64) };
            print!("{share:>14}");
        }
        println!();
    }
}

/// A value as a person reads it.
fn shown(value: Option<f64>, unit: Unit) -> String {
    let Some(value) = value else { return "-".to_owned() };
    match unit {
        Unit::Customers | Unit::Count => format!("{value:.0}"),
        Unit::Money | Unit::MoneyAMonth => format!("{value:.2}"),
        Unit::Share => format!("{:.1} %", 100.0 * value),
        Unit::Days | Unit::Points => format!("{value:.1}"),
        Unit::PerCustomer => format!("{value:.2}"),
    }
}
