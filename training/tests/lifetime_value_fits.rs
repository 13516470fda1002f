//! Fits of the lifetime value families: simulated truth, the order of customers, limits and bad input.

use rand::SeedableRng;
use rand_distr::{Beta, Distribution, Exp, Gamma};
use rand_xoshiro::Xoshiro256PlusPlus;
use tend_models::families::gamma_gamma::SpendHistory;
use tend_models::families::purchases::PurchaseHistory;
use tend_training::fit::gamma_gamma::{self, GammaGammaFitError};
use tend_training::fit::purchases::{self, PurchaseFamily, PurchaseFit, PurchaseFitError, PurchaseParams};

fn fit(family: PurchaseFamily, histories: &[PurchaseHistory]) -> Result<PurchaseFit, PurchaseFitError> {
    purchases::fit(PurchaseParams { family, penalty: 0.0 }, histories)
}

fn parameters(fit: &PurchaseFit) -> [f64; 4] {
    fit.model.parameters().map(|(_, value)| value)
}

fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    let gap = (found - expected).abs();
    assert!(gap <= tolerance, "{what}: found {found:?}, expected {expected:?}, gap {gap:e}");
}

/// Customers who buy and drop out as BG/NBD says, observed for 60 to 100 weeks.
fn simulated(customers: usize, seed: u64, [r, alpha, a, b]: [f64; 4]) -> Vec<PurchaseHistory> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let rates = Gamma::new(r, 1.0 / alpha).unwrap();
    let dropouts = Beta::new(a, b).unwrap();
    (0..customers)
        .map(|customer| {
            let observed = 60.0 + (customer % 40) as f64;
            let rate: f64 = rates.sample(&mut random);
            let dropout: f64 = dropouts.sample(&mut random);
            let gaps = Exp::new(rate.max(1e-12)).unwrap();
            let (mut repeat_purchases, mut last_purchase) = (0.0, 0.0);
            loop {
                let next = last_purchase + gaps.sample(&mut random);
                if next > observed {
                    break;
                }
                repeat_purchases += 1.0;
                last_purchase = next;
                if rand::Rng::random::<f64>(&mut random) < dropout {
                    break;
                }
            }
            PurchaseHistory { repeat_purchases, last_purchase, observed }
        })
        .collect()
}

#[test]
fn bg_nbd_recovers_the_parameters_that_data_were_simulated_with() {
    for (seed, truth) in [(1, [0.6, 6.0, 0.8, 2.5]), (2, [2.0, 10.0, 0.5, 3.0])] {
        let fit = fit(PurchaseFamily::BgNbd, &simulated(20_000, seed, truth)).unwrap();
        println!("{fit:?}");
        assert!(fit.converged, "{fit:?}");
        for (found, expected) in parameters(&fit).into_iter().zip(truth) {
            // Some three standard errors at 20,000 customers.
            assert_near(found, expected, 0.1 * expected, "parameter");
        }
    }
}

#[test]
fn gamma_gamma_recovers_the_parameters_that_data_were_simulated_with() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
    let (p, q, v) = (4.0, 5.0, 30.0);
    let scales = Gamma::new(q, 1.0 / v).unwrap();
    let spends: Vec<SpendHistory> = (0..20_000)
        .map(|customer| {
            let repeat_purchases = f64::from(1 + customer % 7);
            let scale: f64 = scales.sample(&mut random);
            let total = Gamma::new(p * repeat_purchases, 1.0 / scale).unwrap();
            SpendHistory { repeat_purchases, mean_spend: total.sample(&mut random) / repeat_purchases }
        })
        .collect();
    let fit = gamma_gamma::fit(&spends).unwrap();
    println!("{fit:?}");
    assert!(fit.converged, "{fit:?}");
    assert_near(fit.model.p.get(), p, 0.06 * p, "p");
    assert_near(fit.model.q.get(), q, 0.06 * q, "q");
    assert_near(fit.model.v.get(), v, 0.08 * v, "v");
    assert_near(fit.correlation, 0.0, 0.03, "correlation");
}

#[test]
fn the_order_of_customers_never_changes_a_bit() {
    let histories = simulated(2_000, 4, [0.6, 6.0, 0.8, 2.5]);
    let permuted: Vec<PurchaseHistory> = (0..2_000).map(|i| histories[(i * 743 + 11) % 2_000]).collect();
    let (one, other) =
        (fit(PurchaseFamily::BgNbd, &histories).unwrap(), fit(PurchaseFamily::BgNbd, &permuted).unwrap());
    assert_eq!(parameters(&one).map(f64::to_bits), parameters(&other).map(f64::to_bits));
    assert_eq!(one.log_likelihood.to_bits(), other.log_likelihood.to_bits());

    let spends = |histories: &[PurchaseHistory]| -> Vec<SpendHistory> {
        histories
            .iter()
            .filter(|history| history.repeat_purchases > 0.0)
            .map(|history| SpendHistory {
                repeat_purchases: history.repeat_purchases,
                mean_spend: 5.0 + history.last_purchase,
            })
            .collect()
    };
    let (one, other) = (gamma_gamma::fit(&spends(&histories)), gamma_gamma::fit(&spends(&permuted)));
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}

#[test]
fn customers_who_never_leave_still_give_a_usable_model() {
    // Steady buyers: the likelihood has no maximum inside, as dropout tends to nothing.
    let histories: Vec<PurchaseHistory> = (0..400)
        .map(|customer| PurchaseHistory {
            repeat_purchases: f64::from(8 + customer % 5),
            last_purchase: 51.0 + f64::from(customer % 7) / 7.0,
            observed: 52.0,
        })
        .collect();
    let fit = fit(PurchaseFamily::BgNbd, &histories).unwrap();
    println!("{fit:?}");
    assert!(!fit.converged, "{fit:?}");
    // The limit is a Poisson process of one rate for all: the sum of x ln(rate) - rate T.
    assert_near(fit.log_likelihood, -10_594.634_502_35, 1e-3, "log-likelihood");
    let expected = fit.model.expected_purchases(histories[0], 52.0);
    assert_near(expected, 9.5, 1.5, "purchases next year");
}

#[test]
fn bad_purchase_histories_are_named() {
    let good = PurchaseHistory { repeat_purchases: 2.0, last_purchase: 5.0, observed: 9.0 };
    let second = |bad: PurchaseHistory| fit(PurchaseFamily::BgNbd, &[good, bad]).unwrap_err();
    assert_eq!(fit(PurchaseFamily::BgNbd, &[]).unwrap_err(), PurchaseFitError::NoCustomers);
    let never = PurchaseHistory { repeat_purchases: 0.0, last_purchase: 0.0, observed: 9.0 };
    assert_eq!(
        fit(PurchaseFamily::BgNbd, &[never, never]).unwrap_err(),
        PurchaseFitError::NoRepeatPurchases { customers: 2 }
    );
    let late = second(PurchaseHistory { last_purchase: 9.5, ..good });
    assert!(late.to_string().contains("history 1"), "{late}");
    assert!(matches!(late, PurchaseFitError::PurchaseAfterEnd { position: 1, .. }), "{late}");
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let error = second(PurchaseHistory { observed: bad, ..good });
        assert!(matches!(error, PurchaseFitError::NotAMeasurement { position: 1, field: "observed", .. }), "{error}");
    }
    let half = second(PurchaseHistory { repeat_purchases: 1.5, ..good });
    assert!(matches!(half, PurchaseFitError::NotACount { position: 1, .. }), "{half}");
    let same_day = second(PurchaseHistory { last_purchase: 0.0, ..good });
    assert!(matches!(same_day, PurchaseFitError::CountAndTimeDisagree { .. }), "{same_day}");
}

#[test]
fn bad_spend_histories_are_named() {
    let spend = |repeat_purchases: f64, mean_spend: f64| SpendHistory { repeat_purchases, mean_spend };
    let second = |bad| gamma_gamma::fit(&[spend(1.0, 5.0), bad]).unwrap_err();
    assert_eq!(gamma_gamma::fit(&[]).unwrap_err(), GammaGammaFitError::NoCustomers);
    for bad in [0.0, -3.0, f64::NAN, 1.5] {
        let error = second(spend(bad, 5.0));
        assert!(matches!(error, GammaGammaFitError::NotARepeatCustomer { position: 1, .. }), "{error}");
    }
    for bad in [0.0, -3.0, f64::NAN, f64::INFINITY] {
        let error = second(spend(1.0, bad));
        assert!(matches!(error, GammaGammaFitError::NotASpend { position: 1, .. }), "{error}");
    }
    let same = second(spend(2.0, 5.0));
    assert!(matches!(same, GammaGammaFitError::NoVariation { customers: 2, .. }), "{same}");
}

#[test]
fn a_spend_without_a_mean_is_an_error() {
    // One purchase each, with a tail of 1 / spend: the mean does not exist.
    let spends: Vec<SpendHistory> = (1..2_000)
        .map(|i| SpendHistory { repeat_purchases: 1.0, mean_spend: (2_000.0 / f64::from(i)).powf(1.5) })
        .collect();
    let error = gamma_gamma::fit(&spends).unwrap_err();
    assert!(matches!(error, GammaGammaFitError::NoMean { .. }), "{error}");
}

#[test]
fn a_penalty_holds_parameters_that_would_run_off() {
    let histories: Vec<PurchaseHistory> = (0..400)
        .map(|customer| PurchaseHistory {
            repeat_purchases: f64::from(8 + customer % 5),
            last_purchase: 51.0 + f64::from(customer % 7) / 7.0,
            observed: 52.0,
        })
        .collect();
    for family in [PurchaseFamily::BgNbd, PurchaseFamily::MbgNbd, PurchaseFamily::ParetoNbd] {
        let fit = purchases::fit(PurchaseParams { family, penalty: 1.0 }, &histories).unwrap();
        assert!(fit.converged && fit.standard_errors().is_some(), "{fit:?}");
        let expected = fit.model.expected_purchases(histories[0], 52.0);
        assert_near(expected, 9.0, 1.5, "purchases next year");
    }
}

#[test]
fn opportunities_are_whole() {
    let history = PurchaseHistory { repeat_purchases: 2.0, last_purchase: 3.5, observed: 6.0 };
    let error = fit(PurchaseFamily::BgBb, &[history]).unwrap_err();
    assert!(matches!(error, PurchaseFitError::NotOpportunities { position: 0, .. }), "{error}");
}
