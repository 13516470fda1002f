//! Beta-geometric: how often customers renew, where some leave before the first period is over.

use serde::{Deserialize, Serialize};

use super::shifted_beta_geometric::ShiftedBetaGeometric;

/// A fitted beta-geometric model: lifetimes are 0, 1, 2, ... whole periods.
///
/// It is a shifted beta-geometric that begins one decision earlier: decision 0 is whether a customer who signed up stays
/// for the first period at all, as where a trial comes first.
///
/// Source: Fader and Hardie (2007), as for the shifted model, appendix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BetaGeometric(pub ShiftedBetaGeometric);

impl BetaGeometric {
    /// The logarithm of the share of a cohort that is left after decisions 0 to `decision`.
    #[must_use]
    pub fn log_survival(&self, decision: f64) -> f64 {
        self.0.log_survival(decision + 1.0)
    }

    /// The logarithm of the probability that a customer who is asked at decision t ≥ 0 stays.
    #[must_use]
    pub fn log_staying(&self, decision: f64) -> f64 {
        self.0.log_staying(decision + 1.0)
    }

    /// The logarithm of the probability that a customer who is asked at decision t ≥ 0 leaves.
    #[must_use]
    pub fn log_leaving(&self, decision: f64) -> f64 {
        self.0.log_leaving(decision + 1.0)
    }
}
