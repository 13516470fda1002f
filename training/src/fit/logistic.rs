//! Fits the logistic regression with linfa and turns it into our kernel.
//!
//! linfa-logistic knows an L2 penalty only: there is no L1 and so no elastic net to choose from.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::{FittedLogisticRegression, LogisticRegression};
use ndarray::{Array1, Array2};
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use tend_models::families::logistic::{Logistic, sigmoid};
use tend_models::predict::Predict;

use self::columns::{ColumnPlan, Solution};
use super::table::{FitError, TrainingRows};

pub(in crate::fit) mod columns;

/// Largest gradient a row at which a fit is done.
const CLOSE: f64 = 1e-5;
/// The same where fits are only compared.
const ROUGH: f64 = 1e-4;

/// How to fit a logistic regression.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticParams {
    /// Strengths of the L2 penalty to try, each 0 or more: the penalty is strength / 2 x the sum of squared
    /// coefficients of standardised numbers and of levels, against the log loss summed over the rows.
    /// With several, the one with the least log loss on a fifth of the rows is taken.
    pub l2: Vec<f64>,
    /// More rows than this are sampled down.
    pub max_rows: usize,
    /// The most frequent levels of a category that get a coefficient of their own; the rest share one.
    pub max_levels: usize,
    /// Draws the sample and the inner split.
    pub seed: u64,
}

impl Default for LogisticParams {
    fn default() -> Self {
        Self { l2: vec![0.3, 1.0, 10.0, 100.0], max_rows: 60_000, max_levels: 50, seed: 1 }
    }
}

impl LogisticParams {
    /// Fits on labelled rows. Numbers are standardised, heavy tails logged, unknown values and the levels of
    /// categories get coefficients of their own; columns that do not vary get none.
    ///
    /// # Errors
    /// [`FitError`] if the table or a parameter is invalid, or if the optimiser fails.
    pub fn fit(&self, rows: &TrainingRows) -> Result<Logistic, FitError> {
        rows.check_labelled()?;
        self.check()?;
        let sample = rows.sample_labelled(self.max_rows, self.seed)?;
        let plan = ColumnPlan::new(rows, &sample, self.max_levels);
        let (l2, start) = match self.l2[..] {
            [only] => (only, None),
            _ => self.best_l2(rows, &plan, &sample)?,
        };
        let solution = solve(&expand(rows, &plan, &sample), l2, CLOSE, start.as_ref())?;
        Ok(plan.kernel(rows, &sample, &solution))
    }

    fn check(&self) -> Result<(), FitError> {
        let broken = |name, found, expected| Err(FitError::Parameter { name, found, expected });
        if self.l2.is_empty() || self.l2.iter().any(|l2| !(*l2 >= 0.0 && l2.is_finite())) {
            return broken("l2", format!("{:?}", self.l2), "one or more finite numbers, each 0 or more");
        }
        if self.max_rows < 2 {
            return broken("max_rows", self.max_rows.to_string(), "2 or more");
        }
        Ok(())
    }

    /// The best strength, and its solution on most of the rows to start from.
    fn best_l2(
        &self,
        rows: &TrainingRows,
        plan: &ColumnPlan,
        sample: &[usize],
    ) -> Result<(f64, Option<Solution>), FitError> {
        // From strong to weak, each start being the solution before it: ties go to the stronger.
        let mut strengths = self.l2.clone();
        strengths.sort_by(|a, b| b.total_cmp(a));
        let held_out = held_out_fifth(sample.len(), self.seed);
        let pick = |wanted: bool| -> Vec<usize> {
            let both = sample.iter().zip(&held_out);
            both.filter(|(_, held)| **held == wanted).map(|(&row, _)| row).collect()
        };
        let (inner, outer) = (pick(false), pick(true));
        let inner_positives = inner.iter().filter(|&&row| rows.labels[row]).count();
        if inner_positives == 0 || inner_positives == inner.len() || outer.is_empty() {
            return Ok((strengths[0], None));
        }
        let expanded = expand(rows, plan, &inner);
        let mut solutions: Vec<(f64, f64, Solution)> = Vec::new();
        for l2 in strengths {
            let start = solutions.last().map(|(_, _, solution)| solution);
            let solution = solve(&expanded, l2, ROUGH, start)?;
            let model = plan.kernel(rows, &inner, &solution);
            let loss = outer.iter().map(|&row| log_loss(&model, rows, row)).sum::<f64>();
            solutions.push((loss, l2, solution));
        }
        let best = solutions.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
        let (_, l2, solution) = best.expect("at least one strength");
        Ok((l2, Some(solution)))
    }
}

fn log_loss(model: &Logistic, rows: &TrainingRows, row: usize) -> f64 {
    let log_odds = model.predict(rows.row(row));
    -sigmoid(if rows.labels[row] { log_odds } else { -log_odds }).max(f64::MIN_POSITIVE).ln()
}

fn held_out_fifth(count: usize, seed: u64) -> Vec<bool> {
    let mut held_out: Vec<bool> = (0..count).map(|position| position % 5 == 0).collect();
    held_out.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
    held_out
}

/// The expanded matrix and the labels of some rows, as linfa takes them.
type Expanded = DatasetBase<Array2<f64>, Array1<bool>>;

fn expand(rows: &TrainingRows, plan: &ColumnPlan, sample: &[usize]) -> Expanded {
    let labels = sample.iter().map(|&row| rows.labels[row]).collect::<Array1<bool>>();
    DatasetBase::new(plan.matrix(rows, sample), labels)
}

fn solve(expanded: &Expanded, l2: f64, tolerance: f64, start: Option<&Solution>) -> Result<Solution, FitError> {
    if expanded.records.ncols() == 0 {
        let positives = expanded.targets.iter().filter(|&&label| label).count() as f64;
        let negatives = expanded.targets.len() as f64 - positives;
        return Ok(Solution { coefficients: Vec::new(), intercept: (positives / negatives).ln() });
    }
    let fitted = fit_with_linfa(expanded, l2, tolerance, start)?;
    let sign = sign_of(&fitted);
    Ok(Solution {
        coefficients: fitted.params().iter().map(|coefficient| sign * coefficient).collect(),
        intercept: sign * fitted.intercept(),
    })
}

type Fitted = FittedLogisticRegression<f64, bool>;

/// The positive class of linfa is the more frequent one, not `true`.
fn sign_of(fitted: &Fitted) -> f64 {
    if fitted.labels().pos.class { 1.0 } else { -1.0 }
}

/// `tolerance` is the largest gradient a row at which the optimiser stops.
fn fit_with_linfa(expanded: &Expanded, l2: f64, tolerance: f64, start: Option<&Solution>) -> Result<Fitted, FitError> {
    let count = expanded.targets.len();
    let true_is_positive = 2 * expanded.targets.iter().filter(|&&label| label).count() > count;
    let mut reason = String::new();
    // The loss is a sum over rows, and so is its gradient. Near the optimum the line search may fail on rounding alone.
    for tolerance in [tolerance, 10.0 * tolerance, 100.0 * tolerance] {
        let mut params =
            LogisticRegression::default().alpha(l2).max_iterations(300).gradient_tolerance(tolerance * count as f64);
        if let Some(start) = start {
            let sign = if true_is_positive { 1.0 } else { -1.0 };
            let all = start.coefficients.iter().chain([&start.intercept]);
            params = params.initial_params(all.map(|number| sign * number).collect());
        }
        match params.fit(expanded) {
            Ok(fitted) if fitted.params().iter().chain([&fitted.intercept()]).all(|c| c.is_finite()) => {
                return Ok(fitted);
            }
            Ok(_) => reason = "found coefficients that are not finite".into(),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(FitError::Library { family: "logistic regression", reason })
}

#[cfg(test)]
mod tests;
