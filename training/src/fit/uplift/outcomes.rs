//! The outcomes that are expected with and without a treatment, as most learners and the scores begin with.

use tend_models::families::uplift::Regression;
use tend_models::predict::Predict;

use super::{Base, ExperimentRows, SomeRows};
use crate::fit::table::FitError;

/// Parts of the rows, each of which is foretold by models of the others.
const PARTS: usize = 3;

/// Models of the outcome in both groups, and what models that had not seen a row expect of it.
#[derive(Debug, Clone)]
pub struct Outcomes {
    /// Of the treated.
    pub with: Regression,
    /// Of controls.
    pub without: Regression,
    /// The outcome expected of each row with treatment, (n,).
    pub expected_with: Vec<f64>,
    /// The outcome expected of each row without, (n,).
    pub expected_without: Vec<f64>,
}

impl Outcomes {
    /// Fits all.
    ///
    /// # Errors
    /// [`FitError`] if the table is invalid or a group is missing from a part of the rows.
    pub fn fit(base: Base, experiment: &ExperimentRows<'_>, seed: u64) -> Result<Self, FitError> {
        let rows = &experiment.rows;
        let fit_group = |wanted: bool, left_out: Option<usize>| {
            let is_used = |row: &usize| experiment.treated[*row] == wanted && left_out != Some(row % PARTS);
            let places: Vec<usize> = (0..rows.len()).filter(is_used).collect();
            SomeRows::new(rows, &places, |row| experiment.outcomes[row]).fit(base, rows, seed)
        };
        let (mut expected_with, mut expected_without) = (vec![0.0; rows.len()], vec![0.0; rows.len()]);
        for part in 0..PARTS {
            let [with, without] = [true, false].map(|wanted| fit_group(wanted, Some(part)));
            let (with, without) = (with?, without?);
            for row in (part..rows.len()).step_by(PARTS) {
                expected_with[row] = with.predict(rows.row(row));
                expected_without[row] = without.predict(rows.row(row));
            }
        }
        Ok(Self { with: fit_group(true, None)?, without: fit_group(false, None)?, expected_with, expected_without })
    }
}
