//! The training rows that every fit is given, and what can be wrong with them.

use rand::seq::index;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use tend_models::families::logistic::{Scaling, Transform};
use tend_models::predict::FeatureKind;

/// Why a model cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FitError {
    /// The parts of the table do not have the same shape.
    #[error("{what}: found {found}, expected {expected}; pass one for each row or feature of the same table")]
    Shape {
        /// What was counted.
        what: &'static str,
        /// Its count.
        found: usize,
        /// The count that fits the others.
        expected: usize,
    },
    /// There is nothing to learn from.
    #[error("found no {what}, expected at least one; check the filters and dates of the recipe")]
    Empty {
        /// What is missing.
        what: &'static str,
    },
    /// All rows have the same label.
    #[error(
        "found {positives} positives in {rows} rows, expected both outcomes; widen the label window or check the label"
    )]
    OneOutcome {
        /// Rows with the positive label.
        positives: usize,
        /// All rows.
        rows: usize,
    },
    /// One outcome is too rare to learn from.
    #[error(
        "found {rarer} of the rarer outcome in {rows} training rows, expected at least {expected}; bring more rows, or widen the label window"
    )]
    TooFew {
        /// Training rows of the rarer outcome.
        rarer: usize,
        /// All training rows.
        rows: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A value is not one its feature can have.
    #[error("feature `{feature}`, row {row}: found {found}, expected {expected}")]
    Value {
        /// The feature's name.
        feature: String,
        /// Index of the row, from 0.
        row: usize,
        /// The value.
        found: f64,
        /// What the feature holds.
        expected: String,
    },
    /// A parameter of the fit is out of range.
    #[error("`{name}`: found {found}, expected {expected}; change it in the recipe")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The numerical library gave up.
    #[error("{family}: {reason}; look for extreme values in the features, or use another family")]
    Library {
        /// What was being fitted.
        family: &'static str,
        /// The library's own words.
        reason: String,
    },
}

/// A table of feature rows with their labels.
#[derive(Debug, Clone, Copy)]
pub struct TrainingRows<'a> {
    /// (rows, features), row-major; see [`tend_models::predict::Predict`] for what a row holds.
    pub rows: &'a [f64],
    /// What each feature holds.
    pub kinds: &'a [FeatureKind],
    /// Whether the asked outcome happened, one a row. Fits without labels ignore it.
    pub labels: &'a [bool],
    /// The name of each feature.
    pub names: &'a [String],
}

impl<'a> TrainingRows<'a> {
    /// Number of features.
    #[must_use]
    pub fn width(&self) -> usize {
        self.kinds.len()
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len().checked_div(self.width()).unwrap_or(0)
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One row.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, index: usize) -> &'a [f64] {
        &self.rows[index * self.width()..][..self.width()]
    }

    /// The values of one feature in some of the rows, in the order of `rows`.
    pub(crate) fn column(&self, feature: usize, rows: &[usize]) -> impl Iterator<Item = f64> {
        rows.iter().map(move |&row| self.row(row)[feature])
    }

    /// Number of rows with the positive label.
    #[must_use]
    pub fn positives(&self) -> usize {
        self.labels.iter().filter(|&&label| label).count()
    }

    /// Checks the shape and every value.
    ///
    /// # Errors
    /// [`FitError::Shape`], [`FitError::Empty`] or [`FitError::Value`] for the first that is wrong.
    pub fn check(&self) -> Result<(), FitError> {
        let same = |what, found, expected| {
            if found == expected { Ok(()) } else { Err(FitError::Shape { what, found, expected }) }
        };
        if self.width() == 0 {
            return Err(FitError::Empty { what: "features" });
        }
        if self.is_empty() {
            return Err(FitError::Empty { what: "training rows" });
        }
        same("names of features", self.names.len(), self.width())?;
        same("values of the table", self.rows.len(), self.len() * self.width())?;
        for (row, values) in self.rows.chunks_exact(self.width()).enumerate() {
            for (feature, (&found, kind)) in values.iter().zip(self.kinds).enumerate() {
                if let Some(expected) = broken_rule(found, kind) {
                    let feature = self.names[feature].clone();
                    return Err(FitError::Value { feature, row, found, expected });
                }
            }
        }
        Ok(())
    }

    /// Checks the shape, every value, and that each row has a label.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_labels(&self) -> Result<(), FitError> {
        self.check()?;
        if self.labels.len() != self.len() {
            return Err(FitError::Shape { what: "labels", found: self.labels.len(), expected: self.len() });
        }
        Ok(())
    }

    /// Checks the shape, every value, and that both outcomes occur.
    ///
    /// # Errors
    /// As [`check`](Self::check), and [`FitError::OneOutcome`].
    pub fn check_labelled(&self) -> Result<(), FitError> {
        self.check_labels()?;
        let positives = self.positives();
        if positives == 0 || positives == self.len() {
            return Err(FitError::OneOutcome { positives, rows: self.len() });
        }
        Ok(())
    }

    /// All row indices, or `at_most` of them drawn without replacement, rising.
    pub(crate) fn sample(&self, at_most: usize, seed: u64) -> Vec<usize> {
        if self.len() <= at_most {
            return (0..self.len()).collect();
        }
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut chosen = index::sample(&mut random, self.len(), at_most).into_vec();
        chosen.sort_unstable();
        chosen
    }

    /// As [`sample`](Self::sample), where both outcomes have to be among the rows.
    ///
    /// # Errors
    /// [`FitError::OneOutcome`] if they are not: one of them is very rare.
    pub(crate) fn sample_labelled(&self, at_most: usize, seed: u64) -> Result<Vec<usize>, FitError> {
        let sample = self.sample(at_most, seed);
        let positives = sample.iter().filter(|&&row| self.labels[row]).count();
        if positives == 0 || positives == sample.len() {
            return Err(FitError::OneOutcome { positives, rows: sample.len() });
        }
        Ok(sample)
    }
}

fn broken_rule(value: f64, kind: &FeatureKind) -> Option<String> {
    if value.is_nan() {
        return None;
    }
    match kind {
        FeatureKind::Number if value.is_infinite() => Some("a finite number, or NaN if unknown".into()),
        FeatureKind::Category { levels } if !is_index(value, levels.len()) => {
            Some(format!("the index of a level, from 0 to {}, or NaN if unknown", levels.len()))
        }
        _ => None,
    }
}

fn is_index(value: f64, largest: usize) -> bool {
    value.fract() == 0.0 && (0.0..=largest as f64).contains(&value)
}

/// Standardised values are cut off at this many standard deviations.
const LIMIT: f64 = 5.0;
/// Skewness beyond which a logarithm is considered: an exponential distribution has 2.
const HEAVY_TAIL: f64 = 2.0;

/// How a number is best standardised, from its values in the training rows; `None` if it does not vary.
///
/// A logarithm is taken where the tail is heavy and the logarithm at least halves its skewness.
pub(crate) fn scaling_of(values: impl Iterator<Item = f64>) -> Option<Scaling> {
    let known: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
    let plain = moments_of(&known, Transform::Identity)?;
    let logged = moments_of(&known, Transform::SignedLog)?;
    let heavy = plain.skewness.abs() > HEAVY_TAIL && logged.skewness.abs() < plain.skewness.abs() / 2.0;
    let (transform, moments) = if heavy { (Transform::SignedLog, logged) } else { (Transform::Identity, plain) };
    Some(Scaling { transform, center: moments.mean, scale: moments.deviation, limit: LIMIT })
}

struct Moments {
    mean: f64,
    deviation: f64,
    skewness: f64,
}

fn moments_of(values: &[f64], transform: Transform) -> Option<Moments> {
    let count = values.len() as f64;
    let mean = values.iter().map(|&value| transform.apply(value)).sum::<f64>() / count;
    let central = |power| values.iter().map(|&value| (transform.apply(value) - mean).powi(power)).sum::<f64>() / count;
    let deviation = central(2).sqrt();
    // Rounding leaves a constant column a deviation of a few units in the last place.
    let varies = deviation > 1e-12 * mean.abs() && deviation.is_finite();
    varies.then(|| Moments { mean, deviation, skewness: central(3) / deviation.powi(3) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_is_named_with_its_feature_and_row() {
        let kinds = [FeatureKind::Number, FeatureKind::Category { levels: vec!["a".into()] }];
        let names = ["spend".to_owned(), "plan".to_owned()];
        let table = |rows| TrainingRows { rows, kinds: &kinds, labels: &[true, false], names: &names };
        assert_eq!(table(&[1.0, 0.0, f64::NAN, 1.0]).check_labelled(), Ok(()));
        let message = table(&[1.0, 0.0, 2.0, 2.0]).check_labelled().unwrap_err().to_string();
        assert_eq!(
            message,
            "feature `plan`, row 1: found 2, expected the index of a level, from 0 to 1, or NaN if unknown"
        );
        assert!(table(&[f64::INFINITY, 0.0, 2.0, 1.0]).check().is_err());
        assert!(table(&[1.0, 0.0, 2.0]).check().is_err());
        assert_eq!(table(&[]).check(), Err(FitError::Empty { what: "training rows" }));
    }

    #[test]
    fn only_a_heavy_tail_is_logged_and_a_constant_is_not_scaled() {
        let uniform = scaling_of((0..100).map(f64::from)).unwrap();
        assert_eq!(uniform.transform, Transform::Identity);
        assert!((uniform.center - 49.5).abs() < 1e-12);
        assert!((uniform.scale - 833.25_f64.sqrt()).abs() < 1e-12);
        let spend = scaling_of((0..100).map(|step| (f64::from(step) / 10.0).exp())).unwrap();
        assert_eq!(spend.transform, Transform::SignedLog);
        assert_eq!(scaling_of([0.1; 1000].into_iter()), None);
        assert_eq!(scaling_of([f64::NAN, f64::NAN].into_iter()), None);
    }

    #[test]
    fn a_sample_is_rising_distinct_and_seeded() {
        let kinds = [FeatureKind::Number];
        let names = ["x".to_owned()];
        let rows = vec![0.0; 1000];
        let table = TrainingRows { rows: &rows, kinds: &kinds, labels: &[], names: &names };
        let sample = table.sample(100, 7);
        assert_eq!(sample.len(), 100);
        assert!(sample.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(sample, table.sample(100, 7));
        assert_ne!(sample, table.sample(100, 8));
        assert_eq!(table.sample(5000, 7), (0..1000).collect::<Vec<_>>());
    }
}
