//! Shifted beta-geometric: how many periods customers stay on a contract, each renewal a toss of the customer's own coin.

use serde::{Deserialize, Serialize};

use crate::quantities::Positive;
use crate::special::log_gamma_ratio;

/// A fitted shifted beta-geometric model.
///
/// At the end of every period a customer leaves with a probability θ that never changes; θ has a Beta(α, β) distribution
/// across customers. Those who stay are more and more the loyal ones, so that the retention rate of a cohort rises.
/// Everybody stays for the first period: lifetimes are 1, 2, ... periods. Decision t = 1, 2, ... is the one at the end of
/// period t.
///
/// Source: Fader and Hardie (2007), How to project customer retention, Journal of Interactive Marketing 21 (1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ShiftedBetaGeometric {
    /// α: first shape of the probability to leave; α / (α + β) is its mean, the share that the first decision loses.
    pub alpha: Positive,
    /// β: second shape.
    pub beta: Positive,
}

impl ShiftedBetaGeometric {
    /// The logarithm of the share of a cohort that is left after so many decisions; from equation (6) of the paper.
    #[must_use]
    pub fn log_survival(&self, decisions: f64) -> f64 {
        let (alpha, beta) = (self.alpha.get(), self.beta.get());
        // B(α, β + t) / B(α, β), in the one of its two forms that takes the smaller step.
        if decisions <= alpha {
            log_gamma_ratio(beta, decisions) - log_gamma_ratio(alpha + beta, decisions)
        } else {
            log_gamma_ratio(beta, alpha) - log_gamma_ratio(beta + decisions, alpha)
        }
    }

    /// The logarithm of the probability that a customer who is asked at decision t ≥ 1 stays; equation (8).
    #[must_use]
    pub fn log_staying(&self, decision: f64) -> f64 {
        let stays = self.beta.get() + decision - 1.0;
        -(self.alpha.get() / stays).ln_1p()
    }

    /// The logarithm of the probability that a customer who is asked at decision t ≥ 1 leaves.
    #[must_use]
    pub fn log_leaving(&self, decision: f64) -> f64 {
        let stays = self.beta.get() + decision - 1.0;
        -(stays / self.alpha.get()).ln_1p()
    }
}
