//! Why a classifier gives one customer its probability: every feature's part, largest first.

use serde::Serialize;

use crate::families::classifier::Classifier;
use crate::features::FeaturePlan;
use crate::predict::FeatureKind;
use crate::quantities::Probability;
use crate::scorer::MOST_REASONS;

/// A probability taken apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The calibrated probability.
    pub probability: Probability,
    /// The probability before calibration, whose log-odds are taken apart.
    pub raw_probability: Probability,
    /// Log-odds before any feature is looked at.
    pub base: f64,
    /// Log-odds of the raw probability: the base and all contributions together.
    pub log_odds: f64,
    /// One a feature, largest contribution of either sign first.
    pub features: Vec<Part>,
    /// The strongest features that raise the probability, as sentences.
    pub reasons: Vec<String>,
}

/// One feature's part in a probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// The feature.
    pub feature: String,
    /// Its name for a person.
    pub label: String,
    /// Its value.
    pub value: Value,
    /// What it adds to the log-odds before calibration.
    pub contribution: f64,
}

/// A feature's value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Nobody knows.
    Unknown,
    /// A number.
    Number(f64),
    /// A level of a category.
    Level(String),
}

impl Value {
    fn of(kind: &FeatureKind, value: f64) -> Self {
        match kind {
            _ if value.is_nan() => Self::Unknown,
            FeatureKind::Number => Self::Number(value),
            FeatureKind::Category { levels } => {
                Self::Level(levels.get(value as usize).map_or_else(|| "another value".to_owned(), Clone::clone))
            }
        }
    }
}

impl Explanation {
    /// Takes the probability of one row apart; `row` has one value a feature of the plan.
    #[must_use]
    pub fn of(classifier: &Classifier, plan: &FeaturePlan, row: &[f64]) -> Self {
        let mut contributions = vec![0.0; row.len()];
        let base = classifier.family.explain_log_odds(row, &mut contributions);
        let part = |(place, feature): (usize, &crate::features::Feature)| Part {
            feature: feature.name.clone(),
            label: feature.label.clone(),
            value: Value::of(&feature.kind, row[place]),
            contribution: contributions[place],
        };
        let mut features: Vec<Part> = plan.features.iter().enumerate().map(part).collect();
        features.sort_by(|one, other| other.contribution.abs().total_cmp(&one.contribution.abs()));
        Self {
            probability: classifier.probability(row),
            raw_probability: classifier.family.raw_probability(row),
            base,
            log_odds: base + contributions.iter().sum::<f64>(),
            features,
            reasons: plan.reasons(row, &contributions, MOST_REASONS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::families::calibration::{Calibration, log_odds};
    use crate::families::classifier::Family;
    use crate::families::trees::{Encoding, Node, Trees};
    use crate::features::{Feature, Measure};

    fn plan() -> FeaturePlan {
        let feature = |name: &str, kind| Feature {
            name: name.to_owned(),
            label: name.to_owned(),
            kind,
            measure: Measure::Column(name.to_owned()),
        };
        let levels = vec!["annual".to_owned(), "monthly".to_owned()];
        FeaturePlan {
            features: vec![
                feature("age", FeatureKind::Number),
                feature("visits", FeatureKind::Number),
                feature("plan", FeatureKind::Category { levels }),
            ],
        }
    }

    /// A forest of one tree: visits, then the plan.
    fn classifier() -> Classifier {
        let split = |feature, left, right, value, weight| Node { feature, left, right, threshold: 0.5, value, weight };
        let number = || Encoding::Number { unknown: 0.0 };
        let rates = Encoding::Category { levels: vec![0.1, 0.9], other: 0.3, unknown: 0.3 };
        let nodes = vec![
            split(1, 1, 2, 0.4, 100.0),
            split(2, 3, 4, 0.6, 50.0),
            Node::leaf(0.2, 50.0),
            Node::leaf(0.3, 20.0),
            Node::leaf(0.8, 30.0),
        ];
        Classifier {
            family: Family::Trees(Trees { encodings: vec![number(), number(), rates], nodes, roots: vec![0] }),
            calibration: Calibration::Platt { slope: 0.5, intercept: -1.0 },
            width: 3,
        }
    }

    #[test]
    fn base_and_parts_add_up_to_the_log_odds_of_a_forest() {
        let found = Explanation::of(&classifier(), &plan(), &[30.0, 0.0, 1.0]);
        assert_eq!(found.raw_probability.get(), 0.8);
        let sum: f64 = found.features.iter().map(|part| part.contribution).sum();
        assert!((found.base + sum - log_odds(0.8)).abs() < 1e-12, "{found:?}");
        assert!((found.base - log_odds(0.4)).abs() < 1e-12, "{found:?}");
        let calibrated = log_odds(found.probability.get());
        assert!((calibrated - (0.5 * found.log_odds - 1.0)).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn the_largest_part_comes_first_with_its_value() {
        let found = Explanation::of(&classifier(), &plan(), &[f64::NAN, 0.0, 1.0]);
        assert!(found.features.is_sorted_by(|one, next| one.contribution.abs() >= next.contribution.abs()));
        let last = found.features.last().unwrap();
        assert_eq!((last.feature.as_str(), &last.value, last.contribution), ("age", &Value::Unknown, 0.0));
        let values: Vec<&Value> = found.features.iter().map(|part| &part.value).collect();
        assert!(values.contains(&&Value::Level("monthly".to_owned())), "{values:?}");
        assert_eq!(serde_json::to_value(&found).unwrap()["features"][2]["value"], serde_json::Value::Null);
    }
}
