//! What every customer would choose at given prices, and the bound that follows.

use rayon::prelude::*;

use super::Problem;

/// Customers of one chunk: sums are taken chunk by chunk in order, so they do not depend on the threads.
const CHUNK: usize = 4_096;

/// All customers' choices at some prices, summed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dual {
    /// No choice within the limits gains more.
    pub(super) bound: f64,
    /// What the choices gain.
    pub(super) gain: f64,
    /// What they use of each constraint, (constraints,).
    pub(super) used: Vec<f64>,
}

impl Dual {
    /// Lets every customer choose at these prices, (constraints,).
    pub(super) fn at(problem: &Problem, prices: &[f64]) -> Self {
        let costs = problem.price_of_actions(prices);
        let constraints = problem.limits.len();
        let customers = problem.customers();
        let sums: Vec<(f64, f64, Vec<f64>)> = (0..customers.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let mut sum = (0.0, 0.0, vec![0.0; constraints]);
                for customer in chunk * CHUNK..((chunk + 1) * CHUNK).min(customers) {
                    choose(problem, customer, &costs, |option, reduced| {
                        sum.0 += reduced;
                        sum.1 += problem.gains[option];
                        for (used, uses) in sum.2.iter_mut().zip(problem.uses(option)) {
                            *used += uses;
                        }
                    });
                }
                sum
            })
            .collect();
        let mut dual = Self { bound: 0.0, gain: 0.0, used: vec![0.0; constraints] };
        for (reduced, gain, used) in sums {
            dual.bound += reduced;
            dual.gain += gain;
            dual.used.iter_mut().zip(used).for_each(|(total, used)| *total += used);
        }
        dual.bound += problem.limits.iter().zip(prices).map(|(limit, price)| limit * price).sum::<f64>();
        dual
    }
}

/// Tells the options that a customer chooses where each action costs so much, with gain less cost, which is above 0.
pub(super) fn choose(problem: &Problem, customer: usize, costs: &[f64], mut told: impl FnMut(usize, f64)) {
    let options = problem.options_of(customer);
    let reduced = |option: usize| problem.gains[option] - costs[usize::from(problem.actions[option])];
    if problem.most_of(customer) == 1 {
        let mut best = (usize::MAX, 0.0);
        for option in options {
            let reduced = reduced(option);
            if reduced > best.1 {
                best = (option, reduced);
            }
        }
        if best.0 != usize::MAX {
            told(best.0, best.1);
        }
        return;
    }
    let mut paying: Vec<(usize, f64)> =
        options.map(|option| (option, reduced(option))).filter(|(_, reduced)| *reduced > 0.0).collect();
    paying.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    let mut search = Search { problem, paying: &paying, best: Vec::new(), best_sum: 0.0, taken: Vec::new() };
    search.extend(0, problem.most_of(customer), 0.0, 0);
    search.best.iter().for_each(|&place| told(paying[place].0, paying[place].1));
}

/// The best set of options that do not exclude each other: options in falling order, sets cut off where even the
/// largest options left cannot win.
struct Search<'a> {
    problem: &'a Problem,
    paying: &'a [(usize, f64)],
    best: Vec<usize>,
    best_sum: f64,
    taken: Vec<usize>,
}

impl Search<'_> {
    fn extend(&mut self, from: usize, left: usize, sum: f64, excluded: u64) {
        if sum > self.best_sum {
            (self.best, self.best_sum) = (self.taken.clone(), sum);
        }
        for place in from..self.paying.len() {
            let (option, reduced) = self.paying[place];
            if left == 0 || sum + left as f64 * reduced <= self.best_sum {
                return;
            }
            let excludes = self.problem.excludes(option);
            if excludes & excluded == 0 {
                self.taken.push(place);
                self.extend(place + 1, left - 1, sum + reduced, excluded | excludes);
                self.taken.pop();
            }
        }
    }
}
