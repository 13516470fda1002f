//! How sure figures are: 95 % intervals by the bootstrap.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::MetricError;
use super::probability::{calibration_table_of, expected_calibration_error_of};
use super::ranking::{Ranking, auc_of, average_precision_of, top_decile_lift_of};
use super::weighted::{OutcomeWeights, SortedRows};

/// Samples drawn for an interval.
const REPLICATES: usize = 500;
/// Rows drawn for all samples together; many rows need fewer samples for steady ends.
const MOST_DRAWN_ROWS: usize = 20_000_000;
const LEAST_REPLICATES: usize = 200;
/// Shares of the customers for whom the gain curve's interval is told, in tenths.
const GAIN_TENTHS: [usize; 5] = [1, 2, 3, 4, 5];

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The share of all positives among the best-scored share of the customers, with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GainInterval {
    /// Share of the customers, best scores first, from 0 to 1.
    pub share: f64,
    /// Share of the positives among them, from 0 to 1.
    pub gain: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
}

/// 95 % intervals of the figures of one forecast. They tell of the rows tested, not of training anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// Share of such intervals that hold the truth.
    pub level: f64,
    /// Samples drawn.
    pub replicates: usize,
    /// Area under the ROC curve.
    pub auc: Option<Interval>,
    /// Average precision.
    pub average_precision: Option<Interval>,
    /// Log loss, in nats.
    pub log_loss: Interval,
    /// Brier score.
    pub brier: Interval,
    /// Expected calibration error.
    pub expected_calibration_error: Interval,
    /// Lift of the first tenth.
    pub top_decile_lift: Option<Interval>,
    /// Points of the gain curve; empty if nothing happened.
    pub gains: Vec<GainInterval>,
}

/// The figures of one sample.
struct Replicate {
    auc: Option<f64>,
    average_precision: Option<f64>,
    log_loss: f64,
    brier: f64,
    calibration_error: f64,
    lift: Option<f64>,
    gains: Option<[f64; GAIN_TENTHS.len()]>,
}

impl Intervals {
    /// Draws samples of as many rows, with replacement, and takes the figures of each.
    ///
    /// `forecasts` and `happened` are (n,). Outcomes are not drawn in proportion: how many of other customers leave is
    /// not known either, and log loss and calibration depend on it. The ends are the 2.5 % and 97.5 % points of the samples' figures. Not so of
    /// the calibration error: chance alone makes it larger than the truth, and in a sample of a sample chance is there
    /// twice. Squares of a gap and of chance add up, so its ends are mirrored at the figure in squares, and the upper end
    /// is never below the figure. Depends on `seed`, not on the threads. Source: Efron and Tibshirani (1993), percentile
    /// and basic intervals.
    ///
    /// # Errors
    /// [`MetricError::Lengths`], [`MetricError::Empty`], [`MetricError::NotFinite`] or
    /// [`MetricError::NotProbability`].
    pub fn of(forecasts: &[f64], happened: &[bool], weights: OutcomeWeights, seed: u64) -> Result<Self, MetricError> {
        Ok(Self::of_rows(&SortedRows::new(forecasts, happened, weights)?, seed))
    }

    pub(super) fn of_rows(rows: &SortedRows, seed: u64) -> Self {
        let replicates = (MOST_DRAWN_ROWS / rows.len()).clamp(LEAST_REPLICATES, REPLICATES);
        let mut generator = Xoshiro256PlusPlus::seed_from_u64(seed);
        // A stream of its own for each sample: which thread comes first cannot matter.
        let generators: Vec<Xoshiro256PlusPlus> = (0..replicates)
            .map(|_| {
                generator.jump();
                generator.clone()
            })
            .collect();
        let samples: Vec<Replicate> = generators
            .into_par_iter()
            .map_init(
                || vec![0_u32; rows.len()],
                |times, mut generator| {
                    draw(&mut generator, times);
                    Replicate::of(rows, times)
                },
            )
            .collect();
        Self::of_samples(rows, &samples)
    }

    fn of_samples(rows: &SortedRows, samples: &[Replicate]) -> Self {
        let (figures, _, ranking) = rows.figures();
        let all_ends =
            |of: &dyn Fn(&Replicate) -> f64| ends(samples.iter().map(of).collect()).expect("samples are always drawn");
        // A sample with one outcome alone has no ranking; where both are rare, few are like that.
        let some_ends = |figure: Option<f64>, of: &dyn Fn(&Replicate) -> Option<f64>| {
            figure.and_then(|_| ends(samples.iter().filter_map(of).collect()))
        };
        let of_samples = all_ends(&|sample| sample.calibration_error);
        let error = figures.expected_calibration_error;
        let mirrored = |end: f64| (2.0 * error * error - end * end).max(0.0).sqrt();
        let gain = |(place, &tenths): (usize, &usize)| {
            let interval = ends(samples.iter().filter_map(|sample| Some(sample.gains?[place])).collect())?;
            let (share, gain) = (tenths as f64 / 10.0, gain_of(&ranking, tenths));
            Some(GainInterval { share, gain, low: interval.low, high: interval.high })
        };
        let gains = GAIN_TENTHS.iter().enumerate().filter(|_| ranking.total() > 0.0).filter_map(gain).collect();
        Self {
            level: 0.95,
            replicates: samples.len(),
            auc: some_ends(figures.auc, &|sample| sample.auc),
            average_precision: some_ends(figures.average_precision, &|sample| sample.average_precision),
            log_loss: all_ends(&|sample| sample.log_loss),
            brier: all_ends(&|sample| sample.brier),
            expected_calibration_error: Interval {
                low: mirrored(of_samples.high),
                high: mirrored(of_samples.low).max(error),
            },
            top_decile_lift: some_ends(figures.top_decile_lift, &|sample| sample.lift),
            gains,
        }
    }
}

impl Replicate {
    fn of(rows: &SortedRows, times: &[u32]) -> Self {
        let ranking = rows.ranking(times);
        Self {
            auc: auc_of(&ranking),
            average_precision: average_precision_of(&ranking),
            log_loss: rows.log_loss(times),
            brier: rows.brier(times),
            calibration_error: expected_calibration_error_of(&calibration_table_of(&ranking)),
            lift: top_decile_lift_of(&ranking),
            gains: (ranking.total() > 0.0).then(|| GAIN_TENTHS.map(|tenths| gain_of(&ranking, tenths))),
        }
    }
}

fn gain_of(ranking: &Ranking, tenths: usize) -> f64 {
    ranking.outcome_of_first(ranking.rows_in_tenths(tenths)) / ranking.total()
}

/// How often each row is drawn, if as many are drawn as there are.
fn draw(generator: &mut Xoshiro256PlusPlus, times: &mut [u32]) {
    times.fill(0);
    for _ in 0..times.len() {
        times[generator.random_range(0..times.len())] += 1;
    }
}

/// The 2.5 % and 97.5 % points, on the straight line between neighbours; `None` of no values.
pub(super) fn ends(mut values: Vec<f64>) -> Option<Interval> {
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * values.len().checked_sub(1)? as f64;
        let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
        Some(below + place.fract() * (above - below))
    };
    Some(Interval { low: at(0.025)?, high: at(0.975)? })
}

#[cfg(test)]
mod tests;
