//! `tend train`: from tables to published models.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::ValueEnum;
use tend_models::features::FeaturePlan;
use tend_models::quantities::{Moment, Positive};
use tend_models::scorecard::Task;
use tend_training::ingest::ingest;
use tend_training::recipe::{Clv, Recipe, Source};
use tend_training::run::{ClvRun, ProjectRun, TableRun, Trained, data_until, train_clv, train_project, train_table};

use super::project::{Project, currency, now};

/// What to train.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The task; without it all that the project's tables allow.
    #[arg(long)]
    task: Option<TaskName>,
    /// Uses only what was known before this date.
    #[arg(long)]
    as_of: Option<Moment>,
    /// A customer table: one row a customer.
    #[arg(long, requires = "target", conflicts_with = "transactions")]
    table: Option<PathBuf>,
    /// The target column of the customer table.
    #[arg(long)]
    target: Option<String>,
    /// The value of the target that counts as positive.
    #[arg(long)]
    positive: Option<String>,
    /// Columns of the customer table that are no features.
    #[arg(long, value_delimiter = ',')]
    exclude: Vec<String>,
    /// Folds of the cross-validation on a customer table.
    #[arg(long)]
    folds: Option<usize>,
    /// The seed of every random choice.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    #[command(flatten)]
    log: TransactionLog,
    /// The lifetime value family.
    #[arg(long, default_value = "bg-nbd")]
    family: ClvFamily,
    /// The time unit of the parameters.
    #[arg(long, default_value = "day")]
    unit: Unit,
}

/// A bare transaction log.
#[derive(Debug, clap::Args)]
pub struct TransactionLog {
    /// A transaction log: one row a purchase.
    #[arg(long, requires_all = ["time", "amount"])]
    pub transactions: Option<PathBuf>,
    /// The column with the customers' ids.
    #[arg(long)]
    pub id: Option<String>,
    /// The log's column with the time.
    #[arg(long)]
    pub time: Option<String>,
    /// The log's column with the amount.
    #[arg(long)]
    pub amount: Option<String>,
    /// The last day of the log to learn from; later rows are the hold-out.
    #[arg(long)]
    pub until: Option<Moment>,
}

/// A task by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum TaskName {
    /// Who leaves.
    Churn,
    /// Who takes the next product.
    Upsell,
    /// What customers are worth.
    Clv,
    /// Kinds of customers.
    Segments,
}

impl From<TaskName> for Task {
    fn from(name: TaskName) -> Self {
        match name {
            TaskName::Churn => Self::Churn,
            TaskName::Upsell => Self::Upsell,
            TaskName::Clv => Self::Clv,
            TaskName::Segments => Self::Segments,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ClvFamily {
    BgNbd,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Unit {
    Day,
    Week,
    Month,
}

impl Unit {
    fn days(self) -> Positive {
        let days = match self {
            Self::Day => 1.0,
            Self::Week => 7.0,
            Self::Month => 365.25 / 12.0,
        };
        Positive::new(days).expect("above 0")
    }
}

/// Trains and publishes.
pub fn run(project: &Project, args: &Args) -> anyhow::Result<()> {
    if let Some(table) = &args.table {
        return publish(project, train_customer_table(args, table)?, "money units");
    }
    if args.log.transactions.is_some() {
        return publish(project, train_transactions(args)?, "money units");
    }
    let recipe = project.recipe()?;
    let ingested = project.ingest(&recipe)?;
    let as_of = args.as_of.or_else(|| data_until(&ingested.timelines)).context("found no rows to learn from")?;
    let run = ProjectRun { recipe: &recipe, timelines: &ingested.timelines, as_of };
    let tasks: Vec<Task> = args.task.map_or_else(|| Task::ALL.to_vec(), |task| vec![task.into()]);
    for task in tasks {
        if args.task.is_none() && task == Task::Clv && ingested.timelines.purchases.is_empty() {
            eprintln!("clv: left out, as there are no transactions");
            continue;
        }
        eprintln!("{task}: training on what was known before {as_of}");
        publish(project, train_project(&run, task)?, currency(&recipe))?;
    }
    Ok(())
}

fn train_customer_table(args: &Args, table: &std::path::Path) -> anyhow::Result<Trained> {
    let task = args.task.context("--table needs --task churn or --task upsell")?.into();
    let run = TableRun {
        task,
        file: table.to_owned(),
        id: args.log.id.clone(),
        target: args.target.clone().context("--table needs --target COLUMN")?,
        positive: args.positive.clone(),
        exclude: args.exclude.clone(),
        folds: args.folds,
        seed: args.seed,
    };
    Ok(train_table(&run)?)
}

fn train_transactions(args: &Args) -> anyhow::Result<Trained> {
    if !matches!(args.task, None | Some(TaskName::Clv)) {
        bail!("--transactions trains lifetime value only; expected --task clv");
    }
    let ClvFamily::BgNbd = args.family;
    let timelines = args.log.read()?;
    let data_until = data_until(&timelines).context("found no rows to learn from")?;
    let run = ClvRun {
        timelines: &timelines,
        plan: FeaturePlan::default(),
        as_of: args.log.until.map_or(data_until, |last_day| last_day.plus_days(1)),
        unit_days: args.unit.days(),
        clv: Clv::default(),
        data_until,
        seed: args.seed,
    };
    Ok(train_clv(&run)?)
}

impl TransactionLog {
    /// Reads the log into timelines; tells what was rejected.
    pub fn read(&self) -> anyhow::Result<tend_models::timeline::Timelines> {
        let file = self.transactions.clone().context("expected --transactions FILE")?;
        let named = [("customer_id", &self.id), ("event_time", &self.time), ("amount", &self.amount)];
        let columns =
            named.into_iter().filter_map(|(column, theirs)| Some((column.to_owned(), theirs.clone()?))).collect();
        let mut recipe = Recipe::default();
        recipe.tables.transactions = Some(Source { file, columns, ignore: Vec::new() });
        let ingested = ingest(&recipe, now()?, None)?;
        for table in &ingested.received {
            for (reason, rows) in &table.rejected {
                eprintln!("{}: rejected {rows} rows, {reason}", table.table);
            }
        }
        Ok(ingested.timelines)
    }
}

fn publish(project: &Project, mut trained: Trained, currency: &str) -> anyhow::Result<()> {
    trained.publish(&project.registry(), currency)?;
    let figures = &trained.figures;
    if project.json {
        return project.print_json(figures);
    }
    let folder = project.registry().folder(figures.task, &figures.version);
    println!("{} version {}: {} is the champion", figures.task, figures.version, figures.family);
    if let Some(held_out) = &figures.held_out {
        let auc = held_out.auc.map_or_else(String::new, |auc| format!(", AUC {auc:.3}"));
        println!(
            "  held-out customers {}, of these positive {}{auc}, log loss {:.4}, calibration error {:.4}",
            held_out.rows, held_out.positives, held_out.log_loss, held_out.expected_calibration_error
        );
    }
    for product in &figures.products {
        let auc = product.held_out.auc.map_or_else(|| "unknown".to_owned(), |auc| format!("{auc:.3}"));
        println!("  {}: AUC {auc} ({}), {} buyers", product.product, product.family, product.held_out.positives);
    }
    if let Some(value) = &figures.value {
        let found = &value.parameters;
        println!(
            "  r {:.4}, alpha {:.4}, a {:.4}, b {:.4}, log likelihood {:.3}",
            found.r, found.alpha, found.a, found.b, value.log_likelihood
        );
        if let Some(hold_out) = &value.hold_out {
            let purchases = &hold_out.purchases;
            println!(
                "  {:.0} days from {}: expected {:.0} purchase days, actual {:.0}",
                hold_out.days, hold_out.from, purchases.predicted_total, purchases.actual_total
            );
        }
    }
    for segment in &figures.segments {
        println!("  segment: {segment}");
    }
    println!("  see {}", folder.join("report.html").display());
    Ok(())
}
