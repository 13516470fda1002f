//! Standard errors and intervals of the purchase families against simulated truth.

use rand::{Rng, SeedableRng};
use rand_distr::{Beta, Distribution, Exp, Gamma};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use tend_models::artifact::{ClvModel, Covariance};
use tend_models::families::purchases::{PurchaseHistory, PurchaseModel};
use tend_models::families::season::Season;
use tend_models::features::{FeaturePlan, PurchaseRhythm};
use tend_models::quantities::{Positive, Probability};
use tend_models::scorer::{ranges_of_rhythm, value_of_rhythm};
use tend_training::fit::purchases::{PurchaseFamily, PurchaseFit, PurchaseParams, fit};

const SETS: u64 = 200;
const CUSTOMERS: usize = 3_000;

/// Purchase times of a customer who buys at `rate` and stops where `stops` says, seen for `observed`.
fn bought(
    random: &mut Xoshiro256PlusPlus,
    rate: f64,
    observed: f64,
    mut stops: impl FnMut(&mut Xoshiro256PlusPlus, f64) -> bool,
) -> PurchaseHistory {
    let gaps = Exp::new(rate.max(1e-12)).unwrap();
    let mut history = PurchaseHistory { observed, ..PurchaseHistory::NEWCOMER };
    while !stops(random, history.last_purchase) {
        let next = history.last_purchase + gaps.sample(random);
        if next > observed {
            break;
        }
        history.repeat_purchases += 1.0;
        history.last_purchase = next;
    }
    history
}

/// A customer as a family says they behave.
fn customer(
    family: PurchaseFamily,
    [first, second, third, fourth]: [f64; 4],
    observed: f64,
    random: &mut Xoshiro256PlusPlus,
) -> PurchaseHistory {
    match family {
        PurchaseFamily::BgNbd | PurchaseFamily::MbgNbd => {
            let rate = Gamma::new(first, 1.0 / second).unwrap().sample(random);
            let dropout: f64 = Beta::new(third, fourth).unwrap().sample(random);
            let is_spared = family == PurchaseFamily::BgNbd;
            bought(random, rate, observed, |random, last| {
                !(is_spared && last == 0.0) && random.random::<f64>() < dropout
            })
        }
        PurchaseFamily::ParetoNbd => {
            let rate = Gamma::new(first, 1.0 / second).unwrap().sample(random);
            let death: f64 = Gamma::new(third, 1.0 / fourth).unwrap().sample(random);
            let end = Exp::new(death.max(1e-12)).unwrap().sample(random).min(observed);
            PurchaseHistory { observed, ..bought(random, rate, end, |_, _| false) }
        }
        PurchaseFamily::BgBb => {
            let purchase: f64 = Beta::new(first, second).unwrap().sample(random);
            let dropout: f64 = Beta::new(third, fourth).unwrap().sample(random);
            let mut history = PurchaseHistory { observed, ..PurchaseHistory::NEWCOMER };
            for opportunity in 1..=observed as u32 {
                if random.random::<f64>() < dropout {
                    break;
                }
                if random.random::<f64>() < purchase {
                    history.repeat_purchases += 1.0;
                    history.last_purchase = f64::from(opportunity);
                }
            }
            history
        }
    }
}

fn truth(family: PurchaseFamily, random: &mut Xoshiro256PlusPlus) -> [f64; 4] {
    let ranges = match family {
        PurchaseFamily::BgNbd | PurchaseFamily::MbgNbd => [(0.5, 2.0), (4.0, 12.0), (0.5, 1.5), (1.5, 4.0)],
        PurchaseFamily::ParetoNbd => [(0.5, 2.0), (4.0, 12.0), (0.5, 1.5), (10.0, 30.0)],
        PurchaseFamily::BgBb => [(0.5, 2.0), (0.5, 2.0), (0.4, 1.2), (2.0, 6.0)],
    };
    ranges.map(|(low, high): (f64, f64)| (low.ln() + random.random::<f64>() * (high / low).ln()).exp())
}

/// A model whose unit is a day, for the next 30 days.
fn model(fit: &PurchaseFit, purchases: PurchaseModel) -> ClvModel {
    let positive = |value| Positive::new(value).unwrap();
    ClvModel {
        plan: FeaturePlan::default(),
        purchases,
        spend: None,
        covariance: fit.log_covariance.map(|purchases| Covariance { purchases, spend: None }),
        unit_days: positive(1.0),
        season: Season::default(),
        horizon_days: positive(30.0),
        margin: Probability::new(1.0).unwrap(),
        annual_discount_rate: 0.1,
    }
}

/// One simulated company: whether the fit converged, how far its logarithms are from the truth in standard errors, and
/// which intervals of a customer's expectations hold the truth.
fn company(family: PurchaseFamily, seed: u64) -> (bool, [f64; 4], [bool; 2]) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let truth = truth(family, &mut random);
    let histories: Vec<PurchaseHistory> = (0..CUSTOMERS)
        .map(|place| {
            let weeks = if family == PurchaseFamily::BgBb { 12 + place % 8 } else { 40 + place % 40 };
            customer(family, truth, weeks as f64, &mut random)
        })
        .collect();
    let fit = fit(PurchaseParams { family, penalty: 0.0 }, &histories).unwrap();
    let errors = fit.standard_errors().unwrap();
    let parameters = fit.model.parameters();
    let off = std::array::from_fn(|place| {
        let found = parameters[place].1;
        (found / truth[place]).ln() / (errors[place] / found)
    });
    let rhythm = PurchaseRhythm {
        first_day: 0,
        repeat_purchases: 4,
        last_purchase_days: 11.0,
        observed_days: 14.0,
        mean_repeat_spend: f64::NAN,
    };
    let ranges = ranges_of_rhythm(&model(&fit, fit.model), &rhythm).unwrap();
    let real = value_of_rhythm(
        &model(&fit, fit.model.with_parameters(truth.map(|value| Positive::new(value).unwrap()))),
        &rhythm,
    );
    let holds = |range: tend_models::families::renewal::Range, value: f64| range.low <= value && value <= range.high;
    let held = [
        holds(ranges.expected_purchases, real.expected_purchases),
        holds(ranges.probability_alive, real.probability_alive.get()),
    ];
    (fit.converged, off, held)
}

#[test]
fn fits_converge_without_bias_and_eighty_percent_intervals_hold_the_truth_so_often() {
    for family in [PurchaseFamily::BgNbd, PurchaseFamily::MbgNbd, PurchaseFamily::ParetoNbd, PurchaseFamily::BgBb] {
        let companies: Vec<_> = (0..SETS).into_par_iter().map(|seed| company(family, 1_000 + seed)).collect();
        let converged = companies.iter().filter(|(converged, ..)| *converged).count();
        assert_eq!(converged as u64, SETS, "{family:?}");
        let count = SETS as f64;
        let share = |holds: &dyn Fn(&(bool, [f64; 4], [bool; 2])) -> bool| {
            companies.iter().filter(|one| holds(one)).count() as f64 / count
        };
        let bias: [f64; 4] =
            std::array::from_fn(|place| companies.iter().map(|(_, off, _)| off[place]).sum::<f64>() / count);
        let covered: [f64; 4] = std::array::from_fn(|place| share(&|(_, off, _)| off[place].abs() < 1.2816));
        let expectations = [share(&|(.., held)| held[0]), share(&|(.., held)| held[1])];
        println!("{family:?}: bias {bias:.2?} standard errors, covered {covered:.3?}, expectations {expectations:.3?}");
        // Three standard errors of a share of 200, and of a mean of 200 numbers with variance 1.
        for found in covered.into_iter().chain(expectations) {
            assert!((found - 0.8).abs() < 0.085, "{family:?}: covered {covered:?}, expectations {expectations:?}");
        }
        assert!(bias.iter().all(|mean| mean.abs() < 0.22), "{family:?}: bias {bias:?}");
    }
}
