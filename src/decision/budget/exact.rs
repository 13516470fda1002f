//! Closes the gap where few customers are left to doubt.
//!
//! At the best prices, a choice that costs a customer more than the whole gap cannot be part of a better plan (reduced
//! cost fixing, Ingargiola and Korsh 1973). What remains open is searched through, within a number of steps.

use super::{Plan, Problem};

/// Customers in doubt that are searched through, at most.
const MOST_CUSTOMERS: usize = 48;
/// Steps of the search, at most.
const MOST_STEPS: usize = 2_000_000;

/// Replaces the plan by a better one if the search finds it; with one option a customer only.
pub(super) fn improve(problem: &Problem, plan: &mut Plan) {
    let gap = plan.bound - plan.gain;
    if !problem.most.is_empty() || gap <= 1e-9 * plan.bound.abs() {
        return;
    }
    let costs = problem.price_of_actions(&plan.shadow_prices);
    let mut doubts = Vec::new();
    let mut used = vec![0.0; problem.limits.len()];
    let mut fixed = Vec::new();
    for customer in 0..problem.customers() {
        let choices = open_choices(problem, customer, &costs, gap);
        match choices[..] {
            [Choice { option, .. }] => {
                if let Some(option) = option {
                    used.iter_mut().zip(problem.uses(option)).for_each(|(used, uses)| *used += uses);
                    fixed.push(option);
                }
            }
            _ if doubts.len() == MOST_CUSTOMERS => return,
            _ => doubts.push(choices),
        }
    }
    // The customers whose choices differ most come first, so that losses cut the search off early.
    doubts.sort_by(|one: &Vec<Choice>, other: &Vec<Choice>| other[1].loss.total_cmp(&one[1].loss));
    let mut search = Search { problem, doubts: &doubts, best_loss: gap, best: None, taken: Vec::new(), steps: 0 };
    let fixed_gain: f64 = fixed.iter().map(|&option| problem.gains[option]).sum();
    search.descend(0, 0.0, fixed_gain, &used, plan.bound);
    if let Some((options, gain, used)) = search.best {
        plan.chosen.fill(false);
        fixed.iter().chain(&options).for_each(|&option| plan.chosen[option] = true);
        (plan.gain, plan.used) = (gain, used);
    }
}

/// One choice of a customer in doubt; `None` is to take nothing.
#[derive(Debug, Clone, Copy)]
struct Choice {
    option: Option<usize>,
    /// What it gains less than the customer's best at the prices.
    loss: f64,
}

/// The choices that lose less than the gap, the best first; there is always one.
fn open_choices(problem: &Problem, customer: usize, costs: &[f64], gap: f64) -> Vec<Choice> {
    let reduced = |option: usize| problem.gains[option] - costs[problem.action_of(option)];
    let options = problem.options_of(customer);
    let best = options.clone().map(reduced).fold(0.0, f64::max);
    let all = options.map(|option| Choice { option: Some(option), loss: best - reduced(option) });
    let mut choices: Vec<Choice> =
        all.chain([Choice { option: None, loss: best }]).filter(|choice| choice.loss <= gap).collect();
    choices.sort_by(|one, other| one.loss.total_cmp(&other.loss));
    choices
}

struct Search<'a> {
    problem: &'a Problem,
    doubts: &'a [Vec<Choice>],
    /// What the best plan so far misses of the bound.
    best_loss: f64,
    best: Option<(Vec<usize>, f64, Vec<f64>)>,
    taken: Vec<usize>,
    steps: usize,
}

impl Search<'_> {
    fn descend(&mut self, depth: usize, loss: f64, gain: f64, used: &[f64], bound: f64) {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return;
        }
        if depth == self.doubts.len() {
            if bound - gain < self.best_loss {
                self.best_loss = bound - gain;
                self.best = Some((self.taken.clone(), gain, used.to_vec()));
            }
            return;
        }
        for choice in &self.doubts[depth] {
            if loss + choice.loss >= self.best_loss {
                return;
            }
            let Some(option) = choice.option else {
                self.descend(depth + 1, loss + choice.loss, gain, used, bound);
                continue;
            };
            let uses = self.problem.uses(option);
            let after: Vec<f64> = used.iter().zip(uses).map(|(used, uses)| used + uses).collect();
            if after.iter().zip(&self.problem.limits).all(|(used, limit)| used <= limit) {
                self.taken.push(option);
                self.descend(depth + 1, loss + choice.loss, gain + self.problem.gains[option], &after, bound);
                self.taken.pop();
            }
        }
    }
}
