//! What became of every candidate: chosen, or the rule or the comparison by which it lost.

use super::arbitration::Candidate;
use super::chances::Chances;
use super::terms::Basis;
use super::weighing::{Choice, Weighing};
use super::{Considered, LEAVE_ALONE};

/// Every action and leaving alone: those that pay, leaving alone, those that do not, those that may not be taken.
pub(super) fn considered(
    weighing: &Weighing<'_>,
    choice: Choice<'_>,
    chosen: Option<&Candidate<'_>>,
    chances: &Chances,
) -> Vec<Considered> {
    let ranking = &weighing.ranking;
    let paying = ranking.paying().len();
    let mut all = Vec::with_capacity(weighing.policy.actions.len() + 1);
    for (rank, candidate) in ranking.candidates.iter().enumerate() {
        if rank == paying {
            all.push(alone(chosen, chances));
        }
        all.push(Considered {
            action: candidate.action.id.clone(),
            expected_gain: candidate.terms.expected_gain(),
            verdict: verdict(weighing, choice, chosen, candidate, rank).to_owned(),
            probability: chances.of_place(candidate.place),
            terms: Some(candidate.terms),
        });
    }
    if paying == ranking.candidates.len() {
        all.push(alone(chosen, chances));
    }
    all.extend(ranking.refused.iter().map(|(action, refusal)| Considered {
        action: action.id.clone(),
        expected_gain: None,
        verdict: refusal.to_string(),
        probability: 0.0,
        terms: None,
    }));
    all
}

fn verdict(
    weighing: &Weighing<'_>,
    choice: Choice<'_>,
    chosen: Option<&Candidate<'_>>,
    candidate: &Candidate<'_>,
    rank: usize,
) -> &'static str {
    if chosen.is_some_and(|chosen| chosen.place == candidate.place) {
        let is_explored = matches!(choice, Choice::Drawn(_)) && (rank > 0 || !candidate.terms.pays());
        return if is_explored { "chosen to explore" } else { "chosen" };
    }
    if !candidate.terms.pays() {
        let is_loss = candidate.terms.expected_gain().is_none_or(|gain| gain <= 0.0);
        return if is_loss { "does not pay" } else { "weighed down by context or levers" };
    }
    if weighing.is_control && rank == 0 {
        return "control group";
    }
    match choice {
        Choice::Drawn(_) if rank == 0 => "passed over to explore",
        Choice::Assigned(_, places) if places.contains(&candidate.place) => "chosen as well",
        Choice::Assigned(..) if chosen.is_none_or(|chosen| chosen.terms.priority < candidate.terms.priority) => {
            "budget or capacity earns more elsewhere"
        }
        _ if candidate.terms.basis == Basis::Propensity && is_incremental(chosen) => "no effect of it is known",
        _ => "lower priority",
    }
}

fn is_incremental(chosen: Option<&Candidate<'_>>) -> bool {
    chosen.is_some_and(|chosen| chosen.terms.basis == Basis::Incremental)
}

fn alone(chosen: Option<&Candidate<'_>>, chances: &Chances) -> Considered {
    Considered {
        action: LEAVE_ALONE.to_owned(),
        expected_gain: Some(0.0),
        verdict: if chosen.is_some() { "lower priority" } else { "chosen" }.to_owned(),
        probability: chances.alone(),
        terms: None,
    }
}
