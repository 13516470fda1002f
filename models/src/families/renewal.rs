//! What all contractual families can tell: who stays at a decision, who is left, and what is still to come of a contract.

use serde::{Deserialize, Serialize};

use super::beta_discrete_weibull::BetaDiscreteWeibull;
use super::beta_geometric::BetaGeometric;
use super::classifier::ModelError;
use super::shifted_beta_geometric::ShiftedBetaGeometric;
use crate::quantities::{Positive, Probability};

/// No contract is looked at beyond this many renewals.
pub const MOST_RENEWALS: f64 = 100_000.0;

/// Standard normal quantile at 90 %: 80 % lie within so many standard errors.
const NORMAL_QUANTILE_90: f64 = 1.281_551_565_544_600_4;

/// A fitted contractual model of any family. Decision t is whether to go on after period t.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum RenewalModel {
    /// Every customer has a constant probability to leave.
    ShiftedBetaGeometric(ShiftedBetaGeometric),
    /// Every customer's probability to leave changes with the age of the contract.
    BetaDiscreteWeibull(BetaDiscreteWeibull),
    /// As the first, with a decision before the first period is over.
    BetaGeometric(BetaGeometric),
}

/// A range that holds the truth in so many cases as its maker says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// A renewal model with how sure its parameters are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenewalEstimate {
    /// The model.
    pub model: RenewalModel,
    /// Covariance of the logarithms of the parameters, row-major in their order; empty if the data cannot tell.
    pub log_covariance: Vec<f64>,
}

impl RenewalModel {
    /// The name on the command line, in figures and in the registry.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ShiftedBetaGeometric(_) => "sbg",
            Self::BetaDiscreteWeibull(_) => "bdw",
            Self::BetaGeometric(_) => "beta-geometric",
        }
    }

    /// Names and values of the parameters.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, f64)> {
        match self {
            Self::ShiftedBetaGeometric(model) | Self::BetaGeometric(BetaGeometric(model)) => {
                vec![("alpha", model.alpha.get()), ("beta", model.beta.get())]
            }
            Self::BetaDiscreteWeibull(model) => {
                vec![("alpha", model.alpha.get()), ("beta", model.beta.get()), ("c", model.c.get())]
            }
        }
    }

    /// The first decision that a customer is asked.
    #[must_use]
    pub fn first_decision(&self) -> f64 {
        if matches!(self, Self::BetaGeometric(_)) { 0.0 } else { 1.0 }
    }

    /// The share of a cohort that is left after the decisions up to this one.
    #[must_use]
    pub fn survival(&self, decision: f64) -> Probability {
        let log_survival = match self {
            Self::ShiftedBetaGeometric(model) => model.log_survival(decision),
            Self::BetaDiscreteWeibull(model) => model.log_survival(decision),
            Self::BetaGeometric(model) => model.log_survival(decision),
        };
        Probability::clamped(log_survival.exp())
    }

    /// The logarithm of the probability that a customer who is asked at this decision stays.
    #[must_use]
    pub fn log_staying(&self, decision: f64) -> f64 {
        match self {
            Self::ShiftedBetaGeometric(model) => model.log_staying(decision),
            Self::BetaDiscreteWeibull(model) => model.log_staying(decision),
            Self::BetaGeometric(model) => model.log_staying(decision),
        }
    }

    /// The logarithm of the probability that a customer who is asked at this decision leaves.
    #[must_use]
    pub fn log_leaving(&self, decision: f64) -> f64 {
        match self {
            Self::ShiftedBetaGeometric(model) => model.log_leaving(decision),
            Self::BetaDiscreteWeibull(model) => model.log_leaving(decision),
            Self::BetaGeometric(model) => model.log_leaving(decision),
        }
    }

    /// The probability that a customer who is asked at this decision stays: the retention rate of the period.
    #[must_use]
    pub fn retention(&self, decision: f64) -> Probability {
        Probability::clamped(self.log_staying(decision).exp())
    }

    /// The present value, in payments, of those still to come from a customer who is about to be asked at `decision`.
    ///
    /// A customer who stays pays at once, and again after each further decision to stay; the first of these payments is not
    /// discounted, the one k periods later counts (1 + d)^−k, where d is `discount_per_period` (below 0 counts as 0).
    /// `payments` is how many decisions are looked at; it may be infinite, and ends at [`MOST_RENEWALS`].
    ///
    /// Source: Fader and Hardie (2010), Customer-base valuation in a contractual setting: the perils of ignoring
    /// heterogeneity, Marketing Science 29 (1), where it is called DERL; as the sum that defines it, since the closed form
    /// has no counterpart in the other families.
    #[must_use]
    pub fn discounted_residual_lifetime(&self, decision: f64, discount_per_period: f64, payments: f64) -> f64 {
        let discount = 1.0 / (1.0 + discount_per_period.max(0.0));
        let last = payments.min(MOST_RENEWALS).floor() as u32;
        let (mut present_value, mut weight) = (0.0, 1.0);
        for payment in 0..last {
            weight *= self.log_staying(decision + f64::from(payment)).exp();
            present_value += weight;
            weight *= discount;
            // Nobody comes back, so the rest is at most a geometric series.
            if weight <= (1.0 - discount) * present_value * 1e-16 {
                break;
            }
        }
        present_value
    }

    /// The model of the same family with these parameters; `None` if one is not a finite number above 0.
    #[must_use]
    pub fn with_parameters(&self, parameters: &[f64]) -> Option<Self> {
        let value = |place: usize| Positive::new(*parameters.get(place)?).ok();
        let shifted = || Some(ShiftedBetaGeometric { alpha: value(0)?, beta: value(1)? });
        Some(match self {
            Self::ShiftedBetaGeometric(_) => Self::ShiftedBetaGeometric(shifted()?),
            Self::BetaGeometric(_) => Self::BetaGeometric(BetaGeometric(shifted()?)),
            Self::BetaDiscreteWeibull(_) => {
                Self::BetaDiscreteWeibull(BetaDiscreteWeibull { alpha: value(0)?, beta: value(1)?, c: value(2)? })
            }
        })
    }
}

impl RenewalEstimate {
    /// The standard error of each parameter's logarithm; nothing if the data cannot tell.
    #[must_use]
    pub fn log_standard_errors(&self) -> Option<Vec<f64>> {
        let width = self.model.parameters().len();
        (self.log_covariance.len() == width * width)
            .then(|| (0..width).map(|i| self.log_covariance[i * width + i].max(0.0).sqrt()).collect())
    }

    /// The 80 % range of a number above 0 that the model tells, by the delta method on its logarithm.
    ///
    /// It says how sure the parameters are, not how much customers differ. Nothing if the data cannot tell.
    #[must_use]
    pub fn range_80(&self, of: impl Fn(&RenewalModel) -> f64) -> Option<Range> {
        const STEP: f64 = 1e-4;
        let parameters: Vec<f64> = self.model.parameters().iter().map(|(_, value)| *value).collect();
        let width = parameters.len();
        if self.log_covariance.len() != width * width {
            return None;
        }
        let log_at = |place: usize, step: f64| {
            let mut moved = parameters.clone();
            moved[place] *= step.exp();
            Some(of(&self.model.with_parameters(&moved)?).ln())
        };
        let slopes: Vec<f64> = (0..width)
            .map(|place| Some((log_at(place, STEP)? - log_at(place, -STEP)?) / (2.0 * STEP)))
            .collect::<Option<_>>()?;
        let pairs = (0..width).flat_map(|i| (0..width).map(move |j| (i, j)));
        let variance: f64 = pairs.map(|(i, j)| slopes[i] * self.log_covariance[i * width + j] * slopes[j]).sum();
        let (middle, reach) = (of(&self.model), (NORMAL_QUANTILE_90 * variance.max(0.0).sqrt()).exp());
        let range = Range { low: middle / reach, high: middle * reach };
        (range.low.is_finite() && range.high.is_finite()).then_some(range)
    }

    /// Checks what prediction relies on.
    ///
    /// # Errors
    /// [`ModelError`] if a covariance is not a finite number.
    pub fn check(&self) -> Result<(), ModelError> {
        match self.log_covariance.iter().find(|value| !value.is_finite()) {
            Some(&found) => Err(ModelError::number("covariance", found, "a finite number")),
            None => Ok(()),
        }
    }
}
