//! The section on the features that a forecast rests on.

use maud::{Markup, html};

use super::charts::horizontal_bars;
use super::numbers::{counted, fixed, number, percent};
use super::page::ChartCard;
use super::{FeatureImportance, FeatureWeight};

/// How many features are drawn.
const FEATURES_SHOWN: usize = 15;

pub(super) fn feature_importance(section: &FeatureImportance) -> Markup {
    let mut features: Vec<&FeatureWeight> = section.features.iter().collect();
    features.sort_by(|a, b| b.log_loss_increase.total_cmp(&a.log_loss_increase));
    let total: f64 = features.iter().map(|feature| feature.log_loss_increase.max(0.0)).sum();
    let here = match features.first() {
        Some(first) if total > 0.0 => {
            let leading: f64 = features.iter().take(3).map(|feature| feature.log_loss_increase.max(0.0)).sum();
            format!(
                "Here: “{}” matters most; without it the log loss rises by {} nats. It and the two that follow it carry {} \
                 of the sum over {}.",
                first.name,
                number(first.log_loss_increase),
                percent(leading / total),
                counted(features.len() as u64, "feature", "features"),
            )
        }
        _ => "Here: no feature has a measurable use.".to_owned(),
    };
    let rows: Vec<(String, f64, String)> = features
        .iter()
        .take(FEATURES_SHOWN)
        .map(|feature| {
            let increase = feature.log_loss_increase;
            (feature.name.clone(), increase, fixed(increase, 4))
        })
        .collect();
    let heading = format!("The {} strongest features (increase of log loss, nats)", rows.len());
    let card = ChartCard {
        heading: &heading,
        chart: horizontal_bars("Feature importance", &here, &rows),
        legend: html! {},
        how_to_read: "each bar is how much worse the forecasts get when this feature is shuffled between customers. Features \
                      that say the same share their importance. It says what the forecasts rest on, not what causes what.",
        here: &here,
        numbers: html! {},
    };
    html! { div.charts { (card.draw()) } }
}
