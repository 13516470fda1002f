//! Everything that the models estimate about one customer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::quantities::{Moment, Money, Probability};

/// What a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Will the customer leave?
    Churn,
    /// Will the customer take a product that they do not have?
    Upsell,
    /// What is the customer still worth?
    Clv,
    /// Which kind of customer is this?
    Segments,
    /// What would a contact change?
    Uplift,
}

impl Task {
    /// All tasks, in the order in which they are trained.
    pub const ALL: [Self; 5] = [Self::Churn, Self::Upsell, Self::Clv, Self::Segments, Self::Uplift];

    /// The name on the command line, in the registry and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Churn => "churn",
            Self::Upsell => "upsell",
            Self::Clv => "clv",
            Self::Segments => "segments",
            Self::Uplift => "uplift",
        }
    }
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Everything that the models estimate about one customer at one moment.
///
/// A part is `None` where no model of that task is published, or where the question does not apply (churn of a
/// customer who has already left).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scorecard {
    /// Whose scores these are.
    pub customer_id: String,
    /// The history before this moment was used.
    pub moment: Moment,
    /// Probability that the customer leaves within the churn horizon.
    pub churn_probability: Option<Probability>,
    /// Probability, for each product or category not owned, that it is bought within the upsell horizon.
    pub propensities: Vec<Propensity>,
    /// What the customer is still worth.
    pub value: Option<LifetimeValue>,
    /// The segment the customer is nearest to.
    pub segment: Option<String>,
    /// What each action would change, by action; empty where no uplift model is published.
    pub uplift: Vec<ActionEffect>,
    /// Why the churn probability is what it is, strongest first, as sentences.
    pub reasons: Vec<String>,
    /// The version of the model that answered, by task.
    pub model_versions: BTreeMap<Task, String>,
}

/// What one action would change for the customer: the expected outcome with it less that without it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionEffect {
    /// The action, by the id that contacts and policy know it by.
    pub action: String,
    /// What is changed.
    pub outcome: EffectOutcome,
    /// Within so many days of the contact.
    pub horizon_days: u32,
    /// Expected change: of a probability, or of an amount of money.
    pub effect: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
    /// Where the effect comes from.
    pub basis: EffectBasis,
}

/// What an effect is a change of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectOutcome {
    /// The probability that the customer stays, as the churn definition of the project has it: buys within the
    /// horizon, or still has a subscription at its end.
    Retention,
    /// Net spend within the horizon, in money.
    Spend,
    /// The probability of the positive answer in the outcome column of an experiment table.
    Answer,
    /// The number in the outcome column of an experiment table.
    Amount,
}

impl EffectOutcome {
    /// Whether the effect is a change of a probability; else of an amount.
    #[must_use]
    pub fn is_probability(self) -> bool {
        matches!(self, Self::Retention | Self::Answer)
    }
}

/// Where an effect comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectBasis {
    /// The customer's own, from an uplift model.
    Model,
    /// The action's average over all customers, as the data do not show how they differ.
    Average,
}

/// How likely the customer is to take one product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Propensity {
    /// Product or category.
    pub product: String,
    /// Probability of a purchase within the horizon.
    pub probability: Probability,
}

/// What a customer is still worth, over the horizon that the model was published with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LifetimeValue {
    /// Expected number of purchase days within the horizon.
    pub expected_purchases: f64,
    /// Probability that the customer still buys at all.
    pub probability_alive: Probability,
    /// Expected spend of one purchase day.
    pub expected_average_spend: Money,
    /// Present value of the margin expected within the horizon.
    pub predicted_clv: Money,
}
