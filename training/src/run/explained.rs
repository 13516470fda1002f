//! What the forecasts of a classifier rest on: two importances of every feature, and how the strongest ones act.

use rayon::prelude::*;
use tend_models::families::classifier::Classifier;

use super::{FeatureDependence, Figures, Importance};
use crate::evaluate::{MetricError, partial_dependence, permutation_importance};
use crate::samples::Samples;

/// Rows whose contributions are averaged; more are thinned out.
const MOST_EXPLAINED_ROWS: usize = 500;
const MOST_FEATURES: usize = 20;
/// Features whose dependence is drawn.
const MOST_DEPENDENCES: usize = 6;

/// Puts into the figures the importances on held-out rows, and gives the dependences.
pub(super) fn explain(
    figures: &mut Figures,
    champion: &Classifier,
    samples: &Samples,
    places: &[usize],
    seed: u64,
) -> Result<Vec<FeatureDependence>, MetricError> {
    let (part, width) = (samples.part(places), samples.plan.width());
    let rows = part.training_rows().rows;
    let predict = |rows: &[f64]| champion.probabilities(rows).iter().map(|one| one.get()).collect();
    let increases = permutation_importance(rows, width, &part.labels, predict, seed, 1)?;
    let contributions = mean_contributions(champion, rows, width);
    let importance = |(place, (increase, contribution)): (usize, (&f64, &f64))| Importance {
        feature: samples.plan.features[place].name.clone(),
        label: samples.plan.features[place].label.clone(),
        log_loss_increase: *increase,
        mean_contribution: *contribution,
    };
    figures.importance = increases.iter().zip(&contributions).enumerate().map(importance).collect();
    figures.importance.sort_by(|one, other| other.log_loss_increase.total_cmp(&one.log_loss_increase));
    figures.importance.truncate(MOST_FEATURES);
    let strongest = figures.importance.iter().filter(|one| one.log_loss_increase > 0.0).take(MOST_DEPENDENCES);
    let dependence = |one: &Importance| {
        let place = samples.plan.place(&one.feature)?;
        let kind = &samples.plan.features[place].kind;
        let dependence = partial_dependence(rows, width, place, kind, predict)?;
        Some(FeatureDependence { label: one.label.clone(), dependence })
    };
    Ok(strongest.filter_map(dependence).collect())
}

/// The mean size of each feature's Shapley value, in log-odds before calibration.
fn mean_contributions(champion: &Classifier, rows: &[f64], width: usize) -> Vec<f64> {
    let step = (rows.len() / width).div_ceil(MOST_EXPLAINED_ROWS).max(1);
    let explained: Vec<Vec<f64>> = rows
        .par_chunks_exact(width)
        .step_by(step)
        .map(|row| {
            let mut contributions = vec![0.0; width];
            champion.family.explain_log_odds(row, &mut contributions);
            contributions
        })
        .collect();
    let mean = |place: usize| explained.iter().map(|row| row[place].abs()).sum::<f64>() / explained.len() as f64;
    (0..width).map(mean).collect()
}
