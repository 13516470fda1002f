//! What another policy would have earned, estimated from a log of decisions that were made with known probabilities.
//!
//! Every row of a log is one decision: what was done, with which probability, and what came of it. Rows are
//! independent. A policy under test is only asked how probable the logged action would have been with it.

use serde::Serialize;

mod reward_model;

pub use reward_model::RewardModel;

/// One logged decision, as a policy under test sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoggedDecision {
    /// What came of it, in money.
    pub reward: f64,
    /// Probability with which it was made, above 0.
    pub logged_probability: f64,
    /// Probability with which the policy under test would have made it.
    pub target_probability: f64,
    /// What a model expects of the decision that was made.
    pub expected_reward: f64,
    /// What the model expects of the policy under test: its decisions weighted by their probabilities.
    pub expected_target_reward: f64,
    /// The policy that it is compared with; `None` compares it with what was done.
    pub present: Option<Present>,
}

/// A logged decision as the policy sees it that the one under test is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Present {
    /// Probability with which it would have made the decision.
    pub probability: f64,
    /// What the model expects of it: its decisions weighted by their probabilities.
    pub expected_reward: f64,
}

/// A mean with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// Money a decision.
    pub mean: f64,
    /// Standard error of the mean; 0 for a single row.
    pub standard_error: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
}

/// A log that nothing can be estimated from.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum OffPolicyError {
    /// There is no row.
    #[error("found no logged decision, expected at least one")]
    Empty,
    /// A number makes no sense.
    #[error(
        "row {row}: found {what} {found}, expected {expected}; log with every decision the probability it was made with"
    )]
    Value {
        /// The row, from 1.
        row: usize,
        /// What is wrong.
        what: &'static str,
        /// Its value.
        found: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// The policy under test never does what was done.
    #[error(
        "the policy under test does nothing that is in the log, so the log says nothing about it; log some exploration"
    )]
    NoOverlap,
}

/// All estimates of a policy's value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Evaluation {
    /// Logged decisions.
    pub rows: usize,
    /// Rows that would say as much if they had all been made by the policy under test: (sum w)^2 / sum w^2 (Kish 1965).
    pub effective_rows: f64,
    /// What the logged decisions earned.
    pub logged: Estimate,
    /// Inverse propensity scores: mean(w r) (Horvitz and Thompson 1952).
    pub ips: Estimate,
    /// Self-normalised: sum(w r) / sum w (Swaminathan and Joachims 2015).
    pub snips: Estimate,
    /// Direct method: what the model expects.
    pub direct: Estimate,
    /// Doubly robust: mean(q_pi + w (r - q)) (Dudik, Langford and Li 2011).
    pub doubly_robust: Estimate,
    /// Doubly robust, less what the logged decisions earned, row by row; or less the doubly robust estimate of the policy
    /// that it is compared with, so that nothing differs where the two do the same.
    pub improvement: Estimate,
}

/// Estimates the value of a policy under test.
///
/// # Errors
/// [`OffPolicyError`] for an empty log, a number that makes no sense, or a policy that the log says nothing about.
pub fn evaluate(log: &[LoggedDecision]) -> Result<Evaluation, OffPolicyError> {
    check(log)?;
    let weight = |row: &LoggedDecision| row.target_probability / row.logged_probability;
    let sum: f64 = log.iter().map(weight).sum();
    let squares: f64 = log.iter().map(|row| weight(row).powi(2)).sum();
    if sum <= 0.0 {
        return Err(OffPolicyError::NoOverlap);
    }
    let estimate = |row: &LoggedDecision, expected: f64, probability: f64| {
        expected + probability / row.logged_probability * (row.reward - row.expected_reward)
    };
    let doubly_robust = |row: &LoggedDecision| estimate(row, row.expected_target_reward, row.target_probability);
    let present = |row: &LoggedDecision| match row.present {
        Some(present) => estimate(row, present.expected_reward, present.probability),
        None => row.reward,
    };
    let snips = log.iter().map(|row| weight(row) * row.reward).sum::<f64>() / sum;
    let rows = log.len() as f64;
    // The error of a ratio of means, to first order.
    let residual = |row: &LoggedDecision| snips + weight(row) * (row.reward - snips) * rows / sum;
    Ok(Evaluation {
        rows: log.len(),
        effective_rows: sum * sum / squares,
        logged: mean(log.iter().map(|row| row.reward)),
        ips: mean(log.iter().map(|row| weight(row) * row.reward)),
        snips: Estimate::around(snips, mean(log.iter().map(residual)).standard_error),
        direct: mean(log.iter().map(|row| row.expected_target_reward)),
        doubly_robust: mean(log.iter().map(doubly_robust)),
        improvement: mean(log.iter().map(|row| doubly_robust(row) - present(row))),
    })
}

/// Whether a policy may take the place of the one that made the log.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Promotion {
    /// It surely earns no less.
    Promote,
    /// The effective rows are fewer than asked for.
    TooFewRows {
        /// What there is.
        effective_rows: f64,
        /// What is asked for.
        needed: f64,
    },
    /// It may earn less: the lower end of the improvement's interval is below 0.
    NotBetter {
        /// That lower end, in money a decision.
        low: f64,
    },
}

impl Evaluation {
    /// Judges the policy under test; `needed` are the effective rows asked for.
    #[must_use]
    pub fn promotion(&self, needed: f64) -> Promotion {
        if self.effective_rows < needed {
            Promotion::TooFewRows { effective_rows: self.effective_rows, needed }
        } else if self.improvement.low < 0.0 {
            Promotion::NotBetter { low: self.improvement.low }
        } else {
            Promotion::Promote
        }
    }
}

impl std::fmt::Display for Promotion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Promote => f.write_str("promote: what is new surely earns no less"),
            Self::TooFewRows { effective_rows, needed } => write!(
                f,
                "refused: the log is worth {effective_rows:.0} rows of what is new, expected at least {needed:.0}; log \
                 more decisions, or explore more"
            ),
            Self::NotBetter { low } => write!(
                f,
                "refused: what is new may earn less; the lower end of the improvement is {low:.4} a decision, expected \
                 0 or more"
            ),
        }
    }
}

impl Estimate {
    fn around(mean: f64, standard_error: f64) -> Self {
        const NORMAL_97_5: f64 = 1.959_963_984_540_054;
        let reach = NORMAL_97_5 * standard_error;
        Self { mean, standard_error, low: mean - reach, high: mean + reach }
    }
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> Estimate {
    let rows = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / rows;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    let variance = if rows > 1.0 { squares / (rows - 1.0) } else { 0.0 };
    Estimate::around(mean, (variance / rows).sqrt())
}

fn check(log: &[LoggedDecision]) -> Result<(), OffPolicyError> {
    if log.is_empty() {
        return Err(OffPolicyError::Empty);
    }
    for (place, row) in log.iter().enumerate() {
        let wrong = |what, found, expected| Err(OffPolicyError::Value { row: place + 1, what, found, expected });
        if !(row.logged_probability > 0.0 && row.logged_probability <= 1.0) {
            return wrong("probability", row.logged_probability, "one above 0 and up to 1");
        }
        if !(0.0..=1.0).contains(&row.target_probability) {
            return wrong("target probability", row.target_probability, "one from 0 to 1");
        }
        let present = row.present.unwrap_or(Present { probability: 1.0, expected_reward: 0.0 });
        if !(0.0..=1.0).contains(&present.probability) {
            return wrong("probability of the present policy", present.probability, "one from 0 to 1");
        }
        for (what, found) in [
            ("present expected reward", present.expected_reward),
            ("reward", row.reward),
            ("expected reward", row.expected_reward),
            ("expected target reward", row.expected_target_reward),
        ] {
            if !found.is_finite() {
                return wrong(what, found, "a finite amount of money");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
