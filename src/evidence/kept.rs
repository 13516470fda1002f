//! What the decisions that the service has kept say about a book that is to take over.

use std::fmt;

use serde::{Deserialize, Serialize};
use tend_models::quantities::Moment;

use super::{LoggedAction, judge};
use crate::book::Book;
use crate::decision::LEAVE_ALONE;
use crate::decision::off_policy::{Evaluation, OffPolicyError, Promotion};
use crate::store::KeptDecision;

/// The latest decisions that are asked.
pub const MOST_ROWS: usize = 20_000;

/// What the log says about a change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Evidence {
    /// There is no log to ask, and why: the change goes ahead on its other merits.
    NoLog {
        /// Why.
        no_log: String,
    },
    /// The log has been asked.
    Log {
        /// The verdict; it carries its numbers.
        #[serde(flatten)]
        promotion: Promotion,
        /// All estimates; `None` if nothing in the log is what the change would do.
        evaluation: Option<Evaluation>,
    },
}

/// What of a kept decision is asked.
#[derive(Deserialize)]
struct Decided {
    moment: Moment,
    cost: f64,
    at_stake: Option<f64>,
}

impl Evidence {
    /// Asks the kept decisions about a book that is to take over from the present one; the log must be worth `least_rows`
    /// of its rows.
    ///
    /// What a decision earned is what its outcomes are worth less its cost. Where none of them names a value, a positive one
    /// of an action is worth what was at stake.
    #[must_use]
    pub fn of(book: &Book, present: &Book, kept: &[KeptDecision], least_rows: f64) -> Self {
        let no_log = |why: &str| Self::NoLog { no_log: why.to_owned() };
        if kept.iter().all(|decision| decision.outcomes.is_empty()) {
            return no_log("no decision with an outcome is kept");
        }
        let rows: Vec<LoggedAction> = kept.iter().filter_map(|decision| row(book, decision)).collect();
        if rows.is_empty() {
            return no_log("no decision is kept about a customer of the timelines file");
        }
        match judge(book, Some(present), &rows) {
            Ok(evaluation) => Self::Log { promotion: evaluation.promotion(least_rows), evaluation: Some(evaluation) },
            Err(OffPolicyError::NoOverlap) => {
                let promotion = Promotion::TooFewRows { effective_rows: 0.0, needed: least_rows };
                Self::Log { promotion, evaluation: None }
            }
            Err(error) => no_log(&error.to_string()),
        }
    }

    /// Whether the change may be made.
    #[must_use]
    pub fn allows(&self) -> bool {
        matches!(self, Self::NoLog { .. } | Self::Log { promotion: Promotion::Promote, .. })
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLog { no_log } => write!(f, "no evidence from decisions: {no_log}"),
            Self::Log { promotion, evaluation: None } => write!(f, "{promotion}"),
            Self::Log { promotion, evaluation: Some(found) } => {
                let (better, rows) = (&found.improvement, found.rows);
                write!(
                    f,
                    "{promotion}; {rows} decisions, worth {:.0} of it; improvement {:.4} a decision ({:.4} to {:.4})",
                    found.effective_rows, better.mean, better.low, better.high
                )
            }
        }
    }
}

/// A row of the log; `None` for a customer who is not in the timelines, or a decision that cannot be read.
fn row(book: &Book, kept: &KeptDecision) -> Option<LoggedAction> {
    let Decided { moment: at, cost, at_stake } = serde_json::from_str(&kept.decision).ok()?;
    let there = |place: &usize| book.timelines.timeline(*place).before(at).exists();
    let customer = book.timelines.position(&kept.customer_id).filter(there)?;
    let values: Vec<f64> = kept.outcomes.iter().filter_map(|(_, value)| *value).collect();
    let is_success = kept.outcomes.iter().any(|(outcome, _)| book.policy().is_positive(outcome));
    let earned = if values.is_empty() && is_success && kept.action != LEAVE_ALONE {
        at_stake.unwrap_or(0.0)
    } else {
        values.iter().sum()
    };
    let reward = earned - cost;
    Some(LoggedAction { customer, at, action: kept.action.clone(), probability: kept.probability, reward })
}
