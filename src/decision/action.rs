//! What an action would change for one customer, and what that is worth.

use cel::Context;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::expression::{Expression, Facts};
use super::policy::CompiledPolicy;
use super::refusal::Refusal;
use super::stage::Stage;
use super::terms::{Basis, Outcomes, ProbabilitySource, Terms, ValueSource};

/// What an action is meant to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// All goals.
    pub(super) const ALL: [Self; 5] = [Self::Retain, Self::CrossSell, Self::WinBack, Self::Onboard, Self::Service];

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
    /// An uplift model.
    Model,
    /// Nothing is known of the effect, only how likely the success is.
    Propensity,
}

impl EffectSource {
    /// The name in `policy.toml` and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
            Self::Experiment => "experiment",
            Self::Model => "model",
            Self::Propensity => "propensity",
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
    /// The policy gives none.
    Unstated,
}

/// An action with its compiled conditions.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) id: String,
    pub(super) label: String,
    /// Whether it suits each stage of the policy, (stages,).
    pub(super) suits_stage: Vec<bool>,
    pub(super) goal: Goal,
    pub(super) channel: String,
    pub(super) group: Option<String>,
    /// Money a contact costs.
    pub(super) cost: f64,
    pub(super) deadline_days: i64,
    /// First day, as a UTC date.
    pub(super) valid_from: Option<Date>,
    /// Last day, as a UTC date.
    pub(super) valid_until: Option<Date>,
    pub(super) cool_down_days: u32,
    pub(super) eligible: Option<Expression>,
    pub(super) applicable: Option<Expression>,
    pub(super) suitable: Option<Expression>,
    /// The product to sell; the most likely one if `None`.
    pub(super) product: Option<String>,
    /// What one success is worth in money; the models say so if `None`.
    pub(super) value: Option<f64>,
    /// The factor of the levers of goal, group and action; 1 if the policy switches levers off.
    pub(super) levers: f64,
    pub(super) effect: Effect,
    /// Standard error of the effect's size.
    pub(super) effect_error: f64,
    pub(super) effect_source: EffectSource,
}

/// The estimate without which an action has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missing(pub(super) &'static str);

/// What an action is about for one customer, before its effect.
struct Prospect<'a> {
    product: Option<&'a str>,
    probability: Option<f64>,
    source: ProbabilitySource,
    foreseen: Option<f64>,
    outcomes: Option<Outcomes>,
    /// Standard error of the probability, as far as outcomes tell it.
    error: f64,
}

/// What an action changes for one customer.
struct Change {
    /// `None` if unknown.
    effect: Option<f64>,
    source: EffectSource,
    /// Whether it is one on spend in money rather than on a probability.
    on_spend: bool,
    error: f64,
}

impl Action {
    /// The terms by which an action is ranked, with the product that it offers.
    ///
    /// With c the churn probability, a the probability of being alive, p the propensity of the product, r the relative
    /// and d the added effect of the policy:
    ///
    /// | goal | effect | value |
    /// | --- | --- | --- |
    /// | retain, onboard, service | r c, or min(d, c) | `predicted_clv`, else yearly spend x margin |
    /// | cross_sell | min(r p, 1 - p), or min(d, 1 - p) | the product's margin, else its price x margin, else `expected_average_spend` x margin |
    /// | win_back | min(r a, 1 - a), or min(d, 1 - a) | `predicted_clv` / a, else yearly spend x margin |
    ///
    /// The product's margin is that of the policy, else that of the table of products. `predicted_clv` / a is the value of a
    /// customer known to be alive. A `value` in the action replaces
    /// these. An unknown c or a sets no limit to d. An uplift model's effect on this customer takes the place of one
    /// that is only assumed. Where the policy lets outcomes move probabilities, p and a are moved by them, and so is the
    /// probability of an action that is ranked by propensity alone; c is not, as what was answered to a contact does not
    /// tell who would have left.
    ///
    /// # Errors
    /// [`Missing`] if an estimate that the formula needs is unknown or the result is not finite.
    pub(super) fn terms<'a>(
        &'a self,
        policy: &CompiledPolicy,
        stage: &Stage,
        facts: &Facts<'a>,
        context: &Context<'_, '_>,
        context_factor: f64,
    ) -> Result<(Option<&'a str>, Terms), Missing> {
        let prospect = self.moved(self.prospect(facts)?, policy, stage, facts);
        let Change { effect, source: effect_source, on_spend, error } = self.change(&prospect, facts)?;
        let (value, value_source) = match on_spend {
            true => (policy.margin, ValueSource::Margin),
            false => self.worth(policy, &prospect, facts, context)?,
        };
        let basis = if effect.is_some() { Basis::Incremental } else { Basis::Propensity };
        let mut terms = Terms {
            basis,
            probability: prospect.probability,
            probability_source: prospect.source,
            foreseen: prospect.foreseen,
            outcomes: prospect.outcomes,
            effect,
            effect_source,
            value,
            value_source,
            cost: self.cost,
            context: context_factor,
            levers: self.levers,
            priority: 0.0,
            standard_error: 0.0,
        };
        terms.priority = terms.ranked(policy.factors).ok_or(Missing("probability to rank by"))?;
        terms.standard_error = terms.error_of(error, policy.factors);
        let is_finite = terms.priority.is_finite() && terms.standard_error.is_finite();
        if !(is_finite && terms.expected_gain().is_none_or(f64::is_finite)) {
            return Err(Missing("value that is a finite amount"));
        }
        Ok((prospect.product, terms))
    }

    /// The first condition that does not hold.
    pub(super) fn check_conditions<'a>(&'a self, context: &Context<'_, '_>) -> Result<(), Refusal<'a>> {
        let refusals: [(&Option<Expression>, fn(&'a str) -> Refusal<'a>); 3] = [
            (&self.eligible, Refusal::NotEligible),
            (&self.applicable, Refusal::NotApplicable),
            (&self.suitable, Refusal::NotSuitable),
        ];
        for (condition, refusal) in refusals {
            if let Some(condition) = condition
                && !condition.holds(context)
            {
                return Err(refusal(condition.source()));
            }
        }
        Ok(())
    }

    fn prospect<'a>(&'a self, facts: &Facts<'a>) -> Result<Prospect<'a>, Missing> {
        let scorecard = facts.subject.scorecard;
        let (product, foreseen, source) = match self.goal {
            Goal::Retain | Goal::Onboard | Goal::Service => {
                (None, scorecard.churn_probability.map(|churn| churn.get()), ProbabilitySource::ChurnModel)
            }
            Goal::CrossSell => {
                let offered = match &self.product {
                    Some(product) => facts.propensity(product),
                    None => facts.top,
                };
                let offered = offered.ok_or(Missing("propensity of a product not owned yet"))?;
                (Some(offered.product.as_str()), Some(offered.probability.get()), ProbabilitySource::PropensityModel)
            }
            Goal::WinBack => {
                let alive = scorecard.value.map(|value| value.probability_alive.get());
                (None, alive, ProbabilitySource::LifetimeValueModel)
            }
        };
        Ok(Prospect { product, probability: foreseen, source, foreseen, outcomes: None, error: 0.0 })
    }

    /// The prospect as outcomes of earlier decisions have moved its probability, where it is that of the success.
    fn moved<'a>(
        &self,
        prospect: Prospect<'a>,
        policy: &CompiledPolicy,
        stage: &Stage,
        facts: &Facts<'_>,
    ) -> Prospect<'a> {
        let is_of_success =
            matches!(self.goal, Goal::CrossSell | Goal::WinBack) || self.effect_source == EffectSource::Propensity;
        let Some(adaptation) = policy.adaptation.filter(|_| is_of_success) else { return prospect };
        if prospect.foreseen.is_none() && self.effect_source != EffectSource::Propensity {
            return prospect;
        }
        let learned = facts.subject.experience.propensity((&self.id, &stage.name), prospect.foreseen, adaptation);
        let source = if prospect.foreseen.is_some() { prospect.source } else { ProbabilitySource::Outcomes };
        let outcomes = Outcomes { sent: learned.tally.sent, positives: learned.tally.positives };
        let (probability, error) = (Some(learned.probability), learned.standard_error);
        Prospect { probability, source, outcomes: Some(outcomes), error, ..prospect }
    }

    fn change(&self, prospect: &Prospect<'_>, facts: &Facts<'_>) -> Result<Change, Missing> {
        if let EffectSource::Assumed | EffectSource::Model = self.effect_source
            && let Some(own) = facts.uplift(&self.id)
        {
            const WIDTH_OF_95_PERCENT: f64 = 2.0 * 1.959_963_984_540_054;
            let error = (own.high - own.low) / WIDTH_OF_95_PERCENT;
            let on_spend = !own.outcome.is_probability();
            return Ok(Change { effect: Some(own.effect), source: EffectSource::Model, on_spend, error });
        }
        if self.effect_source == EffectSource::Propensity {
            let source = EffectSource::Propensity;
            return Ok(Change { effect: None, source, on_spend: false, error: prospect.error });
        }
        let stated = match self.goal {
            Goal::Retain | Goal::Onboard | Goal::Service => self.churn_avoided(prospect.probability)?,
            Goal::CrossSell | Goal::WinBack => self.added_to(prospect.probability)?,
        };
        let error = match (self.effect, prospect.probability) {
            (Effect::RelativeReduction(share) | Effect::RelativeIncrease(share), Some(probability)) => {
                (self.effect_error * probability).hypot(share * prospect.error)
            }
            _ => self.effect_error,
        };
        Ok(Change { effect: Some(stated), source: self.effect_source, on_spend: false, error })
    }

    fn churn_avoided(&self, churn: Option<f64>) -> Result<f64, Missing> {
        match (self.effect, churn) {
            (Effect::Unstated, _) => Err(NO_UPLIFT),
            (Effect::AddedProbability(added), None) => Ok(added),
            (Effect::AddedProbability(added), Some(churn)) => Ok(added.min(churn)),
            (Effect::RelativeReduction(share) | Effect::RelativeIncrease(share), Some(churn)) => Ok(share * churn),
            _ => Err(Missing("churn probability")),
        }
    }

    /// What the effect adds to a probability, which cannot exceed 1.
    fn added_to(&self, probability: Option<f64>) -> Result<f64, Missing> {
        match (self.effect, probability) {
            (Effect::Unstated, _) => Err(NO_UPLIFT),
            (Effect::AddedProbability(added), None) => Ok(added),
            (Effect::AddedProbability(added), Some(probability)) => Ok(added.min(1.0 - probability)),
            (Effect::RelativeIncrease(share) | Effect::RelativeReduction(share), Some(probability)) => {
                Ok((share * probability).min(1.0 - probability))
            }
            _ => Err(Missing("probability of being alive")),
        }
    }

    fn worth(
        &self,
        policy: &CompiledPolicy,
        prospect: &Prospect<'_>,
        facts: &Facts<'_>,
        context: &Context<'_, '_>,
    ) -> Result<(f64, ValueSource), Missing> {
        if let Some(value) = self.value {
            return Ok((value, ValueSource::Policy));
        }
        let unknown = Missing("lifetime value or yearly spend");
        match self.goal {
            Goal::Retain | Goal::Onboard | Goal::Service => value_at_stake(policy, facts, context).ok_or(unknown),
            Goal::WinBack => value_if_back(policy, facts, context).ok_or(unknown),
            Goal::CrossSell => {
                let own = prospect.product.and_then(|product| policy.product_values.get(product).copied());
                let average = || {
                    let value = facts.subject.scorecard.value?;
                    Some((value.expected_average_spend.get() * policy.margin, ValueSource::AverageSpend))
                };
                own.or_else(average).ok_or(Missing("product margin or expected average spend"))
            }
        }
    }
}

const NO_UPLIFT: Missing = Missing("uplift of this action");

/// What is lost with the customer: the lifetime value, else a year's margin; `None` if neither is known.
pub(super) fn value_at_stake(
    policy: &CompiledPolicy,
    facts: &Facts<'_>,
    context: &Context<'_, '_>,
) -> Option<(f64, ValueSource)> {
    match facts.subject.scorecard.value {
        Some(value) => Some((value.predicted_clv.get(), ValueSource::LifetimeValueModel)),
        None => yearly_margin(policy, context),
    }
}

/// What a customer is worth once known to be back.
fn value_if_back(policy: &CompiledPolicy, facts: &Facts<'_>, context: &Context<'_, '_>) -> Option<(f64, ValueSource)> {
    match facts.subject.scorecard.value {
        Some(value) if value.probability_alive.get() > 0.0 => {
            Some((value.predicted_clv.get() / value.probability_alive.get(), ValueSource::LifetimeValueIfBack))
        }
        _ => yearly_margin(policy, context),
    }
}

fn yearly_margin(policy: &CompiledPolicy, context: &Context<'_, '_>) -> Option<(f64, ValueSource)> {
    let spend = policy.yearly_spend.as_ref()?.number(context)?;
    Some((spend * policy.margin, ValueSource::YearlySpend))
}
