//! The terms of a priority: every number that ranks an action, with where it comes from.

use serde::{Deserialize, Serialize};

use super::action::EffectSource;
use super::weight::Factors;

/// What a priority is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// effect x value x context x levers - cost: something is known of what the action changes.
    Incremental,
    /// probability x value x context x levers: only how likely the success is, with or without the action.
    Propensity,
}

/// Where a probability comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbabilitySource {
    /// The churn model: the probability of leaving.
    ChurnModel,
    /// The upsell model: the probability of buying the product.
    PropensityModel,
    /// The lifetime value model: the probability of still being a customer.
    LifetimeValueModel,
    /// Outcomes of earlier decisions alone, as no model gives one: the probability of a positive outcome.
    Outcomes,
}

/// What came of earlier decisions for one action in the customer's stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Decisions for the action.
    pub sent: u64,
    /// Those of them with a positive outcome.
    pub positives: u64,
}

/// Where the worth of a success comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueSource {
    /// `predicted_clv`.
    LifetimeValueModel,
    /// `predicted_clv` of a customer known to be back.
    LifetimeValueIfBack,
    /// The product's margin in the policy.
    ProductMargin,
    /// The product's margin in the table of products; of a category, the mean of its products.
    ListedMargin,
    /// The product's price in the table of products, times the share that is margin.
    ListedPrice,
    /// The expected spend of a purchase, times the share that is margin.
    AverageSpend,
    /// A year's spend, times the share that is margin.
    YearlySpend,
    /// The share of spend that is margin, for an effect on spend.
    Margin,
    /// The action's `value` in the policy.
    Policy,
}

/// Every number behind one action's priority for one customer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// Which formula ranks the action.
    pub basis: Basis,
    /// The probability that the action is about: of leaving, of buying, or of still being a customer; `None` if unknown.
    pub probability: Option<f64>,
    /// Where the probability comes from.
    pub probability_source: ProbabilitySource,
    /// The probability as the model gives it, before outcomes have moved it; `None` if there is no model.
    pub foreseen: Option<f64>,
    /// The outcomes that have moved the probability; `None` if the policy lets none do so.
    pub outcomes: Option<Outcomes>,
    /// What the action changes: a probability, or spend in money; `None` if unknown.
    pub effect: Option<f64>,
    /// Where the effect comes from.
    pub effect_source: EffectSource,
    /// Money that one success is worth, or the share of spend that is margin for an effect on spend.
    pub value: f64,
    /// Where the value comes from.
    pub value_source: ValueSource,
    /// Money that one contact costs.
    pub cost: f64,
    /// What the moment makes of the action; 1 where nothing does or the policy switches it off.
    pub context: f64,
    /// What the company makes of the action; 1 where nothing does or the policy switches it off.
    pub levers: f64,
    /// By which actions are ranked: in money, where context and levers are 1. A factor that the policy switches off
    /// counts as 1.
    pub priority: f64,
    /// Standard error of the priority, as far as the effect and the probability are uncertain.
    pub standard_error: f64,
}

impl Terms {
    /// Expected incremental profit in money, effect x value - cost, whatever context and levers are; `None` where no
    /// effect is known.
    #[must_use]
    pub fn expected_gain(&self) -> Option<f64> {
        self.effect.map(|effect| effect * self.value - self.cost)
    }

    /// The priority that follows from the other terms; `None` if one of them is missing.
    ///
    /// Priority by propensity is that of Pega's arbitration: propensity x context x value x levers.
    pub(super) fn ranked(&self, factors: Factors) -> Option<f64> {
        let used = |is_used: bool, factor: f64| if is_used { factor } else { 1.0 };
        match self.basis {
            Basis::Incremental => Some(self.effect? * self.value * self.context * self.levers - self.cost),
            Basis::Propensity => {
                let probability = used(factors.probability, self.probability?);
                Some(probability * self.context * used(factors.value, self.value) * self.levers)
            }
        }
    }

    /// What of the priority is uncertain: the error of what it is the product with.
    pub(super) fn error_of(&self, error: f64, factors: Factors) -> f64 {
        let value = if self.basis == Basis::Incremental || factors.value { self.value } else { 1.0 };
        let error = if self.basis == Basis::Incremental || factors.probability { error } else { 0.0 };
        (error * value * self.context * self.levers).abs()
    }

    /// Whether the action is worth taking: a lever never makes a loss worth taking.
    pub(super) fn pays(&self) -> bool {
        self.priority > 0.0 && self.expected_gain().is_none_or(|gain| gain > 0.0)
    }

    /// Whether the action pays at the upper end of the 95 % interval of its effect.
    pub(super) fn may_pay(&self) -> bool {
        const REACH: f64 = 1.959_963_984_540_054;
        let weight = self.context * self.levers;
        let gain = |gain: f64| gain + REACH * self.standard_error / weight > 0.0;
        self.pays()
            || (weight > 0.0
                && self.priority + REACH * self.standard_error > 0.0
                && self.expected_gain().is_none_or(gain))
    }
}
