//! Fits gradient-boosted trees: each tree is a Newton step down the log loss of those before it.

use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use rayon::prelude::*;
use tend_models::families::boosted::{Boosted, MOST_SET_LEVELS};
use tend_models::families::logistic::sigmoid;

use self::bins::BinnedRows;
use self::gradients::{Gradient, MOST_ROWS, Scale};
use self::grow::{Grower, GrownNode, GrownTree};
use self::split::Rules;
use super::table::{FitError, TrainingRows};

mod bins;
mod gradients;
mod grow;
mod histogram;
mod level_rates;
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
    /// Least sum of p (1 - p) x weight in a leaf, 0 or more.
    pub min_leaf_weight: f64,
    /// L1 penalty on leaf values, 0 or more.
    pub l1: f64,
    /// L2 penalty on leaf values, 0 or more.
    pub l2: f64,
    /// What a split has to gain, in units of twice the log loss summed over the rows; 0 or more.
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
    /// [`FitError`] if the table or a parameter is invalid.
    pub fn fit(&self, rows: &TrainingRows) -> Result<Boosted, FitError> {
        self.boost(rows, None, |_| true)
    }

    /// As [`fit`](Self::fit), where row *i* counts as `weights[i]` rows, 0 or more.
    ///
    /// # Errors
    /// [`FitError`] if the table, a weight or a parameter is invalid.
    pub fn fit_weighted(&self, rows: &TrainingRows, weights: &[f64]) -> Result<Boosted, FitError> {
        self.boost(rows, Some(weights), |_| true)
    }

    /// The loop: `goes_on` sees the model before the first and after every tree, and says whether to grow another.
    fn boost(
        &self,
        rows: &TrainingRows,
        weights: Option<&[f64]>,
        goes_on: impl FnMut(&Boosted) -> bool + Send,
    ) -> Result<Boosted, FitError> {
        rows.check_labelled()?;
        self.check()?;
        check_size(rows)?;
        let base = base_log_odds(rows, weights)?;
        // Inside the pool, so that small steps do not have to be handed to it one by one.
        Ok(rayon::scope(|_| self.boost_from(base, rows, weights, goes_on)))
    }

    fn boost_from(
        &self,
        base: f64,
        rows: &TrainingRows,
        weights: Option<&[f64]>,
        mut goes_on: impl FnMut(&Boosted) -> bool,
    ) -> Boosted {
        let bins = BinnedRows::new(rows, weights, self);
        let heaviest = weights.map_or(1.0, |weights| weights.iter().copied().fold(0.0, f64::max));
        let scale = Scale::new(rows.len(), heaviest);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let mut grower = Grower::new(&bins, Rules::new(self, scale), self, random.clone());
        random.jump();
        let inputs = bins.columns.iter().map(|column| column.input.clone()).collect();
        let mut boosted = Boosted { base, inputs, nodes: Vec::new(), populations: Vec::new(), roots: Vec::new() };
        let mut log_odds = vec![base; rows.len()];
        let mut gradients = vec![Gradient::default(); rows.len()];
        for _ in 0..self.trees {
            if !goes_on(&boosted) {
                return boosted;
            }
            let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
            gradients.par_chunks_mut(ROWS_AT_ONCE).enumerate().for_each(|(chunk, gradients)| {
                for (row, gradient) in (chunk * ROWS_AT_ONCE..).zip(gradients) {
                    *gradient = scale.gradient(sigmoid(log_odds[row]), rows.labels[row], weight(row));
                }
            });
            let tree = grower.grow(&gradients, self.draw_rows(rows.len(), &mut random));
            add_to(&mut log_odds, &tree, &bins);
            planting::plant(&mut boosted, &tree, &bins, weight);
        }
        goes_on(&boosted);
        boosted
    }

    /// Rising.
    fn draw_rows(&self, rows: usize, random: &mut Xoshiro256PlusPlus) -> Vec<u32> {
        (0..rows as u32).filter(|_| self.row_share >= 1.0 || random.random::<f64>() < self.row_share).collect()
    }

    fn check(&self) -> Result<(), FitError> {
        let whole = |name, found: usize, least: usize, expected| {
            if found >= least { Ok(()) } else { Err(FitError::Parameter { name, found: found.to_string(), expected }) }
        };
        whole("trees", self.trees, 1, "1 or more")?;
        whole("max_leaves", self.max_leaves, 2, "2 or more")?;
        whole("max_depth", self.max_depth.unwrap_or(1), 1, "1 or more")?;
        whole("min_leaf_rows", self.min_leaf_rows, 1, "1 or more")?;
        let number = |name, found: f64, fits: bool, expected| {
            if fits { Ok(()) } else { Err(FitError::Parameter { name, found: found.to_string(), expected }) }
        };
        for (name, found) in [
            ("learning_rate", self.learning_rate),
            ("row_share", self.row_share),
            ("feature_share", self.feature_share),
        ] {
            number(name, found, found > 0.0 && found <= 1.0, "a number above 0 and up to 1")?;
        }
        for (name, found) in [
            ("min_leaf_weight", self.min_leaf_weight),
            ("l1", self.l1),
            ("l2", self.l2),
            ("min_gain", self.min_gain),
            ("set_l2", self.set_l2),
            ("set_smoothing", self.set_smoothing),
            ("level_smoothing", self.level_smoothing),
        ] {
            number(name, found, found >= 0.0 && found.is_finite(), "a finite number, 0 or more")?;
        }
        number("max_bins", self.max_bins as f64, (2..=255).contains(&self.max_bins), "from 2 to 255")?;
        number("max_set_levels", self.max_set_levels as f64, self.max_set_levels <= MOST_SET_LEVELS, "at most 62")
    }
}

fn check_size(rows: &TrainingRows) -> Result<(), FitError> {
    let too_many = |reason| Err(FitError::Library { family: "boosting", reason });
    if rows.len() > MOST_ROWS {
        return too_many(format!("found {} rows, expected at most {MOST_ROWS}", rows.len()));
    }
    if rows.width() > usize::from(u16::MAX) {
        return too_many(format!("found {} features, expected at most {}", rows.width(), u16::MAX));
    }
    Ok(())
}

fn base_log_odds(rows: &TrainingRows, weights: Option<&[f64]>) -> Result<f64, FitError> {
    let Some(weights) = weights else {
        let positives = rows.positives() as f64;
        return Ok((positives / (rows.len() as f64 - positives)).ln());
    };
    if weights.len() != rows.len() {
        return Err(FitError::Shape { what: "weights", found: weights.len(), expected: rows.len() });
    }
    if let Some(row) = weights.iter().position(|weight| !(*weight >= 0.0 && weight.is_finite())) {
        let expected = "a finite number, 0 or more".into();
        return Err(FitError::Value { feature: "weight".into(), row, found: weights[row], expected });
    }
    let of = |wanted: bool| -> f64 {
        weights.iter().zip(rows.labels).filter(|(_, label)| **label == wanted).map(|(weight, _)| weight).sum()
    };
    if of(true) > 0.0 && of(false) > 0.0 {
        return Ok((of(true) / of(false)).ln());
    }
    let positives = weights.iter().zip(rows.labels).filter(|(weight, label)| **label && **weight > 0.0).count();
    Err(FitError::OneOutcome { positives, rows: weights.iter().filter(|weight| **weight > 0.0).count() })
}

/// Adds a tree to the log-odds of all rows: those that it was grown on are known by leaf.
fn add_to(log_odds: &mut [f64], tree: &GrownTree, bins: &BinnedRows) {
    if tree.rows.len() < log_odds.len() {
        log_odds.par_chunks_mut(ROWS_AT_ONCE).enumerate().for_each(|(chunk, log_odds)| {
            for (row, log_odds) in (chunk * ROWS_AT_ONCE..).zip(log_odds) {
                *log_odds += tree.value(bins, row);
            }
        });
        return;
    }
    for node in &tree.nodes {
        if let GrownNode::Leaf { value, rows } = node {
            tree.rows[rows.clone()].iter().for_each(|&row| log_odds[row as usize] += value);
        }
    }
}

#[cfg(test)]
mod tests;
