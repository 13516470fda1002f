//! Where in their life with the company a customer is, and how great the risk of losing them.

use cel::Context;
use serde::{Deserialize, Serialize};
use tend_models::quantities::Probability;

use super::expression::Expression;

/// A stage with its compiled condition.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) condition: Expression,
}

/// The first stage whose condition holds, as its index; the last stage holds for everybody.
pub(super) fn stage_of(stages: &[Stage], context: &Context<'_, '_>) -> usize {
    let first = stages.iter().position(|stage| stage.condition.holds(context));
    first.unwrap_or(stages.len() - 1)
}

/// How great the risk is that a customer leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskBand {
    /// Below the lower bound.
    Low,
    /// From the lower bound to below the upper one.
    Medium,
    /// From the upper bound on.
    High,
}

impl RiskBand {
    /// The name in files, answers and conditions.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// The churn probabilities at which a risk band ends and the next begins: `[bands]` of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskBands {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Default for RiskBands {
    /// A third and two thirds.
    fn default() -> Self {
        Self { low: 0.33, high: 0.66 }
    }
}

impl RiskBands {
    /// The band of a probability; a bound belongs to the band above it.
    #[must_use]
    pub fn band(self, churn: Probability) -> RiskBand {
        if churn.get() < self.low {
            RiskBand::Low
        } else if churn.get() < self.high {
            RiskBand::Medium
        } else {
            RiskBand::High
        }
    }
}

#[cfg(test)]
mod tests;
