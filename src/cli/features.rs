//! `tend features`: every customer's features at one moment, as a table for other tools.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tend_models::features::FeaturePlan;
use tend_models::predict::FeatureKind;
use tend_models::quantities::Moment;
use tend_training::run::FeatureMatrix;
use tend_training::tables::{OutColumn, write_table};

use super::project::Project;

/// The text of a category that is too rare for a level of its own.
const RARE: &str = "another value";

/// When, and where to.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Features as known before this date; without it at the end of the data.
    #[arg(long)]
    as_of: Option<Moment>,
    /// The file to write: .csv or .parquet.
    #[arg(long)]
    out: PathBuf,
}

/// Computes and writes the table: the features that training and scoring see.
pub fn run(project: &Project, args: &Args) -> anyhow::Result<()> {
    let recipe = project.recipe()?;
    let timelines = project.ingest(&recipe)?.timelines;
    let moment = args.as_of.or_else(|| timelines.known_until()).context("found no rows to compute features from")?;
    let plan = FeaturePlan::for_timelines(&timelines, moment);
    let matrix = FeatureMatrix::at(&timelines, &plan, moment);
    let ids = matrix.customers.iter().map(|&customer| timelines.ids.get(customer).to_owned()).collect();
    let mut columns = vec![("customer_id".to_owned(), OutColumn::Text(ids))];
    for (place, feature) in plan.features.iter().enumerate() {
        // A feature may be an attribute, and a company may call one as we call the id.
        let name = if feature.name == "customer_id" { "customer_id_2".to_owned() } else { feature.name.clone() };
        columns.push((name, out_column(&feature.kind, matrix.column(place))));
    }
    write_table(&args.out, columns)?;
    let (customers, features) = (matrix.customers.len(), plan.width());
    if project.json {
        let as_of = moment.to_string();
        return project.print_json(&serde_json::json!({
            "customers": customers, "features": features, "as_of": as_of, "out": args.out,
        }));
    }
    println!("{features} features of {customers} customers as known before {moment}; see {}", args.out.display());
    Ok(())
}

/// Numbers as they are, categories as texts; what is unknown is empty.
fn out_column(kind: &FeatureKind, values: impl Iterator<Item = f64>) -> OutColumn {
    let FeatureKind::Category { levels } = kind else { return OutColumn::Number(values.collect()) };
    let texts = levels.iter().cloned().chain([RARE.to_owned()]).collect();
    let code = |value: f64| if value.is_nan() { u32::MAX } else { value as u32 };
    OutColumn::Coded(Arc::new(texts), values.map(code).collect())
}
