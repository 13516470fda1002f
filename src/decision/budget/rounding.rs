//! From the choices at the best prices to a plan within all limits.

use rayon::prelude::*;

use super::dual::choose;
use super::{Plan, Problem};

/// Passes over all customers that improve the plan, at most.
const MOST_PASSES: usize = 4;

/// Takes every customer's choice at these prices, drops the least valuable until all limits hold, and uses what is left.
pub(super) fn whole(problem: &Problem, prices: &[f64]) -> Plan {
    let costs = problem.price_of_actions(prices);
    let mut draft = Draft {
        problem,
        costs: &costs,
        chosen: vec![false; problem.gains.len()],
        used: vec![0.0; problem.limits.len()],
    };
    for customer in 0..problem.customers() {
        choose(problem, customer, &costs, |option, _| draft.take(option));
    }
    for constraint in 0..problem.limits.len() {
        draft.drop_excess(constraint);
    }
    for _ in 0..MOST_PASSES {
        if !draft.use_what_is_left() {
            break;
        }
    }
    draft.plan(prices)
}

struct Draft<'a> {
    problem: &'a Problem,
    /// Price of each action, (actions,).
    costs: &'a [f64],
    chosen: Vec<bool>,
    used: Vec<f64>,
}

/// A change for one customer: an option comes, and perhaps one goes.
#[derive(Debug, Clone, Copy)]
struct Change {
    /// Gain less price that it adds.
    merit: f64,
    comes: usize,
    goes: Option<usize>,
}

impl Draft<'_> {
    fn take(&mut self, option: usize) {
        self.chosen[option] = true;
        self.used.iter_mut().zip(self.problem.uses(option)).for_each(|(used, uses)| *used += uses);
    }

    fn drop(&mut self, option: usize) {
        self.chosen[option] = false;
        self.used.iter_mut().zip(self.problem.uses(option)).for_each(|(used, uses)| *used -= uses);
    }

    fn merit(&self, option: usize) -> f64 {
        self.problem.gains[option] - self.costs[self.problem.action_of(option)]
    }

    fn drop_excess(&mut self, constraint: usize) {
        let limit = self.problem.limits[constraint];
        if self.used[constraint] <= limit {
            return;
        }
        let mut users: Vec<(f64, usize)> = (0..self.chosen.len())
            .into_par_iter()
            .filter(|&option| self.chosen[option] && self.problem.uses(option)[constraint] > 0.0)
            .map(|option| (self.merit(option) / self.problem.uses(option)[constraint], option))
            .collect();
        users.par_sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        for (_, option) in users {
            if self.used[constraint] <= limit {
                return;
            }
            self.drop(option);
        }
    }

    /// Makes every change that gains and fits, the best at these prices first; whether there was one.
    fn use_what_is_left(&mut self) -> bool {
        let changes = |customer: usize| self.changes_of(customer);
        let mut changes: Vec<Change> = (0..self.problem.customers()).into_par_iter().flat_map_iter(changes).collect();
        changes.par_sort_unstable_by(|one, other| {
            other.merit.total_cmp(&one.merit).then(one.comes.cmp(&other.comes)).then(one.goes.cmp(&other.goes))
        });
        let mut is_changed = false;
        for change in changes {
            is_changed |= self.try_change(change);
        }
        is_changed
    }

    fn changes_of(&self, customer: usize) -> Vec<Change> {
        let problem = self.problem;
        let options = problem.options_of(customer);
        let taken: Vec<usize> = options.clone().filter(|&option| self.chosen[option]).collect();
        let mut changes = Vec::new();
        for comes in options.filter(|&option| !self.chosen[option] && problem.gains[option] > 0.0) {
            let mut add = |goes: Option<usize>| {
                let lost = goes.map_or((0.0, 0.0), |goes| (problem.gains[goes], self.merit(goes)));
                if problem.gains[comes] > lost.0 && self.has_room(comes, goes) {
                    changes.push(Change { merit: self.merit(comes) - lost.1, comes, goes });
                }
            };
            if taken.len() < problem.most_of(customer) {
                add(None);
            }
            taken.iter().for_each(|&goes| add(Some(goes)));
        }
        changes
    }

    fn has_room(&self, comes: usize, goes: Option<usize>) -> bool {
        let none = [];
        let gives = goes.map_or(&none[..], |goes| self.problem.uses(goes));
        (0..self.used.len()).all(|constraint| {
            let freed = gives.get(constraint).copied().unwrap_or(0.0);
            self.used[constraint] - freed + self.problem.uses(comes)[constraint] <= self.problem.limits[constraint]
        })
    }

    fn try_change(&mut self, change: Change) -> bool {
        let problem = self.problem;
        let customer = problem.offsets.partition_point(|&start| start <= change.comes) - 1;
        let stays: Vec<usize> =
            problem.options_of(customer).filter(|&option| self.chosen[option] && Some(option) != change.goes).collect();
        let excluded = stays.iter().fold(0, |bits, &option| bits | problem.excludes(option));
        let is_possible = !self.chosen[change.comes]
            && change.goes.is_none_or(|goes| self.chosen[goes])
            && stays.len() < problem.most_of(customer)
            && excluded & problem.excludes(change.comes) == 0
            && self.has_room(change.comes, change.goes);
        if is_possible {
            if let Some(goes) = change.goes {
                self.drop(goes);
            }
            self.take(change.comes);
        }
        is_possible
    }

    fn plan(self, prices: &[f64]) -> Plan {
        let gains = self.problem.gains.iter().zip(&self.chosen);
        let gain = gains.filter(|(_, chosen)| **chosen).map(|(gain, _)| gain).sum();
        Plan { gain, bound: f64::INFINITY, chosen: self.chosen, used: self.used, shadow_prices: prices.to_vec() }
    }
}
