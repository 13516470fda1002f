//! The page around the sections: head, style, contents, and the card that every chart sits in.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Report, Section, choices, classifier, importance, lifetime, renewals, tables, value};

const STYLE: &str = include_str!("page.css");

/// Renders the report as one HTML file that opens without network and without script.
#[must_use]
pub fn render(report: &Report) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content="tend";
                title { (report.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (report.title) }
                    p.asof { "As of " (report.generated_for) ". All dates are in UTC." }
                    nav aria-label="Contents" {
                        ul {
                            @for (index, section) in report.sections.iter().enumerate() {
                                li { a href=(format!("#section-{}", index + 1)) { (heading(section)) } }
                            }
                        }
                    }
                }
                main {
                    @for (index, section) in report.sections.iter().enumerate() {
                        section id=(format!("section-{}", index + 1)) {
                            h2 { (heading(section)) }
                            (body(section))
                        }
                    }
                }
                footer { "Made by tend. This file is complete in itself: it can be kept, sent and printed." }
            }
        }
    };
    page.into_string()
}

fn heading(section: &Section) -> String {
    match section {
        Section::KeyFigures(section) => section.heading.clone(),
        Section::Data(_) => "Data received and rejected".to_owned(),
        Section::Comparison(section) => format!("{}: models compared", section.subject),
        Section::Settings(section) => format!("{}: what was tried", section.subject),
        Section::Offers(section) => format!("{}: lists of offers", section.subject),
        Section::Classifier(section) => format!("{}: how good the forecasts are", section.subject),
        Section::Importance(section) => format!("{}: what the forecasts rest on", section.subject),
        Section::Value(section) => {
            format!("{}: {} predicted and actual", section.subject, section.measure)
        }
        Section::Tracking(section) => format!("{}: purchases week by week", section.subject),
        Section::Lifetime(section) => format!("{}: customers and their value", section.subject),
        Section::Renewals(section) => format!("{}: who renews", section.subject),
        Section::Decisions(_) => "Decisions".to_owned(),
        Section::Text(section) => section.heading.clone(),
    }
}

fn body(section: &Section) -> Markup {
    match section {
        Section::KeyFigures(section) => tables::key_figures(section),
        Section::Data(section) => tables::data_received(section),
        Section::Comparison(section) => tables::model_comparison(section),
        Section::Settings(section) => choices::settings_tried(section),
        Section::Offers(section) => choices::offer_lists(section),
        Section::Classifier(section) => classifier::classifier_quality(section),
        Section::Importance(section) => importance::feature_importance(section),
        Section::Value(section) => value::value_quality(section),
        Section::Tracking(section) => value::purchase_tracking(section),
        Section::Lifetime(section) => lifetime::lifetime(section),
        Section::Renewals(section) => renewals::renewals(section),
        Section::Decisions(section) => tables::decisions(section),
        Section::Text(section) => tables::free_text(section),
    }
}

/// A chart in its card, with how to read it and what it says here.
pub(super) struct ChartCard<'a> {
    pub(super) heading: &'a str,
    pub(super) chart: Markup,
    /// The legend; empty where the chart has only one kind of shape.
    pub(super) legend: Markup,
    pub(super) how_to_read: &'a str,
    pub(super) here: &'a str,
    /// The numbers behind the chart as a table; empty where the sentence says enough.
    pub(super) numbers: Markup,
}

impl ChartCard<'_> {
    pub(super) fn draw(&self) -> Markup {
        html! {
            figure.card {
                div {
                    h3 { (self.heading) }
                    (self.chart)
                    (self.legend)
                }
                figcaption {
                    p.read { "How to read it: " (self.how_to_read) }
                    p.here { (self.here) }
                    @if !self.numbers.0.is_empty() {
                        details {
                            summary { "Show the numbers" }
                            (scrolling(&self.heading.to_lowercase(), &self.numbers))
                        }
                    }
                }
            }
        }
    }
}

/// A table that scrolls by itself where the screen is narrow, also from the keyboard.
pub(super) fn scrolling(name: &str, table: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(format!("Table: {name}")) { (table) }
    }
}

/// Tiles of (label, value, unit, period or explanation).
pub(super) fn tiles(tiles: &[(&str, String, &str, &str)]) -> Markup {
    // As many columns as leave no tile alone in its row.
    let columns = match tiles.len() {
        0..=5 => tiles.len().max(3),
        6 | 9 => 3,
        10 => 5,
        _ => 4,
    };
    html! {
        ul.tiles style=(format!("--columns: {columns}")) {
            @for (label, value, unit, period) in tiles {
                li {
                    span.label { (label) }
                    span.value { span { (value) } @if !unit.is_empty() { span.unit { (unit) } } }
                    @if !period.is_empty() { span.period { (period) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::render;
    use crate::evaluate::{
        Campaign, ClassifierFigures, Dependence, HeldOut, HeldOutParams, OutcomeWeights, Tracking, ValueFigures,
    };

    fn classifier(happened: &[bool]) -> ClassifierQuality {
        let forecasts: Vec<f64> = (0..happened.len()).map(|row| (row as f64 + 0.5) / happened.len() as f64).collect();
        let judging = HeldOutParams { weights: OutcomeWeights::ONE, campaign: Some(Campaign::default()), seed: 1 };
        ClassifierQuality {
            subject: "Churn".to_owned(),
            event: "left within 90 days".to_owned(),
            period: "2026-01-01 to 2026-03-31".to_owned(),
            held_out: HeldOut::of(&forecasts, happened, judging).unwrap(),
            base_rate: happened.iter().filter(|&&happened| happened).count() as f64 / happened.len() as f64,
        }
    }

    fn candidate(family: &str, is_winner: bool) -> Candidate {
        Candidate {
            family: family.to_owned(),
            is_baseline: !is_winner,
            is_winner,
            figures: ClassifierFigures::of(if is_winner { &[0.9, 0.2] } else { &[0.5, 0.5] }, &[true, false]).unwrap(),
        }
    }

    fn data_sections() -> Vec<Section> {
        vec![
            Section::KeyFigures(KeyFigures {
                heading: "At a glance".to_owned(),
                tiles: vec![Tile {
                    label: "Value at stake".to_owned(),
                    value: "412,800".to_owned(),
                    unit: "EUR".to_owned(),
                    period: "next 12 months".to_owned(),
                }],
            }),
            Section::Data(DataReceived {
                period: "2024".to_owned(),
                tables: vec![TableRows {
                    table: "transactions".to_owned(),
                    rows_read: 184_220,
                    rows_kept: 184_071,
                    rejects: vec![RejectedRows { reason: "amount is not a number".to_owned(), rows: 149 }],
                }],
            }),
            Section::Decisions(DecisionSummary {
                period: "next 90 days".to_owned(),
                currency: "EUR".to_owned(),
                actions: vec![ActionCount {
                    stage: "at risk".to_owned(),
                    action: "renewal offer".to_owned(),
                    customers: 802,
                    expected_gain: 9_120.5,
                }],
            }),
            Section::Text(FreeText {
                heading: "In short".to_owned(),
                paragraphs: vec!["5 < 6 & <script>alert(1)</script>".to_owned()],
            }),
        ]
    }

    fn report() -> Report {
        let happened: Vec<bool> = (0..200).map(|row| row % 5 == 0 || row > 150).collect();
        let mut sections = data_sections();
        sections.extend([
            Section::Comparison(ModelComparison {
                subject: "Churn".to_owned(),
                period: "of the tune part".to_owned(),
                candidates: vec![candidate("Base rate", false), candidate("Gradient boosting", true)],
            }),
            Section::Classifier(Box::new(classifier(&happened))),
            Section::Importance(FeatureImportance {
                subject: "Churn".to_owned(),
                features: vec![FeatureWeight {
                    name: "\"><script>alert(2)</script>".to_owned(),
                    log_loss_increase: 0.03,
                    mean_contribution: 0.4,
                }],
                dependences: vec![
                    FeatureDependence {
                        name: "days since the last purchase".to_owned(),
                        dependence: Dependence::Number(vec![(3.0, 0.1), (90.0, 0.42)]),
                    },
                    FeatureDependence {
                        name: "plan".to_owned(),
                        dependence: Dependence::Category(vec![
                            ("<b>monthly</b>".to_owned(), 0.3),
                            ("annual".to_owned(), 0.2),
                        ]),
                    },
                ],
            }),
            Section::Value(ValueQuality {
                subject: "Lifetime value".to_owned(),
                measure: "spend".to_owned(),
                unit: "EUR".to_owned(),
                period: "2025".to_owned(),
                figures: ValueFigures::of(&[90.0, 30.0], &[80.0, 20.0]).unwrap(),
            }),
            Section::Tracking(PurchaseTracking {
                subject: "Lifetime value".to_owned(),
                start: "2025-01-01".to_owned(),
                tracking: Tracking {
                    week: vec![1, 2, 3],
                    actual_cumulative: vec![4.0, 10.0, 15.0],
                    expected_cumulative: vec![5.0, 10.0, 14.0],
                    hold_out_from: 2,
                },
            }),
        ]);
        Report { title: "Nordlicht <b>".to_owned(), generated_for: "2026-03-31".to_owned(), sections }
    }

    #[test]
    fn every_section_is_there_with_what_it_says_here() {
        let html = render(&report());
        for expected in [
            "As of 2026-03-31",
            "At a glance",
            "412,800",
            "Data received and rejected",
            "rejected: 149 × amount is not a number",
            "Churn: models compared",
            "Gradient boosting was chosen: its log loss of 0.1643 is 76% below that of the best baseline, Base rate (0.6931)",
            "ROC curve",
            "Mean size of contribution, log-odds",
            "the mean forecast is lowest at 3, 10%, and highest at 90, 42%",
            "highest for “&lt;b&gt;monthly&lt;/b&gt;”",
            "Precision-recall curve",
            "Cumulative gains curve",
            "Lift by decile",
            "Calibration curve",
            "95%: ",
            "The Brier score is ",
            "A campaign that contacts the best-scored ",
            "Churn: what the forecasts rest on",
            "the predicted total of 120 EUR is 20% above the actual 100 EUR",
            "week 3 to week 3, 4 repeat purchases were expected and 5 were made: the forecast is 20% below the count",
            "802 customers got a decision, with an expected gain of 9,120 EUR in all",
            "In short",
        ] {
            assert!(html.contains(expected), "missing: {expected}");
        }
        assert_eq!(html.matches("<section ").count(), 9);
        assert_eq!(html.matches("How to read it: ").count(), 10);
        assert_eq!(html.matches("<desc>").count(), html.matches("<svg class=\"chart\"").count());
    }

    #[test]
    fn it_opens_offline_and_runs_nothing() {
        let html = render(&report());
        for outside in ["http://", "https://", "<script", "<link", "<img", "url(", "@import", "src="] {
            assert!(!html.contains(outside), "found {outside}");
        }
    }

    #[test]
    fn names_are_shown_as_they_are_and_never_as_markup() {
        let html = render(&report());
        assert!(html.contains("5 &lt; 6 &amp; &lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(html.contains("&gt;&lt;script&gt;alert(2)&lt;/script&gt;"));
        assert!(html.contains("<title>Nordlicht &lt;b&gt;</title>"));
    }

    #[test]
    fn no_chart_has_a_coordinate_that_is_no_number() {
        let mut report = report();
        report.sections.push(Section::Classifier(Box::new(classifier(&[false; 7]))));
        report.sections.push(Section::Importance(FeatureImportance {
            subject: "Churn".to_owned(),
            features: Vec::new(),
            dependences: Vec::new(),
        }));
        report.sections.push(Section::Value(ValueQuality {
            subject: "Lifetime value".to_owned(),
            measure: "spend".to_owned(),
            unit: "EUR".to_owned(),
            period: "2025".to_owned(),
            figures: ValueFigures::of(&[0.0, 0.0], &[0.0, 0.0]).unwrap(),
        }));
        report.sections.push(Section::Tracking(PurchaseTracking {
            subject: "Lifetime value".to_owned(),
            start: "2025-01-01".to_owned(),
            tracking: Tracking {
                week: Vec::new(),
                actual_cumulative: Vec::new(),
                expected_cumulative: Vec::new(),
                hold_out_from: 0,
            },
        }));
        let html = render(&report);
        assert!(!html.contains("NaN") && !html.contains("inf\""));
        assert!(html.contains("All of these customers had the same outcome"));
        assert!(html.contains("Here: nothing was held out."));
    }
}
