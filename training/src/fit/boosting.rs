//! Fits gradient-boosted trees: each tree is a Newton step down the loss of those before it.

use std::collections::BTreeMap;

use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use rayon::prelude::*;
use tend_models::families::boosted::Boosted;
use tend_models::families::boosted::response::BoostedNumber;

use self::answers::Answers;
use self::bins::BinnedRows;
use self::gradients::{Gradient, Scale};
use self::grow::{Grower, GrownNode, GrownTree};
use super::table::{FitError, TrainingRows};

pub use self::answers::NumberRows;
pub use self::monotone::Direction;
pub use self::objective::Objective;

mod answers;
mod bins;
mod check;
mod gradients;
mod grow;
mod histogram;
mod leaf_quantiles;
mod level_rates;
mod monotone;
mod objective;
mod planting;
mod split;
mod stopping;

/// Rows of one unit of parallel work.
const ROWS_AT_ONCE: usize = 1 << 13;

/// How to fit boosted trees.
///
/// Sources: Friedman (2001), *Greedy function approximation*, and (2002), *Stochastic gradient boosting*; for the
/// penalised gain, Chen and Guestrin (2016), *XGBoost*; for leaves in the order of their gain and sorted levels,
/// Ke et al. (2017), *LightGBM*.
#[derive(Debug, Clone, PartialEq)]
pub struct BoostingParams {
    /// What the trees are fitted to say.
    pub objective: Objective,
    /// The features, by name, that predictions may only rise with, or only fall with. They have to be numbers.
    pub monotone: BTreeMap<String, Direction>,
    /// Most trees, at least 1.
    pub trees: usize,
    /// The part of each Newton step that is taken, above 0 and up to 1.
    pub learning_rate: f64,
    /// Most leaves of a tree, at least 2.
    pub max_leaves: usize,
    /// Most splits from the root of a tree to a leaf, at least 1; `None` is no limit.
    pub max_depth: Option<usize>,
    /// Least number of training rows in a leaf, at least 1.
    pub min_leaf_rows: usize,
    /// Least sum of second derivatives x weights in a leaf, 0 or more. Second derivatives are p (1 - p) for the log
    /// loss, 1 for squared error and quantiles, and about 1 for Tweedie.
    pub min_leaf_weight: f64,
    /// L1 penalty on leaf values, 0 or more.
    pub l1: f64,
    /// L2 penalty on leaf values, 0 or more.
    pub l2: f64,
    /// What a split has to gain, in units of twice the loss summed over the rows; 0 or more.
    pub min_gain: f64,
    /// The part of the rows that each tree is grown on, above 0 and up to 1.
    pub row_share: f64,
    /// The part of the features that each leaf may be split by, drawn anew, above 0 and up to 1.
    pub feature_share: f64,
    /// Most bins of a number, from 2 to 255; unknown values have one more.
    pub max_bins: usize,
    /// Categories of at most this many levels are split by sets of levels, others by the rates of their levels.
    pub max_set_levels: usize,
    /// L2 penalty in addition to `l2` on splits by sets of levels, 0 or more.
    pub set_l2: f64,
    /// Pulls the levels of small weight to the middle before they are sorted; 0 or more.
    pub set_smoothing: f64,
    /// A level's rate is pulled towards the overall rate as if by this many rows more; 0 or more.
    pub level_smoothing: f64,
    /// Draws the rows of each tree, the features of each leaf and the order behind the rates of levels.
    pub seed: u64,
}

impl BoostingParams {
    /// Those that suit so many rows: more of them bear larger trees.
    #[must_use]
    pub fn for_rows(rows: usize) -> Self {
        Self {
            objective: Objective::LogLoss,
            monotone: BTreeMap::new(),
            trees: 150,
            learning_rate: 0.05,
            max_leaves: (rows / 500).clamp(15, 31),
            max_depth: None,
            min_leaf_rows: (rows / 1000).clamp(5, 100),
            min_leaf_weight: 1e-3,
            l1: 0.0,
            l2: 0.1,
            min_gain: 0.0,
            row_share: 0.9,
            feature_share: 0.5,
            max_bins: 255,
            max_set_levels: 32,
            set_l2: 10.0,
            set_smoothing: 10.0,
            level_smoothing: 1.0,
            seed: 1,
        }
    }

    /// Fits `trees` trees on labelled rows. The result does not depend on the number of threads.
    ///
    /// # Errors
    /// [`FitError`] if the table or a parameter is invalid, or the objective is not [`Objective::LogLoss`].
    pub fn fit(&self, rows: &TrainingRows) -> Result<Boosted, FitError> {
        self.check_labels(rows)?;
        self.boost(rows, Answers::labels(rows.labels, None), |_| true)
    }

    /// As [`fit`](Self::fit), where row *i* counts as `weights[i]` rows, 0 or more.
    ///
    /// # Errors
    /// [`FitError`] if the table, a weight or a parameter is invalid, or the objective is not [`Objective::LogLoss`].
    pub fn fit_weighted(&self, rows: &TrainingRows, weights: &[f64]) -> Result<Boosted, FitError> {
        self.check_labels(rows)?;
        self.boost(rows, Answers::labels(rows.labels, Some(weights)), |_| true)
    }

    /// Fits `trees` trees to numbers, such as amounts of money; [`BoostedNumber::response`] is the prediction in the
    /// unit of the numbers.
    ///
    /// # Errors
    /// [`FitError`] if the table, a number, a weight or a parameter is invalid, or the objective is
    /// [`Objective::LogLoss`].
    pub fn fit_numbers(&self, known: &NumberRows) -> Result<BoostedNumber, FitError> {
        self.check_numbers(known)?;
        let trees = self.boost(&known.rows, known.answers(), |_| true)?;
        Ok(BoostedNumber { trees, link: self.objective.link() })
    }

    /// The loop: `goes_on` sees the model before the first and after every tree, and says whether to grow another.
    fn boost(
        &self,
        rows: &TrainingRows,
        answers: Answers,
        goes_on: impl FnMut(&Boosted) -> bool + Send,
    ) -> Result<Boosted, FitError> {
        self.check()?;
        answers.check(rows, self.objective)?;
        let directions = monotone::directions(rows, &self.monotone)?;
        // Inside the pool, so that small steps do not have to be handed to it one by one.
        Ok(rayon::scope(|_| {
            let bins = BinnedRows::new(rows, &answers, &directions, self);
            self.boost_bins(&bins, &answers, goes_on)
        }))
    }

    fn boost_bins(&self, bins: &BinnedRows, answers: &Answers, mut goes_on: impl FnMut(&Boosted) -> bool) -> Boosted {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let mut grower = Grower::new(bins, self, random.clone());
        random.jump();
        let base = self.objective.base(answers);
        let inputs = bins.columns.iter().map(|column| column.input.clone()).collect();
        let mut boosted = Boosted { base, inputs, nodes: Vec::new(), populations: Vec::new(), roots: Vec::new() };
        let mut scores = vec![base; answers.len()];
        let mut gradients = vec![Gradient::default(); answers.len()];
        for _ in 0..self.trees {
            if !goes_on(&boosted) {
                return boosted;
            }
            let scale = self.set_gradients(&mut gradients, &scores, answers, base);
            let mut tree = grower.grow(&gradients, scale, self.draw_rows(answers.len(), &mut random));
            if let Objective::Quantile { share } = self.objective {
                let missing = |row: usize| (answers.value(row) - scores[row], answers.weight(row));
                leaf_quantiles::set_leaf_quantiles(&mut tree, &bins.columns, share, self.learning_rate, missing);
            }
            add_to(&mut scores, &tree, bins);
            planting::plant(&mut boosted, &tree, bins, |row| answers.weight(row));
        }
        goes_on(&boosted);
        boosted
    }

    fn set_gradients(&self, gradients: &mut [Gradient], scores: &[f64], answers: &Answers, base: f64) -> Scale {
        let derivatives = |row: usize| self.objective.derivatives(scores[row], answers.value(row), base);
        let largest = self.objective.largest_derivatives().map_or_else(
            || {
                // The largest of some numbers is the same in any order.
                let larger = |one: [f64; 2], other: [f64; 2]| [one[0].max(other[0]), one[1].max(other[1])];
                let weighted = |row| derivatives(row).map(|derivative| derivative.abs() * answers.weight(row));
                (0..scores.len()).into_par_iter().with_min_len(ROWS_AT_ONCE).map(weighted).reduce(|| [0.0; 2], larger)
            },
            |largest| largest.map(|derivative| derivative * answers.heaviest()),
        );
        let scale = Scale::new(scores.len(), largest);
        gradients.par_chunks_mut(ROWS_AT_ONCE).enumerate().for_each(|(chunk, gradients)| {
            for (row, gradient) in (chunk * ROWS_AT_ONCE..).zip(gradients) {
                *gradient = scale.gradient(derivatives(row), answers.weight(row));
            }
        });
        scale
    }

    /// Rising.
    fn draw_rows(&self, rows: usize, random: &mut Xoshiro256PlusPlus) -> Vec<u32> {
        (0..rows as u32).filter(|_| self.row_share >= 1.0 || random.random::<f64>() < self.row_share).collect()
    }
}

/// Adds a tree to the scores of all rows: those that it was grown on are known by leaf.
fn add_to(scores: &mut [f64], tree: &GrownTree, bins: &BinnedRows) {
    if tree.rows.len() < scores.len() {
        scores.par_chunks_mut(ROWS_AT_ONCE).enumerate().for_each(|(chunk, scores)| {
            for (row, score) in (chunk * ROWS_AT_ONCE..).zip(scores) {
                *score += tree.value(bins, row);
            }
        });
        return;
    }
    for node in &tree.nodes {
        if let GrownNode::Leaf { value, rows } = node {
            tree.rows[rows.clone()].iter().for_each(|&row| scores[row as usize] += value);
        }
    }
}

#[cfg(test)]
mod tests;
