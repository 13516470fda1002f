//! DR-learner: the regression of doubly robust scores.

use tend_models::families::uplift::LearnedEffect;

use super::{Base, ExperimentRows, Outcomes};
use crate::evaluate::doubly_robust_scores;
use crate::fit::table::FitError;

/// The scores are of expected outcomes by models that had not seen the row. Source: Kennedy (2023).
pub(super) fn fit(
    base: Base,
    experiment: &ExperimentRows<'_>,
    expected: &Outcomes,
    seed: u64,
) -> Result<LearnedEffect, FitError> {
    let scores = doubly_robust_scores(
        experiment.treated,
        experiment.outcomes,
        experiment.propensities,
        [&expected.expected_with, &expected.expected_without],
    );
    Ok(LearnedEffect::sum(vec![(1.0, base.fit(&experiment.rows, &scores, seed)?)]))
}
