//! `tend policy`: checks a policy, shows the examples, and compares a new one with what was done.

#[cfg(feature = "train")]
mod compare;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use tend::decision::{Policy, PolicyKind};
use tend_models::timeline::Timelines;

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

fn kinds() -> impl TypedValueParser<Value = PolicyKind> {
    PossibleValuesParser::new(PolicyKind::ALL.map(PolicyKind::name)).map(|name| {
        let kind = PolicyKind::ALL.into_iter().find(|kind| kind.name() == name);
        kind.expect("only these names are possible")
    })
}
