//! Logistic regression that scores a raw feature row: no expanded row, no allocation.

use serde::{Deserialize, Serialize};

use super::classifier::ModelError;
use crate::predict::{FeatureKind, Predict};

/// The probability that belongs to log-odds.
#[must_use]
pub fn sigmoid(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// What is done to a number before it is standardised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transform {
    /// The number as it is.
    Identity,
    /// sign(x) ln(1 + |x|): for amounts and counts with a heavy tail.
    SignedLog,
}

impl Transform {
    /// The transformed number; infinite only for an infinite one.
    #[must_use]
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Self::Identity => value,
            Self::SignedLog => value.signum() * value.abs().ln_1p(),
        }
    }
}

/// How a raw number becomes a standardised one: transformed, centred, scaled, cut off at the limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Applied first.
    pub transform: Transform,
    /// Mean of the transformed training values; an unknown value is taken to be here.
    pub center: f64,
    /// Standard deviation of the transformed training values, above 0.
    pub scale: f64,
    /// Largest size of a standardised value, above 0: beyond it nothing was learned.
    pub limit: f64,
}

impl Scaling {
    /// The standardised number, between minus and plus the limit; 0 for NaN.
    #[must_use]
    pub fn apply(&self, value: f64) -> f64 {
        if value.is_nan() {
            return 0.0;
        }
        ((self.transform.apply(value) - self.center) / self.scale).clamp(-self.limit, self.limit)
    }

    pub(super) fn check(&self, part: &str) -> Result<(), ModelError> {
        ModelError::finite(part, &[self.center])?;
        for positive in [self.scale, self.limit] {
            if !(positive > 0.0 && positive.is_finite()) {
                return Err(ModelError::number(part, positive, "a finite number above 0"));
            }
        }
        Ok(())
    }
}

/// What one feature adds to the log-odds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Term {
    /// Of a number.
    Number {
        /// How the raw number is standardised.
        scaling: Scaling,
        /// Log-odds for each standard deviation.
        coefficient: f64,
        /// Log-odds if the number is unknown.
        unknown: f64,
        /// Mean contribution over the training rows.
        background: f64,
    },
    /// Of a category.
    Category {
        /// Log-odds of each level, in the order of the feature's levels.
        levels: Vec<f64>,
        /// Log-odds of every other level.
        other: f64,
        /// Log-odds if the category is unknown.
        unknown: f64,
        /// Mean contribution over the training rows.
        background: f64,
    },
}

impl Term {
    /// What this raw value adds to the log-odds.
    #[must_use]
    pub fn contribution(&self, value: f64) -> f64 {
        match self {
            Self::Number { unknown, .. } | Self::Category { unknown, .. } if value.is_nan() => *unknown,
            Self::Number { scaling, coefficient, .. } => coefficient * scaling.apply(value),
            // The cast saturates, so that any number names a level or none.
            Self::Category { levels, other, .. } => *levels.get(value as usize).unwrap_or(other),
        }
    }

    /// Mean contribution over the training rows.
    #[must_use]
    pub fn background(&self) -> f64 {
        match self {
            Self::Number { background, .. } | Self::Category { background, .. } => *background,
        }
    }
}

/// A fitted logistic regression: an intercept and one term a feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// Log-odds before any feature is looked at.
    pub intercept: f64,
    /// One term a feature, in the order of the feature plan.
    pub terms: Vec<Term>,
}

impl Logistic {
    /// Checks that this model fits the features and that every number is finite.
    ///
    /// # Errors
    /// [`ModelError`] names the first part that does not.
    pub fn check(&self, kinds: &[FeatureKind]) -> Result<(), ModelError> {
        ModelError::same_width("logistic terms", self.terms.len(), kinds.len())?;
        ModelError::finite("logistic intercept", &[self.intercept])?;
        for (index, (term, kind)) in self.terms.iter().zip(kinds).enumerate() {
            let part = format!("logistic term {index}");
            match (term, kind) {
                (Term::Number { scaling, coefficient, unknown, background }, FeatureKind::Number) => {
                    scaling.check(&part)?;
                    ModelError::finite(&part, &[*coefficient, *unknown, *background])?;
                }
                (
                    Term::Category { levels: coefficients, other, unknown, background },
                    FeatureKind::Category { levels },
                ) => {
                    ModelError::same_levels(&part, coefficients.len(), levels.len())?;
                    ModelError::finite(&part, coefficients)?;
                    ModelError::finite(&part, &[*other, *unknown, *background])?;
                }
                _ => return Err(ModelError::Kind { part }),
            }
        }
        Ok(())
    }
}

/// On the log-odds scale; explained by exact Shapley values against the training rows, which for a sum over features
/// are each feature's term less its mean.
impl Predict for Logistic {
    fn predict(&self, row: &[f64]) -> f64 {
        self.terms.iter().zip(row).fold(self.intercept, |sum, (term, &value)| sum + term.contribution(value))
    }

    fn explain(&self, row: &[f64], contributions: &mut [f64]) -> f64 {
        let mut base = self.intercept;
        for ((term, &value), contribution) in self.terms.iter().zip(row).zip(contributions) {
            *contribution = term.contribution(value) - term.background();
            base += term.background();
        }
        base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Logistic {
        let scaling = Scaling { transform: Transform::SignedLog, center: 1.0, scale: 2.0, limit: 5.0 };
        Logistic {
            intercept: -1.0,
            terms: vec![
                Term::Number { scaling, coefficient: 0.5, unknown: 0.25, background: 0.125 },
                Term::Category { levels: vec![0.1, 0.2], other: 0.3, unknown: 0.4, background: 0.15 },
            ],
        }
    }

    #[test]
    fn every_kind_of_value_has_its_own_contribution() {
        let model = model();
        let number = |value: f64| model.terms[0].contribution(value);
        assert!((number(-3.0) - 0.5 * (-(4.0_f64.ln()) - 1.0) / 2.0).abs() < 1e-15);
        assert_eq!(number(f64::NAN), 0.25);
        assert_eq!(number(f64::INFINITY), 2.5);
        assert_eq!(number(f64::NEG_INFINITY), -2.5);
        let category = |value: f64| model.terms[1].contribution(value);
        assert_eq!([0.0, 1.0, 2.0, 7.0, f64::NAN].map(category), [0.1, 0.2, 0.3, 0.3, 0.4]);
    }

    #[test]
    fn contributions_are_shapley_values_against_the_rows_behind_the_background() {
        let rows = [[3.0, 0.0], [f64::NAN, 2.0], [-9.0, 1.0], [0.5, f64::NAN]];
        let mut model = model();
        for (index, term) in model.terms.iter_mut().enumerate() {
            let mean = rows.iter().map(|row| term.contribution(row[index])).sum::<f64>() / 4.0;
            match term {
                Term::Number { background, .. } | Term::Category { background, .. } => *background = mean,
            }
        }
        for row in [[7.0, 1.0], [f64::NAN, 0.0], [-2.0, f64::NAN]] {
            // The mean prediction if some values are the row's and the others those of each background row in turn.
            let worth = |known: [bool; 2]| {
                let mixed = rows.map(|other| [0, 1].map(|index| if known[index] { row[index] } else { other[index] }));
                mixed.iter().map(|mixed| model.predict(mixed)).sum::<f64>() / 4.0
            };
            let (nothing, both) = (worth([false; 2]), worth([true; 2]));
            let alone = [worth([true, false]), worth([false, true])];
            let mut found = [0.0; 2];
            let base = model.explain(&row, &mut found);
            assert!((base - nothing).abs() < 1e-15, "{base} for {nothing}");
            for (index, found) in found.iter().enumerate() {
                let expected = ((alone[index] - nothing) + (both - alone[1 - index])) / 2.0;
                assert!((found - expected).abs() < 1e-14, "{found} for {expected} in {row:?}");
            }
        }
    }

    #[test]
    fn contributions_and_base_add_up_to_the_prediction() {
        let model = model();
        for row in [[3.0, 0.0], [f64::NAN, 2.0], [-900.0, f64::NAN]] {
            let mut contributions = [0.0; 2];
            let base = model.explain(&row, &mut contributions);
            let sum = base + contributions.iter().sum::<f64>();
            assert!((sum - model.predict(&row)).abs() < 1e-14, "{sum} for {row:?}");
        }
    }

    #[test]
    fn sigmoid_stays_within_0_and_1() {
        assert_eq!(sigmoid(-1e9), 0.0);
        assert_eq!(sigmoid(1e9), 1.0);
        assert_eq!(sigmoid(0.0), 0.5);
    }
}
