//! Fits of the contractual families: published estimates, simulated truth, coverage, limits and bad input.

use rand::{Rng, SeedableRng};
use rand_distr::{Beta, Distribution};
use rand_xoshiro::Xoshiro256PlusPlus;
use tend_training::fit::renewal::{RenewalFamily, RenewalFit, RenewalFitError, Tally, Tenure, fit, log_likelihood};

fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    let gap = (found - expected).abs();
    assert!(gap <= tolerance, "{what}: found {found:?}, expected {expected:?}, gap {gap:e}");
}

fn parameters(fit: &RenewalFit) -> Vec<f64> {
    fit.estimate.model.parameters().into_iter().map(|(_, value)| value).collect()
}

/// Per mille of a cohort left at the end of each year; Fader and Hardie (2007), table 1.
const HIGH_END: [f64; 13] =
    [1000.0, 869.0, 743.0, 653.0, 593.0, 551.0, 517.0, 491.0, 468.0, 445.0, 427.0, 409.0, 394.0];
const REGULAR: [f64; 13] = [1000.0, 631.0, 468.0, 382.0, 326.0, 289.0, 262.0, 241.0, 223.0, 207.0, 194.0, 183.0, 173.0];

fn cohort(survivors: &[f64]) -> Tally {
    let mut tally = Tally::default();
    tally.add_survivors(survivors, 1).unwrap();
    tally
}

#[test]
fn a_beta_discrete_weibull_is_never_behind_the_geometric_that_it_contains() {
    for survivors in [HIGH_END, REGULAR] {
        let [geometric, weibull] = [RenewalFamily::ShiftedBetaGeometric, RenewalFamily::BetaDiscreteWeibull]
            .map(|family| fit(family, &cohort(&survivors[..8])).unwrap());
        println!("{weibull:?}");
        assert!(weibull.converged, "{weibull:?}");
        assert!(weibull.log_likelihood >= geometric.log_likelihood - 1e-9, "{weibull:?} {geometric:?}");
    }
}

/// Lifetimes of customers who differ as Beta(α, β), asked up to `periods` times: how many stayed and left at each decision.
fn simulated(random: &mut Xoshiro256PlusPlus, customers: usize, periods: u32, truth: &[f64]) -> Tally {
    let shares = Beta::new(truth[0], truth[1]).unwrap();
    let c = truth.get(2).copied().unwrap_or(1.0);
    let mut tally = Tally::default();
    for customer in 0..customers {
        let leaves: f64 = shares.sample(random);
        // (1 − θ)^(t^c) > u for as long as t < (ln u / ln(1 − θ))^(1 / c).
        let luck: f64 = random.random();
        let lifetime = (luck.ln() / (-leaves).ln_1p()).powf(1.0 / c).floor() + 1.0;
        // Cohorts join over time, so that they were asked more or less often.
        let asked = periods - customer as u32 % (periods / 2);
        let tenure = if lifetime <= f64::from(asked) {
            Tenure { periods: lifetime as u32, has_left: true }
        } else {
            Tenure { periods: asked, has_left: false }
        };
        tally.add_tenure(tenure, 1);
    }
    tally
}

/// How often the 80 % ranges of the parameters, and of the residual lifetime, held the truth; and the mean z-scores.
fn coverage(family: RenewalFamily, data_sets: u64, truth_of: impl Fn(&mut Xoshiro256PlusPlus) -> Vec<f64>) {
    const QUANTILE: f64 = 1.281_551_565_544_6;
    let (mut converged, mut lifetime_held) = (0.0, 0.0);
    let width = if family == RenewalFamily::BetaDiscreteWeibull { 3 } else { 2 };
    let (mut held, mut sums) = (vec![0.0; width], vec![0.0; width]);
    for seed in 0..data_sets {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let truth = truth_of(&mut random);
        let customers = random.random_range(500..=5_000);
        let tally = simulated(&mut random, customers, 36, &truth);
        let fit = fit(family, &tally).unwrap();
        let Some(errors) = fit.estimate.log_standard_errors().filter(|_| fit.converged) else {
            println!("seed {seed}: {customers} customers, truth {truth:?}, {fit:?}");
            continue;
        };
        converged += 1.0;
        for (place, (found, truth)) in parameters(&fit).iter().zip(&truth).enumerate() {
            let z = (found.ln() - truth.ln()) / errors[place];
            held[place] += f64::from(u8::from(z.abs() < QUANTILE));
            sums[place] += z;
        }
        let lifetime = |model: &tend_models::families::renewal::RenewalModel| {
            model.discounted_residual_lifetime(3.0, 0.01, f64::INFINITY)
        };
        let range = fit.estimate.range_80(lifetime).unwrap();
        let actual = lifetime(&fit.estimate.model.with_parameters(&truth).unwrap());
        lifetime_held += f64::from(u8::from(range.low <= actual && actual <= range.high));
    }
    let shares: Vec<f64> = held.iter().map(|held| held / converged).collect();
    let means: Vec<f64> = sums.iter().map(|sum| sum / converged).collect();
    println!(
        "{family:?}: converged {converged} of {data_sets}, coverage {shares:?}, lifetime {}, mean z {means:?}",
        lifetime_held / converged
    );
    assert_eq!(converged, data_sets as f64, "every fit converges");
    // Two and a half Monte Carlo standard errors of 1,000 data sets are 3 points.
    for share in shares.iter().chain([&(lifetime_held / converged)]) {
        assert_near(*share, 0.8, 0.03, "share of 80 % ranges that hold the truth");
    }
    // The bias is a small part of the standard error.
    means.iter().for_each(|mean| assert_near(*mean, 0.0, 0.2, "mean z-score"));
}

#[test]
fn ranges_of_the_shifted_beta_geometric_hold_the_truth_as_often_as_they_say() {
    coverage(RenewalFamily::ShiftedBetaGeometric, 1_000, |random| {
        vec![random.random_range(0.4..1.5), random.random_range(1.0..8.0)]
    });
}

#[test]
fn ranges_of_the_beta_discrete_weibull_hold_the_truth_as_often_as_they_say() {
    coverage(RenewalFamily::BetaDiscreteWeibull, 1_000, |random| {
        vec![random.random_range(0.4..1.2), random.random_range(1.0..5.0), random.random_range(0.8..1.4)]
    });
}

#[test]
fn customers_who_do_not_differ_give_the_geometric_limit() {
    // One in ten leaves at every decision: α and β run off, and their ratio stays.
    let survivors: Vec<f64> = (0..12).map(|period| 100_000.0 * 0.9_f64.powi(period)).collect();
    let fit = fit(RenewalFamily::ShiftedBetaGeometric, &cohort(&survivors)).unwrap();
    println!("{fit:?}");
    assert!(!fit.converged, "{fit:?}");
    assert_near(fit.estimate.model.retention(20.0).get(), 0.9, 1e-3, "retention");
    // What the parameters tell together is still sure: retention has the standard error of a share, √(.9 x .1 / n), with n
    // customers asked.
    let asked: f64 = survivors[..11].iter().sum();
    let range = fit.estimate.range_80(|model| model.retention(5.0).get()).unwrap();
    let reach = 1.281_55 * (0.09 / asked).sqrt();
    assert_near(range.high - range.low, 2.0 * reach, 0.2 * reach, "width of the range");
}

#[test]
fn a_beta_geometric_is_fitted_to_customers_who_leave_at_once() {
    // The same customers, told with and without the period in which they left.
    let mut shifted = Tally::default();
    let mut plain = Tally::default();
    for (periods, customers) in [(0, 130), (1, 110), (2, 70), (3, 40), (4, 30)] {
        for _ in 0..customers {
            plain.add_tenure(Tenure { periods, has_left: true }, 0);
            shifted.add_tenure(Tenure { periods: periods + 1, has_left: true }, 1);
        }
    }
    for _ in 0..400 {
        plain.add_tenure(Tenure { periods: 5, has_left: false }, 0);
        shifted.add_tenure(Tenure { periods: 5, has_left: false }, 1);
    }
    let one = fit(RenewalFamily::BetaGeometric, &plain).unwrap();
    let other = fit(RenewalFamily::ShiftedBetaGeometric, &shifted).unwrap();
    assert_eq!(parameters(&one), parameters(&other));
    assert_eq!(one.log_likelihood, other.log_likelihood);
    assert_near(log_likelihood(&one.estimate.model, &plain), one.log_likelihood, 1e-9, "log-likelihood");
    let refused = fit(RenewalFamily::ShiftedBetaGeometric, &plain).unwrap_err();
    assert!(refused.to_string().contains("--family beta-geometric"), "{refused}");
}

#[test]
fn what_cannot_be_fitted_is_named() {
    let sbg = |survivors: &[f64]| fit(RenewalFamily::ShiftedBetaGeometric, &cohort(survivors)).unwrap_err();
    assert!(matches!(sbg(&[10.0]), RenewalFitError::OneAnswer { .. }));
    assert!(matches!(sbg(&[10.0, 10.0, 10.0]), RenewalFitError::OneAnswer { .. }));
    assert!(matches!(sbg(&[10.0, 0.0, 0.0]), RenewalFitError::OneAnswer { .. }));
    assert!(matches!(sbg(&[10.0, 8.0]), RenewalFitError::TooFewPeriods { found: 1, expected: 2, .. }));
}
