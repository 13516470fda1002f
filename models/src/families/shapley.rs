//! Splits what a tree says of a row over the features, by exact Shapley values.
//!
//! The game is that of path-dependent TreeSHAP (Lundberg et al. 2020, *From local explanations to global understanding
//! with explainable AI for trees*): where a feature is unknown to a coalition, a split on it sends the row both ways, by
//! the training weight that went each way.
//!
//! A leaf is then worth its value times one factor for each feature on its path: *z*, the share of the weight that
//! passes that feature's splits, without the feature, and *o*, 1 or 0, with it. Shapley values are the integral of the
//! derivative of the multilinear extension along its diagonal (Owen 1972, *Multilinear extensions of games*), where
//! that factor is *f*(*t*) = *o t* + *z* (1 - *t*). On a path of *d* features the integrand is a polynomial of degree
//! *d* - 1, so Gauss-Legendre quadrature with *d* / 2 points, rounded up, is exact, and the work grows with the nodes
//! alone, as in Linear TreeSHAP (Yu et al. 2022), with no polynomial to multiply or divide.
//!
//! Let a split send the share *s* of the weight to the left, let *z* be the share that passes the splits of its feature
//! above, *P* the product of the factors above, *D* the sum over the leaves on the left of value times factors below,
//! less that on the right, and *g* 1 if the row goes left, else 0. With *q* = *g* - *s* where the row passes the splits
//! of the feature above, else 0, and *f* = *t* + *z* (1 - *t*), the factor of the left side over the feature's factor
//! above is *s* + *q t* / *f*, and the split adds the integral of *q z P D* / *f*^2 to its feature. Only *q* depends on
//! the row, so that the rest is worked out once for many.

use std::collections::BTreeMap;
use std::ops::Range;

use super::classifier::ModelError;

/// Rows that are worked on at once, where there are many.
const LANES: usize = 8;
/// Points of the quadrature that are worked on at once for a single row.
const POINTS: usize = 4;
/// Rows that a tree is laid out for; their values and contributions stay near the processor.
const ROWS_AT_ONCE: usize = 256;

/// What stands at a node.
pub(super) enum Step {
    /// The end of a path.
    Leaf { value: f64 },
    /// A test of one feature.
    Split {
        feature: u32,
        left: u32,
        right: u32,
        /// Share of the training weight that goes left.
        share: f64,
    },
}

/// Trees as their explanation needs them.
pub(super) trait Grown {
    /// The places of the nodes of each tree: the root is the first, and children come after their parents.
    fn trees(&self) -> impl Iterator<Item = Range<u32>>;

    fn step(&self, place: u32) -> Step;

    /// What the splits see of a feature's value.
    fn seen(&self, feature: usize, value: f64) -> f64;

    /// For each of some rows 1 if a split sends it left, else 0. `seen` holds what is seen of each feature.
    fn goes_left<const N: usize>(&self, place: u32, seen: &[[f64; N]]) -> [f64; N];
}

/// The share of the weight that goes left; half, where there is no weight.
pub(super) fn share_left(left: f64, right: f64) -> f64 {
    let weight = left + right;
    if weight > 0.0 { left / weight } else { 0.5 }
}

/// Checks that the nodes of each tree are a tree: anything else may give a path that never ends or a node without one.
pub(super) struct Parents(Vec<usize>);

impl Parents {
    pub(super) fn new(nodes: usize) -> Self {
        Self(vec![0; nodes])
    }

    /// Counts a parent of a node; a root counts as having one.
    pub(super) fn add(&mut self, node: u32) {
        self.0[node as usize] += 1;
    }

    /// Refuses a node without a parent or with several.
    pub(super) fn check(&self, part: &str) -> Result<(), ModelError> {
        match self.0.iter().position(|&parents| parents != 1) {
            Some(node) => Err(ModelError::Parents { part: format!("{part} {node}"), found: self.0[node] }),
            None => Ok(()),
        }
    }
}

/// The places of the nodes of each tree, where a tree ends at the next root.
pub(super) fn places_of_trees(roots: &[u32], nodes: usize) -> impl Iterator<Item = Range<u32>> {
    let ends = roots.iter().skip(1).copied().chain([nodes as u32]);
    roots.iter().zip(ends).map(|(&root, end)| root..end)
}

/// Writes the Shapley values of each feature, summed over the trees: `rows` and `contributions` are (rows, `width`),
/// row-major. Those of a row sum to what the trees predict of it less what they predict on average, to rounding, and
/// are the same to the bit whatever rows are beside it.
pub(super) fn explain(trees: &impl Grown, rows: &[f64], width: usize, contributions: &mut [f64]) {
    if width == 0 {
        return;
    }
    if rows.len() == width {
        return explain_lanes::<1, POINTS>(trees, rows, width, contributions);
    }
    let at_once = ROWS_AT_ONCE * width;
    for (rows, contributions) in rows.chunks(at_once).zip(contributions.chunks_mut(at_once)) {
        explain_lanes::<LANES, 1>(trees, rows, width, contributions);
    }
}

/// In blocks of `N` rows; what is found for those that are not there is not looked at.
fn explain_lanes<const N: usize, const P: usize>(
    trees: &impl Grown,
    rows: &[f64],
    width: usize,
    contributions: &mut [f64],
) {
    let blocks = rows.len().div_ceil(width * N);
    let mut seen = vec![[0.0; N]; blocks * width];
    for (place, row) in rows.chunks_exact(width).enumerate() {
        for (feature, value) in row.iter().enumerate() {
            seen[place / N * width + feature][place % N] = trees.seen(feature, *value);
        }
    }
    let mut found = vec![[0.0; N]; seen.len()];
    let (mut tree, mut at_rows) = (Tree::default(), AtRows::<N, P>::default());
    for places in trees.trees() {
        tree.lay_out(places, |place| trees.step(place));
        for (seen, found) in seen.chunks_exact(width).zip(found.chunks_exact_mut(width)) {
            at_rows.add(&tree, |place| trees.goes_left(place, seen), found);
        }
    }
    for (place, row) in contributions.chunks_exact_mut(width).enumerate() {
        let found = &found[place / N * width..][..width];
        row.iter_mut().zip(found).for_each(|(contribution, found)| *contribution = found[place % N]);
    }
}

/// One tree, whatever the rows. Its memory is used again from tree to tree.
#[derive(Default)]
struct Tree {
    root: u32,
    /// Parents come before their children.
    splits: Vec<Split>,
    /// One a node; that of the root is never looked at.
    sides: Vec<Side>,
    /// Places and values.
    leaves: Vec<(u32, f64)>,
    /// Of the quadrature that is exact for this tree: a path of *d* features needs *d* / 2.
    points: usize,
    rules: BTreeMap<usize, Vec<Point>>,
}

/// A split. Places count from the root.
struct Split {
    place: u32,
    left: u32,
    right: u32,
    feature: u32,
    share: f64,
    side: Side,
    /// Bit *i* is set where a split above is on a feature with this remainder by 64.
    features_above: u64,
    /// Distinct features on the path, this one included.
    features: u32,
    /// The nearest split above on the same feature, and the way from there.
    same_above: Option<Side>,
    /// The share of the weight that passes the splits of the feature above.
    passed: f64,
}

/// Where a node is: the index of a split above it, and whether it is on its left.
#[derive(Clone, Copy, Default)]
struct Side {
    split: u32,
    is_left: bool,
}

impl Tree {
    fn lay_out(&mut self, places: Range<u32>, step: impl Fn(u32) -> Step) {
        self.root = places.start;
        self.splits.clear();
        self.leaves.clear();
        self.sides.resize(self.sides.len().max(places.len()), Side::default());
        let mut features = 0;
        for place in 0..places.end - places.start {
            match step(self.root + place) {
                Step::Leaf { value } => self.leaves.push((place, value)),
                Step::Split { feature, left, right, share } => {
                    let (left, right) = (left - self.root, right - self.root);
                    let index = self.splits.len() as u32;
                    self.sides[left as usize] = Side { split: index, is_left: true };
                    self.sides[right as usize] = Side { split: index, is_left: false };
                    let side = self.sides[place as usize];
                    let (features_above, same_above, passed) = (0, None, 1.0);
                    let mut split = Split {
                        place,
                        left,
                        right,
                        feature,
                        share,
                        side,
                        features_above,
                        features: 1,
                        same_above,
                        passed,
                    };
                    if place > 0 {
                        self.follow(&mut split);
                    }
                    features = features.max(split.features);
                    self.splits.push(split);
                }
            }
        }
        self.points = features.div_ceil(2) as usize;
        self.rules.entry(self.points).or_insert_with(|| rule(self.points));
    }

    /// Fills in what the path above says of a split.
    fn follow(&self, split: &mut Split) {
        let mut side = split.side;
        let parent = &self.splits[side.split as usize];
        split.features_above = parent.features_above | bit(parent.feature);
        split.features = parent.features + 1;
        if split.features_above & bit(split.feature) == 0 {
            return;
        }
        loop {
            let above = &self.splits[side.split as usize];
            if above.feature == split.feature {
                let share = if side.is_left { above.share } else { 1.0 - above.share };
                split.passed = above.passed * share;
                split.same_above = Some(side);
                split.features = parent.features;
                return;
            }
            if above.place == 0 {
                return;
            }
            side = above.side;
        }
    }
}

/// One tree for `N` rows, at `P` points of the quadrature at once. Its memory is used again from tree to tree.
///
/// Points are added up in their order, whatever `N` and `P`.
#[derive(Default)]
struct AtRows<const N: usize, const P: usize> {
    /// One a split.
    turns: Vec<Turn<N>>,
    /// (splits, points): the left child's factor over its feature's factor above.
    ratio: Vec<[[f64; N]; P]>,
    /// (splits, points): what the difference between the sides is multiplied by for the feature's Shapley value.
    stake: Vec<[[f64; N]; P]>,
    /// (nodes, points): the product of the factors above.
    above: Vec<[[f64; N]; P]>,
    /// (nodes, points): the sum over the leaves below, of value times factors below.
    below: Vec<[[f64; N]; P]>,
}

/// What a split makes of some rows.
#[derive(Clone, Copy)]
struct Turn<const N: usize> {
    /// 1 for those that go left, else 0.
    left: [f64; N],
    /// 1 for those that pass the splits of its feature above, else 0.
    passed: [f64; N],
}

impl<const N: usize, const P: usize> AtRows<N, P> {
    /// Adds the Shapley values of a tree to those of the rows' features.
    fn add(&mut self, tree: &Tree, goes_left: impl Fn(u32) -> [f64; N], contributions: &mut [[f64; N]]) {
        let blocks = tree.points.div_ceil(P);
        self.make_room(tree, blocks);
        for &(place, value) in &tree.leaves {
            self.below[place as usize * blocks..][..blocks].fill([[value; N]; P]);
        }
        self.descend(tree, blocks, goes_left);
        self.ascend(tree, blocks, contributions);
    }

    fn make_room(&mut self, tree: &Tree, blocks: usize) {
        let splits = tree.splits.len();
        let nodes = splits + tree.leaves.len();
        self.turns.resize(self.turns.len().max(splits), Turn { left: [0.0; N], passed: [0.0; N] });
        for (column, length) in
            [(&mut self.ratio, splits), (&mut self.stake, splits), (&mut self.above, nodes), (&mut self.below, nodes)]
        {
            column.resize(column.len().max(length * blocks), [[0.0; N]; P]);
        }
    }

    fn descend(&mut self, tree: &Tree, blocks: usize, goes_left: impl Fn(u32) -> [f64; N]) {
        let (points, _) = tree.rules[&tree.points].as_chunks::<P>();
        self.above[..blocks].fill([[1.0; N]; P]);
        for (index, split) in tree.splits.iter().enumerate() {
            let turn = self.turn(split, goes_left(tree.root + split.place));
            let stray: [f64; N] = std::array::from_fn(|row| turn.passed[row] * (turn.left[row] - split.share));
            self.turns[index] = turn;
            for (block, points) in points[..blocks].iter().enumerate() {
                let above = self.above[split.place as usize * blocks + block];
                let (step, stake) = split.at(points);
                let ratio = lanes(|point, row| split.share + stray[row] * step[point]);
                let left = lanes(|point, row| above[point][row] * ratio[point][row]);
                self.above[split.left as usize * blocks + block] = left;
                self.above[split.right as usize * blocks + block] =
                    lanes(|point, row| above[point][row] - left[point][row]);
                self.ratio[index * blocks + block] = ratio;
                self.stake[index * blocks + block] = lanes(|point, row| above[point][row] * stray[row] * stake[point]);
            }
        }
    }

    fn turn(&self, split: &Split, left: [f64; N]) -> Turn<N> {
        let passed = split.same_above.map_or([1.0; N], |Side { split, is_left }| {
            let above = &self.turns[split as usize];
            std::array::from_fn(|row| above.passed[row] * if is_left { above.left[row] } else { 1.0 - above.left[row] })
        });
        Turn { left, passed }
    }

    fn ascend(&mut self, tree: &Tree, blocks: usize, contributions: &mut [[f64; N]]) {
        for (index, split) in tree.splits.iter().enumerate().rev() {
            let mut sum = [0.0; N];
            for block in 0..blocks {
                let (ratio, stake) = (&self.ratio[index * blocks + block], &self.stake[index * blocks + block]);
                let left = self.below[split.left as usize * blocks + block];
                let right = self.below[split.right as usize * blocks + block];
                let difference: [[f64; N]; P] = lanes(|point, row| left[point][row] - right[point][row]);
                let products: [[f64; N]; P] = lanes(|point, row| stake[point][row] * difference[point][row]);
                for own in products {
                    sum = std::array::from_fn(|row| sum[row] + own[row]);
                }
                self.below[split.place as usize * blocks + block] =
                    lanes(|point, row| right[point][row] + ratio[point][row] * difference[point][row]);
            }
            let contribution = &mut contributions[split.feature as usize];
            *contribution = std::array::from_fn(|row| contribution[row] + sum[row]);
        }
    }
}

impl Split {
    /// *t* / *f*, and *z* / *f*^2 with the weight of each point.
    #[inline(always)]
    fn at<const P: usize>(&self, points: &[Point; P]) -> ([f64; P], [f64; P]) {
        if self.passed == 1.0 {
            return (points.map(|point| point.at), points.map(|point| point.weight));
        }
        // Factors are at least the least point, which is above 0.
        let inverse = points.map(|point| 1.0 / (self.passed + point.at * (1.0 - self.passed)));
        let step = std::array::from_fn(|point| points[point].at * inverse[point]);
        let stake = |point: usize| points[point].weight * self.passed * inverse[point] * inverse[point];
        (step, std::array::from_fn(stake))
    }
}

#[inline(always)]
fn lanes<const N: usize, const P: usize>(number: impl Fn(usize, usize) -> f64) -> [[f64; N]; P] {
    std::array::from_fn(|point| std::array::from_fn(|row| number(point, row)))
}

fn bit(feature: u32) -> u64 {
    1 << (feature % 64)
}

/// A point of a quadrature over 0 to 1, with its weight; a weight of 0 only fills up.
#[derive(Clone, Copy)]
struct Point {
    at: f64,
    weight: f64,
}

/// Gauss-Legendre quadrature with `order` points, filled up to a multiple of [`POINTS`].
///
/// The points are the roots of the Legendre polynomial, found by Newton's method from their asymptotic places (Press et
/// al., *Numerical Recipes*, section 4.6).
fn rule(order: usize) -> Vec<Point> {
    let point = |index: usize| {
        let mut x = (std::f64::consts::PI * (index as f64 + 0.75) / (order as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..10 {
            let (value, found) = legendre(order, x);
            slope = found;
            x -= value / slope;
        }
        // From -1 to 1 over to 0 to 1.
        Point { at: (1.0 - x) / 2.0, weight: 1.0 / ((1.0 - x * x) * slope * slope) }
    };
    let filled = (0..order).map(point).chain(std::iter::repeat(Point { at: 0.5, weight: 0.0 }));
    filled.take(order.next_multiple_of(POINTS)).collect()
}

/// The Legendre polynomial of an order and its derivative, between -1 and 1.
fn legendre(order: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for degree in 2..=order {
        let degree = degree as f64;
        (before, value) = (value, ((2.0 * degree - 1.0) * x * value - (degree - 1.0) * before) / degree);
    }
    (value, order as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
pub(super) mod tests;
