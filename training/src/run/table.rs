//! Trains on a customer table: one row a customer with a target column.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use tend_models::artifact::{ChurnDefinition, ChurnModel, Model, Offer, UpsellModel};
use tend_models::features::{Feature, FeaturePlan, Measure};
use tend_models::predict::FeatureKind;
use tend_models::scorecard::Task;

use super::project::{importance, leave_out_leaks};
use super::{Figures, TrainError, Trained};
use crate::champion::{Effort, contest, forecasts};
use crate::evaluate::{ClassifierCurves, ClassifierFigures};
use crate::ingest::Reason;
use crate::samples::{Samples, all_rows, cross_validation};
use crate::tables::{Batch, Cell, TableError, TableFile, TextFormat};

/// Tables with more rows than this are tested on one fold, as cross-validation then gains little.
const MOST_CROSS_VALIDATED_ROWS: usize = 20_000;
const DEFAULT_FOLDS: usize = 5;
/// A column with at least this share of numbers is meant as numbers: the rest are mistakes to be mended.
const MEANT_AS_NUMBERS: f64 = 0.9;

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
    /// Features that are kept although they tell the target almost alone.
    pub keep: Vec<String>,
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
    if matches!(run.task, Task::Clv | Task::Segments) {
        return Err(TrainError::Data(format!(
            "{} cannot be trained from a customer table; expected --task churn or upsell",
            run.task
        )));
    }
    let file = TableFile::open(&run.file)?;
    for column in run.id.iter().chain([&run.target]).chain(&run.exclude) {
        file.require(column)?;
    }
    let (plan, mut left_out) = plan_for(&file, run)?;
    let table = read_customer_table(&run.file, &plan, run.id.as_deref())?;
    let mut samples = Samples::new(plan);
    samples.labels = read_target(&file, run)?;
    samples.rows = table.rows;
    let all: Vec<usize> = (0..samples.len()).collect();
    left_out.extend(leave_out_leaks(&mut samples, &all, &run.keep));

    let folds = run.folds.unwrap_or(DEFAULT_FOLDS).max(2);
    let mut splits = cross_validation(&samples.labels, folds, run.seed);
    if run.folds.is_none() && samples.len() > MOST_CROSS_VALIDATED_ROWS {
        splits.truncate(1);
    }
    let (mut held_out, mut happened) = (Vec::new(), Vec::new());
    for split in &splits {
        let champion = contest(&samples, split, Effort::Standard, run.seed)?.champion;
        held_out.extend(forecasts(&champion, &samples, &split.test));
        happened.extend(split.test.iter().map(|&place| samples.labels[place]));
    }
    let last = contest(&samples, &all_rows(&samples.labels, run.seed), Effort::Standard, run.seed)?;

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
        _ => Model::Upsell(UpsellModel {
            plan,
            offer: Offer::TargetColumn,
            products: vec![(run.target.clone(), last.champion)],
            horizon_days: 0,
        }),
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
    let mut given = vec![(0_usize, 0_usize); columns.len()];
    let mut levels = vec![BTreeSet::new(); columns.len()];
    let mut rows = 0;
    file.read(&columns, |batch| {
        rows += batch.len();
        for (place, column) in columns.iter().enumerate() {
            let texts = batch.texts(column)?;
            let (values, numbers) = count_numbers(batch, column, &format)?;
            given[place].0 += values;
            given[place].1 += numbers;
            levels[place].extend((0..texts.len()).filter_map(|row| texts.get(row)).map(str::to_owned));
        }
        Ok::<(), TableError>(())
    })?;
    let (mut plan, mut left_out) = (FeaturePlan::default(), Vec::new());
    for ((column, (values, numbers)), levels) in columns.into_iter().zip(given).zip(levels) {
        let numeric = numbers as f64 >= values as f64 * MEANT_AS_NUMBERS;
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

/// How many values of a column are given, and how many of these are numbers.
fn count_numbers(batch: &Batch, column: &str, format: &TextFormat) -> Result<(usize, usize), TableError> {
    let cells = batch.numbers(column, format)?;
    let count = |is: fn(&Cell<f64>) -> bool| cells.iter().filter(|cell| is(cell)).count();
    let numbers = count(|cell| matches!(cell, Cell::Value(_)));
    Ok((numbers + count(|cell| matches!(cell, Cell::Unclear(_))), numbers))
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
    let mut row_of_id = HashMap::new();
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
                                    "{} row {}: `{column}` is {text:?}, which is not a number; write a number, leave it empty, or leave the column out with --exclude",
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
        match id {
            Some(id) => read_ids(path, batch, id, &mut row_of_id, &mut table.ids)?,
            None => table.ids.extend((0..batch.len()).map(|row| batch.row_number(row).to_string())),
        }
        Ok::<(), TrainError>(())
    })?;
    Ok(table)
}

/// Appends the customers' ids, each of which may be there once.
fn read_ids(
    path: &Path,
    batch: &Batch,
    column: &str,
    row_of_id: &mut HashMap<String, usize>,
    ids: &mut Vec<String>,
) -> Result<(), TrainError> {
    let texts = batch.texts(column)?;
    for row in 0..batch.len() {
        let (id, number) = (texts.get(row).unwrap_or_default(), batch.row_number(row));
        let fault = if id.is_empty() {
            Reason::Empty("id")
        } else if row_of_id.insert(id.to_owned(), number).is_some() {
            Reason::Duplicate("id")
        } else {
            ids.push(id.to_owned());
            continue;
        };
        let sentence = fault.sentence(column, id, '.');
        return Err(TrainError::Data(format!("{} row {number}: {sentence}", path.display())));
    }
    Ok(())
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
    let positive = positive_value(run, &distinct)
        .map_err(|fault| TrainError::Data(format!("{}: target `{}` {fault}", run.file.display(), run.target)))?;
    Ok(values.iter().map(|value| *value == positive).collect())
}

/// The value of the target that counts as positive, or what is wrong with its values and what to do.
fn positive_value(run: &TableRun, distinct: &BTreeSet<&str>) -> Result<String, String> {
    let shown = shown(distinct);
    match (distinct.len(), &run.positive) {
        (0, _) => Err("has no rows; expected two different values".to_owned()),
        (1, _) => Err(format!("has one value only, {shown}; expected two; add rows with the other one")),
        (_, Some(positive)) if distinct.contains(positive.as_str()) => Ok(positive.clone()),
        (_, Some(positive)) => Err(format!("never is {positive:?}; it has {shown}; name one of them with --positive")),
        (2, None) => {
            let says_yes =
                |value: &&&str| matches!(value.to_ascii_lowercase().as_str(), "yes" | "true" | "1" | "y" | "t");
            let positive = distinct.iter().find(says_yes).map(|value| (*value).to_owned());
            positive.ok_or_else(|| format!("has {shown}; name the value that counts as positive with --positive"))
        }
        (count, None) => Err(format!(
            "has {count} values, {shown}; expected two; name the one that counts as positive with --positive, and the others count as negative"
        )),
    }
}

fn shown(values: &BTreeSet<&str>) -> String {
    let first: Vec<String> = values.iter().take(10).map(|value| format!("{value:?}")).collect();
    let more = if values.len() > 10 { format!(" and {} more", values.len() - 10) } else { String::new() };
    format!("{}{more}", first.join(", "))
}
