//! Trains on a customer table: one row a customer with a target column.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use tend_models::artifact::{ChurnDefinition, ChurnModel, Model, Offer, UpsellModel};
use tend_models::families::calibration::log_odds;
use tend_models::families::classifier::Classifier;
use tend_models::features::{Feature, FeaturePlan, Measure};
use tend_models::predict::FeatureKind;
use tend_models::scorecard::Task;

use super::explained::explain;
use super::project::{leave_out_leaks, named_suspects};
use super::target::{Answers, Target};
use super::{Figures, TrainError, Trained};
use crate::calibrate::at_other_rate;
use crate::champion::{Effort, contest, forecasts};
use crate::evaluate::{Campaign, HeldOut, HeldOutParams, OutcomeWeights};
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
    pub target: Target,
    /// Columns that are no features.
    pub exclude: Vec<String>,
    /// Features that are kept although they tell the target almost alone.
    pub keep: Vec<String>,
    /// Folds of the cross-validation; without it five, or one test fold on a large table.
    pub folds: Option<usize>,
    /// A table of held-out rows that the figures are taken on, instead of folds.
    pub test: Option<PathBuf>,
    /// The real rate of positives, if the table was re-sampled to another; strictly between 0 and 1.
    pub base_rate: Option<f64>,
    /// The campaign whose profit is told of a churn model.
    pub campaign: Campaign,
    /// How much work goes into the choice of a model.
    pub effort: Effort,
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
    let others: Vec<&String> = run.id.iter().chain([&run.target.column]).chain(&run.exclude).collect();
    let (plan, mut left_out) = plan_for(&file, &others)?;
    let mut samples = Samples::new(plan);
    samples.rows = read_customer_table(&run.file, &samples.plan, run.id.as_deref())?.rows;
    let answers = run.target.read(&file, Answers::Both)?;
    samples.labels = answers.happened;
    let all: Vec<usize> = (0..samples.len()).collect();
    left_out.extend(leave_out_leaks(&mut samples, &all, &run.keep));

    let to_real_rate = |classifier: Classifier| match run.base_rate {
        Some(real) => {
            let shift = log_odds(real) - log_odds(rate(&samples.labels));
            Classifier { calibration: at_other_rate(classifier.calibration.clone(), shift), ..classifier }
        }
        None => classifier,
    };
    let last = contest(&samples, &all_rows(&samples.labels, run.seed), run.effort, run.seed)?;
    let tested = match &run.test {
        Some(test) => {
            let target = Target { positive: Some(answers.positive), ..run.target.clone() };
            test_on(test, &samples, run.id.as_deref(), &target, &to_real_rate(last.champion.clone()))?
        }
        None => cross_validated(run, &samples, to_real_rate)?,
    };
    let weights = weights(run.base_rate, &tested.happened);
    let campaign = (run.task == Task::Churn).then_some(run.campaign);
    let judging = HeldOutParams { weights, campaign, seed: run.seed };
    let held_out = HeldOut::of(&tested.forecasts, &tested.happened, judging)?;

    let mut figures = Figures::new(run.task, last.champion.family_name());
    figures.held_out = Some(held_out.figures);
    figures.detail = Some(held_out.detail);
    figures.base_rate = run.base_rate;
    figures.folds = tested.folds;
    figures.candidates = last.candidates;
    figures.tried = last.tried;
    figures.left_out = left_out;
    figures.suspects = named_suspects(&samples, &all, &run.keep)?;
    let dependences = explain(&mut figures, &last.champion, &tested.samples, &tested.places, run.seed)?;
    let (plan, rows) = (samples.plan.clone(), samples.len());
    let classifier = to_real_rate(last.champion);
    let model = model(run, plan, classifier);
    let curves = Some(held_out.curves);
    Ok(Trained { curves, dependences, ..Trained::new(model, figures, None, rows, run.seed) })
}

fn model(run: &TableRun, plan: FeaturePlan, classifier: Classifier) -> Model {
    match run.task {
        Task::Churn => {
            Model::Churn(ChurnModel { plan, classifier, definition: ChurnDefinition::TargetColumn, horizon_days: 0 })
        }
        _ => Model::Upsell(UpsellModel {
            plan,
            offer: Offer::TargetColumn,
            products: vec![(run.target.column.clone(), classifier)],
            horizon_days: 0,
        }),
    }
}

/// What tested rows count, so that figures are of the real rate; rows of one outcome alone cannot be brought to it.
fn weights(base_rate: Option<f64>, happened: &[bool]) -> OutcomeWeights {
    let has_both = happened.contains(&true) && happened.contains(&false);
    match base_rate {
        Some(real) if has_both => OutcomeWeights::to_rate(rate(happened), real),
        _ => OutcomeWeights::ONE,
    }
}

/// Forecasts of held-out rows and what happened.
struct Tested<'a> {
    forecasts: Vec<f64>,
    happened: Vec<bool>,
    /// Where the importance of features is measured.
    samples: Cow<'a, Samples>,
    places: Vec<usize>,
    folds: Option<usize>,
}

/// Tests on folds, each by the champion of the others.
fn cross_validated<'a>(
    run: &TableRun,
    samples: &'a Samples,
    to_real_rate: impl Fn(Classifier) -> Classifier,
) -> Result<Tested<'a>, TrainError> {
    let folds = run.folds.unwrap_or(DEFAULT_FOLDS).max(2);
    let mut splits = cross_validation(&samples.labels, folds, run.seed);
    if run.folds.is_none() && samples.len() > MOST_CROSS_VALIDATED_ROWS {
        splits.truncate(1);
    }
    let (mut held_out, mut happened) = (Vec::new(), Vec::new());
    for split in &splits {
        let champion = to_real_rate(contest(samples, split, run.effort, run.seed)?.champion);
        held_out.extend(forecasts(&champion, samples, &split.test));
        happened.extend(split.test.iter().map(|&place| samples.labels[place]));
    }
    let folds = (splits.len() > 1).then_some(splits.len());
    let places = std::mem::take(&mut splits[0].test);
    Ok(Tested { forecasts: held_out, happened, samples: Cow::Borrowed(samples), places, folds })
}

/// Tests on a table of its own.
fn test_on<'a>(
    file: &Path,
    trained_on: &Samples,
    id: Option<&str>,
    target: &Target,
    champion: &Classifier,
) -> Result<Tested<'a>, TrainError> {
    let mut samples = Samples::new(trained_on.plan.clone());
    samples.rows = read_customer_table(file, &samples.plan, id)?.rows;
    samples.labels = target.read(&TableFile::open(file)?, Answers::Any)?.happened;
    let places: Vec<usize> = (0..samples.len()).collect();
    let (forecasts, happened) = (forecasts(champion, &samples, &places), samples.labels.clone());
    Ok(Tested { forecasts, happened, samples: Cow::Owned(samples), places, folds: None })
}

fn rate(happened: &[bool]) -> f64 {
    happened.iter().filter(|&&happened| happened).count() as f64 / happened.len() as f64
}

/// Every column but `others`, which are id, target and excluded ones; texts that nearly all differ are left out and
/// named.
pub(super) fn plan_for(file: &TableFile, others: &[&String]) -> Result<(FeaturePlan, Vec<String>), TrainError> {
    others.iter().try_for_each(|column| file.require(column))?;
    let format = TextFormat::default();
    let columns: Vec<String> = file.columns().iter().filter(|column| !others.contains(column)).cloned().collect();
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
        return Err(TrainError::Data(format!("{}: found no column to learn from", file.path().display())));
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
