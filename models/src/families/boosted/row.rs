//! Boosted trees on one row: only splits that send the row right are looked at, few of them one by one.
//!
//! A tree keeps a set of leaves, one bit a leaf. The splits of all trees on one feature lie in the order of their
//! thresholds, so that those that send a value right are the first of them; each takes the leaves on its left out of
//! its tree's set. The first leaf still in a set is the row's (Lucchese et al. 2015, *QuickScorer*). What is left of
//! all sets after every [`STEP`]-th split is worked out beforehand, so that a value costs one pass over the sets and
//! fewer than [`STEP`] splits.

use std::collections::BTreeMap;
use std::hint::select_unpredictable;

use super::{Boosted, Input, Node};

/// Words of a block: an index of one byte never misses.
const BLOCK: usize = 256;
/// Leaves in a word.
const WORD: usize = u32::BITS as usize;
/// Words that are worked on at once.
const LANES: usize = 16;
/// Splits from one set worked out beforehand to the next: more of them are faster and take more memory.
const STEP: usize = 32;
/// Features whose values are looked up before any set is touched.
const GROUP: usize = 64;
/// Beyond this, a tree has more splits that send a row right than it takes to follow one path.
const MOST_LEAVES: usize = 128;

/// The leaves that are left in the set of each tree, one bit a leaf; a tree of many leaves has several words.
type Sets = [u32; BLOCK];

/// Boosted trees made ready for one row.
#[derive(Debug, Clone)]
pub struct BoostedRow {
    base: f64,
    inputs: Vec<Input>,
    blocks: Vec<Block>,
}

/// Consecutive trees whose sets together take at most [`BLOCK`] words.
#[derive(Debug, Clone)]
struct Block {
    /// One for each feature that a split looks at, with its place.
    features: Vec<(usize, Splits)>,
    sets: WorkedOut,
    /// The first word of each tree.
    trees: Vec<u8>,
    /// A leaf's value has the place of its bit in the words.
    leaves: Vec<f64>,
}

/// Sets that were worked out beforehand.
#[derive(Debug, Clone)]
struct WorkedOut {
    /// Words of one entry: those of all trees, up to a multiple of [`LANES`].
    words: usize,
    /// (entries, words), row-major.
    entries: Vec<u32>,
}

/// The splits of one feature.
#[derive(Debug, Clone)]
enum Splits {
    Thresholds {
        /// Rising, with infinity up to a power of two less 1.
        thresholds: Vec<f64>,
        /// What each split takes out where it sends the row right, in the order of the thresholds.
        takes: Vec<Takes>,
        /// The entry before any split; the next is after [`STEP`] of them.
        first: usize,
        /// The entry of a number that is unknown.
        unknown: usize,
    },
    Levels {
        /// The entry of each level, the last for every higher one.
        levels: Vec<usize>,
        /// The entry of a level that is unknown.
        unknown: usize,
    },
}

/// Leaves to be taken out of a set: those of a word whose bits are 0.
#[derive(Debug, Clone, Copy)]
struct Takes {
    keep: u32,
    word: u8,
}

/// What a value makes of the sets.
#[derive(Clone, Copy)]
struct Found<'a> {
    entry: usize,
    takes: &'a [Takes],
}

impl BoostedRow {
    /// Makes a checked model ready; `None` if it has trees so large that following a path is faster.
    #[must_use]
    pub fn new(model: &Boosted) -> Option<Self> {
        let mut blocks: Vec<Vec<Tree>> = Vec::new();
        let mut words = BLOCK;
        for &root in &model.roots {
            let tree = Tree::of(&model.nodes, root as usize)?;
            if words + tree.words() > BLOCK {
                blocks.push(Vec::new());
                words = 0;
            }
            words += tree.words();
            blocks.last_mut()?.push(tree);
        }
        let blocks = blocks.iter().map(|trees| Block::of(trees)).collect();
        Some(Self { base: model.base, inputs: model.inputs.clone(), blocks })
    }

    /// The prediction of a row: to the bit what [`Predict::predict`](crate::predict::Predict::predict) of the model
    /// says of it.
    #[must_use]
    pub fn predict(&self, row: &[f64]) -> f64 {
        let mut sum = 0.0;
        for block in &self.blocks {
            let mut sets = [u32::MAX; BLOCK];
            for features in block.features.chunks(GROUP) {
                let mut found = [Found { entry: 0, takes: &[] }; GROUP];
                for (found, (place, splits)) in found.iter_mut().zip(features) {
                    *found = splits.find(self.inputs[*place].rate(row[*place]));
                }
                block.sets.take_out(&found[..features.len()], &mut sets);
            }
            sum = block.add_leaves(&sets, sum);
        }
        self.base + sum
    }
}

impl Block {
    fn of(trees: &[Tree]) -> Self {
        let mut by_feature: BTreeMap<u16, Vec<(Node, Takes)>> = BTreeMap::new();
        let (mut firsts, mut leaves, mut words) = (Vec::new(), Vec::new(), 0);
        for tree in trees {
            for split in &tree.splits {
                for takes in split.takes(words) {
                    by_feature.entry(split.feature).or_default().push((split.node, takes));
                }
            }
            firsts.push(words as u8);
            words += tree.words();
            leaves.extend(&tree.leaves);
            leaves.resize(words * WORD, 0.0);
        }
        let mut sets = WorkedOut { words: words.next_multiple_of(LANES), entries: Vec::new() };
        let features = by_feature.into_iter().map(|(place, nodes)| (place.into(), Splits::of(nodes, &mut sets)));
        Self { features: features.collect(), sets, trees: firsts, leaves }
    }

    /// Adds to a sum the value of each tree's leaf, in the order of the trees.
    fn add_leaves(&self, sets: &Sets, sum: f64) -> f64 {
        self.trees.iter().fold(sum, |sum, &first| {
            let mut word = first;
            // Some leaf is left, so this ends.
            while sets[word as usize] == 0 {
                word += 1;
            }
            sum + self.leaves[word as usize * WORD + sets[word as usize].trailing_zeros() as usize]
        })
    }
}

impl WorkedOut {
    /// Works out an entry: what is left after some splits.
    fn push<'a>(&mut self, takes: impl IntoIterator<Item = &'a Takes>) -> usize {
        let from = self.entries.len();
        self.entries.resize(from + self.words, u32::MAX);
        for takes in takes {
            self.entries[from + takes.word as usize] &= takes.keep;
        }
        from / self.words
    }

    fn take_out(&self, found: &[Found<'_>], sets: &mut Sets) {
        for (lanes, sets) in sets[..self.words].chunks_exact_mut(LANES).enumerate() {
            let mut left = [u32::MAX; LANES];
            for found in found {
                let entry = &self.entries[found.entry * self.words + lanes * LANES..][..LANES];
                for lane in 0..LANES {
                    left[lane] &= entry[lane];
                }
            }
            for lane in 0..LANES {
                sets[lane] &= left[lane];
            }
        }
        for Takes { word, keep } in found.iter().flat_map(|found| found.takes) {
            sets[*word as usize] &= keep;
        }
    }
}

impl Splits {
    /// The splits of one feature, all of one kind, with what each takes out where it sends a row right.
    fn of(mut nodes: Vec<(Node, Takes)>, sets: &mut WorkedOut) -> Self {
        let all = |nodes: &[(Node, Takes)], right: &dyn Fn(&Node) -> bool| -> Vec<Takes> {
            nodes.iter().filter(|(node, _)| right(node)).map(|(_, takes)| *takes).collect()
        };
        let unknown = sets.push(&all(&nodes, &|node| !unknown_left(node)));
        if matches!(nodes[0].0, Node::Levels { .. }) {
            let entry = |level| sets.push(&all(&nodes, &|node| !names(node, level)));
            return Self::Levels { levels: (0..64).map(entry).collect(), unknown };
        }
        nodes.sort_by(|(one, _), (other, _)| threshold(one).total_cmp(&threshold(other)));
        let takes: Vec<Takes> = nodes.iter().map(|(_, takes)| *takes).collect();
        let first = sets.entries.len() / sets.words;
        for end in (0..=takes.len()).step_by(STEP) {
            sets.push(&takes[..end]);
        }
        let mut thresholds: Vec<f64> = nodes.iter().map(|(node, _)| threshold(node)).collect();
        thresholds.resize((takes.len() + 1).next_power_of_two() - 1, f64::INFINITY);
        Self::Thresholds { thresholds, takes, first, unknown }
    }

    #[inline(always)]
    fn find(&self, value: f64) -> Found<'_> {
        match self {
            Self::Levels { levels, unknown } => {
                let entry = levels[(value as usize).min(levels.len() - 1)];
                Found { entry: if value.is_nan() { *unknown } else { entry }, takes: &[] }
            }
            Self::Thresholds { thresholds, takes, first, unknown } => {
                let mut below = 0;
                let mut step = thresholds.len().div_ceil(2);
                while step > 0 {
                    below += select_unpredictable(thresholds[below + step - 1] < value, step, 0);
                    step /= 2;
                }
                // No threshold is below NaN, so that it takes nothing out one by one.
                let entry = if value.is_nan() { *unknown } else { first + below / STEP };
                Found { entry, takes: &takes[below / STEP * STEP..below] }
            }
        }
    }
}

fn unknown_left(node: &Node) -> bool {
    match *node {
        Node::Leaf { .. } => false,
        Node::Number { unknown_left, .. } | Node::Levels { unknown_left, .. } | Node::Rate { unknown_left, .. } => {
            unknown_left
        }
    }
}

fn names(node: &Node, level: usize) -> bool {
    matches!(node, Node::Levels { set, .. } if set >> level & 1 == 1)
}

fn threshold(node: &Node) -> f64 {
    match *node {
        Node::Number { threshold, .. } | Node::Rate { threshold, .. } => threshold,
        Node::Leaf { .. } | Node::Levels { .. } => f64::NAN,
    }
}

/// A tree taken apart.
struct Tree {
    /// From left to right.
    leaves: Vec<f64>,
    splits: Vec<Split>,
}

/// A split with the leaves on its left, which are those from one to before another.
struct Split {
    node: Node,
    feature: u16,
    from: usize,
    to: usize,
}

impl Tree {
    /// `None` if it has too many leaves.
    fn of(nodes: &[Node], root: usize) -> Option<Self> {
        let mut tree = Self { leaves: Vec::new(), splits: Vec::new() };
        // Places to come; before the one on the right of a split comes the end of the left.
        let mut to_come = vec![(root, None)];
        while let Some((place, split_on_left)) = to_come.pop() {
            if let Some(split) = split_on_left {
                let split: &mut Split = &mut tree.splits[split];
                split.to = tree.leaves.len();
            }
            let node = nodes[place];
            let (feature, right) = match node {
                Node::Leaf { .. } if tree.leaves.len() == MOST_LEAVES => return None,
                Node::Leaf { value } => {
                    tree.leaves.push(value);
                    continue;
                }
                Node::Number { feature, right, .. }
                | Node::Levels { feature, right, .. }
                | Node::Rate { feature, right, .. } => (feature, right),
            };
            to_come.push((right as usize, Some(tree.splits.len())));
            to_come.push((place + 1, None));
            tree.splits.push(Split { node, feature, from: tree.leaves.len(), to: 0 });
        }
        Some(tree)
    }

    fn words(&self) -> usize {
        self.leaves.len().div_ceil(WORD)
    }
}

impl Split {
    /// What it takes out, word by word, of a tree with this first word.
    fn takes(&self, first: usize) -> impl Iterator<Item = Takes> {
        (self.from / WORD..self.to.div_ceil(WORD)).map(move |word| {
            let from = self.from.saturating_sub(word * WORD);
            let to = (self.to - word * WORD).min(WORD);
            Takes { keep: !(u32::MAX << from & u32::MAX >> (WORD - to)), word: (first + word) as u8 }
        })
    }
}

#[cfg(test)]
mod tests;
