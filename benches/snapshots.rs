//! From the Parquet files of a simulated company to the feature matrix in memory, timed: see `benches/snapshots/`.
//!
//! `snapshots DATA MOMENT [--write FILE]` reads the customers and transactions of a folder and makes the snapshots that
//! the other programs are asked for too. One line of JSON says what each step took.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use serde_json::{Map, Value, json};
use tend_models::features::{FeaturePlan, Measure};
use tend_models::quantities::Moment;
use tend_training::ingest::gather;
use tend_training::recipe::{Recipe, Source};
use tend_training::run::FeatureMatrix;
use tend_training::tables::{OutColumn, TableFile, write_table};

/// The columns that the compared features need; no program reads another.
const CUSTOMERS: [&str; 2] = ["customer_id", "created_at"];
const TRANSACTIONS: [&str; 4] = ["customer_id", "event_time", "amount", "category"];

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let folder = PathBuf::from(arguments.next().context("expected the folder of the tables")?);
    let moment = arguments.next().context("expected the moment, such as 2025-12-31")?;
    let moment: Moment = moment.parse().map_err(anyhow::Error::msg)?;
    let to_write = match (arguments.next().as_deref(), arguments.next()) {
        (None, None) => None,
        (Some("--write"), Some(file)) => Some(PathBuf::from(file)),
        _ => anyhow::bail!("expected nothing more, or --write and a file"),
    };

    let mut clock = Clock::start();
    let mut recipe = Recipe::default();
    recipe.tables.customers = Some(source(&folder.join("customers.parquet"), &CUSTOMERS)?);
    recipe.tables.transactions = Some(source(&folder.join("transactions.parquet"), &TRANSACTIONS)?);
    let (rows, received) = gather(&recipe, moment, None)?;
    clock.tick("read");
    let timelines = rows.finish();
    clock.tick("build");
    let mut plan = FeaturePlan::for_timelines(&timelines, moment);
    plan.features.retain(|feature| is_compared(&feature.measure));
    let matrix = FeatureMatrix::at(&timelines, &plan, moment);
    clock.tick("snapshot");

    let rows: usize = received.iter().map(|table| table.rows).sum();
    let mut said = clock.phases;
    said.insert("features".to_owned(), json!(plan.width()));
    said.insert("customers".to_owned(), json!(matrix.customers.len()));
    said.insert("rows".to_owned(), json!(rows));
    said.insert("peak_mib".to_owned(), json!(status("VmHWM").unwrap_or(f64::NAN) / 1024.0));
    println!("{}", Value::Object(said));

    if let Some(file) = to_write {
        let ids = matrix.customers.iter().map(|&customer| timelines.ids.get(customer).to_owned()).collect();
        let mut columns = vec![("customer_id".to_owned(), OutColumn::Text(ids))];
        for (place, name) in plan.names().into_iter().enumerate() {
            columns.push((name, OutColumn::Number(matrix.column(place).collect())));
        }
        write_table(&file, columns)?;
    }
    Ok(())
}

/// A table of which only some columns are read.
fn source(file: &Path, columns: &[&str]) -> anyhow::Result<Source> {
    let others = TableFile::open(file)?;
    let ignore = others.columns().iter().filter(|column| !columns.contains(&column.as_str())).cloned().collect();
    Ok(Source { file: file.to_owned(), columns: BTreeMap::new(), cancelled_prefix: None, ignore })
}

/// The features that the other programs compute too: those of purchases, and how long someone has been a customer.
fn is_compared(measure: &Measure) -> bool {
    matches!(
        measure,
        Measure::TenureDays
            | Measure::DaysSinceLastPurchase
            | Measure::DaysSinceFirstPurchase
            | Measure::Purchases(_)
            | Measure::PurchasesEver
            | Measure::Spend(_)
            | Measure::SpendEver
            | Measure::SpendTrend(..)
            | Measure::PurchaseTrend(..)
            | Measure::AveragePurchase
            | Measure::LargestPurchase
            | Measure::LastPurchase
            | Measure::ReturnShare
            | Measure::MeanGapDays
            | Measure::GapVariation
            | Measure::GapRatio
            | Measure::CategoriesBought
            | Measure::CategoryDiversity
            | Measure::CategoryShare(_)
            | Measure::DaysSinceCategory(_)
    )
}

/// CPU and wall seconds by phase.
struct Clock {
    wall: Instant,
    cpu_seconds: f64,
    phases: Map<String, Value>,
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu_seconds: cpu_seconds(), phases: Map::new() }
    }

    /// Notes what went by since the last call.
    fn tick(&mut self, phase: &str) {
        let now = cpu_seconds();
        self.phases.insert(format!("{phase}_cpu_s"), json!(now - self.cpu_seconds));
        self.phases.insert(format!("{phase}_wall_s"), json!(self.wall.elapsed().as_secs_f64()));
        (self.wall, self.cpu_seconds) = (Instant::now(), now);
    }
}

/// CPU seconds of this process so far, user and system, all threads; NaN where Linux does not tell.
fn cpu_seconds() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name, in brackets, may hold spaces.
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = behind_name.split_whitespace().skip(11).take(2);
    let ticks: Option<Vec<f64>> = ticks.map(|ticks| ticks.parse().ok()).collect();
    ticks.filter(|ticks| ticks.len() == 2).map_or(f64::NAN, |ticks| ticks.iter().sum::<f64>() / TICKS_A_SECOND)
}

/// A figure in KiB from the process's status.
fn status(name: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
