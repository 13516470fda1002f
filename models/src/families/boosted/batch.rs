//! Boosted trees on many rows at once: every split is tested on a block of rows, and no row takes a branch.
//!
//! Values become ranks among the thresholds that occur, one byte a row, so that a split compares a block of bytes. A tree
//! keeps a set of leaves for each row, one bit a leaf; a split that sends a row right takes the leaves on its left out
//! of the set, and the first leaf still in it after all splits is the row's (Lucchese et al. 2015, *QuickScorer*; with
//! the sets cut into bytes, so that a split touches few of them: Ye et al. 2018, *RapidScorer*).

use std::hint::select_unpredictable;

use super::{Boosted, Input, Node};

/// Rows of a block.
const BLOCK: usize = 64;
type Bytes = [u8; BLOCK];
/// Most thresholds that one column of bytes tells apart.
const MOST_RANKS: usize = 255;
/// A row's leaf is one byte. Beyond this, testing all splits takes longer than following one path.
const MOST_LEAVES: usize = 256;

/// Boosted trees made ready for blocks of rows.
#[derive(Debug, Clone)]
pub struct BoostedBatch<'a> {
    model: &'a Boosted,
    /// One a feature.
    features: Vec<Feature>,
    /// Number of columns of all features.
    columns: usize,
    trees: Vec<Tree>,
}

/// How the values of a feature become columns of bytes.
#[derive(Debug, Clone, Default)]
struct Feature {
    /// The thresholds that occur, rising and each once.
    thresholds: Vec<f64>,
    /// [`Self::thresholds`], with infinity up to a power of two less 1.
    padded: Vec<f64>,
    columns: Vec<Column>,
}

/// One byte a row: a split sends the row left where the byte is at most its `most`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Column {
    place: usize,
    /// Where a row goes if the value is unknown.
    unknown_left: bool,
    test: Test,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Test {
    /// How many thresholds, from this one on, are below the value.
    Rank { first: usize },
    /// 0 for a level of this set, else 1.
    Set(u64),
}

#[derive(Debug, Clone)]
enum Tree {
    /// Tests all splits.
    Low { splits: Vec<Split>, leaves: Vec<f64> },
    /// Follows one path.
    Tall { root: u32 },
}

#[derive(Debug, Clone, Copy)]
struct Split {
    column: u32,
    /// Bytes up to this one go left.
    most: u8,
    /// The bytes of the set that hold leaves on the left.
    first: u8,
    last: u8,
    /// The leaves of the first and the last of them that are not on the left.
    keep_first: u8,
    keep_last: u8,
}

impl<'a> BoostedBatch<'a> {
    /// Makes a checked model ready: at most about the work of predicting a hundred rows one at a time.
    #[must_use]
    pub fn new(model: &'a Boosted) -> Self {
        let mut features = vec![Feature::default(); model.inputs.len()];
        for node in &model.nodes {
            if let Node::Number { feature, threshold, .. } | Node::Rate { feature, threshold, .. } = *node {
                features[feature as usize].thresholds.push(threshold);
            }
        }
        features.iter_mut().for_each(Feature::sort);
        let mut batch = Self { model, features, columns: 0, trees: Vec::with_capacity(model.roots.len()) };
        for &root in &model.roots {
            let mut splits = Vec::new();
            let mut leaves = Vec::new();
            let tree = match batch.lay_out(root as usize, &mut splits, &mut leaves) {
                Some(()) => Tree::Low { splits, leaves },
                None => Tree::Tall { root },
            };
            batch.trees.push(tree);
        }
        batch
    }

    /// The prediction of each row into `out`: to the bit what [`Predict::predict`](crate::predict::Predict::predict)
    /// says of it. `rows` holds `width` numbers a row.
    ///
    /// # Panics
    /// If `rows` is not `out.len()` rows of `width` numbers, or `width` is not the number of features.
    pub fn predict_rows(&self, rows: &[f64], width: usize, out: &mut [f64]) {
        assert_eq!(width, self.features.len(), "numbers a row, features of the model");
        assert_eq!(rows.len(), width * out.len(), "numbers, numbers of all rows");
        let mut cells = vec![[0; BLOCK]; self.columns];
        let mut sets = vec![[0; BLOCK]; MOST_LEAVES / 8];
        for (block, out) in out.chunks_mut(BLOCK).enumerate() {
            let first = block * BLOCK * width;
            let rows = &rows[first..first + out.len() * width];
            self.fill(rows, &mut cells);
            let mut sums = [0.0; BLOCK];
            for tree in &self.trees {
                match tree {
                    Tree::Low { splits, leaves } => add_low(splits, leaves, &cells, &mut sets, &mut sums),
                    Tree::Tall { root } => {
                        for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(width)) {
                            *sum += self.model.value_from(*root, row);
                        }
                    }
                }
            }
            for (out, sum) in out.iter_mut().zip(&sums) {
                *out = self.model.base + sum;
            }
        }
    }

    /// Numbers the leaves of a tree from left to right; `None` if there are too many.
    fn lay_out(&mut self, root: usize, splits: &mut Vec<Split>, leaves: &mut Vec<f64>) -> Option<()> {
        // Places to come; before the one on the right of a split comes the end of the left.
        let mut to_come = vec![(root, None)];
        while let Some((place, split_on_left)) = to_come.pop() {
            if let Some((split, from)) = split_on_left {
                splits[split] = on_left(splits[split], from, leaves.len());
            }
            let node = &self.model.nodes[place];
            let Some(right) = node.right() else {
                if leaves.len() == MOST_LEAVES {
                    return None;
                }
                if let Node::Leaf { value } = *node {
                    leaves.push(value);
                }
                continue;
            };
            let (column, most) = self.column(node);
            to_come.push((right as usize, Some((splits.len(), leaves.len()))));
            to_come.push((place + 1, None));
            splits.push(Split { column: column as u32, most, first: 0, last: 0, keep_first: 0, keep_last: 0 });
        }
        Some(())
    }

    /// The column that a split looks at, and the most that goes left.
    fn column(&mut self, node: &Node) -> (usize, u8) {
        let (feature, unknown_left, test, most) = match *node {
            Node::Leaf { .. } => unreachable!("a leaf looks at no column"),
            Node::Levels { feature, unknown_left, set, .. } => (feature, unknown_left, Test::Set(set), 0),
            Node::Number { feature, unknown_left, threshold, .. }
            | Node::Rate { feature, unknown_left, threshold, .. } => {
                let rank = self.features[feature as usize].thresholds.partition_point(|&other| other < threshold);
                let first = rank / MOST_RANKS * MOST_RANKS;
                (feature, unknown_left, Test::Rank { first }, (rank - first) as u8)
            }
        };
        let columns = &mut self.features[feature as usize].columns;
        let known = columns.iter().find(|column| (column.unknown_left, column.test) == (unknown_left, test));
        let place = known.map_or(self.columns, |column| column.place);
        if place == self.columns {
            columns.push(Column { place, unknown_left, test });
            self.columns += 1;
        }
        (place, most)
    }

    /// Fills the columns from at most [`BLOCK`] rows; what stands behind the last row is never read.
    fn fill(&self, rows: &[f64], cells: &mut [Bytes]) {
        let width = self.features.len();
        for (index, (feature, input)) in self.features.iter().zip(&self.model.inputs).enumerate() {
            if feature.columns.is_empty() {
                continue;
            }
            let mut values = [0.0; BLOCK];
            for (value, row) in values.iter_mut().zip(rows.chunks_exact(width)) {
                *value = row[index];
            }
            match input {
                Input::Levels => feature.fill_sets(&values, cells),
                Input::Number => feature.fill_ranks(&values, cells),
                Input::Rates { .. } => feature.fill_ranks(&values.map(|value| input.rate(value)), cells),
            }
        }
    }
}

impl Feature {
    fn sort(&mut self) {
        self.thresholds.sort_by(f64::total_cmp);
        self.thresholds.dedup();
        self.padded.clone_from(&self.thresholds);
        self.padded.resize((self.thresholds.len() + 1).next_power_of_two() - 1, f64::INFINITY);
    }

    fn fill_ranks(&self, values: &[f64; BLOCK], cells: &mut [Bytes]) {
        let mut ranks = [0; BLOCK];
        let mut step = self.padded.len().div_ceil(2);
        while step > 0 {
            for (rank, value) in ranks.iter_mut().zip(values) {
                *rank += select_unpredictable(self.padded[*rank + step - 1] < *value, step, 0);
            }
            step /= 2;
        }
        for column in &self.columns {
            if let Test::Rank { first } = column.test {
                let unknown = if column.unknown_left { 0 } else { MOST_RANKS };
                cells[column.place] = std::array::from_fn(|row| {
                    let rank = if values[row].is_nan() { unknown } else { ranks[row].saturating_sub(first) };
                    rank.min(MOST_RANKS) as u8
                });
            }
        }
    }

    fn fill_sets(&self, values: &[f64; BLOCK], cells: &mut [Bytes]) {
        let levels = values.map(|value| (value as u64).min(63));
        for column in &self.columns {
            if let Test::Set(set) = column.test {
                let unknown = u8::from(!column.unknown_left);
                cells[column.place] =
                    std::array::from_fn(
                        |row| {
                            if values[row].is_nan() { unknown } else { (!set >> levels[row] & 1) as u8 }
                        },
                    );
            }
        }
    }
}

/// The split with the leaves on its left, which are those from one to before another.
fn on_left(split: Split, from: usize, to: usize) -> Split {
    let last = to - 1;
    Split {
        first: (from / 8) as u8,
        last: (last / 8) as u8,
        keep_first: !(0xff << (from % 8)),
        keep_last: !(0xff >> (7 - last % 8)),
        ..split
    }
}

/// Adds to each row's sum the value of its leaf.
fn add_low(splits: &[Split], leaves: &[f64], cells: &[Bytes], sets: &mut [Bytes], sums: &mut [f64; BLOCK]) {
    let sets = &mut sets[..leaves.len().div_ceil(8)];
    sets.fill([0xff; BLOCK]);
    for &Split { column, most, first, last, keep_first, keep_last } in splits {
        let column = &cells[column as usize];
        let goes_left: Bytes = std::array::from_fn(|row| if column[row] <= most { 0xff } else { 0 });
        for (place, set) in (first..=last).zip(&mut sets[first as usize..=last as usize]) {
            let keep = if place == first { keep_first } else { 0 } | if place == last { keep_last } else { 0 };
            for row in 0..BLOCK {
                set[row] &= goes_left[row] | keep;
            }
        }
    }
    let leaf = first_leaves(sets);
    for row in 0..BLOCK {
        sums[row] += leaves[leaf[row] as usize];
    }
}

/// The first leaf in each row's set.
fn first_leaves(sets: &[Bytes]) -> Bytes {
    let (mut bits, mut before) = ([0; BLOCK], [0; BLOCK]);
    for (place, set) in sets.iter().enumerate().rev() {
        let place = 8 * place as u8;
        for row in 0..BLOCK {
            let empty = if set[row] == 0 { 0xff } else { 0 };
            bits[row] = bits[row] & empty | set[row];
            before[row] = before[row] & empty | place & !empty;
        }
    }
    std::array::from_fn(|row| before[row] + bits[row].trailing_zeros() as u8)
}

#[cfg(test)]
mod tests;
