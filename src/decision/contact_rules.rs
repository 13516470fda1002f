//! Whether a customer may be contacted by an action now: consent, limits, cool-down, suppression and hours.

use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::Deserialize;
use tend_models::quantities::{DAY_SECONDS, Moment};

use super::action::Action;
use super::dealings::Dealings;
use super::policy::CompiledPolicy;
use super::refusal::Refusal;
use super::scope::Scope;

/// What a channel asks of a customer's consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ConsentRule {
    /// Only those who have agreed are contacted.
    Required,
    /// All but those who have refused are contacted.
    #[default]
    OptOut,
    /// Consent is not asked for.
    NotNeeded,
}

/// What happens to a decision outside a channel's hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OutsideHours {
    /// The contact waits for the next hours.
    #[default]
    Wait,
    /// The action is not taken.
    Refuse,
}

/// The hours of the day in which a channel may be used.
#[derive(Debug)]
pub(super) struct Hours {
    pub(super) from: Time,
    /// The first time that is too late.
    pub(super) to: Time,
    pub(super) zone: TimeZone,
    pub(super) outside: OutsideHours,
    /// As people read it: `09:00 to 20:00 Europe/Vienna`.
    pub(super) words: String,
}

/// At most so many contacts within so many days.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) scope: Scope,
    pub(super) contacts: u32,
    pub(super) days: u32,
}

/// So many refusals silence an action for a while.
#[derive(Debug)]
pub(super) struct Suppression {
    pub(super) scope: Scope,
    pub(super) refusals: u32,
    pub(super) within_days: u32,
    pub(super) for_days: u32,
    /// A contact that is not taken within so many days is refused.
    pub(super) answer_days: u32,
}

/// An earlier contact as the rules see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contacted<'a> {
    at: i64,
    /// The policy's action; `None` if it is not in the policy.
    action: Option<&'a Action>,
    taken: bool,
}

/// The earlier contacts with the policy's actions in place of their ids.
pub(super) fn contacted<'a>(policy: &'a CompiledPolicy, dealings: &Dealings<'_>) -> Vec<Contacted<'a>> {
    let contacts = dealings.contacts.iter();
    contacts
        .map(|contact| Contacted {
            at: contact.at.seconds(),
            action: policy.action(contact.action),
            taken: contact.taken,
        })
        .collect()
}

/// From when on an action may reach the customer; `None` is at once.
///
/// # Errors
/// [`Refusal`]: the first rule that forbids it.
pub(super) fn may_contact<'a>(
    policy: &'a CompiledPolicy,
    action: &'a Action,
    dealings: &Dealings<'_>,
    contacted: &[Contacted<'_>],
    moment: Moment,
) -> Result<Option<Moment>, Refusal<'a>> {
    let rule = policy.consent.get(&action.channel).copied().unwrap_or_default();
    match (rule, dealings.consent(&action.channel)) {
        (ConsentRule::Required, Some(true))
        | (ConsentRule::OptOut, None | Some(true))
        | (ConsentRule::NotNeeded, _) => {}
        (ConsentRule::Required, None) => return Err(Refusal::NoConsent(&action.channel)),
        (ConsentRule::Required | ConsentRule::OptOut, Some(false)) => return Err(Refusal::OptedOut(&action.channel)),
    }
    for limit in policy.limits.iter().filter(|limit| limit.scope.covers(action)) {
        if limit.left(action, contacted, moment) == 0 {
            return Err(Refusal::Limit(limit, action));
        }
    }
    let latest = contacted.iter().rev().find(|contact| contact.action.is_some_and(|earlier| earlier.id == action.id));
    if let Some(until) = latest.map(|latest| later(latest.at, action.cool_down_days))
        && moment.seconds() < until
    {
        return Err(Refusal::CoolsDown(Moment::from_seconds(until)));
    }
    for suppression in policy.suppressions.iter().filter(|suppression| suppression.scope.covers(action)) {
        if let Some(until) = suppression.until(action, contacted, moment) {
            return Err(Refusal::Suppressed(suppression, action, until));
        }
    }
    match policy.hours.get(&action.channel) {
        Some(hours) => hours.contact_from(action, moment),
        None => Ok(None),
    }
}

impl Limit {
    /// How many more contacts by an action the limit allows.
    pub(super) fn left(&self, action: &Action, contacted: &[Contacted<'_>], moment: Moment) -> u32 {
        let counts = |contact: &&Contacted<'_>| {
            moment.seconds() < later(contact.at, self.days) && self.scope.counts(contact.action, action)
        };
        let made = contacted.iter().filter(counts).count();
        self.contacts.saturating_sub(u32::try_from(made).unwrap_or(u32::MAX))
    }
}

impl Suppression {
    /// Until when an action is silenced; `None` if it is not.
    fn until(&self, action: &Action, contacted: &[Contacted<'_>], moment: Moment) -> Option<Moment> {
        let refused: Vec<i64> = contacted
            .iter()
            .filter(|contact| !contact.taken && self.scope.counts(contact.action, action))
            .map(|contact| later(contact.at, self.answer_days))
            .filter(|refused_at| *refused_at <= moment.seconds())
            .collect();
        let close = |run: &&[i64]| run[run.len() - 1] <= later(run[0], self.within_days);
        let latest = refused.windows(self.refusals as usize).rfind(close)?;
        let until = later(latest[latest.len() - 1], self.for_days);
        (moment.seconds() < until).then(|| Moment::from_seconds(until))
    }
}

impl Hours {
    /// The moment itself is `None`.
    fn contact_from<'a>(&'a self, action: &Action, moment: Moment) -> Result<Option<Moment>, Refusal<'a>> {
        let Ok(timestamp) = jiff::Timestamp::from_second(moment.seconds()) else { return Ok(None) };
        let local = self.zone.to_datetime(timestamp);
        if (self.from..self.to).contains(&local.time()) {
            return Ok(None);
        }
        let day = if local.time() < self.from { local.date() } else { local.date().saturating_add(1.days()) };
        let opens = self.zone.to_timestamp(day.to_datetime(self.from));
        let opens = opens.map(|opens| Moment::from_seconds(opens.as_second())).ok();
        match opens {
            Some(opens) if self.outside == OutsideHours::Wait && opens.date() <= last_day(action, moment) => {
                Ok(Some(opens))
            }
            _ => Err(Refusal::OutsideHours(&self.words)),
        }
    }
}

/// The last day on which an action makes sense if it is decided at a moment, as a UTC date.
pub(super) fn last_day(action: &Action, moment: Moment) -> Date {
    let deadline = moment.date().saturating_add(action.deadline_days.days());
    action.valid_until.map_or(deadline, |last| last.min(deadline))
}

fn later(at: i64, days: u32) -> i64 {
    at.saturating_add(i64::from(days) * DAY_SECONDS)
}

#[cfg(test)]
mod tests;
