//! An averaged forest in one flat array, with the encoding of raw rows in front of it.

use serde::{Deserialize, Serialize};

use super::classifier::ModelError;
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

/// One node; its tree's training rows that reach it have mean label `value`.
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
    /// Mean label here, from 0 to 1: the prediction in a leaf, the way to explain it elsewhere.
    pub value: f64,
}

impl Node {
    /// A node without children.
    #[must_use]
    pub fn leaf(value: f64) -> Self {
        Self { feature: 0, left: 0, right: 0, threshold: 0.0, value }
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
    /// The nodes of all trees; children come after their parents.
    pub nodes: Vec<Node>,
    /// Index of the root of each tree.
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
        self.nodes.iter().enumerate().try_for_each(|(index, node)| {
            let part = format!("tree node {index}");
            ModelError::rate(&part, node.value)?;
            if node.is_leaf() {
                return Ok(());
            }
            ModelError::finite(&part, &[node.threshold])?;
            ModelError::index(&part, node.feature as usize, 0, kinds.len())?;
            ModelError::index(&part, node.left as usize, index + 1, self.nodes.len())?;
            ModelError::index(&part, node.right as usize, index + 1, self.nodes.len())
        })
    }

    fn child(&self, node: &Node, row: &[f64]) -> &Node {
        let feature = node.feature as usize;
        let goes_left = self.encodings[feature].apply(row[feature]) <= node.threshold;
        &self.nodes[if goes_left { node.left } else { node.right } as usize]
    }
}

/// On the probability scale; explained by path: each split's change of the mean label goes to its feature.
///
/// Source of the path attribution: Saabas (2014), *Interpreting random forests*.
impl Predict for Trees {
    fn predict(&self, row: &[f64]) -> f64 {
        let mut sum = 0.0;
        for &root in &self.roots {
            let mut node = &self.nodes[root as usize];
            while !node.is_leaf() {
                node = self.child(node, row);
            }
            sum += node.value;
        }
        sum / self.roots.len() as f64
    }

    fn explain(&self, row: &[f64], contributions: &mut [f64]) -> f64 {
        contributions.fill(0.0);
        let weight = 1.0 / self.roots.len() as f64;
        let mut base = 0.0;
        for &root in &self.roots {
            let mut node = &self.nodes[root as usize];
            base += node.value * weight;
            while !node.is_leaf() {
                let child = self.child(node, row);
                contributions[node.feature as usize] += (child.value - node.value) * weight;
                node = child;
            }
        }
        base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stump_and_leaf() -> Trees {
        Trees {
            encodings: vec![
                Encoding::Number { unknown: -1.0 },
                Encoding::Category { levels: vec![0.1, 0.9], other: 0.5, unknown: 0.5 },
            ],
            nodes: vec![
                Node { feature: 1, left: 1, right: 2, threshold: 0.5, value: 0.4 },
                Node::leaf(0.2),
                Node::leaf(0.8),
                Node::leaf(0.6),
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

    #[test]
    fn a_cycle_or_a_child_out_of_range_is_refused() {
        let kinds = [FeatureKind::Number, FeatureKind::Category { levels: vec!["a".into(), "b".into()] }];
        assert_eq!(stump_and_leaf().check(&kinds), Ok(()));
        let mut broken = stump_and_leaf();
        broken.nodes[1] = Node { feature: 0, left: 1, right: 2, threshold: 0.0, value: 0.2 };
        assert!(broken.check(&kinds).is_err());
        broken.nodes[1].left = 4;
        assert!(broken.check(&kinds).is_err());
        broken.nodes[1].left = 2;
        assert_eq!(broken.check(&kinds), Ok(()));
        broken.nodes[1].feature = 2;
        assert!(broken.check(&kinds).is_err());
    }
}
