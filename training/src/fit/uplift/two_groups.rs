//! X-learner: in each group the difference between what happened and what the other group's model expects.

use tend_models::families::uplift::LearnedEffect;

use super::{Base, ExperimentRows, Outcomes, SomeRows};
use crate::fit::table::FitError;

/// Regresses the differences in each group; the two effects are weighted by the share of the other group, so that the
/// one whose outcome model saw more rows counts more. Expected outcomes are by models that had not seen the row.
/// Source: Künzel, Sekhon, Bickel and Yu (2019).
pub(super) fn fit(
    base: Base,
    experiment: &ExperimentRows<'_>,
    expected: &Outcomes,
    seed: u64,
) -> Result<LearnedEffect, FitError> {
    let places = |wanted: bool| -> Vec<usize> {
        (0..experiment.treated.len()).filter(|&row| experiment.treated[row] == wanted).collect()
    };
    let (treated, control) = (places(true), places(false));
    let rows = &experiment.rows;
    let of_treated = SomeRows::new(rows, &treated, |row| experiment.outcomes[row] - expected.expected_without[row]);
    let of_control = SomeRows::new(rows, &control, |row| expected.expected_with[row] - experiment.outcomes[row]);
    let share = treated.len() as f64 / rows.len() as f64;
    Ok(LearnedEffect::sum(vec![
        (1.0 - share, of_treated.fit(base, rows, seed)?),
        (share, of_control.fit(base, rows, seed)?),
    ]))
}
