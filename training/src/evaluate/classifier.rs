//! All figures and curves of a yes-or-no forecast in one go.

use serde::{Deserialize, Serialize};

use super::curves::{gains_curve_of, lift_by_decile_of, precision_recall_curve_of, roc_curve_of};
use super::probability::calibration_table_of;
use super::ranking::Ranking;
use super::weighted::{OutcomeWeights, SortedRows};
use super::{CalibrationBin, LiftDecile, MetricError, Point, check_probabilities};

/// How good probabilities of one event were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassifierFigures {
    /// Number of rows evaluated.
    pub rows: usize,
    /// Rows where it happened.
    pub positives: usize,
    /// Area under the ROC curve; `None` (null) if all rows are positive or all negative.
    pub auc: Option<f64>,
    /// Average precision; `None` (null) if nothing happened.
    pub average_precision: Option<f64>,
    /// Log loss, in nats.
    pub log_loss: f64,
    /// Brier score, from 0 to 1.
    pub brier: f64,
    /// Expected calibration error over ten equal-count bins, from 0 to 1.
    pub expected_calibration_error: f64,
    /// Rate among the best-scored tenth over the rate of all; `None` (null) if nothing happened.
    pub top_decile_lift: Option<f64>,
}

impl ClassifierFigures {
    /// Computes all figures; `forecasts` and `happened` are (n,), element *i* of both is the same customer.
    ///
    /// # Errors
    /// [`MetricError::Lengths`], [`MetricError::Empty`], [`MetricError::NotFinite`] or
    /// [`MetricError::NotProbability`].
    pub fn of(forecasts: &[f64], happened: &[bool]) -> Result<Self, MetricError> {
        Ok(SortedRows::new(forecasts, happened, OutcomeWeights::ONE)?.figures().0)
    }

    /// Share of the rows where it happened, from 0 to 1.
    #[must_use]
    pub fn base_rate(&self) -> f64 {
        self.positives as f64 / self.rows as f64
    }
}

/// The curves of probabilities of one event, at most 200 points each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassifierCurves {
    /// x: false positive rate, y: true positive rate.
    pub roc: Vec<Point>,
    /// x: recall, y: precision.
    pub precision_recall: Vec<Point>,
    /// x: share of rows taken, best first; y: share of all positives among them.
    pub gains: Vec<Point>,
    /// Lift in each tenth, best scores first.
    pub lift_by_decile: Vec<LiftDecile>,
    /// Forecast against observed rate, lowest forecasts first.
    pub calibration: Vec<CalibrationBin>,
}

impl ClassifierCurves {
    /// Computes all curves; `forecasts` and `happened` are (n,), element *i* of both is the same customer.
    ///
    /// # Errors
    /// [`MetricError::Lengths`], [`MetricError::Empty`], [`MetricError::NotFinite`] or
    /// [`MetricError::NotProbability`].
    pub fn of(forecasts: &[f64], happened: &[bool]) -> Result<Self, MetricError> {
        check_probabilities(forecasts, happened)?;
        let ranking = Ranking::of_events(forecasts, happened);
        Ok(Self::of_ranking(&ranking, calibration_table_of(&ranking)))
    }

    pub(super) fn of_ranking(ranking: &Ranking, calibration: Vec<CalibrationBin>) -> Self {
        Self {
            roc: roc_curve_of(ranking),
            precision_recall: precision_recall_curve_of(ranking),
            gains: gains_curve_of(ranking),
            lift_by_decile: lift_by_decile_of(ranking),
            calibration,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_class_serialises_as_null_and_comes_back() {
        let figures = ClassifierFigures::of(&[0.25, 0.5], &[false, false]).unwrap();
        let json = serde_json::to_value(&figures).unwrap();
        assert!(json["auc"].is_null() && json["top_decile_lift"].is_null());
        assert_eq!(json["rows"], 2);
        assert_eq!(json["brier"], 0.15625);
        let back: ClassifierFigures = serde_json::from_value(json).unwrap();
        assert_eq!(back, figures);
    }

    #[test]
    fn curves_of_one_class_are_empty_but_the_calibration_is_not() {
        let curves = ClassifierCurves::of(&[0.25, 0.5], &[false, false]).unwrap();
        assert!(curves.roc.is_empty() && curves.gains.is_empty());
        assert!(curves.lift_by_decile.is_empty());
        assert_eq!(curves.calibration.len(), 2);
    }
}
