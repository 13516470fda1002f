//! Tests of the intervals: how often they hold the truth, and what they depend on.

use super::*;
use crate::evaluate::ClassifierFigures;
use tend_models::families::logistic::sigmoid;

/// Rows of a known truth: the forecast is the true probability.
fn honest_rows(rows: usize, seed: u64) -> (Vec<f64>, Vec<bool>) {
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..rows)
        .map(|_| {
            let forecast = sigmoid(6.0 * generator.random::<f64>() - 4.0);
            (forecast, generator.random::<f64>() < forecast)
        })
        .unzip()
}

fn holds(interval: Option<Interval>, value: Option<f64>) -> bool {
    interval.zip(value).is_some_and(|(interval, value)| (interval.low..=interval.high).contains(&value))
}

#[test]
fn about_95_of_100_intervals_hold_the_truth() {
    let (forecasts, happened) = honest_rows(400_000, 1);
    let truth = ClassifierFigures::of(&forecasts, &happened).unwrap();
    let too_high = |forecasts: &[f64]| -> Vec<f64> { forecasts.iter().map(|forecast| forecast.powf(0.7)).collect() };
    let off_by = ClassifierFigures::of(&too_high(&forecasts), &happened).unwrap().expected_calibration_error;
    let mut held = [0_usize; 5];
    for trial in 0..200 {
        let (forecasts, happened) = honest_rows(500, 100 + trial);
        let intervals = Intervals::of(&forecasts, &happened, OutcomeWeights::ONE, trial).unwrap();
        held[0] += usize::from(holds(intervals.auc, truth.auc));
        held[1] += usize::from(holds(intervals.average_precision, truth.average_precision));
        held[2] += usize::from(holds(intervals.top_decile_lift, truth.top_decile_lift));
        held[3] += usize::from(intervals.expected_calibration_error.low <= 0.005);
        let intervals = Intervals::of(&too_high(&forecasts), &happened, OutcomeWeights::ONE, trial).unwrap();
        held[4] += usize::from(holds(Some(intervals.expected_calibration_error), Some(off_by)));
    }
    // Of 200, 190 are expected; fewer than 178 or more than 199 of them would be a bias, not luck.
    assert!((178..=199).contains(&held[0]), "AUC: {held:?} of 200");
    assert!(held[1] >= 170 && held[2] >= 170, "average precision and lift: {held:?} of 200");
    assert!(held[3] >= 178, "calibration error of honest forecasts: {held:?} of 200");
    assert!(held[4] >= 160, "calibration error {off_by} of forecasts that are too high: {held:?} of 200");
}

#[test]
fn the_interval_narrows_with_the_root_of_the_rows() {
    let width = |rows: usize| {
        let (forecasts, happened) = honest_rows(rows, 7);
        let interval = Intervals::of(&forecasts, &happened, OutcomeWeights::ONE, 3).unwrap().auc.unwrap();
        interval.high - interval.low
    };
    let ratio = width(500) / width(8_000);
    assert!((3.0..5.5).contains(&ratio), "{ratio}, expected about 4");
}

#[test]
fn threads_do_not_matter_and_the_seed_does() {
    let (forecasts, happened) = honest_rows(1_000, 5);
    let with = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Intervals::of(&forecasts, &happened, OutcomeWeights::ONE, seed).unwrap())
    };
    assert_eq!(with(1, 9), with(3, 9));
    assert_ne!(with(1, 9), with(1, 10));
}

#[test]
fn figures_lie_in_their_intervals_and_gains_rise() {
    let (forecasts, happened) = honest_rows(2_000, 11);
    let figures = ClassifierFigures::of(&forecasts, &happened).unwrap();
    let intervals = Intervals::of(&forecasts, &happened, OutcomeWeights::ONE, 1).unwrap();
    assert_eq!((intervals.level, intervals.replicates), (0.95, 500));
    assert!(holds(intervals.auc, figures.auc), "{intervals:?}");
    assert!(holds(Some(intervals.log_loss), Some(figures.log_loss)), "{intervals:?}");
    assert!(holds(Some(intervals.brier), Some(figures.brier)), "{intervals:?}");
    assert!(intervals.gains.is_sorted_by(|one, next| one.gain < next.gain && one.high < next.high), "{intervals:?}");
    assert!(intervals.gains.iter().all(|gain| gain.low < gain.gain && gain.gain < gain.high), "{intervals:?}");
}

#[test]
fn one_outcome_alone_leaves_no_ranking_to_be_sure_of() {
    let intervals = Intervals::of(&[0.2, 0.4], &[false, false], OutcomeWeights::ONE, 1).unwrap();
    assert_eq!((intervals.auc, intervals.average_precision, intervals.top_decile_lift), (None, None, None));
    assert!(intervals.gains.is_empty());
}

#[test]
fn weights_stand_for_copies_of_rows() {
    let (forecasts, happened) = honest_rows(300, 13);
    let copied = |values: &[f64]| -> Vec<f64> {
        let times = happened.iter().map(|&happened| if happened { 1 } else { 3 });
        values.iter().zip(times).flat_map(|(&value, times)| std::iter::repeat_n(value, times)).collect()
    };
    let outcomes: Vec<f64> = happened.iter().map(|&happened| f64::from(u8::from(happened))).collect();
    let copies: Vec<bool> = copied(&outcomes).iter().map(|&outcome| outcome > 0.0).collect();
    let expected = ClassifierFigures::of(&copied(&forecasts), &copies).unwrap();
    let weights = OutcomeWeights { positive: 1.0, negative: 3.0 };
    let (found, _, _) = SortedRows::new(&forecasts, &happened, weights).unwrap().figures();
    let pairs = [
        (found.auc.unwrap(), expected.auc.unwrap(), 1e-12),
        (found.average_precision.unwrap(), expected.average_precision.unwrap(), 1e-12),
        (found.log_loss, expected.log_loss, 1e-12),
        (found.brier, expected.brier, 1e-12),
        // Its tenth ends within a row.
        (found.top_decile_lift.unwrap(), expected.top_decile_lift.unwrap(), 0.02),
        (found.expected_calibration_error, expected.expected_calibration_error, 0.01),
    ];
    for (found, expected, tolerance) in pairs {
        assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
    }
}

#[test]
fn the_real_rate_comes_back_from_re_sampled_rows() {
    let weights = OutcomeWeights::to_rate(0.5, 0.04);
    let happened: Vec<bool> = (0..200).map(|row| row % 2 == 0).collect();
    let rows = SortedRows::new(&[0.1; 200], &happened, weights).unwrap();
    let ranking = rows.ranking(&[1; 200]);
    assert!((ranking.rows() - 200.0).abs() < 1e-9 && (ranking.total() - 8.0).abs() < 1e-9);
}
