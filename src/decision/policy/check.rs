//! What can be said against a policy file without knowing the features: numbers, names and their references.

use super::PolicyError;
use super::rows::{ActionRow, MoneyRow, Rows, StageRow};
use crate::decision::action::{Effect, Goal};
use crate::decision::stage::RiskBands;
use crate::decision::{LEAVE_ALONE, names};

/// Furthest deadline: ten years.
const LONGEST_DEADLINE_DAYS: i64 = 3_650;

/// Checks everything in the file that does not depend on the features.
///
/// # Errors
/// [`PolicyError::Value`] for the first thing that is wrong.
pub(super) fn check(rows: &Rows) -> Result<(), PolicyError> {
    check_money(&rows.money)?;
    check_bands(rows.bands)?;
    for (product, margin) in &rows.product_margin {
        if !margin.is_finite() {
            return wrong(
                format!("[product_margin] `{product}`"),
                format!("found {margin}, expected the margin of one purchase in money"),
            );
        }
    }
    check_stages(&rows.stages)?;
    for (index, action) in rows.actions.iter().enumerate() {
        check_id(action, &rows.actions[..index])?;
        check_action(action, &rows.stages)?;
    }
    Ok(())
}

fn wrong<T>(place: String, problem: String) -> Result<T, PolicyError> {
    Err(PolicyError::Value { place, problem })
}

fn check_money(money: &MoneyRow) -> Result<(), PolicyError> {
    if money.currency.trim().is_empty() {
        return wrong(
            "[money] `currency`".to_owned(),
            "found nothing, expected a currency as people write it; write currency = \"EUR\"".to_owned(),
        );
    }
    if !(0.0..=1.0).contains(&money.margin) {
        return wrong(
            "[money] `margin`".to_owned(),
            format!(
                "found {}, expected the share of spend that is margin, from 0 to 1; write 0.3 for 30 %",
                money.margin
            ),
        );
    }
    Ok(())
}

fn check_bands(bands: RiskBands) -> Result<(), PolicyError> {
    let RiskBands { low, high } = bands;
    if 0.0 <= low && low <= high && high <= 1.0 {
        return Ok(());
    }
    wrong("[bands]".to_owned(), format!("found low = {low} and high = {high}, expected 0 <= low <= high <= 1"))
}

fn check_stages(stages: &[StageRow]) -> Result<(), PolicyError> {
    for (index, stage) in stages.iter().enumerate() {
        let place = format!("stage {} `name`", index + 1);
        if !is_identifier(&stage.name) {
            return wrong(place, not_an_identifier(&stage.name, "at_risk"));
        }
        if stages[..index].iter().any(|other| other.name == stage.name) {
            return wrong(place, twice(&stage.name));
        }
    }
    let expected = "expected the last stage to have when = \"true\", so that every customer has a stage";
    match stages.last() {
        None => wrong("[[stage]]".to_owned(), format!("found no stage; {expected}")),
        Some(last) if last.when.trim() != "true" => wrong(
            format!("stage `{}`", last.name),
            format!("found when = {:?} in the last stage, {expected}; add a stage after it", last.when),
        ),
        Some(_) => Ok(()),
    }
}

fn check_id(action: &ActionRow, earlier: &[ActionRow]) -> Result<(), PolicyError> {
    let place = format!("action {} `id`", earlier.len() + 1);
    if !is_identifier(&action.id) {
        return wrong(place, not_an_identifier(&action.id, "save_call"));
    }
    if action.id == LEAVE_ALONE {
        return wrong(place, format!("found `{LEAVE_ALONE}`, which is always a candidate; remove this action"));
    }
    if earlier.iter().any(|other| other.id == action.id) {
        return wrong(place, twice(&action.id));
    }
    Ok(())
}

fn check_action(action: &ActionRow, stages: &[StageRow]) -> Result<(), PolicyError> {
    let place = |field: &str| format!("action `{}` `{field}`", action.id);
    for (field, text) in [("label", &action.label), ("channel", &action.channel)] {
        if text.trim().is_empty() {
            return wrong(place(field), "found nothing, expected a text".to_owned());
        }
    }
    if action.stages.is_empty() {
        return wrong(
            place("stages"),
            "found none, expected at least one; remove the action to switch it off".to_owned(),
        );
    }
    for name in &action.stages {
        if !stages.iter().any(|stage| stage.name == *name) {
            let known = stages.iter().map(|stage| stage.name.as_str());
            return wrong(place("stages"), format!("there is no stage `{name}`; {}", names::advice(name, known)));
        }
    }
    if !(action.cost >= 0.0 && action.cost.is_finite()) {
        return wrong(
            place("cost"),
            format!("found {}, expected what one contact costs in money: 0 or more", action.cost),
        );
    }
    if !(0..=LONGEST_DEADLINE_DAYS).contains(&action.deadline_days) {
        return wrong(
            place("deadline_days"),
            format!("found {}, expected whole days from 0 to {LONGEST_DEADLINE_DAYS}", action.deadline_days),
        );
    }
    if action.product.is_some() && action.goal != Goal::CrossSell {
        return wrong(
            place("product"),
            "a product belongs to goal = \"cross_sell\" only; remove it or change the goal".to_owned(),
        );
    }
    if action.value.is_some_and(|value| !value.is_finite()) {
        return wrong(
            place("value"),
            "expected what one success is worth in money; leave it out to use the models".to_owned(),
        );
    }
    effect(action).map(|_| ())
}

/// The one effect that an action has.
///
/// # Errors
/// [`PolicyError::Value`] if there is none, more than one, one that does not suit the goal or is out of range.
pub(super) fn effect(action: &ActionRow) -> Result<Effect, PolicyError> {
    let place = format!("action `{}` `effect`", action.id);
    let relative = match action.goal {
        Goal::Retain | Goal::Onboard | Goal::Service => "relative_reduction",
        Goal::CrossSell | Goal::WinBack => "relative_increase",
    };
    let row = &action.effect;
    let given = [
        ("relative_reduction", row.relative_reduction),
        ("relative_increase", row.relative_increase),
        ("added_probability", row.added_probability),
    ];
    let mut given = given.into_iter().filter_map(|(name, amount)| Some((name, amount?)));
    let (name, amount) = match (given.next(), given.next()) {
        (Some(only), None) => only,
        (found, _) => {
            let found = found.map_or("no size", |_| "more than one size");
            return wrong(place, format!("found {found}, expected one: {relative} or added_probability"));
        }
    };
    let highest = match name {
        "relative_increase" => f64::MAX,
        _ => 1.0,
    };
    if !(0.0..=highest).contains(&amount) {
        return wrong(place, format!("found {name} = {amount}, expected a share such as 0.15 for 15 %"));
    }
    match name {
        "added_probability" => Ok(Effect::AddedProbability(amount)),
        _ if name != relative => wrong(
            place,
            format!("found {name}, expected {relative} or added_probability for goal = \"{}\"", action.goal.name()),
        ),
        "relative_reduction" => Ok(Effect::RelativeReduction(amount)),
        _ => Ok(Effect::RelativeIncrease(amount)),
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
