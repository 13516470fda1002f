//! Which actions a rule counts together, and to which it applies.

use serde::Deserialize;

use super::action::{Action, Goal};

/// What a rule counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Per {
    /// All actions of the customer.
    #[default]
    Customer,
    /// The actions of each channel.
    Channel,
    /// The actions of each group.
    Group,
    /// The actions of each goal.
    Goal,
    /// Each action by itself.
    Action,
}

impl Per {
    /// The name in `policy.toml`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Channel => "channel",
            Self::Group => "group",
            Self::Goal => "goal",
            Self::Action => "action",
        }
    }

    /// The channel, group, goal or id by which an action is counted; `None` if it is in no group.
    pub(super) fn key(self, action: &Action) -> Option<&str> {
        match self {
            Self::Customer => Some(""),
            Self::Channel => Some(&action.channel),
            Self::Group => action.group.as_deref(),
            Self::Goal => Some(Goal::name(action.goal)),
            Self::Action => Some(&action.id),
        }
    }
}

/// The actions that a rule is about.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) per: Per,
    /// Channels, groups, goals or ids; all of them if `None`.
    pub(super) only: Option<Vec<String>>,
}

impl Scope {
    /// Whether the rule is about the action.
    pub(super) fn covers(&self, action: &Action) -> bool {
        let Some(key) = self.per.key(action) else { return false };
        self.only.as_ref().is_none_or(|only| only.iter().any(|name| name == key))
    }

    /// Whether what was done by `earlier` counts for `action`; `None` is an action that the policy does not know.
    pub(super) fn counts(&self, earlier: Option<&Action>, action: &Action) -> bool {
        match (self.per, earlier) {
            (Per::Customer, _) => true,
            (_, None) => false,
            (per, Some(earlier)) => per.key(earlier) == per.key(action),
        }
    }

    /// What is counted, for a person: `by email`, `in group discounts`, or nothing for all.
    pub(super) fn words(&self, action: &Action) -> String {
        match (self.per, self.per.key(action)) {
            (Per::Customer, _) | (_, None) => String::new(),
            (Per::Channel, Some(key)) => format!(" by {key}"),
            (Per::Group, Some(key)) => format!(" in group {key}"),
            (Per::Goal, Some(key)) => format!(" for goal {key}"),
            (Per::Action, Some(key)) => format!(" with {key}"),
        }
    }
}
