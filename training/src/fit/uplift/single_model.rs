//! S-learner: one regression of the outcome that has the treatment for a feature.

use tend_models::families::uplift::LearnedEffect;
use tend_models::predict::FeatureKind;

use super::{Base, ExperimentRows};
use crate::fit::table::{FitError, TrainingRows};

/// Source: Künzel, Sekhon, Bickel and Yu (2019).
pub(super) fn fit(base: Base, experiment: &ExperimentRows<'_>, seed: u64) -> Result<LearnedEffect, FitError> {
    let rows = &experiment.rows;
    let mut values = Vec::with_capacity(rows.rows.len() + rows.len());
    for (row, &treated) in experiment.treated.iter().enumerate() {
        values.extend_from_slice(rows.row(row));
        values.push(f64::from(treated));
    }
    let kinds = [rows.kinds, &[FeatureKind::Number]].concat();
    let names = [rows.names, &["treated".to_owned()]].concat();
    let longer = TrainingRows { rows: &values, kinds: &kinds, labels: &[], names: &names };
    base.fit(&longer, experiment.outcomes, seed).map(LearnedEffect::switched)
}
