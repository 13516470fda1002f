//! Numbers instead of labels, on data of known truth.

use rand::Rng;
use rand_distr::{Distribution, Exp1, Gamma, Poisson};

use super::*;

/// Customers with a number that is drawn about a mean of their own.
struct Spenders {
    customers: Customers,
    means: Vec<f64>,
    numbers: Vec<f64>,
}

impl Spenders {
    fn new(count: usize, seed: u64, mean: fn(&[f64]) -> f64, draw: fn(f64, &mut Xoshiro256PlusPlus) -> f64) -> Self {
        let customers = Customers::new(count, seed, |_| 0.0);
        let means: Vec<f64> = customers.rows.chunks_exact(5).map(mean).collect();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed + 1000);
        let numbers = means.iter().map(|&mean| draw(mean, &mut random)).collect();
        Self { customers, means, numbers }
    }

    fn known(&self) -> NumberRows<'_> {
        NumberRows { rows: self.customers.table(), numbers: &self.numbers, weights: None }
    }

    fn responses(&self, model: &BoostedNumber) -> Vec<f64> {
        assert_eq!(model.check(&self.customers.kinds), Ok(()));
        self.customers.rows.chunks_exact(5).map(|row| model.response(row)).collect()
    }
}

fn mean_of(numbers: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = numbers.fold((0.0, 0.0), |(count, sum), number| (count + 1.0, sum + number));
    sum / count
}

/// The part of the variance of `truth` that `found` misses.
fn missed(found: &[f64], truth: &[f64]) -> f64 {
    let mean = mean_of(truth.iter().copied());
    let away = |number: f64, from: f64| (number - from).powi(2);
    let missed: f64 = found.iter().zip(truth).map(|(&found, &truth)| away(found, truth)).sum();
    missed / truth.iter().map(|&truth| away(truth, mean)).sum::<f64>()
}

fn spend(row: &[f64]) -> f64 {
    let score = if row[2].is_nan() { 0.5 } else { row[2] };
    (1.0 + row[0] + 0.5 * score + [0.5, -0.5, 0.0, 0.3][row[3] as usize] + 0.2 * (row[4] % 3.0)).exp()
}

/// Poisson-distributed purchases of exponentially distributed worth, as in a Tweedie distribution of power 1.5.
fn purchases(mean: f64, random: &mut Xoshiro256PlusPlus) -> f64 {
    let each = 2.0;
    let bought: f64 = Poisson::new(mean / each).unwrap().sample(random);
    if bought > 0.0 { Gamma::new(bought, each).unwrap().sample(random) } else { 0.0 }
}

fn noisy(mean: f64, random: &mut Xoshiro256PlusPlus) -> f64 {
    mean + random.random_range(-2.0..2.0)
}

#[test]
fn means_are_found_by_squared_error_and_by_tweedie() {
    type Draw = fn(f64, &mut Xoshiro256PlusPlus) -> f64;
    let tweedie = Objective::Tweedie { power: 1.5 };
    for (objective, draw, most) in [
        (Objective::SquaredError, noisy as Draw, 0.03),
        (Objective::SquaredError, purchases as Draw, 0.15),
        (tweedie, purchases as Draw, 0.08),
    ] {
        let [known, tune, new] =
            [(8000, 3), (2000, 4), (4000, 5)].map(|(count, seed)| Spenders::new(count, seed, spend, draw));
        let params = BoostingParams { objective, trees: 500, ..BoostingParams::for_rows(8000) };
        let (model, trees) = params.fit_numbers_stopping(&known.known(), &tune.known(), 30).unwrap();
        let found = new.responses(&model);
        let missed = missed(&found, &new.means);
        assert!(missed < most && trees > 10, "{objective:?}: {missed} of the variance missed by {trees} trees");
        // Sums of money have to be right too.
        let (sum, truth) = (mean_of(found.iter().copied()), mean_of(new.means.iter().copied()));
        assert!((sum / truth - 1.0).abs() < 0.03, "{objective:?}: {sum} a customer for {truth}");
    }
}

#[test]
fn so_large_a_share_of_new_rows_lies_below_a_quantile_everywhere() {
    let exponential = |mean: f64, random: &mut Xoshiro256PlusPlus| mean * Distribution::<f64>::sample(&Exp1, random);
    let [known, new] = [(8000, 8), (8000, 9)].map(|(count, seed)| Spenders::new(count, seed, spend, exponential));
    for share in [0.1, 0.5, 0.9] {
        let objective = Objective::Quantile { share };
        let params = BoostingParams { objective, min_leaf_rows: 50, ..params() };
        let found = new.responses(&params.fit_numbers(&known.known()).unwrap());
        // Those who spend little and those who spend much: a constant would be wrong of both.
        for (name, group) in [("little", 0.0..4.0), ("much", 4.0..f64::INFINITY)] {
            let own = (0..8000).filter(|&row| group.contains(&new.means[row]));
            let below = mean_of(own.map(|row| f64::from(u8::from(new.numbers[row] <= found[row]))));
            assert!((below - share).abs() < 0.04, "{below} of those who spend {name} lie below the {share} quantile");
        }
        // That of an exponential distribution is known.
        let truth: Vec<f64> = new.means.iter().map(|mean| -(1.0 - share).ln() * mean).collect();
        let missed = missed(&found, &truth);
        assert!(missed < 0.25, "{missed} of the variance of the {share} quantile missed");
    }
}

#[test]
fn the_unit_of_money_changes_no_tree() {
    let known = Spenders::new(1500, 10, spend, purchases);
    let cents: Vec<f64> = known.numbers.iter().map(|number| number * 128.0).collect();
    for objective in [Objective::SquaredError, Objective::Tweedie { power: 1.3 }] {
        let params = BoostingParams { objective, trees: 30, ..params() };
        let euros = params.fit_numbers(&known.known()).unwrap();
        let cents = params.fit_numbers(&NumberRows { numbers: &cents, ..known.known() }).unwrap();
        for row in known.customers.rows.chunks_exact(5) {
            let (found, expected) = (cents.response(row), 128.0 * euros.response(row));
            assert!((found / expected - 1.0).abs() < 1e-5, "{objective:?}: {found} for {expected}");
        }
    }
}

#[test]
fn weights_of_numbers_count_as_rows() {
    let known = Spenders::new(2000, 11, spend, noisy);
    let weights: Vec<f64> = (0..2000).map(|row| if row % 2 == 0 { 3.0 } else { 0.0 }).collect();
    for objective in [Objective::SquaredError, Objective::Quantile { share: 0.3 }] {
        let params = BoostingParams {
            objective,
            trees: 1,
            max_leaves: 2,
            learning_rate: 1.0,
            l2: 0.0,
            row_share: 1.0,
            ..params()
        };
        let model = params.fit_numbers(&NumberRows { weights: Some(&weights), ..known.known() }).unwrap();
        let responses = known.responses(&model);
        let leaf: Vec<usize> = (0..2000).filter(|&row| row % 2 == 0 && responses[row] == responses[0]).collect();
        let found = responses[0];
        let expected = match objective {
            Objective::SquaredError => mean_of(leaf.iter().map(|&row| known.numbers[row])),
            _ => objective::quantile(leaf.iter().map(|&row| (known.numbers[row], 1.0)).collect(), 0.3),
        };
        assert!((found - expected).abs() < 1e-6, "{objective:?}: {found} for {expected}");
    }
}

#[test]
fn threads_change_no_byte_of_a_model_of_numbers() {
    let known = Spenders::new(20_000, 12, spend, purchases);
    for objective in [Objective::SquaredError, Objective::Tweedie { power: 1.5 }, Objective::Quantile { share: 0.7 }] {
        let params = BoostingParams { objective, trees: 4, ..params() };
        let bytes = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| serde_json::to_vec(&params.fit_numbers(&known.known()).unwrap()).unwrap())
        };
        assert!(bytes(1) == bytes(3), "{objective:?}: three threads fit another model than one");
    }
}

#[test]
fn numbers_that_an_objective_cannot_have_are_refused_with_the_reason() {
    let known = Spenders::new(100, 13, spend, purchases);
    let params = |objective| BoostingParams { objective, ..params() };
    let message = |objective, numbers: &[f64]| {
        params(objective).fit_numbers(&NumberRows { numbers, ..known.known() }).unwrap_err().to_string()
    };
    let tweedie = Objective::Tweedie { power: 1.5 };
    assert!(message(tweedie, &[-1.0; 100]).starts_with("feature `number to learn`, row 0: found -1"));
    assert!(message(tweedie, &[0.0; 100]).starts_with("found no number to learn above 0"));
    assert!(message(Objective::SquaredError, &[f64::NAN; 100]).contains("row 0: found NaN"));
    assert!(message(Objective::SquaredError, &[1.0; 99]).starts_with("numbers to learn: found 99, expected 100"));
    assert!(message(Objective::Tweedie { power: 2.0 }, &[1.0; 100]).starts_with("`objective.power`: found 2"));
    assert!(message(Objective::Quantile { share: 0.0 }, &[1.0; 100]).starts_with("`objective.share`: found 0"));
    assert!(message(Objective::LogLoss, &[1.0; 100]).starts_with("`objective`: found LogLoss"));
    let labels = params(tweedie).fit(&known.customers.table()).unwrap_err().to_string();
    assert!(labels.starts_with("`objective`: found Tweedie"), "{labels}");
}
