//! What could be chosen for one customer, each with its probability: exploration and the control group leave it to chance.

use super::control::draw;
use super::exploration::{Arm, Exploration, probabilities, ramp, select};
use super::weighing::{Choice, Weighing};

/// Sets the draws of exploration apart from those of control groups.
const SALT: &str = "exploration";

/// The probability of each action that could be chosen, and of leaving alone: they add up to 1.
#[derive(Debug)]
pub(super) struct Chances {
    /// Place among the candidates, place in the policy, and probability.
    acts: Vec<(usize, usize, f64)>,
    alone: f64,
    /// The same outside the control group, leaving alone first: what a draw selects from.
    drawn: Vec<f64>,
}

impl Chances {
    pub(super) fn of(weighing: &Weighing<'_>, choice: Choice<'_>) -> Self {
        let (acts, drawn) = match (choice, weighing.policy.exploration_of(weighing.stage_place)) {
            (Choice::Drawn(_), Some(exploration)) => explored(weighing, exploration),
            (Choice::Assigned(place, _), _) if !weighing.is_control => {
                let assigned = weighing.ranking.paying().iter().position(|one| Some(one.place) == place);
                certain(assigned)
            }
            _ => certain((!weighing.ranking.paying().is_empty()).then_some(0)),
        };
        let control = weighing.policy.control.as_ref().filter(|_| !acts.is_empty()).map_or(0.0, |group| group.share);
        let with_place = |(act, probability): (usize, &f64)| {
            (act, weighing.ranking.candidates[act].place, (1.0 - control) * probability)
        };
        Self {
            acts: acts.into_iter().zip(&drawn[1..]).map(with_place).collect(),
            alone: control + (1.0 - control) * drawn[0],
            drawn,
        }
    }

    /// The actions' places among the candidates with their probabilities, the best first.
    pub(super) fn acts(&self) -> impl Iterator<Item = (usize, f64)> {
        self.acts.iter().map(|&(act, _, probability)| (act, probability))
    }

    pub(super) fn alone(&self) -> f64 {
        self.alone
    }

    /// The probability of the action in a place of the policy.
    pub(super) fn of_place(&self, place: usize) -> f64 {
        self.acts.iter().find(|(_, known, _)| *known == place).map_or(0.0, |&(_, _, probability)| probability)
    }

    /// What a decision's id selects outside the control group: a place among the candidates, or `None` for leaving alone.
    pub(super) fn drawn(&self, decision_id: &str) -> Option<usize> {
        let selected = select(&self.drawn, draw(SALT, decision_id))?;
        Some(self.acts[selected.checked_sub(1)?].0)
    }
}

/// One action for certain, or leaving alone.
fn certain(act: Option<usize>) -> (Vec<usize>, Vec<f64>) {
    match act {
        Some(act) => (vec![act], vec![0.0, 1.0]),
        None => (Vec::new(), vec![1.0]),
    }
}

/// The actions that can be compared, and the probabilities of leaving alone and of each of them.
///
/// Epsilon tries what pays; Thompson sampling also what pays at the upper end of its interval.
fn explored(weighing: &Weighing<'_>, exploration: Exploration) -> (Vec<usize>, Vec<f64>) {
    let is_thompson = matches!(exploration, Exploration::Thompson { .. });
    let alone = Arm { priority: 0.0, standard_error: 0.0, share: 1.0 };
    let (mut acts, mut arms) = (Vec::new(), vec![alone]);
    for (act, candidate) in weighing.ranking.comparable(is_thompson) {
        let positives = weighing.facts.subject.experience.of_action(&candidate.action.id).positives;
        let share = if weighing.policy.ramps_up { ramp(positives) } else { 1.0 };
        let terms = &candidate.terms;
        acts.push(act);
        arms.push(Arm { priority: terms.priority, standard_error: terms.standard_error, share });
    }
    let probabilities = probabilities(exploration, &arms);
    (acts, probabilities)
}

#[cfg(test)]
mod tests;
