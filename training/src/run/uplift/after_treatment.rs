//! Finds columns of an experiment that were filled in after the treatment: these would tell the effect, not foretell it.

use std::collections::BTreeMap;

use tend_models::features::FeaturePlan;
use tend_models::predict::FeatureKind;

/// By lot, a column of before the treatment has means so many standard errors apart once in 16,000.
const MOST_ERRORS_APART: f64 = 4.0;
/// A value after which everybody answered, though chance would have had that so seldom, came with the answer.
const LEAST_CHANCE: f64 = 1e-9;

/// Features that cannot have been known before the treatment: place in the plan, and how it is seen.
///
/// Where treatment was drawn by lot nothing of before it differs between the groups beyond chance; and no value of
/// before it says that the outcome happens in every single case. `rows` are (n, features), row-major; `happened` says
/// for whom the outcome was above 0.
pub(super) fn after_treatment(
    plan: &FeaturePlan,
    rows: &[f64],
    treated: &[bool],
    happened: &[bool],
    is_by_lot: bool,
) -> Vec<(usize, String)> {
    let width = plan.width();
    let mut found = Vec::new();
    for (place, feature) in plan.features.iter().enumerate() {
        let values = || rows.iter().skip(place).step_by(width).copied();
        let apart = if is_by_lot { errors_apart(&feature.kind, values, treated) } else { 0.0 };
        if apart > MOST_ERRORS_APART {
            found.push((
                place,
                format!(
                    "{}: treated and controls, drawn by lot, are {apart:.1} standard errors apart in it, as in something known only after the treatment; if it was known before, name it under keep",
                    feature.name
                ),
            ));
        } else if let Some((value, rows)) = sure_value(values, happened) {
            found.push((
                place,
                format!(
                    "{}: all {rows} rows with {} {value} have the outcome, as with something known only after it; if it was known before, name it under keep",
                    feature.name,
                    if feature.kind == FeatureKind::Number { "a value above" } else { "level" }
                ),
            ));
        }
    }
    found
}

/// How far the groups' means are apart: of a number, or of the level where they are furthest.
fn errors_apart<I: Iterator<Item = f64>>(kind: &FeatureKind, values: impl Fn() -> I, treated: &[bool]) -> f64 {
    match kind {
        FeatureKind::Number => apart(values(), treated),
        FeatureKind::Category { levels } => (0..=levels.len())
            .map(|level| apart(values().map(|value| f64::from(value == level as f64)), treated))
            .fold(0.0, f64::max),
    }
}

fn apart(values: impl Iterator<Item = f64>, treated: &[bool]) -> f64 {
    let mut sums = [[0.0_f64; 3]; 2];
    for (value, &treated) in values.zip(treated).filter(|(value, _)| !value.is_nan()) {
        let own = &mut sums[usize::from(treated)];
        own[0] += 1.0;
        own[1] += value;
        own[2] += value * value;
    }
    let [(one, of_one), (other, of_other)] = sums.map(|[count, sum, squares]| {
        let mean = sum / count;
        (mean, (squares / count - mean * mean).max(0.0) / count)
    });
    let errors = (one - other).abs() / (of_one + of_other).sqrt();
    if errors.is_finite() { errors } else { 0.0 }
}

/// The smallest value from which on everybody answered, and how many these are; none if that may be chance.
///
/// Levels of a category are numbers here too: those with only answers would have to be neighbours, as is enough for
/// the flags that are met.
fn sure_value<I: Iterator<Item = f64>>(values: impl Fn() -> I, happened: &[bool]) -> Option<(f64, usize)> {
    let rate = happened.iter().filter(|&&happened| happened).count() as f64 / happened.len() as f64;
    let mut by_value = BTreeMap::<u64, (f64, usize, usize)>::new();
    for (value, &happened) in values().zip(happened).filter(|(value, _)| !value.is_nan()) {
        let own = by_value.entry(ordered(value)).or_insert((value, 0, 0));
        own.1 += 1;
        own.2 += usize::from(happened);
    }
    let (mut rows, mut from) = (0, None);
    for (value, count, answered) in by_value.values().rev() {
        if answered < count {
            break;
        }
        rows += count;
        from = Some(*value);
    }
    let below = by_value.values().rev().find(|(_, count, answered)| answered < count).map(|(value, _, _)| *value);
    let is_sure = rate.powi(i32::try_from(rows).unwrap_or(i32::MAX)) < LEAST_CHANCE;
    match (from, below) {
        (Some(_), Some(below)) if is_sure => Some((below, rows)),
        _ => None,
    }
}

/// Bits that order as the numbers do.
fn ordered(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

#[cfg(test)]
mod tests {
    use tend_models::features::{Feature, Measure};

    use super::*;

    fn plan(names: &[&str]) -> FeaturePlan {
        let feature = |name: &&str| Feature {
            name: (*name).to_owned(),
            label: (*name).to_owned(),
            kind: FeatureKind::Number,
            measure: Measure::Column((*name).to_owned()),
        };
        FeaturePlan { features: names.iter().map(feature).collect() }
    }

    #[test]
    fn columns_of_after_the_treatment_are_found_and_those_of_before_are_not() {
        let noise = |row: u64| (row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / f64::from(1 << 24);
        let (mut rows, mut treated, mut happened) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..4_000_u64 {
            let is_treated = row % 2 == 0;
            let answered = noise(row) < if is_treated { 0.3 } else { 0.15 };
            let spent = if answered && row % 3 == 0 { 20.0 * noise(row + 9) } else { 0.0 };
            let recency = noise(row + 77_777);
            rows.extend([recency, spent, f64::from(answered)]);
            treated.push(is_treated);
            happened.push(answered);
        }
        let found = after_treatment(&plan(&["recency", "spent", "clicked"]), &rows, &treated, &happened, true);
        let names: Vec<usize> = found.iter().map(|(place, _)| *place).collect();
        assert_eq!(names, [1, 2], "{found:?}");
        let chosen = after_treatment(&plan(&["recency", "spent", "clicked"]), &rows, &treated, &happened, false);
        assert_eq!(chosen.len(), 2, "only what comes with the outcome: {chosen:?}");
    }
}
