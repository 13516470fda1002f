//! Effects freed of who was treated and of what could be foretold anyway: doubly robust scores and what follows from them.

use serde::{Deserialize, Serialize};

use crate::evaluate::Interval;

/// Half the width of a 95 % interval, in standard errors.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// A figure with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
}

impl Estimate {
    /// The mean of independent terms.
    #[must_use]
    pub fn of_mean(terms: &[f64]) -> Self {
        let count = terms.len() as f64;
        let mean = terms.iter().sum::<f64>() / count;
        let variance = terms.iter().map(|term| (term - mean) * (term - mean)).sum::<f64>() / (count - 1.0).max(1.0);
        Self { value: mean, error: (variance / count).sqrt() }
    }

    /// Its 95 % interval.
    #[must_use]
    pub fn interval(&self) -> Interval {
        let reach = NORMAL_95 * self.error;
        Interval { low: self.value - reach, high: self.value + reach }
    }
}

/// For each customer a noisy effect, right on average if either the chances of treatment or the expected outcomes are.
///
/// m1 - m0 + t (y - m1) / e - (1 - t) (y - m0) / (1 - e), with the outcomes m1 and m0 expected with and without
/// treatment by models that had not seen the row, and the chance e of treatment. All are (n,). Source: Robins,
/// Rotnitzky and Zhao (1994).
#[must_use]
pub fn doubly_robust_scores(
    treated: &[bool],
    outcomes: &[f64],
    propensities: &[f64],
    [with, without]: [&[f64]; 2],
) -> Vec<f64> {
    (0..treated.len())
        .map(|row| {
            let (chance, difference) = (propensities[row], with[row] - without[row]);
            if treated[row] {
                difference + (outcomes[row] - with[row]) / chance
            } else {
                difference - (outcomes[row] - without[row]) / (1.0 - chance)
            }
        })
        .collect()
}

/// The average effect: the mean of the scores.
#[must_use]
pub fn average_effect(scores: &[f64]) -> Estimate {
    Estimate::of_mean(scores)
}

/// The area between the curve of gains in the order of expected effects and the straight line to its end, a customer.
///
/// The mean of score x (1/2 - rank), ranks from 0 for the largest effect to 1, equal effects sharing their middle.
/// The standard error is that of the U-statistic: it counts the ranks as drawn too. Source: the Qini weighting of
/// Yadlowsky, Fleming, Shah, Brunskill and Wager (2021), *Evaluating treatment prioritization rules*.
#[must_use]
pub fn adjusted_qini(effects: &[f64], scores: &[f64]) -> Estimate {
    let count = effects.len() as f64;
    let average = scores.iter().sum::<f64>() / count;
    let mut order: Vec<usize> = (0..effects.len()).collect();
    order.sort_by(|&one, &other| effects[other].total_cmp(&effects[one]));
    let (mut value, mut terms) = (0.0, Vec::with_capacity(effects.len()));
    let (mut rows_before, mut gained_before) = (0.0, 0.0);
    for group in order.chunk_by(|&one, &other| effects[one] == effects[other]) {
        let own: f64 = group.iter().map(|&row| scores[row]).sum();
        let rank = (rows_before + 0.5 * group.len() as f64) / count;
        // A row moves the ranks of all others: those before it gain by that, those behind it lose.
        let of_others = (gained_before + 0.5 * own) / count - average / 2.0;
        for &row in group {
            let of_own = scores[row] * (0.5 - rank);
            value += of_own / count;
            terms.push(of_own + of_others);
        }
        rows_before += group.len() as f64;
        gained_before += own;
    }
    Estimate { value, error: Estimate::of_mean(&terms).error }
}

/// What it earns a customer to treat those whose expected effect is worth more than the treatment costs, against
/// treating nobody.
///
/// `effects` and `scores` are (n,); `worth` is the money that one unit of the outcome is worth, `cost` that of one
/// treatment.
#[must_use]
pub fn policy_value(effects: &[f64], scores: &[f64], worth: f64, cost: f64) -> Estimate {
    let earned = |(&effect, &score): (&f64, &f64)| if effect * worth > cost { score * worth - cost } else { 0.0 };
    Estimate::of_mean(&effects.iter().zip(scores).map(earned).collect::<Vec<_>>())
}

/// How much of the differences between expected effects is there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BestLinearPredictor {
    /// The mean of the expected effects.
    pub mean: f64,
    /// What a difference of 1 between expected effects comes to: 1 if they are right, 0 if they mean nothing.
    pub slope: Estimate,
    /// The part of a difference to believe, from 0 to 1: the slope, drawn towards 0 the less sure it is.
    pub believed: f64,
}

/// The regression of scores on expected effects; none if these are all the same.
///
/// The slope's error is robust to unequal variances. The believed part is slope x (1 - 1 / t^2), t being the slope over
/// its error, within 0 and 1: what thin data leave unsure is drawn towards the average effect. Sources: Chernozhukov
/// and others (2018) for the regression, James and Stein (1961) for the factor.
#[must_use]
pub fn best_linear_predictor(effects: &[f64], scores: &[f64]) -> Option<BestLinearPredictor> {
    let count = effects.len() as f64;
    let (mean, average) = (effects.iter().sum::<f64>() / count, scores.iter().sum::<f64>() / count);
    let squares: f64 = effects.iter().map(|effect| (effect - mean).powi(2)).sum();
    let pairs = || effects.iter().zip(scores).map(|(effect, score)| (effect - mean, score - average));
    let slope = pairs().map(|(effect, score)| effect * score).sum::<f64>() / squares;
    let spread: f64 = pairs().map(|(effect, score)| (effect * (score - slope * effect)).powi(2)).sum();
    let error = spread.sqrt() / squares;
    if !(slope.is_finite() && error.is_finite() && error > 0.0) {
        return None;
    }
    let t = slope / error;
    let believed = (slope * (1.0 - 1.0 / (t * t)).max(0.0)).clamp(0.0, 1.0);
    Some(BestLinearPredictor { mean, slope: Estimate { value: slope, error }, believed })
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    #[test]
    fn scores_are_worked_out_by_hand() {
        let scores = doubly_robust_scores(&[true, false], &[1.0, 1.0], &[0.25, 0.2], [&[0.5, 0.6], &[0.3, 0.2]]);
        assert!((scores[0] - (0.2 + 0.5 / 0.25)).abs() < 1e-12, "{scores:?}");
        assert!((scores[1] - (0.4 - 0.8 / 0.8)).abs() < 1e-12, "{scores:?}");
    }

    #[test]
    fn the_adjusted_qini_is_the_area_and_a_constant_adds_nothing() {
        let (effects, scores) = ([4.0, 3.0, 2.0, 1.0], [2.0, 1.0, 0.0, -1.0]);
        // Heights .5, .75, .75, .5 after each quarter: trapezoids 1/4 (.25 + .625 + .75 + .625), less .25.
        let found = adjusted_qini(&effects, &scores).value;
        assert!((found - (0.562_5 - 0.25)).abs() < 1e-12, "{found}");
        let shifted = adjusted_qini(&effects, &scores.map(|score| score + 10.0));
        assert!((shifted.value - found).abs() < 1e-12, "{shifted:?}");
        assert!(adjusted_qini(&[1.0; 4], &scores).value.abs() < 1e-12);
    }

    /// Draws effects uniform on 0..1 with scores = slope x effect + noise.
    fn drawn(seed: u64, slope: f64) -> (Vec<f64>, Vec<f64>) {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let noise = |random: &mut Xoshiro256PlusPlus| 4.0 * (random.random::<f64>() - 0.5);
        (0..400)
            .map(|_| {
                let effect: f64 = random.random();
                (effect, slope * effect + noise(&mut random))
            })
            .unzip()
    }

    #[test]
    fn intervals_of_qini_and_slope_hold_the_truth_about_as_often_as_they_say() {
        let (mut qini_held, mut slope_held) = (0, 0);
        for seed in 0..400 {
            let (effects, scores) = drawn(seed, 0.9);
            let qini = adjusted_qini(&effects, &scores).interval();
            // Covariance of .9 x u with u, u uniform: .9 / 12.
            qini_held += u32::from(qini.low < 0.075 && 0.075 < qini.high);
            let slope = best_linear_predictor(&effects, &scores).unwrap().slope.interval();
            slope_held += u32::from(slope.low < 0.9 && 0.9 < slope.high);
        }
        // 380 of 400 expected; the standard deviation is 4.4.
        assert!((363..=397).contains(&qini_held), "{qini_held} of 400");
        assert!((363..=397).contains(&slope_held), "{slope_held} of 400");
    }

    #[test]
    fn what_thin_data_show_is_believed_less_than_the_same_in_many() {
        let (effects, scores) = drawn(3, 0.9);
        let many = best_linear_predictor(&effects, &scores).unwrap();
        let few = best_linear_predictor(&effects[..60], &scores[..60]).unwrap();
        let kept = |found: &BestLinearPredictor| found.believed / found.slope.value;
        assert!(kept(&few) < kept(&many) && kept(&many) < 1.0, "few {few:?}, many {many:?}");
        assert_eq!(best_linear_predictor(&[1.0; 60], &scores[..60]), None);
    }

    #[test]
    fn a_policy_earns_what_its_treated_are_worth_less_what_they_cost() {
        let earned = policy_value(&[0.3, 0.1, -0.2], &[0.6, 0.9, 5.0], 10.0, 2.0);
        assert!((earned.value - (6.0 - 2.0) / 3.0).abs() < 1e-12, "{earned:?}");
    }
}
