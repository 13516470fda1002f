//! Chooses for all customers at once under a budget and capacities, with a proven bound on what could be gained.
//!
//! The problem: maximise the sum of gains of the chosen options, at most so many a customer, such that no constraint
//! uses more than its limit. Each constraint gets a price (Lagrange 1788; Everett 1963): given the prices every customer
//! is a problem of its own, and the prices that make the sum of these smallest bound the gain of any choice from above.
//! They are the shadow prices: what one more unit of the limit is worth. They are found by Dantzig and Wolfe's (1960)
//! decomposition with a stabilised price; the choice at these prices is then made whole, and improved.

mod dual;
mod exact;
mod master;
mod rounding;

use dual::Dual;

/// All customers' options and the constraints on them.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What one option of each action uses of each constraint, (actions, constraints) row by row; 0 or more.
    consumption: Vec<f64>,
    /// Limit of each constraint, (constraints,); 0 or more.
    limits: Vec<f64>,
    /// Where each customer's options begin; one more than there are customers.
    offsets: Vec<usize>,
    /// Gain of each option, (options,).
    gains: Vec<f64>,
    /// Action of each option, (options,).
    actions: Vec<u16>,
    /// Options of one customer that share a bit exclude each other, (options,); empty if one option a customer is all.
    exclusions: Vec<u64>,
    /// Most options of each customer, (customers,); empty if it is 1.
    most: Vec<u8>,
}

/// One option of one customer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offer {
    /// The action, a row of the consumption.
    pub action: u16,
    /// What it gains, finite.
    pub gain: f64,
    /// Options of one customer that share a bit exclude each other.
    pub excludes: u64,
}

/// Which options are chosen, and how good that is.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Whether each option is chosen, (options,).
    pub chosen: Vec<bool>,
    /// What the chosen options gain.
    pub gain: f64,
    /// No choice gains more.
    pub bound: f64,
    /// What is used of each constraint, (constraints,).
    pub used: Vec<f64>,
    /// What one more unit of each limit is worth, (constraints,).
    pub shadow_prices: Vec<f64>,
}

impl Plan {
    /// The share of the bound that the plan may have missed: (bound - gain) / bound.
    #[must_use]
    pub fn gap(&self) -> f64 {
        if self.bound > 0.0 { (self.bound - self.gain).max(0.0) / self.bound } else { 0.0 }
    }
}

impl Problem {
    /// A problem without customers; `consumption` is (actions, constraints) row by row, `limits` (constraints,).
    ///
    /// # Panics
    /// If a number is negative or not finite, or the consumption does not have whole rows.
    #[must_use]
    pub fn new(consumption: Vec<f64>, limits: Vec<f64>) -> Self {
        let is_sound = |numbers: &[f64]| numbers.iter().all(|number| *number >= 0.0 && number.is_finite());
        assert!(is_sound(&consumption) && is_sound(&limits), "consumption and limits are 0 or more");
        assert!(limits.is_empty() || consumption.len().is_multiple_of(limits.len()), "whole rows of consumption");
        Self {
            consumption,
            limits,
            offsets: vec![0],
            gains: Vec::new(),
            actions: Vec::new(),
            exclusions: Vec::new(),
            most: Vec::new(),
        }
    }

    /// Adds a customer with at most one of these options.
    pub fn push(&mut self, options: impl IntoIterator<Item = Offer>) {
        self.push_several(options, 1);
    }

    /// Adds a customer with at most `most` of these options that do not exclude each other.
    ///
    /// # Panics
    /// If a gain is not finite or an action has no row of consumption.
    pub fn push_several(&mut self, options: impl IntoIterator<Item = Offer>, most: u8) {
        let customers = self.offsets.len() - 1;
        if most != 1 && self.most.is_empty() {
            self.most = vec![1; customers];
            self.exclusions = vec![0; self.gains.len()];
        }
        for option in options {
            assert!(option.gain.is_finite(), "a gain is a finite amount");
            assert!((usize::from(option.action) + 1) * self.limits.len() <= self.consumption.len(), "a known action");
            self.gains.push(option.gain);
            self.actions.push(option.action);
            if !self.most.is_empty() {
                self.exclusions.push(option.excludes);
            }
        }
        if !self.most.is_empty() {
            self.most.push(most);
        }
        self.offsets.push(self.gains.len());
    }

    /// The options of a customer, as indices into all options.
    ///
    /// # Panics
    /// If there is no such customer.
    #[must_use]
    pub fn options_of(&self, customer: usize) -> std::ops::Range<usize> {
        self.offsets[customer]..self.offsets[customer + 1]
    }

    /// The action of an option.
    ///
    /// # Panics
    /// If there is no such option.
    #[must_use]
    pub fn action_of(&self, option: usize) -> usize {
        usize::from(self.actions[option])
    }

    /// Number of customers.
    #[must_use]
    pub fn customers(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Chooses. The answer does not depend on the number of threads.
    #[must_use]
    pub fn solve(&self) -> Plan {
        let (bound, prices) = master::cheapest_prices(self);
        let mut plan = rounding::whole(self, &prices);
        plan.bound = bound.max(plan.gain);
        exact::improve(self, &mut plan);
        plan
    }

    fn uses(&self, option: usize) -> &[f64] {
        let constraints = self.limits.len();
        let action = usize::from(self.actions[option]);
        &self.consumption[action * constraints..(action + 1) * constraints]
    }

    fn most_of(&self, customer: usize) -> usize {
        self.most.get(customer).map_or(1, |most| usize::from(*most))
    }

    fn excludes(&self, option: usize) -> u64 {
        self.exclusions.get(option).copied().unwrap_or(0)
    }

    /// What one option of each action costs at these prices, (actions,).
    fn price_of_actions(&self, prices: &[f64]) -> Vec<f64> {
        if prices.is_empty() {
            let actions = self.actions.iter().max().map_or(0, |last| usize::from(*last) + 1);
            return vec![0.0; actions];
        }
        let cost = |uses: &[f64]| uses.iter().zip(prices).map(|(uses, price)| uses * price).sum();
        self.consumption.chunks_exact(prices.len()).map(cost).collect()
    }
}

#[cfg(test)]
mod tests;
