//! What a decision earns on average: the model of rewards that the direct and the doubly robust estimate need.

use std::collections::HashMap;

/// Rows that an action's mean over all stages counts for in the mean of one stage.
const WEIGHT_OF_ACTION: f64 = 10.0;
/// Parts of the log: no row is expected to earn what it taught.
const FOLDS: usize = 2;

/// Sum and number of rewards.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    rows: f64,
}

/// Mean rewards by stage and action, from the other part of the log than the one that is asked about.
#[derive(Debug, Clone, Default)]
pub struct RewardModel<'a> {
    cells: [HashMap<(&'a str, &'a str), Mean>; FOLDS],
    actions: [HashMap<&'a str, Mean>; FOLDS],
    all: [Mean; FOLDS],
}

impl<'a> RewardModel<'a> {
    /// Learns from rows of customer (any number that is the same for all rows of one), stage, action and reward.
    #[must_use]
    pub fn fit(rows: impl IntoIterator<Item = (usize, &'a str, &'a str, f64)>) -> Self {
        let mut model = Self::default();
        for (customer, stage, action, reward) in rows {
            for fold in (0..FOLDS).filter(|fold| *fold != customer % FOLDS) {
                model.cells[fold].entry((stage, action)).or_default().add(reward);
                model.actions[fold].entry(action).or_default().add(reward);
                model.all[fold].add(reward);
            }
        }
        model
    }

    /// What an action earns in a stage, learned from other customers' rows; 0 if there are none.
    ///
    /// The mean of the stage is drawn towards the action's over all stages, that of an action towards the mean of all.
    #[must_use]
    pub fn expected(&self, customer: usize, stage: &str, action: &str) -> f64 {
        let fold = customer % FOLDS;
        let all = self.all[fold].towards(0.0, 0.0);
        let of_action = self.actions[fold].get(action).copied().unwrap_or_default().towards(all, WEIGHT_OF_ACTION);
        self.cells[fold].get(&(stage, action)).copied().unwrap_or_default().towards(of_action, WEIGHT_OF_ACTION)
    }
}

impl Mean {
    fn add(&mut self, reward: f64) {
        self.sum += reward;
        self.rows += 1.0;
    }

    /// The mean with `weight` rows of `prior` added.
    fn towards(self, prior: f64, weight: f64) -> f64 {
        let rows = self.rows + weight;
        if rows > 0.0 { (self.sum + prior * weight) / rows } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_learned_from_other_customers_and_drawn_together() {
        // Customers 0 and 2 teach those with odd numbers: 20 rows of 3 in stage a, 10 of 0 in stage b.
        let rows = (0..20).map(|_| (0, "a", "call", 3.0)).chain((0..10).map(|_| (2, "b", "call", 0.0)));
        let model = RewardModel::fit(rows);
        // Call: (60 + 10 x 2) / 40 = 2; in stage a (60 + 10 x 2) / 30, in stage b (0 + 10 x 2) / 20.
        for (stage, expected) in [("a", 80.0 / 30.0), ("b", 1.0), ("c", 2.0)] {
            let found = model.expected(1, stage, "call");
            assert!((found - expected).abs() < 1e-12, "{stage}: {found}, expected {expected}");
        }
        assert_eq!(model.expected(1, "a", "mail"), 2.0, "an action that nobody tried earns the mean of all");
        assert_eq!(model.expected(0, "a", "call"), 0.0, "nothing from a customer's own rows");
    }
}
