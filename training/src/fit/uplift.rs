//! Fits what a treatment changes: meta-learners on the project's own regressions, one a file.

mod doubly_robust;
mod outcomes;
mod propensity;
mod single_model;
mod transformed;
mod two_groups;
mod two_models;

use tend_models::families::uplift::{LearnedEffect, Regression};

use super::forest::ForestParams;
use super::linear::LinearParams;
use super::table::{FitError, TrainingRows};

pub use outcomes::Outcomes;
pub use propensity::{Chances, NoOverlap, Overlap, Propensity};

/// Trees of a forest.
const TREES: usize = 60;
/// Most splits from the root of a tree to a leaf.
const MOST_SPLITS_DEEP: u16 = 6;
/// A leaf holds at least one row in so many.
const LEAVES_OF_ALL_ROWS: usize = 100;
/// And at least so many.
const LEAST_LEAF_ROWS: usize = 20;

/// Rows of an experiment with what happened.
#[derive(Debug, Clone, Copy)]
pub struct ExperimentRows<'a> {
    /// The features; labels are ignored.
    pub rows: TrainingRows<'a>,
    /// Who was treated; the others are controls.
    pub treated: &'a [bool],
    /// What happened: 0 or 1, or an amount.
    pub outcomes: &'a [f64],
    /// The chance of being treated, strictly between 0 and 1.
    pub propensities: &'a [f64],
}

/// How an effect is learned from an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Learner {
    /// T: the outcome of the treated and that of controls, each by a model of its own.
    #[serde(rename = "T")]
    TwoModels,
    /// S: the outcome by one model that has the treatment for a feature.
    #[serde(rename = "S")]
    SingleModel,
    /// X: the difference to what the other group's model expects, in each group.
    #[serde(rename = "X")]
    TwoGroups,
    /// DR: doubly robust scores.
    #[serde(rename = "DR")]
    DoublyRobust,
    /// TO: the outcome transformed so that its mean is the effect.
    #[serde(rename = "transformed outcome")]
    Transformed,
}

/// The regression that a learner is built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    /// Linear regression.
    Linear,
    /// A random forest of large leaves.
    Forest,
}

impl Learner {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TwoModels => "T",
            Self::SingleModel => "S",
            Self::TwoGroups => "X",
            Self::DoublyRobust => "DR",
            Self::Transformed => "transformed outcome",
        }
    }

    /// Learns the effect. `expected` are the outcomes that models of the same base expect of these rows.
    ///
    /// # Errors
    /// [`FitError`] if the table is invalid.
    pub fn fit(
        self,
        base: Base,
        experiment: &ExperimentRows<'_>,
        expected: &Outcomes,
        seed: u64,
    ) -> Result<LearnedEffect, FitError> {
        match self {
            Self::TwoModels => Ok(two_models::fit(expected)),
            Self::SingleModel => single_model::fit(base, experiment, seed),
            Self::TwoGroups => two_groups::fit(base, experiment, expected, seed),
            Self::DoublyRobust => doubly_robust::fit(base, experiment, expected, seed),
            Self::Transformed => transformed::fit(base, experiment, seed),
        }
    }
}

impl Base {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Forest => "forest",
        }
    }

    /// Fits a number, one a row.
    ///
    /// # Errors
    /// [`FitError`] if the table is invalid.
    pub fn fit(self, rows: &TrainingRows, targets: &[f64], seed: u64) -> Result<Regression, FitError> {
        if targets.iter().all(|target| *target == targets[0]) {
            return Ok(Regression::Constant(targets[0]));
        }
        match self {
            Self::Linear => LinearParams::default().fit(rows, targets).map(Regression::Linear),
            Self::Forest => forest(rows, targets, seed),
        }
    }
}

/// Effects are small against the noise of outcomes: leaves are large, and many trees average what is left of it.
fn forest(rows: &TrainingRows, targets: &[f64], seed: u64) -> Result<Regression, FitError> {
    let (least, most) = targets
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &target| (least.min(target), most.max(target)));
    let range = most - least;
    let shares: Vec<f64> = targets.iter().map(|target| ((target - least) / range).clamp(0.0, 1.0)).collect();
    let forest = ForestParams {
        trees: TREES,
        max_depth: MOST_SPLITS_DEEP,
        min_leaf: (rows.len() / LEAVES_OF_ALL_ROWS).max(LEAST_LEAF_ROWS),
        features_per_split: Some((rows.width() / 2).max(1)),
        seed,
        ..ForestParams::default()
    };
    Ok(Regression::Forest { trees: forest.fit_shares(rows, &shares)?, least, range })
}

/// Some rows of an experiment, copied together.
struct SomeRows {
    values: Vec<f64>,
    targets: Vec<f64>,
}

impl SomeRows {
    /// The rows of these places with their targets.
    fn new(rows: &TrainingRows, places: &[usize], targets: impl Fn(usize) -> f64) -> Self {
        let values = places.iter().flat_map(|&place| rows.row(place)).copied().collect();
        Self { values, targets: places.iter().map(|&place| targets(place)).collect() }
    }

    fn fit(&self, base: Base, like: &TrainingRows, seed: u64) -> Result<Regression, FitError> {
        if self.targets.is_empty() {
            return Err(FitError::Empty { what: "rows of one group of the experiment" });
        }
        base.fit(&TrainingRows { rows: &self.values, ..*like }, &self.targets, seed)
    }
}

#[cfg(test)]
mod tests;
