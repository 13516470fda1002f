//! `tend explain`: why one customer has this probability.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Serialize;
use tend_models::artifact::{Header, Model};
use tend_models::explanation::{Explanation, Value};
use tend_models::families::classifier::Classifier;
use tend_models::features::SnapshotMaker;
use tend_models::quantities::Moment;
use tend_models::scorecard::Task;
use tend_models::scorer::{at_risk, can_be_offered};
use tend_training::run::read_customer_table;

use super::project::Project;
use super::train::TaskName;
use super::usage_error;

/// Whom to explain.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The customer's id.
    #[arg(long)]
    customer: String,
    /// The task.
    #[arg(long, default_value = "churn")]
    task: TaskName,
    /// The version; without it the champion.
    #[arg(long)]
    version: Option<String>,
    /// The product of an upsell model; without it the most likely one.
    #[arg(long)]
    product: Option<String>,
    /// A customer table: one row a customer.
    #[arg(long, requires = "id", conflicts_with = "as_of")]
    table: Option<PathBuf>,
    /// The table's column with the customers' ids.
    #[arg(long, requires = "table")]
    id: Option<String>,
    /// As known before this date; without it at the end of the data.
    #[arg(long)]
    as_of: Option<Moment>,
}

/// One customer's explanation, as `--json` shows it.
#[derive(Debug, Serialize)]
struct Answer {
    customer_id: String,
    task: Task,
    version: String,
    family: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moment: Option<String>,
    #[serde(flatten)]
    explanation: Explanation,
}

/// Explains one customer.
pub fn run(project: &Project, args: &Args) -> anyhow::Result<()> {
    let task = Task::from(args.task);
    if !matches!(task, Task::Churn | Task::Upsell) {
        return Err(usage_error("only probabilities are explained; expected --task churn or --task upsell"));
    }
    if args.product.is_some() && task != Task::Upsell {
        return Err(usage_error("--product is one of --task upsell"));
    }
    let (header, model) = match &args.table {
        Some(_) => project.model(task, args.version.as_deref())?,
        // Without a recipe there are no tables: say so before anything else.
        None => project.recipe().and_then(|_| project.model(task, args.version.as_deref()))?,
    };
    let (row, moment) = match &args.table {
        Some(table) => (row_of_table(table, args, &model)?, None),
        None => row_of_history(project, args, &header, &model)?,
    };
    let (product, classifier) = asked(&model, args.product.as_deref(), &row)?;
    let answer = Answer {
        customer_id: args.customer.clone(),
        task,
        version: header.version,
        family: classifier.family_name(),
        product,
        moment,
        explanation: Explanation::of(classifier, model.plan(), &row),
    };
    if project.json {
        return project.print_json(&answer);
    }
    describe(&answer);
    Ok(())
}

fn row_of_table(table: &Path, args: &Args, model: &Model) -> anyhow::Result<Vec<f64>> {
    let customers = read_customer_table(table, model.plan(), args.id.as_deref())?;
    let place = customers.ids.iter().position(|id| *id == args.customer);
    let place = place.with_context(|| unknown_customer(&args.customer, &table.display().to_string()))?;
    let width = model.plan().width();
    Ok(customers.rows[place * width..(place + 1) * width].to_vec())
}

fn unknown_customer(id: &str, place: &str) -> String {
    format!("no customer {id:?} in {place}; expected an id as it is written there")
}

/// The row of features of the customer's history, and the moment it was cut at.
fn row_of_history(
    project: &Project,
    args: &Args,
    header: &Header,
    model: &Model,
) -> anyhow::Result<(Vec<f64>, Option<String>)> {
    if !model.plan().reads_histories() {
        bail!(
            "{} version {} was trained on a customer table; name the table with --table FILE --id COLUMN",
            header.task,
            header.version
        );
    }
    let timelines = project.ingest(&project.recipe()?)?.timelines;
    let moment = args.as_of.or_else(|| timelines.known_until()).context("found no rows to explain")?;
    let customer = timelines.position(&args.customer);
    let customer = customer.with_context(|| unknown_customer(&args.customer, "the tables"))?;
    let history = timelines.timeline(customer).before(moment);
    let is_asked = history.exists()
        && match model {
            Model::Churn(model) => at_risk(model.definition, &history),
            Model::Upsell(model) => can_be_offered(model.offer, &history),
            Model::Clv(_) | Model::Contracts(_) | Model::Segments(_) => false,
        };
    if !is_asked {
        bail!(
            "customer {} has no {} probability before {moment}: not a customer yet, gone already, or not open to the offer; expected another --as-of or customer",
            args.customer,
            header.task
        );
    }
    let mut row = vec![0.0; model.plan().width()];
    SnapshotMaker::new(model.plan(), &timelines).fill(&history, &mut row);
    Ok((row, Some(moment.to_string())))
}

/// The classifier that is asked for, with the name of its product.
fn asked<'m>(model: &'m Model, product: Option<&str>, row: &[f64]) -> anyhow::Result<(Option<String>, &'m Classifier)> {
    let products = match model {
        Model::Churn(model) => return Ok((None, &model.classifier)),
        Model::Upsell(model) => &model.products,
        Model::Clv(_) | Model::Contracts(_) | Model::Segments(_) => bail!("{} gives no probability", model.task()),
    };
    let found = match product {
        Some(product) => products.iter().find(|(name, _)| name == product),
        None => {
            products.iter().max_by(|one, other| one.1.probability(row).get().total_cmp(&other.1.probability(row).get()))
        }
    };
    let names = || products.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let (name, classifier) = found.with_context(|| format!("the model has no such product; it has {}", names()))?;
    Ok((Some(name.clone()), classifier))
}

fn describe(answer: &Answer) {
    let Explanation { probability, raw_probability, base, log_odds, features, reasons } = &answer.explanation;
    let of = answer.product.as_ref().map_or_else(String::new, |product| format!(" of {product}"));
    let moment = answer.moment.as_ref().map_or_else(String::new, |moment| format!(", as known before {moment}"));
    println!("{}: {} probability{of} {:.1} %{moment}", answer.customer_id, answer.task, 100.0 * probability.get());
    println!(
        "{} version {} ({}); log-odds before calibration, where the probability is {:.1} %:",
        answer.task,
        answer.version,
        answer.family,
        100.0 * raw_probability.get()
    );
    println!("  {base:>8.3}  base");
    let (parts, idle): (Vec<_>, Vec<_>) = features.iter().partition(|part| part.contribution != 0.0);
    for part in parts {
        println!("  {:>+8.3}  {}: {}", part.contribution, part.label, shown(&part.value));
    }
    println!("  {log_odds:>8.3}  together; {} features add nothing", idle.len());
    if !reasons.is_empty() {
        println!("because: {}", reasons.join("; "));
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Unknown => "unknown".to_owned(),
        Value::Number(number) if number.fract() == 0.0 => format!("{number:.0}"),
        Value::Number(number) => format!("{number:.2}"),
        Value::Level(level) => level.clone(),
    }
}
