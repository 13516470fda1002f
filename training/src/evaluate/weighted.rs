//! Forecasts sorted once, so that figures can be taken again and again with other weights of the rows.

use super::probability::{CalibrationBin, calibration_table_of, expected_calibration_error_of, log_loss_of_one};
use super::ranking::{Ranking, auc_of, average_precision_of, top_decile_lift_of};
use super::{ClassifierFigures, MetricError, check_probabilities};

/// What a row of either outcome counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutcomeWeights {
    /// Of a row where it happened.
    pub positive: f64,
    /// Of a row where it did not.
    pub negative: f64,
}

impl OutcomeWeights {
    /// Every row counts as one.
    pub const ONE: Self = Self { positive: 1.0, negative: 1.0 };

    /// Weights that give re-sampled rows the real rate of positives; they add up to the number of rows.
    ///
    /// `resampled` and `real` are rates strictly between 0 and 1.
    #[must_use]
    pub fn to_rate(resampled: f64, real: f64) -> Self {
        Self { positive: real / resampled, negative: (1.0 - real) / (1.0 - resampled) }
    }

    fn of(self, happened: bool) -> f64 {
        if happened { self.positive } else { self.negative }
    }
}

/// Forecasts from the highest to the lowest, with what happened.
pub(super) struct SortedRows {
    rows: Vec<SortedRow>,
    weights: OutcomeWeights,
}

struct SortedRow {
    forecast: f64,
    happened: bool,
    log_loss: f64,
}

impl SortedRows {
    /// Sorts; `forecasts` and `happened` are (n,).
    pub(super) fn new(forecasts: &[f64], happened: &[bool], weights: OutcomeWeights) -> Result<Self, MetricError> {
        check_probabilities(forecasts, happened)?;
        let row = |(&forecast, &happened): (&f64, &bool)| SortedRow {
            forecast: forecast + 0.0,
            happened,
            log_loss: log_loss_of_one(forecast, happened),
        };
        let mut rows: Vec<SortedRow> = forecasts.iter().zip(happened).map(row).collect();
        rows.sort_unstable_by(|a, b| b.forecast.total_cmp(&a.forecast).then(b.happened.cmp(&a.happened)));
        Ok(Self { rows, weights })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The ranking where each row is there so many times.
    pub(super) fn ranking(&self, times: &[u32]) -> Ranking {
        let weighted = self.rows.iter().zip(times).map(|(row, &times)| {
            let weight = self.weights.of(row.happened) * f64::from(times);
            (row.forecast, weight, if row.happened { weight } else { 0.0 })
        });
        Ranking::of_sorted(weighted, self.weights == OutcomeWeights::ONE)
    }

    /// Mean log loss where each row is there so many times.
    pub(super) fn log_loss(&self, times: &[u32]) -> f64 {
        self.mean(times, |row| row.log_loss)
    }

    /// Mean squared gap where each row is there so many times.
    pub(super) fn brier(&self, times: &[u32]) -> f64 {
        self.mean(times, |row| (row.forecast - f64::from(u8::from(row.happened))).powi(2))
    }

    fn mean(&self, times: &[u32], of: impl Fn(&SortedRow) -> f64) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        for (row, &times) in self.rows.iter().zip(times) {
            let weight = self.weights.of(row.happened) * f64::from(times);
            sum += weight * of(row);
            total += weight;
        }
        sum / total
    }

    /// The figures, with the calibration that its error is of.
    pub(super) fn figures(&self) -> (ClassifierFigures, Vec<CalibrationBin>, Ranking) {
        let once = vec![1; self.len()];
        let ranking = self.ranking(&once);
        let bins = calibration_table_of(&ranking);
        let figures = ClassifierFigures {
            rows: self.len(),
            positives: self.rows.iter().filter(|row| row.happened).count(),
            auc: auc_of(&ranking),
            average_precision: average_precision_of(&ranking),
            log_loss: self.log_loss(&once),
            brier: self.brier(&once),
            expected_calibration_error: expected_calibration_error_of(&bins),
            top_decile_lift: top_decile_lift_of(&ranking),
        };
        (figures, bins, ranking)
    }
}
