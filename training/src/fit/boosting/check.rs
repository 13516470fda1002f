//! What can be wrong with the parameters and the tables of a fit.

use tend_models::families::boosted::MOST_SET_LEVELS;

use super::BoostingParams;
use super::answers::NumberRows;
use super::gradients::MOST_ROWS;
use super::objective::Objective;
use crate::fit::table::{FitError, TrainingRows};

impl BoostingParams {
    /// Rows with labels, and an objective for them.
    pub(super) fn check_labels(&self, rows: &TrainingRows) -> Result<(), FitError> {
        rows.check_labelled()?;
        if self.objective != Objective::LogLoss {
            let expected = "log loss for labels; fit numbers with `fit_numbers`";
            return Err(FitError::Parameter { name: "objective", found: format!("{:?}", self.objective), expected });
        }
        check_size(rows)
    }

    /// Rows with numbers, and an objective for them.
    pub(super) fn check_numbers(&self, known: &NumberRows) -> Result<(), FitError> {
        known.rows.check()?;
        if self.objective == Objective::LogLoss {
            let expected = "squared error, Tweedie or a quantile for numbers; fit labels with `fit`";
            return Err(FitError::Parameter { name: "objective", found: "LogLoss".into(), expected });
        }
        known.answers().check(&known.rows, self.objective)?;
        check_size(&known.rows)
    }

    pub(super) fn check(&self) -> Result<(), FitError> {
        self.objective.check()?;
        let whole = |name, found: usize, least: usize, expected| {
            if found >= least { Ok(()) } else { Err(FitError::Parameter { name, found: found.to_string(), expected }) }
        };
        whole("trees", self.trees, 1, "1 or more")?;
        whole("max_leaves", self.max_leaves, 2, "2 or more")?;
        whole("max_depth", self.max_depth.unwrap_or(1), 1, "1 or more")?;
        whole("min_leaf_rows", self.min_leaf_rows, 1, "1 or more")?;
        let number = |name, found: f64, fits: bool, expected| {
            if fits { Ok(()) } else { Err(FitError::Parameter { name, found: found.to_string(), expected }) }
        };
        for (name, found) in [
            ("learning_rate", self.learning_rate),
            ("row_share", self.row_share),
            ("feature_share", self.feature_share),
        ] {
            number(name, found, found > 0.0 && found <= 1.0, "a number above 0 and up to 1")?;
        }
        for (name, found) in [
            ("min_leaf_weight", self.min_leaf_weight),
            ("l1", self.l1),
            ("l2", self.l2),
            ("min_gain", self.min_gain),
            ("set_l2", self.set_l2),
            ("set_smoothing", self.set_smoothing),
            ("level_smoothing", self.level_smoothing),
        ] {
            number(name, found, found >= 0.0 && found.is_finite(), "a finite number, 0 or more")?;
        }
        number("max_bins", self.max_bins as f64, (2..=255).contains(&self.max_bins), "from 2 to 255")?;
        number("max_set_levels", self.max_set_levels as f64, self.max_set_levels <= MOST_SET_LEVELS, "at most 62")
    }
}

fn check_size(rows: &TrainingRows) -> Result<(), FitError> {
    let too_many = |reason| Err(FitError::Library { family: "boosting", reason });
    if rows.len() > MOST_ROWS {
        return too_many(format!("found {} rows, expected at most {MOST_ROWS}", rows.len()));
    }
    if rows.width() > usize::from(u16::MAX) {
        return too_many(format!("found {} features, expected at most {}", rows.width(), u16::MAX));
    }
    Ok(())
}
