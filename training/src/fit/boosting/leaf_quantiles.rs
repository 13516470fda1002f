//! Leaf values of the quantile objective: no Newton step tells a quantile, the rows of a leaf do.

use super::bins::Column;
use super::grow::{GrownNode, GrownTree};
use super::monotone::Bounds;
use super::objective::quantile;

/// Gives each leaf this share's quantile of what is missing in its rows; `missing` is a row's answer without its score,
/// and its weight.
///
/// Source: Friedman (2001), *Greedy function approximation*, section 4.3, for the median.
pub(super) fn set_leaf_quantiles(
    tree: &mut GrownTree,
    columns: &[Column],
    share: f64,
    learning_rate: f64,
    missing: impl Fn(usize) -> (f64, f64),
) {
    let spans = spans(tree);
    let of = |node: usize| {
        quantile(tree.rows[spans[node].clone()].iter().map(|&row| missing(row as usize)).collect(), share)
    };
    let mut bounds = vec![Bounds::NONE; tree.nodes.len()];
    // Children come after their parents.
    for node in 0..tree.nodes.len() {
        match tree.nodes[node] {
            GrownNode::Split { feature, test, left, right } => {
                let [below, above] = match columns[feature].direction_of(test) {
                    None => [bounds[node]; 2],
                    Some(direction) => bounds[node].divided(direction, [of(left), of(right)]),
                };
                (bounds[left], bounds[right]) = (below, above);
            }
            GrownNode::Leaf { .. } => {
                let set = learning_rate * bounds[node].clamp(of(node));
                if let GrownNode::Leaf { value, .. } = &mut tree.nodes[node] {
                    *value = set;
                }
            }
        }
    }
}

/// The places in `tree.rows` that belong to each node.
fn spans(tree: &GrownTree) -> Vec<std::ops::Range<usize>> {
    let mut spans = vec![0..0; tree.nodes.len()];
    for node in (0..tree.nodes.len()).rev() {
        spans[node] = match &tree.nodes[node] {
            GrownNode::Leaf { rows, .. } => rows.clone(),
            GrownNode::Split { left, right, .. } => spans[*left].start..spans[*right].end,
        };
    }
    spans
}
