//! How many customers were asked at each decision, and what they did: all that contractual fits read.

use super::RenewalFitError;

/// How long one customer stayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenure {
    /// Of a customer who left, the periods up to and with the one in which they left. Of one who is still on, the whole
    /// periods that are over.
    pub periods: u32,
    /// Whether the customer left.
    pub has_left: bool,
}

/// How many customers stayed and left at each decision, from decision 0 on.
///
/// Customers who are still on are counted up to their last decision, and those who were not seen from the start only at the
/// decisions that were seen: the likelihood of both is that of the decisions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tally {
    /// (stayed, left), by decision.
    counts: Vec<(f64, f64)>,
}

impl Tally {
    /// Counts one answer at a decision.
    pub fn add(&mut self, decision: u32, has_left: bool) {
        let counts = self.at(decision);
        if has_left { counts.1 += 1.0 } else { counts.0 += 1.0 }
    }

    /// Counts all decisions of a customer, who was asked from `first_decision` on.
    pub fn add_tenure(&mut self, tenure: Tenure, first_decision: u32) {
        // Who left after period n stayed at those before; who is on after n periods stayed n times.
        let end = if tenure.has_left { tenure.periods } else { first_decision + tenure.periods };
        for decision in first_decision..end {
            self.add(decision, false);
        }
        if tenure.has_left {
            self.add(tenure.periods, true);
        }
    }

    /// Counts a cohort by the customers who were on at the end of each period; the first entry is the cohort's size at the
    /// start, and the decision between it and the second is `first_decision`.
    ///
    /// # Errors
    /// [`RenewalFitError`] if a count is none, or grows.
    pub fn add_survivors(&mut self, survivors: &[f64], first_decision: u32) -> Result<(), RenewalFitError> {
        for (period, pair) in (1..).zip(survivors.windows(2)) {
            let (before, survivors) = (pair[0], pair[1]);
            for found in [before, survivors] {
                if !(found >= 0.0 && found.is_finite()) {
                    return Err(RenewalFitError::NotACount { number: period, found });
                }
            }
            if survivors > before {
                return Err(RenewalFitError::MoreThanBefore { period, survivors, before });
            }
            let counts = self.at(first_decision + period - 1);
            counts.0 += survivors;
            counts.1 += before - survivors;
        }
        Ok(())
    }

    /// Decision, customers who stayed, customers who left, in the order of the decisions.
    pub fn decisions(&self) -> impl Iterator<Item = (u32, f64, f64)> + '_ {
        (0..).zip(&self.counts).map(|(decision, (stayed, left))| (decision, *stayed, *left))
    }

    /// The last decision that anybody was asked.
    #[must_use]
    pub fn last_decision(&self) -> u32 {
        (self.counts.len() as u32).saturating_sub(1)
    }

    /// The decisions up to this one, and those after it.
    #[must_use]
    pub fn parted_after(&self, decision: u32) -> (Self, Self) {
        let (mut before, mut after) = (self.clone(), self.clone());
        before.counts.truncate(decision as usize + 1);
        after.counts.iter_mut().take(decision as usize + 1).for_each(|counts| *counts = (0.0, 0.0));
        (before, after)
    }

    fn at(&mut self, decision: u32) -> &mut (f64, f64) {
        let place = decision as usize;
        if self.counts.len() <= place {
            self.counts.resize(place + 1, (0.0, 0.0));
        }
        &mut self.counts[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(tally: &Tally) -> Vec<(u32, f64, f64)> {
        tally.decisions().filter(|(_, stayed, left)| stayed + left > 0.0).collect()
    }

    #[test]
    fn customers_and_cohorts_count_alike() {
        // Of five, two leave after the first year and one after the third; two are on after three.
        let mut customers = Tally::default();
        for (periods, has_left) in [(1, true), (1, true), (3, true), (3, false), (3, false)] {
            customers.add_tenure(Tenure { periods, has_left }, 1);
        }
        let mut cohort = Tally::default();
        cohort.add_survivors(&[5.0, 3.0, 3.0, 2.0], 1).unwrap();
        assert_eq!(counts(&customers), [(1, 3.0, 2.0), (2, 3.0, 0.0), (3, 2.0, 1.0)]);
        assert_eq!(counts(&cohort), counts(&customers));
    }

    #[test]
    fn a_customer_on_trial_is_asked_before_the_first_period_is_over() {
        let mut tally = Tally::default();
        tally.add_tenure(Tenure { periods: 0, has_left: true }, 0);
        tally.add_tenure(Tenure { periods: 2, has_left: true }, 0);
        tally.add_tenure(Tenure { periods: 2, has_left: false }, 0);
        assert_eq!(counts(&tally), [(0, 2.0, 1.0), (1, 2.0, 0.0), (2, 0.0, 1.0)]);
    }

    #[test]
    fn a_cohort_that_grows_is_refused() {
        let error = Tally::default().add_survivors(&[10.0, 8.0, 9.0], 1).unwrap_err();
        assert!(error.to_string().contains("period 2: found 9 customers still on after 8"), "{error}");
        let error = Tally::default().add_survivors(&[10.0, f64::NAN], 1).unwrap_err();
        assert!(error.to_string().contains("found NaN customers"), "{error}");
    }

    #[test]
    fn a_tally_parts_into_early_and_late_decisions() {
        let mut tally = Tally::default();
        tally.add_survivors(&[10.0, 8.0, 7.0, 6.0], 1).unwrap();
        let (early, late) = tally.parted_after(2);
        assert_eq!(counts(&early), [(1, 8.0, 2.0), (2, 7.0, 1.0)]);
        assert_eq!(counts(&late), [(3, 6.0, 1.0)]);
        assert_eq!((early.last_decision(), tally.last_decision()), (2, 3));
    }
}
