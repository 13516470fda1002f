//! Beta discrete Weibull: a shifted beta-geometric whose customers tire of the contract, or grow into it, with its age.

use serde::{Deserialize, Serialize};

use crate::quantities::Positive;
use crate::special::log_gamma_ratio;

/// No power of a decision number goes beyond e to this: just short of overflow, where nobody is left anyway.
const LONGEST_LOG_AGE: f64 = 700.0;

/// A fitted beta discrete Weibull model.
///
/// A customer is still there after t decisions with probability (1 − θ)^(t^c), where θ has a Beta(α, β) distribution across
/// customers. With c = 1 this is the shifted beta-geometric; above 1 a customer's own risk of leaving grows with the age
/// of the contract, below 1 it falls. Decisions are counted as there.
///
/// Source: Fader, Hardie, Liu, Davin and Steenburgh (2018), "How to project customer retention" revisited: the role of
/// duration dependence, Journal of Interactive Marketing 43.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BetaDiscreteWeibull {
    /// α: first shape of the probability to leave at the first decision; α / (α + β) is its mean.
    pub alpha: Positive,
    /// β: second shape.
    pub beta: Positive,
    /// c: how the age of the contract counts.
    pub c: Positive,
}

impl BetaDiscreteWeibull {
    /// The logarithm of the share of a cohort that is left after so many decisions.
    #[must_use]
    pub fn log_survival(&self, decisions: f64) -> f64 {
        if decisions <= 0.0 { 0.0 } else { self.log_ratio(0.0, self.age(decisions)) }
    }

    /// The logarithm of the probability that a customer who is asked at decision t ≥ 1 stays.
    #[must_use]
    pub fn log_staying(&self, decision: f64) -> f64 {
        self.log_ratio(self.age(decision - 1.0), self.age(decision))
    }

    /// The logarithm of the probability that a customer who is asked at decision t ≥ 1 leaves.
    #[must_use]
    pub fn log_leaving(&self, decision: f64) -> f64 {
        (-self.log_staying(decision).exp_m1()).ln()
    }

    /// t^c: the age of the contract after t decisions, as the customer's risk has it.
    #[must_use]
    pub fn age(&self, decisions: f64) -> f64 {
        if decisions <= 0.0 { 0.0 } else { (self.c.get() * decisions.ln()).min(LONGEST_LOG_AGE).exp() }
    }

    /// ln B(α, β + end) − ln B(α, β + start), below 0.
    fn log_ratio(&self, start: f64, end: f64) -> f64 {
        let (alpha, base, step) = (self.alpha.get(), self.beta.get() + start, end - start);
        // Both forms are exact; the smaller step loses fewer digits.
        let ratio = if step <= alpha {
            log_gamma_ratio(base, step) - log_gamma_ratio(alpha + base, step)
        } else {
            log_gamma_ratio(base, alpha) - log_gamma_ratio(base + step, alpha)
        };
        // ψ(x + α) − ψ(x) ≥ ln(1 + α / x), which bounds the ratio where rounding is all that is left of it; and at the
        // end of the scale, where ages no longer differ, it stays below 0.
        ratio.min(-step * (alpha / (base + step)).ln_1p()).min(-f64::MIN_POSITIVE)
    }
}
