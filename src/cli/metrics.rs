//! `tend metrics`: who came, stayed, left and came back, and what they brought, period by period.

use std::path::PathBuf;

use clap::ValueEnum;
use tend::metrics::{
    Calendar, Figure, GroupMetrics, Grouping, LifecycleMetrics, MetricsRequest, Unit, Voice, lifecycle_metrics,
};
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
    /// Divides customers by `cohort`, `product`, `category`, or one of their attributes such as acquisition_channel.
    #[arg(long, default_value = "none")]
    by: Grouping,
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
    let metrics = lifecycle_metrics(&timelines, &request(&recipe, args, as_of))?;
    if let Some(out) = &args.out {
        write_table(out, columns(&metrics))?;
        eprintln!("every period is in {}", out.display());
    }
    if project.json {
        return project.print_json(&metrics);
    }
    println!("As known before {as_of}. Money in {}.", currency(&recipe));
    for group in &metrics.groups {
        print_group(&metrics, group);
    }
    Ok(())
}

fn request(recipe: &Recipe, args: &Args, as_of: Moment) -> MetricsRequest {
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
            nps_event: recipe.metrics.nps_event.clone(),
            csat_event: recipe.metrics.csat_event.clone(),
            complaint_events: recipe.metrics.complaint_events.clone(),
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
