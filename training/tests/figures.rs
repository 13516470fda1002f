//! Evaluation figures against scikit-learn, against brute force, and against what must always hold.

use proptest::prelude::*;
use tend_training::evaluate::{
    ClassifierCurves, ClassifierFigures, MetricError, ValueFigures, auc, average_precision, brier_score,
    calibration_table, expected_calibration_error, gains_curve, lift_by_decile, log_loss, top_decile_lift,
    wilson_interval,
};

/// Forty distinct forecasts and outcomes from whole-number formulas, so that another language can make the same.
fn forty() -> (Vec<f64>, Vec<bool>) {
    let forecasts: Vec<f64> = (0..40).map(|i| (f64::from((i * 37) % 101) + 0.5) / 102.0).collect();
    let happened =
        forecasts.iter().enumerate().map(|(i, forecast)| (((i * 53) % 97) as f64) < 20.0 + 60.0 * forecast).collect();
    (forecasts, happened)
}

fn assert_near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
}

// Source: scikit-learn 1.9.1 on the same forty rows; the calibration error from its calibration_curve(n_bins=10,
// strategy="quantile").
#[test]
fn figures_of_forty_rows_are_those_of_scikit_learn() {
    let (forecasts, happened) = forty();
    let figures = ClassifierFigures::of(&forecasts, &happened).unwrap();
    assert_eq!((figures.rows, figures.positives), (40, 24));
    assert_near(figures.auc.unwrap(), 0.619_791_666_666_666_6, 1e-15);
    assert_near(figures.average_precision.unwrap(), 0.767_246_973_752_923_2, 1e-14);
    assert_near(figures.log_loss, 0.876_023_730_328_070_3, 1e-14);
    assert_near(figures.brier, 0.274_298_346_789_696_3, 1e-14);
    assert_near(figures.expected_calibration_error, 0.338_725_490_196_078_4, 1e-14);
}

// Source: scikit-learn 1.9.1; log_loss after clipping to [1e-15, 1 - 1e-15].
#[test]
fn figures_of_heavily_tied_rows_are_those_of_scikit_learn() {
    let (forecasts, happened) = forty();
    let tied: Vec<f64> = forecasts.iter().map(|forecast| (forecast * 8.0).round_ties_even() / 8.0).collect();
    assert_near(auc(&tied, &happened).unwrap().unwrap(), 0.613_281_25, 1e-15);
    assert_near(average_precision(&tied, &happened).unwrap().unwrap(), 0.734_494_985_578_576_8, 1e-14);
    assert_near(log_loss(&tied, &happened).unwrap(), 2.377_930_902_346_592, 1e-13);
}

// Source: scikit-learn 1.9.1, calibration_curve(n_bins=10, strategy="quantile").
#[test]
fn calibration_groups_are_those_of_scikit_learn() {
    let (forecasts, happened) = forty();
    let expected = [
        (0.049_019_607_843_137_254, 1.0),
        (0.147_058_823_529_411_77, 0.0),
        (0.245_098_039_215_686_3, 1.0),
        (0.338_235_294_117_647_1, 0.0),
        (0.436_274_509_803_921_6, 0.25),
        (0.534_313_725_490_196_1, 0.75),
        (0.642_156_862_745_098, 0.5),
        (0.75, 1.0),
        (0.848_039_215_686_274_4, 0.5),
        (0.946_078_431_372_549, 1.0),
    ];
    let bins = calibration_table(&forecasts, &happened).unwrap();
    assert_eq!(bins.len(), expected.len());
    for (bin, (mean_forecast, observed_rate)) in bins.iter().zip(expected) {
        assert_near(bin.mean_forecast, mean_forecast, 1e-14);
        assert_near(bin.observed_rate, observed_rate, 1e-15);
        assert_eq!(bin.rows, 4);
    }
}

// Source: statsmodels, proportion_confint(method="wilson").
#[test]
fn wilson_intervals_are_those_of_statsmodels() {
    for (positives, rows, low, high) in [
        (7, 20, 0.181_191_824_101_082_03, 0.567_145_723_314_763_8),
        (0, 12, 0.0, 0.242_494_006_655_240_96),
        (12, 12, 0.757_505_993_344_758_9, 1.0),
        (130, 1000, 0.110_563_774_624_841_93, 0.152_268_026_654_468_9),
    ] {
        let interval = wilson_interval(positives, rows);
        assert_near(interval.0, low, 1e-14);
        assert_near(interval.1, high, 1e-14);
    }
}

// Source: scipy 1.17.1 (spearmanr), scikit-learn 1.9.1 (mean absolute and squared error), numpy (Gini from cumulative
// sums; the forecasts are distinct).
#[test]
fn value_figures_are_those_of_scipy_and_scikit_learn() {
    let predicted: Vec<f64> = (0..40).map(|i| f64::from((i * 29) % 71) / 7.0).collect();
    let actual: Vec<f64> = (0..40)
        .zip(&predicted)
        .map(|(i, predicted)| match predicted {
            predicted if *predicted > 3.0 => f64::from((i * 41) % 67) / 5.0,
            _ => 0.0,
        })
        .collect();
    let figures = ValueFigures::of(&predicted, &actual).unwrap();
    assert_near(figures.predicted_total, 198.714_285_714_285_72, 1e-12);
    assert_near(figures.actual_total, 189.8, 1e-12);
    assert_near(figures.mae, 2.888_571_428_571_429, 1e-14);
    assert_near(figures.rmse, 3.613_732_312_234_789, 1e-14);
    assert_near(figures.spearman.unwrap(), 0.704_057_353_388_190_8, 1e-14);
    assert_near(figures.normalised_gini.unwrap(), 0.645_793_801_391_525_2, 1e-13);
}

#[test]
fn forecasts_and_outcomes_of_different_lengths_are_refused_everywhere() {
    let expected = MetricError::Lengths { forecasts: 2, outcomes: 1 };
    let (forecasts, happened) = ([0.1, 0.2], [true]);
    assert_eq!(auc(&forecasts, &happened).unwrap_err(), expected);
    assert_eq!(log_loss(&forecasts, &happened).unwrap_err(), expected);
    assert_eq!(gains_curve(&forecasts, &happened).unwrap_err(), expected);
    assert_eq!(ClassifierFigures::of(&forecasts, &happened).unwrap_err(), expected);
    assert_eq!(ClassifierCurves::of(&forecasts, &happened).unwrap_err(), expected);
    assert_eq!(ValueFigures::of(&forecasts, &[1.0]).unwrap_err(), expected);
}

/// Rows with many ties (twenty levels) and some without: (forecast, happened).
fn rows() -> impl Strategy<Value = Vec<(f64, bool)>> {
    let forecast = prop_oneof![(0_u32..=20).prop_map(|level| f64::from(level) / 20.0), 0.0..1.0];
    prop::collection::vec((forecast, any::<bool>()), 1..120)
}

fn brute_force_auc(rows: &[(f64, bool)]) -> Option<f64> {
    let (mut won, mut pairs) = (0.0, 0.0);
    for positive in rows.iter().filter(|row| row.1) {
        for negative in rows.iter().filter(|row| !row.1) {
            pairs += 1.0;
            if positive.0 > negative.0 {
                won += 1.0;
            } else if positive.0 == negative.0 {
                won += 0.5;
            }
        }
    }
    (pairs > 0.0).then(|| won / pairs)
}

proptest! {
    #[test]
    fn auc_is_the_share_of_pairs_won(rows in rows()) {
        let (forecasts, happened): (Vec<f64>, Vec<bool>) = rows.iter().copied().unzip();
        prop_assert_eq!(auc(&forecasts, &happened).unwrap(), brute_force_auc(&rows));
    }

    #[test]
    fn monotone_transforms_change_no_ranking_figure(rows in rows()) {
        let (forecasts, happened): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
        // Powers of two and whole steps keep distinct scores distinct.
        let moved: Vec<f64> = forecasts.iter().map(|forecast| forecast * 4096.0).collect();
        prop_assert_eq!(auc(&moved, &happened), auc(&forecasts, &happened));
        prop_assert_eq!(average_precision(&moved, &happened), average_precision(&forecasts, &happened));
        prop_assert_eq!(top_decile_lift(&moved, &happened), top_decile_lift(&forecasts, &happened));
        prop_assert_eq!(gains_curve(&moved, &happened), gains_curve(&forecasts, &happened));
    }

    #[test]
    fn turning_the_scores_round_turns_the_auc_round(rows in rows()) {
        let (forecasts, happened): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
        let turned: Vec<f64> = forecasts.iter().map(|forecast| -forecast).collect();
        let (straight, turned) = (auc(&forecasts, &happened).unwrap(), auc(&turned, &happened).unwrap());
        prop_assert_eq!(straight.is_some(), turned.is_some());
        if let (Some(straight), Some(turned)) = (straight, turned) {
            prop_assert!((straight + turned - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn the_order_of_the_rows_changes_no_curve(rows in rows(), seed in any::<u64>()) {
        let mut shuffled = rows.clone();
        shuffled.sort_by_key(|row| (row.0.to_bits() ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        shuffled.reverse();
        let of = |rows: Vec<(f64, bool)>| {
            let (forecasts, happened): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
            ClassifierCurves::of(&forecasts, &happened).unwrap()
        };
        prop_assert_eq!(of(rows), of(shuffled));
    }

    #[test]
    fn a_perfectly_calibrated_forecast_has_no_calibration_error(groups in prop::collection::vec((1_usize..30, 0.0..=1.0), 1..25)) {
        // Each group is given the rate that it then has.
        let (mut forecasts, mut happened) = (Vec::new(), Vec::new());
        for (rows, share) in groups {
            let positives = (rows as f64 * share) as usize;
            forecasts.extend(std::iter::repeat_n(positives as f64 / rows as f64, rows));
            happened.extend((0..rows).map(|row| row < positives));
        }
        let error = expected_calibration_error(&forecasts, &happened).unwrap();
        prop_assert!(error < 1e-12, "{error}");
    }

    #[test]
    fn a_constant_forecast_of_the_base_rate_has_the_variance_as_brier_score(happened in prop::collection::vec(any::<bool>(), 1..200)) {
        let rate = happened.iter().filter(|happened| **happened).count() as f64 / happened.len() as f64;
        let forecasts = vec![rate; happened.len()];
        let brier = brier_score(&forecasts, &happened).unwrap();
        prop_assert!((brier - rate * (1.0 - rate)).abs() < 1e-12);
    }

    #[test]
    fn tenths_add_up_to_all_rows_and_all_positives(rows in rows()) {
        let (forecasts, happened): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
        let positives = happened.iter().filter(|happened| **happened).count();
        let deciles = lift_by_decile(&forecasts, &happened).unwrap();
        if positives == 0 {
            prop_assert!(deciles.is_empty());
        } else {
            prop_assert_eq!(deciles.iter().map(|decile| decile.rows).sum::<usize>(), happened.len());
            let sum: f64 = deciles.iter().map(|decile| decile.positives).sum();
            prop_assert!((sum - positives as f64).abs() < 1e-9);
            prop_assert!((deciles.last().unwrap().cumulative_lift - 1.0).abs() < 1e-12);
            prop_assert_eq!(Some(deciles[0].lift), top_decile_lift(&forecasts, &happened).unwrap());
        }
    }

    #[test]
    fn a_wilson_interval_holds_the_observed_rate(rows in 1_usize..5_000, share in 0.0..=1.0) {
        let positives = (rows as f64 * share) as usize;
        let (low, high) = wilson_interval(positives, rows);
        let rate = positives as f64 / rows as f64;
        prop_assert!(0.0 <= low && low <= rate + 1e-15 && rate <= high + 1e-15 && high <= 1.0);
    }
}
