//! How good forecasts were, once it is known what happened: figures and curves, as plain functions over slices.

mod classifier;
mod curves;
mod decomposition;
mod dependence;
mod held_out;
mod importance;
mod intervals;
mod lifetime;
mod offers;
mod probability;
mod profit;
mod ranking;
mod renewals;
mod value;
mod weighted;

pub use classifier::{ClassifierCurves, ClassifierFigures};
pub use curves::{LiftDecile, Point, gains_curve, lift_by_decile, precision_recall_curve, roc_curve};
pub use decomposition::BrierDecomposition;
pub use dependence::{Dependence, partial_dependence};
pub use held_out::{HeldOut, HeldOutDetail, HeldOutParams};
pub use importance::{IMPORTANCE_ROWS, permutation_importance};
pub use intervals::{GainInterval, Interval, Intervals};
pub use lifetime::{ConditionalBin, FrequencyBin, LifetimeFigures, Surface, ValueGroup};
pub use offers::{LIST_LENGTHS, ListComparison, ListFigures, OfferRanking, RankedOffers};
pub(crate) use probability::log_loss_of_one;
pub use probability::{
    CALIBRATION_BINS, CalibrationBin, brier_score, calibration_table, expected_calibration_error, log_loss,
    wilson_interval,
};
pub use profit::{Campaign, CampaignProfit, expected_maximum_profit};
pub use ranking::{auc, average_precision, top_decile_lift};
pub use renewals::{RenewalCohort, RenewalStep, renewal_steps};
pub use value::{Decile, Tracking, ValueFigures};
pub use weighted::OutcomeWeights;

/// Why a figure could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// Forecasts and outcomes are not about the same rows.
    #[error("found {forecasts} forecasts and {outcomes} outcomes, expected one outcome for each forecast")]
    Lengths {
        /// Number of forecasts.
        forecasts: usize,
        /// Number of outcomes.
        outcomes: usize,
    },
    /// There is nothing to evaluate.
    #[error("found no rows, expected at least one forecast with its outcome")]
    Empty,
    /// A forecast or an outcome is NaN or infinite.
    #[error("row {row}: found {found}, expected a finite number")]
    NotFinite {
        /// Position in the slice, from 0.
        row: usize,
        /// The offending value.
        found: f64,
    },
    /// A forecast that is read as a probability is none.
    #[error("row {row}: found the forecast {found}, expected a probability from 0 to 1")]
    NotProbability {
        /// Position in the slice, from 0.
        row: usize,
        /// The offending value.
        found: f64,
    },
    /// The feature values do not make up whole rows.
    #[error("found {values} feature values for {rows} rows, expected {rows} rows of {width} values")]
    Width {
        /// Number of feature values.
        values: usize,
        /// Number of outcomes.
        rows: usize,
        /// Features a row, as the caller said.
        width: usize,
    },
}

/// Checks that there is one outcome for each forecast, at least one of both, and that all forecasts are finite.
fn check_scores<T>(forecasts: &[f64], outcomes: &[T]) -> Result<(), MetricError> {
    if forecasts.len() != outcomes.len() {
        return Err(MetricError::Lengths { forecasts: forecasts.len(), outcomes: outcomes.len() });
    }
    if forecasts.is_empty() {
        return Err(MetricError::Empty);
    }
    check_finite(forecasts)
}

fn check_finite(values: &[f64]) -> Result<(), MetricError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(row) => Err(MetricError::NotFinite { row, found: values[row] }),
        None => Ok(()),
    }
}

/// As [`check_scores`], and every forecast must be a probability.
fn check_probabilities(forecasts: &[f64], happened: &[bool]) -> Result<(), MetricError> {
    check_scores(forecasts, happened)?;
    match forecasts.iter().position(|forecast| !(0.0..=1.0).contains(forecast)) {
        Some(row) => Err(MetricError::NotProbability { row, found: forecasts[row] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_is_an_error_that_names_the_row() {
        assert_eq!(brier_score(&[0.1], &[true, false]), Err(MetricError::Lengths { forecasts: 1, outcomes: 2 }));
        assert_eq!(log_loss(&[], &[]), Err(MetricError::Empty));
        assert_eq!(brier_score(&[0.1, 1.5], &[true, false]), Err(MetricError::NotProbability { row: 1, found: 1.5 }));
        let error = auc(&[0.1, f64::INFINITY], &[true, false]).unwrap_err();
        assert_eq!(error.to_string(), "row 1: found inf, expected a finite number");
    }

    #[test]
    fn a_score_that_is_no_probability_can_still_be_ranked() {
        assert_eq!(auc(&[-3.0, 7.0], &[false, true]), Ok(Some(1.0)));
    }
}
