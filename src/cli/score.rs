//! `tend score`: scores for all customers, as a table.

use std::path::PathBuf;

use anyhow::{Context, bail};
use rayon::prelude::*;
use tend::decision::RiskBands;
use tend_models::artifact::Model;
use tend_models::families::renewal::Range;
use tend_models::features::purchase_rhythm;
use tend_models::quantities::{DAYS_OF_A_YEAR, Moment, Positive};
use tend_models::scorecard::{LifetimeValue, Task};
use tend_models::scorer::{MOST_REASONS, ValueRanges, ranges_of_rhythm, reasons_of_rows, value_of_rhythm};
use tend_training::run::read_customer_table;
use tend_training::tables::{OutColumn, write_table};

use super::contracts::{ContractScoreArgs, contracts_model, score_contract_table, score_contracts};
use super::project::Project;
use super::train::{TaskName, TransactionLog};
use super::usage_error;

/// Rows that one thread explains at a time.
const ROWS_AT_ONCE: usize = 256;

/// What to score.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The task of a customer table or transaction log.
    #[arg(long)]
    task: Option<TaskName>,
    /// A customer table: one row a customer.
    #[arg(long, requires = "task", conflicts_with = "transactions")]
    table: Option<PathBuf>,
    #[command(flatten)]
    log: TransactionLog,
    #[command(flatten)]
    contracts: ContractScoreArgs,
    /// How far ahead to look: 39w, 90d or 12m; without it as published.
    #[arg(long, value_parser = parse_horizon, requires = "task")]
    horizon: Option<Positive>,
    /// Adds 80 % intervals of what is expected of each customer.
    #[arg(long, requires = "transactions")]
    intervals: bool,
    /// Scores as known before this date; without it at the end of the data.
    #[arg(long)]
    as_of: Option<Moment>,
    /// The file to write: .csv or .parquet.
    #[arg(long)]
    out: PathBuf,
}

/// Scores and writes the table.
pub fn run(project: &Project, args: &Args) -> anyhow::Result<()> {
    if args.horizon.is_some() && args.log.transactions.is_none() && !matches!(args.task, Some(TaskName::Clv)) {
        return Err(usage_error("--horizon is of lifetime value; expected --task clv"));
    }
    let columns = if let Some(table) = args.table.as_ref().filter(|_| matches!(args.task, Some(TaskName::Clv))) {
        args.contracts.tenure()?;
        let (header, model) = contracts_model(project, args.horizon)?;
        score_contract_table(&header, &model, table, args.log.id.as_deref(), &args.contracts)?
    } else if let Some(table) = &args.table {
        score_table(project, args, table)?
    } else if args.log.transactions.is_some() {
        score_transactions(project, args)?
    } else {
        score_project(project, args)?
    };
    let customers = columns.first().map_or(0, |(_, ids)| ids.len());
    write_table(&args.out, columns)?;
    if project.json {
        return project.print_json(&serde_json::json!({"customers": customers, "out": args.out}));
    }
    println!("{customers} customers scored; see {}", args.out.display());
    Ok(())
}

pub(super) type Columns = Vec<(String, OutColumn)>;

/// The three reasons of each customer and the version, the last columns of every table.
fn push_reasons(columns: &mut Columns, reasons: &[Vec<String>], version: String) {
    for place in 0..MOST_REASONS {
        let texts = reasons.iter().map(|reasons| reasons.get(place).cloned().unwrap_or_default()).collect();
        columns.push((format!("reason_{}", place + 1), OutColumn::Text(texts)));
    }
    columns.push(("model_version".to_owned(), OutColumn::Text(vec![version; reasons.len()])));
}

fn score_table(project: &Project, args: &Args, table: &std::path::Path) -> anyhow::Result<Columns> {
    if matches!(args.task, Some(TaskName::Uplift)) {
        return score_experiment(project, args, table);
    }
    let task = match args.task {
        Some(TaskName::Churn) => Task::Churn,
        Some(TaskName::Upsell) => Task::Upsell,
        _ => return Err(usage_error("a customer table scores --task churn, upsell, clv or uplift")),
    };
    let (header, model) = project.model(task, None)?;
    let plan = model.plan();
    let customers = read_customer_table(table, plan, args.log.id.as_deref())?;
    let (classifier, name) = match &model {
        Model::Churn(model) => (&model.classifier, "churn_probability"),
        Model::Upsell(model) => (&model.products.first().context("the model has no product")?.1, "propensity"),
        Model::Clv(_) | Model::Contracts(_) | Model::Segments(_) | Model::Uplift(_) => {
            bail!("{task} is not scored from a customer table")
        }
    };
    let probabilities = classifier.probabilities(&customers.rows);
    let rows = customers.rows.par_chunks(ROWS_AT_ONCE * plan.width());
    let why: Vec<Vec<String>> = rows.flat_map(|rows| reasons_of_rows(classifier, plan, rows)).collect();
    // A customer table has no policy.
    let bands = RiskBands::default();
    let bands = probabilities.iter().map(|&probability| bands.band(probability).name().to_owned()).collect();
    let mut columns = vec![
        ("customer_id".to_owned(), OutColumn::Text(customers.ids)),
        (name.to_owned(), OutColumn::Number(probabilities.iter().map(|probability| probability.get()).collect())),
    ];
    if task == Task::Churn {
        columns.push(("risk_band".to_owned(), OutColumn::Text(bands)));
    }
    push_reasons(&mut columns, &why, header.version);
    Ok(columns)
}

/// What each action would change for the customers of a table; the reasons are those for the action that changes most.
fn score_experiment(project: &Project, args: &Args, table: &std::path::Path) -> anyhow::Result<Columns> {
    let (header, model) = project.model(Task::Uplift, None)?;
    let Model::Uplift(model) = model else { bail!("the champion is no uplift model") };
    let customers = read_customer_table(table, &model.plan, args.log.id.as_deref())?;
    let rows = || customers.rows.chunks_exact(model.plan.width());
    let mut columns = vec![("customer_id".to_owned(), OutColumn::Text(customers.ids.clone()))];
    for action in &model.actions {
        let name = if model.actions.len() == 1 { "uplift".to_owned() } else { format!("uplift_{}", action.action) };
        columns.push((name, OutColumn::Number(rows().map(|row| action.model.effect(row).effect).collect())));
    }
    let mut contributions = vec![0.0; model.plan.width()];
    let why: Vec<Vec<String>> = rows()
        .map(|row| {
            let best = model
                .actions
                .iter()
                .max_by(|one, other| one.model.effect(row).effect.total_cmp(&other.model.effect(row).effect));
            best.map_or_else(Vec::new, |action| {
                action.model.explain(row, &mut contributions);
                model.plan.reasons(row, &contributions, MOST_REASONS)
            })
        })
        .collect();
    push_reasons(&mut columns, &why, header.version);
    Ok(columns)
}

fn score_transactions(project: &Project, args: &Args) -> anyhow::Result<Columns> {
    if !matches!(args.task, None | Some(TaskName::Clv)) {
        return Err(usage_error("--transactions scores lifetime value only; expected --task clv"));
    }
    let (header, model) = project.model(Task::Clv, None)?;
    let Model::Clv(mut model) = model else {
        bail!(
            "the champion is a model of contracts; score them with --table FILE --tenure COLUMN, or train on transactions"
        )
    };
    if let Some(horizon_days) = args.horizon {
        model.horizon_days = horizon_days;
    }
    let timelines = args.log.read()?;
    let end = timelines.known_until().context("found no rows to score")?;
    let moment = args.log.until.map_or(end, |last_day| last_day.plus_days(1));
    let (mut ids, mut values, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
    for customer in 0..timelines.len() {
        if let Some(rhythm) = purchase_rhythm(&timelines.timeline(customer).before(moment), model.days_of_a_purchase())
        {
            ids.push(timelines.ids.get(customer).to_owned());
            values.push(Some(value_of_rhythm(&model, &rhythm)));
            if args.intervals {
                ranges.push(ranges_of_rhythm(&model, &rhythm));
            }
        }
    }
    let versions = vec![header.version; ids.len()];
    let mut columns = vec![("customer_id".to_owned(), OutColumn::Text(ids))];
    push_values(&mut columns, &values);
    if args.intervals {
        push_ranges(&mut columns, &ranges);
    }
    columns.push(("model_version".to_owned(), OutColumn::Text(versions)));
    Ok(columns)
}

pub(super) fn push_values(columns: &mut Columns, values: &[Option<LifetimeValue>]) {
    let number = |of: fn(&LifetimeValue) -> f64| {
        OutColumn::Number(values.iter().map(|value| value.as_ref().map_or(f64::NAN, of)).collect())
    };
    columns.push(("expected_purchases".to_owned(), number(|value| value.expected_purchases)));
    columns.push(("probability_alive".to_owned(), number(|value| value.probability_alive.get())));
    columns.push(("expected_average_spend".to_owned(), number(|value| value.expected_average_spend.get())));
    columns.push(("predicted_clv".to_owned(), number(|value| value.predicted_clv.get())));
}

/// The ends of each interval; unknown where the fit found no standard errors.
fn push_ranges(columns: &mut Columns, ranges: &[Option<ValueRanges>]) {
    let figures: [(&str, fn(&ValueRanges) -> Range); 3] = [
        ("expected_purchases", |ranges| ranges.expected_purchases),
        ("probability_alive", |ranges| ranges.probability_alive),
        ("predicted_clv", |ranges| ranges.predicted_clv),
    ];
    for (name, range) in figures {
        let number = |end: fn(Range) -> f64| {
            let end = |ranges: &Option<ValueRanges>| ranges.as_ref().map_or(f64::NAN, |ranges| end(range(ranges)));
            OutColumn::Number(ranges.iter().map(end).collect())
        };
        columns.push((format!("{name}_low"), number(|range| range.low)));
        columns.push((format!("{name}_high"), number(|range| range.high)));
    }
}

/// Days of 39w, 90d or 12m.
fn parse_horizon(text: &str) -> Result<Positive, String> {
    let days_of_unit = |unit| match unit {
        'd' => Some(1.0),
        'w' => Some(7.0),
        'm' => Some(DAYS_OF_A_YEAR / 12.0),
        _ => None,
    };
    text.char_indices()
        .next_back()
        .and_then(|(end, unit)| Positive::new(text[..end].parse::<f64>().ok()? * days_of_unit(unit)?).ok())
        .ok_or_else(|| "expected a number above 0 and d, w or m, such as 39w".to_owned())
}

fn score_project(project: &Project, args: &Args) -> anyhow::Result<Columns> {
    let recipe = project.recipe()?;
    let timelines = project.ingest(&recipe)?.timelines;
    let moment = args.as_of.or_else(|| timelines.known_until()).context("found no rows to score")?;
    if matches!(args.task, Some(TaskName::Clv))
        && let (header, Model::Contracts(_)) = project.model(Task::Clv, None)?
    {
        let (_, model) = contracts_model(project, args.horizon)?;
        return Ok(score_contracts(&header, &model, &timelines, moment));
    }
    let book = project.book(timelines)?;
    let (products, versions) = (book.scorer.products(), book.scorer.versions());
    let customers = book.customers_at(moment);
    let scored = book.score_all(moment, &customers);
    let text = |of: &dyn Fn(usize) -> String| OutColumn::Text((0..scored.len()).map(of).collect());
    let number = |of: &dyn Fn(usize) -> Option<f64>| {
        OutColumn::Number((0..scored.len()).map(|place| of(place).unwrap_or(f64::NAN)).collect())
    };
    let card = |place: usize| &scored[place].scorecard;
    let mut columns = vec![
        ("customer_id".to_owned(), text(&|place| card(place).customer_id.clone())),
        ("stage".to_owned(), text(&|place| scored[place].stage.clone())),
        (
            "churn_probability".to_owned(),
            number(&|place| card(place).churn_probability.map(tend_models::quantities::Probability::get)),
        ),
        (
            "risk_band".to_owned(),
            text(&|place| scored[place].risk_band.map_or_else(String::new, |band| band.name().to_owned())),
        ),
    ];
    for product in &products {
        let propensity = |place: usize| {
            let propensities = &card(place).propensities;
            propensities.iter().find(|one| one.product == *product).map(|one| one.probability.get())
        };
        columns.push((format!("propensity_{product}"), number(&propensity)));
    }
    for action in &book.scorer.uplift_actions() {
        let effect = |place: usize| {
            let effects = &card(place).uplift;
            effects.iter().find(|one| one.action == *action).map(|one| one.effect)
        };
        columns.push((format!("uplift_{action}"), number(&effect)));
    }
    let values: Vec<Option<LifetimeValue>> = scored.iter().map(|scored| scored.scorecard.value).collect();
    push_values(&mut columns, &values);
    columns.push(("segment".to_owned(), text(&|place| card(place).segment.clone().unwrap_or_default())));
    let why: Vec<Vec<String>> = scored.iter().map(|scored| scored.scorecard.reasons.clone()).collect();
    let versions: Vec<String> = versions.iter().map(|(task, version)| format!("{task}={version}")).collect();
    push_reasons(&mut columns, &why, versions.join(" "));
    Ok(columns)
}
