//! `tend simulate`: the tables of a simulated company.

use std::path::{Path, PathBuf};

use tend::simulate::{Company, EMPTY_DATE, SimColumn, SimulateParams, simulate};
use tend_models::quantities::DAY_SECONDS;
use tend_training::tables::{OutColumn, write_table};

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
    write_company(company, &args.out)?;
    if project.json {
        return project.print_json(&serde_json::json!({"customers": customers, "out": args.out}));
    }
    println!("wrote {customers} customers to {}", args.out.display());
    Ok(())
}

/// Writes every table as Parquet under its name.
pub fn write_company(company: Company, folder: &Path) -> anyhow::Result<()> {
    for table in company.tables {
        let columns = table.columns.into_iter().map(|(name, column)| (name.to_owned(), out_column(column))).collect();
        write_table(&folder.join(format!("{}.parquet", table.name)), columns)?;
    }
    Ok(())
}

fn out_column(column: SimColumn) -> OutColumn {
    match column {
        SimColumn::Coded { levels, codes } => OutColumn::Coded(levels, codes),
        SimColumn::Number(values) => OutColumn::Number(values),
        SimColumn::Whole(values) => OutColumn::Whole(values),
        SimColumn::Time(values) => OutColumn::Time(values),
        SimColumn::Flag(values) => OutColumn::Flag(values),
        SimColumn::Date(days) => {
            let seconds = |day: i32| if day == EMPTY_DATE { i64::MAX } else { i64::from(day) * DAY_SECONDS };
            OutColumn::Time(days.into_iter().map(seconds).collect())
        }
    }
}
