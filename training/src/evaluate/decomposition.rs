//! The Brier score's parts: how far forecasts can be trusted, how far they part customers, what nobody could know.

use serde::{Deserialize, Serialize};

use super::probability::{CalibrationBin, calibration_table_of};
use super::ranking::Ranking;
use super::{MetricError, brier_score};

/// Brier score = reliability - resolution + uncertainty + within groups.
///
/// The groups are those of [`calibration_table`](super::calibration_table). Source: Murphy (1973); the last part, which
/// is 0 where all forecasts of a group are equal, as in Stephenson, Coelho and Jolliffe (2008).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BrierDecomposition {
    /// Mean squared gap between forecast and observed rate of the groups: 0 is perfect.
    pub reliability: f64,
    /// Mean squared gap between the groups' observed rates and that of all: the more the better.
    pub resolution: f64,
    /// Variance of the outcome: the score of the base rate for everybody.
    pub uncertainty: f64,
    /// What the forecasts' differences within the groups add: below 0 where they help.
    pub within_groups: f64,
}

impl BrierDecomposition {
    /// Takes the score of `forecasts` apart; both slices are (n,).
    ///
    /// # Errors
    /// [`MetricError::Lengths`], [`MetricError::Empty`], [`MetricError::NotFinite`] or
    /// [`MetricError::NotProbability`].
    pub fn of(forecasts: &[f64], happened: &[bool]) -> Result<Self, MetricError> {
        let brier = brier_score(forecasts, happened)?;
        Ok(Self::of_groups(&calibration_table_of(&Ranking::of_events(forecasts, happened)), brier))
    }

    pub(super) fn of_groups(groups: &[CalibrationBin], brier: f64) -> Self {
        let rows: f64 = groups.iter().map(|group| group.rows as f64).sum();
        let mean = |of: &dyn Fn(&CalibrationBin) -> f64| {
            groups.iter().map(|group| group.rows as f64 * of(group)).sum::<f64>() / rows
        };
        let base_rate = mean(&|group| group.observed_rate);
        let reliability = mean(&|group| (group.mean_forecast - group.observed_rate).powi(2));
        let resolution = mean(&|group| (group.observed_rate - base_rate).powi(2));
        let uncertainty = base_rate * (1.0 - base_rate);
        Self { reliability, resolution, uncertainty, within_groups: brier - (reliability - resolution + uncertainty) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forecasts_of_two_levels_are_as_by_hand() {
        // Forecast .2 for 10 rows of which 3 happened, .8 for 10 of which 7 happened.
        let forecasts: Vec<f64> = (0..20).map(|row| if row < 10 { 0.2 } else { 0.8 }).collect();
        let happened: Vec<bool> = (0..20).map(|row| row < 3 || (10..17).contains(&row)).collect();
        let parts = BrierDecomposition::of(&forecasts, &happened).unwrap();
        let expected = [0.01, 0.04, 0.25, 0.0];
        let found = [parts.reliability, parts.resolution, parts.uncertainty, parts.within_groups];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{parts:?}");
        }
    }

    #[test]
    fn the_base_rate_for_everybody_has_uncertainty_alone() {
        let happened: Vec<bool> = (0..40).map(|row| row % 4 == 0).collect();
        let parts = BrierDecomposition::of(&[0.25; 40], &happened).unwrap();
        assert!(parts.reliability.abs() < 1e-15 && parts.resolution.abs() < 1e-15, "{parts:?}");
        assert!((parts.uncertainty - 0.1875).abs() < 1e-15 && parts.within_groups.abs() < 1e-15, "{parts:?}");
    }

    #[test]
    fn differences_within_a_group_that_are_right_lower_the_score() {
        // Ten groups of two rows; in each, the row forecast higher is the one that happened.
        let forecasts: Vec<f64> = (0..20).map(|row| 0.02 + 0.05 * f64::from(row)).collect();
        let happened: Vec<bool> = (0..20).map(|row| row % 2 == 1).collect();
        let parts = BrierDecomposition::of(&forecasts, &happened).unwrap();
        assert!(parts.within_groups < -0.01, "{parts:?}");
        let whole = parts.reliability - parts.resolution + parts.uncertainty + parts.within_groups;
        assert!((whole - brier_score(&forecasts, &happened).unwrap()).abs() < 1e-15, "{parts:?}");
    }
}
