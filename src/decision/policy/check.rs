//! What can be said against a policy file without knowing the features: numbers, names and their references.

use super::place::{Fault, Place};
use super::rows::{ActionRow, EffectRow, MoneyRow, Rows, StageRow};
use super::{learning, rules};
use crate::decision::action::{Effect, EffectSource, Goal};
use crate::decision::stage::RiskBands;
use crate::decision::{LEAVE_ALONE, names};

/// Furthest deadline: ten years.
const LONGEST_DEADLINE_DAYS: i64 = 3_650;

/// Checks everything in the file that does not depend on the features.
///
/// # Errors
/// [`Fault`] for the first thing that is wrong.
pub(super) fn check(rows: &Rows) -> Result<(), Fault> {
    check_money(&rows.money)?;
    check_bands(rows.bands)?;
    for (product, margin) in &rows.product_margin {
        if !margin.is_finite() {
            let place = Place::once("product_margin", product);
            return place.wrong(format!("found {margin}, expected the margin of one purchase in money"));
        }
    }
    check_stages(&rows.stages)?;
    for (index, action) in rows.actions.iter().enumerate() {
        check_id(action, &rows.actions[..index])?;
        check_action(action, index, &rows.stages)?;
    }
    rules::check(rows)?;
    learning::check(rows)
}

fn check_money(money: &MoneyRow) -> Result<(), Fault> {
    if money.currency.as_ref().is_some_and(|currency| currency.trim().is_empty()) {
        return Place::once("money", "currency").wrong(
            "found nothing, expected a currency as people write it; write currency = \"EUR\", or leave it out to show \
             plain amounts",
        );
    }
    if !(0.0..=1.0).contains(&money.margin) {
        return Place::once("money", "margin").wrong(format!(
            "found {}, expected the share of spend that is margin, from 0 to 1; write 0.3 for 30 %",
            money.margin
        ));
    }
    Ok(())
}

fn check_bands(bands: RiskBands) -> Result<(), Fault> {
    let RiskBands { low, high } = bands;
    if 0.0 <= low && low <= high && high <= 1.0 {
        return Ok(());
    }
    Place { table: "bands", row: None, field: None }
        .wrong(format!("found low = {low} and high = {high}, expected 0 <= low <= high <= 1"))
}

fn check_stages(stages: &[StageRow]) -> Result<(), Fault> {
    for (index, stage) in stages.iter().enumerate() {
        let place = Place::row("stage", index, "", "name");
        if !is_identifier(&stage.name) {
            return place.wrong(not_an_identifier(&stage.name, "at_risk"));
        }
        if stages[..index].iter().any(|other| other.name == stage.name) {
            return place.wrong(twice(&stage.name));
        }
    }
    let expected = "expected the last stage to have when = \"true\", so that every customer has a stage";
    match stages.last() {
        None => Place { table: "stage", row: None, field: None }.wrong(format!("found no stage; {expected}")),
        Some(last) if last.when.trim() != "true" => Place::row("stage", stages.len() - 1, &last.name, "when")
            .wrong(format!("found when = {:?} in the last stage, {expected}; add a stage after it", last.when)),
        Some(_) => Ok(()),
    }
}

fn check_id(action: &ActionRow, earlier: &[ActionRow]) -> Result<(), Fault> {
    let place = Place::row("action", earlier.len(), "", "id");
    if !is_identifier(&action.id) {
        return place.wrong(not_an_identifier(&action.id, "save_call"));
    }
    if action.id == LEAVE_ALONE {
        return place.wrong(format!("found `{LEAVE_ALONE}`, which is always a candidate; remove this action"));
    }
    if earlier.iter().any(|other| other.id == action.id) {
        return place.wrong(twice(&action.id));
    }
    Ok(())
}

fn check_action(action: &ActionRow, index: usize, stages: &[StageRow]) -> Result<(), Fault> {
    let place = |field: &str| Place::row("action", index, &action.id, field);
    for (field, text) in [("label", &action.label), ("channel", &action.channel)] {
        if text.trim().is_empty() {
            return place(field).wrong("found nothing, expected a text");
        }
    }
    if action.stages.is_empty() {
        return place("stages").wrong("found none, expected at least one; remove the action to switch it off");
    }
    for name in &action.stages {
        if !stages.iter().any(|stage| stage.name == *name) {
            let known = stages.iter().map(|stage| stage.name.as_str());
            return place("stages").wrong(format!("there is no stage `{name}`; {}", names::advice(name, known)));
        }
    }
    if !(action.cost >= 0.0 && action.cost.is_finite()) {
        let found = action.cost;
        return place("cost").wrong(format!("found {found}, expected what one contact costs in money: 0 or more"));
    }
    if !(0..=LONGEST_DEADLINE_DAYS).contains(&action.deadline_days) {
        let found = action.deadline_days;
        return place("deadline_days")
            .wrong(format!("found {found}, expected whole days from 0 to {LONGEST_DEADLINE_DAYS}"));
    }
    if action.product.is_some() && action.goal != Goal::CrossSell {
        return place("product").wrong("a product belongs to goal = \"cross_sell\" only; remove it or change the goal");
    }
    if action.value.is_some_and(|value| !value.is_finite()) {
        return place("value").wrong("expected what one success is worth in money; leave it out to use the models");
    }
    effect(action, index)?;
    effect_error(action, index).map(|_| ())
}

/// The effect that an action states.
///
/// # Errors
/// [`Fault`] if there is none but should be, more than one, one that does not suit the goal or is out of range.
pub(super) fn effect(action: &ActionRow, index: usize) -> Result<Effect, Fault> {
    let place = Place::row("action", index, &action.id, "effect");
    let relative = match action.goal {
        Goal::Retain | Goal::Onboard | Goal::Service => "relative_reduction",
        Goal::CrossSell | Goal::WinBack => "relative_increase",
    };
    let EffectRow { source, relative_reduction, relative_increase, added_probability, .. } = action.effect;
    let given = [
        ("relative_reduction", relative_reduction),
        ("relative_increase", relative_increase),
        ("added_probability", added_probability),
    ];
    let mut given = given.into_iter().filter_map(|(name, amount)| Some((name, amount?)));
    let is_stated = matches!(source, EffectSource::Assumed | EffectSource::Experiment);
    let (name, amount) = match (given.next(), given.next()) {
        (None, _) if !is_stated => return Ok(Effect::Unstated),
        (Some((name, _)), _) if !is_stated => {
            return place.wrong(format!(
                "found {name} beside source = \"{}\", which has no size of its own; remove one of them",
                source.name()
            ));
        }
        (Some(only), None) => only,
        (found, _) => {
            let found = found.map_or("no size", |_| "more than one size");
            return place.wrong(format!("found {found}, expected one: {relative} or added_probability"));
        }
    };
    let highest = match name {
        "relative_increase" => f64::MAX,
        _ => 1.0,
    };
    if !(0.0..=highest).contains(&amount) {
        return place.wrong(format!("found {name} = {amount}, expected a share such as 0.15 for 15 %"));
    }
    match name {
        "added_probability" => Ok(Effect::AddedProbability(amount)),
        _ if name != relative => place.wrong(format!(
            "found {name}, expected {relative} or added_probability for goal = \"{}\"",
            action.goal.name()
        )),
        "relative_reduction" => Ok(Effect::RelativeReduction(amount)),
        _ => Ok(Effect::RelativeIncrease(amount)),
    }
}

/// The standard error of the size that an action states: without one, half of a size that is only assumed, and 0 of one
/// that an experiment has measured.
///
/// # Errors
/// [`Fault`] for one that is below 0, or that has no size beside it.
pub(super) fn effect_error(action: &ActionRow, index: usize) -> Result<f64, Fault> {
    let place = Place::row("action", index, &action.id, "effect");
    let row = &action.effect;
    let size = row.relative_reduction.or(row.relative_increase).or(row.added_probability);
    match (size, row.standard_error) {
        (None, Some(_)) => place.wrong(format!(
            "found standard_error beside source = \"{}\", which has no size of its own; remove it",
            row.source.name()
        )),
        (_, Some(error)) if !(0.0..=f64::MAX).contains(&error) => place.wrong(format!(
            "found standard_error = {error}, expected that of the size beside it, 0 or more, such as 0.03"
        )),
        (_, Some(error)) => Ok(error),
        (Some(size), None) if row.source == EffectSource::Assumed => Ok(size / 2.0),
        (_, None) => Ok(0.0),
    }
}

fn is_identifier(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    !name.is_empty() && name.chars().all(allowed)
}

fn not_an_identifier(found: &str, example: &str) -> String {
    format!(
        "found {found:?}, expected letters, digits, `_` and `-` without blanks, such as \"{example}\"; \
         what people read goes into `label`"
    )
}

fn twice(name: &str) -> String {
    format!("`{name}` is there twice; rename one of them")
}
