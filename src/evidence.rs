//! What a log of decisions says for or against a change of models or policy.

use rayon::prelude::*;
use tend_models::quantities::Moment;
use tend_models::scorer::BoundScorer;

use crate::book::Book;
use crate::decision::off_policy::{Evaluation, LoggedDecision, OffPolicyError, Present, RewardModel, evaluate};

#[cfg(feature = "serve")]
mod kept;

#[cfg(feature = "serve")]
pub use kept::{Evidence, MOST_ROWS};

/// Rows of what is new that a log must be worth, where nobody says otherwise.
pub const LEAST_ROWS: f64 = 1_000.0;

/// One row of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedAction {
    /// The customer's place in the book.
    pub customer: usize,
    /// What was known before this moment was used.
    pub at: Moment,
    /// The action's id, or [`LEAVE_ALONE`](crate::decision::LEAVE_ALONE).
    pub action: String,
    /// The probability with which it was chosen, above 0.
    pub probability: f64,
    /// What came of it, in money.
    pub reward: f64,
}

/// What a book would have done at one row.
struct Target {
    stage: String,
    probabilities: Vec<(String, f64)>,
}

/// Estimates what a book would have earned where the log was made, against what was done, or against what `present`
/// would have earned there.
///
/// # Errors
/// [`OffPolicyError`] for an empty log, a number that makes no sense, or a book that never does what was done.
pub fn judge(book: &Book, present: Option<&Book>, rows: &[LoggedAction]) -> Result<Evaluation, OffPolicyError> {
    let targets = targets(book, rows);
    let present = present.map(|book| self::targets(book, rows));
    let taught = rows.iter().zip(&targets);
    let model = RewardModel::fit(
        taught.clone().map(|(row, target)| (row.customer, target.stage.as_str(), row.action.as_str(), row.reward)),
    );
    let logged = taught.enumerate().map(|(place, (row, target))| {
        let expected = |action: &str| model.expected(row.customer, &target.stage, action);
        let (target_probability, expected_target_reward) = target.seen(&row.action, expected);
        let present = present.as_ref().map(|present| present[place].seen(&row.action, expected));
        LoggedDecision {
            reward: row.reward,
            logged_probability: row.probability,
            target_probability,
            expected_reward: expected(&row.action),
            expected_target_reward,
            present: present.map(|(probability, expected_reward)| Present { probability, expected_reward }),
        }
    });
    evaluate(&logged.collect::<Vec<_>>())
}

fn targets(book: &Book, rows: &[LoggedAction]) -> Vec<Target> {
    let bound = book.scorer.bind(&book.timelines);
    let target = |bound: &mut BoundScorer<'_>, row: &LoggedAction| {
        book.weigh(bound, row.customer, row.at, |weighing| {
            let probabilities = weighing.probabilities().into_iter();
            Target {
                stage: weighing.stage().to_owned(),
                probabilities: probabilities.map(|(action, probability)| (action.to_owned(), probability)).collect(),
            }
        })
        .1
    };
    rows.par_iter().with_min_len(64).map_init(|| bound.clone(), target).collect()
}

impl Target {
    /// Its probability of an action, and what is expected of its own decisions.
    fn seen(&self, action: &str, expected: impl Fn(&str) -> f64) -> (f64, f64) {
        let done = self.probabilities.iter().find(|(own, _)| own == action);
        let expected = self.probabilities.iter().map(|(own, probability)| probability * expected(own)).sum();
        (done.map_or(0.0, |(_, probability)| probability.min(1.0)), expected)
    }
}
