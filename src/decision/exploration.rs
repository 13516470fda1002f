//! Which action to try for the sake of learning, and with what probability: a pure function of the ranking and a draw.
//!
//! Every candidate of the eligible set has a probability that is known exactly, so that each decision can be logged
//! with the probability of what was done.

use serde::Deserialize;

/// How a stage explores.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", tag = "method", deny_unknown_fields)]
pub enum Exploration {
    /// With this probability any candidate, each as likely, else the best.
    Epsilon {
        /// From 0 to 1.
        epsilon: f64,
    },
    /// Each candidate as likely as that it is the best, given how sure its success is (Thompson 1933), but never less
    /// likely than `floor` shared by all.
    Thompson {
        /// Probability that is shared evenly, above 0 and up to 1, so that none is impossible.
        floor: f64,
    },
}

/// A candidate of the eligible set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arm {
    /// By which it is ranked.
    pub priority: f64,
    /// Standard error of the priority; 0 is certain.
    pub standard_error: f64,
    /// Successes seen so far: a new action is shown to few.
    pub positives: u32,
}

/// Share of the customers to whom a new action may be shown: 2 % without a success, all from 200 successes on, and
/// growing evenly between.
#[must_use]
pub fn ramp(positives: u32) -> f64 {
    const FIRST: f64 = 0.02;
    const MATURE: f64 = 200.0;
    (FIRST + (1.0 - FIRST) * f64::from(positives) / MATURE).min(1.0)
}

/// Probability of each candidate, (arms,): they add up to 1. Without any, none.
///
/// What a new action is not shown for goes to the others in proportion; where every candidate is new, each keeps
/// its share of the whole.
#[must_use]
pub fn probabilities(exploration: Exploration, arms: &[Arm]) -> Vec<f64> {
    if arms.is_empty() {
        return Vec::new();
    }
    let even = 1.0 / arms.len() as f64;
    let (floor, wins) = match exploration {
        Exploration::Epsilon { epsilon } => (epsilon, best(arms)),
        Exploration::Thompson { floor } => (floor, chances_of_winning(arms)),
    };
    let shown = arms.iter().zip(wins).map(|(arm, wins)| ((1.0 - floor) * wins + floor * even) * ramp(arm.positives));
    let shown: Vec<f64> = shown.collect();
    let total: f64 = shown.iter().sum();
    if total <= 0.0 {
        return best(arms);
    }
    shown.iter().map(|shown| shown / total).collect()
}

/// The candidate that a draw from 0 to below 1 selects, with its probability; `None` without candidates.
#[must_use]
pub fn select(exploration: Exploration, arms: &[Arm], draw: f64) -> Option<(usize, f64)> {
    let probabilities = probabilities(exploration, arms);
    let mut left = draw;
    for (place, probability) in probabilities.iter().enumerate() {
        left -= probability;
        if left < 0.0 {
            return Some((place, *probability));
        }
    }
    // Rounding may leave a draw near 1 over.
    let last = probabilities.iter().rposition(|probability| *probability > 0.0)?;
    Some((last, probabilities[last]))
}

/// All probability on the highest priority, the first of equals.
fn best(arms: &[Arm]) -> Vec<f64> {
    let highest = arms.iter().map(|arm| arm.priority).fold(f64::NEG_INFINITY, f64::max);
    let winner = arms.iter().position(|arm| arm.priority >= highest).unwrap_or(0);
    (0..arms.len()).map(|place| f64::from(u8::from(place == winner))).collect()
}

/// Probability that each arm's priority is the highest if all are normal: the integral of its density times the other
/// arms' distributions, by the midpoint rule; arms that are certain count as nearly so.
fn chances_of_winning(arms: &[Arm]) -> Vec<f64> {
    const STEPS: usize = 256;
    const REACH: f64 = 6.0;
    let spread = arms.iter().map(|arm| arm.standard_error).fold(0.0, f64::max);
    if spread <= 0.0 {
        return best(arms);
    }
    let error = |arm: &Arm| arm.standard_error.max(spread * 1e-3);
    let chance = |place: usize| {
        let own = &arms[place];
        let step = |step: usize| -> f64 {
            let z = REACH * ((step as f64 + 0.5) / STEPS as f64 * 2.0 - 1.0);
            let at = own.priority + z * error(own);
            let others = arms.iter().enumerate().filter(|(other, _)| *other != place);
            let below: f64 = others.map(|(_, other)| normal((at - other.priority) / error(other))).product();
            (-0.5 * z * z).exp() * below
        };
        (0..STEPS).map(step).sum::<f64>()
    };
    let chances: Vec<f64> = (0..arms.len()).map(chance).collect();
    let total: f64 = chances.iter().sum();
    chances.iter().map(|chance| chance / total).collect()
}

/// The standard normal distribution function, by the series of Marsaglia (2004); its absolute error is below 1e-15.
fn normal(z: f64) -> f64 {
    if z.abs() > 8.0 {
        return f64::from(u8::from(z > 0.0));
    }
    let (mut sum, mut term, mut divisor) = (z, z, 1.0);
    loop {
        divisor += 2.0;
        term *= z * z / divisor;
        if sum + term == sum {
            break;
        }
        sum += term;
    }
    0.5 + sum * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()
}

#[cfg(test)]
mod tests;
