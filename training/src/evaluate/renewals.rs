//! How well the decisions of customers with a contract were foretold: decision by decision, and by cohort.

use serde::{Deserialize, Serialize};

/// One decision: how many were asked, and what share stayed, counted and expected.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RenewalStep {
    /// The decision, at the end of the period of this number.
    pub decision: u32,
    /// Customers who were asked.
    pub asked: f64,
    /// Share of them who stayed.
    pub stayed: f64,
    /// Share that the model expects to stay.
    pub expected: f64,
    /// Share of a cohort that is left after this decision, from the shares who stayed at each (Kaplan and Meier, 1958).
    pub survival: f64,
    /// The same from the shares expected.
    pub expected_survival: f64,
}

impl RenewalStep {
    /// Customers who left.
    #[must_use]
    pub fn left(&self) -> f64 {
        self.asked * (1.0 - self.stayed)
    }
}

/// Customers who began in one part of the year.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenewalCohort {
    /// When they began, such as "2025 Q1".
    pub start: String,
    /// Contracts.
    pub contracts: usize,
    /// Decisions that they were asked.
    pub asked: f64,
    /// How many left.
    pub left: f64,
    /// How many the model expects to leave.
    pub expected_left: f64,
}

/// The steps of decisions that somebody was asked, in their order, up to the first that nobody was asked.
///
/// `decisions` are (decision, customers who stayed, customers who left); `expected` is the probability to stay at one.
pub fn renewal_steps(
    decisions: impl Iterator<Item = (u32, f64, f64)>,
    expected: impl Fn(u32) -> f64,
) -> Vec<RenewalStep> {
    let (mut survival, mut expected_survival) = (1.0, 1.0);
    decisions
        .skip_while(|(_, stayed, left)| stayed + left == 0.0)
        .take_while(|(_, stayed, left)| stayed + left > 0.0)
        .map(|(decision, stayed, left)| {
            let asked = stayed + left;
            let expected = expected(decision);
            survival *= stayed / asked;
            expected_survival *= expected;
            RenewalStep { decision, asked, stayed: stayed / asked, expected, survival, expected_survival }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survival_is_the_product_of_the_shares_who_stayed() {
        let decisions = [(0, 0.0, 0.0), (1, 8.0, 2.0), (2, 3.0, 1.0), (3, 0.0, 0.0), (4, 1.0, 0.0)];
        let steps = renewal_steps(decisions.into_iter(), |decision| 1.0 - 0.1 * f64::from(decision));
        assert_eq!(steps.len(), 2);
        assert_eq!((steps[0].decision, steps[0].asked, steps[0].stayed, steps[0].expected), (1, 10.0, 0.8, 0.9));
        assert!((steps[1].survival - 0.6).abs() < 1e-15 && (steps[1].expected_survival - 0.72).abs() < 1e-15);
    }
}
