//! BG/BB: customers who buy or do not at each of a row of opportunities, and may drop out before any of them.

use serde::{Deserialize, Serialize};

use super::pareto_nbd::Dropout;
use super::purchases::PurchaseHistory;
use crate::quantities::Positive;
use crate::special::{log_gamma_ratio, log_one_plus_exp};

/// What is left of a purchase by discounting and dropout when no further opportunity counts.
const NEGLIGIBLE: f64 = 1e-17;

/// More opportunities than anybody is asked to look ahead.
const MOST_OPPORTUNITIES: f64 = 1e6;

/// A fitted BG/BB model.
///
/// At each opportunity a living customer buys with a probability p that has a Beta(α, β) distribution across customers;
/// before each the customer drops out with a probability θ that has a Beta(γ, δ) distribution. The time unit is one
/// opportunity: a history's numbers are whole.
///
/// Source: Fader, Hardie and Shang (2010), Customer-base analysis in a discrete-time noncontractual setting, Marketing
/// Science 29 (6).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BgBb {
    /// α: first shape of the purchase probability; α / (α + β) is its mean.
    pub alpha: Positive,
    /// β: second shape of the purchase probability.
    pub beta: Positive,
    /// γ: first shape of the dropout probability; γ / (γ + δ) is its mean.
    pub gamma: Positive,
    /// δ: second shape of the dropout probability.
    pub delta: Positive,
}

impl BgBb {
    /// The log-odds that the customer dropped out between the last purchase and the last opportunity.
    ///
    /// The terms of the sum in equation (7) over its first, from the latest dropout to the earliest: each is the one
    /// before times a ratio of a few additions, so that no beta function is needed.
    #[must_use]
    pub fn dropout(&self, history: PurchaseHistory) -> Dropout {
        const TOO_LARGE: f64 = 1e250;
        let [alpha, beta, gamma, delta] = [self.alpha, self.beta, self.gamma, self.delta].map(Positive::get);
        let PurchaseHistory { repeat_purchases: x, last_purchase, observed: n } = history;
        if last_purchase >= n {
            return Dropout { log_odds: f64::NEG_INFINITY, slopes: [0.0; 4] };
        }
        let mut lived = n - 1.0;
        let mut term = (alpha + beta + lived) / (beta + lived - x) * gamma / (delta + lived);
        let by_alpha = 1.0 / (alpha + beta + lived);
        let mut slopes = [by_alpha, by_alpha - 1.0 / (beta + lived - x), 1.0 / gamma, -1.0 / (delta + lived)];
        let (mut total, mut log_scale) = (term, 0.0);
        let mut weighted = slopes.map(|slope| slope * term);
        while lived > last_purchase {
            let (both, either) = (1.0 / (alpha + beta + lived - 1.0), 1.0 / (gamma + delta + lived));
            lived -= 1.0;
            term *= (gamma + delta + lived + 1.0) / (both * (beta + lived - x) * (delta + lived));
            slopes[0] += both;
            slopes[1] += both - 1.0 / (beta + lived - x);
            slopes[2] += either;
            slopes[3] += either - 1.0 / (delta + lived);
            total += term;
            for (sum, slope) in weighted.iter_mut().zip(slopes) {
                *sum += slope * term;
            }
            if total > TOO_LARGE {
                total /= TOO_LARGE;
                term /= TOO_LARGE;
                weighted = weighted.map(|sum| sum / TOO_LARGE);
                log_scale += TOO_LARGE.ln();
            }
        }
        Dropout { log_odds: total.ln() + log_scale, slopes: weighted.map(|sum| sum / total) }
    }

    /// Equation (7) of the paper.
    pub(super) fn log_likelihood(&self, history: PurchaseHistory) -> f64 {
        let [alpha, beta, gamma, delta] = [self.alpha, self.beta, self.gamma, self.delta].map(Positive::get);
        let PurchaseHistory { repeat_purchases: x, observed: n, .. } = history;
        let bought = log_gamma_ratio(alpha, x) + log_gamma_ratio(beta, n - x) - log_gamma_ratio(alpha + beta, n);
        let survived = log_gamma_ratio(delta, n) - log_gamma_ratio(gamma + delta, n);
        bought + survived + log_one_plus_exp(self.dropout(history).log_odds)
    }

    /// The purchases of a living customer between two opportunities after the last, at a force of interest.
    ///
    /// A part of an opportunity at either end counts in proportion.
    pub(super) fn purchases_if_alive(&self, history: PurchaseHistory, from: f64, until: f64, force: f64) -> f64 {
        let [alpha, beta, gamma, delta] = [self.alpha, self.beta, self.gamma, self.delta].map(Positive::get);
        let PurchaseHistory { repeat_purchases: x, observed: n, .. } = history;
        let purchase = (alpha + x) / (alpha + beta + n);
        let (mut sum, mut alive, mut opportunity) = (0.0, 1.0, 0.0);
        while opportunity < until.min(MOST_OPPORTUNITIES) {
            alive *= (delta + n + opportunity) / (gamma + delta + n + opportunity);
            opportunity += 1.0;
            let part = (opportunity.min(until) - (opportunity - 1.0).max(from)).clamp(0.0, 1.0);
            let present = alive * (-force * opportunity).exp();
            sum += part * present;
            if present < NEGLIGIBLE * sum {
                break;
            }
        }
        purchase * sum
    }

    /// The probability that a living customer is alive after so many more opportunities; a part of one does not count.
    pub(super) fn survival(&self, history: PurchaseHistory, ahead: f64) -> f64 {
        let lived = self.delta.get() + history.observed;
        (log_gamma_ratio(lived, ahead.floor()) - log_gamma_ratio(self.gamma.get() + lived, ahead.floor())).exp()
    }
}
