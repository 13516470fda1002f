//! A weighted average of the families that learn, where two of them have a weight.

use tend_models::families::blend::{Blend, Member, MemberModel};
use tend_models::families::classifier::Family;
use tend_models::families::logistic::sigmoid;

use super::{Entry, calibrate_at, cross_fitted};
use crate::calibrate::calibrate;
use crate::fit::log_odds_line::{fit_log_odds_line, smoothed_targets};
use crate::samples::Part;

/// Rows beyond this many tell a few weights no better.
const MOST_BLEND_ROWS: usize = 20_000;

/// The blend of all families that are no baselines; `None` if no two of them have a weight.
pub(super) fn blended(compared: &[Entry], tune: &Part<'_>) -> Option<Entry> {
    let models: Vec<MemberModel> = compared.iter().filter_map(|entry| member(&entry.family)).collect();
    let columns: Vec<Vec<f64>> =
        models.iter().map(|model| tune.rows().map(|row| model.log_odds(row)).collect()).collect();
    let everywhere: Vec<usize> = (0..tune.labels.len()).collect();
    let weights = fit_weights(&columns, &tune.labels, &everywhere)?;
    let blend = |weights: &[f64]| -> Vec<f64> {
        let log_odds =
            |place: usize| -> f64 { weights.iter().zip(&columns).map(|(weight, column)| weight * column[place]).sum() };
        everywhere.iter().map(|&place| sigmoid(log_odds(place))).collect()
    };
    // Weights and calibration of one half are judged on the other alone.
    let forecasts = cross_fitted(tune.labels.len(), |half| {
        let equal = || vec![1.0 / columns.len() as f64; columns.len()];
        let raw = blend(&fit_weights(&columns, &tune.labels, half).unwrap_or_else(equal));
        let calibration = calibrate_at(half, &raw, &tune.labels);
        (raw, calibration)
    });
    let members: Vec<Member> = models
        .into_iter()
        .zip(&weights)
        .filter(|(_, weight)| **weight > 0.0)
        .map(|(model, &weight)| Member { weight, model })
        .collect();
    if members.len() < 2 {
        return None;
    }
    let calibration = calibrate(&blend(&weights), &tune.labels);
    Some(Entry { family: Family::Blend(Blend { members }), calibration, forecasts })
}

fn member(family: &Family) -> Option<MemberModel> {
    match family {
        Family::Logistic(model) => Some(MemberModel::Logistic(model.clone())),
        Family::Trees(model) => Some(MemberModel::Trees(model.clone())),
        Family::Boosted(model) => Some(MemberModel::Boosted(model.clone())),
        Family::BaseRate(_) | Family::RecencyBins(_) | Family::Blend(_) => None,
    }
}

/// The weights of the average of least log loss on some rows, not below 0, adding up to 1: the calibration that
/// follows sees to the scale. Source: stacking, Wolpert (1992) and Breiman (1996), who found that the weights must not
/// fall below 0.
fn fit_weights(columns: &[Vec<f64>], happened: &[bool], places: &[usize]) -> Option<Vec<f64>> {
    let step = places.len().div_ceil(MOST_BLEND_ROWS).max(1);
    let places: Vec<usize> = places.iter().copied().step_by(step).collect();
    let chosen: Vec<Vec<f64>> =
        columns.iter().map(|column| places.iter().map(|&place| column[place]).collect()).collect();
    let happened: Vec<bool> = places.iter().map(|&place| happened[place]).collect();
    let line = fit_log_odds_line(&chosen, &smoothed_targets(&happened))?;
    let total: f64 = line.weights.iter().sum();
    Some(line.weights.iter().map(|weight| weight / total).collect())
}
