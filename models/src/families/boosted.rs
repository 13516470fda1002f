//! Gradient-boosted trees in one flat array of packed nodes, scored on raw rows.

pub mod batch;
pub mod response;
pub mod row;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use self::batch::BoostedBatch;
use super::classifier::ModelError;
use super::shapley::{self, Grown, Parents, Step, share_left};
use crate::predict::{FeatureKind, Predict};

/// Most levels of a category that splits can name one by one: two bits of a set are left for all others.
pub const MOST_SET_LEVELS: usize = 62;
/// With fewer rows, making a batch ready takes longer than predicting them one at a time.
const WORTH_A_BATCH: usize = 64;

/// How the splits see a feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// A number, as it is.
    Number,
    /// A category of at most [`MOST_SET_LEVELS`] levels: splits name sets of them.
    Levels,
    /// A category whose level stands for a rate: splits compare it as a number.
    Rates {
        /// One rate a level, in the order of the feature's levels.
        levels: Vec<f64>,
        /// For every other level.
        other: f64,
    },
}

impl Input {
    /// The number that splits of a category's rate compare; NaN stays NaN.
    #[must_use]
    pub fn rate(&self, value: f64) -> f64 {
        match self {
            // The cast saturates, so that any number names a level or none.
            Self::Rates { levels, other } if !value.is_nan() => *levels.get(value as usize).unwrap_or(other),
            _ => value,
        }
    }
}

/// One node in 16 bytes. Where a split sends a row left, the row goes on to the very next node.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Node {
    /// The end of a path.
    Leaf {
        /// What the tree adds to the score: log-odds in a classifier.
        value: f64,
    },
    /// Compares a number.
    Number {
        /// Index of the feature.
        feature: u16,
        /// Whether NaN goes left.
        unknown_left: bool,
        /// Index of the node on the right.
        right: u32,
        /// Numbers up to this one go left.
        threshold: f64,
    },
    /// Looks for a level in a set.
    Levels {
        /// Index of the feature.
        feature: u16,
        /// Whether NaN goes left.
        unknown_left: bool,
        /// Index of the node on the right.
        right: u32,
        /// Bit *i* is set where level *i* goes left.
        set: u64,
    },
    /// Compares the rate of a level.
    Rate {
        /// Index of the feature.
        feature: u16,
        /// Whether NaN goes left.
        unknown_left: bool,
        /// Index of the node on the right.
        right: u32,
        /// Rates up to this one go left.
        threshold: f64,
    },
}

impl Node {
    /// Index of the node on the right of a split.
    fn right(&self) -> Option<u32> {
        match *self {
            Self::Leaf { .. } => None,
            Self::Number { right, .. } | Self::Levels { right, .. } | Self::Rate { right, .. } => Some(right),
        }
    }
}

/// The training rows that reach a node. It lies beside the nodes, since only explanations read it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Population {
    /// Their weight; their number, if each weighs 1.
    pub weight: f64,
    /// Their mean leaf value.
    pub mean: f64,
}

/// Fitted boosted trees: the base log-odds plus one leaf value a tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boosted {
    /// Log-odds before any tree.
    pub base: f64,
    /// One a feature, in the order of the feature plan.
    pub inputs: Vec<Input>,
    /// The nodes of all trees, each tree in preorder.
    pub nodes: Vec<Node>,
    /// One a node.
    pub populations: Vec<Population>,
    /// Index of the root of each tree, rising.
    pub roots: Vec<u32>,
}

impl Boosted {
    /// What one tree adds to the log-odds of a row.
    ///
    /// # Panics
    /// If there is no such tree.
    #[must_use]
    pub fn tree_value(&self, tree: usize, row: &[f64]) -> f64 {
        self.value_from(self.roots[tree], row)
    }

    /// Keeps the first trees alone.
    pub fn truncate(&mut self, trees: usize) {
        if let Some(&end) = self.roots.get(trees) {
            self.roots.truncate(trees);
            self.nodes.truncate(end as usize);
            self.populations.truncate(end as usize);
        }
    }

    /// Checks that this model fits the features, that every path ends, and that every number is valid.
    ///
    /// # Errors
    /// [`ModelError`] names the first part that does not.
    pub fn check(&self, kinds: &[FeatureKind]) -> Result<(), ModelError> {
        ModelError::finite("boosting base", &[self.base])?;
        ModelError::same_width("boosting inputs", self.inputs.len(), kinds.len())?;
        for (index, (input, kind)) in self.inputs.iter().zip(kinds).enumerate() {
            check_input(&format!("boosting input {index}"), input, kind)?;
        }
        ModelError::same_levels("boosting populations", self.populations.len(), self.nodes.len())?;
        for &root in &self.roots {
            ModelError::index("boosting root", root as usize, 0, self.nodes.len())?;
        }
        ModelError::rising("boosting roots", &self.roots.iter().map(|&root| f64::from(root)).collect::<Vec<_>>())?;
        let mut parents = Parents::new(self.nodes.len());
        for places in shapley::places_of_trees(&self.roots, self.nodes.len()) {
            parents.add(places.start);
            places.clone().try_for_each(|place| self.check_node(place as usize, places.end as usize, &mut parents))?;
        }
        parents.check("boosting node")
    }

    fn check_node(&self, index: usize, end: usize, parents: &mut Parents) -> Result<(), ModelError> {
        let part = format!("boosting node {index}");
        let Population { weight, mean } = self.populations[index];
        ModelError::weight(&part, weight)?;
        ModelError::finite(&part, &[mean])?;
        let (feature, right, fits) = match self.nodes[index] {
            Node::Leaf { value } if value == mean => return Ok(()),
            Node::Leaf { value } => return Err(ModelError::number(&part, value, "the mean of its population")),
            Node::Number { feature, right, threshold, .. } => {
                ModelError::finite(&part, &[threshold])?;
                (feature, right, matches!(self.inputs.get(feature as usize), Some(Input::Number)))
            }
            Node::Levels { feature, right, .. } => {
                (feature, right, matches!(self.inputs.get(feature as usize), Some(Input::Levels)))
            }
            Node::Rate { feature, right, threshold, .. } => {
                ModelError::finite(&part, &[threshold])?;
                (feature, right, matches!(self.inputs.get(feature as usize), Some(Input::Rates { .. })))
            }
        };
        ModelError::index(&part, feature as usize, 0, self.inputs.len())?;
        // The left child is the next node, so the right one comes after that, and both are of this tree.
        ModelError::index(&part, right as usize, index + 2, end)?;
        parents.add(index as u32 + 1);
        parents.add(right);
        if !fits {
            return Err(ModelError::Kind { part });
        }
        let (left, right) = (self.populations[index + 1], self.populations[right as usize]);
        let share = share_left(left.weight, right.weight);
        ModelError::mean(&part, mean, share * left.mean + (1.0 - share) * right.mean)
    }

    fn value_from(&self, root: u32, row: &[f64]) -> f64 {
        let mut place = root as usize;
        loop {
            let (goes_left, right) = match self.nodes[place] {
                Node::Leaf { value } => return value,
                Node::Number { feature, unknown_left, right, threshold } => {
                    (up_to(row[feature as usize], threshold, unknown_left), right)
                }
                Node::Rate { feature, unknown_left, right, threshold } => {
                    let rate = self.inputs[feature as usize].rate(row[feature as usize]);
                    (up_to(rate, threshold, unknown_left), right)
                }
                Node::Levels { feature, unknown_left, right, set } => {
                    (within(row[feature as usize], set, unknown_left), right)
                }
            };
            place = if goes_left { place + 1 } else { right as usize };
        }
    }
}

impl Grown for Boosted {
    fn trees(&self) -> impl Iterator<Item = Range<u32>> {
        shapley::places_of_trees(&self.roots, self.nodes.len())
    }

    fn step(&self, place: u32) -> Step {
        match self.nodes[place as usize] {
            Node::Leaf { value } => Step::Leaf { value },
            Node::Number { feature, right, .. }
            | Node::Levels { feature, right, .. }
            | Node::Rate { feature, right, .. } => {
                let weight = |place: u32| self.populations[place as usize].weight;
                let (left, share) = (place + 1, share_left(weight(place + 1), weight(right)));
                Step::Split { feature: feature.into(), left, right, share }
            }
        }
    }

    fn seen(&self, feature: usize, value: f64) -> f64 {
        self.inputs[feature].rate(value)
    }

    #[inline(always)]
    fn goes_left<const N: usize>(&self, place: u32, seen: &[[f64; N]]) -> [f64; N] {
        match self.nodes[place as usize] {
            Node::Leaf { .. } => unreachable!("a leaf sends no row anywhere"),
            Node::Number { feature, unknown_left, threshold, .. }
            | Node::Rate { feature, unknown_left, threshold, .. } => {
                seen[feature as usize].map(|value| if up_to(value, threshold, unknown_left) { 1.0 } else { 0.0 })
            }
            Node::Levels { feature, unknown_left, set, .. } => {
                seen[feature as usize].map(|value| if within(value, set, unknown_left) { 1.0 } else { 0.0 })
            }
        }
    }
}

#[inline(always)]
fn up_to(value: f64, threshold: f64, unknown_left: bool) -> bool {
    (value <= threshold) | (unknown_left & value.is_nan())
}

#[inline(always)]
fn within(level: f64, set: u64, unknown_left: bool) -> bool {
    // The cast saturates, and the last bit is every level that has none of its own.
    if level.is_nan() { unknown_left } else { set >> (level as u64).min(63) & 1 == 1 }
}

fn check_input(part: &str, input: &Input, kind: &FeatureKind) -> Result<(), ModelError> {
    match (input, kind) {
        (Input::Number, FeatureKind::Number) => Ok(()),
        (Input::Levels, FeatureKind::Category { levels }) => {
            ModelError::index(part, levels.len(), 0, MOST_SET_LEVELS + 1)
        }
        (Input::Rates { levels: rates, other }, FeatureKind::Category { levels }) => {
            ModelError::same_levels(part, rates.len(), levels.len())?;
            ModelError::finite(part, rates)?;
            ModelError::finite(part, &[*other])
        }
        _ => Err(ModelError::Kind { part: part.into() }),
    }
}

/// On the log-odds scale; explained by exact Shapley values, those of path-dependent TreeSHAP.
///
/// Source: Lundberg et al. (2020), *From local explanations to global understanding with explainable AI for trees*.
impl Predict for Boosted {
    fn predict(&self, row: &[f64]) -> f64 {
        self.base + self.roots.iter().fold(0.0, |sum, &root| sum + self.value_from(root, row))
    }

    fn predict_rows(&self, rows: &[f64], out: &mut [f64]) {
        if out.len() < WORTH_A_BATCH {
            let width = self.inputs.len();
            out.iter_mut().enumerate().for_each(|(place, out)| *out = self.predict(&rows[place * width..][..width]));
        } else {
            BoostedBatch::new(self).predict_rows(rows, self.inputs.len(), out);
        }
    }

    fn explain_rows(&self, rows: &[f64], width: usize, contributions: &mut [f64]) {
        shapley::explain(self, rows, width, contributions);
    }

    fn explain(&self, row: &[f64], contributions: &mut [f64]) -> f64 {
        shapley::explain(self, row, row.len(), contributions);
        self.base + self.roots.iter().map(|&root| self.populations[root as usize].mean).sum::<f64>()
    }
}

#[cfg(test)]
pub(super) mod random_trees;
#[cfg(test)]
mod tests;
