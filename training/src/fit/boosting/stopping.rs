//! How many trees: as many as lower the loss of rows that none was grown on.

use rayon::prelude::*;
use tend_models::families::boosted::Boosted;
use tend_models::families::boosted::response::BoostedNumber;

use super::answers::{Answers, NumberRows};
use super::{BoostingParams, ROWS_AT_ONCE};
use crate::fit::table::{FitError, TrainingRows};

impl BoostingParams {
    /// As [`fit`](Self::fit), but stops once `patience` trees in a row have not lowered the log loss of other rows,
    /// and keeps the trees up to the lowest. Returns the number of trees too, 0 if none lowers it.
    ///
    /// # Errors
    /// [`FitError`] if a table or a parameter is invalid.
    pub fn fit_stopping(
        &self,
        rows: &TrainingRows,
        held_out: &TrainingRows,
        patience: usize,
    ) -> Result<(Boosted, usize), FitError> {
        self.check_labels(rows)?;
        held_out.check_labels()?;
        let judges = Answers::labels(held_out.labels, None);
        self.boost_stopping(rows, Answers::labels(rows.labels, None), held_out, judges, patience)
    }

    /// As [`fit_numbers`](Self::fit_numbers), but stops once `patience` trees in a row have not lowered the loss of
    /// other rows, and keeps the trees up to the lowest. Returns the number of trees too, 0 if none lowers it.
    ///
    /// # Errors
    /// [`FitError`] if a table or a parameter is invalid.
    pub fn fit_numbers_stopping(
        &self,
        known: &NumberRows,
        held_out: &NumberRows,
        patience: usize,
    ) -> Result<(BoostedNumber, usize), FitError> {
        self.check_numbers(known)?;
        self.check_numbers(held_out)?;
        let (answers, judges) = (known.answers(), held_out.answers());
        let (trees, count) = self.boost_stopping(&known.rows, answers, &held_out.rows, judges, patience)?;
        Ok((BoostedNumber { trees, link: self.objective.link() }, count))
    }

    fn boost_stopping(
        &self,
        rows: &TrainingRows,
        answers: Answers,
        held_out: &TrainingRows,
        judges: Answers,
        patience: usize,
    ) -> Result<(Boosted, usize), FitError> {
        if held_out.kinds != rows.kinds {
            let (found, expected) = (held_out.width(), rows.width());
            return Err(FitError::Shape { what: "held-out features of the same kinds", found, expected });
        }
        if patience == 0 {
            return Err(FitError::Parameter { name: "patience", found: "0".into(), expected: "1 or more" });
        }
        let mut scores = Vec::new();
        let (mut best_loss, mut best_trees, mut since, mut seen) = (f64::INFINITY, 0, 0, 0);
        let mut boosted = self.boost(rows, answers, |boosted| {
            let trees = boosted.roots.len();
            since += 1;
            if scores.is_empty() {
                scores = vec![boosted.base; held_out.len()];
            } else if trees == seen {
                // A tree without a split is not in the model, and lowers no loss.
                return since < patience;
            }
            let value = |row: &[f64]| if trees > seen { boosted.tree_value(seen, row) } else { 0.0 };
            let loss = self.step(&mut scores, held_out, judges, value);
            seen = trees;
            if loss < best_loss {
                (best_loss, best_trees, since) = (loss, trees, 0);
            }
            since < patience
        })?;
        boosted.truncate(best_trees);
        Ok((boosted, best_trees))
    }

    /// Adds a step to the scores of some rows and returns the sum of their losses. Sums are by chunk, so that threads
    /// do not change them.
    fn step(
        &self,
        scores: &mut [f64],
        rows: &TrainingRows,
        judges: Answers,
        value: impl Fn(&[f64]) -> f64 + Sync,
    ) -> f64 {
        let chunks: Vec<f64> = scores
            .par_chunks_mut(ROWS_AT_ONCE)
            .enumerate()
            .map(|(chunk, scores)| {
                let each = (chunk * ROWS_AT_ONCE..).zip(scores).map(|(row, score)| {
                    *score += value(rows.row(row));
                    let (answer, weight) = judges.of(row);
                    weight * self.objective.loss(*score, answer)
                });
                each.sum::<f64>()
            })
            .collect();
        chunks.iter().sum()
    }
}
