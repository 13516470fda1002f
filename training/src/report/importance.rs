//! The section on the features that a forecast rests on.

use maud::{Markup, html};

use super::charts::{Axis, BarGroup, Bars, Format, Role, Series, bar_chart, horizontal_bars, line_chart};
use super::numbers::{counted, fixed, number, percent};
use super::page::ChartCard;
use super::{FeatureDependence, FeatureImportance, FeatureWeight};
use crate::evaluate::{Dependence, Point};

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
        numbers: importances(&features),
    };
    html! {
        div.charts {
            (card.draw())
            @for dependence in &section.dependences { (dependence_card(dependence)) }
        }
    }
}

/// Both importances side by side.
fn importances(features: &[&FeatureWeight]) -> Markup {
    html! {
        table {
            thead { tr {
                th { "Feature" } th { "Shuffled: increase of log loss" } th { "Mean size of contribution, log-odds" }
            } }
            tbody { @for feature in features { tr {
                td { (feature.name) } td { (fixed(feature.log_loss_increase, 4)) }
                td { (fixed(feature.mean_contribution, 4)) }
            } } }
        }
    }
}

fn dependence_card(section: &FeatureDependence) -> Markup {
    let name = &section.name;
    let heading = format!("The mean forecast by “{name}”");
    let (chart, here) = match &section.dependence {
        Dependence::Number(points) => {
            let here = told(points.iter().map(|(value, mean)| (format!("at {}", number(*value)), *mean)));
            let line: Vec<Point> = points.iter().map(|&(x, y)| Point { x, y }).collect();
            let horizontal = Axis::holding(name.as_str(), Format::Number, points.iter().map(|point| point.0));
            let vertical = Axis::holding("Mean forecast", Format::Percent, points.iter().map(|point| point.1));
            let series = [Series { role: Role::Main, points: &line }];
            (line_chart(&heading, &here, &horizontal, &vertical, &series, None), here)
        }
        Dependence::Category(points) => {
            let here = told(points.iter().map(|(level, mean)| (format!("for “{level}”"), *mean)));
            let group = |(level, mean): &(String, f64)| BarGroup { label: shortened(level), values: vec![*mean] };
            let groups: Vec<BarGroup> = points.iter().map(group).collect();
            let bars = Bars {
                title: &heading,
                description: &here,
                horizontal_label: name,
                vertical: Axis::holding("Mean forecast", Format::Percent, points.iter().map(|point| point.1)),
                roles: &[Role::Main],
                groups: &groups,
                reference: None,
            };
            (bar_chart(&bars), here)
        }
    };
    let points: Vec<(String, f64)> = match &section.dependence {
        Dependence::Number(points) => points.iter().map(|(value, mean)| (number(*value), *mean)).collect(),
        Dependence::Category(points) => points.clone(),
    };
    ChartCard {
        heading: &heading,
        chart,
        legend: html! {},
        how_to_read: "the height is the mean forecast if all customers had this value and kept everything else as it is \
                      (partial dependence). Where the feature goes along with others, some of these customers do not exist. \
                      It says how the model answers, not what would happen.",
        here: &here,
        numbers: html! {
            table {
                thead { tr { th { (name) } th { "Mean forecast" } } }
                tbody { @for (value, mean) in &points { tr { td { (value) } td { (percent(*mean)) } } } }
            }
        },
    }
    .draw()
}

/// Where the mean forecast is lowest and where highest.
fn told(points: impl Iterator<Item = (String, f64)>) -> String {
    let points: Vec<(String, f64)> = points.collect();
    let lowest = points.iter().min_by(|one, other| one.1.total_cmp(&other.1));
    let highest = points.iter().max_by(|one, other| one.1.total_cmp(&other.1));
    match (lowest, highest) {
        (Some(low), Some(high)) => format!(
            "Here: the mean forecast is lowest {}, {}, and highest {}, {}.",
            low.0,
            percent(low.1),
            high.0,
            percent(high.1)
        ),
        _ => String::new(),
    }
}

/// A level that fits under a bar.
fn shortened(level: &str) -> String {
    const MOST_LETTERS: usize = 9;
    if level.chars().count() <= MOST_LETTERS {
        level.to_owned()
    } else {
        level.chars().take(MOST_LETTERS - 1).chain(['…']).collect()
    }
}
