//! `tend decide`: the worklist.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tend::decision::{Decision, LEAVE_ALONE};
use tend_models::files::write_atomically;
use tend_models::quantities::Moment;
use tend_models::scorecard::Scorecard;
use tend_training::tables::{OutColumn, write_table};

use super::project::{Project, currency};

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
}

/// Decides for every customer and writes the worklist.
pub fn run(project: &Project, args: &Args) -> anyhow::Result<()> {
    let recipe = project.recipe()?;
    let timelines = project.ingest(&recipe)?.timelines;
    let moment = args.as_of.or_else(|| timelines.known_until()).context("found no rows to decide on")?;
    let book = project.book(timelines)?;
    let judged = book.decide_all(moment, &book.customers_at(moment));
    let listed = write_worklist(&args.out, &judged, args.all)?;
    let gain: f64 = judged.iter().map(|(_, decision)| decision.expected_gain).sum();
    if project.json {
        return project.print_json(&serde_json::json!({
            "customers": judged.len(), "listed": listed, "expected_gain": gain, "out": args.out,
        }));
    }
    println!(
        "{} customers, {listed} on the list, expected gain {gain:.2} {}; see {}",
        judged.len(),
        currency(&recipe),
        args.out.display()
    );
    Ok(())
}

/// Writes the decisions, largest gain first; without `all` only those that act. Returns how many.
pub fn write_worklist(path: &Path, judged: &[(Scorecard, Decision)], all: bool) -> anyhow::Result<usize> {
    let mut listed: Vec<&Decision> =
        judged.iter().map(|(_, decision)| decision).filter(|decision| all || decision.action != LEAVE_ALONE).collect();
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
