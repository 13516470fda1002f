//! Kernels of the contractual families against published numbers, and against their own limits.

use proptest::prelude::*;
use tend_models::families::beta_discrete_weibull::BetaDiscreteWeibull;
use tend_models::families::beta_geometric::BetaGeometric;
use tend_models::families::renewal::{RenewalEstimate, RenewalModel};
use tend_models::families::shifted_beta_geometric::ShiftedBetaGeometric;
use tend_models::quantities::Positive;

fn sbg(alpha: f64, beta: f64) -> RenewalModel {
    let [alpha, beta] = [alpha, beta].map(|value| Positive::new(value).unwrap());
    RenewalModel::ShiftedBetaGeometric(ShiftedBetaGeometric { alpha, beta })
}

fn bdw(alpha: f64, beta: f64, c: f64) -> RenewalModel {
    let [alpha, beta, c] = [alpha, beta, c].map(|value| Positive::new(value).unwrap());
    RenewalModel::BetaDiscreteWeibull(BetaDiscreteWeibull { alpha, beta, c })
}

/// The maximum likelihood estimates of the paper's two segments.
fn high_end() -> RenewalModel {
    sbg(0.668_088, 3.806_095)
}

fn regular() -> RenewalModel {
    sbg(0.704_077, 1.182_043)
}

fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    let gap = (found - expected).abs();
    assert!(gap <= tolerance, "{what}: found {found:?}, expected {expected:?}, gap {gap:e}");
}

#[test]
fn the_sum_of_a_residual_lifetime_is_its_closed_form() {
    // The closed form r(n) 2F1(1, β + n; α + β + n; 1 / (1 + d)), with mpmath and 50 digits.
    for (model, n, d, expected) in [
        (high_end(), 1.0, 0.1, 5.414_480_570_713_365),
        (high_end(), 8.0, 0.1, 7.529_629_405_122_899),
        (sbg(0.9, 12.0), 20.0, 0.008, 45.552_453_535_744_79),
    ] {
        let found = model.discounted_residual_lifetime(n, d, f64::INFINITY);
        assert_near(found, expected, 1e-12 * expected, &format!("decision {n}"));
    }
    let found = bdw(0.5, 2.0, 1.7).discounted_residual_lifetime(3.0, 0.1, f64::INFINITY);
    assert_near(found, 4.007_863_932_150_679, 1e-11, "beta discrete Weibull");
}

#[test]
fn a_beta_discrete_weibull_keeps_its_digits() {
    // mpmath, 50 digits: log survival, log probability to stay and to leave at decision t.
    for (model, t, survival, staying, leaving) in [
        (
            bdw(0.668_088, 3.806_095, 1.0),
            5.0,
            -0.576_548_057_008_806_3,
            -0.082_119_408_629_768_26,
            -2.540_359_625_034_72,
        ),
        (bdw(0.5, 2.0, 1.7), 12.0, -1.840_135_327_153_686, -0.071_972_078_523_090_37, -2.667_247_249_543_587),
        (bdw(2.5, 1.2, 0.6), 40.0, -4.498_585_747_139_331, -0.031_373_890_544_577_23, -3.477_425_175_517_794_7),
        (bdw(0.02, 300.0, 2.2), 100.0, -0.088_821_586_390_095_23, -0.000_436_946_729_273_152_9, -7.735_917_736_685_513),
    ] {
        assert_near(model.survival(t).get(), f64::exp(survival), 1e-13, "survival");
        assert_near(model.log_staying(t), staying, 1e-12 * staying.abs() + 1e-14, "staying");
        assert_near(model.log_leaving(t), leaving, 1e-9, "leaving");
    }
}

#[test]
fn with_an_exponent_of_one_the_weibull_is_the_geometric() {
    let (one, other) = (bdw(0.704_077, 1.182_043, 1.0), regular());
    for decision in [1.0, 2.0, 7.0, 120.0, 5_000.0] {
        assert_near(one.survival(decision).get(), other.survival(decision).get(), 1e-13, "survival");
        assert_near(one.log_staying(decision), other.log_staying(decision), 1e-12, "staying");
        assert_near(one.log_leaving(decision), other.log_leaving(decision), 1e-8, "leaving");
    }
}

#[test]
fn a_beta_geometric_is_the_shifted_one_a_decision_earlier() {
    let RenewalModel::ShiftedBetaGeometric(shifted) = high_end() else { unreachable!() };
    let model = RenewalModel::BetaGeometric(BetaGeometric(shifted));
    assert_eq!((model.first_decision(), high_end().first_decision()), (0.0, 1.0));
    for decision in [0.0, 1.0, 9.0] {
        assert_eq!(model.retention(decision), high_end().retention(decision + 1.0));
        assert_eq!(model.survival(decision), high_end().survival(decision + 1.0));
    }
}

#[test]
fn a_customer_who_pays_for_a_while_is_worth_the_sum_of_survivals() {
    let survival = |year: f64| high_end().survival(year).get();
    let expected: f64 = (3..6).map(|year| survival(f64::from(year)) / survival(2.0) / 1.1_f64.powi(year - 3)).sum();
    assert_near(high_end().discounted_residual_lifetime(3.0, 0.1, 3.0), expected, 1e-14, "three payments");
    assert_eq!(high_end().discounted_residual_lifetime(3.0, 0.1, 0.0), 0.0);
}

#[test]
fn a_range_is_that_of_the_covariance() {
    let estimate = RenewalEstimate { model: high_end(), log_covariance: vec![0.04, 0.01, 0.01, 0.09] };
    let range = estimate.range_80(|model| model.parameters()[1].1).unwrap();
    let reach = (1.281_551_565_544_6 * 0.3_f64).exp();
    assert_near(range.low, 3.806_095 / reach, 1e-6, "low");
    assert_near(range.high, 3.806_095 * reach, 1e-6, "high");
    assert_eq!(estimate.log_standard_errors(), Some(vec![0.2, 0.3]));
    assert_eq!(RenewalEstimate { log_covariance: Vec::new(), ..estimate }.range_80(|_| 1.0), None);
}

proptest! {
    #[test]
    fn every_answer_is_finite_and_shares_add_up(
        alpha in -14.0..14.0_f64, beta in -14.0..14.0_f64, c in -4.0..4.0_f64, decision in 1_u32..2_000,
    ) {
        let t = f64::from(decision);
        for model in [sbg(alpha.exp(), beta.exp()), bdw(alpha.exp(), beta.exp(), c.exp())] {
            let (stays, leaves) = (model.log_staying(t), model.log_leaving(t));
            prop_assert!(stays.is_finite() && leaves.is_finite() && stays <= 0.0, "{model:?} {stays} {leaves}");
            prop_assert!((stays.exp() + leaves.exp() - 1.0).abs() < 1e-9, "{model:?}");
            let lifetime = model.discounted_residual_lifetime(t, 0.01, f64::INFINITY);
            prop_assert!((0.0..=101.0 + 1e-9).contains(&lifetime), "{model:?} {lifetime}");
        }
    }
}
