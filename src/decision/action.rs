//! What an action would change for one customer, and what that is worth.

use cel::Context;
use serde::{Deserialize, Serialize};

use super::expression::{Expression, Facts};
use super::policy::CompiledPolicy;

/// What an action is meant to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Keep a customer who may leave.
    Retain,
    /// Sell one more product.
    CrossSell,
    /// Bring back a customer who has gone quiet or left.
    WinBack,
    /// Help a new customer to stay.
    Onboard,
    /// Solve a customer's problem so that they stay.
    Service,
}

impl Goal {
    /// The name in `policy.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Retain => "retain",
            Self::CrossSell => "cross_sell",
            Self::WinBack => "win_back",
            Self::Onboard => "onboard",
            Self::Service => "service",
        }
    }
}

/// Where the size of an effect comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectSource {
    /// Nobody has measured it.
    Assumed,
    /// A randomised experiment.
    Experiment,
}

impl EffectSource {
    /// The name in `policy.toml` and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
            Self::Experiment => "experiment",
        }
    }
}

/// How much an action changes, as the policy states it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Effect {
    /// Share of the churn probability that it takes away.
    RelativeReduction(f64),
    /// Share of the probability of a purchase or of being active that it adds.
    RelativeIncrease(f64),
    /// Probability that it adds: of staying, buying or coming back.
    AddedProbability(f64),
}

/// An action with its compiled condition.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) id: String,
    pub(super) label: String,
    /// Whether it suits each stage of the policy, (stages,).
    pub(super) suits_stage: Vec<bool>,
    pub(super) goal: Goal,
    pub(super) channel: String,
    /// Money a contact costs.
    pub(super) cost: f64,
    pub(super) deadline_days: i64,
    pub(super) eligible: Option<Expression>,
    /// The product to sell; the most likely one if `None`.
    pub(super) product: Option<String>,
    /// What one success is worth in money; the models say so if `None`.
    pub(super) value: Option<f64>,
    pub(super) effect: Effect,
    pub(super) effect_source: EffectSource,
}

/// What an action would do for one customer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Valuation<'a> {
    /// The product that is offered.
    pub(super) product: Option<&'a str>,
    /// Probability that the action changes: of staying, buying or coming back.
    pub(super) effect: f64,
    /// Money that one success is worth.
    pub(super) at_stake: f64,
    /// effect x at stake - cost, in money.
    pub(super) gain: f64,
}

/// The estimate without which an action has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missing(pub(super) &'static str);

impl Action {
    /// The expected incremental profit of an action: effect x at stake - cost.
    ///
    /// With c the churn probability, a the probability of being alive, p the propensity of the product, r the relative
    /// and d the added effect of the policy:
    ///
    /// | goal | effect | at stake |
    /// | --- | --- | --- |
    /// | retain, onboard, service | r c, or min(d, c) | `predicted_clv`, else yearly spend x margin |
    /// | cross_sell | min(r p, 1 - p), or min(d, 1 - p) | the product's margin, else `expected_average_spend` x margin |
    /// | win_back | min(r a, 1 - a), or min(d, 1 - a) | `predicted_clv` / a, else yearly spend x margin |
    ///
    /// `predicted_clv` / a is the value of a customer known to be alive. A `value` in the action replaces
    /// what is at stake. An unknown c or a sets no limit to d.
    ///
    /// # Errors
    /// [`Missing`] if an estimate that the formula needs is unknown or the result is not finite.
    pub(super) fn value<'a>(
        &'a self,
        policy: &CompiledPolicy,
        facts: &Facts<'a>,
        context: &Context<'_, '_>,
    ) -> Result<Valuation<'a>, Missing> {
        let (product, effect, at_stake) = match self.goal {
            Goal::Retain | Goal::Onboard | Goal::Service => {
                let at_stake = || value_at_stake(policy, facts, context);
                (None, self.churn_avoided(facts)?, self.worth(at_stake)?)
            }
            Goal::CrossSell => self.purchase_added(policy, facts)?,
            Goal::WinBack => {
                let at_stake = || value_if_back(policy, facts, context);
                (None, self.return_added(facts)?, self.worth(at_stake)?)
            }
        };
        let gain = effect * at_stake - self.cost;
        if !gain.is_finite() {
            return Err(Missing("a value that is a finite amount"));
        }
        Ok(Valuation { product, effect, at_stake, gain })
    }

    fn worth(&self, modelled: impl FnOnce() -> Option<f64>) -> Result<f64, Missing> {
        let worth = self.value.or_else(modelled);
        worth.ok_or(Missing("lifetime value or yearly spend"))
    }

    fn churn_avoided(&self, facts: &Facts<'_>) -> Result<f64, Missing> {
        let churn = facts.subject.scorecard.churn_probability;
        match (self.effect, churn) {
            (Effect::AddedProbability(added), None) => Ok(added),
            (Effect::AddedProbability(added), Some(churn)) => Ok(added.min(churn.get())),
            (Effect::RelativeReduction(share), Some(churn)) => Ok(share * churn.get()),
            _ => Err(Missing("churn probability")),
        }
    }

    fn purchase_added<'a>(
        &'a self,
        policy: &CompiledPolicy,
        facts: &Facts<'a>,
    ) -> Result<(Option<&'a str>, f64, f64), Missing> {
        let offered = match &self.product {
            Some(product) => facts.propensity(product),
            None => facts.top,
        };
        let offered = offered.ok_or(Missing("propensity of a product not owned yet"))?;
        let effect = self.added_to(offered.probability.get());
        let own = policy.product_margins.get(&offered.product).copied();
        let average = || {
            let value = facts.subject.scorecard.value?;
            Some(value.expected_average_spend.get() * policy.margin)
        };
        let at_stake = self.value.or(own).or_else(average);
        let at_stake = at_stake.ok_or(Missing("product margin or expected average spend"))?;
        Ok((Some(&offered.product), effect, at_stake))
    }

    fn return_added(&self, facts: &Facts<'_>) -> Result<f64, Missing> {
        match (self.effect, facts.subject.scorecard.value) {
            (Effect::AddedProbability(added), None) => Ok(added),
            (_, Some(value)) => Ok(self.added_to(value.probability_alive.get())),
            _ => Err(Missing("probability of being alive")),
        }
    }

    /// What the effect adds to a probability, which cannot exceed 1.
    fn added_to(&self, probability: f64) -> f64 {
        let added = match self.effect {
            Effect::AddedProbability(added) => added,
            Effect::RelativeIncrease(share) | Effect::RelativeReduction(share) => share * probability,
        };
        added.min(1.0 - probability)
    }
}

/// What is lost with the customer: the lifetime value, else a year's margin; `None` if neither is known.
pub(super) fn value_at_stake(policy: &CompiledPolicy, facts: &Facts<'_>, context: &Context<'_, '_>) -> Option<f64> {
    match facts.subject.scorecard.value {
        Some(value) => Some(value.predicted_clv.get()),
        None => yearly_margin(policy, context),
    }
}

/// What a customer is worth once known to be back.
fn value_if_back(policy: &CompiledPolicy, facts: &Facts<'_>, context: &Context<'_, '_>) -> Option<f64> {
    match facts.subject.scorecard.value {
        Some(value) if value.probability_alive.get() > 0.0 => {
            Some(value.predicted_clv.get() / value.probability_alive.get())
        }
        _ => yearly_margin(policy, context),
    }
}

fn yearly_margin(policy: &CompiledPolicy, context: &Context<'_, '_>) -> Option<f64> {
    let spend = policy.yearly_spend.as_ref()?.number(context)?;
    Some(spend * policy.margin)
}
