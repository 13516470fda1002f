//! `tend policy compare`: what a new policy would have earned, and whether it may take the old one's place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use tend::book::Book;
use tend::decision::LEAVE_ALONE;
use tend::decision::off_policy::{Estimate, Evaluation, Promotion};
use tend::evidence::{LEAST_ROWS, LoggedAction, judge};
use tend_models::quantities::Moment;
use tend_training::tables::{Batch, Cell, TableError, TableFile, TextFormat};

use super::super::project::{Project, currency, read_policy};

/// The new policy and the log.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The new policy.
    policy: PathBuf,
    /// The log: customer_id, action_id, sent_at, probability, and where known is_control, cost, outcome_value.
    #[arg(long)]
    log: PathBuf,
    /// Rows of the new policy that the log must be worth.
    #[arg(long, default_value_t = LEAST_ROWS)]
    least_rows: f64,
}

/// Estimates, and says whether the new policy may take over; a refusal is an answer, not a failure.
pub fn run(project: &Project, args: &Args) -> anyhow::Result<()> {
    let policy = read_policy(&args.policy)?;
    let recipe = project.recipe()?;
    let timelines = project.ingest(&recipe)?.timelines;
    let book = project.book_with(timelines, &policy)?;
    let format = recipe.text_format().map_err(anyhow::Error::msg)?;
    let (rows, rejected) = read_log(&args.log, &format, &book)?;
    ensure!(
        !rows.is_empty(),
        "{}: found no row to learn from; expected customers of the project with a probability above 0",
        args.log.display()
    );
    let evaluation = judge(&book, None, &rows)?;
    let promotion = evaluation.promotion(args.least_rows);
    if project.json {
        return project.print_json(&serde_json::json!({
            "evaluation": evaluation, "promotion": promotion, "rejected": rejected,
            "promote": promotion == Promotion::Promote,
        }));
    }
    for (reason, rows) in &rejected {
        eprintln!("rejected: {rows} rows, {reason}");
    }
    tell(&evaluation, currency(&recipe));
    println!("{promotion}");
    Ok(())
}

/// Reads the log; rows that cannot be used are counted by reason.
fn read_log(
    path: &Path,
    format: &TextFormat,
    book: &Book,
) -> anyhow::Result<(Vec<LoggedAction>, BTreeMap<&'static str, usize>)> {
    let file = TableFile::open(path)?;
    let optional = ["is_control", "cost", "outcome_value"];
    let columns = ["customer_id", "action_id", "sent_at", "probability"].into_iter();
    let columns: Vec<String> =
        columns.chain(optional.into_iter().filter(|column| file.has(column))).map(str::to_owned).collect();
    let (mut rows, mut rejected) = (Vec::new(), BTreeMap::new());
    file.read(&columns, |batch| {
        let log = LogBatch::of(batch, &file, format)?;
        for row in 0..batch.len() {
            match log.row(row, book) {
                Ok(row) => rows.push(row),
                Err(reason) => *rejected.entry(reason).or_default() += 1,
            }
        }
        Ok::<(), anyhow::Error>(())
    })
    .with_context(|| format!("reading the log {}", path.display()))?;
    Ok((rows, rejected))
}

/// The columns of some rows of the log.
struct LogBatch {
    ids: Vec<Option<String>>,
    actions: Vec<Option<String>>,
    times: Vec<Cell<Moment>>,
    probabilities: Vec<Cell<f64>>,
    is_control: Option<Vec<Cell<bool>>>,
    costs: Option<Vec<Cell<f64>>>,
    values: Option<Vec<Cell<f64>>>,
}

impl LogBatch {
    fn of(batch: &Batch, file: &TableFile, format: &TextFormat) -> Result<Self, TableError> {
        let texts = |name: &str| -> Result<Vec<Option<String>>, TableError> {
            Ok(batch.texts(name)?.iter().map(|text| text.map(str::to_owned)).collect())
        };
        let numbers = |name: &str| file.has(name).then(|| batch.numbers(name, format)).transpose();
        Ok(Self {
            ids: texts("customer_id")?,
            actions: texts("action_id")?,
            times: batch.moments("sent_at", format)?,
            probabilities: batch.numbers("probability", format)?,
            is_control: file.has("is_control").then(|| batch.flags("is_control")).transpose()?,
            costs: numbers("cost")?,
            values: numbers("outcome_value")?,
        })
    }

    fn row(&self, row: usize, book: &Book) -> Result<LoggedAction, &'static str> {
        let Cell::Value(at) = self.times[row] else { return Err("sent_at is not a date") };
        let id = self.ids[row].as_deref().ok_or("customer_id is empty")?;
        let there = |place: &usize| book.timelines.timeline(*place).before(at).exists();
        let customer =
            book.timelines.position(id).filter(there).ok_or("the customer is not one of the project before sent_at")?;
        let Cell::Value(taken) = self.probabilities[row] else { return Err("probability is not a number") };
        let amount = |column: &Option<Vec<Cell<f64>>>, unclear| match column.as_ref().map(|column| &column[row]) {
            Some(Cell::Value(amount)) => Ok(*amount),
            Some(Cell::Unclear(_)) => Err(unclear),
            Some(Cell::Empty) | None => Ok(0.0),
        };
        let (cost, value) =
            (amount(&self.costs, "cost is not a number")?, amount(&self.values, "outcome_value is not a number")?);
        let is_control = matches!(self.is_control.as_ref().map(|column| &column[row]), Some(Cell::Value(true)));
        // A control row is a contact that was not made, logged with the probability that it would have been.
        let (action, probability) = match (is_control, &self.actions[row]) {
            (true, _) => (LEAVE_ALONE.to_owned(), 1.0 - taken),
            (false, Some(action)) => (action.clone(), taken),
            (false, None) => return Err("action_id is empty"),
        };
        if !(probability > 0.0 && probability <= 1.0) {
            return Err("what was done had a probability of 0, or none from 0 to 1");
        }
        let reward = if is_control { value } else { value - cost };
        Ok(LoggedAction { customer, at, action, probability, reward })
    }
}

fn tell(evaluation: &Evaluation, currency: &str) {
    let Evaluation { rows, effective_rows, logged, ips, snips, direct, doubly_robust, improvement } = evaluation;
    println!("{rows} decisions in the log, worth {effective_rows:.0} of the new policy; {currency} a decision:");
    let line = |name: &str, estimate: &Estimate| {
        println!("  {name:<32} {:>10.4}  ({:.4} to {:.4})", estimate.mean, estimate.low, estimate.high);
    };
    line("earned by what was done", logged);
    line("inverse propensity", ips);
    line("self-normalised", snips);
    line("direct (the model's word)", direct);
    line("doubly robust", doubly_robust);
    line("improvement (doubly robust)", improvement);
}
