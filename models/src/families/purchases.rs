//! How often customers buy and when they stop, where nobody says that they leave: one model of any family.

use serde::{Deserialize, Serialize};

use super::bg_nbd::BgNbd;
use crate::quantities::Probability;

/// What a purchase model reads of one customer: counts of purchase days and two durations.
///
/// Durations are in the time unit that the model was fitted with. The model takes 0 ≤ `last_purchase` ≤ `observed` and a
/// whole `repeat_purchases` for granted; the fit checks them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PurchaseHistory {
    /// x: purchases after the first; several on one day are one.
    pub repeat_purchases: f64,
    /// t_x: time from the first to the last purchase; 0 without a repeat purchase.
    pub last_purchase: f64,
    /// T: time from the first purchase to the end of the observation.
    pub observed: f64,
}

impl PurchaseHistory {
    /// A customer at their first purchase.
    pub const NEWCOMER: Self = Self { repeat_purchases: 0.0, last_purchase: 0.0, observed: 0.0 };
}

/// A fitted purchase model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum PurchaseModel {
    /// Customers drop out after a repeat purchase.
    BgNbd(BgNbd),
}

impl PurchaseModel {
    /// The family's name on the command line.
    #[must_use]
    pub fn family(&self) -> &'static str {
        match self {
            Self::BgNbd(_) => "bg-nbd",
        }
    }

    /// The parameters by the names of the literature, in its order.
    #[must_use]
    pub fn parameters(&self) -> [(&'static str, f64); 4] {
        match self {
            Self::BgNbd(BgNbd { r, alpha, a, b }) => {
                [("r", r.get()), ("alpha", alpha.get()), ("a", a.get()), ("b", b.get())]
            }
        }
    }

    /// The logarithm of the likelihood of one history.
    #[must_use]
    pub fn log_likelihood(&self, history: PurchaseHistory) -> f64 {
        let PurchaseHistory { repeat_purchases, last_purchase, observed } = history;
        match self {
            Self::BgNbd(model) => model.log_likelihood(repeat_purchases, last_purchase, observed),
        }
    }

    /// The probability that the customer still buys at the end of the observation.
    #[must_use]
    pub fn probability_alive(&self, history: PurchaseHistory) -> Probability {
        match self {
            Self::BgNbd(model) => model.probability_alive(history),
        }
    }

    /// The purchases expected of this customer in the time `t` after the end of the observation.
    #[must_use]
    pub fn expected_purchases(&self, history: PurchaseHistory, t: f64) -> f64 {
        self.discounted_expected_purchases(history, t, 0.0)
    }

    /// The purchases expected of a customer in the time `t` after the first one, which itself does not count.
    #[must_use]
    pub fn expected_purchases_new_customer(&self, t: f64) -> f64 {
        self.expected_purchases(PurchaseHistory::NEWCOMER, t)
    }

    /// The present value, in purchases, of those expected of this customer within `horizon` after the observation.
    #[must_use]
    pub fn discounted_expected_purchases(&self, history: PurchaseHistory, horizon: f64, rate_per_unit: f64) -> f64 {
        match self {
            Self::BgNbd(model) => model.discounted_expected_purchases(history, horizon, rate_per_unit),
        }
    }
}
