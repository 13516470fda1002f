//! Turns a tree over bins into nodes of the fitted model, which compare raw values.

use tend_models::families::boosted::{Boosted, Input, Node, Population};

use super::bins::BinnedRows;
use super::grow::{GrownNode, GrownTree};
use super::split::Test;

/// Appends a tree in preorder. A tree without a split is left out: it would say what the base says.
pub(super) fn plant(boosted: &mut Boosted, tree: &GrownTree, bins: &BinnedRows, weight: impl Fn(usize) -> f64) {
    if tree.nodes.len() == 1 {
        return;
    }
    boosted.roots.push(boosted.nodes.len() as u32);
    // The nodes still to come, and for a right child the split that waits for its place.
    let mut to_come = vec![(0, None)];
    let first = boosted.nodes.len();
    while let Some((grown, parent)) = to_come.pop() {
        let place = boosted.nodes.len();
        if let Some(parent) = parent {
            set_right(&mut boosted.nodes[parent as usize], place as u32);
        }
        match &tree.nodes[grown] {
            GrownNode::Leaf { value, rows } => {
                let weight = tree.rows[rows.clone()].iter().map(|&row| weight(row as usize)).sum();
                boosted.nodes.push(Node::Leaf { value: *value });
                boosted.populations.push(Population { weight, mean: *value });
            }
            GrownNode::Split { feature, test, left, right } => {
                boosted.nodes.push(split_node(*feature, *test, bins));
                boosted.populations.push(Population { weight: 0.0, mean: 0.0 });
                to_come.push((*right, Some(place as u32)));
                to_come.push((*left, None));
            }
        }
    }
    fill_populations(boosted, first);
}

fn split_node(feature: usize, test: Test, bins: &BinnedRows) -> Node {
    let column = &bins.columns[feature];
    let (feature, right) = (feature as u16, 0);
    match test {
        // Bin 0 is that of NaN, and bin i + 1 that of level i.
        Test::Set(set) => Node::Levels { feature, unknown_left: set & 1 == 1, right, set: set >> 1 },
        Test::UpTo { bin, unknown_left } => {
            // Past the last edge lie all known values.
            let threshold = column.edges.get(usize::from(bin) - 1).copied().unwrap_or(f64::MAX);
            match column.input {
                Input::Rates { .. } => Node::Rate { feature, unknown_left, right, threshold },
                Input::Number | Input::Levels => Node::Number { feature, unknown_left, right, threshold },
            }
        }
    }
}

fn right_of(node: &Node) -> Option<u32> {
    match *node {
        Node::Leaf { .. } => None,
        Node::Number { right, .. } | Node::Levels { right, .. } | Node::Rate { right, .. } => Some(right),
    }
}

fn set_right(node: &mut Node, place: u32) {
    match node {
        Node::Leaf { .. } => {}
        Node::Number { right, .. } | Node::Levels { right, .. } | Node::Rate { right, .. } => *right = place,
    }
}

/// From the last node to the first, so that children come before their parents.
fn fill_populations(boosted: &mut Boosted, first: usize) {
    for place in (first..boosted.nodes.len()).rev() {
        if let Some(right) = right_of(&boosted.nodes[place]) {
            let (left, right) = (boosted.populations[place + 1], boosted.populations[right as usize]);
            let weight = left.weight + right.weight;
            // Rows of no weight at all still lie between their leaves.
            let share = if weight > 0.0 { left.weight / weight } else { 0.5 };
            boosted.populations[place] = Population { weight, mean: share * left.mean + (1.0 - share) * right.mean };
        }
    }
}
