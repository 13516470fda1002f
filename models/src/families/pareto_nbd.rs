//! Pareto/NBD: customers who may drop out at any time.

use serde::{Deserialize, Serialize};

use super::purchases::PurchaseHistory;
use super::quadrature::{E_FOLDS, NODES_AND_WEIGHTS, nearly_largest_of_gamma, present_value};
use crate::quantities::Positive;
use crate::special::{log_gamma_ratio, log_one_plus_exp};

/// The longest interval of the logarithm of time over which the 16-point rule is exact to the last digits.
const LONGEST: f64 = 3.0;

/// A fitted Pareto/NBD model.
///
/// While alive, a customer buys at a rate λ that has a Gamma(r, α) distribution across customers, and dies at a rate μ
/// that has a Gamma(s, β) distribution. `alpha` and `beta` are in the time unit of the histories that the model was fitted
/// to, the others have none.
///
/// Source: Schmittlein, Morrison and Colombo (1987), Counting your customers, Management Science 33 (1); letters as in
/// Fader and Hardie (2005), A note on deriving the Pareto/NBD model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ParetoNbd {
    /// r: shape of the purchase rate across customers.
    pub r: Positive,
    /// α: scale of the purchase rate, in time units.
    pub alpha: Positive,
    /// s: shape of the death rate across customers.
    pub s: Positive,
    /// β: scale of the death rate, in time units.
    pub beta: Positive,
}

/// How likely a customer dropped out before the end of the observation, and how that depends on the parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// The logarithm of the odds; minus infinity if the last purchase was at the end.
    pub log_odds: f64,
    /// Its derivatives by the parameters, in the order of the model's fields.
    pub slopes: [f64; 4],
}

impl ParetoNbd {
    /// The log-odds that the customer dropped out between the last purchase and the end of the observation.
    ///
    /// The odds are s ∫ (α + τ)^−(r + x) (β + τ)^−(s + 1) dτ over \[t_x, T\], times (α + T)^(r + x) (β + T)^s. The papers
    /// give the integral as a difference of two Gaussian hypergeometric functions, which cancel for frequent buyers; the
    /// integral is of a positive, smooth function. On the scale v = ln((m + τ) / (m + t_x)), m the smaller of α and β, it is
    /// analytic for |Im v| < π, and the 16-point rule is right to the last digits over any interval of length 3 in which
    /// it falls by no more than 16 e-folds.
    #[must_use]
    pub fn dropout(&self, history: PurchaseHistory) -> Dropout {
        let [r, alpha, s, beta] = [self.r, self.alpha, self.s, self.beta].map(Positive::get);
        let PurchaseHistory { repeat_purchases, last_purchase, observed } = history;
        if last_purchase >= observed {
            return Dropout { log_odds: f64::NEG_INFINITY, slopes: [0.0; 4] };
        }
        let shape = r + repeat_purchases;
        let (alpha_then, beta_then) = (alpha + last_purchase, beta + last_purchase);
        let (alpha_end, beta_end) = (alpha + observed, beta + observed);
        let alpha_first = alpha <= beta;
        let moments = if alpha_first {
            DeathTimes { near: alpha_then, far: beta_then, near_power: shape, far_power: s + 1.0 }
        } else {
            DeathTimes { near: beta_then, far: alpha_then, near_power: s + 1.0, far_power: shape }
        }
        .integrate(observed - last_purchase);
        let (at_alpha, at_beta) = if alpha_first { (moments.near, moments.far) } else { (moments.far, moments.near) };
        let silence = observed - last_purchase;
        let log_alpha_growth = (silence / alpha_then).ln_1p();
        let log_beta_growth = (silence / beta_then).ln_1p();
        let log_odds = s.ln() + moments.log_integral - beta_then.ln() + shape * log_alpha_growth + s * log_beta_growth;
        Dropout {
            log_odds,
            slopes: [
                log_alpha_growth - at_alpha.mean_log_growth,
                shape * (1.0 / alpha_end - at_alpha.mean_shrinkage / alpha_then),
                1.0 / s + log_beta_growth - at_beta.mean_log_growth,
                s / beta_end - (s + 1.0) * at_beta.mean_shrinkage / beta_then,
            ],
        }
    }

    /// Equation (18) of Fader and Hardie (2005).
    pub(super) fn log_likelihood(&self, history: PurchaseHistory) -> f64 {
        let [r, alpha, s, beta] = [self.r, self.alpha, self.s, self.beta].map(Positive::get);
        let PurchaseHistory { repeat_purchases: x, observed, .. } = history;
        let purchases = log_gamma_ratio(r, x) - r * (observed / alpha).ln_1p() - x * (alpha + observed).ln();
        purchases - s * (observed / beta).ln_1p() + log_one_plus_exp(self.dropout(history).log_odds)
    }

    /// The purchases of a living customer between two times after the observation, at a force of interest.
    pub(super) fn purchases_if_alive(&self, history: PurchaseHistory, from: f64, until: f64, force: f64) -> f64 {
        let rate = (self.r.get() + history.repeat_purchases) / (self.alpha.get() + history.observed);
        let (s, beta) = (self.s.get(), self.beta.get() + history.observed);
        if force > 0.0 {
            let log_rate = |time: f64| rate.ln() - s * (time / beta).ln_1p();
            return present_value(log_rate, nearly_largest_of_gamma(s) / beta, force, from, until);
        }
        // The integral of (β′ / (β′ + t))^s: on a logarithmic scale of time a plain exponential, a straight line at s = 1.
        let (start, end) = ((from / beta).ln_1p(), (until / beta).ln_1p());
        let stretch = (1.0 - s) * (end - start);
        let mean = if stretch == 0.0 { 1.0 } else { stretch.exp_m1() / stretch };
        rate * beta * ((1.0 - s) * start).exp() * (end - start) * mean
    }

    /// The probability that a living customer is alive a time after the observation.
    pub(super) fn survival(&self, history: PurchaseHistory, ahead: f64) -> f64 {
        (-self.s.get() * (ahead / (self.beta.get() + history.observed)).ln_1p()).exp()
    }
}

/// The times at which a customer may have died, weighed by n^−`near_power` f^−`far_power`, where n and f grow by 1 for
/// each time unit from what they were at the last purchase.
struct DeathTimes {
    near: f64,
    far: f64,
    near_power: f64,
    far_power: f64,
}

/// What is needed of a quantity that grows with time: the mean over [`DeathTimes`] of ln(growth) and of 1 / growth.
#[derive(Clone, Copy, Default)]
struct Growth {
    mean_log_growth: f64,
    mean_shrinkage: f64,
}

/// The integral over [`DeathTimes`], relative to its integrand at the last purchase, and means over it.
struct DeathMoments {
    log_integral: f64,
    near: Growth,
    far: Growth,
}

impl DeathTimes {
    fn integrate(&self, silence: f64) -> DeathMoments {
        let ratio = self.near / self.far;
        let end = (silence / self.near).ln_1p();
        let (mut total, mut near, mut far) = (0.0, Growth::default(), Growth::default());
        let mut start = 0.0;
        while start < end {
            let share = ratio * f64::exp(start) / (1.0 - ratio + ratio * f64::exp(start));
            // At most how fast the integrand falls in an interval of this length, where the share grows e³-fold at most.
            let fastest = (1.0 - self.near_power).abs() + self.far_power * (share * 20.1).min(1.0);
            // Never so short that rounding would lose the step.
            let length = (E_FOLDS / fastest).min(LONGEST).max(1e-14 * start);
            let stop = (start + length).min(end);
            let (middle, half) = (0.5 * (start + stop), 0.5 * (stop - start));
            let at_middle = middle.exp();
            for (node, weight) in NODES_AND_WEIGHTS {
                let step = half * node;
                let up = step.exp();
                for (at, grown) in [(middle - step, at_middle / up), (middle + step, at_middle * up)] {
                    let far_grown = 1.0 - ratio + ratio * grown;
                    let log_far = far_grown.ln();
                    let weight = half * weight * ((1.0 - self.near_power) * at - self.far_power * log_far).exp();
                    total += weight;
                    near.mean_log_growth += weight * at;
                    near.mean_shrinkage += weight / grown;
                    far.mean_log_growth += weight * log_far;
                    far.mean_shrinkage += weight / far_grown;
                }
            }
            start = stop;
            let left = (1.0 - self.near_power) * start - self.far_power * (1.0 - ratio + ratio * start.exp()).ln();
            let falls_by = self.near_power - 1.0 + self.far_power * share;
            // From here on it falls at least so fast: the rest is less than the last digit.
            if falls_by > 0.0 && left.exp() < 1e-17 * total * falls_by {
                break;
            }
        }
        for growth in [&mut near, &mut far] {
            growth.mean_log_growth /= total;
            growth.mean_shrinkage /= total;
        }
        DeathMoments { log_integral: total.ln() + self.near.ln(), near, far }
    }
}
