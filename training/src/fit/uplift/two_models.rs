//! T-learner: the outcome expected with the treatment less that expected without it.

use tend_models::families::uplift::LearnedEffect;

use super::Outcomes;

/// The models of both groups are there already. Source: Künzel, Sekhon, Bickel and Yu (2019).
pub(super) fn fit(expected: &Outcomes) -> LearnedEffect {
    LearnedEffect::sum(vec![(1.0, expected.with.clone()), (-1.0, expected.without.clone())])
}
