//! From a scorecard to a decision: which action to take for one customer now, why, and why not the others.
//!
//! A score is not a reason to act. Actions are ranked by expected incremental profit: what the action changes, times
//! what that is worth, less what it costs. Doing nothing is always a candidate and wins where nothing pays.
//! Nothing here reads a clock, a file or a random number: the same customer and policy give the same decision.

use std::collections::BTreeMap;

use jiff::ToSpan;
use serde::{Serialize, Serializer};
use tend_models::predict::FeatureKind;
use tend_models::quantities::{Moment, Money, Probability};
use tend_models::scorecard::{Scorecard, Task};

mod action;
mod arbitration;
mod expression;
#[cfg(test)]
mod fixtures;
mod names;
mod policy;
mod reason;
mod stage;

pub use action::{EffectSource, Goal};
pub use expression::ExpressionError;
pub use policy::{CompiledPolicy, Policy, PolicyError, PolicyKind};
pub use stage::{RiskBand, RiskBands};

use action::{Action, Valuation};
use arbitration::Ranking;
use expression::Facts;
use stage::Stage;

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
    #[serde(serialize_with = "as_text")]
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
    /// Expected incremental profit in money: effect x at stake - cost.
    pub expected_gain: f64,
    /// Money that one success is worth; for leaving alone the customer's own value, `None` if unknown.
    pub at_stake: Option<f64>,
    /// Probability that the action changes: of staying, buying or coming back.
    pub effect: f64,
    /// Where the size of the effect comes from; `None` for leaving alone.
    pub effect_source: Option<EffectSource>,
    /// Money the contact costs.
    pub cost: f64,
    /// Probability with which this action was selected, which is 1 for a choice that leaves nothing to chance.
    pub probability: f64,
    /// Why this customer and why this action, for a person.
    pub reason: String,
    /// Last day on which the action makes sense, as a UTC date; `None` for leaving alone.
    #[serde(serialize_with = "as_optional_text")]
    pub deadline: Option<jiff::civil::Date>,
    /// Every action and leaving alone, with the verdict on each: by expected gain, then by id.
    pub considered: Vec<Considered>,
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
    /// Expected incremental profit in money; `None` if the action may not be taken or cannot be valued.
    pub expected_gain: Option<f64>,
    /// `chosen`, `lower expected gain`, `does not pay`, `not eligible: <condition>`, `not for stage <name>`, or
    /// `cannot be valued: no <estimate>`.
    pub verdict: String,
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
    let resolver = policy.resolver(subject);
    let context = policy.context(&resolver);
    let facts = &resolver.facts;

    let stage = stage::stage_of(&policy.stages, &context);
    let ranking = arbitration::arbitrate(policy, stage, facts, &context);
    let stage = &policy.stages[stage];
    let reason = reason::reason(policy, stage, &ranking, facts);
    let own_value = action::value_at_stake(policy, facts, &context);
    let chosen = ranking.chosen();
    let alone = leave_alone(policy, stage, ranking, facts, reason, own_value);
    match chosen {
        Some((action, valuation)) => act(action, &valuation, alone),
        None => alone,
    }
}

/// The name of the stage that the customer is in, without deciding.
#[must_use]
pub fn stage_name<'a>(policy: &'a CompiledPolicy, subject: &Subject<'_>) -> &'a str {
    let resolver = policy.resolver(subject);
    let context = policy.context(&resolver);
    &policy.stages[stage::stage_of(&policy.stages, &context)].name
}

fn leave_alone(
    policy: &CompiledPolicy,
    stage: &Stage,
    ranking: Ranking<'_>,
    facts: &Facts<'_>,
    reason: String,
    at_stake: Option<f64>,
) -> Decision {
    let scorecard = facts.subject.scorecard;
    Decision {
        customer_id: scorecard.customer_id.clone(),
        moment: scorecard.moment,
        stage: stage.name.clone(),
        action: LEAVE_ALONE.to_owned(),
        action_label: "Leave alone".to_owned(),
        channel: None,
        product: None,
        expected_gain: 0.0,
        at_stake,
        effect: 0.0,
        effect_source: None,
        cost: 0.0,
        probability: 1.0,
        reason,
        deadline: None,
        considered: ranking.considered,
        scores: DecisionScores {
            churn_probability: scorecard.churn_probability,
            risk_band: facts.risk_band,
            predicted_clv: scorecard.value.map(|value| value.predicted_clv),
        },
        model_versions: scorecard.model_versions.clone(),
        policy_version: policy.version.clone(),
    }
}

fn act(action: &Action, valuation: &Valuation<'_>, alone: Decision) -> Decision {
    let today = alone.moment.date();
    Decision {
        action: action.id.clone(),
        action_label: action.label.clone(),
        channel: Some(action.channel.clone()),
        product: valuation.product.map(str::to_owned),
        expected_gain: valuation.gain,
        at_stake: Some(valuation.at_stake),
        effect: valuation.effect,
        effect_source: Some(action.effect_source),
        cost: action.cost,
        deadline: Some(today.saturating_add(action.deadline_days.days())),
        ..alone
    }
}

fn as_text<S: Serializer>(moment: &Moment, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(moment)
}

fn as_optional_text<S: Serializer>(date: &Option<jiff::civil::Date>, serializer: S) -> Result<S::Ok, S::Error> {
    match date {
        Some(date) => serializer.collect_str(date),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests;
