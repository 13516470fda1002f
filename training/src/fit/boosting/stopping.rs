//! How many trees: as many as lower the log loss of rows that none was grown on.

use rayon::prelude::*;
use tend_models::families::boosted::Boosted;

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
        held_out.check_labels()?;
        if held_out.kinds != rows.kinds {
            let (found, expected) = (held_out.width(), rows.width());
            return Err(FitError::Shape { what: "held-out features of the same kinds", found, expected });
        }
        if patience == 0 {
            return Err(FitError::Parameter { name: "patience", found: "0".into(), expected: "1 or more" });
        }
        let mut log_odds = Vec::new();
        let (mut best_loss, mut best_trees, mut since) = (f64::INFINITY, 0, 0);
        let mut boosted = self.boost(rows, None, |boosted| {
            let trees = boosted.roots.len();
            let loss = match trees.checked_sub(1) {
                None => {
                    log_odds = vec![boosted.base; held_out.len()];
                    step(&mut log_odds, held_out, |_| 0.0)
                }
                Some(tree) => step(&mut log_odds, held_out, |row| boosted.tree_value(tree, row)),
            };
            since += 1;
            if loss < best_loss {
                (best_loss, best_trees, since) = (loss, trees, 0);
            }
            since < patience
        })?;
        boosted.truncate(best_trees);
        Ok((boosted, best_trees))
    }
}

/// Adds a step to the log-odds of some rows and returns their mean log loss. Sums are by chunk, so that threads do not
/// change them.
fn step(log_odds: &mut [f64], rows: &TrainingRows, value: impl Fn(&[f64]) -> f64 + Sync) -> f64 {
    let chunks: Vec<f64> = log_odds
        .par_chunks_mut(ROWS_AT_ONCE)
        .enumerate()
        .map(|(chunk, log_odds)| {
            let each = (chunk * ROWS_AT_ONCE..).zip(log_odds).map(|(row, log_odds)| {
                *log_odds += value(rows.row(row));
                let away = if rows.labels[row] { -*log_odds } else { *log_odds };
                // In this form no exponential overflows.
                away.max(0.0) + (-away.abs()).exp().ln_1p()
            });
            each.sum::<f64>()
        })
        .collect();
    chunks.iter().sum::<f64>() / rows.len() as f64
}
