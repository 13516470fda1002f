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
//! At a split with weight share *s* to the left, whose feature has the factor *f* above it, let *P* be the product of
//! the factors above, *D* the sum over the leaves on the left of value times factors below, less that on the right,
//! and *g* 1 if the row goes left, else 0. Where the row passes the splits of the feature above, the split adds
//! *z* (*g* - *s*) times the integral of *P D* / *f*^2 to its feature; elsewhere nothing.

use std::cell::RefCell;
use std::ops::Range;

use super::classifier::ModelError;

/// Points of the quadrature that are worked on at once.
const LANES: usize = 4;
type Lanes = [f64; LANES];

/// What a row meets at a node.
pub(super) enum Step {
    /// The end of a path.
    Leaf { value: f64 },
    /// A test of one feature.
    Split {
        feature: u32,
        left: u32,
        right: u32,
        goes_left: bool,
        /// Share of the training weight that goes left.
        share: f64,
    },
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

/// Adds to each feature its Shapley value in a tree.
///
/// `step` tells what the row meets at each of the places of a tree; the root is the first of them, and children come
/// after their parents. The values sum to the tree's prediction less its mean, to rounding.
pub(super) fn add_tree(places: Range<u32>, step: impl Fn(u32) -> Step, contributions: &mut [f64]) {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.lay_out(places, step);
        scratch.add(contributions);
    });
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// One split of the tree at hand as the row meets it. Places count from the root.
struct Split {
    place: u32,
    left: u32,
    right: u32,
    feature: u32,
    side: Side,
    /// Bit *i* is set where a split above is on a feature with this remainder by 64.
    features_above: u64,
    /// Distinct features on the path, this one included.
    features: u32,
    goes_left: bool,
    share: f64,
    passed: Passed,
}

/// Where a node is: the index of the split above it, and whether it is on its left.
#[derive(Clone, Copy, Default)]
struct Side {
    split: u32,
    is_left: bool,
}

/// What the splits of one feature above some place make of the row.
#[derive(Clone, Copy)]
struct Passed {
    /// Whether the row goes the way of the path at each of them.
    row: bool,
    /// The share of the weight that does.
    share: f64,
}

/// A split at some points of the quadrature.
struct AtPoints {
    /// The left child's factor over its feature's factor above.
    ratio: Lanes,
    /// What the difference between the sides is multiplied by for the feature's Shapley value.
    stake: Lanes,
}

/// Reused from tree to tree.
#[derive(Default)]
struct Scratch {
    /// Parents come before their children.
    splits: Vec<Split>,
    at_points: Vec<AtPoints>,
    /// One a node; that of the root is never looked at.
    sides: Vec<Side>,
    /// One a node: the product of the factors above.
    above: Vec<Lanes>,
    /// One a node: the sum over the leaves below, of value times factors below.
    below: Vec<Lanes>,
    /// The rule at place *i* has (*i* + 1) x [`LANES`] points.
    rules: Vec<Vec<Points>>,
}

impl Scratch {
    #[inline(always)]
    fn lay_out(&mut self, places: Range<u32>, step: impl Fn(u32) -> Step) {
        let root = places.start;
        if self.sides.len() < places.len() {
            self.sides.resize(places.len(), Side::default());
            self.above.resize(places.len(), [0.0; LANES]);
            self.below.resize(places.len(), [0.0; LANES]);
        }
        self.splits.clear();
        for place in 0..places.end - root {
            match step(root + place) {
                Step::Leaf { value } => self.below[place as usize] = [value; LANES],
                Step::Split { feature, left, right, goes_left, share } => {
                    let (left, right) = (left - root, right - root);
                    let split = self.splits.len() as u32;
                    self.sides[left as usize] = Side { split, is_left: true };
                    self.sides[right as usize] = Side { split, is_left: false };
                    let side = self.sides[place as usize];
                    let passed = Passed { row: true, share: 1.0 };
                    let (features, features_above) = (1, 0);
                    let mut split =
                        Split { place, left, right, feature, side, features_above, features, goes_left, share, passed };
                    if place > 0 {
                        self.follow(&mut split);
                    }
                    self.splits.push(split);
                }
            }
        }
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
                let row = above.passed.row && above.goes_left == side.is_left;
                split.passed = Passed { row, share: above.passed.share * share };
                split.features = parent.features;
                return;
            }
            if above.place == 0 {
                return;
            }
            side = above.side;
        }
    }

    /// Adds the Shapley values of the tree laid out.
    fn add(&mut self, contributions: &mut [f64]) {
        let features = self.splits.iter().map(|split| split.features).max().unwrap_or(0) as usize;
        let blocks = features.div_ceil(2 * LANES);
        while self.rules.len() < blocks {
            self.rules.push(rule(self.rules.len() + 1));
        }
        for block in 0..blocks {
            self.descend(block, blocks);
            self.ascend(contributions);
        }
    }

    fn descend(&mut self, block: usize, blocks: usize) {
        let points = &self.rules[blocks - 1][block];
        self.at_points.clear();
        self.above[0] = [1.0; LANES];
        for split in &self.splits {
            let above = self.above[split.place as usize];
            let at_points = split.at_points(points, &above);
            let left: Lanes = std::array::from_fn(|lane| above[lane] * at_points.ratio[lane]);
            self.above[split.left as usize] = left;
            self.above[split.right as usize] = std::array::from_fn(|lane| above[lane] - left[lane]);
            self.at_points.push(at_points);
        }
    }

    fn ascend(&mut self, contributions: &mut [f64]) {
        for (split, AtPoints { ratio, stake }) in self.splits.iter().zip(&self.at_points).rev() {
            let (left, right) = (self.below[split.left as usize], self.below[split.right as usize]);
            let difference: Lanes = std::array::from_fn(|lane| left[lane] - right[lane]);
            let products: Lanes = std::array::from_fn(|lane| stake[lane] * difference[lane]);
            contributions[split.feature as usize] += products.iter().sum::<f64>();
            self.below[split.place as usize] = std::array::from_fn(|lane| right[lane] + ratio[lane] * difference[lane]);
        }
    }
}

impl Split {
    fn at_points(&self, points: &Points, above: &Lanes) -> AtPoints {
        let Points { at, weight } = points;
        let Passed { row, share: passed } = self.passed;
        if !row {
            return AtPoints { ratio: [self.share; LANES], stake: [0.0; LANES] };
        }
        let goes_left = f64::from(u8::from(self.goes_left));
        let stake = passed * (goes_left - self.share);
        if passed == 1.0 {
            return AtPoints {
                ratio: std::array::from_fn(|lane| self.share + at[lane] * (goes_left - self.share)),
                stake: std::array::from_fn(|lane| weight[lane] * above[lane] * stake),
            };
        }
        // At least the least point, which is above 0.
        let factor: Lanes = std::array::from_fn(|lane| passed + at[lane] * (1.0 - passed));
        let left = passed * self.share;
        AtPoints {
            ratio: std::array::from_fn(|lane| (left + at[lane] * (goes_left - left)) / factor[lane]),
            stake: std::array::from_fn(|lane| weight[lane] * above[lane] * stake / (factor[lane] * factor[lane])),
        }
    }
}

fn bit(feature: u32) -> u64 {
    1 << (feature % 64)
}

/// Some points of a quadrature over 0 to 1, and their weights.
struct Points {
    at: Lanes,
    weight: Lanes,
}

/// Gauss-Legendre quadrature with `blocks` x [`LANES`] points.
///
/// The points are the roots of the Legendre polynomial, found by Newton's method from their asymptotic places (Press et
/// al., *Numerical Recipes*, section 4.6).
fn rule(blocks: usize) -> Vec<Points> {
    let order = blocks * LANES;
    let point = |index: usize| {
        let mut x = (std::f64::consts::PI * (index as f64 + 0.75) / (order as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..10 {
            let (value, found) = legendre(order, x);
            slope = found;
            x -= value / slope;
        }
        // From -1 to 1 over to 0 to 1.
        ((1.0 - x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
    };
    let block = |block: usize| {
        let points: [(f64, f64); LANES] = std::array::from_fn(|lane| point(block * LANES + lane));
        Points { at: points.map(|(at, _)| at), weight: points.map(|(_, weight)| weight) }
    };
    (0..blocks).map(block).collect()
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
