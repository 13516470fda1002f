//! Chooses and fits the calibration of a classifier, on rows that no model was fitted on.

use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use tend_models::families::calibration::{Calibration, Knot, log_odds};
use tend_models::families::logistic::sigmoid;
use tend_models::quantities::Probability;

/// Parts of the rows that each candidate is judged on in turn.
const FOLDS: usize = 5;
/// Rarer outcomes than this do not tell one curve from another.
const LEAST_FOR_PLATT: usize = 10;
/// A free curve needs more of the rarer outcome than a line does.
const LEAST_FOR_ISOTONIC: usize = 200;
/// A more flexible curve has to gain this much log loss a row, in nats.
const WORTH_IT: f64 = 1e-4;
/// The folds are drawn with a fixed seed: the same rows always give the same calibration.
const FOLD_SEED: u64 = 0x0ca1_1b7a;

/// Fits the calibration that has the least cross-fitted log loss on these rows.
///
/// `raw` and `happened` are (n,): the raw probability of a row and its outcome. No model may have been fitted on
/// the rows. The candidates are none, Platt's line in log-odds and an isotonic curve, in this order of flexibility;
/// too few rows, or a gain too small to matter, leave the less flexible one.
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
    let candidates: [(usize, CurveFit); 2] = [(LEAST_FOR_PLATT, fit_platt), (LEAST_FOR_ISOTONIC, fit_isotonic)];
    let mut best = (cross_fitted_loss(&points, |_| Calibration::None), Calibration::None);
    for (least, fit) in candidates {
        if rarer < least {
            break;
        }
        let loss = cross_fitted_loss(&points, fit);
        if loss < best.0 - WORTH_IT {
            best = (loss, fit(&points));
        }
    }
    best.1
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

/// Mean log loss, in nats, of curves fitted without the points that they are judged on.
fn cross_fitted_loss(points: &[Point], fit: impl Fn(&[Point]) -> Calibration) -> f64 {
    let mut total = 0.0;
    for fold in 0..FOLDS {
        let in_fold = |&(position, _): &(usize, &Point)| position % FOLDS == fold;
        let others: Vec<Point> =
            points.iter().enumerate().filter(|pair| !in_fold(pair)).map(|(_, point)| *point).collect();
        let curve = fit(&others);
        for (_, point) in points.iter().enumerate().filter(in_fold) {
            let probability = curve.apply(point.raw).get();
            let of_outcome = if point.happened { probability } else { 1.0 - probability };
            total -= of_outcome.max(1e-12).ln();
        }
    }
    total / points.len() as f64
}

/// Platt's line by Newton's method, with his targets just inside 0 and 1; none if the line would fall.
fn fit_platt(points: &[Point]) -> Calibration {
    let positives = points.iter().filter(|point| point.happened).count() as f64;
    let negatives = points.len() as f64 - positives;
    let targets = [1.0 / (negatives + 2.0), (positives + 1.0) / (positives + 2.0)];
    let pairs: Vec<(f64, f64)> =
        points.iter().map(|point| (log_odds(point.raw.get()), targets[usize::from(point.happened)])).collect();
    let loss = |slope: f64, intercept: f64| -> f64 {
        pairs.iter().map(|(x, target)| cross_entropy(slope * x + intercept, *target)).sum()
    };
    let (mut slope, mut intercept) = (1.0, 0.0);
    let mut current = loss(slope, intercept);
    for _ in 0..50 {
        let Some((slope_step, intercept_step)) = newton_step(&pairs, slope, intercept) else {
            break;
        };
        // Newton's step may overshoot where the curve is flat; a halved one goes down in the end.
        let halved = (0..30).map(|halvings| 0.5_f64.powi(halvings)).find_map(|share| {
            let next = (slope + share * slope_step, intercept + share * intercept_step);
            let next_loss = loss(next.0, next.1);
            (next_loss < current).then_some((next, next_loss))
        });
        let Some((next, next_loss)) = halved else {
            break;
        };
        let settled = current - next_loss < 1e-12 * current;
        (slope, intercept) = next;
        current = next_loss;
        if settled {
            break;
        }
    }
    if slope > 0.0 && slope.is_finite() && intercept.is_finite() {
        Calibration::Platt { slope, intercept }
    } else {
        Calibration::None
    }
}

fn cross_entropy(log_odds: f64, target: f64) -> f64 {
    // ln(1 + e^x) without overflow.
    log_odds.max(0.0) + (-log_odds.abs()).exp().ln_1p() - target * log_odds
}

fn newton_step(pairs: &[(f64, f64)], slope: f64, intercept: f64) -> Option<(f64, f64)> {
    let mut gradient = (0.0, 0.0);
    let (mut xx, mut x1, mut one) = (0.0, 0.0, 0.0);
    for &(x, target) in pairs {
        let probability = sigmoid(slope * x + intercept);
        let gap = target - probability;
        let weight = probability * (1.0 - probability);
        gradient = (gradient.0 + gap * x, gradient.1 + gap);
        xx += weight * x * x;
        x1 += weight * x;
        one += weight;
    }
    let determinant = xx * one - x1 * x1;
    (determinant > 1e-9 * xx * one).then(|| {
        let slope_step = (one * gradient.0 - x1 * gradient.1) / determinant;
        (slope_step, (xx * gradient.1 - x1 * gradient.0) / determinant)
    })
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
