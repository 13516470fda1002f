//! The trivial classifiers that every other one has to beat.

use serde::{Deserialize, Serialize};

use super::classifier::ModelError;
use crate::predict::{FeatureKind, Predict};
use crate::quantities::Probability;

/// The same probability for every customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaseRate {
    /// Rate of positives in training.
    pub rate: Probability,
}

/// On the probability scale.
impl Predict for BaseRate {
    fn predict(&self, _row: &[f64]) -> f64 {
        self.rate.get()
    }

    fn explain(&self, _row: &[f64], contributions: &mut [f64]) -> f64 {
        contributions.fill(0.0);
        self.rate.get()
    }
}

/// The rate of positives among customers in the same bin of one number, such as days since the last purchase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecencyBins {
    /// Index of the number in the row.
    pub feature: u32,
    /// Rising upper edges, each within its bin; the last bin has no edge.
    pub edges: Vec<f64>,
    /// Rate in each bin: one more than edges.
    pub rates: Vec<Probability>,
    /// Rate where the number is unknown.
    pub unknown: Probability,
    /// Rate over all training rows.
    pub overall: Probability,
}

impl RecencyBins {
    /// Checks that the feature is a number and that there is a rate for every bin.
    ///
    /// # Errors
    /// [`ModelError`] names the first part that is wrong.
    pub fn check(&self, kinds: &[FeatureKind]) -> Result<(), ModelError> {
        let feature = self.feature as usize;
        ModelError::index("binned feature", feature, 0, kinds.len())?;
        if kinds[feature] != FeatureKind::Number {
            return Err(ModelError::Kind { part: "binned feature".into() });
        }
        ModelError::finite("bin edges", &self.edges)?;
        ModelError::rising("bin edges", &self.edges)?;
        ModelError::same_levels("rates of bins", self.rates.len(), self.edges.len() + 1)
    }
}

/// On the probability scale.
impl Predict for RecencyBins {
    fn predict(&self, row: &[f64]) -> f64 {
        let value = row[self.feature as usize];
        if value.is_nan() {
            return self.unknown.get();
        }
        self.rates[self.edges.partition_point(|&edge| edge < value)].get()
    }

    fn explain(&self, row: &[f64], contributions: &mut [f64]) -> f64 {
        contributions.fill(0.0);
        contributions[self.feature as usize] = self.predict(row) - self.overall.get();
        self.overall.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_belongs_to_the_bin_below_it() {
        let rate = |value| Probability::new(value).unwrap();
        let bins = RecencyBins {
            feature: 1,
            edges: vec![10.0, 20.0],
            rates: vec![rate(0.1), rate(0.2), rate(0.3)],
            unknown: rate(0.9),
            overall: rate(0.25),
        };
        let at = |days| bins.predict(&[0.0, days]);
        assert_eq!([-5.0, 10.0, 10.5, 20.0, 1e9, f64::NAN].map(at), [0.1, 0.1, 0.2, 0.2, 0.3, 0.9]);
        let mut contributions = [7.0; 2];
        let base = bins.explain(&[0.0, 30.0], &mut contributions);
        assert_eq!(contributions[0], 0.0);
        assert!((base + contributions[1] - 0.3).abs() < 1e-15);
        assert_eq!(bins.check(&[FeatureKind::Number, FeatureKind::Number]), Ok(()));
        assert!(bins.check(&[FeatureKind::Number]).is_err());
    }
}
