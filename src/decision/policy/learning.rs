//! What can be said against how a policy explores and learns from outcomes, and both ready for use.

use super::place::{Fault, Place};
use super::rows::{Method, Rows};
use crate::decision::experience::Adaptation;
use crate::decision::exploration::Exploration;
use crate::decision::names;

/// Share of the decisions that are left to chance where the policy does not say.
const DEFAULT_EPSILON: f64 = 0.1;
/// The same for Thompson sampling, which tries what is unsure of itself.
const DEFAULT_FLOOR: f64 = 0.05;

/// Checks `[exploration]`, `[adaptation]` and `[outcomes]`.
///
/// # Errors
/// [`Fault`] for the first thing that is wrong.
pub(super) fn check(rows: &Rows) -> Result<(), Fault> {
    exploration(rows)?;
    adaptation(rows)?;
    let place = || Place::once("outcomes", "positive");
    if rows.outcomes.positive.is_empty() {
        return place().wrong("found none, expected the names of outcomes that are a success; write [\"taken\"]");
    }
    if rows.outcomes.positive.iter().any(|name| name.trim().is_empty()) {
        return place().wrong("found an empty name, expected those that are reported as `outcome`, such as \"taken\"");
    }
    Ok(())
}

/// How each stage explores, (stages,): as it says itself, else as `[exploration]` says; none without that table.
///
/// # Errors
/// [`Fault`] for a share out of range, one of another method, or a stage that does not exist.
pub(super) fn exploration(rows: &Rows) -> Result<Vec<Option<Exploration>>, Fault> {
    let Some(row) = &rows.exploration else { return Ok(Vec::new()) };
    for name in row.stage.keys() {
        if !rows.stages.iter().any(|stage| stage.name == *name) {
            let known = rows.stages.iter().map(|stage| stage.name.as_str());
            let place = Place::once("exploration", format!("stage.{name}"));
            return place.wrong(format!("there is no stage `{name}`; {}", names::advice(name, known)));
        }
    }
    let general = row.method.unwrap_or_default();
    method(general, (row.epsilon, row.floor), (None, None), "")?;
    let of_stage = |stage: &super::rows::StageRow| match row.stage.get(&stage.name) {
        Some(own) => {
            let prefix = format!("stage.{}.", stage.name);
            method(own.method.unwrap_or(general), (own.epsilon, own.floor), (row.epsilon, row.floor), &prefix)
        }
        None => method(general, (row.epsilon, row.floor), (None, None), ""),
    };
    rows.stages.iter().map(of_stage).collect()
}

/// How outcomes move probabilities.
///
/// # Errors
/// [`Fault`] for a number out of range.
pub(super) fn adaptation(rows: &Rows) -> Result<Option<Adaptation>, Fault> {
    let Some(row) = &rows.adaptation else { return Ok(None) };
    if !(1.0..=1e9).contains(&row.weight) {
        return Place::once("adaptation", "weight").wrong(format!(
            "found {}, expected how many decisions the models' word counts for, 1 or more; write 100",
            row.weight
        ));
    }
    if !(row.base_rate > 0.0 && row.base_rate < 1.0) {
        return Place::once("adaptation", "base_rate").wrong(format!(
            "found {}, expected the share of positive outcomes of an action that nothing is known of, above 0 and below \
             1; write 0.02 for 2 %",
            row.base_rate
        ));
    }
    Ok(Some(Adaptation { weight: row.weight, base_rate: row.base_rate }))
}

/// One method with its share: its own, else the general one, else the default.
fn method(
    method: Method,
    own: (Option<f64>, Option<f64>),
    general: (Option<f64>, Option<f64>),
    prefix: &str,
) -> Result<Option<Exploration>, Fault> {
    let place = |field: &str| Place::once("exploration", format!("{prefix}{field}"));
    let share = |field: &str, own: Option<f64>, general: Option<f64>, default: f64| {
        let share = own.or(general).unwrap_or(default);
        if share > 0.0 && share <= 1.0 {
            return Ok(share);
        }
        place(field).wrong(format!(
            "found {share}, expected the share of decisions that is left to chance, above 0 and up to 1; write 0.05 for \
             5 %, or method = \"none\" to leave nothing to chance"
        ))
    };
    let stray = match (method, own) {
        (Method::Epsilon | Method::None, (_, Some(_))) => Some(("floor", "thompson")),
        (Method::Thompson | Method::None, (Some(_), _)) => Some(("epsilon", "epsilon")),
        _ => None,
    };
    if let Some((field, belongs_to)) = stray {
        return place(field)
            .wrong(format!("belongs to method = \"{belongs_to}\" only; remove it or change the method"));
    }
    match method {
        Method::Epsilon => {
            let epsilon = share("epsilon", own.0, general.0, DEFAULT_EPSILON)?;
            Ok(Some(Exploration::Epsilon { epsilon }))
        }
        Method::Thompson => Ok(Some(Exploration::Thompson { floor: share("floor", own.1, general.1, DEFAULT_FLOOR)? })),
        Method::None => Ok(None),
    }
}
