//! `tend policy`: checks a policy, shows the examples, and compares a new one with what was done.

#[cfg(feature = "train")]
mod compare;

#[cfg(feature = "serve")]
use std::path::Path;
use std::path::PathBuf;

#[cfg(feature = "serve")]
use anyhow::Context;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use tend::decision::{Policy, PolicyKind};
#[cfg(feature = "serve")]
use tend_models::files::write_atomically;
use tend_models::timeline::Timelines;

#[cfg(feature = "serve")]
use super::evidence::{EvidenceArgs, of_policy};
use super::project::{Project, read_policy};

/// What to do with a policy.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Says what is wrong with a policy, with the line and what to write; names are checked against the published models.
    Check {
        /// The file; without it the project's policy.toml.
        file: Option<PathBuf>,
    },
    /// Prints a whole policy to begin with.
    Example {
        /// The industry.
        #[arg(value_parser = kinds())]
        kind: PolicyKind,
    },
    /// Says what a new policy would have earned, from a log of decisions with their probabilities.
    #[cfg(feature = "train")]
    Compare(compare::Args),
    /// Makes a policy the project's, unless the decisions that the service has kept speak against it.
    #[cfg(feature = "serve")]
    Promote {
        /// The new policy; the one before it is kept as policy.before.toml.
        policy: PathBuf,
        #[command(flatten)]
        evidence: EvidenceArgs,
    },
}

/// Runs the command.
pub fn run(project: &Project, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Check { file } => check(project, file.clone()),
        Command::Example { kind } => {
            print!("{}", Policy::default_toml(*kind));
            Ok(())
        }
        #[cfg(feature = "train")]
        Command::Compare(args) => compare::run(project, args),
        #[cfg(feature = "serve")]
        Command::Promote { policy, evidence } => promote(project, policy, evidence),
    }
}

fn check(project: &Project, file: Option<PathBuf>) -> anyhow::Result<()> {
    let path = file.unwrap_or_else(|| project.folder.join("policy.toml"));
    let policy = read_policy(&path)?;
    let has_models = !tend_models::scorer::Scorer::load(&project.registry())?.is_empty();
    if has_models {
        project.book_with(Timelines::default(), &policy)?;
    }
    if project.json {
        let answer = serde_json::json!({"policy": path, "version": policy.version(), "names_checked": has_models});
        return project.print_json(&answer);
    }
    let names = if has_models { "" } else { "; no model is published yet, so names in conditions were not checked" };
    println!("{}: sound, version {}{names}", path.display(), policy.version());
    Ok(())
}

#[cfg(feature = "serve")]
fn promote(project: &Project, path: &Path, args: &EvidenceArgs) -> anyhow::Result<()> {
    let policy = read_policy(path)?;
    let said = of_policy(project, &policy, args)?;
    let text = std::fs::read(path).with_context(|| path.display().to_string())?;
    let (own, before) = (project.folder.join("policy.toml"), project.folder.join("policy.before.toml"));
    if own.exists() {
        let text = std::fs::read(&own).with_context(|| own.display().to_string())?;
        write_atomically(&before, |file| file.write_all(&text)).with_context(|| before.display().to_string())?;
    }
    write_atomically(&own, |file| file.write_all(&text)).with_context(|| own.display().to_string())?;
    if project.json {
        let answer = serde_json::json!({"policy": own, "version": policy.version(), "evidence": said});
        return project.print_json(&answer);
    }
    eprintln!("{said}");
    println!("{}: version {} decides; the one before is {}", own.display(), policy.version(), before.display());
    Ok(())
}

fn kinds() -> impl TypedValueParser<Value = PolicyKind> {
    PossibleValuesParser::new(PolicyKind::ALL.map(PolicyKind::name)).map(|name| {
        let kind = PolicyKind::ALL.into_iter().find(|kind| kind.name() == name);
        kind.expect("only these names are possible")
    })
}
