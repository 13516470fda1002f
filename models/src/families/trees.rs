//! An averaged forest in one flat array, with the encoding of raw rows in front of it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::classifier::ModelError;
use super::shapley::{self, Grown, Parents, Step, share_left};
use crate::predict::{FeatureKind, Predict};

/// How a raw value becomes the number that splits compare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Encoding {
    /// A number is itself.
    Number {
        /// Stands in for NaN.
        unknown: f64,
    },
    /// A category is the smoothed rate of its level in training.
    Category {
        /// One number a level, in the order of the feature's levels.
        levels: Vec<f64>,
        /// For every other level.
        other: f64,
        /// For NaN.
        unknown: f64,
    },
}

impl Encoding {
    /// The number that splits compare.
    #[must_use]
    pub fn apply(&self, value: f64) -> f64 {
        match self {
            Self::Number { unknown } | Self::Category { unknown, .. } if value.is_nan() => *unknown,
            Self::Number { .. } => value,
            // The cast saturates, so that any number names a level or none.
            Self::Category { levels, other, .. } => *levels.get(value as usize).unwrap_or(other),
        }
    }
}

/// One node.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Index of the feature that is compared; 0 in a leaf.
    pub feature: u32,
    /// Where encoded values up to `threshold` go; 0 in a leaf, since no child is node 0.
    pub left: u32,
    /// Where the others go; 0 in a leaf.
    pub right: u32,
    /// The value compared against; 0 in a leaf.
    pub threshold: f64,
    /// From 0 to 1: the prediction in a leaf, elsewhere the mean prediction of the training rows that reach the node.
    pub value: f64,
    /// The training rows that reach the node; only explanations read it.
    pub weight: f64,
}

impl Node {
    /// A node without children.
    #[must_use]
    pub fn leaf(value: f64, weight: f64) -> Self {
        Self { feature: 0, left: 0, right: 0, threshold: 0.0, value, weight }
    }

    /// Whether the node has no children.
    #[must_use]
    pub fn is_leaf(&self) -> bool {
        self.left == 0
    }
}

/// A fitted forest: the mean of its trees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trees {
    /// One a feature, in the order of the feature plan.
    pub encodings: Vec<Encoding>,
    /// The nodes of all trees, tree after tree; children come after their parents.
    pub nodes: Vec<Node>,
    /// Index of the root of each tree, the first of its nodes; rising.
    pub roots: Vec<u32>,
}

impl Trees {
    /// Checks that this model fits the features, that every path ends, and that every number is valid.
    ///
    /// # Errors
    /// [`ModelError`] names the first part that does not.
    pub fn check(&self, kinds: &[FeatureKind]) -> Result<(), ModelError> {
        ModelError::same_width("tree encodings", self.encodings.len(), kinds.len())?;
        for (index, (encoding, kind)) in self.encodings.iter().zip(kinds).enumerate() {
            let part = format!("tree encoding {index}");
            match (encoding, kind) {
                (Encoding::Number { unknown }, FeatureKind::Number) => {
                    ModelError::finite(&part, &[*unknown])?;
                }
                (Encoding::Category { levels: encoded, other, unknown }, FeatureKind::Category { levels }) => {
                    ModelError::same_levels(&part, encoded.len(), levels.len())?;
                    ModelError::finite(&part, encoded)?;
                    ModelError::finite(&part, &[*other, *unknown])?;
                }
                _ => return Err(ModelError::Kind { part }),
            }
        }
        if self.roots.is_empty() {
            return Err(ModelError::Empty { part: "trees".into() });
        }
        for &root in &self.roots {
            ModelError::index("tree root", root as usize, 0, self.nodes.len())?;
        }
        ModelError::rising("tree roots", &self.roots.iter().map(|&root| f64::from(root)).collect::<Vec<_>>())?;
        let mut parents = Parents::new(self.nodes.len());
        for places in shapley::places_of_trees(&self.roots, self.nodes.len()) {
            parents.add(places.start);
            places.clone().try_for_each(|place| self.check_node(place as usize, places.end as usize, &mut parents))?;
        }
        parents.check("tree node")
    }

    fn check_node(&self, index: usize, end: usize, parents: &mut Parents) -> Result<(), ModelError> {
        let part = format!("tree node {index}");
        let node = &self.nodes[index];
        ModelError::rate(&part, node.value)?;
        ModelError::weight(&part, node.weight)?;
        if node.is_leaf() {
            return Ok(());
        }
        ModelError::finite(&part, &[node.threshold])?;
        ModelError::index(&part, node.feature as usize, 0, self.encodings.len())?;
        for child in [node.left, node.right] {
            ModelError::index(&part, child as usize, index + 1, end)?;
            parents.add(child);
        }
        let (left, right) = (&self.nodes[node.left as usize], &self.nodes[node.right as usize]);
        ModelError::mean(&part, node.value, mean(left, right))
    }

    /// Index of the leaf that a row reaches in one tree.
    ///
    /// # Panics
    /// If there is no such tree.
    #[must_use]
    pub fn leaf(&self, tree: usize, row: &[f64]) -> usize {
        let mut place = self.roots[tree] as usize;
        loop {
            let node = &self.nodes[place];
            if node.is_leaf() {
                return place;
            }
            place = if self.sends_left(node, row) { node.left } else { node.right } as usize;
        }
    }

    /// Gives every leaf its weight, and every other node the weight and the mean that follow from the leaves below it.
    ///
    /// `leaf_weights` has one entry a node; those of other nodes are not read.
    ///
    /// # Panics
    /// If `leaf_weights` is shorter than the nodes.
    pub fn weigh(&mut self, leaf_weights: &[f64]) {
        // Children come after their parents.
        for place in (0..self.nodes.len()).rev() {
            let node = self.nodes[place];
            let (weight, value) = if node.is_leaf() {
                (leaf_weights[place], node.value)
            } else {
                let (left, right) = (&self.nodes[node.left as usize], &self.nodes[node.right as usize]);
                (left.weight + right.weight, mean(left, right))
            };
            self.nodes[place] = Node { weight, value, ..node };
        }
    }

    /// The mean prediction of the training rows.
    #[must_use]
    pub fn mean_prediction(&self) -> f64 {
        self.roots.iter().map(|&root| self.nodes[root as usize].value).sum::<f64>() / self.roots.len() as f64
    }

    fn sends_left(&self, node: &Node, row: &[f64]) -> bool {
        let feature = node.feature as usize;
        self.encodings[feature].apply(row[feature]) <= node.threshold
    }
}

impl Grown for Trees {
    fn trees(&self) -> impl Iterator<Item = Range<u32>> {
        shapley::places_of_trees(&self.roots, self.nodes.len())
    }

    fn step(&self, place: u32) -> Step {
        let &Node { feature, left, right, value, .. } = &self.nodes[place as usize];
        if left == 0 {
            return Step::Leaf { value };
        }
        let share = share_left(self.nodes[left as usize].weight, self.nodes[right as usize].weight);
        Step::Split { feature, left, right, share }
    }

    fn seen(&self, feature: usize, value: f64) -> f64 {
        self.encodings[feature].apply(value)
    }

    #[inline(always)]
    fn goes_left<const N: usize>(&self, place: u32, seen: &[[f64; N]]) -> [f64; N] {
        let Node { feature, threshold, .. } = self.nodes[place as usize];
        seen[feature as usize].map(|value| if value <= threshold { 1.0 } else { 0.0 })
    }
}

fn mean(left: &Node, right: &Node) -> f64 {
    let share = share_left(left.weight, right.weight);
    share * left.value + (1.0 - share) * right.value
}

/// On the probability scale; explained by exact Shapley values, those of path-dependent TreeSHAP.
///
/// Source: Lundberg et al. (2020), *From local explanations to global understanding with explainable AI for trees*.
impl Predict for Trees {
    fn predict(&self, row: &[f64]) -> f64 {
        let sum = (0..self.roots.len()).fold(0.0, |sum, tree| sum + self.nodes[self.leaf(tree, row)].value);
        sum / self.roots.len() as f64
    }

    fn explain_rows(&self, rows: &[f64], width: usize, contributions: &mut [f64]) {
        shapley::explain(self, rows, width, contributions);
        let trees = self.roots.len() as f64;
        contributions.iter_mut().for_each(|contribution| *contribution /= trees);
    }

    fn explain(&self, row: &[f64], contributions: &mut [f64]) -> f64 {
        self.explain_rows(row, row.len(), contributions);
        self.mean_prediction()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::families::shapley::tests::by_definition;

    fn stump_and_leaf() -> Trees {
        Trees {
            encodings: vec![
                Encoding::Number { unknown: -1.0 },
                Encoding::Category { levels: vec![0.1, 0.9], other: 0.5, unknown: 0.5 },
            ],
            nodes: vec![
                Node { feature: 1, left: 1, right: 2, threshold: 0.5, value: 0.4, weight: 30.0 },
                Node::leaf(0.2, 20.0),
                Node::leaf(0.8, 10.0),
                Node::leaf(0.6, 30.0),
            ],
            roots: vec![0, 3],
        }
    }

    #[test]
    fn other_and_unknown_levels_have_their_own_encoding() {
        let trees = stump_and_leaf();
        for (level, expected) in [(0.0, 0.4), (1.0, 0.7), (2.0, 0.4), (f64::NAN, 0.4)] {
            let found = trees.predict(&[f64::NAN, level]);
            assert!((found - expected).abs() < 1e-15, "{found} for level {level}");
        }
    }

    #[test]
    fn a_split_is_credited_to_its_feature() {
        let trees = stump_and_leaf();
        let mut contributions = [9.0; 2];
        let base = trees.explain(&[0.0, 1.0], &mut contributions);
        assert!((base - 0.5).abs() < 1e-15);
        assert_eq!(contributions[0], 0.0);
        assert!((contributions[1] - 0.2).abs() < 1e-15);
    }

    /// Two trees of two levels over three features, in the order of the library: level by level, interleaved.
    fn two_trees() -> Trees {
        let split = |feature, left, right, threshold| Node { feature, left, right, threshold, ..Node::leaf(0.0, 0.0) };
        let category = Encoding::Category { levels: vec![0.1, 0.9], other: 0.5, unknown: 0.3 };
        let mut trees = Trees {
            encodings: vec![Encoding::Number { unknown: -1.0 }, category, Encoding::Number { unknown: 7.0 }],
            nodes: vec![
                split(0, 1, 2, 4.0),
                split(1, 3, 4, 0.4),
                split(0, 5, 6, 8.0),
                Node::leaf(0.1, 0.0),
                Node::leaf(0.7, 0.0),
                Node::leaf(0.4, 0.0),
                Node::leaf(1.0, 0.0),
                split(2, 8, 9, 3.0),
                Node::leaf(0.9, 0.0),
                Node::leaf(0.2, 0.0),
            ],
            roots: vec![0, 7],
        };
        trees.weigh(&[9.0, 9.0, 9.0, 10.0, 5.0, 0.0, 25.0, 9.0, 15.0, 25.0]);
        trees
    }

    #[test]
    fn weights_and_means_follow_from_the_leaves() {
        let trees = two_trees();
        let kinds =
            [FeatureKind::Number, FeatureKind::Category { levels: vec!["a".into(), "b".into()] }, FeatureKind::Number];
        assert_eq!(trees.check(&kinds), Ok(()));
        assert_eq!([0, 1, 2, 7].map(|place| trees.nodes[place].weight), [40.0, 15.0, 25.0, 40.0]);
        assert!((trees.nodes[0].value - (1.0 + 3.5 + 25.0) / 40.0).abs() < 1e-15, "{}", trees.nodes[0].value);
    }

    #[test]
    fn explanations_are_shapley_values_by_definition() {
        let trees = two_trees();
        for number in [4.0, 4.1, 8.0, 8.1, f64::NAN] {
            for (level, other) in [(0.0, 3.0), (1.0, 3.1), (2.0, f64::NAN), (f64::NAN, f64::NEG_INFINITY)] {
                let row = [number, level, other];
                let mut contributions = [9.0; 3];
                let base = trees.explain(&row, &mut contributions);
                let (expected, empty) = by_definition(&trees, &row);
                assert!((base - empty / 2.0).abs() < 1e-15, "{base}");
                for (found, expected) in contributions.iter().zip(&expected) {
                    assert!((found - expected / 2.0).abs() < 1e-15, "{contributions:?} for {row:?}");
                }
                let sum = base + contributions.iter().sum::<f64>();
                assert!((sum - trees.predict(&row)).abs() < 1e-15, "{sum} for {row:?}");
            }
        }
    }

    #[test]
    fn a_weight_or_a_mean_that_no_rows_have_is_refused() {
        let kinds = [FeatureKind::Number, FeatureKind::Category { levels: vec!["a".into(), "b".into()] }];
        for change in [
            |trees: &mut Trees| trees.nodes[0].value = 0.5,
            |trees: &mut Trees| trees.nodes[1].weight = -1.0,
            |trees: &mut Trees| trees.nodes[3].weight = f64::NAN,
        ] {
            let mut broken = stump_and_leaf();
            change(&mut broken);
            assert!(matches!(broken.check(&kinds), Err(ModelError::Number { .. })), "{:?}", broken.nodes);
        }
    }

    #[test]
    fn a_cycle_a_shared_child_or_a_child_out_of_range_is_refused() {
        let kinds = [FeatureKind::Number, FeatureKind::Category { levels: vec!["a".into(), "b".into()] }];
        assert_eq!(stump_and_leaf().check(&kinds), Ok(()));
        let mut model = stump_and_leaf();
        model.nodes.splice(3..3, [Node::leaf(0.2, 10.0), Node::leaf(0.2, 10.0)]);
        model.roots[1] = 5;
        assert!(model.check(&kinds).is_err(), "nodes of no tree pass");
        let good = Node { feature: 0, left: 3, right: 4, threshold: 0.0, value: 0.2, weight: 20.0 };
        for (node, passes) in [
            (good, true),
            (Node { left: 1, ..good }, false),
            (Node { left: 6, ..good }, false),
            (Node { left: 5, ..good }, false),
            (Node { left: 2, ..good }, false),
            (Node { left: 4, ..good }, false),
            (Node { feature: 2, ..good }, false),
        ] {
            model.nodes[1] = node;
            assert_eq!(model.check(&kinds).is_ok(), passes, "{node:?}");
        }
    }
}
