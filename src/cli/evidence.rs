//! What the decisions that the service has kept say before a model or a policy takes over.

use std::path::Path;

use anyhow::Context;
use tend::book::Book;
use tend::decision::Policy;
use tend::evidence::{Evidence, LEAST_ROWS, MOST_ROWS};
use tend::store::Store;
use tend_models::scorecard::Task;
use tend_models::scorer::Scorer;
use tend_models::timeline::{Timelines, open_timelines};

use super::project::{Project, read_policy};

/// How much evidence is asked for.
#[derive(Debug, clap::Args)]
pub struct EvidenceArgs {
    /// Takes over though the kept decisions speak against it.
    #[arg(long)]
    force: bool,
    /// Rows of what is new that the kept decisions must be worth.
    #[arg(long, default_value_t = LEAST_ROWS)]
    least_rows: f64,
}

/// What is said about a version that is to be the champion.
///
/// # Errors
/// If it does not load, or the kept decisions speak against it and it is not forced.
pub fn of_model(project: &Project, task: Task, version: &str, args: &EvidenceArgs) -> anyhow::Result<Evidence> {
    let registry = project.registry();
    let (header, model) = registry.load(task, version)?;
    if registry.champion(task)?.is_some_and(|champion| champion.version == version) {
        return Ok(no_log("it is the champion already"));
    }
    if !model.plan().reads_histories() {
        return Ok(no_log("decisions do not use models of customer tables"));
    }
    let path = project.folder.join("policy.toml");
    if !path.exists() {
        return Ok(no_log("the project has no policy.toml"));
    }
    let policy = read_policy(&path)?;
    let present = Scorer::load(&registry)?;
    let mut new = present.clone();
    new.take(header, model);
    ask(project, [(new, &policy), (present, &policy)], args)
}

/// What is said about a policy that is to take the place of the project's.
///
/// # Errors
/// If it names what the models do not have, or the kept decisions speak against it and it is not forced.
pub fn of_policy(project: &Project, policy: &Policy, args: &EvidenceArgs) -> anyhow::Result<Evidence> {
    let scorer = Scorer::load(&project.registry())?;
    if scorer.is_empty() {
        return Ok(no_log("no model is published"));
    }
    let path = project.folder.join("policy.toml");
    if !path.exists() {
        Book::new(scorer, Timelines::default(), policy)?;
        return Ok(no_log("the project has no policy.toml yet"));
    }
    let present = read_policy(&path)?;
    ask(project, [(scorer.clone(), policy), (scorer, &present)], args)
}

/// Asks about what is new, which is first, against what is there.
fn ask(project: &Project, books: [(Scorer, &Policy); 2], args: &EvidenceArgs) -> anyhow::Result<Evidence> {
    let kept = Store::kept_at(&project.store_path()?, MOST_ROWS)?;
    let timelines = timelines(&project.timelines_path(), kept.is_empty())?;
    let [(scorer, policy), (present_scorer, present_policy)] = books;
    let new = project.experienced(Book::new(scorer, timelines.clone(), policy)?)?;
    if present_scorer.is_empty() {
        return Ok(no_log("no model is published yet"));
    }
    let present = project.experienced(Book::new(present_scorer, timelines, present_policy)?)?;
    let evidence = Evidence::of(&new, &present, &kept, args.least_rows);
    anyhow::ensure!(
        evidence.allows() || args.force,
        "{evidence}; what is there stays; write --force to do so all the same"
    );
    Ok(evidence)
}

fn timelines(path: &Path, may_lack: bool) -> anyhow::Result<Timelines> {
    if may_lack && !path.exists() {
        return Ok(Timelines::default());
    }
    open_timelines(path).with_context(|| format!("{} is needed to judge by kept decisions", path.display()))
}

fn no_log(why: &str) -> Evidence {
    Evidence::NoLog { no_log: why.to_owned() }
}
