//! `tend simulate`: the tables of a simulated company.

use std::path::PathBuf;

use tend::simulate::{SimulateParams, simulate};

use super::project::Project;

/// Which company to simulate.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many customers.
    #[arg(long, default_value_t = 20_000)]
    customers: usize,
    /// The seed.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// The folder to write to.
    #[arg(long)]
    out: PathBuf,
    /// Events of a customer on average.
    #[arg(long, default_value_t = 12.0)]
    events_per_customer: f64,
}

/// Simulates and writes the tables.
pub fn run(project: &Project, args: &Args) -> anyhow::Result<()> {
    let params = SimulateParams {
        customers: args.customers,
        seed: args.seed,
        events_per_customer: args.events_per_customer,
        ..SimulateParams::default()
    };
    let company = simulate(&params);
    eprintln!("{}", company.summary());
    let customers = args.customers;
    company.write(&args.out)?;
    if project.json {
        return project.print_json(&serde_json::json!({"customers": customers, "out": args.out}));
    }
    println!("wrote {customers} customers to {}", args.out.display());
    Ok(())
}
