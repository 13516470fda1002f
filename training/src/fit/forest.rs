//! Fits a random forest with smartcore and turns it into our flat trees.

use rayon::prelude::*;
use serde::Deserialize;
use smartcore::ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;
use tend_models::families::trees::{Encoding, Node, Trees};
use tend_models::predict::FeatureKind;

use super::table::{FitError, TrainingRows};

/// Trees of one unit of parallel work: fixed, so that the number of threads does not change the forest.
const TREES_PER_CHUNK: usize = 20;
/// Spreads the seeds that people choose, so that neighbouring ones share no tree.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// How to fit a random forest.
///
/// Regression trees on labels of 0 and 1: the mean label of a leaf is a probability, which the library's own
/// classification forest does not give.
#[derive(Debug, Clone, PartialEq)]
pub struct ForestParams {
    /// Number of trees, at least 1.
    pub trees: usize,
    /// Most splits from the root of a tree to a leaf, at least 1.
    pub max_depth: u16,
    /// Least number of training rows in a leaf, at least 1.
    pub min_leaf: usize,
    /// Features considered at each split; `None` is the square root of their number, rounded down.
    pub features_per_split: Option<usize>,
    /// A level's rate is pulled towards the overall rate as if by this many rows more; 0 or more.
    pub level_smoothing: f64,
    /// More rows than this are sampled down.
    pub max_rows: usize,
    /// Draws the sample, the rows of each tree and the features of each split.
    pub seed: u64,
}

impl Default for ForestParams {
    fn default() -> Self {
        Self {
            trees: 100,
            max_depth: 10,
            min_leaf: 10,
            features_per_split: None,
            level_smoothing: 20.0,
            max_rows: 60_000,
            seed: 1,
        }
    }
}

impl ForestParams {
    /// Fits on labelled rows. A category becomes the smoothed rate of its level, an unknown number a stand-in
    /// below the least known one. The result does not depend on the number of threads.
    ///
    /// # Errors
    /// [`FitError`] if the table or a parameter is invalid, or if the library fails.
    pub fn fit(&self, rows: &TrainingRows) -> Result<Trees, FitError> {
        rows.check_labelled()?;
        let sample = rows.sample_labelled(self.max_rows, self.seed)?;
        let labels: Vec<f64> = sample.iter().map(|&row| f64::from(rows.labels[row])).collect();
        self.fit_sample(rows, &sample, &labels)
    }

    /// As [`fit`](Self::fit), of a number from 0 to 1 in the place of each label.
    ///
    /// # Errors
    /// [`FitError`] if the table, a number or a parameter is invalid, or if the library fails.
    pub fn fit_shares(&self, rows: &TrainingRows, shares: &[f64]) -> Result<Trees, FitError> {
        rows.check()?;
        if shares.len() != rows.len() {
            return Err(FitError::Shape { what: "shares", found: shares.len(), expected: rows.len() });
        }
        if let Some(row) = shares.iter().position(|share| !(0.0..=1.0).contains(share)) {
            let expected = "a number from 0 to 1".into();
            return Err(FitError::Value { feature: "share".into(), row, found: shares[row], expected });
        }
        let sample = rows.sample(self.max_rows, self.seed);
        let shares: Vec<f64> = sample.iter().map(|&row| shares[row]).collect();
        self.fit_sample(rows, &sample, &shares)
    }

    /// Fits one number from 0 to 1 a row of the sample.
    fn fit_sample(&self, rows: &TrainingRows, sample: &[usize], labels: &Vec<f64>) -> Result<Trees, FitError> {
        self.check(rows.width())?;
        let encodings = encodings(rows, sample, labels, self.level_smoothing);
        let encoded = encode(rows, sample, &encodings)?;
        let chunks: Vec<Vec<Node>> = (0..self.trees.div_ceil(TREES_PER_CHUNK))
            .into_par_iter()
            .map(|chunk| nodes_of(&self.fit_chunk(chunk, &encoded, labels)?))
            .collect::<Result<Vec<Vec<Vec<Node>>>, FitError>>()?
            .into_iter()
            .flatten()
            .collect();
        let mut trees = Trees { encodings, nodes: Vec::new(), roots: Vec::with_capacity(self.trees) };
        for tree in chunks {
            append(&mut trees, tree)?;
        }
        let weights = leaf_weights(&trees, rows, sample);
        trees.weigh(&weights);
        Ok(trees)
    }

    fn check(&self, width: usize) -> Result<(), FitError> {
        let broken = |name, found: String, expected| Err(FitError::Parameter { name, found, expected });
        for (name, found) in [
            ("trees", self.trees),
            ("max_depth", usize::from(self.max_depth)),
            ("min_leaf", self.min_leaf),
            ("max_rows", self.max_rows),
        ] {
            if found == 0 {
                return broken(name, found.to_string(), "1 or more");
            }
        }
        match self.features_per_split {
            Some(found) if found == 0 || found > width => {
                return broken("features_per_split", found.to_string(), "from 1 to the number of features");
            }
            _ => {}
        }
        if !(self.level_smoothing >= 0.0 && self.level_smoothing.is_finite()) {
            return broken("level_smoothing", self.level_smoothing.to_string(), "a finite number, 0 or more");
        }
        Ok(())
    }

    fn fit_chunk(&self, chunk: usize, encoded: &Matrix, labels: &Vec<f64>) -> Result<Forest, FitError> {
        let width = smartcore::linalg::basic::arrays::Array::shape(encoded).1;
        let features = self.features_per_split.unwrap_or((width as f64).sqrt() as usize);
        let parameters = RandomForestRegressorParameters::default()
            .with_n_trees(TREES_PER_CHUNK.min(self.trees - chunk * TREES_PER_CHUNK))
            // The library counts the root as depth 1.
            .with_max_depth(self.max_depth.saturating_add(1))
            .with_min_samples_leaf(self.min_leaf)
            .with_min_samples_split(2 * self.min_leaf)
            .with_m(features)
            // A tree's seed is its chunk's seed plus its index in the chunk.
            .with_seed(self.seed.wrapping_mul(GOLDEN).wrapping_add((chunk * TREES_PER_CHUNK) as u64));
        RandomForestRegressor::fit(encoded, labels, parameters).map_err(library)
    }
}

type Matrix = DenseMatrix<f64>;
type Forest = RandomForestRegressor<f64, f64, Matrix, Vec<f64>>;

fn library(reason: impl std::fmt::Display) -> FitError {
    FitError::Library { family: "random forest", reason: reason.to_string() }
}

fn encodings(rows: &TrainingRows, sample: &[usize], labels: &[f64], smoothing: f64) -> Vec<Encoding> {
    let overall = labels.iter().sum::<f64>() / sample.len() as f64;
    let encoding = |(feature, kind): (usize, &FeatureKind)| match kind {
        FeatureKind::Number => {
            let known = rows.column(feature, sample).filter(|value| !value.is_nan());
            let (least, most) = known
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)));
            Encoding::Number { unknown: if least <= most { below(least, most) } else { 0.0 } }
        }
        FeatureKind::Category { levels } => {
            let mut counts = vec![(0.0, 0.0); levels.len() + 2];
            for (&row, label) in sample.iter().zip(labels) {
                let value = rows.row(row)[feature];
                let place = if value.is_nan() { levels.len() + 1 } else { value as usize };
                counts[place].0 += label;
                counts[place].1 += 1.0;
            }
            let rate = |&(positives, rows): &(f64, f64)| {
                if rows == 0.0 { overall } else { (positives + smoothing * overall) / (rows + smoothing) }
            };
            Encoding::Category {
                levels: counts[..levels.len()].iter().map(rate).collect(),
                other: rate(&counts[levels.len()]),
                unknown: rate(&counts[levels.len() + 1]),
            }
        }
    };
    rows.kinds.iter().enumerate().map(encoding).collect()
}

/// A number clearly below all known ones, so that a split can single the unknown out.
fn below(least: f64, most: f64) -> f64 {
    let gap = (most - least).max(1.0).max(least.abs() * 1e-6);
    (least - gap).max(f64::MIN)
}

fn encode(rows: &TrainingRows, sample: &[usize], encodings: &[Encoding]) -> Result<Matrix, FitError> {
    let width = rows.width();
    let mut columns = vec![0.0; sample.len() * width];
    for (position, &index) in sample.iter().enumerate() {
        for (feature, (encoding, &value)) in encodings.iter().zip(rows.row(index)).enumerate() {
            columns[feature * sample.len() + position] = encoding.apply(value);
        }
    }
    Matrix::new(sample.len(), width, columns, true).map_err(library)
}

/// The parts of the library's serialised forest that matter: its fields are private.
#[derive(Deserialize)]
struct SavedForest {
    forest_regressor: SavedTrees,
}

#[derive(Deserialize)]
struct SavedTrees {
    trees: Vec<SavedTree>,
}

#[derive(Deserialize)]
struct SavedTree {
    nodes: Vec<SavedNode>,
}

#[derive(Deserialize)]
struct SavedNode {
    output: f64,
    split_feature: usize,
    split_value: Option<f64>,
    true_child: Option<usize>,
    false_child: Option<usize>,
}

/// The nodes of each tree, with indices within the tree.
fn nodes_of(forest: &Forest) -> Result<Vec<Vec<Node>>, FitError> {
    let text = serde_json::to_vec(forest).map_err(library)?;
    let saved: SavedForest = serde_json::from_slice(&text).map_err(library)?;
    let node = |saved: &SavedNode| match (saved.split_value, saved.true_child, saved.false_child) {
        (Some(threshold), Some(left), Some(right)) => Ok(Node {
            feature: narrow(saved.split_feature)?,
            left: narrow(left)?,
            right: narrow(right)?,
            threshold,
            value: saved.output,
            weight: 0.0,
        }),
        _ => Ok(Node::leaf(saved.output, 0.0)),
    };
    saved.forest_regressor.trees.iter().map(|tree| tree.nodes.iter().map(node).collect()).collect()
}

fn narrow(index: usize) -> Result<u32, FitError> {
    u32::try_from(index).map_err(|_| library("more than 4 billion nodes; fit fewer or smaller trees"))
}

fn append(trees: &mut Trees, tree: Vec<Node>) -> Result<(), FitError> {
    let root = narrow(trees.nodes.len())?;
    narrow(trees.nodes.len() + tree.len())?;
    trees.roots.push(root);
    trees.nodes.extend(tree.into_iter().map(|node| {
        if node.is_leaf() { node } else { Node { left: node.left + root, right: node.right + root, ..node } }
    }));
    Ok(())
}

/// The rows of the sample that reach each leaf, and 0 for the other nodes; the library does not tell.
///
/// Every row counts once in every tree, whether the tree drew it or not.
fn leaf_weights(trees: &Trees, rows: &TrainingRows, sample: &[usize]) -> Vec<f64> {
    let of_tree = |tree: usize| {
        let first = trees.roots[tree] as usize;
        let end = trees.roots.get(tree + 1).map_or(trees.nodes.len(), |&root| root as usize);
        let mut weights = vec![0.0; end - first];
        for &row in sample {
            weights[trees.leaf(tree, rows.row(row)) - first] += 1.0;
        }
        weights
    };
    (0..trees.roots.len()).into_par_iter().map(of_tree).collect::<Vec<Vec<f64>>>().concat()
}

#[cfg(test)]
mod tests;
