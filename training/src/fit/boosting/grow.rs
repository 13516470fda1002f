//! Grows one tree, the leaf with most to gain first.

use rand::seq::index;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use super::BoostingParams;
use super::bins::{BinnedRows, LANES};
use super::gradients::{Gradient, Scale, Sums};
use super::histogram::{Block, Histogram, build, subtract};
use super::monotone::Bounds;
use super::split::{Rules, Split, Test};

/// Fewer bins than this to add up are not worth another thread.
const PARALLEL_BINS: usize = 1 << 15;

/// A node of a tree over bins.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum GrownNode {
    Leaf { value: f64, rows: std::ops::Range<usize> },
    Split { feature: usize, test: Test, left: usize, right: usize },
}

/// A tree over bins; its root is node 0.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GrownTree {
    pub nodes: Vec<GrownNode>,
    /// The rows that it was grown on, those of each leaf together.
    pub rows: Vec<u32>,
}

impl GrownTree {
    /// The value of the leaf that a row of the table falls into.
    pub(super) fn value(&self, bins: &BinnedRows, row: usize) -> f64 {
        let mut node = 0;
        loop {
            match self.nodes[node] {
                GrownNode::Leaf { value, .. } => return value,
                GrownNode::Split { feature, test, left, right } => {
                    node = if test.goes_left(bins.bin(feature, row)) { left } else { right };
                }
            }
        }
    }
}

/// A leaf that may still be split.
struct OpenLeaf {
    node: usize,
    depth: usize,
    rows: std::ops::Range<usize>,
    sums: Sums,
    bounds: Bounds,
    histogram: Histogram,
    split: Split,
}

/// What a search for the best split of a leaf knows of it.
struct Side {
    sums: Sums,
    bounds: Bounds,
    /// One a feature: whether the leaf may be split by it.
    drawn: Vec<bool>,
}

/// Grows trees on one table. Holds the memory that every tree needs.
pub(super) struct Grower<'a> {
    bins: &'a BinnedRows,
    rules: Rules,
    max_leaves: usize,
    max_depth: usize,
    learning_rate: f64,
    feature_share: f64,
    /// Draws the features of each leaf.
    random: Xoshiro256PlusPlus,
    /// Histograms to use again.
    spare: Vec<Histogram>,
    /// The gradients of one leaf's rows, in their order.
    own_gradients: Vec<Gradient>,
    /// Rows on their way to the right.
    moved: Vec<u32>,
}

impl<'a> Grower<'a> {
    pub(super) fn new(bins: &'a BinnedRows, params: &BoostingParams, random: Xoshiro256PlusPlus) -> Self {
        Self {
            bins,
            rules: Rules::new(params),
            max_leaves: params.max_leaves,
            max_depth: params.max_depth.unwrap_or(usize::MAX),
            learning_rate: params.learning_rate,
            feature_share: params.feature_share,
            random,
            spare: Vec::new(),
            own_gradients: Vec::new(),
            moved: Vec::new(),
        }
    }

    /// Grows a tree on some rows; `gradients` are those of all rows, in units of the scale.
    pub(super) fn grow(&mut self, gradients: &[Gradient], scale: Scale, rows: Vec<u32>) -> GrownTree {
        self.rules.scale = scale;
        let mut tree = GrownTree { nodes: Vec::new(), rows };
        let mut open = Vec::new();
        let mut sums = Sums::default();
        tree.rows.iter().for_each(|&row| sums += self.rules.scale.sums(gradients[row as usize]));
        let mut histogram = self.histogram();
        let all = 0..tree.rows.len();
        let drawn = self.draw_features();
        let root = Side { sums, bounds: Bounds::NONE, drawn };
        let [split, _] = self.build(&mut histogram, &root, None, gradients, &tree.rows);
        tree.nodes.push(self.leaf(sums, Bounds::NONE, all.clone()));
        match split {
            Some(split) => {
                open.push(OpenLeaf { node: 0, depth: 0, rows: all, sums, bounds: Bounds::NONE, histogram, split });
            }
            None => self.spare.push(histogram),
        }
        for leaves in 2..=self.max_leaves {
            let Some(next) = most_to_gain(&open) else { break };
            let leaf = open.swap_remove(next);
            self.split(&mut tree, &mut open, leaf, gradients, leaves == self.max_leaves);
        }
        self.spare.extend(open.into_iter().map(|leaf| leaf.histogram));
        tree
    }

    fn split(
        &mut self,
        tree: &mut GrownTree,
        open: &mut Vec<OpenLeaf>,
        leaf: OpenLeaf,
        gradients: &[Gradient],
        is_last: bool,
    ) {
        let OpenLeaf { node, depth, rows, sums, bounds, mut histogram, split } = leaf;
        let Split { feature, test, left: left_sums, .. } = split;
        let middle = rows.start + self.partition(&mut tree.rows[rows.clone()], feature, test);
        let (rows, sums) = ([rows.start..middle, middle..rows.end], [left_sums, sums - left_sums]);
        let bounds = match self.bins.columns[feature].direction_of(test) {
            None => [bounds; 2],
            Some(direction) => bounds.divided(direction, sums.map(|sums| self.rules.leaf_value(sums))),
        };
        let first_child = tree.nodes.len();
        tree.nodes[node] = GrownNode::Split { feature, test, left: first_child, right: first_child + 1 };
        tree.nodes.extend([0, 1].map(|side| self.leaf(sums[side], bounds[side], rows[side].clone())));
        let splittable = |rows: &std::ops::Range<usize>| rows.len() >= 2 * self.rules.min_leaf_rows;
        if is_last || depth + 1 >= self.max_depth || !rows.iter().any(splittable) {
            self.spare.push(histogram);
            return;
        }
        let small = usize::from(rows[1].len() < rows[0].len());
        // Left before right, whichever is smaller.
        let sides = [0, 1].map(|side| Side { sums: sums[side], bounds: bounds[side], drawn: self.draw_features() });
        let mut small_histogram = self.histogram();
        let large = Some((&mut histogram, &sides[1 - small]));
        let small_rows = &tree.rows[rows[small].clone()];
        let splits = self.build(&mut small_histogram, &sides[small], large, gradients, small_rows);
        for (side, histogram, split) in [(small, small_histogram, splits[0]), (1 - small, histogram, splits[1])] {
            let (node, depth, rows) = (first_child + side, depth + 1, rows[side].clone());
            let Side { sums, bounds, .. } = sides[side];
            match split {
                Some(split) => open.push(OpenLeaf { node, depth, rows, sums, bounds, histogram, split }),
                None => self.spare.push(histogram),
            }
        }
    }

    /// Sums the rows of a leaf into a histogram and finds its best split. With a larger sibling, turns the histogram
    /// of their parent into that of the sibling, and finds the best split of that too.
    fn build(
        &mut self,
        histogram: &mut Histogram,
        side: &Side,
        sibling: Option<(&mut Histogram, &Side)>,
        gradients: &[Gradient],
        rows: &[u32],
    ) -> [Option<Split>; 2] {
        self.own_gradients.clear();
        self.own_gradients.extend(rows.iter().map(|&row| gradients[row as usize]));
        let mut parents: Vec<Option<(&mut Block, &Side)>> = match sibling {
            Some((parent, sibling)) => parent.blocks.iter_mut().map(|block| Some((block, sibling))).collect(),
            None => histogram.blocks.iter().map(|_| None).collect(),
        };
        let blocks = self.bins.blocks.len();
        let at_once = if rows.len() * blocks * LANES < PARALLEL_BINS { blocks } else { 1 };
        let found: Vec<[Option<Split>; 2]> = histogram
            .blocks
            .par_iter_mut()
            .zip(&mut parents)
            .enumerate()
            .with_min_len(at_once)
            .map(|(index, (block, parent))| {
                build(block, &self.bins.blocks[index], rows, &self.own_gradients, self.rules.scale);
                let own = self.best_in(index, block, side);
                let Some((parent, sibling)) = parent else { return [own, None] };
                subtract(parent, block);
                [own, self.best_in(index, parent, sibling)]
            })
            .collect();
        found
            .into_iter()
            .fold([None; 2], |[one, other], [next, next_other]| [better(one, next), better(other, next_other)])
    }

    /// The best split of a leaf by its drawn features of one block.
    fn best_in(&self, index: usize, block: &Block, leaf: &Side) -> Option<Split> {
        if self.rules.scale.rows(leaf.sums) < 2 * self.rules.min_leaf_rows {
            return None;
        }
        let columns = self.bins.columns.iter().enumerate().skip(index * LANES);
        let drawn = columns.zip(block).filter(|((feature, _), _)| leaf.drawn[*feature]);
        drawn
            .map(|((feature, column), bins)| {
                self.rules.best(feature, column, &bins[..column.bins], leaf.sums, leaf.bounds)
            })
            .fold(None, better)
    }

    fn draw_features(&mut self) -> Vec<bool> {
        let width = self.bins.columns.len();
        let count = ((self.feature_share * width as f64).round() as usize).clamp(1, width);
        let mut drawn = vec![false; width];
        index::sample(&mut self.random, width, count).into_iter().for_each(|feature| drawn[feature] = true);
        drawn
    }

    /// Brings the rows that go left to the front, in their order, and returns how many they are.
    fn partition(&mut self, rows: &mut [u32], feature: usize, test: Test) -> usize {
        let goes_left: [bool; 256] = std::array::from_fn(|bin| test.goes_left(bin as u8));
        self.moved.resize(self.moved.len().max(rows.len()), 0);
        let (mut left, mut right) = (0, 0);
        for place in 0..rows.len() {
            let row = rows[place];
            let is_left = goes_left[usize::from(self.bins.bin(feature, row as usize))];
            // Both writes, without a branch: which way a row goes cannot be foreseen.
            rows[left] = row;
            self.moved[right] = row;
            left += usize::from(is_left);
            right += usize::from(!is_left);
        }
        rows[left..].copy_from_slice(&self.moved[..right]);
        left
    }

    fn leaf(&self, sums: Sums, bounds: Bounds, rows: std::ops::Range<usize>) -> GrownNode {
        GrownNode::Leaf { value: self.learning_rate * bounds.clamp(self.rules.leaf_value(sums)), rows }
    }

    fn histogram(&mut self) -> Histogram {
        self.spare.pop().unwrap_or_else(|| Histogram::empty(self.bins.blocks.len()))
    }
}

/// The first of the leaves with the largest gain.
fn most_to_gain(open: &[OpenLeaf]) -> Option<usize> {
    (0..open.len()).reduce(|best, next| if open[next].split.gain > open[best].split.gain { next } else { best })
}

fn better(one: Option<Split>, other: Option<Split>) -> Option<Split> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.gain > one.gain { other } else { one }),
        (one, other) => one.or(other),
    }
}
