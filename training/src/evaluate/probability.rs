//! Figures that read a forecast as a probability: log loss, Brier score, calibration.

use serde::{Deserialize, Serialize};

use super::ranking::Ranking;
use super::{MetricError, check_probabilities};

/// How many groups of customers a calibration is judged on.
pub const CALIBRATION_BINS: usize = 10;

/// How near to 0 and 1 the log loss lets a forecast come.
const LOG_LOSS_CLIP: f64 = 1e-15;

/// The 97.5 % point of the standard normal distribution.
const NORMAL_975: f64 = 1.959_963_984_540_054;

/// Log loss: the mean of -ln of the probability given to what happened, in nats; 0 is perfect.
///
/// `forecasts` and `happened` are (n,): element *i* of both is the same customer. Forecasts are clipped to
/// `[1e-15, 1 - 1e-15]`, so that one wrong certainty costs 34.5 and not infinity.
///
/// # Errors
/// [`MetricError::Lengths`], [`MetricError::Empty`], [`MetricError::NotFinite`] or [`MetricError::NotProbability`].
pub fn log_loss(forecasts: &[f64], happened: &[bool]) -> Result<f64, MetricError> {
    check_probabilities(forecasts, happened)?;
    let total: f64 =
        forecasts.iter().zip(happened).map(|(&forecast, &happened)| log_loss_of_one(forecast, happened)).sum();
    Ok(total / forecasts.len() as f64)
}

/// What one row adds to the log loss, in nats.
pub(crate) fn log_loss_of_one(forecast: f64, happened: bool) -> f64 {
    let forecast = forecast.clamp(LOG_LOSS_CLIP, 1.0 - LOG_LOSS_CLIP);
    if happened { -forecast.ln() } else { -(-forecast).ln_1p() }
}

/// Brier score: the mean squared gap between forecast and outcome; 0 is perfect.
///
/// `forecasts` and `happened` are (n,): element *i* of both is the same customer. Source: Brier (1950).
///
/// # Errors
/// [`MetricError::Lengths`], [`MetricError::Empty`], [`MetricError::NotFinite`] or [`MetricError::NotProbability`].
pub fn brier_score(forecasts: &[f64], happened: &[bool]) -> Result<f64, MetricError> {
    check_probabilities(forecasts, happened)?;
    let total: f64 = forecasts
        .iter()
        .zip(happened)
        .map(|(forecast, &happened)| (forecast - f64::from(u8::from(happened))).powi(2))
        .sum();
    Ok(total / forecasts.len() as f64)
}

/// Customers with similar forecasts, and how many of them it happened to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Mean of the forecasts, from 0 to 1.
    pub mean_forecast: f64,
    /// Share of the rows where it happened, from 0 to 1.
    pub observed_rate: f64,
    /// Number of rows.
    pub rows: usize,
    /// Lower end of the 95 % Wilson interval of the true rate.
    pub interval_low: f64,
    /// Upper end of the 95 % Wilson interval of the true rate.
    pub interval_high: f64,
}

/// Forecast against observed rate in groups of equal size, from the lowest forecasts to the highest.
///
/// `forecasts` and `happened` are (n,). There are [`CALIBRATION_BINS`] groups of n / 10 rows (equal-count bins). Equal forecasts
/// are never parted: a group ends at the first change of forecast at or after its share of the rows, so heavy ties
/// make fewer groups, and the order of the rows does not matter.
///
/// # Errors
/// [`MetricError::Lengths`], [`MetricError::Empty`], [`MetricError::NotFinite`] or [`MetricError::NotProbability`].
pub fn calibration_table(forecasts: &[f64], happened: &[bool]) -> Result<Vec<CalibrationBin>, MetricError> {
    check_probabilities(forecasts, happened)?;
    Ok(calibration_table_of(&Ranking::of_events(forecasts, happened)))
}

pub(super) fn calibration_table_of(ranking: &Ranking) -> Vec<CalibrationBin> {
    let share = |bin: usize| ranking.rows() * bin as f64 / CALIBRATION_BINS as f64;
    let end_of = |bin: usize| if ranking.is_whole { share(bin).floor() } else { share(bin) };
    let mut bins = Vec::with_capacity(CALIBRATION_BINS);
    let (mut start, mut before) = ((0.0, 0.0), 0.0);
    let mut forecasts = 0.0;
    let mut bin = 1;
    // From the lowest forecast up: what has at most this forecast is the total less what has more.
    for (place, step) in ranking.steps.iter().enumerate().rev() {
        let above = place.checked_sub(1).map(|above| ranking.steps[above]);
        let (rows_above, outcome_above) = above.map_or((0.0, 0.0), |above| (above.rows, above.outcome));
        let end = (ranking.rows() - rows_above, ranking.total() - outcome_above);
        forecasts += step.score * (end.0 - before);
        before = end.0;
        if end.0 >= end_of(bin) || place == 0 {
            bins.push(calibration_bin(end.0 - start.0, end.1 - start.1, forecasts));
            (start, forecasts) = (end, 0.0);
            while bin < CALIBRATION_BINS && end_of(bin) <= end.0 {
                bin += 1;
            }
        }
    }
    bins
}

fn calibration_bin(rows: f64, positives: f64, forecasts: f64) -> CalibrationBin {
    let (interval_low, interval_high) = wilson(positives / rows, rows);
    CalibrationBin {
        mean_forecast: forecasts / rows,
        observed_rate: positives / rows,
        rows: rows.round() as usize,
        interval_low,
        interval_high,
    }
}

/// Expected calibration error: the gap between forecast and observed rate, averaged over the rows; 0 is perfect.
///
/// `forecasts` and `happened` are (n,). The bins are those of [`calibration_table`]: equal-count (quantile) bins, 10
/// of them. Figures made with equal-width bins differ. Source: Naeini, Cooper and Hauskrecht (2015).
///
/// # Errors
/// [`MetricError::Lengths`], [`MetricError::Empty`], [`MetricError::NotFinite`] or [`MetricError::NotProbability`].
pub fn expected_calibration_error(forecasts: &[f64], happened: &[bool]) -> Result<f64, MetricError> {
    Ok(expected_calibration_error_of(&calibration_table(forecasts, happened)?))
}

pub(super) fn expected_calibration_error_of(bins: &[CalibrationBin]) -> f64 {
    let rows: usize = bins.iter().map(|bin| bin.rows).sum();
    let total: f64 = bins.iter().map(|bin| bin.rows as f64 * (bin.mean_forecast - bin.observed_rate).abs()).sum();
    total / rows as f64
}

/// The 95 % Wilson interval (low, high) of a rate of which `positives` of `rows` were seen.
///
/// Without rows nothing is known: (0, 1). Source: Wilson (1927).
#[must_use]
pub fn wilson_interval(positives: usize, rows: usize) -> (f64, f64) {
    if rows == 0 {
        return (0.0, 1.0);
    }
    wilson(positives as f64 / rows as f64, rows as f64)
}

fn wilson(rate: f64, n: f64) -> (f64, f64) {
    let z_squared = NORMAL_975 * NORMAL_975;
    let centre = rate + z_squared / (2.0 * n);
    let reach = NORMAL_975 * (rate * (1.0 - rate) / n + z_squared / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z_squared / n;
    (((centre - reach) / scale).max(0.0), ((centre + reach) / scale).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_certainty_costs_minus_ln_of_the_clip() {
        let loss = log_loss(&[0.0], &[true]).unwrap();
        assert!((loss - 34.538_776_394_910_684).abs() < 1e-12, "{loss}");
        let loss = log_loss(&[1.0], &[false]).unwrap();
        // 1 - 1e-15 is not exact in f64, which moves this side by 1e-3.
        assert!((loss - 34.538_776_394_910_684).abs() < 2e-3, "{loss}");
    }

    #[test]
    fn equal_forecasts_stay_in_one_group() {
        let forecasts = [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9];
        let happened = [true, false, false, false, false, false, false, true, true, false];
        let bins = calibration_table(&forecasts, &happened).unwrap();
        assert_eq!(bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(), [7, 3]);
        assert!((bins[0].observed_rate - 1.0 / 7.0).abs() < 1e-15);
        assert!((bins[1].mean_forecast - 0.9).abs() < 1e-15);
    }

    #[test]
    fn fewer_rows_than_groups_make_one_group_a_row() {
        let bins = calibration_table(&[0.2, 0.7, 0.4], &[false, true, true]).unwrap();
        assert_eq!(bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(), [1; 3]);
        assert_eq!(bins[1].mean_forecast, 0.4);
    }

    #[test]
    fn an_interval_never_leaves_0_to_1() {
        assert_eq!(wilson_interval(0, 0), (0.0, 1.0));
        assert_eq!(wilson_interval(0, 5).0, 0.0);
        assert_eq!(wilson_interval(5, 5).1, 1.0);
    }
}
