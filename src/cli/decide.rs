//! `tend decide`: the worklist, within a budget and capacities if they are given.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rayon::prelude::*;
use serde::Serialize;
use tend::book::Book;
use tend::decision::{Allotment, Choice, Constraint, Decision, LEAVE_ALONE, Offers, allot};
use tend_models::files::write_atomically;
use tend_models::quantities::Moment;
use tend_training::tables::{OutColumn, write_table};

use super::project::{Project, currency};
use super::usage_error;

/// What to decide.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Decides as known before this date; without it at the end of the data.
    #[arg(long)]
    as_of: Option<Moment>,
    /// The file to write: .csv, .parquet, or .jsonl with whole decisions as the service answers them.
    #[arg(long, default_value = "worklist.csv")]
    out: PathBuf,
    /// Also writes the customers to be left alone.
    #[arg(long)]
    all: bool,
    /// Money that all contacts together may cost.
    #[arg(long, value_parser = parse_amount)]
    budget: Option<f64>,
    /// Contacts that a channel, an action or a group can make: call=400; may be repeated.
    #[arg(long, value_parser = parse_capacity)]
    capacity: Vec<(String, f64)>,
    /// Most actions a customer, of different goals.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    per_customer: u8,
}

impl Args {
    fn chooses_for_all(&self) -> bool {
        self.budget.is_some() || !self.capacity.is_empty() || self.per_customer > 1
    }
}

/// Decides for every customer and writes the worklist.
pub fn run(project: &Project, args: &Args) -> anyhow::Result<()> {
    let recipe = project.recipe()?;
    let timelines = project.ingest(&recipe)?.timelines;
    let moment = args.as_of.or_else(|| timelines.known_until()).context("found no rows to decide on")?;
    let book = project.book(timelines)?;
    let customers = book.customers_at(moment);
    let (decisions, account) = if args.chooses_for_all() {
        let (decisions, account) = decide_for_all(args, &book, moment, &customers)?;
        (decisions, Some(account))
    } else {
        (book.decide_all(moment, &customers).into_iter().map(|(_, decision)| decision).collect(), None)
    };
    let listed = write_worklist(&args.out, &decisions, args.all)?;
    let gain: f64 = decisions.iter().map(|decision| decision.expected_gain).sum();
    if project.json {
        let mut answer = serde_json::json!({
            "customers": customers.len(), "listed": listed, "expected_gain": gain, "out": args.out,
        });
        if let Some(account) = account {
            answer["plan"] = serde_json::to_value(account)?;
        }
        return project.print_json(&answer);
    }
    account.iter().for_each(|account| account.tell(currency(&recipe)));
    println!(
        "{} customers, {listed} on the list, expected gain {gain:.2} {}; see {}",
        customers.len(),
        currency(&recipe),
        args.out.display()
    );
    Ok(())
}

/// How good a list under constraints is, as `--json` shows it.
#[derive(Debug, Serialize)]
struct PlanAccount {
    /// Sum of the priorities of all chosen actions: money, where context and levers are 1.
    priority: f64,
    /// No list within the constraints has a higher sum.
    bound: f64,
    /// (bound - priority) / bound.
    gap: f64,
    constraints: Vec<ConstraintAccount>,
}

#[derive(Debug, Serialize)]
struct ConstraintAccount {
    name: String,
    limit: f64,
    used: f64,
    /// What one more unit of the limit is worth.
    shadow_price: f64,
}

impl PlanAccount {
    fn of(constraints: Vec<Constraint>, allotment: &Allotment) -> Self {
        let plan = &allotment.plan;
        let numbers = plan.used.iter().zip(&plan.shadow_prices);
        let account = |(constraint, (used, shadow_price)): (Constraint, (&f64, &f64))| ConstraintAccount {
            name: constraint.name,
            limit: constraint.limit,
            used: *used,
            shadow_price: *shadow_price,
        };
        Self {
            priority: plan.gain,
            bound: plan.bound,
            gap: plan.gap(),
            constraints: constraints.into_iter().zip(numbers).map(account).collect(),
        }
    }

    fn tell(&self, currency: &str) {
        eprintln!(
            "the list is worth {:.2}; no list within the limits is worth more than {:.2} (gap {:.4} %)",
            self.priority,
            self.bound,
            100.0 * self.gap
        );
        for ConstraintAccount { name, limit, used, shadow_price } in &self.constraints {
            let one_more = if name == "budget" { format!("1 {currency} more") } else { "one more contact".to_owned() };
            eprintln!("  {name}: {used:.2} of {limit:.2} used; {one_more} is worth {shadow_price:.2}");
        }
    }
}

/// Weighs every customer, allots the actions, and decides accordingly; a customer with several has a decision for each.
fn decide_for_all(
    args: &Args,
    book: &Book,
    moment: Moment,
    customers: &[usize],
) -> anyhow::Result<(Vec<Decision>, PlanAccount)> {
    let policy = book.policy();
    let mut constraints: Vec<Constraint> =
        args.budget.into_iter().map(|money| Constraint::budget(policy, money)).collect();
    for (name, contacts) in &args.capacity {
        let capacity = Constraint::capacity(policy, name, *contacts);
        constraints.push(capacity.map_err(|problem| usage_error(&format!("--capacity {name}: {problem}")))?);
    }
    let bound = book.scorer.bind(&book.timelines);
    let offers: Vec<Offers> = customers
        .par_iter()
        .with_min_len(256)
        .map_init(
            || bound.clone(),
            |bound, &customer| {
                book.weigh(bound, customer, moment, |weighing| Offers::of(weighing, args.per_customer)).1
            },
        )
        .collect();
    let allotment = allot(&constraints, &offers);
    let decisions: Vec<Vec<Decision>> = (customers.par_iter().zip(&allotment.places))
        .with_min_len(256)
        .map_init(
            || bound.clone(),
            |bound, (&customer, places)| {
                let decide = |place| Choice::Assigned(place, places);
                let choices: Vec<Choice<'_>> = match places[..] {
                    [] => vec![decide(None)],
                    _ => places.iter().map(|place| decide(Some(*place))).collect(),
                };
                book.weigh(bound, customer, moment, |weighing| {
                    choices.iter().map(|choice| weighing.decide(*choice)).collect()
                })
                .1
            },
        )
        .collect();
    Ok((decisions.into_iter().flatten().collect(), PlanAccount::of(constraints, &allotment)))
}

fn parse_amount(text: &str) -> Result<f64, String> {
    let amount = text.parse::<f64>().ok().filter(|amount| *amount >= 0.0 && amount.is_finite());
    amount.ok_or_else(|| "expected an amount of 0 or more, such as 2500".to_owned())
}

fn parse_capacity(text: &str) -> Result<(String, f64), String> {
    let parts = text.split_once('=');
    let (name, contacts) = parts.ok_or_else(|| "expected a name and a number, such as phone=400".to_owned())?;
    Ok((name.trim().to_owned(), parse_amount(contacts.trim())?))
}

/// Writes the decisions, largest gain first; without `all` only those that act. Returns how many.
pub fn write_worklist<'a>(
    path: &Path,
    decisions: impl IntoIterator<Item = &'a Decision>,
    all: bool,
) -> anyhow::Result<usize> {
    let mut listed: Vec<&Decision> =
        decisions.into_iter().filter(|decision| all || decision.action != LEAVE_ALONE).collect();
    listed.sort_by(|one, other| {
        other.expected_gain.total_cmp(&one.expected_gain).then_with(|| one.customer_id.cmp(&other.customer_id))
    });
    if path.extension().is_some_and(|ending| ending == "jsonl") {
        write_lines(path, &listed).with_context(|| path.display().to_string())?;
    } else {
        write_table(path, columns(&listed))?;
    }
    Ok(listed.len())
}

fn write_lines(path: &Path, listed: &[&Decision]) -> std::io::Result<()> {
    write_atomically(path, |file| {
        for decision in listed {
            serde_json::to_writer(&mut *file, decision)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    })
}

fn columns(listed: &[&Decision]) -> Vec<(String, OutColumn)> {
    let text = |of: fn(&Decision) -> String| OutColumn::Text(listed.iter().map(|decision| of(decision)).collect());
    let number = |of: fn(&Decision) -> f64| OutColumn::Number(listed.iter().map(|decision| of(decision)).collect());
    let columns = [
        ("customer_id", text(|decision| decision.customer_id.clone())),
        ("stage", text(|decision| decision.stage.clone())),
        ("action", text(|decision| decision.action.clone())),
        ("channel", text(|decision| decision.channel.clone().unwrap_or_default())),
        ("expected_gain", number(|decision| decision.expected_gain)),
        ("at_stake", number(|decision| decision.at_stake.unwrap_or(f64::NAN))),
        ("effect", number(|decision| decision.effect)),
        (
            "effect_source",
            text(|decision| decision.effect_source.map_or_else(String::new, |source| source.name().to_owned())),
        ),
        ("cost", number(|decision| decision.cost)),
        ("probability", number(|decision| decision.probability)),
        ("reason", text(|decision| decision.reason.clone())),
        ("deadline", text(|decision| decision.deadline.map_or_else(String::new, |date| date.to_string()))),
    ];
    columns.into_iter().map(|(name, column)| (name.to_owned(), column)).collect()
}
