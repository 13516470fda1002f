//! Fits of the lifetime value families against published estimates for the CDNOW customers.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::PathBuf;

use jiff::civil::Date;
use tend_models::families::gamma_gamma::SpendHistory;
use tend_models::families::purchases::PurchaseHistory;
use tend_training::fit::gamma_gamma;
use tend_training::fit::purchases::{self, PurchaseFamily, PurchaseFit, PurchaseParams};
use tend_training::fit::renewal::{self, RenewalFamily, Tally};

/// What the papers use of the CDNOW data: weeks are days / 7, calibration ends with 1997-09-30.
struct Cdnow {
    /// In the order of the customer ids.
    histories: Vec<PurchaseHistory>,
    /// Of customers with a repeat purchase, in the same order.
    spends: Vec<SpendHistory>,
    /// Purchase days of each customer in the 39 weeks after the calibration.
    purchases_after: Vec<f64>,
}

/// Reads purchases from `file`, with the columns of these positions; `None`, with a word why, if it is not there.
fn cdnow(file: &str, id: usize, date: usize, spend: usize) -> Option<Cdnow> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/cdnow").join(file);
    let Ok(bytes) = fs::read(&path) else {
        println!("skipped: {} is not there", path.display());
        return None;
    };
    let mut text = String::new();
    if file.ends_with(".gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    let mut days_of: BTreeMap<&str, BTreeMap<Date, f64>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let day: Date = fields[date].parse().unwrap();
        // Purchases of one day are one.
        *days_of.entry(fields[id]).or_default().entry(day).or_default() += fields[spend].parse::<f64>().unwrap();
    }
    Some(summarised(&days_of))
}

fn summarised(days_of: &BTreeMap<&str, BTreeMap<Date, f64>>) -> Cdnow {
    let end: Date = "1997-09-30".parse().unwrap();
    let mut data = Cdnow { histories: Vec::new(), spends: Vec::new(), purchases_after: Vec::new() };
    for days in days_of.values() {
        let calibration: Vec<(Date, f64)> =
            days.iter().filter(|(day, _)| **day <= end).map(|(day, spend)| (*day, *spend)).collect();
        let weeks_since_first = |day: Date| {
            let days = calibration[0].0.until(day).unwrap().get_days();
            f64::from(days) / 7.0
        };
        let x = calibration.len() as f64 - 1.0;
        data.histories.push(PurchaseHistory {
            repeat_purchases: x,
            last_purchase: weeks_since_first(calibration[calibration.len() - 1].0),
            observed: weeks_since_first(end),
        });
        data.purchases_after.push((days.len() - calibration.len()) as f64);
        let repeat_spend: f64 = calibration[1..].iter().map(|(_, spend)| spend).sum();
        if repeat_spend > 0.0 {
            data.spends.push(SpendHistory { repeat_purchases: x, mean_spend: repeat_spend / x });
        }
    }
    data
}

fn sample() -> Option<Cdnow> {
    cdnow("cdnow_sample.csv", 1, 2, 4)
}

fn fit(family: PurchaseFamily, histories: &[PurchaseHistory]) -> PurchaseFit {
    purchases::fit(PurchaseParams { family, penalty: 0.0 }, histories).unwrap()
}

fn parameters(fit: &PurchaseFit) -> [f64; 4] {
    fit.model.parameters().map(|(_, value)| value)
}

fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    let gap = (found - expected).abs();
    assert!(gap <= tolerance, "{what}: found {found:?}, expected {expected:?}, gap {gap:e}");
}

#[test]
fn bg_nbd_finds_the_estimates_of_the_paper() {
    // Fader, Hardie and Lee (2005): .243, 4.414, .793, 2.426, log-likelihood -9582.4; CLVTools -9582.4292.
    let Some(data) = sample() else { return };
    assert_eq!(data.histories.len(), 2357);
    let fit = fit(PurchaseFamily::BgNbd, &data.histories);
    println!("{fit:?}");
    assert!(fit.converged, "{fit:?}");
    let expected = [0.242_594_5, 4.413_602_5, 0.792_922_0, 2.425_906_9];
    for (found, expected) in parameters(&fit).into_iter().zip(expected) {
        assert_near(found, expected, 2e-5 * expected, "parameter");
    }
    assert_near(fit.log_likelihood, -9582.4292, 5e-5, "log-likelihood");
}

#[test]
fn bg_nbd_predicts_the_hold_out_as_other_implementations_do() {
    let Some(data) = sample() else { return };
    let model = fit(PurchaseFamily::BgNbd, &data.histories).model;
    let customers = data.histories.len() as f64;
    let (mut predicted, mut absolute, mut squared) = (0.0, 0.0, 0.0);
    for (history, actual) in data.histories.iter().zip(&data.purchases_after) {
        let expected = model.expected_purchases(*history, 39.0);
        predicted += expected;
        absolute += (expected - actual).abs();
        squared += (expected - actual).powi(2);
    }
    let actual: f64 = data.purchases_after.iter().sum();
    assert_eq!(actual, 1882.0);
    assert_near(predicted, 1653.4, 0.05, "sum");
    assert_near(absolute / customers, 0.7855, 5e-5, "mean absolute error");
    assert_near((squared / customers).sqrt(), 1.608, 5e-4, "root mean squared error");
}

#[test]
fn bg_nbd_fits_the_whole_cohort() {
    let Some(data) = cdnow("cdnow_master.csv.gz", 0, 1, 3) else {
        return;
    };
    assert_eq!(data.histories.len(), 23_570);
    let fit = fit(PurchaseFamily::BgNbd, &data.histories);
    println!("{fit:?}");
    assert!(fit.converged, "{fit:?}");
    let expected = [0.251_62, 4.788_94, 0.723_43, 2.161_09];
    for (found, expected) in parameters(&fit).into_iter().zip(expected) {
        assert_near(found, expected, 1e-5 * expected.max(1.0), "parameter");
    }
    assert_near(fit.log_likelihood, -95_368.44, 5e-3, "log-likelihood");
}

#[test]
fn mbg_nbd_and_pareto_nbd_find_the_published_estimates() {
    // The lifetimes package for MBG/NBD, BTYD and CLVTools for Pareto/NBD.
    let Some(data) = sample() else { return };
    for (family, expected, log_likelihood) in [
        (PurchaseFamily::MbgNbd, [0.524_843, 6.183_085, 0.891_359, 1.614_002], -9582.1357),
        (PurchaseFamily::ParetoNbd, [0.553_277, 10.577_684, 0.606_240, 11.668_735], -9594.9762),
    ] {
        let fit = fit(family, &data.histories);
        println!("{fit:?}");
        assert!(fit.converged, "{fit:?}");
        for (found, expected) in parameters(&fit).into_iter().zip(expected) {
            assert_near(found, expected, 3e-5 * expected, "parameter");
        }
        assert_near(fit.log_likelihood, log_likelihood, 5e-5, "log-likelihood");
    }
}

#[test]
fn pareto_nbd_predicts_the_hold_out_as_other_implementations_do() {
    let Some(data) = sample() else { return };
    let model = fit(PurchaseFamily::ParetoNbd, &data.histories).model;
    let absolute: f64 = data
        .histories
        .iter()
        .zip(&data.purchases_after)
        .map(|(history, actual)| (model.expected_purchases(*history, 39.0) - actual).abs())
        .sum();
    assert_near(absolute / data.histories.len() as f64, 0.7545, 5e-5, "mean absolute error");
}

#[test]
fn every_family_fits_the_whole_cohort() {
    let Some(data) = cdnow("cdnow_master.csv.gz", 0, 1, 3) else {
        return;
    };
    for family in [PurchaseFamily::MbgNbd, PurchaseFamily::ParetoNbd] {
        let began = std::time::Instant::now();
        let fit = fit(family, &data.histories);
        println!("{:?} {fit:?} {:?}", began.elapsed(), fit.standard_errors());
        assert!(fit.converged, "{fit:?}");
        assert!(fit.log_likelihood > -95_900.0, "{fit:?}");
    }
}

/// Donors by repeat gifts, the year of the last one, and how many there are, of six years; table 3 of Fader, Hardie and
/// Shang (2010): 11,104 supporters who first gave in 1995.
const DONORS: [(f64, f64, usize); 22] = [
    (0.0, 0.0, 3464),
    (1.0, 1.0, 1091),
    (1.0, 2.0, 277),
    (1.0, 3.0, 129),
    (1.0, 4.0, 78),
    (1.0, 5.0, 119),
    (1.0, 6.0, 129),
    (2.0, 2.0, 613),
    (2.0, 3.0, 255),
    (2.0, 4.0, 155),
    (2.0, 5.0, 173),
    (2.0, 6.0, 234),
    (3.0, 3.0, 322),
    (3.0, 4.0, 181),
    (3.0, 5.0, 225),
    (3.0, 6.0, 357),
    (4.0, 4.0, 240),
    (4.0, 5.0, 284),
    (4.0, 6.0, 512),
    (5.0, 5.0, 335),
    (5.0, 6.0, 728),
    (6.0, 6.0, 1203),
];

#[test]
fn bg_bb_finds_the_estimates_of_the_paper() {
    let donors: Vec<PurchaseHistory> = DONORS
        .iter()
        .flat_map(|&(x, t_x, count)| {
            let history = PurchaseHistory { repeat_purchases: x, last_purchase: t_x, observed: 6.0 };
            std::iter::repeat_n(history, count)
        })
        .collect();
    assert_eq!(donors.len(), 11_104);
    let fit = fit(PurchaseFamily::BgBb, &donors);
    println!("{fit:?} {:?}", fit.standard_errors());
    assert!(fit.converged, "{fit:?}");
    assert_eq!(fit.distinct_rows, 22);
    for (found, expected) in parameters(&fit).into_iter().zip([1.204, 0.750, 0.657, 2.783]) {
        assert_near(found, expected, 5.1e-4, "parameter");
    }
    assert_near(fit.log_likelihood, -33_225.58, 5.1e-3, "log-likelihood");
}

#[test]
fn gamma_gamma_finds_the_estimates_of_the_paper() {
    // Fader and Hardie (2013): p 6.25, q 3.74, v 15.44; log-likelihood as CLVTools.
    let Some(data) = sample() else { return };
    assert_eq!(data.spends.len(), 946);
    let fit = gamma_gamma::fit(&data.spends).unwrap();
    println!("{fit:?}");
    assert!(fit.converged, "{fit:?}");
    assert_near(fit.model.p.get(), 6.249_574, 2e-5, "p");
    assert_near(fit.model.q.get(), 3.744_225, 2e-5, "q");
    assert_near(fit.model.v.get(), 15.443_516, 1e-4, "v");
    assert_near(fit.log_likelihood, -4055.9177, 5e-5, "log-likelihood");
    assert_near(fit.correlation, 0.114, 5e-4, "correlation");
}

#[test]
fn the_first_customers_spend_as_the_lifetimes_package_says() {
    let Some(data) = sample() else { return };
    let model = gamma_gamma::fit(&data.spends).unwrap().model;
    let mut spends = data.spends.iter();
    let expected = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17];
    for (history, expected) in data.histories.iter().zip(expected) {
        let found = if history.repeat_purchases > 0.0 {
            let spend = spends.next().unwrap();
            model.expected_spend(spend.repeat_purchases, spend.mean_spend)
        } else {
            model.expected_spend(0.0, 0.0)
        };
        assert_near(found, expected, 0.01, "spend");
    }
}

#[test]
fn any_time_unit_and_any_currency_give_the_same_model() {
    let Some(data) = sample() else { return };
    let weeks = fit(PurchaseFamily::BgNbd, &data.histories);
    for factor in [1e-6, 7.0, 86_400.0 * 7.0] {
        let scaled: Vec<PurchaseHistory> = data
            .histories
            .iter()
            .map(|history| PurchaseHistory {
                last_purchase: history.last_purchase * factor,
                observed: history.observed * factor,
                ..*history
            })
            .collect();
        let fit = fit(PurchaseFamily::BgNbd, &scaled);
        assert!(fit.converged, "{fit:?}");
        let [r, alpha, a, b] = parameters(&fit);
        for (found, expected) in [r, alpha / factor, a, b].into_iter().zip(parameters(&weeks)) {
            assert_near(found, expected, 1e-6 * expected, "parameter");
        }
    }
    let dollars = gamma_gamma::fit(&data.spends).unwrap();
    let yen: Vec<SpendHistory> =
        data.spends.iter().map(|spend| SpendHistory { mean_spend: spend.mean_spend * 150.0, ..*spend }).collect();
    let fit = gamma_gamma::fit(&yen).unwrap();
    assert_near(fit.model.v.get() / 150.0, dollars.model.v.get(), 1e-5, "v");
}

/// Per mille of a cohort left at the end of each year; Fader and Hardie (2007), table 1.
const HIGH_END: [f64; 13] =
    [1000.0, 869.0, 743.0, 653.0, 593.0, 551.0, 517.0, 491.0, 468.0, 445.0, 427.0, 409.0, 394.0];
const REGULAR: [f64; 13] = [1000.0, 631.0, 468.0, 382.0, 326.0, 289.0, 262.0, 241.0, 223.0, 207.0, 194.0, 183.0, 173.0];

#[test]
fn the_shifted_beta_geometric_finds_the_estimates_of_the_paper() {
    for (survivors, alpha, beta, expected) in
        [(HIGH_END, 0.668_088, 3.806_095, -1611.158), (REGULAR, 0.704_077, 1.182_043, -1680.265)]
    {
        let mut cohort = Tally::default();
        cohort.add_survivors(&survivors[..8], 1).unwrap();
        let fit = renewal::fit(RenewalFamily::ShiftedBetaGeometric, &cohort).unwrap();
        println!("{fit:?} {:?}", fit.estimate.log_standard_errors());
        let found = fit.estimate.model.parameters();
        assert!(fit.converged, "{fit:?}");
        assert_near(found[0].1, alpha, 2e-6, "alpha");
        assert_near(found[1].1, beta, 6e-6, "beta");
        assert_near(fit.log_likelihood, expected, 5e-4, "log-likelihood");
        // Years 8 to 12, which the fit has not seen: never off by more than two of a hundred customers.
        for (year, actual) in (8..13).zip(&survivors[8..]) {
            let projected = 1000.0 * fit.estimate.model.survival(f64::from(year)).get();
            assert_near(projected, *actual, 20.0, &format!("year {year}"));
        }
    }
}
