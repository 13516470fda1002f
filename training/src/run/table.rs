//! Trains on a customer table: one row a customer with a target column.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tend_models::artifact::{ChurnDefinition, ChurnModel, Model, Offer, UpsellModel};
use tend_models::features::{Feature, FeaturePlan, Measure};
use tend_models::predict::FeatureKind;
use tend_models::scorecard::Task;

use super::project::importance;
use super::{Figures, TrainError, Trained};
use crate::champion::{contest, forecasts};
use crate::evaluate::{ClassifierCurves, ClassifierFigures};
use crate::samples::{Samples, all_rows, cross_validation};
use crate::tables::{Cell, TableError, TableFile, TextFormat};

/// Tables with more rows than this are tested on one fold, as cross-validation then gains little.
const MOST_CROSS_VALIDATED_ROWS: usize = 20_000;
const DEFAULT_FOLDS: usize = 5;

/// What to train on a customer table.
#[derive(Debug, Clone)]
pub struct TableRun {
    /// Churn or upsell.
    pub task: Task,
    /// The table.
    pub file: PathBuf,
    /// The column with the customers' ids; not a feature.
    pub id: Option<String>,
    /// The column with the answer.
    pub target: String,
    /// The target's positive value; without it yes, true or 1.
    pub positive: Option<String>,
    /// Columns that are no features.
    pub exclude: Vec<String>,
    /// Folds of the cross-validation; without it five, or one test fold on a large table.
    pub folds: Option<usize>,
    /// The seed of every random choice.
    pub seed: u64,
}

/// Rows of a customer table as a plan's features, with the customers' ids.
#[derive(Debug, Clone)]
pub struct CustomerTable {
    /// One a row; the row's number where the table has no ids.
    pub ids: Vec<String>,
    /// (rows, features), row-major.
    pub rows: Vec<f64>,
}

/// Fits, compares and tests on a customer table.
///
/// # Errors
/// [`TrainError`] if the table cannot be read, lacks a column, or its target has not two values.
pub fn train_table(run: &TableRun) -> Result<Trained, TrainError> {
    let file = TableFile::open(&run.file)?;
    for column in run.id.iter().chain([&run.target]).chain(&run.exclude) {
        file.require(column)?;
    }
    let (plan, left_out) = plan_for(&file, run)?;
    let table = read_customer_table(&run.file, &plan, run.id.as_deref())?;
    let mut samples = Samples::new(plan);
    samples.labels = read_target(&file, run)?;
    samples.rows = table.rows;

    let folds = run.folds.unwrap_or(DEFAULT_FOLDS).max(2);
    let mut splits = cross_validation(&samples.labels, folds, run.seed);
    if run.folds.is_none() && samples.len() > MOST_CROSS_VALIDATED_ROWS {
        splits.truncate(1);
    }
    let (mut held_out, mut happened) = (Vec::new(), Vec::new());
    for split in &splits {
        let champion = contest(&samples, split, run.seed)?.champion;
        held_out.extend(forecasts(&champion, &samples, &split.test));
        happened.extend(split.test.iter().map(|&place| samples.labels[place]));
    }
    let last = contest(&samples, &all_rows(&samples.labels, run.seed), run.seed)?;

    let mut figures = Figures::new(run.task, last.champion.family_name());
    figures.held_out = Some(ClassifierFigures::of(&held_out, &happened)?);
    figures.folds = (splits.len() > 1).then_some(splits.len());
    figures.candidates = last.candidates;
    figures.left_out = left_out;
    figures.importance = importance(&last.champion, &samples, &splits[0].test, run.seed)?;
    let (plan, rows) = (samples.plan.clone(), samples.len());
    let model = match run.task {
        Task::Churn => Model::Churn(ChurnModel {
            plan,
            classifier: last.champion,
            definition: ChurnDefinition::TargetColumn,
            horizon_days: 0,
        }),
        Task::Upsell => Model::Upsell(UpsellModel {
            plan,
            offer: Offer::TargetColumn,
            products: vec![(run.target.clone(), last.champion)],
            horizon_days: 0,
        }),
        Task::Clv | Task::Segments => {
            return Err(TrainError::Data(format!(
                "{} cannot be trained from a customer table; expected --task churn or upsell",
                run.task
            )));
        }
    };
    let curves = ClassifierCurves::of(&held_out, &happened)?;
    Ok(Trained { curves: Some(curves), ..Trained::new(model, figures, None, rows, run.seed) })
}

/// Every column but id, target and excluded ones; texts that nearly all differ are left out and named.
fn plan_for(file: &TableFile, run: &TableRun) -> Result<(FeaturePlan, Vec<String>), TrainError> {
    let format = TextFormat::default();
    let is_feature =
        |column: &&String| run.id.as_ref() != Some(column) && run.target != **column && !run.exclude.contains(column);
    let columns: Vec<String> = file.columns().iter().filter(is_feature).cloned().collect();
    let mut numeric = vec![true; columns.len()];
    let mut levels = vec![BTreeSet::new(); columns.len()];
    let mut rows = 0;
    file.read(&columns, |batch| {
        rows += batch.len();
        for (place, column) in columns.iter().enumerate() {
            let texts = batch.texts(column)?;
            let is_empty = (0..texts.len()).all(|row| texts.get(row).is_none());
            numeric[place] &= is_empty || batch.is_numeric(column, &format)?;
            levels[place].extend((0..texts.len()).filter_map(|row| texts.get(row)).map(str::to_owned));
        }
        Ok::<(), TableError>(())
    })?;
    let (mut plan, mut left_out) = (FeaturePlan::default(), Vec::new());
    for ((column, numeric), levels) in columns.into_iter().zip(numeric).zip(levels) {
        if !numeric && levels.len() > 50 && levels.len() * 2 > rows {
            left_out.push(format!("{column}: {} different texts in {rows} rows, like an id", levels.len()));
            continue;
        }
        let kind =
            if numeric { FeatureKind::Number } else { FeatureKind::Category { levels: levels.into_iter().collect() } };
        let (label, measure) = (column.replace('_', " "), Measure::Column(column.clone()));
        plan.features.push(Feature { name: column, label, kind, measure });
    }
    if plan.width() == 0 {
        return Err(TrainError::Data(format!("{}: found no column to learn from", run.file.display())));
    }
    Ok((plan, left_out))
}

/// Reads a table as a plan's features.
///
/// # Errors
/// [`TrainError`] if the table cannot be read, lacks a column, or holds a text where the plan has a number.
pub fn read_customer_table(path: &Path, plan: &FeaturePlan, id: Option<&str>) -> Result<CustomerTable, TrainError> {
    let file = TableFile::open(path)?;
    let format = TextFormat::default();
    let mut columns: Vec<String> = Vec::new();
    for feature in &plan.features {
        let Measure::Column(column) = &feature.measure else {
            return Err(TrainError::Data(format!(
                "the model reads histories (`{}`), not customer tables; score with a project instead of --table",
                feature.name
            )));
        };
        columns.push(column.clone());
    }
    let wanted =
        [columns.clone(), id.map(str::to_owned).filter(|id| !columns.contains(id)).into_iter().collect()].concat();
    let mut table = CustomerTable { ids: Vec::new(), rows: Vec::new() };
    file.read(&wanted, |batch| {
        let start = table.rows.len();
        table.rows.resize(start + batch.len() * plan.width(), f64::NAN);
        for (place, (feature, column)) in plan.features.iter().zip(&columns).enumerate() {
            let mut set = |row: usize, value: f64| table.rows[start + row * plan.width() + place] = value;
            match &feature.kind {
                FeatureKind::Number => {
                    for (row, cell) in batch.numbers(column, &format)?.into_iter().enumerate() {
                        match cell {
                            Cell::Value(value) => set(row, value),
                            Cell::Empty => {}
                            Cell::Unclear(text) => {
                                return Err(TrainError::Data(format!(
                                    "{} row {}: `{column}` is {text:?}, which is not a number; write a number or leave it empty",
                                    path.display(),
                                    batch.row_number(row)
                                )));
                            }
                        }
                    }
                }
                FeatureKind::Category { levels } => {
                    let texts = batch.texts(column)?;
                    let level = |text: &str| {
                        levels.binary_search_by(|one| one.as_str().cmp(text)).unwrap_or(levels.len()) as f64
                    };
                    for row in 0..batch.len() {
                        if let Some(text) = texts.get(row) {
                            set(row, level(text));
                        }
                    }
                }
            }
        }
        let ids = id.map(|id| batch.texts(id)).transpose()?;
        table.ids.extend((0..batch.len()).map(|row| {
            let id = ids.as_ref().and_then(|ids| ids.get(row));
            id.map_or_else(|| batch.row_number(row).to_string(), str::to_owned)
        }));
        Ok::<(), TrainError>(())
    })?;
    Ok(table)
}

fn read_target(file: &TableFile, run: &TableRun) -> Result<Vec<bool>, TrainError> {
    let mut values: Vec<String> = Vec::new();
    file.read(std::slice::from_ref(&run.target), |batch| {
        let texts = batch.texts(&run.target)?;
        for row in 0..batch.len() {
            let text = texts.get(row).ok_or_else(|| {
                TrainError::Data(format!(
                    "{} row {}: target `{}` is empty; expected a value in every row",
                    run.file.display(),
                    batch.row_number(row),
                    run.target
                ))
            })?;
            values.push(text.to_owned());
        }
        Ok::<(), TrainError>(())
    })?;
    let distinct: BTreeSet<&str> = values.iter().map(String::as_str).collect();
    let positive = match &run.positive {
        Some(positive) if distinct.contains(positive.as_str()) => positive.clone(),
        Some(positive) => {
            return Err(TrainError::Data(format!(
                "`{}` never is {positive:?}; it has {}; name one of them with --positive",
                run.target,
                shown(&distinct)
            )));
        }
        None => distinct
            .iter()
            .find(|value| matches!(value.to_ascii_lowercase().as_str(), "yes" | "true" | "1" | "y" | "t"))
            .map(|value| (*value).to_owned())
            .ok_or_else(|| {
                TrainError::Data(format!(
                    "`{}` has {}; name the value that counts as positive with --positive",
                    run.target,
                    shown(&distinct)
                ))
            })?,
    };
    if distinct.len() < 2 {
        return Err(TrainError::Data(format!(
            "`{}` has one value only, {}; expected two",
            run.target,
            shown(&distinct)
        )));
    }
    Ok(values.iter().map(|value| *value == positive).collect())
}

fn shown(values: &BTreeSet<&str>) -> String {
    let first: Vec<String> = values.iter().take(10).map(|value| format!("{value:?}")).collect();
    let more = if values.len() > 10 { format!(" and {} more", values.len() - 10) } else { String::new() };
    format!("{}{more}", first.join(", "))
}
