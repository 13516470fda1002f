//! What a campaign changed: the treated against their controls, with how sure that is and what is still needed to know.

use serde::{Deserialize, Serialize};

use super::Estimate;
use crate::evaluate::Interval;

/// The difference, in its standard errors, that is found in four of five repetitions at a level of 5 %.
const FOUND_4_OF_5: f64 = 1.959_963_984_540_054 + 0.841_621_233_572_914_3;
/// The difference, in its standard errors, beyond which chance alone seldom takes one.
const SURE: f64 = 1.959_963_984_540_054;

/// One group of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Arm {
    /// Customers in it.
    pub customers: u64,
    /// Their weights added up: 1 each where all had the same chance to be in this group, else one over that chance.
    pub weight: f64,
    /// Their outcomes added up, each by its weight: those who did what was asked, or money.
    pub sum: f64,
    /// The squares of the weights, times the outcome to the power of 0, 1 and 2, each added up.
    #[serde(skip)]
    squares: [f64; 3],
}

/// Treated against controls.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Readout {
    /// The treated.
    pub treated: Arm,
    /// The controls.
    pub control: Arm,
    /// The mean outcome of the treated less that of the controls.
    pub difference: Estimate,
    /// The mean outcome of the treated over that of the controls, less 1; none if the controls' is 0.
    pub lift: Option<Estimate>,
    /// Money earned by treating the treated, less what that cost.
    pub money: Estimate,
    /// Whether chance alone would make so large a difference in fewer than one of twenty repetitions.
    pub is_sure: bool,
    /// Customers still needed, shared out as now, to find a difference of this size in four of five repetitions; none
    /// if there is no difference to find.
    pub customers_still_needed: Option<u64>,
}

impl Arm {
    /// Counts one more customer, by a weight.
    pub fn add(&mut self, outcome: f64, weight: f64) {
        self.customers += 1;
        self.weight += weight;
        self.sum += weight * outcome;
        for (power, square) in self.squares.iter_mut().enumerate() {
            *square += weight * weight * outcome.powi(power as i32);
        }
    }

    /// A group of which so many did what was asked.
    #[must_use]
    pub fn of_counts(customers: u64, answered: u64) -> Self {
        let (all, answered) = (customers as f64, answered as f64);
        Self { customers, weight: all, sum: answered, squares: [all, answered, answered] }
    }

    /// Mean outcome a customer of all who could have been in this group (Hajek 1971).
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / self.weight
    }

    /// The variance of the mean, sum of w^2 (y - mean)^2 over (sum of w)^2; p (1 - p) / n for outcomes of 0 and 1 of
    /// one weight.
    fn variance_of_mean(&self) -> f64 {
        let (mean, [zeroth, first, second]) = (self.mean(), self.squares);
        (second - 2.0 * mean * first + mean * mean * zeroth).max(0.0) / (self.weight * self.weight)
    }
}

impl Readout {
    /// Compares two groups; `worth` is the money that one unit of the outcome is worth, `cost` that of one treatment.
    /// None if a group is empty.
    ///
    /// With means t and c: lift t / c - 1, its error (1 / c) sqrt(se_t^2 + (t / c)^2 se_c^2), by the delta method.
    #[must_use]
    pub fn of(treated: Arm, control: Arm, worth: f64, cost: f64) -> Option<Self> {
        if treated.customers == 0 || control.customers == 0 {
            return None;
        }
        let (t, c) = (treated.mean(), control.mean());
        let (of_t, of_c) = (treated.variance_of_mean(), control.variance_of_mean());
        let difference = Estimate { value: t - c, error: (of_t + of_c).sqrt() };
        let lift =
            (c > 0.0).then(|| Estimate { value: t / c - 1.0, error: (of_t + (t / c).powi(2) * of_c).sqrt() / c });
        let contacts = treated.customers as f64;
        let money = Estimate {
            value: contacts * (difference.value * worth - cost),
            error: contacts * difference.error * worth.abs(),
        };
        let in_errors = difference.value.abs() / difference.error;
        let customers = (treated.customers + control.customers) as f64;
        // Errors shrink with the root of the customers.
        let needed = customers * (FOUND_4_OF_5 / in_errors).powi(2);
        Some(Self {
            treated,
            control,
            difference,
            lift,
            money,
            // Groups in which all outcomes are alike tell nothing of the error.
            is_sure: difference.error > 0.0 && in_errors > SURE,
            customers_still_needed: needed.is_finite().then(|| (needed - customers).max(0.0).ceil() as u64),
        })
    }

    /// The 95 % interval of the lift.
    #[must_use]
    pub fn lift_interval(&self) -> Option<Interval> {
        self.lift.map(|lift| lift.interval())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lift_of_a_fifth_has_the_error_of_the_delta_method() {
        let found = Readout::of(Arm::of_counts(10_000, 300), Arm::of_counts(10_000, 250), 20.0, 0.05).unwrap();
        let lift = found.lift.unwrap();
        assert!((lift.value - 0.2).abs() < 1e-12, "{lift:?}");
        assert!((lift.error - 0.101_35).abs() < 5e-6, "{lift:?}");
        assert!((found.money.value - 10_000.0 * (0.005 * 20.0 - 0.05)).abs() < 1e-9, "{found:?}");
        assert!(found.is_sure, "{found:?}");
    }

    #[test]
    fn the_sample_still_needed_would_find_the_difference_in_four_of_five_repetitions() {
        let small = Readout::of(Arm::of_counts(1_000, 30), Arm::of_counts(1_000, 25), 1.0, 0.0).unwrap();
        assert!(!small.is_sure, "{small:?}");
        let needed = small.customers_still_needed.unwrap() + 2_000;
        // (1.96 + .8416)^2 (.03 x .97 + .025 x .975) / .005^2 a group.
        let by_hand = 2.0 * 7.848_88 * (0.03 * 0.97 + 0.025 * 0.975) / 0.005_f64.powi(2);
        assert!((needed as f64 - by_hand).abs() < 2.0, "{needed}, by hand {by_hand}");
        let large = Readout::of(Arm::of_counts(40_000, 1_200), Arm::of_counts(40_000, 1_000), 1.0, 0.0).unwrap();
        assert_eq!(large.customers_still_needed, Some(0), "{large:?}");
    }

    #[test]
    fn unequal_chances_of_a_contact_are_no_effect() {
        // Of 100 who answer half of the time, 80 were treated; of 100 who hardly answer, 20 were: treating changes nothing.
        let (mut treated, mut control) = (Arm::default(), Arm::default());
        for (share, chance) in [(0.5, 0.8_f64), (0.1, 0.2)] {
            let (contacted, held_back) = ((100.0 * chance).round(), (100.0 * (1.0 - chance)).round());
            for (arm, customers, weight) in
                [(&mut treated, contacted, 1.0 / chance), (&mut control, held_back, 1.0 / (1.0 - chance))]
            {
                (0..customers as u32).for_each(|one| arm.add(f64::from(f64::from(one) < share * customers), weight));
            }
        }
        let unweighted = Readout::of(Arm::of_counts(100, 42), Arm::of_counts(100, 18), 1.0, 0.0).unwrap();
        assert!(unweighted.is_sure, "counted alike they look like an effect: {unweighted:?}");
        let found = Readout::of(treated, control, 1.0, 0.0).unwrap();
        assert!(found.difference.value.abs() < 1e-12 && !found.is_sure, "{found:?}");
        assert!((found.treated.mean() - 0.3).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn without_controls_or_without_a_difference_nothing_is_made_up() {
        assert_eq!(Readout::of(Arm::of_counts(10, 3), Arm::default(), 1.0, 0.0), None);
        let same = Readout::of(Arm::of_counts(10, 3), Arm::of_counts(10, 3), 1.0, 0.0).unwrap();
        assert_eq!((same.customers_still_needed, same.is_sure), (None, false));
        let alike = Readout::of(Arm::of_counts(1, 1), Arm::of_counts(1, 0), 1.0, 0.0).unwrap();
        assert!(!alike.is_sure, "one customer each is no proof: {alike:?}");
        let silent = Readout::of(Arm::of_counts(10, 3), Arm::of_counts(10, 0), 1.0, 0.0).unwrap();
        assert_eq!(silent.lift, None);
    }
}
