//! Which action wins: the one with the highest priority among those that may be taken and pay, or none.

use cel::Context;
use tend_models::quantities::Moment;

use super::action::{Action, Missing};
use super::contact_rules::{contacted, may_contact};
use super::expression::Facts;
use super::policy::CompiledPolicy;
use super::refusal::Refusal;
use super::terms::{Basis, Terms};
use super::weight::{context_factor, holding};

/// An action that may be taken, with what it is worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    /// Its place in the policy.
    pub(super) place: usize,
    pub(super) action: &'a Action,
    /// The product that is offered.
    pub(super) product: Option<&'a str>,
    pub(super) terms: Terms,
    /// When the channel's hours begin; `None` is at once.
    pub(super) contact_from: Option<Moment>,
}

/// The outcome of weighing all actions for one customer.
pub(super) struct Ranking<'a> {
    /// Those that may be taken, the best first: those that pay, those of which an effect is known before those ranked
    /// by propensity alone, by priority, by id.
    pub(super) candidates: Vec<Candidate<'a>>,
    /// Those that may not, by id.
    pub(super) refused: Vec<(&'a Action, Refusal<'a>)>,
}

impl<'a> Ranking<'a> {
    /// The action to take; `None` is to leave the customer alone.
    pub(super) fn best(&self) -> Option<&Candidate<'a>> {
        self.paying().first()
    }

    /// The candidates that pay, the best first.
    pub(super) fn paying(&self) -> &[Candidate<'a>] {
        &self.candidates[..self.candidates.partition_point(|candidate| candidate.terms.pays())]
    }

    /// The candidates that can be compared with the best: those that pay, and if `unsure` those that may; only those with
    /// a known effect if the best has one. Each with its place among the candidates.
    pub(super) fn comparable(&self, unsure: bool) -> impl Iterator<Item = (usize, &Candidate<'a>)> {
        let takes_part = move |terms: &Terms| if unsure { terms.may_pay() } else { terms.pays() };
        let basis = self.candidates.iter().find(|one| takes_part(&one.terms)).map(|first| first.terms.basis);
        let all = self.candidates.iter().enumerate();
        all.filter(move |(_, one)| takes_part(&one.terms) && Some(one.terms.basis) == basis)
    }
}

/// Weighs every action of the policy.
pub(super) fn arbitrate<'a>(
    policy: &'a CompiledPolicy,
    stage: usize,
    facts: &Facts<'a>,
    context: &Context<'_, '_>,
) -> Ranking<'a> {
    let contexts = holding(&policy.contexts, context);
    let contacted = contacted(policy, facts.subject.dealings);
    let mut candidates = Vec::with_capacity(policy.actions.len());
    let mut refused = Vec::new();
    for (place, action) in policy.actions.iter().enumerate() {
        let weighed = check_stage_and_dates(policy, action, stage, facts)
            .and_then(|()| action.check_conditions(context))
            .and_then(|()| {
                may_contact(policy, action, facts.subject.dealings, &contacted, facts.subject.scorecard.moment)
            })
            .and_then(|contact_from| {
                let context_factor =
                    if policy.factors.context { context_factor(&policy.contexts, &contexts, action) } else { 1.0 };
                let terms = action.terms(policy, &policy.stages[stage], facts, context, context_factor);
                let (product, terms) = terms.map_err(|Missing(what)| Refusal::NoValue(what))?;
                Ok(Candidate { place, action, product, terms, contact_from })
            });
        match weighed {
            Ok(candidate) => candidates.push(candidate),
            Err(refusal) => refused.push((action, refusal)),
        }
    }
    let rank = |candidate: &Candidate<'_>| (candidate.terms.pays(), candidate.terms.basis == Basis::Incremental);
    candidates.sort_by(|one, other| {
        let by_rank = rank(other).cmp(&rank(one));
        let by_priority = || other.terms.priority.total_cmp(&one.terms.priority);
        by_rank.then_with(by_priority).then_with(|| one.action.id.cmp(&other.action.id))
    });
    refused.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
    Ranking { candidates, refused }
}

fn check_stage_and_dates<'a>(
    policy: &'a CompiledPolicy,
    action: &'a Action,
    stage: usize,
    facts: &Facts<'_>,
) -> Result<(), Refusal<'a>> {
    if !action.suits_stage[stage] {
        return Err(Refusal::NotForStage(&policy.stages[stage].name));
    }
    let today = facts.subject.scorecard.moment.date();
    match (action.valid_from, action.valid_until) {
        (Some(first), _) if today < first => Err(Refusal::NotBefore(first)),
        (_, Some(last)) if today > last => Err(Refusal::NotAfter(last)),
        _ => Ok(()),
    }
}
