//! Chooses and fits the calibration of a classifier, on rows that no model was fitted on.

use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use tend_models::families::calibration::{Calibration, Knot, beta_columns, log_odds};
use tend_models::families::logistic::sigmoid;
use tend_models::quantities::Probability;

use crate::evaluate::log_loss_of_one;
use crate::fit::log_odds_line::{fit_log_odds_line, smoothed_targets};

/// Parts of the rows that each candidate is judged on in turn.
const FOLDS: usize = 5;
/// Rarer outcomes than this do not tell one curve from another.
const LEAST_FOR_PLATT: usize = 10;
/// A curve with two ends needs more of the rarer outcome than a line does.
const LEAST_FOR_BETA: usize = 50;
/// A free curve needs more of it again.
const LEAST_FOR_ISOTONIC: usize = 200;
/// A more flexible curve has to gain this much log loss a row, in nats, however sure the gain is.
const WORTH_IT: f64 = 1e-4;
/// Of several curves one looks better by luck more often than one alone would: each has to be surer.
const STANDARD_ERRORS: f64 = 2.0;
/// The folds are drawn with a fixed seed: the same rows always give the same calibration.
const FOLD_SEED: u64 = 0x0ca1_1b7a;

/// Fits the simplest calibration whose cross-fitted log loss on these rows no other beats by more than noise.
///
/// `raw` and `happened` are (n,): the raw probability of a row and its outcome. No model may have been fitted on
/// the rows. The candidates are none, Platt's line in log-odds, beta calibration and an isotonic curve, in this order
/// of flexibility; too few rows, or a gain that is too small to matter or within its standard error, leave the less
/// flexible one.
///
/// # Panics
/// If the two differ in length, or a raw probability is not from 0 to 1.
#[must_use]
pub fn calibrate(raw: &[f64], happened: &[bool]) -> Calibration {
    assert_eq!(raw.len(), happened.len(), "one outcome for each raw probability");
    let positives = happened.iter().filter(|&&outcome| outcome).count();
    let rarer = positives.min(happened.len() - positives);
    let mut points: Vec<Point> = raw.iter().zip(happened).map(|(&raw, &happened)| Point::new(raw, happened)).collect();
    points.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(FOLD_SEED));
    let candidates: [(usize, CurveFit); 3] =
        [(LEAST_FOR_PLATT, fit_platt), (LEAST_FOR_BETA, fit_beta), (LEAST_FOR_ISOTONIC, fit_isotonic)];
    let mut best = (cross_fitted_losses(&points, |_| Calibration::None), Calibration::None);
    for (least, fit) in candidates {
        if rarer < least {
            break;
        }
        let losses = cross_fitted_losses(&points, fit);
        if Gain::of(&best.0, &losses).is_beyond(STANDARD_ERRORS, WORTH_IT) {
            best = (losses, fit(&points));
        }
    }
    best.1
}

/// How much less one model loses a row than another on the same rows, in nats, and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain {
    /// Mean over the rows; above 0 where the second is better.
    pub mean: f64,
    /// Standard error of the mean.
    pub standard_error: f64,
}

impl Gain {
    /// From the losses of both on each row, (n,) each.
    ///
    /// # Panics
    /// If the two differ in length.
    #[must_use]
    pub fn of(before: &[f64], after: &[f64]) -> Self {
        assert_eq!(before.len(), after.len(), "losses of the same rows");
        let rows = before.len() as f64;
        let gains = || before.iter().zip(after).map(|(before, after)| before - after);
        let mean = gains().sum::<f64>() / rows;
        let variance = gains().map(|gain| (gain - mean).powi(2)).sum::<f64>() / (rows - 1.0);
        Self { mean, standard_error: (variance / rows).sqrt() }
    }

    /// Whether it is above so many of its standard errors, and above what is worth having. Source: the
    /// one-standard-error rule of Breiman, Friedman, Olshen and Stone (1984).
    #[must_use]
    pub fn is_beyond(self, standard_errors: f64, worth_having: f64) -> bool {
        self.mean > (standard_errors * self.standard_error).max(worth_having)
    }
}

/// The calibration at another rate of positives than that of the rows it was fitted on, `log_odds_shift` apart.
///
/// Holds where the rows of either outcome are as they are at the real rate, only more or fewer: all log-odds then move
/// by the difference of the log-odds of the two rates. Source: Saerens, Latinne and Decaestecker (2002), Elkan (2001).
#[must_use]
pub fn at_other_rate(calibration: Calibration, log_odds_shift: f64) -> Calibration {
    match calibration {
        Calibration::None => Calibration::Platt { slope: 1.0, intercept: log_odds_shift },
        Calibration::Platt { slope, intercept } => Calibration::Platt { slope, intercept: intercept + log_odds_shift },
        Calibration::Beta { gain, loss, intercept } => {
            Calibration::Beta { gain, loss, intercept: intercept + log_odds_shift }
        }
        Calibration::Isotonic { knots } => {
            let moved = |knot: Knot| Knot { calibrated: sigmoid(log_odds(knot.calibrated) + log_odds_shift), ..knot };
            Calibration::Isotonic { knots: knots.into_iter().map(moved).collect() }
        }
    }
}

type CurveFit = fn(&[Point]) -> Calibration;

#[derive(Clone, Copy)]
struct Point {
    raw: Probability,
    happened: bool,
}

impl Point {
    fn new(raw: f64, happened: bool) -> Self {
        Self { raw: Probability::new(raw).expect("a raw probability from 0 to 1"), happened }
    }
}

/// The log loss of each point, in nats, by curves fitted without the points that they are judged on.
fn cross_fitted_losses(points: &[Point], fit: impl Fn(&[Point]) -> Calibration) -> Vec<f64> {
    let mut losses = vec![0.0; points.len()];
    for fold in 0..FOLDS {
        let in_fold = |&(position, _): &(usize, &Point)| position % FOLDS == fold;
        let others: Vec<Point> =
            points.iter().enumerate().filter(|pair| !in_fold(pair)).map(|(_, point)| *point).collect();
        let curve = fit(&others);
        for (place, point) in points.iter().enumerate().filter(in_fold) {
            losses[place] = log_loss_of_one(curve.apply(point.raw).get(), point.happened);
        }
    }
    losses
}

/// Platt's line; none if the line would fall.
fn fit_platt(points: &[Point]) -> Calibration {
    let column = points.iter().map(|point| log_odds(point.raw.get())).collect();
    match fit_log_odds_line(&[column], &targets(points)) {
        Some(line) => Calibration::Platt { slope: line.weights[0], intercept: line.intercept },
        None => Calibration::None,
    }
}

/// Beta calibration; none if the curve would fall. Source: Kull, Silva Filho and Flach (2017).
fn fit_beta(points: &[Point]) -> Calibration {
    let column = |place: usize| points.iter().map(|point| beta_columns(point.raw.get())[place]).collect();
    match fit_log_odds_line(&[column(0), column(1)], &targets(points)) {
        Some(line) => Calibration::Beta { gain: line.weights[0], loss: line.weights[1], intercept: line.intercept },
        None => Calibration::None,
    }
}

fn targets(points: &[Point]) -> Vec<f64> {
    smoothed_targets(&points.iter().map(|point| point.happened).collect::<Vec<_>>())
}

/// Neighbouring points that share one rate.
#[derive(Clone, Copy)]
struct Block {
    raw_sum: f64,
    positives: f64,
    count: f64,
}

impl Block {
    fn joined(self, other: Self) -> Self {
        Self {
            raw_sum: self.raw_sum + other.raw_sum,
            positives: self.positives + other.positives,
            count: self.count + other.count,
        }
    }

    fn rate(&self) -> f64 {
        self.positives / self.count
    }
}

/// Isotonic regression by pooling adjacent violators, on bins rather than on single points, with straight lines
/// between the middles of the blocks. Source: Zadrozny and Elkan (2002).
fn fit_isotonic(points: &[Point]) -> Calibration {
    let mut blocks: Vec<Block> = Vec::new();
    for bin in bins(points) {
        blocks.push(bin);
        while let [.., before, last] = blocks[..] {
            if before.rate() < last.rate() {
                break;
            }
            blocks.pop();
            blocks.pop();
            blocks.push(before.joined(last));
        }
    }
    let total = blocks.iter().copied().reduce(Block::joined);
    let Some(overall) = total.map(|all| all.rate()) else {
        return Calibration::None;
    };
    // One row of the overall rate in every block keeps the curve off 0 and 1.
    let mut knots: Vec<Knot> = blocks
        .iter()
        .map(|block| Knot {
            raw: block.raw_sum / block.count,
            calibrated: (block.positives + overall) / (block.count + 1.0),
        })
        .collect();
    // The row added may bend a curve of very unequal blocks: let it rise again.
    for index in 1..knots.len() {
        knots[index].calibrated = knots[index].calibrated.max(knots[index - 1].calibrated);
    }
    Calibration::Isotonic { knots: with_ends(knots, points.len() as f64) }
}

/// Bins of neighbouring points, rising, equal raw values always in the same bin.
fn bins(points: &[Point]) -> Vec<Block> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.raw.get().total_cmp(&b.raw.get()));
    let least = (points.len() / 100).max(20) as f64;
    let mut bins: Vec<Block> = Vec::new();
    let mut previous = f64::NAN;
    for point in sorted {
        let raw = point.raw.get();
        let block = Block { raw_sum: raw, positives: f64::from(point.happened), count: 1.0 };
        match bins.last_mut() {
            Some(last) if last.count < least || raw == previous => *last = last.joined(block),
            _ => bins.push(block),
        }
        previous = raw;
    }
    // What is left over at the top is no bin of its own.
    if let [.., before, last] = bins[..]
        && last.count < least
    {
        bins.truncate(bins.len() - 2);
        bins.push(before.joined(last));
    }
    bins
}

/// Adds knots at 0 and 1, so that the order within the outermost blocks is kept: the best customers stay apart.
fn with_ends(mut knots: Vec<Knot>, count: f64) -> Vec<Knot> {
    let nearest = 1.0 / (count + 2.0);
    if let Some(first) = knots.first().copied()
        && first.raw > 0.0
    {
        knots.insert(0, Knot { raw: 0.0, calibrated: nearest.min(first.calibrated / 2.0) });
    }
    if let Some(last) = knots.last().copied()
        && last.raw < 1.0
    {
        let calibrated = (1.0 - nearest).max(f64::midpoint(last.calibrated, 1.0));
        knots.push(Knot { raw: 1.0, calibrated });
    }
    knots
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outcomes of a known curve at evenly spread raw probabilities, by a fixed low-discrepancy sequence.
    fn outcomes(count: usize, truth: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<bool>) {
        let raw: Vec<f64> = (0..count).map(|step| (step as f64 + 0.5) / count as f64).collect();
        let golden = 0.618_033_988_749_894_9;
        let happened =
            raw.iter().enumerate().map(|(step, &raw)| (step as f64 * golden * 97.0).fract() < truth(raw)).collect();
        (raw, happened)
    }

    fn worst_gap(curve: &Calibration, truth: impl Fn(f64) -> f64) -> f64 {
        (2..=98).fold(0.0, |worst, percent| {
            let raw = f64::from(percent) / 100.0;
            f64::max(worst, (curve.apply(Probability::clamped(raw)).get() - truth(raw)).abs())
        })
    }

    #[test]
    fn right_probabilities_are_left_alone() {
        let (raw, happened) = outcomes(5000, |raw| raw);
        assert_eq!(calibrate(&raw, &happened), Calibration::None);
    }

    #[test]
    fn a_line_in_log_odds_is_found() {
        let truth = |raw| sigmoid(0.5 * log_odds(raw) - 1.0);
        let (raw, happened) = outcomes(5000, truth);
        let curve = calibrate(&raw, &happened);
        let Calibration::Platt { slope, intercept } = curve else { panic!("{curve:?}") };
        assert!((slope - 0.5).abs() < 0.05 && (intercept + 1.0).abs() < 0.08, "{slope} {intercept}");
    }

    #[test]
    fn a_curve_of_two_ends_is_found() {
        // Steep where the raw probability is near 0, flat where it is near 1: no line in log-odds is like this.
        let truth = |raw: f64| sigmoid(1.6 * raw.ln() + 0.3 * -(1.0 - raw).ln() + 0.8);
        let (raw, happened) = outcomes(40_000, truth);
        let curve = calibrate(&raw, &happened);
        let Calibration::Beta { gain, loss, intercept } = curve else { panic!("{curve:?}") };
        assert!((gain - 1.6).abs() < 0.1 && (loss - 0.3).abs() < 0.1, "{gain} {loss}");
        assert!((intercept - 0.8).abs() < 0.1, "{intercept}");
        let gap = worst_gap(&Calibration::Beta { gain, loss, intercept }, truth);
        assert!(gap < 0.01, "{gap}");
    }

    #[test]
    fn a_gain_within_its_noise_is_no_gain() {
        let before: Vec<f64> = (0..100).map(|row| f64::from(row % 2)).collect();
        let steady: Vec<f64> = before.iter().map(|loss| loss - 0.01).collect();
        assert!(Gain::of(&before, &steady).is_beyond(1.0, 1e-4));
        assert!(!Gain::of(&before, &steady).is_beyond(1.0, 0.02));
        // The same mean gain, out of large gains and losses: .01 against a standard error of .1.
        let wild: Vec<f64> = before.iter().map(|loss| 0.99 - loss).collect();
        let gain = Gain::of(&before, &wild);
        assert!((gain.mean - 0.01).abs() < 1e-12 && (gain.standard_error - 0.1).abs() < 0.01, "{gain:?}");
        assert!(!gain.is_beyond(1.0, 1e-4));
    }

    #[test]
    fn another_rate_moves_all_log_odds_alike() {
        let raw = [0.05, 0.3, 0.8];
        let knots = raw.map(|raw| Knot { raw, calibrated: 0.9 * raw }).to_vec();
        let curves = [
            Calibration::None,
            Calibration::Platt { slope: 0.8, intercept: 0.2 },
            Calibration::Beta { gain: 0.8, loss: 1.1, intercept: 0.2 },
            Calibration::Isotonic { knots },
        ];
        for curve in curves {
            let moved = at_other_rate(curve.clone(), -2.0);
            assert_eq!(moved.check(), Ok(()));
            for raw in raw.map(Probability::clamped) {
                let step = log_odds(moved.apply(raw).get()) - log_odds(curve.apply(raw).get());
                assert!((step + 2.0).abs() < 1e-9, "{step} at {raw:?} of {curve:?}");
            }
        }
    }

    #[test]
    fn a_step_needs_the_isotonic_curve() {
        let truth = |raw| if raw < 0.5 { 0.1 } else { 0.6 };
        let (raw, happened) = outcomes(20_000, truth);
        let curve = calibrate(&raw, &happened);
        assert_eq!(curve.name(), "isotonic");
        assert_eq!(curve.check(), Ok(()));
        let near_step = |raw: f64| (raw - 0.5).abs() < 0.03;
        let gap =
            worst_gap(
                &curve,
                |raw| {
                    if near_step(raw) { curve.apply(Probability::clamped(raw)).get() } else { truth(raw) }
                },
            );
        assert!(gap < 0.2, "{gap}");
        for raw in [0.0, 1.0] {
            let end = curve.apply(Probability::clamped(raw)).get();
            assert!(end > 0.0 && end < 1.0, "{end} at {raw}");
        }
    }

    #[test]
    fn too_few_outcomes_leave_the_raw_probabilities() {
        assert_eq!(calibrate(&[], &[]), Calibration::None);
        assert_eq!(calibrate(&[0.5; 100], &[true; 100]), Calibration::None);
        let (raw, happened) = outcomes(12, |raw| 1.0 - raw);
        assert_eq!(calibrate(&raw, &happened), Calibration::None);
    }

    #[test]
    fn a_score_that_points_the_wrong_way_is_never_turned_round() {
        let (raw, happened) = outcomes(5000, |raw| 1.0 - raw);
        let curve = calibrate(&raw, &happened);
        assert_eq!(curve.check(), Ok(()));
        assert_ne!(curve.name(), "platt");
    }

    #[test]
    fn equal_raw_probabilities_have_no_curve_but_a_level() {
        let happened: Vec<bool> = (0..4000).map(|row| row % 10 == 0).collect();
        let curve = calibrate(&vec![0.5; 4000], &happened);
        assert_eq!(curve.check(), Ok(()));
        let level = curve.apply(Probability::clamped(0.5)).get();
        assert!((level - 0.1).abs() < 0.005, "{level} from {curve:?}");
    }
}
