//! Why an action may not be taken, in words.

use std::fmt;

use jiff::civil::Date;
use tend_models::quantities::Moment;

use super::action::Action;
use super::contact_rules::{Limit, Suppression};

/// The first rule by which an action is out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal<'a> {
    /// The customer is in this stage, for which the action is not.
    NotForStage(&'a str),
    /// The action begins on this day.
    NotBefore(Date),
    /// The action ended on this day.
    NotAfter(Date),
    /// This condition for being offered the action at all does not hold.
    NotEligible(&'a str),
    /// This condition for the action to make sense now does not hold.
    NotApplicable(&'a str),
    /// This condition for the action to be right for the customer does not hold.
    NotSuitable(&'a str),
    /// The customer has not agreed to this channel.
    NoConsent(&'a str),
    /// The customer has refused this channel.
    OptedOut(&'a str),
    /// There were as many contacts as there may be.
    Limit(&'a Limit, &'a Action),
    /// The action was taken not long ago.
    CoolsDown(Moment),
    /// The customer has refused such actions.
    Suppressed(&'a Suppression, &'a Action, Moment),
    /// The channel's hours are over, and do not begin again in time.
    OutsideHours(&'a str),
    /// An estimate is missing.
    NoValue(&'static str),
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotForStage(stage) => write!(f, "not for stage {stage}"),
            Self::NotBefore(day) => write!(f, "not valid before {day}"),
            Self::NotAfter(day) => write!(f, "not valid after {day}"),
            Self::NotEligible(condition) => write!(f, "not eligible: {condition}"),
            Self::NotApplicable(condition) => write!(f, "not applicable: {condition}"),
            Self::NotSuitable(condition) => write!(f, "not suitable: {condition}"),
            Self::NoConsent(channel) => write!(f, "no consent to {channel}"),
            Self::OptedOut(channel) => write!(f, "opted out of {channel}"),
            Self::Limit(limit, action) => {
                let words = limit.scope.words(action);
                write!(f, "contact limit: {} in {} days{words}", limit.contacts, limit.days)
            }
            Self::CoolsDown(until) => write!(f, "cools down until {until}"),
            Self::Suppressed(rule, action, until) => {
                let words = rule.scope.words(action);
                write!(
                    f,
                    "suppressed until {until}: {} refusals within {} days{words}",
                    rule.refusals, rule.within_days
                )
            }
            Self::OutsideHours(hours) => write!(f, "outside the hours {hours}"),
            Self::NoValue(what) => write!(f, "cannot be valued: no {what}"),
        }
    }
}
