//! One customer's actions weighed, and the decision that follows from a choice among them.

use jiff::ToSpan;

use super::action::{self, Action};
use super::arbitration::{Candidate, Ranking, arbitrate};
use super::chances::Chances;
use super::expression::Facts;
use super::policy::CompiledPolicy;
use super::stage::{Stage, stage_of};
use super::terms::ValueSource;
use super::{Decision, DecisionScores, LEAVE_ALONE, Subject, reason, verdict};

/// What each action is worth for one customer, before one of them is chosen.
pub struct Weighing<'a> {
    pub(super) policy: &'a CompiledPolicy,
    pub(super) facts: Facts<'a>,
    /// Place of the stage in the policy.
    pub(super) stage_place: usize,
    pub(super) stage: &'a Stage,
    pub(super) ranking: Ranking<'a>,
    /// What is lost with the customer.
    own_value: Option<f64>,
    pub(super) is_control: bool,
}

/// Who chooses among the actions that pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice<'a> {
    /// The highest priority.
    Best,
    /// The highest priority, or where the policy explores the stage, what chance makes of the id of this decision: the
    /// same id, customer and policy give the same decision.
    Drawn(&'a str),
    /// Whoever looks at all customers at once: the place of an action in the policy, or none, and all the places that
    /// were given to this customer.
    Assigned(Option<usize>, &'a [usize]),
}

impl<'a> Weighing<'a> {
    /// Finds the customer's stage and weighs every action of the policy.
    #[must_use]
    pub fn of(policy: &'a CompiledPolicy, subject: &'a Subject<'a>) -> Self {
        let resolver = policy.resolver(subject);
        let context = policy.context(&resolver);
        let facts = resolver.facts;
        let stage = stage_of(&policy.stages, &context);
        Self {
            policy,
            facts,
            stage_place: stage,
            stage: &policy.stages[stage],
            ranking: arbitrate(policy, stage, &facts, &context),
            own_value: action::value_at_stake(policy, &facts, &context).map(|(value, _)| value),
            is_control: policy.control.as_ref().is_some_and(|group| group.holds(&subject.scorecard.customer_id)),
        }
    }

    /// The places in the policy of the actions that can be chosen, the best first, each with its priority: those that
    /// may be taken and pay; of these only those with a known effect, if there are any; none for a customer of the
    /// control group.
    pub fn open(&self) -> impl Iterator<Item = (usize, f64)> {
        let open = self.ranking.comparable(false).filter(|_| !self.is_control);
        open.map(|(_, candidate)| (candidate.place, candidate.terms.priority))
    }

    /// The stage's name.
    #[must_use]
    pub fn stage(&self) -> &'a str {
        &self.stage.name
    }

    /// What the policy would do of itself, with the probability of each: what it explores, and leaving alone as far as
    /// chance may put the customer into the control group.
    #[must_use]
    pub fn probabilities(&self) -> Vec<(&'a str, f64)> {
        let chances = Chances::of(self, Choice::Drawn(""));
        let acts = chances.acts().map(|(place, probability)| (self.candidate(place).action.id.as_str(), probability));
        acts.chain([(LEAVE_ALONE, chances.alone())]).filter(|(_, probability)| *probability > 0.0).collect()
    }

    /// The decision; an action that cannot be chosen counts as none.
    #[must_use]
    pub fn decide(&self, choice: Choice<'_>) -> Decision {
        let chances = Chances::of(self, choice);
        let chosen = match choice {
            _ if self.is_control => None,
            Choice::Drawn(decision_id) => chances.drawn(decision_id),
            Choice::Best | Choice::Assigned(..) => chances.acts().next().map(|(place, _)| place),
        };
        let chosen = chosen.map(|place| self.candidate(place));
        let alone = self.leave_alone(choice, chosen, &chances);
        match chosen {
            Some(candidate) => self.act(candidate, chances.of_place(candidate.place), alone),
            None => alone,
        }
    }

    fn candidate(&self, place: usize) -> &Candidate<'a> {
        &self.ranking.candidates[place]
    }

    fn leave_alone(&self, choice: Choice<'_>, chosen: Option<&Candidate<'_>>, chances: &Chances) -> Decision {
        let scorecard = self.facts.subject.scorecard;
        Decision {
            customer_id: scorecard.customer_id.clone(),
            moment: scorecard.moment,
            stage: self.stage.name.clone(),
            action: LEAVE_ALONE.to_owned(),
            action_label: "Leave alone".to_owned(),
            channel: None,
            product: None,
            expected_gain: 0.0,
            priority: 0.0,
            at_stake: self.own_value,
            effect: 0.0,
            effect_source: None,
            cost: 0.0,
            probability: chances.alone(),
            control_group: self.is_control,
            reason: reason::reason(self, choice, chosen),
            deadline: None,
            contact_from: None,
            considered: verdict::considered(self, choice, chosen, chances),
            without: self.policy.without.clone(),
            scores: DecisionScores {
                churn_probability: scorecard.churn_probability,
                risk_band: self.facts.risk_band,
                predicted_clv: scorecard.value.map(|value| value.predicted_clv),
            },
            model_versions: scorecard.model_versions.clone(),
            policy_version: self.policy.version.clone(),
        }
    }

    fn act(&self, candidate: &Candidate<'_>, probability: f64, alone: Decision) -> Decision {
        let (action, terms): (&Action, _) = (candidate.action, &candidate.terms);
        let deadline = alone.moment.date().saturating_add(action.deadline_days.days());
        Decision {
            action: action.id.clone(),
            action_label: action.label.clone(),
            channel: Some(action.channel.clone()),
            product: candidate.product.map(str::to_owned),
            expected_gain: terms.expected_gain().unwrap_or(0.0),
            priority: terms.priority,
            at_stake: if terms.value_source == ValueSource::Margin { alone.at_stake } else { Some(terms.value) },
            effect: terms.effect.unwrap_or(0.0),
            effect_source: Some(terms.effect_source),
            cost: action.cost,
            probability,
            deadline: Some(action.valid_until.map_or(deadline, |last| last.min(deadline))),
            contact_from: candidate.contact_from,
            ..alone
        }
    }
}
