//! The report as one HTML page: its head, its sections, and the charts of each with their sentences.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::charts::{self, Bars, Estimate, Unit, Words};
use super::numbers::{amount, money, optional};
use super::{
    ClassifierSection, FeatureImportance, ImportanceSection, Paragraph, Report, Section, Tile,
    ValueSection,
};
use super::{sentences, tables};

/// A reader stops reading long before the last feature.
const FEATURES_SHOWN: usize = 15;
/// What fits into the width of a chart.
const LABEL_CHARACTERS: usize = 58;

pub(super) fn page(report: &Report) -> Markup {
    let headings: Vec<String> = report.sections.iter().map(heading).collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Whatever a browser or an editor of this file adds: nothing runs and nothing is loaded.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (report.title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header {
                    h1 { (report.title) }
                    p.as-of { "As of " (report.as_of) @if !report.currency.is_empty() { ", amounts in " (report.currency) } "." }
                    @if headings.iter().filter(|heading| !heading.is_empty()).count() > 2 {
                        nav aria-label="Sections" {
                            ul {
                                @for (number, heading) in headings.iter().enumerate().filter(|(_, heading)| !heading.is_empty()) {
                                    li { a href={ "#section-" (number) } { (heading) } }
                                }
                            }
                        }
                    }
                }
                main {
                    @for (number, (section, heading)) in report.sections.iter().zip(&headings).enumerate() {
                        section id={ "section-" (number) } {
                            @if !heading.is_empty() { h2 { (heading) } }
                            (body(section, number, &report.currency))
                        }
                    }
                }
            }
        }
    }
}

fn heading(section: &Section) -> String {
    match section {
        Section::KeyFigures(_) => "Key figures".to_owned(),
        Section::DataReceived(_) => "Data received".to_owned(),
        Section::ModelComparison(section) => format!("Models compared: {}", section.task),
        Section::Classifier(section) => format!("How good the forecasts are: {}", section.task),
        Section::Importance(section) => format!("What the forecasts depend on: {}", section.task),
        Section::Value(section) => format!("Predicted and actual: {}", section.task),
        Section::Decisions(_) => "Decisions".to_owned(),
        Section::Paragraph(section) => section.heading.clone(),
        Section::Table(section) => section.heading.clone(),
    }
}

fn body(section: &Section, number: usize, currency: &str) -> Markup {
    match section {
        Section::KeyFigures(tiles) => key_figures(tiles),
        Section::DataReceived(tables) => tables::data_received(tables),
        Section::ModelComparison(section) => tables::model_comparison(section),
        Section::Classifier(section) => classifier(section, number),
        Section::Importance(section) => importance(section, number),
        Section::Value(section) => value(section, number, currency),
        Section::Decisions(rows) => tables::decisions(rows, currency),
        Section::Paragraph(section) => paragraph(section),
        Section::Table(section) => tables::simple_table(section),
    }
}

fn key_figures(tiles: &[Tile]) -> Markup {
    html! {
        dl.tiles {
            @for tile in tiles {
                div.tile {
                    dt { (tile.label) }
                    dd.value { (tile.value) }
                    @if !tile.note.is_empty() { dd.note { (tile.note) } }
                }
            }
        }
    }
}

fn figure(name: &str, chart: &Markup, sentence: &str) -> Markup {
    html! {
        figure {
            h3 { (name) }
            (chart)
            figcaption { (sentence) }
        }
    }
}

fn classifier(section: &ClassifierSection, number: usize) -> Markup {
    html! {
        p { (sentences::base_rate(section)) }
        @if let Some(sentence) = sentences::one_class(section) { p { (sentence) } }
        div.charts {
            @if let Some(sentence) = sentences::roc(section) { (roc(section, number, &sentence)) }
            @if let Some(sentence) = sentences::gains(section) { (gains(section, number, &sentence)) }
            @if let Some(sentence) = sentences::lift(section) { (lift(section, number, &sentence)) }
            (calibration(section, number))
        }
    }
}

fn roc(section: &ClassifierSection, number: usize, sentence: &str) -> Markup {
    let words = Words {
        id: format!("roc-{number}"),
        title: "ROC curve",
        description: sentence,
        x: "share of the others scored as high",
        y: "share found",
    };
    figure(
        "Telling them apart",
        &charts::share_curve(&words, &section.curves.roc),
        sentence,
    )
}

fn gains(section: &ClassifierSection, number: usize, sentence: &str) -> Markup {
    let words = Words {
        id: format!("gains-{number}"),
        title: "Cumulative gains curve",
        description: sentence,
        x: "share of customers taken, highest scores first",
        y: "share found",
    };
    figure(
        "Found by contacting some",
        &charts::share_curve(&words, &section.curves.gains),
        sentence,
    )
}

fn lift(section: &ClassifierSection, number: usize, sentence: &str) -> Markup {
    let tenths = &section.curves.lift_by_decile;
    let words = Words {
        id: format!("lift-{number}"),
        title: "Lift by tenth of the customers",
        description: sentence,
        x: "tenth of the customers, highest scores first",
        y: "rate over the rate of all (dashed: 1)",
    };
    let bars = Bars {
        groups: tenths
            .iter()
            .map(|tenth| tenth.decile.to_string())
            .collect(),
        series: vec![("lift", tenths.iter().map(|tenth| tenth.lift).collect())],
        unit: Unit::Number,
        reference: Some(1.0),
    };
    figure("Lift by tenth", &charts::bars(&words, &bars), sentence)
}

fn calibration(section: &ClassifierSection, number: usize) -> Markup {
    let sentence = sentences::calibration(section);
    let words = Words {
        id: format!("calibration-{number}"),
        title: "Calibration",
        description: &sentence,
        x: "forecast",
        y: "happened, with 95% Wilson intervals",
    };
    let points: Vec<Estimate> = section
        .curves
        .calibration
        .iter()
        .map(|group| Estimate {
            x: group.mean_forecast,
            y: group.observed_rate,
            low: group.interval_low,
            high: group.interval_high,
        })
        .collect();
    figure(
        "Whether the probabilities are right",
        &charts::estimates(&words, &points),
        &sentence,
    )
}

fn importance(section: &ImportanceSection, number: usize) -> Markup {
    let mut features: Vec<&FeatureImportance> = section.features.iter().collect();
    features.sort_by(|a, b| b.increase.total_cmp(&a.increase));
    // A number that is none says nothing, and sorts before the largest.
    features.retain(|feature| feature.increase.is_finite());
    let sentence = sentences::importance(&features);
    let bars: Vec<(String, f64)> = features
        .iter()
        .take(FEATURES_SHOWN)
        .map(|feature| (shortened(&feature.label), feature.increase))
        .collect();
    let words = Words {
        id: format!("importance-{number}"),
        title: "Importance of the features",
        description: &sentence,
        x: "rise of the log loss when shuffled between customers",
        y: "",
    };
    let name = if bars.len() < features.len() {
        format!("The first {} of {} features", bars.len(), features.len())
    } else {
        "All features".to_owned()
    };
    html! { div.charts { (figure(&name, &charts::lying_bars(&words, &bars), &sentence)) } }
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= LABEL_CHARACTERS {
        return label.to_owned();
    }
    let kept: String = label.chars().take(LABEL_CHARACTERS - 1).collect();
    format!("{}…", kept.trim_end())
}

fn value(section: &ValueSection, number: usize, currency: &str) -> Markup {
    let figures = &section.figures;
    let written = |value: f64| {
        if section.money {
            money(value, currency)
        } else {
            amount(value)
        }
    };
    let sentence = sentences::value(section, currency);
    let unit = if section.money && !currency.is_empty() {
        format!("{currency} a customer")
    } else {
        "mean a customer".to_owned()
    };
    let words = Words {
        id: format!("value-{number}"),
        title: "Predicted and actual by tenth of the customers",
        description: &sentence,
        x: "tenth of the customers, highest predictions first",
        y: &unit,
    };
    let tenths = &figures.deciles;
    let bars = Bars {
        groups: (1..=tenths.len()).map(|tenth| tenth.to_string()).collect(),
        series: vec![
            (
                "predicted",
                tenths.iter().map(|tenth| tenth.predicted_mean).collect(),
            ),
            (
                "actual",
                tenths.iter().map(|tenth| tenth.actual_mean).collect(),
            ),
        ],
        unit: Unit::Number,
        reference: None,
    };
    let tiles = [
        ("Mean absolute error", written(figures.mae), "a customer"),
        (
            "Root mean squared error",
            written(figures.rmse),
            "a customer",
        ),
        (
            "Rank correlation",
            optional(figures.spearman, 3),
            "Spearman; 1 is the perfect order",
        ),
        (
            "Normalised Gini",
            optional(figures.normalised_gini, 3),
            "1 is the perfect order, 0 a random one",
        ),
    ]
    .map(|(label, value, note)| Tile {
        label: label.to_owned(),
        value,
        note: note.to_owned(),
    });
    html! {
        (key_figures(&tiles))
        div.charts { (figure("By tenth of the customers", &charts::bars(&words, &bars), &sentence)) }
    }
}

fn paragraph(section: &Paragraph) -> Markup {
    html! { @for part in section.text.split("\n\n") { p { (part) } } }
}
