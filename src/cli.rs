//! The command line: what each command takes. Answers go to stdout, everything else to stderr.

#[cfg(feature = "train")]
mod contracts;
#[cfg(feature = "train")]
mod decide;
#[cfg(feature = "train")]
mod demo;
#[cfg(feature = "train")]
mod evaluate;
#[cfg(feature = "serve")]
mod evidence;
#[cfg(feature = "train")]
mod explain;
#[cfg(feature = "train")]
mod features;
#[cfg(feature = "train")]
mod init;
#[cfg(feature = "serve")]
mod keys;
#[cfg(feature = "train")]
mod metrics;
mod models;
mod policy;
mod project;
#[cfg(feature = "train")]
mod score;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "train")]
mod simulate;
#[cfg(feature = "train")]
mod train;
#[cfg(feature = "train")]
mod unit;

use std::path::PathBuf;

#[cfg(feature = "train")]
use clap::{CommandFactory, error::ErrorKind};
use clap::{Parser, Subcommand};

/// A predictive scoring engine for the customer lifecycle.
#[derive(Debug, Parser)]
#[command(name = "tend", version, about)]
pub struct Cli {
    /// The project's folder: tend.toml, policy.toml and registry/ are there.
    #[arg(long, global = true, default_value = ".")]
    project: PathBuf,
    /// Writes machine-readable answers.
    #[arg(long, global = true)]
    json: bool,
    /// At most this many threads compute; without it, as many as the machine has.
    #[arg(long, global = true, value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simulates a company, trains everything, decides, and says what to look at.
    #[cfg(feature = "train")]
    Demo(demo::Args),
    /// Writes tend.toml and policy.toml for the tables of a folder.
    #[cfg(feature = "train")]
    Init(init::InitArgs),
    /// Reads the tables and says what is wrong with them.
    #[cfg(feature = "train")]
    Check(init::CheckArgs),
    /// Writes the tables of a simulated company, with the truth about it.
    #[cfg(feature = "train")]
    Simulate(simulate::Args),
    /// Trains models and publishes them.
    #[cfg(feature = "train")]
    Train(train::Args),
    /// Judges a published model on held-out or new rows.
    #[cfg(feature = "train")]
    Evaluate(evaluate::Args),
    /// Says why one customer has this probability.
    #[cfg(feature = "train")]
    Explain(explain::Args),
    /// Scores every customer.
    #[cfg(feature = "train")]
    Score(score::Args),
    /// Writes every customer's features, for other tools.
    #[cfg(feature = "train")]
    Features(features::Args),
    /// Writes the next best action for every customer.
    #[cfg(feature = "train")]
    Decide(decide::Args),
    /// Checks a policy, shows examples, and says what another policy would have earned.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Tells who came, stayed, left and came back in each period, and what they brought.
    #[cfg(feature = "train")]
    Metrics(metrics::Args),
    /// Lists, shows, promotes, rolls back and verifies published models.
    Models(models::Args),
    /// Answers over HTTP.
    #[cfg(feature = "serve")]
    Serve(serve::Args),
    /// Makes, lists and revokes API keys of the service.
    #[cfg(feature = "serve")]
    Keys(keys::Args),
}

/// An error of how a command was used, which the parser cannot see: exit code 2.
#[cfg(feature = "train")]
fn usage_error(message: &str) -> anyhow::Error {
    Cli::command().error(ErrorKind::ArgumentConflict, message).into()
}

/// Runs a command.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    let threads = cli.threads.map(usize::from);
    if let Some(threads) = threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    }
    let project = project::Project { folder: cli.project, json: cli.json };
    match cli.command {
        #[cfg(feature = "train")]
        Command::Demo(args) => demo::run(&args, project.json),
        #[cfg(feature = "train")]
        Command::Init(args) => init::init(&project, &args),
        #[cfg(feature = "train")]
        Command::Check(args) => init::check(&project, &args),
        #[cfg(feature = "train")]
        Command::Simulate(args) => simulate::run(&project, &args),
        #[cfg(feature = "train")]
        Command::Train(args) => train::run(&project, &args),
        #[cfg(feature = "train")]
        Command::Evaluate(args) => evaluate::run(&project, &args),
        #[cfg(feature = "train")]
        Command::Explain(args) => explain::run(&project, &args),
        #[cfg(feature = "train")]
        Command::Score(args) => score::run(&project, &args),
        #[cfg(feature = "train")]
        Command::Features(args) => features::run(&project, &args),
        #[cfg(feature = "train")]
        Command::Decide(args) => decide::run(&project, &args),
        Command::Policy(command) => policy::run(&project, &command),
        #[cfg(feature = "train")]
        Command::Metrics(args) => metrics::run(&project, &args),
        Command::Models(args) => models::run(&project, &args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(&project, &args, threads),
        #[cfg(feature = "serve")]
        Command::Keys(args) => keys::run(&project, &args),
    }
}
