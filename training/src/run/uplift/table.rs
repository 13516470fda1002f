//! Uplift of an experiment table: one row a customer, with who was treated and what happened.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tend_models::scorecard::EffectOutcome;

use super::after_treatment::after_treatment;
use super::trained;
use super::trial::{CANDIDATES, Judging, Trial};
use crate::evaluate::auc;
use crate::run::project::leave_out_leaks;
use crate::run::table::plan_for;
use crate::run::target::{Answers, Target};
use crate::run::{TrainError, Trained, read_customer_table};
use crate::samples::Samples;
use crate::tables::{Cell, TableFile, TextFormat};

const DEFAULT_FOLDS: usize = 5;
/// Values of a treatment column that stand for no treatment, where nobody says which does.
const NOT_TREATED: [&str; 8] = ["0", "no", "false", "n", "f", "control", "none", "holdout"];

/// What to learn from an experiment table.
#[derive(Debug, Clone)]
pub struct ExperimentTable {
    /// The table.
    pub file: PathBuf,
    /// The column with the customers' ids; not a feature.
    pub id: Option<String>,
    /// The column that says how each customer was treated; every value but that of controls is an action.
    pub treatment: String,
    /// Its value for controls; without it 0, no, control or the like.
    pub control: Option<String>,
    /// The column with what happened: yes or no, or an amount.
    pub outcome: String,
    /// The positive value of the outcome, if it is neither yes, true nor 1.
    pub positive: Option<String>,
    /// The column with each customer's chance of being treated, if it was logged.
    pub propensity: Option<String>,
    /// Columns that are no features.
    pub exclude: Vec<String>,
    /// Features that are kept although they look as if known only afterwards.
    pub keep: Vec<String>,
    /// Folds of the cross-fitting; without it five.
    pub folds: Option<usize>,
    /// Money that one unit of the outcome is worth.
    pub worth: f64,
    /// Money that one treatment costs.
    pub cost: f64,
    /// The seed of every random choice.
    pub seed: u64,
}

/// Learns what each treatment changes against the controls.
///
/// # Errors
/// [`TrainError`] if the table cannot be read, lacks a column or a group, or treated and controls cannot be compared.
pub fn train_experiment(run: &ExperimentTable) -> Result<Trained, TrainError> {
    let file = TableFile::open(&run.file)?;
    let columns = [&run.treatment, &run.outcome].into_iter().chain(&run.id).chain(&run.propensity).chain(&run.exclude);
    let columns: Vec<&String> = columns.collect();
    columns.iter().try_for_each(|column| file.require(column))?;
    let treatments = texts(&file, &run.treatment)?;
    let control = run.control(&treatments)?;
    let (outcome, outcomes) = run.outcomes(&file)?;
    let logged = run.propensity.as_ref().map(|column| numbers(&file, column)).transpose()?;
    let (plan, mut left_out) = plan_for(&file, &columns)?;
    let mut samples = Samples::new(plan);
    samples.rows = read_customer_table(&run.file, &samples.plan, run.id.as_deref())?.rows;
    samples.labels = outcomes.iter().map(|&outcome| outcome > 0.0).collect();
    let actions: BTreeSet<&String> = treatments.iter().filter(|value| **value != control).collect();
    if logged.is_some() && actions.len() > 1 {
        return Err(TrainError::Data(format!(
            "{}: found {} treatments and one column of chances; expected one treatment with --propensity: leave rows of the others out, or leave --propensity out",
            run.file.display(),
            actions.len()
        )));
    }
    left_out.extend(run.leave_out(&mut samples, &treatments, &control, logged.is_some()));

    let (kinds, names) = (samples.plan.kinds(), samples.plan.names());
    let mut judged = Vec::new();
    for action in actions {
        let rows: Vec<usize> =
            (0..treatments.len()).filter(|&row| treatments[row] == *action || treatments[row] == control).collect();
        let trial = Trial {
            action: action.clone(),
            outcome,
            values: rows.iter().flat_map(|&row| samples.row(row)).copied().collect(),
            kinds: &kinds,
            names: &names,
            treated: rows.iter().map(|&row| treatments[row] != control).collect(),
            outcomes: rows.iter().map(|&row| outcomes[row]).collect(),
            customers: rows.clone(),
            logged: logged.as_ref().map(|logged| rows.iter().map(|&row| logged[row]).collect()),
        };
        let folds = run.folds.unwrap_or(DEFAULT_FOLDS).max(2);
        let judging = Judging { candidates: &CANDIDATES, folds, worth: run.worth, cost: run.cost, seed: run.seed };
        judged.push(trial.judge(judging)?);
    }
    let mut trained = trained(samples.plan, judged, 0, None, run.seed);
    trained.figures.left_out = left_out;
    Ok(trained)
}

impl ExperimentTable {
    /// The value of the treatment column that stands for controls.
    fn control(&self, treatments: &[String]) -> Result<String, TrainError> {
        let distinct: BTreeSet<&str> = treatments.iter().map(String::as_str).collect();
        let shown = || distinct.iter().take(10).map(|value| format!("{value:?}")).collect::<Vec<_>>().join(", ");
        let fault = |fault: String| {
            let (path, column) = (self.file.display(), &self.treatment);
            Err(TrainError::Data(format!("{path}: treatment `{column}` {fault}")))
        };
        if distinct.len() < 2 {
            return fault(format!("has one value only, {}; expected treated customers and controls", shown()));
        }
        let found = match &self.control {
            Some(control) => distinct.get(control.as_str()).copied(),
            None => distinct.iter().find(|value| NOT_TREATED.contains(&value.to_ascii_lowercase().as_str())).copied(),
        };
        match (found, &self.control) {
            (Some(control), _) => Ok(control.to_owned()),
            (None, Some(control)) => fault(format!("never is {control:?}; it has {}", shown())),
            (None, None) => fault(format!("has {}; name the value of those not treated with --control", shown())),
        }
    }

    /// What happened, and whether it is an answer or an amount.
    fn outcomes(&self, file: &TableFile) -> Result<(EffectOutcome, Vec<f64>), TrainError> {
        if self.positive.is_none()
            && let Ok(amounts) = numbers(file, &self.outcome)
            && amounts.iter().any(|&amount| amount != 0.0 && amount != 1.0)
        {
            return Ok((EffectOutcome::Amount, amounts));
        }
        let target = Target { column: self.outcome.clone(), positive: self.positive.clone() };
        let answers = target.read(file, Answers::Both)?.happened;
        Ok((EffectOutcome::Answer, answers.into_iter().map(f64::from).collect()))
    }

    /// Leaves out features that were known only after the treatment, but for those to keep; says which and why.
    fn leave_out(&self, samples: &mut Samples, treatments: &[String], control: &str, is_logged: bool) -> Vec<String> {
        let everywhere: Vec<usize> = (0..samples.len()).collect();
        let mut told = leave_out_leaks(samples, &everywhere, &self.keep);
        let treated: Vec<bool> = treatments.iter().map(|value| value != control).collect();
        let is_by_lot = !is_logged && self.looks_drawn_by_lot(samples, &treated);
        let found = after_treatment(&samples.plan, &samples.rows, &treated, &samples.labels, is_by_lot);
        let keep = |place: usize| self.keep.contains(&samples.plan.features[place].name);
        let found: Vec<(usize, String)> = found.into_iter().filter(|(place, _)| !keep(*place)).collect();
        if found.len() < samples.plan.width() {
            samples.leave_out(&found.iter().map(|(place, _)| *place).collect::<Vec<_>>());
            told.extend(found.into_iter().map(|(_, why)| why));
        }
        told
    }

    /// Whether most features alone say nothing of who was treated: a few that do are then of after the treatment.
    fn looks_drawn_by_lot(&self, samples: &Samples, treated: &[bool]) -> bool {
        let silent = |place: &usize| {
            let known: Vec<usize> = (0..samples.len()).filter(|&row| !samples.row(row)[*place].is_nan()).collect();
            let values: Vec<f64> = known.iter().map(|&row| samples.row(row)[*place]).collect();
            let own: Vec<bool> = known.iter().map(|&row| treated[row]).collect();
            auc(&values, &own).ok().flatten().is_none_or(|auc| (auc - 0.5).abs() < 0.02)
        };
        let width = samples.plan.width();
        2 * (0..width).filter(silent).count() > width
    }
}

fn texts(file: &TableFile, column: &str) -> Result<Vec<String>, TrainError> {
    let mut values = Vec::new();
    file.read(&[column.to_owned()], |batch| {
        let texts = batch.texts(column)?;
        for row in 0..batch.len() {
            let text = texts.get(row).ok_or_else(|| empty(file.path(), batch.row_number(row), column))?;
            values.push(text.to_owned());
        }
        Ok::<(), TrainError>(())
    })?;
    Ok(values)
}

fn numbers(file: &TableFile, column: &str) -> Result<Vec<f64>, TrainError> {
    let mut values = Vec::new();
    file.read(&[column.to_owned()], |batch| {
        for (row, cell) in batch.numbers(column, &TextFormat::default())?.into_iter().enumerate() {
            match cell {
                Cell::Value(value) => values.push(value),
                Cell::Empty => return Err(empty(file.path(), batch.row_number(row), column)),
                Cell::Unclear(text) => {
                    return Err(TrainError::Data(format!(
                        "{} row {}: `{column}` is {text:?}, which is not a number; write a number",
                        file.path().display(),
                        batch.row_number(row)
                    )));
                }
            }
        }
        Ok::<(), TrainError>(())
    })?;
    Ok(values)
}

fn empty(path: &Path, row: usize, column: &str) -> TrainError {
    TrainError::Data(format!("{} row {row}: `{column}` is empty; expected a value in every row", path.display()))
}
