//! The report page: it holds what it was given, escaped, and needs nothing else.

use tend_training::evaluate::{ClassifierCurves, ClassifierFigures, ValueFigures};
use tend_training::report::{
    ClassifierSection, DecisionRow, FeatureImportance, ImportanceSection, ModelComparison,
    ModelRow, Paragraph, Reject, Report, Section, SimpleTable, TableReceived, Tile, ValueSection,
    render,
};

fn classifier(happened_at_all: bool) -> Section {
    let forecasts: Vec<f64> = (0..1000).map(|i| (f64::from(i) / 1000.0).powi(3)).collect();
    let happened: Vec<bool> = forecasts
        .iter()
        .enumerate()
        .map(|(i, forecast)| happened_at_all && ((i * 53) % 97) as f64 / 97.0 < *forecast)
        .collect();
    Section::Classifier(ClassifierSection {
        task: "churn".to_owned(),
        event: "left".to_owned(),
        figures: ClassifierFigures::of(&forecasts, &happened).unwrap(),
        curves: ClassifierCurves::of(&forecasts, &happened).unwrap(),
    })
}

fn model(family: &str, log_loss: f64, chosen: bool) -> ModelRow {
    ModelRow {
        family: family.to_owned(),
        log_loss,
        auc: Some(0.81),
        brier: 0.1,
        expected_calibration_error: 0.012,
        chosen,
    }
}

fn models() -> Section {
    Section::ModelComparison(ModelComparison {
        task: "churn".to_owned(),
        models: vec![
            model("baseline", 0.4301, false),
            model("logistic regression", 0.3302, false),
            model("boosted trees", 0.3127, true),
        ],
    })
}

fn data() -> Section {
    let table = |table: &str, rows_read, rejects| TableReceived {
        table: table.to_owned(),
        rows_read,
        rows_kept: 9_000,
        rejects,
    };
    let reject = |reason: &str, rows| Reject {
        reason: reason.to_owned(),
        rows,
    };
    Section::DataReceived(vec![
        table("customers", 9_000, vec![]),
        table(
            "transactions",
            9_120,
            vec![
                reject("with an unknown customer", 100),
                reject("without an amount", 20),
            ],
        ),
    ])
}

fn importance() -> Section {
    let features = [
        "Purchases in the last 90 days",
        "Days since the last purchase",
    ];
    Section::Importance(ImportanceSection {
        task: "churn".to_owned(),
        features: features
            .iter()
            .zip([0.01, 0.03])
            .map(|(label, increase)| FeatureImportance {
                label: (*label).to_owned(),
                increase,
            })
            .collect(),
    })
}

fn value() -> Section {
    let predicted: Vec<f64> = (0..500).map(|i| f64::from(i % 83) * 2.0).collect();
    let actual: Vec<f64> = (0..500).map(|i| f64::from((i * 7) % 83 + i % 83)).collect();
    Section::Value(ValueSection {
        task: "lifetime value".to_owned(),
        quantity: "spending in the next year".to_owned(),
        money: true,
        figures: ValueFigures::of(&predicted, &actual).unwrap(),
    })
}

fn decisions() -> Section {
    let row = |stage: &str, action: Option<&str>, customers, expected_gain| DecisionRow {
        stage: stage.to_owned(),
        action: action.map(str::to_owned),
        customers,
        expected_gain,
    };
    Section::Decisions(vec![
        row("at risk", Some("call"), 200, 12_400.0),
        row("active", Some("offer the second product"), 800, 8_150.6),
        row("active", None, 8_000, 0.0),
    ])
}

fn texts(text: &str) -> [Section; 3] {
    let tile = Tile {
        label: "Customers".to_owned(),
        value: "9,000".to_owned(),
        note: text.to_owned(),
    };
    [
        Section::KeyFigures(vec![tile]),
        Section::Paragraph(Paragraph {
            heading: "How to read this".to_owned(),
            text: format!("First.\n\n{text}"),
        }),
        Section::Table(SimpleTable {
            heading: "By country".to_owned(),
            columns: vec!["Country".to_owned(), "Customers".to_owned()],
            rows: vec![vec![text.to_owned(), "1,200".to_owned()]],
        }),
    ]
}

fn full(text: &str) -> Report {
    let [tiles, paragraph, table] = texts(text);
    Report {
        title: "Customers and what to do".to_owned(),
        as_of: "2026-11-01".to_owned(),
        currency: "EUR".to_owned(),
        sections: vec![
            tiles,
            data(),
            models(),
            classifier(true),
            importance(),
            value(),
            decisions(),
            paragraph,
            table,
        ],
    }
}

fn assert_holds(page: &str, part: &str) {
    assert!(page.contains(part), "the page does not hold {part:?}");
}

#[test]
fn a_report_holds_every_section_with_its_sentence() {
    let page = render(&full("text"));
    for part in [
        "<h1>Customers and what to do</h1>",
        "As of 2026-11-01, amounts in EUR.",
        ">Key figures</h2>",
        "18,000 of 18,120 rows were used (99.3%). Most often rejected: with an unknown customer, 100 rows of transactions.",
        "Chosen: boosted trees, with a log loss of 0.3127, 0.0175 below logistic regression, the best of the others.",
        "✓ chosen",
        "ROC curve</title>",
        "Cumulative gains curve</title>",
        "Lift by tenth of the customers</title>",
        "Calibration</title>",
        "“Days since the last purchase” matters most: without it the log loss rises by 0.0300.",
        "Predicted and actual by tenth of the customers</title>",
        "1,000 of 9,000 customers get an action, for an expected gain of EUR\u{a0}20,551. Most of it comes from “call” in \
         the stage “at risk”: EUR\u{a0}12,400.",
        "leave alone",
        "<p>First.</p><p>text</p>",
        "<td class=\"number\">1,200</td>",
    ] {
        assert_holds(&page, part);
    }
    assert!(!page.contains("NaN"), "a coordinate is no number");
}

#[test]
fn the_sentences_of_a_classifier_are_those_of_its_numbers() {
    let Section::Classifier(section) = classifier(true) else {
        unreachable!()
    };
    let page = render(&full("text"));
    let auc = section.figures.auc.unwrap();
    assert_holds(
        &page,
        &format!(
            "the model ranks {:.0} the right way round (AUC {auc:.3})",
            auc * 100.0
        ),
    );
    // One gains point a row or so: the fifth is the sum of the first two tenths to within a row.
    let tenths = &section.curves.lift_by_decile;
    let found = (tenths[0].positives + tenths[1].positives) / section.figures.positives as f64;
    assert_holds(
        &page,
        &format!("holds {:.0}% of all who left", found * 100.0),
    );
    assert_holds(
        &page,
        &format!("{:.1} times the rate of all customers", tenths[0].lift),
    );
}

#[test]
fn text_of_the_data_cannot_become_markup() {
    let attack = "<script>alert(1)</script>\"'&";
    let mut report = full(attack);
    report.title = attack.to_owned();
    report.sections.push(Section::Importance(ImportanceSection {
        task: attack.to_owned(),
        features: vec![FeatureImportance {
            label: attack.to_owned(),
            increase: 1.0,
        }],
    }));
    let page = render(&report);
    assert!(!page.contains("<script"), "a script came through");
    assert_holds(&page, "&lt;script&gt;alert(1)&lt;/script&gt;");
}

#[test]
fn a_page_loads_nothing_and_links_only_within_itself() {
    let page = render(&full("text"));
    for part in [
        "://", "src=", "url(", "@import", "<link", "<script", " onload=",
    ] {
        assert_eq!(page.find(part), None, "the page holds {part:?}");
    }
    for link in page.split("href=\"").skip(1) {
        assert!(link.starts_with('#'), "a link leaves the page: {link:.40}");
    }
}

#[test]
fn every_chart_has_a_title_a_description_and_a_sentence() {
    let page = render(&full("text"));
    let charts: Vec<&str> = page.split("<svg").skip(1).collect();
    assert_eq!(charts.len(), 6);
    let mut identifiers = Vec::new();
    for chart in charts {
        let described = chart.split("<desc id=\"").nth(1).expect("a description");
        let (id, rest) = described.split_once("\">").unwrap();
        let sentence = rest.split("</desc>").next().unwrap();
        assert!(sentence.ends_with('.'), "{sentence}");
        assert_holds(chart, &format!("<figcaption>{sentence}</figcaption>"));
        identifiers.push(id);
    }
    identifiers.sort_unstable();
    identifiers.dedup();
    assert_eq!(identifiers.len(), 6, "two charts share an identifier");
}

#[test]
fn one_class_gives_a_sentence_in_place_of_the_curves() {
    let page = render(&Report {
        sections: vec![classifier(false)],
        ..full("text")
    });
    assert_holds(
        &page,
        "None of the 1,000 customers held out left, so that there is no order to judge.",
    );
    assert_eq!(
        page.matches("<svg").count(),
        1,
        "only the calibration is left"
    );
}

#[test]
fn empty_sections_make_a_page_all_the_same() {
    let page = render(&Report {
        sections: vec![
            Section::KeyFigures(vec![]),
            Section::DataReceived(vec![]),
            Section::Decisions(vec![]),
            Section::Importance(ImportanceSection {
                task: "churn".to_owned(),
                features: vec![],
            }),
            Section::ModelComparison(ModelComparison {
                task: "churn".to_owned(),
                models: vec![],
            }),
        ],
        ..full("text")
    });
    assert_holds(&page, "No rows were read.");
    assert_holds(&page, "None of the candidates was chosen.");
    assert!(
        !page.contains("NaN") && !page.contains("inf"),
        "a number is none"
    );
}

/// Relative luminance of `#rrggbb`. Source: WCAG 2.2.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

#[test]
fn text_has_the_contrast_that_wcag_aa_asks_for_in_light_and_dark() {
    let page = render(&full("text"));
    let (light, dark) = page.split_once("prefers-color-scheme: dark").unwrap();
    for scheme in [light, dark] {
        let colour = |name: &str| {
            let start = scheme.find(&format!("--{name}: #")).unwrap() + name.len() + 4;
            luminance(&scheme[start..start + 7])
        };
        for text in ["ink", "muted", "first", "second", "good"] {
            for ground in ["paper", "panel"] {
                let (a, b) = (colour(text), colour(ground));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2}");
            }
        }
    }
}
