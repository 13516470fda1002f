//! Transformed outcome: a target whose mean is the effect, from the outcome and the chance of treatment alone.

use tend_models::families::uplift::LearnedEffect;

use super::{Base, ExperimentRows};
use crate::fit::table::FitError;

/// y (t - e) / (e (1 - e)), with e the chance of treatment. Source: Athey and Imbens (2015).
pub(super) fn fit(base: Base, experiment: &ExperimentRows<'_>, seed: u64) -> Result<LearnedEffect, FitError> {
    let target = |row: usize| {
        let (outcome, chance) = (experiment.outcomes[row], experiment.propensities[row]);
        if experiment.treated[row] { outcome / chance } else { -outcome / (1.0 - chance) }
    };
    let targets: Vec<f64> = (0..experiment.outcomes.len()).map(target).collect();
    Ok(LearnedEffect::sum(vec![(1.0, base.fit(&experiment.rows, &targets, seed)?)]))
}
