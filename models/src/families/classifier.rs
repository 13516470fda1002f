//! A binary classifier of any family with its calibration, and the checks it must pass on load.

use serde::{Deserialize, Serialize};

use super::baseline::{BaseRate, RecencyBins};
use super::blend::{Blend, in_log_odds};
use super::boosted::Boosted;
use super::calibration::Calibration;
use super::logistic::{Logistic, sigmoid};
use super::trees::Trees;
use crate::predict::{FeatureKind, Predict};
use crate::quantities::Probability;

/// Why a model cannot be used with the features of its artifact.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// The model was fitted on another number of features.
    #[error(
        "{part}: found {found}, expected one for each of {expected} features; publish the model again with its own feature plan"
    )]
    Width {
        /// What was counted.
        part: String,
        /// Its count.
        found: usize,
        /// The number of features.
        expected: usize,
    },
    /// A table has another length than what it describes.
    #[error(
        "{part}: found a table of {found} entries, expected {expected}; publish the model again with its own feature plan"
    )]
    Levels {
        /// What holds the table.
        part: String,
        /// Its length.
        found: usize,
        /// The length that fits.
        expected: usize,
    },
    /// A number is treated as a category or the other way round.
    #[error(
        "{part}: found a number where the feature plan has a category, or the reverse; publish the model again with its own feature plan"
    )]
    Kind {
        /// What was mismatched.
        part: String,
    },
    /// A number breaks its rule.
    #[error("{part}: found {found}, expected {expected}; train the model again")]
    Number {
        /// What holds the number.
        part: String,
        /// The number.
        found: String,
        /// The rule.
        expected: &'static str,
    },
    /// An index points outside what it may point at.
    #[error(
        "{part}: found index {found}, expected one from {from} to below {below}; restore the artifact or train the model again"
    )]
    Index {
        /// What holds the index.
        part: String,
        /// The index.
        found: usize,
        /// The least valid index.
        from: usize,
        /// One more than the largest valid index.
        below: usize,
    },
    /// A node is in no tree, or in several places of one.
    #[error("{part}: found {found} parents, expected one; restore the artifact or train the model again")]
    Parents {
        /// The node.
        part: String,
        /// How many nodes have it for a child; a root counts as a child of one.
        found: usize,
    },
    /// Something without which there is no prediction is missing.
    #[error("{part}: found none, expected at least one; train the model again")]
    Empty {
        /// What is missing.
        part: String,
    },
}

impl ModelError {
    pub(super) fn number(part: &str, found: f64, expected: &'static str) -> Self {
        Self::Number { part: part.into(), found: found.to_string(), expected }
    }

    pub(super) fn finite(part: &str, numbers: &[f64]) -> Result<(), Self> {
        match numbers.iter().find(|number| !number.is_finite()) {
            Some(&found) => Err(Self::number(part, found, "a finite number")),
            None => Ok(()),
        }
    }

    pub(super) fn rate(part: &str, found: f64) -> Result<(), Self> {
        if (0.0..=1.0).contains(&found) { Ok(()) } else { Err(Self::number(part, found, "a probability from 0 to 1")) }
    }

    pub(super) fn weight(part: &str, found: f64) -> Result<(), Self> {
        if found >= 0.0 && found.is_finite() {
            Ok(())
        } else {
            Err(Self::number(part, found, "a finite weight, 0 or more"))
        }
    }

    /// Whether a mean is that of the parts, to rounding.
    pub(super) fn mean(part: &str, found: f64, expected: f64) -> Result<(), Self> {
        if (found - expected).abs() <= 1e-9 * expected.abs().max(1.0) {
            Ok(())
        } else {
            Err(Self::number(part, found, "the mean of its children by weight"))
        }
    }

    pub(super) fn rising(part: &str, numbers: &[f64]) -> Result<(), Self> {
        match numbers.windows(2).find(|pair| pair[0] >= pair[1]) {
            Some(pair) => Err(Self::number(part, pair[1], "more than the number before it")),
            None => Ok(()),
        }
    }

    pub(super) fn index(part: &str, found: usize, from: usize, below: usize) -> Result<(), Self> {
        if (from..below).contains(&found) { Ok(()) } else { Err(Self::Index { part: part.into(), found, from, below }) }
    }

    pub(super) fn same_width(part: &str, found: usize, expected: usize) -> Result<(), Self> {
        if found == expected { Ok(()) } else { Err(Self::Width { part: part.into(), found, expected }) }
    }

    pub(super) fn same_levels(part: &str, found: usize, expected: usize) -> Result<(), Self> {
        if found == expected { Ok(()) } else { Err(Self::Levels { part: part.into(), found, expected }) }
    }
}

/// A fitted binary classifier of one of the known families.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Family {
    /// One probability for all.
    BaseRate(BaseRate),
    /// Rates by bins of one number.
    RecencyBins(RecencyBins),
    /// Logistic regression.
    Logistic(Logistic),
    /// Averaged trees.
    Trees(Trees),
    /// Gradient-boosted trees.
    Boosted(Boosted),
    /// A weighted average of other families.
    Blend(Blend),
}

impl Family {
    /// The name in recipes and reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::BaseRate(_) => "base-rate",
            Self::RecencyBins(_) => "recency-bins",
            Self::Logistic(_) => "logistic",
            Self::Trees(_) => "forest",
            Self::Boosted(_) => "boosting",
            Self::Blend(_) => "blend",
        }
    }

    /// The probability before calibration, whatever the scale of the family.
    #[must_use]
    pub fn raw_probability(&self, row: &[f64]) -> Probability {
        self.probability_of(self.predict(row))
    }

    /// The probabilities before calibration of `count` rows, one after the other: to the bit those of one at a time.
    #[must_use]
    pub fn raw_probabilities(&self, rows: &[f64], count: usize) -> Vec<Probability> {
        let mut predictions = vec![0.0; count];
        self.predict_rows(rows, &mut predictions);
        predictions.into_iter().map(|prediction| self.probability_of(prediction)).collect()
    }

    /// The probability that a prediction on the scale of the family stands for.
    pub(super) fn probability_of(&self, prediction: f64) -> Probability {
        Probability::clamped(match self {
            Self::Logistic(_) | Self::Boosted(_) | Self::Blend(_) => sigmoid(prediction),
            Self::BaseRate(_) | Self::RecencyBins(_) | Self::Trees(_) => prediction,
        })
    }

    /// Splits the log-odds before calibration over the features, whatever the scale of the family: base + sum of
    /// `contributions` = log-odds of the raw probability. Returns the base. See [`in_log_odds`].
    pub fn explain_log_odds(&self, row: &[f64], contributions: &mut [f64]) -> f64 {
        let base = self.explain(row, contributions);
        match self {
            Self::Logistic(_) | Self::Boosted(_) | Self::Blend(_) => base,
            Self::BaseRate(_) | Self::RecencyBins(_) | Self::Trees(_) => {
                in_log_odds(base, self.predict(row), contributions)
            }
        }
    }

    fn as_predict(&self) -> &dyn Predict {
        match self {
            Self::BaseRate(model) => model,
            Self::RecencyBins(model) => model,
            Self::Logistic(model) => model,
            Self::Trees(model) => model,
            Self::Boosted(model) => model,
            Self::Blend(model) => model,
        }
    }
}

/// On the scale of the family: log-odds for logistic regression, boosting and blends, probability for the others.
impl Predict for Family {
    fn predict(&self, row: &[f64]) -> f64 {
        self.as_predict().predict(row)
    }

    fn predict_rows(&self, rows: &[f64], out: &mut [f64]) {
        self.as_predict().predict_rows(rows, out);
    }

    fn explain(&self, row: &[f64], contributions: &mut [f64]) -> f64 {
        self.as_predict().explain(row, contributions)
    }

    fn explain_rows(&self, rows: &[f64], width: usize, contributions: &mut [f64]) {
        self.as_predict().explain_rows(rows, width, contributions);
    }
}

/// A family's model with its calibration: what answers "how likely?".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classifier {
    /// The fitted model.
    pub family: Family,
    /// From its raw probability to the calibrated one.
    pub calibration: Calibration,
    /// Number of features of a row.
    pub width: usize,
}

impl Classifier {
    /// The calibrated probability of the positive outcome for one row, `width` long.
    #[must_use]
    pub fn probability(&self, row: &[f64]) -> Probability {
        self.calibration.apply(self.family.raw_probability(row))
    }

    /// The calibrated probabilities of rows, one after the other: to the bit those of one at a time.
    #[must_use]
    pub fn probabilities(&self, rows: &[f64]) -> Vec<Probability> {
        let count = rows.len().checked_div(self.width).unwrap_or(0);
        let raw = self.family.raw_probabilities(rows, count);
        raw.into_iter().map(|probability| self.calibration.apply(probability)).collect()
    }

    /// Splits the prediction before calibration over the features, on the scale of the family.
    ///
    /// Calibration rises, so the order and the signs of the contributions hold for the calibrated probability too.
    /// `contributions` is `width` long; returns the base. See [`Predict::explain`].
    pub fn explain(&self, row: &[f64], contributions: &mut [f64]) -> f64 {
        self.family.explain(row, contributions)
    }

    /// The name of the family in recipes and reports.
    #[must_use]
    pub fn family_name(&self) -> &'static str {
        self.family.name()
    }

    /// Checks everything that prediction relies on, once, on load.
    ///
    /// # Errors
    /// [`ModelError`] names the first part that does not fit the features or itself.
    pub fn check(&self, kinds: &[FeatureKind]) -> Result<(), ModelError> {
        ModelError::same_width("classifier width", self.width, kinds.len())?;
        match &self.family {
            // Its type checks its only number.
            Family::BaseRate(_) => {}
            Family::RecencyBins(model) => model.check(kinds)?,
            Family::Logistic(model) => model.check(kinds)?,
            Family::Trees(model) => model.check(kinds)?,
            Family::Boosted(model) => model.check(kinds)?,
            Family::Blend(model) => model.check(kinds)?,
        }
        self.calibration.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::families::logistic::{Scaling, Term, Transform};

    fn kinds() -> Vec<FeatureKind> {
        vec![FeatureKind::Number, FeatureKind::Category { levels: vec!["annual".into(), "monthly".into()] }]
    }

    fn classifier() -> Classifier {
        let scaling = Scaling { transform: Transform::Identity, center: 1.0, scale: 2.0, limit: 5.0 };
        Classifier {
            family: Family::Logistic(Logistic {
                intercept: 0.5,
                terms: vec![
                    Term::Number { scaling, coefficient: 1.0, unknown: 0.0, background: 0.0 },
                    Term::Category { levels: vec![-1.0, 1.0], other: 0.0, unknown: 0.0, background: 0.0 },
                ],
            }),
            calibration: Calibration::Platt { slope: 2.0, intercept: -1.0 },
            width: 2,
        }
    }

    #[test]
    fn calibration_comes_after_the_family() {
        let probability = classifier().probability(&[3.0, 1.0]).get();
        // Log-odds .5 + 1 + 1 = 2.5, then 2 x 2.5 - 1.
        assert!((probability - sigmoid(4.0)).abs() < 1e-12, "{probability}");
    }

    #[test]
    fn bincode_brings_back_the_same_model() {
        let configuration = bincode::config::standard();
        let bytes = bincode::serde::encode_to_vec(classifier(), configuration).unwrap();
        let (back, read): (Classifier, usize) = bincode::serde::decode_from_slice(&bytes, configuration).unwrap();
        assert_eq!((back, read), (classifier(), bytes.len()));
    }

    #[test]
    fn a_model_for_other_features_is_refused() {
        let good = classifier();
        assert_eq!(good.check(&kinds()), Ok(()));
        assert!(matches!(good.check(&kinds()[..1]), Err(ModelError::Width { .. })));
        let swapped: Vec<_> = kinds().into_iter().rev().collect();
        assert!(matches!(good.check(&swapped), Err(ModelError::Kind { .. })));
        let longer = [FeatureKind::Number, FeatureKind::Category { levels: vec!["annual".into()] }];
        assert!(matches!(good.check(&longer), Err(ModelError::Levels { .. })));
    }

    #[test]
    fn a_number_that_is_not_finite_is_refused_with_its_place() {
        let mut broken = classifier();
        let Family::Logistic(logistic) = &mut broken.family else { unreachable!() };
        logistic.terms[1] = Term::Category { levels: vec![0.0, f64::NAN], other: 0.0, unknown: 0.0, background: 0.0 };
        let message = broken.check(&kinds()).unwrap_err().to_string();
        assert_eq!(message, "logistic term 1: found NaN, expected a finite number; train the model again");
    }
}
