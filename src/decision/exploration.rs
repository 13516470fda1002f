//! Which action to try for the sake of learning, and with what probability: a pure function of the ranking and a draw.
//!
//! Every candidate has a probability that is known exactly, so that each decision can be logged with the probability of
//! what was done.

/// How a stage explores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Exploration {
    /// With this probability any candidate, each as likely, else the best.
    Epsilon {
        /// Above 0 and up to 1.
        epsilon: f64,
    },
    /// Each candidate as likely as that it is the best, given how sure its priority is (Thompson 1933), but never less
    /// likely than `floor` shared by all.
    Thompson {
        /// Probability that is shared evenly, above 0 and up to 1, so that none is impossible.
        floor: f64,
    },
}

/// A candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arm {
    /// By which it is ranked.
    pub priority: f64,
    /// Standard error of the priority; 0 is certain.
    pub standard_error: f64,
    /// Share of the decisions in which it takes part, above 0 and up to 1: see [`ramp`].
    pub share: f64,
}

/// Share of the decisions in which a new action takes part: 2 % without a positive outcome, all from 200 on, and growing
/// evenly between.
#[must_use]
pub fn ramp(positives: u64) -> f64 {
    const FIRST: f64 = 0.02;
    const MATURE: f64 = 200.0;
    (FIRST + (1.0 - FIRST) * positives as f64 / MATURE).min(1.0)
}

/// Probability of each candidate, (arms,): they add up to 1. Without any, none.
///
/// A candidate takes part in its share of the decisions, and newer ones only where the more proven ones do, so its
/// probability is at most its share. Where all are new, the most proven ones take part in all.
#[must_use]
pub fn probabilities(exploration: Exploration, arms: &[Arm]) -> Vec<f64> {
    let mut shares: Vec<f64> = arms.iter().map(|arm| arm.share).collect();
    shares.sort_by(f64::total_cmp);
    shares.dedup();
    if let Some(largest) = shares.last_mut() {
        *largest = 1.0;
    }
    let mut found = vec![0.0; arms.len()];
    let mut below = 0.0;
    // Those that take part in a share of the decisions between two of the shares are those with the larger ones.
    for share in shares {
        let part: Vec<usize> = (0..arms.len()).filter(|&place| arms[place].share > below).collect();
        let of_part: Vec<Arm> = part.iter().map(|&place| arms[place]).collect();
        for (place, probability) in part.into_iter().zip(among(exploration, &of_part)) {
            found[place] += (share - below) * probability;
        }
        below = share;
    }
    found
}

/// The candidate that a draw from 0 to below 1 selects from probabilities that add up to 1; `None` without candidates.
#[must_use]
pub fn select(probabilities: &[f64], draw: f64) -> Option<usize> {
    let mut left = draw;
    for (place, probability) in probabilities.iter().enumerate() {
        left -= probability;
        if left < 0.0 {
            return Some(place);
        }
    }
    // Rounding may leave a draw near 1 over.
    probabilities.iter().rposition(|probability| *probability > 0.0)
}

/// Probability of each candidate among those that take part.
fn among(exploration: Exploration, arms: &[Arm]) -> Vec<f64> {
    let (floor, wins) = match exploration {
        Exploration::Epsilon { epsilon } => (epsilon, best(arms)),
        Exploration::Thompson { floor } => (floor, chances_of_winning(arms)),
    };
    let even = 1.0 / arms.len() as f64;
    wins.into_iter().map(|wins| (1.0 - floor) * wins + floor * even).collect()
}

/// All probability on the highest priority, the first of equals.
fn best(arms: &[Arm]) -> Vec<f64> {
    let highest = arms.iter().map(|arm| arm.priority).fold(f64::NEG_INFINITY, f64::max);
    let winner = arms.iter().position(|arm| arm.priority >= highest).unwrap_or(0);
    (0..arms.len()).map(|place| f64::from(u8::from(place == winner))).collect()
}

/// Probability that each arm's priority is the highest if all are normal: the integral of its density times the other
/// arms' distributions, by the midpoint rule. For that to be exact, no arm counts as surer than a tenth of the error of the
/// least sure.
fn chances_of_winning(arms: &[Arm]) -> Vec<f64> {
    const STEPS: usize = 128;
    const REACH: f64 = 6.0;
    let spread = arms.iter().map(|arm| arm.standard_error).fold(0.0, f64::max);
    if spread <= 0.0 {
        return best(arms);
    }
    let error = |arm: &Arm| arm.standard_error.max(spread * 0.1);
    let lowest = |arm: &Arm| arm.priority - REACH * error(arm);
    let to_beat = arms.iter().map(lowest).fold(f64::NEG_INFINITY, f64::max);
    let in_reach = |arm: &Arm| arm.priority + REACH * error(arm) > to_beat;
    let chance = |place: usize| {
        let own = &arms[place];
        if !in_reach(own) {
            return 0.0;
        }
        let step = |step: usize| -> f64 {
            let z = REACH * ((step as f64 + 0.5) / STEPS as f64 * 2.0 - 1.0);
            let at = own.priority + z * error(own);
            let others = arms.iter().enumerate().filter(|(other, arm)| *other != place && in_reach(arm));
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
