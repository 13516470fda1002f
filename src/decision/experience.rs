//! What came of earlier decisions, counted by action and stage, and what that says about the next one.

use std::collections::HashMap;

use super::LEAVE_ALONE;

/// Parts of 1 in which expected probabilities are added up: whole numbers have the same sum in any order.
pub const PARTS: f64 = 1e9;

/// Decisions of one kind and how many of them had a positive outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Decisions.
    pub sent: u64,
    /// Those with a positive outcome.
    pub positives: u64,
    /// Decisions for which a model gave a probability.
    pub foreseen: u64,
    /// Those of them with a positive outcome.
    pub foreseen_positives: u64,
    /// The models' probabilities added up, in [`PARTS`].
    pub expected_parts: u64,
}

/// One decision as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent<'a> {
    /// The action.
    pub action: &'a str,
    /// The customer's stage.
    pub stage: &'a str,
    /// The model's probability, in [`PARTS`]; `None` if no model gave one.
    pub expected_parts: Option<u64>,
}

/// All counts: leaving alone is not counted, as nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Experience {
    all: Tally,
    stages: HashMap<String, Tally>,
    actions: HashMap<String, OfAction>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct OfAction {
    all: Tally,
    stages: HashMap<String, Tally>,
}

/// How outcomes move probabilities: `[adaptation]` of a policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Adaptation {
    /// Decisions that what was known before counts for.
    pub(super) weight: f64,
    /// Share of positive outcomes where neither a model nor an outcome says anything.
    pub(super) base_rate: f64,
}

/// A probability as outcomes have moved it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Learned {
    pub(super) probability: f64,
    pub(super) standard_error: f64,
    /// Of the action in the stage.
    pub(super) tally: Tally,
}

impl Experience {
    /// Counts decisions of one action in one stage.
    pub fn add(&mut self, action: &str, stage: &str, tally: Tally) {
        self.each(action, stage, |counted| counted.change(tally, u64::wrapping_add));
    }

    /// Takes back what was counted.
    pub fn remove(&mut self, action: &str, stage: &str, tally: Tally) {
        self.each(action, stage, |counted| counted.change(tally, u64::wrapping_sub));
    }

    /// Decisions for an action, in all stages.
    #[must_use]
    pub fn of_action(&self, action: &str) -> Tally {
        self.actions.get(action).map(|of_action| of_action.all).unwrap_or_default()
    }

    /// The probability of a positive outcome of an action in a stage.
    ///
    /// Where a model gives `foreseen`, the shares of positive outcomes are Beta-Bernoulli: with n decisions of which k were
    /// positive, m the models' mean probability of them and w the prior's weight, the share is (k + w m f) / (n + w), and
    /// the customer's probability is the model's times that share over m. f is the same factor of the action in all
    /// other stages, whose prior is the model itself: f = 1. So with few outcomes the model's word stands.
    ///
    /// Without a model the prior is the share of the stage's other actions, whose prior is that of all other stages, whose
    /// prior is the base rate.
    pub(super) fn propensity(
        &self,
        (action, stage): (&str, &str),
        foreseen: Option<f64>,
        adaptation: Adaptation,
    ) -> Learned {
        let weight = adaptation.weight;
        let of_action = self.actions.get(action);
        let tally = of_action.and_then(|of_action| of_action.stages.get(stage)).copied().unwrap_or_default();
        let (share, decisions, scale) = match foreseen {
            Some(foreseen) => {
                let mut elsewhere = self.of_action(action);
                elsewhere.change(tally, u64::wrapping_sub);
                let factor = elsewhere.factor(1.0, weight);
                let expected = tally.mean_expected().unwrap_or(foreseen);
                let prior = (expected * factor).min(1.0);
                let share = (tally.foreseen_positives as f64 + weight * prior) / (tally.foreseen as f64 + weight);
                (share, tally.foreseen as f64, if expected > 0.0 { foreseen / expected } else { 1.0 })
            }
            None => {
                let mut others = self.stages.get(stage).copied().unwrap_or_default();
                let mut elsewhere = self.all;
                elsewhere.change(others, u64::wrapping_sub);
                others.change(tally, u64::wrapping_sub);
                let prior = others.share(elsewhere.share(adaptation.base_rate, weight), weight);
                (tally.share(prior, weight), tally.sent as f64, 1.0)
            }
        };
        let standard_error = (share * (1.0 - share) / (decisions + weight + 1.0)).sqrt();
        Learned { probability: (share * scale).min(1.0), standard_error: standard_error * scale, tally }
    }

    fn each(&mut self, action: &str, stage: &str, mut change: impl FnMut(&mut Tally)) {
        if action == LEAVE_ALONE {
            return;
        }
        change(&mut self.all);
        change(entry(&mut self.stages, stage));
        let of_action = entry(&mut self.actions, action);
        change(&mut of_action.all);
        change(entry(&mut of_action.stages, stage));
    }
}

impl Sent<'_> {
    /// A model's probability in [`PARTS`].
    #[must_use]
    pub fn parts(probability: f64) -> u64 {
        (probability.clamp(0.0, 1.0) * PARTS).round() as u64
    }

    /// The decision made.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let foreseen = u64::from(self.expected_parts.is_some());
        Tally { sent: 1, foreseen, expected_parts: self.expected_parts.unwrap_or(0), ..Tally::default() }
    }

    /// Its first positive outcome.
    #[must_use]
    pub fn positive(&self) -> Tally {
        let foreseen_positives = u64::from(self.expected_parts.is_some());
        Tally { positives: 1, foreseen_positives, ..Tally::default() }
    }
}

impl Tally {
    fn change(&mut self, other: Self, change: impl Fn(u64, u64) -> u64) {
        self.sent = change(self.sent, other.sent);
        self.positives = change(self.positives, other.positives);
        self.foreseen = change(self.foreseen, other.foreseen);
        self.foreseen_positives = change(self.foreseen_positives, other.foreseen_positives);
        self.expected_parts = change(self.expected_parts, other.expected_parts);
    }

    /// The models' mean probability.
    fn mean_expected(&self) -> Option<f64> {
        let mean = self.expected_parts as f64 / PARTS / self.foreseen as f64;
        (mean > 0.0 && mean.is_finite()).then_some(mean)
    }

    /// Positive outcomes over those that the models expected, drawn to `prior` as far as there are few.
    fn factor(&self, prior: f64, weight: f64) -> f64 {
        let Some(mean) = self.mean_expected() else { return prior };
        (self.foreseen_positives as f64 + weight * mean * prior) / (mean * (self.foreseen as f64 + weight))
    }

    /// The share of positive outcomes, drawn to `prior` as far as there are few decisions.
    fn share(&self, prior: f64, weight: f64) -> f64 {
        (self.positives as f64 + weight * prior) / (self.sent as f64 + weight)
    }
}

/// The entry of a name, which is copied only if it is new.
fn entry<'m, T: Default>(map: &'m mut HashMap<String, T>, name: &str) -> &'m mut T {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), T::default());
    }
    map.get_mut(name).expect("inserted where it was not there")
}

#[cfg(test)]
mod tests;
