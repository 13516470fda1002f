//! What can be said against a policy's rules of contact, its weights and its dates, and the rules ready for use.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::place::{Fault, Place};
use super::rows::{ActionRow, ContextRow, HoursRow, Rows};
use crate::decision::action::Goal;
use crate::decision::contact_rules::{Hours, Limit, Suppression};
use crate::decision::control::ControlGroup;
use crate::decision::names;
use crate::decision::scope::{Per, Scope};

/// Longest window of any rule: ten years.
const LONGEST_DAYS: u32 = 3_650;

/// Checks all rules.
///
/// # Errors
/// [`Fault`] for the first thing that is wrong.
pub(super) fn check(rows: &Rows) -> Result<(), Fault> {
    let channels = || rows.actions.iter().map(|action| action.channel.as_str());
    for channel in rows.consent.keys() {
        check_name("channel", channel, channels(), Place::once("consent", channel))?;
    }
    for channel in rows.hours.keys() {
        check_name("channel", channel, channels(), Place::once("hours", channel))?;
    }
    for group in rows.levers.group.keys() {
        check_name("group", group, groups(rows), Place::once("levers", format!("group.{group}")))?;
    }
    hours(rows)?;
    control(rows)?;
    limits(rows)?;
    suppressions(rows)?;
    if let Some(days) = rows.online.decisions_count_days {
        check_days(days, 1, Place::once("online", "decisions_count_days"))?;
    }
    for (index, context) in rows.contexts.iter().enumerate() {
        let place = |field: &str| Place::row("context", index, "", field);
        check_scope(rows, context.per, context.only.as_deref(), place("only"))?;
        check_percent(context.percent, place("percent"))?;
    }
    for (goal, percent) in &rows.levers.goal {
        check_percent(*percent, Place::once("levers", format!("goal.{}", goal.name())))?;
    }
    for (group, percent) in &rows.levers.group {
        check_percent(*percent, Place::once("levers", format!("group.{group}")))?;
    }
    for (index, action) in rows.actions.iter().enumerate() {
        check_percent(action.lever, Place::row("action", index, &action.id, "lever"))?;
        check_days(action.cool_down_days, 0, Place::row("action", index, &action.id, "cool_down_days"))?;
        if action.group.as_ref().is_some_and(|group| group.trim().is_empty()) {
            return Place::row("action", index, &action.id, "group").wrong("found nothing, expected a text");
        }
        validity(action, index)?;
    }
    Ok(())
}

/// The first and the last day of an action.
///
/// # Errors
/// [`Fault`] for a text that is no date, and for an end before the beginning.
pub(super) fn validity(action: &ActionRow, index: usize) -> Result<(Option<Date>, Option<Date>), Fault> {
    let date = |field: &str, text: &Option<String>| {
        let Some(text) = text else { return Ok(None) };
        let place = Place::row("action", index, &action.id, field);
        match text.parse::<Date>() {
            Ok(date) => Ok(Some(date)),
            Err(_) => place.wrong(format!("found {text:?}, expected a date; write {field} = \"2026-11-30\"")),
        }
    };
    let (first, last) = (date("valid_from", &action.valid_from)?, date("valid_until", &action.valid_until)?);
    match (first, last) {
        (Some(first), Some(last)) if last < first => Place::row("action", index, &action.id, "valid_until")
            .wrong(format!("found {last}, expected a day from valid_from = {first} on")),
        both => Ok(both),
    }
}

/// The hours of each channel.
///
/// # Errors
/// [`Fault`] for a text that is no time or no zone, and for hours that end before they begin.
pub(super) fn hours(rows: &Rows) -> Result<BTreeMap<String, Hours>, Fault> {
    let one = |(channel, row): (&String, &HoursRow)| {
        let place = |field: &str| Place::once("hours", format!("{channel}.{field}"));
        let time = |field: &str, text: &str| match text.parse::<Time>() {
            Ok(time) => Ok(time),
            Err(_) => place(field).wrong(format!("found {text:?}, expected a time of day; write {field} = \"09:00\"")),
        };
        let (from, to) = (time("from", &row.from)?, time("to", &row.to)?);
        if to <= from {
            return place("to").wrong(format!("found {}, expected a time after from = {}", row.to, row.from));
        }
        let Ok(zone) = TimeZone::get(&row.time_zone) else {
            return place("time_zone")
                .wrong(format!("found {:?}, expected a zone; write \"Europe/Vienna\" or \"UTC\"", row.time_zone));
        };
        let words = format!("{} to {} {}", row.from, row.to, row.time_zone);
        Ok((channel.clone(), Hours { from, to, zone, outside: row.outside, words }))
    };
    rows.hours.iter().map(one).collect()
}

/// The control group.
///
/// # Errors
/// [`Fault`] for a share out of range.
pub(super) fn control(rows: &Rows) -> Result<Option<ControlGroup>, Fault> {
    let Some(row) = &rows.control else { return Ok(None) };
    if !(0.0..1.0).contains(&row.share) {
        return Place::once("control", "share").wrong(format!(
            "found {}, expected the share of customers who are left alone, from 0 to below 1; write 0.05 for 5 %",
            row.share
        ));
    }
    Ok(Some(ControlGroup { share: row.share, salt: row.salt.clone() }))
}

/// The contact limits.
///
/// # Errors
/// [`Fault`] for a window out of range or a name that does not exist.
pub(super) fn limits(rows: &Rows) -> Result<Vec<Limit>, Fault> {
    let one = |(index, row): (usize, &super::rows::LimitRow)| {
        let place = |field: &str| Place::row("limit", index, "", field);
        check_days(row.days, 1, place("days"))?;
        let scope = check_scope(rows, row.per, row.only.as_deref(), place("only"))?;
        Ok(Limit { scope, contacts: row.contacts, days: row.days })
    };
    rows.limits.iter().enumerate().map(one).collect()
}

/// The suppressions.
///
/// # Errors
/// [`Fault`] for a number out of range or a name that does not exist.
pub(super) fn suppressions(rows: &Rows) -> Result<Vec<Suppression>, Fault> {
    let one = |(index, row): (usize, &super::rows::SuppressionRow)| {
        let place = |field: &str| Place::row("suppression", index, "", field);
        if row.refusals == 0 {
            return place("refusals").wrong("found 0, expected how many refusals silence an action: 1 or more");
        }
        check_days(row.within_days, 1, place("within_days"))?;
        check_days(row.for_days, 1, place("for_days"))?;
        check_days(row.answer_days, 0, place("answer_days"))?;
        Ok(Suppression {
            scope: check_scope(rows, row.per, row.only.as_deref(), place("only"))?,
            refusals: row.refusals,
            within_days: row.within_days,
            for_days: row.for_days,
            answer_days: row.answer_days,
        })
    };
    rows.suppressions.iter().enumerate().map(one).collect()
}

/// The scope of a context.
///
/// # Errors
/// [`Fault`] for a name that does not exist.
pub(super) fn context_scope(rows: &Rows, row: &ContextRow, index: usize) -> Result<Scope, Fault> {
    check_scope(rows, row.per, row.only.as_deref(), Place::row("context", index, "", "only"))
}

fn check_scope(rows: &Rows, per: Per, only: Option<&[String]>, place: Place) -> Result<Scope, Fault> {
    for name in only.into_iter().flatten() {
        let place = place.clone();
        match per {
            Per::Customer => {
                return place.wrong(
                    "found names for per = \"customer\", which is about all actions; write per = \"channel\", \
                     \"group\", \"goal\" or \"action\"",
                );
            }
            Per::Channel => {
                check_name(per.name(), name, rows.actions.iter().map(|action| action.channel.as_str()), place)?;
            }
            Per::Group => check_name(per.name(), name, groups(rows), place)?,
            Per::Goal => check_name(per.name(), name, Goal::ALL.iter().map(|goal| goal.name()), place)?,
            Per::Action => check_name(per.name(), name, rows.actions.iter().map(|action| action.id.as_str()), place)?,
        }
    }
    Ok(Scope { per, only: only.map(<[String]>::to_vec) })
}

fn groups(rows: &Rows) -> impl Iterator<Item = &str> {
    rows.actions.iter().filter_map(|action| action.group.as_deref())
}

fn check_name<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>, place: Place) -> Result<(), Fault> {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    known.dedup();
    if known.contains(&name) {
        return Ok(());
    }
    place.wrong(format!("no action has the {what} `{name}`; {}", names::advice(name, known)))
}

fn check_days(days: u32, least: u32, place: Place) -> Result<(), Fault> {
    if (least..=LONGEST_DAYS).contains(&days) {
        return Ok(());
    }
    place.wrong(format!("found {days}, expected whole days from {least} to {LONGEST_DAYS}"))
}

fn check_percent(percent: f64, place: Place) -> Result<(), Fault> {
    if (-100.0..=10_000.0).contains(&percent) {
        return Ok(());
    }
    place.wrong(format!("found {percent}, expected percent from -100 to 10000; write 25 for a quarter more"))
}
