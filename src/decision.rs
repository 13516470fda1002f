//! From a scorecard to a decision: which action to take for one customer now, why, and why not the others.
//!
//! A score is not a reason to act. Actions are ranked by expected incremental profit: what the action changes, times
//! what that is worth, less what it costs. Doing nothing is always a candidate and wins where nothing pays.
//! Nothing here reads a clock, a file or a random number: the same customer and policy give the same decision.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use tend_models::predict::FeatureKind;
use tend_models::quantities::{Moment, Money, Probability};
use tend_models::scorecard::{Scorecard, Task};

mod action;
mod allotment;
mod arbitration;
pub mod budget;
mod contact_rules;
mod control;
mod dealings;
pub mod exploration;
mod expression;
#[cfg(test)]
mod fixtures;
mod names;
pub mod off_policy;
mod policy;
mod reason;
mod refusal;
mod scope;
mod stage;
mod terms;
mod verdict;
mod weighing;
mod weight;

pub use action::{EffectSource, Goal};
pub use allotment::{Allotment, Constraint, Offers, allot};
pub use dealings::{Dealings, PastContact};
pub use expression::ExpressionError;
pub use policy::{ActionSummary, CompiledPolicy, Policy, PolicyError, PolicyKind};
pub use stage::{RiskBand, RiskBands};
pub use terms::{Basis, ProbabilitySource, Terms, ValueSource};
pub use weighing::{Choice, Weighing};
pub use weight::Factor;

/// The action that stands for doing nothing.
pub const LEAVE_ALONE: &str = "leave_alone";

/// One customer: what the models estimate and what the estimates were made from.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// What the models estimate; its reasons are not read.
    pub scorecard: &'a Scorecard,
    /// The features.
    pub features: FeatureView<'a>,
    /// Why the churn probability is what it is, strongest first: asked for only where a sentence tells it.
    pub reasons: &'a (dyn Fn() -> Vec<String> + Sync),
    /// Earlier contacts and consents.
    pub dealings: &'a Dealings<'a>,
}

/// One row of features, in the plan that the policy was compiled for; all three are (features,).
#[derive(Debug, Clone, Copy)]
pub struct FeatureView<'a> {
    /// Name of each feature.
    pub names: &'a [String],
    /// Kind of each feature.
    pub kinds: &'a [FeatureKind],
    /// Value of each feature: NaN is unknown, a category is the index of its level.
    pub values: &'a [f64],
}

/// What to do for one customer now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// The customer.
    pub customer_id: String,
    /// What was known before this moment was used; written as a UTC date or time.
    pub moment: Moment,
    /// Name of the customer's stage.
    pub stage: String,
    /// Id of the action, or [`LEAVE_ALONE`].
    pub action: String,
    /// The action as people read it.
    pub action_label: String,
    /// Channel of the contact; `None` for leaving alone.
    pub channel: Option<String>,
    /// The product to offer, for cross-selling.
    pub product: Option<String>,
    /// Expected incremental profit in money: effect x at stake - cost; 0 where no effect is known.
    pub expected_gain: f64,
    /// By which the action was ranked: see [`Terms::priority`]; 0 for leaving alone.
    pub priority: f64,
    /// Money that one success is worth; the customer's own value for leaving alone and for an effect on spend, `None`
    /// if unknown.
    pub at_stake: Option<f64>,
    /// What the action changes: the probability of staying, buying or coming back, or spend in money.
    pub effect: f64,
    /// Where the size of the effect comes from; `None` for leaving alone.
    pub effect_source: Option<EffectSource>,
    /// Money the contact costs.
    pub cost: f64,
    /// Probability with which this action was selected: that of being in the control group, or not, where one would
    /// be acted on, and 1 for a choice that leaves nothing to chance.
    pub probability: f64,
    /// Whether the customer is in the control group, and so left alone whatever would pay.
    pub control_group: bool,
    /// Why this customer and why this action, for a person.
    pub reason: String,
    /// Last day on which the action makes sense, as a UTC date; `None` for leaving alone.
    #[serde(serialize_with = "as_optional_text")]
    pub deadline: Option<jiff::civil::Date>,
    /// When the channel's hours begin; `None` is at once.
    pub contact_from: Option<Moment>,
    /// Every action and leaving alone, with the verdict on each: by rank, then by id.
    pub considered: Vec<Considered>,
    /// The factors of the priority that the policy switches off: each is 1, whatever the terms say.
    pub without: Vec<Factor>,
    /// The scores that matter most to the choice.
    pub scores: DecisionScores,
    /// The version of the model that answered, by task.
    pub model_versions: BTreeMap<Task, String>,
    /// The version of the policy: see [`Policy::version`].
    pub policy_version: String,
}

/// One candidate and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Considered {
    /// Id of the action, or [`LEAVE_ALONE`].
    pub action: String,
    /// Expected incremental profit in money; `None` if the action may not be taken, cannot be valued, or no effect of
    /// it is known.
    pub expected_gain: Option<f64>,
    /// `chosen`, or the rule or the comparison by which it lost.
    pub verdict: String,
    /// Every number behind its priority; `None` if the action may not be taken, and for leaving alone.
    pub terms: Option<Terms>,
}

/// The scores behind a decision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DecisionScores {
    /// Probability that the customer leaves within the churn horizon.
    pub churn_probability: Option<Probability>,
    /// The policy's band for it.
    pub risk_band: Option<RiskBand>,
    /// Present value of the margin expected within the horizon, in money.
    pub predicted_clv: Option<Money>,
}

/// Decides for one customer: the stage, what each action is worth in it, the best one, and why.
///
/// The features must be in the plan that the policy was compiled for; a value that is missing counts as unknown.
#[must_use]
pub fn decide(policy: &CompiledPolicy, subject: &Subject<'_>) -> Decision {
    Weighing::of(policy, subject).decide(Choice::Best)
}

/// The place, among the policy's stages, of the one that the customer is in, without deciding.
#[must_use]
pub fn stage_place(policy: &CompiledPolicy, subject: &Subject<'_>) -> usize {
    let resolver = policy.resolver(subject);
    stage::stage_of(&policy.stages, &policy.context(&resolver))
}

/// The name of the stage that the customer is in, without deciding.
#[must_use]
pub fn stage_name<'a>(policy: &'a CompiledPolicy, subject: &Subject<'_>) -> &'a str {
    &policy.stages[stage_place(policy, subject)].name
}

fn as_optional_text<T: std::fmt::Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests;
