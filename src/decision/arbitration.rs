//! Which action wins: the one with the highest expected incremental profit, or none.

use cel::Context;

use super::action::{Action, Missing, Valuation};
use super::expression::Facts;
use super::policy::CompiledPolicy;
use super::{Considered, LEAVE_ALONE};

/// The outcome of weighing all actions for one customer.
pub(super) struct Ranking<'a> {
    /// The best action whose value is known, whether it pays or not.
    pub(super) best: Option<(&'a Action, Valuation<'a>)>,
    /// Every action and leaving alone, by expected gain (highest first), then by id; those without a value last.
    pub(super) considered: Vec<Considered>,
}

impl<'a> Ranking<'a> {
    /// The action to take; `None` is to leave the customer alone.
    pub(super) fn chosen(&self) -> Option<(&'a Action, Valuation<'a>)> {
        self.best.filter(|(_, valuation)| pays(valuation))
    }
}

/// Weighs every action of the policy against the others and against doing nothing, which costs and gains nothing and
/// wins ties.
pub(super) fn arbitrate<'a>(
    policy: &'a CompiledPolicy,
    stage: usize,
    facts: &Facts<'a>,
    context: &Context<'_, '_>,
) -> Ranking<'a> {
    let mut valued = Vec::new();
    let mut refused = Vec::new();
    for action in &policy.actions {
        match candidate(policy, action, stage, facts, context) {
            Ok(valuation) => valued.push((action, valuation)),
            Err(verdict) => refused.push(considered(&action.id, None, verdict)),
        }
    }
    valued.sort_by(|(left, a), (right, b)| b.gain.total_cmp(&a.gain).then_with(|| left.id.cmp(&right.id)));
    refused.sort_by(|left, right| left.action.cmp(&right.action));

    let paying = valued.partition_point(|(_, valuation)| pays(valuation));
    let mut all = Vec::with_capacity(policy.actions.len() + 1);
    for (rank, (action, valuation)) in valued.iter().enumerate() {
        let verdict = match rank {
            0 if paying > 0 => "chosen",
            rank if rank < paying => "lower expected gain",
            _ => "does not pay",
        };
        all.push(considered(&action.id, Some(valuation.gain), verdict.to_owned()));
    }
    let alone = match paying {
        0 => "chosen",
        _ => "lower expected gain",
    };
    all.insert(paying, considered(LEAVE_ALONE, Some(0.0), alone.to_owned()));
    all.append(&mut refused);
    Ranking { best: valued.first().copied(), considered: all }
}

/// The value of an action that may be taken, or why it may not.
fn candidate<'a>(
    policy: &CompiledPolicy,
    action: &'a Action,
    stage: usize,
    facts: &Facts<'a>,
    context: &Context<'_, '_>,
) -> Result<Valuation<'a>, String> {
    if !action.suits_stage[stage] {
        return Err(format!("not for stage {}", policy.stages[stage].name));
    }
    if let Some(eligible) = &action.eligible
        && !eligible.holds(context)
    {
        return Err(format!("not eligible: {}", eligible.source()));
    }
    action.value(policy, facts, context).map_err(|Missing(what)| format!("cannot be valued: no {what}"))
}

fn pays(valuation: &Valuation<'_>) -> bool {
    valuation.gain > 0.0
}

fn considered(action: &str, expected_gain: Option<f64>, verdict: String) -> Considered {
    Considered { action: action.to_owned(), expected_gain, verdict }
}
