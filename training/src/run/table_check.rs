//! Says what is wrong with a customer table before anything is learned from it.

use serde::Serialize;

use super::project::{leave_out_leaks, named_suspects};
use super::table::plan_for;
use super::target::Answers;
use super::{TableToJudge, TrainError, read_customer_table};
use crate::samples::Samples;
use crate::tables::TableFile;

/// What was found in a customer table, as `check --json` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableChecked {
    /// Rows.
    pub rows: usize,
    /// Columns that can be learned from.
    pub features: usize,
    /// The target column.
    pub target: String,
    /// Its value that counts as positive.
    pub positive: String,
    /// Rows with it.
    pub positives: usize,
    /// Columns that training leaves out, and why.
    pub left_out: Vec<String>,
    /// Columns that may be known only after the fact or be ids, and what to do.
    pub suspects: Vec<String>,
    /// Columns with the same value in every row.
    pub constant: Vec<String>,
    /// Columns with rows in which nothing is given, the emptiest first.
    pub missing: Vec<MissingShare>,
}

/// How often nothing is given in a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MissingShare {
    /// The column.
    pub column: String,
    /// Share of the rows, from 0 to 1.
    pub share: f64,
}

/// Reads a customer table as training would, but for the columns to exclude and those to keep whatever they tell.
///
/// # Errors
/// [`TrainError`] if the table cannot be read, lacks a column, or its target has not two values.
pub fn check_table(table: &TableToJudge<'_>, exclude: &[String], keep: &[String]) -> Result<TableChecked, TrainError> {
    let file = TableFile::open(table.file)?;
    let id = table.id.map(str::to_owned);
    let others: Vec<&String> = id.iter().chain([&table.target.column]).chain(exclude).collect();
    let (plan, mut left_out) = plan_for(&file, &others)?;
    let mut samples = Samples::new(plan);
    samples.rows = read_customer_table(table.file, &samples.plan, table.id)?.rows;
    let answers = table.target.read(&file, Answers::Both)?;
    samples.labels = answers.happened;
    let rows = samples.len();
    let names = samples.plan.names();
    let column = |place: usize| samples.rows.iter().skip(place).step_by(names.len()).copied();
    let is_constant = |place: &usize| {
        let first = column(*place).next();
        column(*place).all(|value| first.is_some_and(|first| first == value || first.is_nan() && value.is_nan()))
    };
    let constant = (0..names.len()).filter(is_constant).map(|place| names[place].clone()).collect();
    let share = |place: usize| column(place).filter(|value| value.is_nan()).count() as f64 / rows as f64;
    let mut missing: Vec<MissingShare> = names
        .iter()
        .enumerate()
        .map(|(place, name)| MissingShare { column: name.clone(), share: share(place) })
        .collect();
    missing.retain(|missing| missing.share > 0.0);
    missing.sort_by(|one, other| other.share.total_cmp(&one.share));
    let all: Vec<usize> = (0..rows).collect();
    left_out.extend(leave_out_leaks(&mut samples, &all, keep));
    let suspects = if samples.plan.width() == 0 { Vec::new() } else { named_suspects(&samples, &all, keep)? };
    Ok(TableChecked {
        rows,
        features: samples.plan.width(),
        target: table.target.column.clone(),
        positive: answers.positive,
        positives: samples.labels.iter().filter(|&&label| label).count(),
        left_out,
        suspects,
        constant,
        missing,
    })
}
