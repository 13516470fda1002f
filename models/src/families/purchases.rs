//! How often customers buy and when they stop, where nobody says that they leave: one model of any family.

use serde::{Deserialize, Serialize};

use super::bg_bb::BgBb;
use super::bg_nbd::{BgNbd, MbgNbd};
use super::pareto_nbd::ParetoNbd;
use crate::quantities::{Positive, Probability};
use crate::special::log_one_plus_exp;

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
    /// Customers may drop out after a repeat purchase.
    BgNbd(BgNbd),
    /// Customers may drop out after any purchase.
    MbgNbd(MbgNbd),
    /// Customers may drop out at any time.
    ParetoNbd(ParetoNbd),
    /// Customers buy or not at each of a row of opportunities; the time unit is one opportunity.
    BgBb(BgBb),
}

impl PurchaseModel {
    /// The family's name on the command line.
    #[must_use]
    pub fn family(&self) -> &'static str {
        match self {
            Self::BgNbd(_) => "bg-nbd",
            Self::MbgNbd(_) => "mbg-nbd",
            Self::ParetoNbd(_) => "pareto-nbd",
            Self::BgBb(_) => "bg-bb",
        }
    }

    /// The parameters by the names of the literature, in its order.
    #[must_use]
    pub fn parameters(&self) -> [(&'static str, f64); 4] {
        let (names, values) = match *self {
            Self::BgNbd(BgNbd { r, alpha, a, b }) | Self::MbgNbd(MbgNbd { r, alpha, a, b }) => {
                (["r", "alpha", "a", "b"], [r, alpha, a, b])
            }
            Self::ParetoNbd(ParetoNbd { r, alpha, s, beta }) => (["r", "alpha", "s", "beta"], [r, alpha, s, beta]),
            Self::BgBb(BgBb { alpha, beta, gamma, delta }) => {
                (["alpha", "beta", "gamma", "delta"], [alpha, beta, gamma, delta])
            }
        };
        std::array::from_fn(|place| (names[place], values[place].get()))
    }

    /// A model of the same family with other parameters, in the order of [`Self::parameters`].
    #[must_use]
    pub fn with_parameters(&self, [first, second, third, fourth]: [Positive; 4]) -> Self {
        match self {
            Self::BgNbd(_) => Self::BgNbd(BgNbd { r: first, alpha: second, a: third, b: fourth }),
            Self::MbgNbd(_) => Self::MbgNbd(MbgNbd { r: first, alpha: second, a: third, b: fourth }),
            Self::ParetoNbd(_) => Self::ParetoNbd(ParetoNbd { r: first, alpha: second, s: third, beta: fourth }),
            Self::BgBb(_) => Self::BgBb(BgBb { alpha: first, beta: second, gamma: third, delta: fourth }),
        }
    }

    /// Whether time goes in whole opportunities.
    #[must_use]
    pub fn is_discrete(&self) -> bool {
        matches!(self, Self::BgBb(_))
    }

    /// The logarithm of the likelihood of one history.
    #[must_use]
    pub fn log_likelihood(&self, history: PurchaseHistory) -> f64 {
        match self {
            Self::BgNbd(model) => model.with(history).log_likelihood(),
            Self::MbgNbd(model) => model.with(history).log_likelihood(),
            Self::ParetoNbd(model) => model.log_likelihood(history),
            Self::BgBb(model) => model.log_likelihood(history),
        }
    }

    /// The probability that the customer still buys at the end of the observation.
    ///
    /// In BG/NBD it is 1 for a customer without a repeat purchase: there nobody drops out before one.
    #[must_use]
    pub fn probability_alive(&self, history: PurchaseHistory) -> Probability {
        Probability::clamped(self.log_probability_alive(history).exp())
    }

    /// The probability that the customer still buys a time after the end of the observation.
    ///
    /// In BG/BB a part of an opportunity does not count.
    #[must_use]
    pub fn probability_alive_ahead(&self, history: PurchaseHistory, ahead: f64) -> Probability {
        let survival = match self {
            Self::BgNbd(model) => model.with(history).survival(ahead),
            Self::MbgNbd(model) => model.with(history).survival(ahead),
            Self::ParetoNbd(model) => model.survival(history, ahead),
            Self::BgBb(model) => model.survival(history, ahead),
        };
        Probability::clamped(self.log_probability_alive(history).exp() * survival)
    }

    /// The purchases expected of this customer in the time `t` after the end of the observation.
    #[must_use]
    pub fn expected_purchases(&self, history: PurchaseHistory, t: f64) -> f64 {
        self.purchases_between(history, 0.0, t, 0.0)
    }

    /// The purchases expected of a customer in the time `t` after the first one, which itself does not count.
    #[must_use]
    pub fn expected_purchases_new_customer(&self, t: f64) -> f64 {
        self.expected_purchases(PurchaseHistory::NEWCOMER, t)
    }

    /// The present value, in purchases, of those expected of this customer within `horizon` after the observation.
    #[must_use]
    pub fn discounted_expected_purchases(&self, history: PurchaseHistory, horizon: f64, rate_per_unit: f64) -> f64 {
        self.purchases_between(history, 0.0, horizon, rate_per_unit)
    }

    /// The present value, in purchases, of those expected of this customer between two times after the observation.
    ///
    /// A purchase after the time s counts (1 + d)^−s, where d is `rate_per_unit`: the rate of interest for one time unit,
    /// compounded continuously (.0027 a week is about .15 a year); d below 0 counts as 0. Multiply by the margin of a
    /// purchase for money. `until` may be infinite if d is above 0: then these are the discounted expected residual
    /// transactions of the literature.
    #[must_use]
    pub fn purchases_between(&self, history: PurchaseHistory, from: f64, until: f64, rate_per_unit: f64) -> f64 {
        let from = from.max(0.0);
        let force = rate_per_unit.max(0.0).ln_1p();
        let if_alive = match self {
            Self::BgNbd(model) => model.with(history).purchases_if_alive(from, until, force),
            Self::MbgNbd(model) => model.with(history).purchases_if_alive(from, until, force),
            Self::ParetoNbd(model) => model.purchases_if_alive(history, from, until, force),
            Self::BgBb(model) => model.purchases_if_alive(history, from, until, force),
        };
        self.log_probability_alive(history).exp() * if_alive
    }

    fn log_probability_alive(&self, history: PurchaseHistory) -> f64 {
        let log_odds_of_dropout = match self {
            Self::BgNbd(model) => model.with(history).log_odds_of_dropout(),
            Self::MbgNbd(model) => model.with(history).log_odds_of_dropout(),
            Self::ParetoNbd(model) => model.dropout(history).log_odds,
            Self::BgBb(model) => model.dropout(history).log_odds,
        };
        -log_one_plus_exp(log_odds_of_dropout)
    }
}
