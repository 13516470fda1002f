//! Fits the trivial classifiers: the base rate, and rates by bins of one number.

use tend_models::families::baseline::{BaseRate, RecencyBins};
use tend_models::predict::FeatureKind;
use tend_models::quantities::Probability;

use super::table::{FitError, TrainingRows};

/// Fits the one probability that is right on average.
///
/// # Errors
/// [`FitError`] if the table is invalid or holds one outcome only.
pub fn fit_base_rate(rows: &TrainingRows) -> Result<BaseRate, FitError> {
    rows.check_labelled()?;
    Ok(BaseRate { rate: overall(rows) })
}

fn overall(rows: &TrainingRows) -> Probability {
    Probability::clamped(rows.positives() as f64 / rows.len() as f64)
}

/// How to fit rates by bins of one number.
#[derive(Debug, Clone, PartialEq)]
pub struct RecencyBinsParams {
    /// Index of the number, such as days since the last purchase.
    pub feature: usize,
    /// Number of bins with about the same number of rows, at least 1; fewer where values repeat.
    pub bins: usize,
    /// A bin's rate is pulled towards the overall rate as if by this many rows more; 0 or more.
    pub smoothing: f64,
}

impl RecencyBinsParams {
    /// Ten bins of this feature.
    #[must_use]
    pub fn new(feature: usize) -> Self {
        Self { feature, bins: 10, smoothing: 20.0 }
    }

    /// Fits on labelled rows.
    ///
    /// # Errors
    /// [`FitError`] if the table is invalid, or if the feature is no number of it.
    pub fn fit(&self, rows: &TrainingRows) -> Result<RecencyBins, FitError> {
        rows.check_labelled()?;
        self.check(rows)?;
        let value = |row: usize| rows.row(row)[self.feature];
        let mut known: Vec<f64> = (0..rows.len()).map(value).filter(|value| !value.is_nan()).collect();
        known.sort_by(f64::total_cmp);
        let mut edges: Vec<f64> = (1..self.bins)
            .filter_map(|bin| known.get((bin * known.len() / self.bins).checked_sub(1)?))
            .copied()
            .collect();
        edges.dedup();
        edges.pop_if(|edge| known.last() == Some(edge));
        let mut counts = vec![(0.0, 0.0); edges.len() + 2];
        for row in 0..rows.len() {
            let value = value(row);
            let bin = if value.is_nan() { edges.len() + 1 } else { edges.partition_point(|&edge| edge < value) };
            counts[bin].0 += f64::from(rows.labels[row]);
            counts[bin].1 += 1.0;
        }
        let overall = overall(rows);
        let prior = overall.get();
        let mut rates: Vec<Probability> = counts
            .iter()
            .map(|&(positives, count)| {
                let weight = count + self.smoothing;
                let rate = if weight > 0.0 { (positives + self.smoothing * prior) / weight } else { prior };
                Probability::clamped(rate)
            })
            .collect();
        let unknown = rates.pop().expect("a bin for unknown values");
        Ok(RecencyBins { feature: self.feature as u32, edges, rates, unknown, overall })
    }

    fn check(&self, rows: &TrainingRows) -> Result<(), FitError> {
        let broken = |name, found: String, expected| Err(FitError::Parameter { name, found, expected });
        if rows.kinds.get(self.feature) != Some(&FeatureKind::Number) {
            return broken("feature", self.feature.to_string(), "the index of a number in the table");
        }
        if self.bins == 0 {
            return broken("bins", "0".into(), "1 or more");
        }
        if !(self.smoothing >= 0.0 && self.smoothing.is_finite()) {
            return broken("smoothing", self.smoothing.to_string(), "a finite number, 0 or more");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tend_models::predict::Predict;

    #[test]
    fn bins_hold_equal_shares_and_keep_their_rates() {
        let rows: Vec<f64> = (0..100).map(f64::from).chain([f64::NAN; 10]).collect();
        let labels: Vec<bool> = (0..110).map(|row| row % 100 >= 50 || row == 3 || row == 109).collect();
        let kinds = [FeatureKind::Number];
        let names = ["days_since_last_purchase".to_owned()];
        let table = TrainingRows { rows: &rows, kinds: &kinds, labels: &labels, names: &names };
        let params = RecencyBinsParams { feature: 0, bins: 4, smoothing: 0.0 };
        let model = params.fit(&table).unwrap();
        assert_eq!(model.check(&kinds), Ok(()));
        assert_eq!(model.edges, [24.0, 49.0, 74.0]);
        assert_eq!([0.0, 24.0, 25.0, 75.0, f64::NAN].map(|value| model.predict(&[value])), [0.04, 0.04, 0.0, 1.0, 0.1]);
        assert_eq!(fit_base_rate(&table).unwrap().rate.get(), 52.0 / 110.0);
    }

    #[test]
    fn a_constant_or_unknown_number_leaves_one_bin() {
        let kinds = [FeatureKind::Number];
        let names = ["x".to_owned()];
        for value in [5.0, f64::NAN] {
            let rows = [value; 6];
            let labels = [true, false, false, true, false, false];
            let table = TrainingRows { rows: &rows, kinds: &kinds, labels: &labels, names: &names };
            let model = RecencyBinsParams::new(0).fit(&table).unwrap();
            assert!(model.edges.is_empty(), "{:?}", model.edges);
            assert!((model.predict(&[value]) - 1.0 / 3.0).abs() < 1e-15);
            assert!(RecencyBinsParams::new(1).fit(&table).is_err());
        }
    }
}
