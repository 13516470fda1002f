//! What a company adds to a priority beyond money: context and levers, in percent that add up.

use cel::Context;
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::expression::Expression;
use super::scope::Scope;

/// A factor of the priority that a policy can switch off; it is 1 then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// The propensity, where no effect is known.
    Probability,
    /// What one success is worth, where no effect is known.
    Value,
    /// What the moment makes of an action.
    Context,
    /// What the company makes of an action.
    Levers,
}

/// Which factors a policy uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Factors {
    pub(super) probability: bool,
    pub(super) value: bool,
    pub(super) context: bool,
    pub(super) levers: bool,
}

impl Factors {
    /// All but these.
    pub(super) fn without(off: &[Factor]) -> Self {
        let on = |factor| !off.contains(&factor);
        Self {
            probability: on(Factor::Probability),
            value: on(Factor::Value),
            context: on(Factor::Context),
            levers: on(Factor::Levers),
        }
    }
}

/// A condition under which some actions weigh more, or less.
#[derive(Debug)]
pub(super) struct ContextWeight {
    pub(super) when: Expression,
    pub(super) scope: Scope,
    pub(super) percent: f64,
}

/// The factor of percentages that add up: 1 + sum / 100, never below 0.
pub(super) fn factor(percents: impl IntoIterator<Item = f64>) -> f64 {
    (1.0 + percents.into_iter().sum::<f64>() / 100.0).max(0.0)
}

/// The context's factor for an action; `holds` says of each context whether it holds, (contexts,).
pub(super) fn context_factor(contexts: &[ContextWeight], holds: &[bool], action: &Action) -> f64 {
    let applies = |(context, holds): &(&ContextWeight, &bool)| **holds && context.scope.covers(action);
    factor(contexts.iter().zip(holds).filter(applies).map(|(context, _)| context.percent))
}

/// Of each context, whether it holds for the customer.
pub(super) fn holding(contexts: &[ContextWeight], context: &Context<'_, '_>) -> Vec<bool> {
    contexts.iter().map(|weight| weight.when.holds(context)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_add_up_before_they_become_a_factor() {
        assert_eq!(factor([20.0, 25.0, 10.0]), 1.55);
        assert_eq!(factor([]), 1.0);
        assert_eq!(factor([-60.0, -70.0]), 0.0, "a factor below 0 would turn a loss into a gain");
    }
}
