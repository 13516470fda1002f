//! What the rows of a fit say, labels or numbers, and how much each counts.

use super::objective::Objective;
use crate::fit::table::{FitError, TrainingRows};

/// Rows with a number to learn instead of a label, such as the amount that each customer spent.
#[derive(Debug, Clone, Copy)]
pub struct NumberRows<'a> {
    /// The features. Labels are not read.
    pub rows: TrainingRows<'a>,
    /// One finite number a row.
    pub numbers: &'a [f64],
    /// How many rows each row counts as, 0 or more; `None` is 1 each.
    pub weights: Option<&'a [f64]>,
}

impl<'a> NumberRows<'a> {
    pub(super) fn answers(&self) -> Answers<'a> {
        Answers::numbers(self.numbers, self.weights)
    }
}

/// The answers of rows and their weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answers<'a> {
    values: Values<'a>,
    weights: Option<&'a [f64]>,
}

#[derive(Debug, Clone, Copy)]
enum Values<'a> {
    Labels(&'a [bool]),
    Numbers(&'a [f64]),
}

impl<'a> Answers<'a> {
    pub(super) fn labels(labels: &'a [bool], weights: Option<&'a [f64]>) -> Self {
        Self { values: Values::Labels(labels), weights }
    }

    pub(super) fn numbers(numbers: &'a [f64], weights: Option<&'a [f64]>) -> Self {
        Self { values: Values::Numbers(numbers), weights }
    }

    pub(super) fn len(&self) -> usize {
        match self.values {
            Values::Labels(labels) => labels.len(),
            Values::Numbers(numbers) => numbers.len(),
        }
    }

    /// What a row says; a label is 0 or 1.
    #[inline(always)]
    pub(super) fn value(&self, row: usize) -> f64 {
        match self.values {
            Values::Labels(labels) => f64::from(u8::from(labels[row])),
            Values::Numbers(numbers) => numbers[row],
        }
    }

    #[inline(always)]
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// What a row says, and its weight.
    pub(super) fn of(&self, row: usize) -> (f64, f64) {
        (self.value(row), self.weight(row))
    }

    pub(super) fn heaviest(&self) -> f64 {
        self.weights.map_or(1.0, |weights| weights.iter().copied().fold(0.0, f64::max))
    }

    pub(super) fn weight_of_all(&self) -> f64 {
        self.weights.map_or(self.len() as f64, |weights| weights.iter().sum())
    }

    pub(super) fn mean(&self) -> f64 {
        (0..self.len()).map(|row| self.value(row) * self.weight(row)).sum::<f64>() / self.weight_of_all()
    }

    /// Checks answers and weights of a fit against its objective.
    pub(super) fn check(&self, rows: &TrainingRows, objective: Objective) -> Result<(), FitError> {
        if let Some(weights) = self.weights {
            if weights.len() != rows.len() {
                return Err(FitError::Shape { what: "weights", found: weights.len(), expected: rows.len() });
            }
            let is_fit = |weight: f64| weight >= 0.0 && weight.is_finite();
            check_each("weight", weights, is_fit, "a finite number, 0 or more")?;
        }
        let weighty = || (0..rows.len()).filter(|&row| self.weight(row) > 0.0);
        match self.values {
            Values::Labels(labels) => {
                let positives = weighty().filter(|&row| labels[row]).count();
                let rows = weighty().count();
                if positives == 0 || positives == rows {
                    return Err(FitError::OneOutcome { positives, rows });
                }
            }
            Values::Numbers(numbers) => {
                if numbers.len() != rows.len() {
                    return Err(FitError::Shape {
                        what: "numbers to learn",
                        found: numbers.len(),
                        expected: rows.len(),
                    });
                }
                if matches!(objective, Objective::Tweedie { .. }) {
                    let is_fit = |number: f64| number >= 0.0 && number.is_finite();
                    check_each("number to learn", numbers, is_fit, "a finite number, 0 or more")?;
                    if !weighty().any(|row| numbers[row] > 0.0) {
                        return Err(FitError::Empty { what: "number to learn above 0" });
                    }
                }
                check_each("number to learn", numbers, f64::is_finite, "a finite number")?;
                if weighty().next().is_none() {
                    return Err(FitError::Empty { what: "row with a weight above 0" });
                }
            }
        }
        Ok(())
    }
}

fn check_each(what: &str, numbers: &[f64], is_fit: impl Fn(f64) -> bool, expected: &str) -> Result<(), FitError> {
    match numbers.iter().position(|&number| !is_fit(number)) {
        None => Ok(()),
        Some(row) => {
            Err(FitError::Value { feature: what.to_owned(), row, found: numbers[row], expected: expected.to_owned() })
        }
    }
}
